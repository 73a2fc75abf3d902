"""The page loop on a real workspace: empty, begun, a week lived, and begun again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlops_core import registry
from mlops_core.loop import Loop
from mlops_core.params import set_params
from mlops_core.project import Home, template_of
from mlops_core.workspace import Workspace
from tests.conftest import Factory
from tests.pages.helpers import open_page
from tutor.progress import Progress

FIRST = "loop.one.2013-04-01"


def numbers(at: Any) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def settled(ws: Workspace, trigger: str = "money") -> Workspace:
    chosen = {"trigger": trigger, "cooldown_days": 28, "holdout_days": 28}
    Progress(ws.progress_db).note("loop.policy", json.dumps(chosen))
    return ws


def test_without_a_champion_one_button_makes_one(workspace: Workspace) -> None:
    at = open_page("loop", workspace.root)
    assert not at.exception
    assert [button.key for button in at.button if button.key.startswith("loop.begin")] == ["loop.begin.0"]
    assert not at.metric


@pytest.mark.slow
def test_begin_trains_judges_and_promotes(workspace: Workspace) -> None:
    at = open_page("loop", workspace.root)
    at.button(key="loop.begin.0").click().run()
    assert not at.exception
    assert not at.error
    champion = registry.champion(workspace)
    if champion is None:  # the latency gate on a machine that is busy: the page says so, and can try again
        assert any("kept the first model out" in markdown.value for markdown in at.markdown)
    else:
        assert at.button(key=FIRST).disabled


def test_deciding_comes_first(trained_factory: Factory) -> None:
    ws = trained_factory()
    at = open_page("loop", ws.root)
    assert at.button(key=FIRST).disabled
    at.radio(key="loop.trigger").set_value("money").run()
    assert not at.button(key=FIRST).disabled
    assert json.loads(Progress(ws.progress_db).note("loop.policy") or "")["trigger"] == "money"


def test_a_week_is_lived_once_and_counted(trained_factory: Factory, home: Home) -> None:
    ws = settled(trained_factory())
    at = open_page("loop", ws.root)
    at.button(key=FIRST).click().run()
    assert not at.exception
    year = home.year(template_of(ws))
    rows = int(year["date"].between("2013-04-01", "2013-04-07").sum())
    assert numbers(at)["Flights this week"] == f"{rows:,}"
    assert FIRST not in [button.key for button in at.button]  # a second click on it finds nothing
    assert len(Loop(ws, year).story().weeks) == 1
    again = open_page("loop", ws.root)
    assert numbers(again) == numbers(at)


def test_dearer_misses_move_the_number(trained_factory: Factory) -> None:
    shown = []
    for miss in (3.0, 6.0):
        ws = settled(trained_factory())
        set_params(ws.params, {"costs.miss": miss})
        at = open_page("loop", ws.root)
        at.button(key=FIRST).click().run()
        shown.append(float(numbers(at)["Realised cost"]))
    assert shown[1] > shown[0]


def test_a_year_begins_again_after_a_second_thought(trained_factory: Factory, home: Home) -> None:
    ws = settled(trained_factory())
    at = open_page("loop", ws.root)
    at.button(key="loop.reset_year").click().run()
    at.button(key="loop.reset_no").click().run()
    assert registry.champion(ws) is not None
    at.button(key="loop.reset_year").click().run()
    at.button(key="loop.reset_yes").click().run()
    assert not at.exception
    assert not at.error
    assert registry.champion(ws) is None
    assert "loop.begin.0" in [button.key for button in at.button]
    assert Progress(ws.progress_db).note("loop.policy")
