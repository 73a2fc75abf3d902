"""Experiments: empty and full, launching, and a number that moves with the data."""

from __future__ import annotations

from collections.abc import Callable

from mlops_core import registry, tracking
from mlops_core.ledger import Ledger
from mlops_core.params import set_params
from mlops_core.workspace import Workspace
from tests.pages.helpers import open_page
from tutor.lesson.experiments import FAIR
from tutor.progress import Progress

Factory = Callable[[], Workspace]


def words(at) -> str:
    return "\n".join(block.value for block in at.markdown)


def test_an_empty_workspace_offers_the_pipeline(workspace: Workspace) -> None:
    at = open_page("experiments", workspace.root)
    assert not at.exception
    at.button(key="experiments.first.make").click().run()
    assert not at.exception
    assert [record.experiment for record in tracking.trials(workspace)] == ["pipeline"]
    assert "One run is logged" in words(at)


def test_runs_are_launched_once_compared_made_again_and_named(trained_factory: Factory) -> None:
    workspace = trained_factory()
    at = open_page("experiments", workspace.root)
    assert not at.exception
    at.multiselect(key="experiments.kinds").set_value(["boosting", "dummy"])
    at.slider(key="experiments.seeds").set_value(2).run()
    at.button(key="experiments.run").click().run()
    assert not at.exception
    logged = tracking.trials(workspace)
    assert sorted(str(record.params["kind"]) for record in logged) == ["boosting", "boosting", "dummy", "dummy"]
    at.button(key="experiments.run").click().run()
    assert len(tracking.trials(workspace)) == 4  # the same request twice is one sweep

    cheap = min(logged, key=lambda record: record.metrics["cost_per_row"])
    dummy = next(record for record in logged if record.params["kind"] == "dummy")
    at.selectbox(key="experiments.a").set_value(dummy.run_id)
    at.selectbox(key="experiments.b").set_value(cheap.run_id).run()
    assert f"{cheap.metrics['cost_per_row']:.4f}" in words(at)
    at.button(key="experiments.word.b").click().run()
    assert not at.exception
    assert Ledger(workspace).events("decision")[-1].detail["said"] == "b"
    assert "Your word agrees with the interval" in words(at)
    at.selectbox(key="experiments.chosen").set_value(cheap.run_id).run()
    at.button(key="experiments.reproduce").click().run()
    assert Ledger(workspace).events("reproduced")[-1].detail["same"] is True
    at.button(key="experiments.nominate").click().run()
    holder = registry.challenger(workspace)
    assert holder is not None
    assert holder.run_id == cheap.run_id
    assert Progress(workspace.progress_db).mission(FAIR).solved is False


def test_a_number_moves_when_the_prices_move(trained_factory: Factory) -> None:
    workspace = trained_factory()
    at = open_page("experiments", workspace.root)
    at.multiselect(key="experiments.kinds").set_value(["boosting"]).run()
    at.button(key="experiments.run").click().run()
    before = [line for line in words(at).splitlines() if line.startswith("A costs")]
    set_params(workspace.params, {"costs.miss": 6.0})
    at = open_page("experiments", workspace.root)
    after = [line for line in words(at).splitlines() if line.startswith("A costs")]
    assert before
    assert after
    assert before != after


def test_too_many_runs_are_refused_before_they_start(trained_factory: Factory) -> None:
    at = open_page("experiments", trained_factory().root)
    at.multiselect(key="experiments.max_iter").set_value([30, 60, 120, 200])
    at.slider(key="experiments.seeds").set_value(5).run()
    assert at.button(key="experiments.run").disabled
    assert "Choose between 1 and 12" in words(at)
