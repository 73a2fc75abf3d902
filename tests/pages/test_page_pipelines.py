"""The pipelines page: the run, the plan, a broken promise and its cure, the probe."""

from __future__ import annotations

import json

import pytest

from mlops_core import params, pipeline, versions
from tests.pages.helpers import open_page
from tutor.lesson import pipelines as lesson
from tutor.progress import Progress

FEW = {"model.rows": 2000, "model.max_iter": 20}


@pytest.fixture
def few(workspace):
    """A workspace whose own parameters are small, with the prediction committed."""
    params.set_params(workspace.params, FEW)
    Progress(workspace.progress_db).commit(lesson.WHICH, "all", sure=True)
    return workspace


def steps(at) -> dict[str, dict]:
    for one in at.get("bidi_component"):
        data = json.loads(one.proto.json)
        if "steps" in data:
            return {step["name"]: step for step in data["steps"]}
    return {}


def states(at) -> list[str]:
    return [step["state"] for step in steps(at).values()]


def numbers(at) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def test_before_the_first_run_the_page_says_what_is_missing(workspace) -> None:
    at = open_page("pipelines", workspace.root)
    assert not at.exception
    assert not at.error
    assert states(at) == ["todo"] * 6
    assert [toggle.key for toggle in at.toggle] == []  # changes wait for the prediction
    assert any("has not run in your workspace" in one.value for one in at.markdown)


def test_the_run_button_runs_it(few) -> None:
    at = open_page("pipelines", few.root)
    at.button(key="pipelines.run").click().run()
    assert not at.exception
    assert states(at) == ["ran"] * 6
    run = pipeline.last_run(few)
    assert run is not None
    metrics = pipeline.read_output(few, "evaluate")["metrics"]
    assert numbers(at)["AUC"] == f"{metrics['auc']:.3f}"
    at.button(key="pipelines.run").click().run()
    assert states(at) == ["reused"] * 6


def test_a_control_writes_params_and_the_plan_says_why(few) -> None:
    pipeline.run(few)
    at = open_page("pipelines", few.root)
    at.toggle(key="pipelines.comment").set_value(True).run()
    assert lesson.COMMENT in (few.steps / "features.py").read_text()
    assert all(step["plan"] == "" for step in steps(at).values())
    at.slider(key="pipelines.leaves").set_value(31).run()
    assert params.read_params(few.params)["model"]["max_leaf_nodes"] == 31
    planned = {name for name, step in steps(at).items() if step["plan"]}
    assert planned == {"train", "evaluate"}
    assert "max_leaf_nodes changed from 15 to 31" in steps(at)["train"]["plan"]


def test_the_wind_stops_the_run_and_v5_mends_it(few) -> None:
    at = open_page("pipelines", few.root)
    at.selectbox(key="pipelines.data").set_value("v4").run()
    at.button(key="pipelines.run").click().run()
    assert states(at) == ["ran", "failed", "skipped", "skipped", "skipped", "skipped"]
    assert any("1048.36" in one.value for one in at.error)
    at.button(key="pipelines.mend").click().run()
    assert versions.current(few).name == "v5"
    assert set(states(at)) <= {"ran", "reused"}


def test_the_numbers_move_when_the_data_changes(few) -> None:
    pipeline.run(few)
    before = numbers(open_page("pipelines", few.root))
    frame = versions.read(few, "v5")
    late = frame["date"] >= "2013-03-01"
    frame["disrupted"] = frame["disrupted"].where(~late, 1)
    frame.loc[frame.index[-200:], "disrupted"] = 0
    versions.commit(few, frame, name="all-late", message="Every flight of March is disrupted", lesson_date="2013-04-10")
    pipeline.run(few).raise_if_failed()
    after = numbers(open_page("pipelines", few.root))
    assert float(after["Disrupted"].rstrip("%")) > 90 > float(before["Disrupted"].rstrip("%"))
    assert after["Cost per flight"] != before["Cost per flight"]


def test_the_leak_is_called_by_its_name(few) -> None:
    pipeline.run(few)
    at = open_page("pipelines", few.root)
    at.toggle(key="pipelines.leak").set_value(True).run()
    at.button(key="pipelines.run").click().run()
    assert float(numbers(at)["AUC"]) > 0.9
    assert any("too good to be true" in one.value for one in at.warning)
    at.button(key="pipelines.undo").click().run()
    assert params.read_params(few.params)["features"]["extra"] == []


def test_the_probe_is_thrown_judged_and_kept(few) -> None:
    at = open_page("pipelines", few.root)
    at.button(key="pipelines.throw").click().run()
    assert any("still something out of nothing" in one.value for one in at.markdown)
    at.radio(key="pipelines.selector").set_value("inside")
    at.radio(key="pipelines.probe_split").set_value("days")
    at.button(key="pipelines.throw").click().run()
    assert not at.exception
    assert any("as it should be" in one.value for one in at.markdown)
    again = open_page("pipelines", few.root)  # a new session: reload
    assert again.radio(key="pipelines.selector").value == "inside"
    assert any("as it should be" in one.value for one in again.markdown)


def test_two_runs_at_once_are_one_sentence(few) -> None:
    at = open_page("pipelines", few.root)
    with few.lock():
        at.button(key="pipelines.run").click().run()
    assert not at.exception
    assert any("Another run is in progress" in one.value for one in at.error)
