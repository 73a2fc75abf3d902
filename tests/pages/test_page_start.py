"""The first page: a question before any outcome, then money, map and fifty models; its numbers follow the story."""

from __future__ import annotations

import json
from dataclasses import replace
from unittest.mock import patch

import pytest

from mlops_core import pipeline
from mlops_core.project import Home
from pages.kit import desk as kept
from tests.pages.helpers import open_page
from tutor import desk

CODE = "predict.desk_all_right"


@pytest.fixture(scope="module")
def story(home: Home) -> tuple[desk.Morning, desk.Money]:
    return desk.morning(home), desk.money(home)


@pytest.fixture(autouse=True)
def _told(story) -> None:
    """The story is computed once for all tests here."""


def commit(at, option: str = "yes"):
    at.radio(key=f"{CODE}.choice").set_value(option)
    return at.button(key=f"{CODE}.sure").click().run()


def practices(at) -> dict[str, bool]:
    for one in at.get("bidi_component"):
        data = json.loads(one.proto.json)
        if "rows" in data:
            return {cell["code"]: cell["lit"] for row in data["rows"] for cell in row["cells"]}
    return {}


def numbers(at) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def test_nothing_of_the_outcome_shows_before_the_commitment(workspace) -> None:
    at = open_page("start", workspace.root)
    assert not at.exception
    assert not at.error
    assert len(at.get("plotly_chart")) == 1
    assert [radio.key for radio in at.radio] == [f"{CODE}.choice"]
    assert numbers(at)["Drifted columns"] == "4 of 18"
    assert "Cost per flight" not in numbers(at)
    assert practices(at) == {}


def test_the_money_the_map_and_the_questions_follow(workspace, story) -> None:
    at = commit(open_page("start", workspace.root))
    money = story[1]
    assert not at.exception
    assert not at.error
    assert numbers(at)["Cost per flight"] == f"{money.week.cost:.2f}"
    assert numbers(at)["The week cost more by"] == f"{money.extra:,.0f}"
    lit = {code for code, on in practices(at).items() if on}
    assert lit == {"versioning.code", "versioning.data", "versioning.environment"}
    assert len(at.radio) == 3


def test_the_number_moves_when_the_outcomes_change(workspace, story) -> None:
    money = story[1]
    weeks = tuple(replace(week, cost=0.51) if week.start == desk.MORNING else week for week in money.weeks)
    with patch.object(kept, "money", lambda: replace(money, weeks=weeks)):
        at = commit(open_page("start", workspace.root))
    assert numbers(at)["Cost per flight"] == "0.51"
    assert any("The desk is all right" in one.value for one in at.markdown)


def test_the_map_lights_with_the_work(workspace) -> None:
    pipeline.run(workspace, overrides={"model.rows": 2000, "model.max_iter": 5}).raise_if_failed()
    at = commit(open_page("start", workspace.root))
    assert practices(at)["automation.validate"]
    assert practices(at)["automation.train"]
    assert not practices(at)["automation.deploy"]


def test_a_waiting_question_is_answered_after_its_page(workspace) -> None:
    at = commit(open_page("start", workspace.root))
    at.radio(key="predict.drifted_week.choice").set_value("above")
    at.button(key="predict.drifted_week.guess").click().run()
    assert any("The answer waits on the page" in one.value for one in at.markdown)
    assert not any("columns had drifted" in one.value for one in at.markdown)
    at.switch_page("monitoring.py").run()
    at.switch_page("start.py").run()
    assert any("columns had drifted" in one.value for one in at.markdown)


def test_fifty_models_run_and_the_failures_are_named(workspace, story) -> None:
    from tutor.lesson import start as lesson

    desks = ("EWR-UA", "LGA-OO")
    small = {name: {**one, "model.max_iter": 5} for name, one in lesson.lanes(desks).items()}
    with (
        patch.object(lesson, "lanes", lambda _desks: small),
        patch.object(kept, "morning", lambda: replace(story[0], desks=desks)),
    ):
        at = commit(open_page("start", workspace.root))
        at.button(key="start.fifty").click().run()
    assert not at.exception
    assert any("1 of 2 desks have a model, 1 failed" in one.value for one in at.markdown)
    assert any("LGA" in one.value and "split" in one.value for one in at.markdown)
