"""Delivery: empty and full, the gates, a policy that moves, promotion and the way back, an answer that follows the flight."""

from __future__ import annotations

from collections.abc import Callable

from mlops_core import gates, pipeline, registry, trials
from mlops_core.ledger import Ledger
from mlops_core.params import set_params
from mlops_core.workspace import Workspace
from tests.pages.helpers import open_page

Factory = Callable[[], Workspace]


def words(at) -> str:
    return "\n".join(block.value for block in at.markdown)


def metric(at, label: str) -> str:
    return next(str(one.value) for one in at.metric if one.label == label)


def test_from_nothing_to_a_champion(workspace: Workspace) -> None:
    at = open_page("delivery", workspace.root)
    assert not at.exception
    at.button(key="delivery.first.make").click().run()
    at.button(key="delivery.judge").click().run()
    assert not at.exception
    assert Ledger(workspace).events("gate")[-1].detail["policy"] == gates.load_policy(workspace.gates).digest
    assert registry.champion(workspace) is None
    at.button(key="delivery.promote").click().run()
    assert not at.exception
    champion = registry.champion(workspace)
    assert champion is not None
    assert f"**Version {champion.version}**" in words(at)


def test_a_decision_does_not_outlive_its_policy(workspace: Workspace) -> None:
    at = open_page("delivery", workspace.root)
    at.button(key="delivery.first.make").click().run()
    at.button(key="delivery.judge").click().run()
    assert not at.warning
    at.number_input(key="delivery.policy.absolute floor.at_least").set_value(0.9)
    at.button(key="delivery.write").click().run()
    assert "The policy has changed" in at.warning[0].value
    assert not [button for button in at.button if button.key == "delivery.promote"]
    at.button(key="delivery.judge").click().run()
    assert "The champion stays" in words(at)


def test_a_champion_that_changed_meanwhile_is_a_sentence(trained_factory: Factory) -> None:
    workspace = trained_factory()
    better = trials.sweep(workspace, {"model.kind": ["logistic"]}, seeds=2)
    gates.set_setting(workspace.gates, "no airport worse", "margin", 0.9)
    text = workspace.gates.read_text().replace("kind: superiority", "kind: not_worse\n    margin: 0.5")
    workspace.gates.write_text(text)
    at = open_page("delivery", workspace.root)
    at.selectbox(key="delivery.run").set_value(better[0].run_id).run()
    at.button(key="delivery.judge").click().run()
    other = open_page("delivery", workspace.root)
    other.selectbox(key="delivery.run").set_value(better[1].run_id).run()
    other.button(key="delivery.judge").click().run()
    other.button(key="delivery.promote").click().run()
    served = registry.champion(workspace)
    at.button(key="delivery.promote").click().run()
    assert "has changed since these gates ran" in at.error[0].value
    assert registry.champion(workspace) == served
    other.button(key="delivery.rollback").click().run()
    back = registry.champion(workspace)
    assert back is not None
    assert served is not None
    assert back.version < served.version


def test_the_answer_follows_the_flight_and_a_bad_row_names_its_column(trained_factory: Factory) -> None:
    at = open_page("delivery", trained_factory().root)
    calm = metric(at, "Probability of a disruption")
    at.number_input(key="delivery.flight.hour").set_value(21)
    at.number_input(key="delivery.flight.precip").set_value(1.0).run()
    assert metric(at, "Probability of a disruption") != calm
    assert any('"column": "temperature"' in code.value for code in at.code)
    at.number_input(key="delivery.flight.hour").set_value(99).run()
    assert "'hour'" in at.error[0].value


def test_a_number_moves_when_the_data_move(trained_factory: Factory) -> None:
    workspace = trained_factory()
    before = metric(open_page("delivery", workspace.root), "Probability of a disruption")
    set_params(workspace.params, {"model.rows": 3000})
    pipeline.run(workspace)
    at = open_page("delivery", workspace.root)
    assert metric(at, "Probability of a disruption") == before  # the champion answers, not the last run
    at.number_input(key="delivery.flight.temp").set_value(20.0).run()
    assert metric(at, "Probability of a disruption") != before


def test_an_export_writes_what_it_shows(trained_factory: Factory) -> None:
    workspace = trained_factory()
    at = open_page("delivery", workspace.root)
    at.button(key="delivery.export.github").click().run()
    assert not at.exception
    assert "mlops_core gate" in (workspace.root / ".github/workflows/ci.yml").read_text()
