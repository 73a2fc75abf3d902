"""Pipelines: the key is what really ran; the probe tells the truth only when both faults are gone."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

import pytest

from mlops_core import pipeline, versions
from mlops_core.digest import digest_source
from mlops_core.errors import BadParameter
from mlops_core.params import set_params
from tutor.lesson import pipelines as lesson
from tutor.lesson.pipelines import PROBE, WHICH, Result
from tutor.simulation.noise import Probe, Settings, probe


@pytest.fixture(scope="module")
def found() -> dict[tuple[str, str], Probe]:
    return {
        (selector, split): probe(Settings(selector, split))
        for selector in ("before", "inside")
        for split in ("rows", "days")
    }


def test_the_reference_passes(found) -> None:
    outcome = PROBE.attempt(found["inside", "days"])
    assert (outcome.kind, outcome.code) == ("right", "right")


@pytest.mark.parametrize(
    ("selector", "split", "code"),
    [("before", "rows", "before"), ("before", "days", "before"), ("inside", "rows", "rows")],
)
def test_each_fault_makes_something_out_of_nothing(found, selector: str, split: str, code: str) -> None:
    result = found[selector, split]
    assert result.low > 0.55
    outcome = PROBE.attempt(result)
    assert (outcome.kind, outcome.code) == ("wrong", code)


@pytest.mark.parametrize("selector", ["before", "inside"])
def test_too_few_throws_say_nothing(selector: str) -> None:
    few = Probe(Settings(selector, "days", flips=3), (0.4, 0.5, 0.7), 0.53, 0.2, 0.9)
    assert PROBE.attempt(few).code == "wide"
    assert PROBE.attempt(probe(Settings("inside", "days", flips=3))).code == "wide"


@pytest.mark.parametrize("folds", [3, 10])
def test_more_folds_cure_nothing(folds: int) -> None:
    assert PROBE.attempt(probe(Settings("before", "days", folds=folds))).code == "before"
    assert PROBE.attempt(probe(Settings("inside", "rows", folds=folds))).code == "rows"


def test_bad_luck_is_not_called_a_fault(found) -> None:
    unlucky = replace(found["inside", "days"], low=0.51, high=0.6, mean=0.55)
    assert PROBE.attempt(unlucky).code == "unlucky"


def test_luck_does_not_make_a_fault_right(found) -> None:
    lucky = replace(found["inside", "days"], settings=Settings("before", "days"))
    assert PROBE.attempt(lucky).code == "before"


def test_nothing_tried_and_nonsense_stay_apart() -> None:
    assert PROBE.attempt(None).kind == "not_attempted"
    assert PROBE.attempt(7).kind == "crashed"


def test_the_interval_keeps_its_promise() -> None:
    honest = [probe(Settings("inside", "days", folds=3, flips=6, seed=seed)).honest for seed in range(24)]
    assert sum(honest) >= 19  # 95 % of 24 is 23; 18 or fewer less than once in a thousand


@pytest.mark.parametrize("settings", [{"selector": "never"}, {"split": "x"}, {"folds": 1}, {"flips": 1}])
def test_settings_outside_are_refused(settings: dict) -> None:
    with pytest.raises(BadParameter):
        Settings(**settings)


# -- what runs again -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "right"),
    [
        (("ingest", "train"), "all"),
        (("features", "split", "train", "evaluate"), "from_comment"),
        (("train", "evaluate"), "two"),
        ((), "none"),
    ],
)
def test_the_key_follows_what_ran(changed: tuple[str, ...], right: str) -> None:
    assert WHICH.reveal(changed).option == right


def test_the_scenario_really_runs(workspace_factory) -> None:
    workspace = workspace_factory()
    assert lesson.after_comment_and_leaves(workspace) == ("train", "evaluate")
    assert lesson.touch(workspace) == ()
    assert pipeline.last_run(workspace) is None  # the learner's own workspace is left alone


def test_the_scenario_moves_when_the_comment_is_code(workspace_factory) -> None:
    with patch.object(lesson, "COMMENT", "    assert True\n"):
        changed = lesson.after_comment_and_leaves(workspace_factory())
    assert changed == ("features", "train", "evaluate")  # split is reused: features gave the same rows
    assert WHICH.reveal(changed).option == "from_comment"


def test_the_comment_goes_in_once_and_out_again(workspace_factory) -> None:
    workspace = workspace_factory()
    path = workspace.steps / "features.py"
    before = path.read_text()
    lesson.set_comment(workspace, True)
    once = path.read_text()
    lesson.set_comment(workspace, True)
    assert path.read_text() == once != before
    assert digest_source(once) == digest_source(before)
    lesson.set_comment(workspace, False)
    assert path.read_text() == before


def test_the_wind_stops_v4_and_v5_cures_it(workspace_factory) -> None:
    workspace = workspace_factory()
    versions.checkout(workspace, "v4")
    run = pipeline.run(workspace)
    assert run.failed is not None
    assert run.failed.step == "validate"
    assert lesson.cure(workspace) == "v5"
    versions.checkout(workspace, "v6")
    assert lesson.cure(workspace) is None


def test_the_result_is_the_pipelines_own(trained_factory) -> None:
    workspace = trained_factory()
    run = pipeline.last_run(workspace)
    assert run is not None
    result = Result.of(workspace, run)
    assert result.cost.mean == pytest.approx(result.metrics["cost_per_row"])
    assert result.cost.days == 31
    assert result.cost.low < result.cost.mean < result.cost.high
    assert set(result.airports) == {"EWR", "JFK", "LGA"}


def test_restore_brings_the_course_back(workspace_factory) -> None:
    from mlops_core.project import template_of

    workspace = workspace_factory()
    set_params(workspace.params, {"seed": 99})
    lesson.set_comment(workspace, True)
    versions.checkout(workspace, "v6")
    lesson.restore(workspace, template_of(workspace))
    assert versions.current(workspace).name == "v5"
    assert workspace.git("diff", "--stat", "--", "params.yaml", "steps") == ""
