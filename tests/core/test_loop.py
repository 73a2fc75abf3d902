"""The whole life cycle on the real spring of 2013: what must happen, and that it happens the same way everywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlops_core import pipeline, project, registry, release, versions
from mlops_core.errors import BadInput, BadParameter
from mlops_core.loop import Loop, LoopResult, RetrainPolicy
from mlops_core.project import Home
from mlops_core.reference import champion_baseline
from mlops_core.workspace import Workspace
from tests.conftest import Factory


def _year(home: Home) -> pd.DataFrame:
    return home.year(project.template("flights"))


def _told(entries: list[dict[str, Any]], until: str) -> list[Any]:
    """What is said up to a day, without run ids: comparable between two workspaces."""
    kept = [e for e in entries if e["date"] <= until]
    return [[e["date"], e["code"], {k: v for k, v in e["values"].items() if k != "run_id"}] for e in kept]


@pytest.fixture(scope="module")
def story(home: Home, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, LoopResult]:
    """The loop from nothing to the week after the furlough, in this process."""
    ws = project.create(tmp_path_factory.mktemp("loop") / "ws", home=home)
    return ws, Loop(ws, _year(home)).run("2013-05-05", seed=13)


def test_the_spring_from_the_command_line_is_the_same_story(
    story: tuple[Workspace, LoopResult], tmp_path: Path
) -> None:
    environment = {**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Kolkata"}
    command = [sys.executable, "-m", "mlops_core", "loop", "--json", "--workspace", str(tmp_path / "there")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)["result"]
    assert result["weeks"] == 13
    assert result["entries"][-1]["date"] == "2013-06-30"
    here = json.loads(json.dumps(story[1].to_dict()["entries"]))
    assert _told(result["entries"], "2013-05-05") == _told(here, "2013-05-05")


def test_what_must_happen_happens(story: tuple[Workspace, LoopResult]) -> None:
    ws, told = story
    codes = [entry.code for entry in told.entries]
    for code in (
        "loop.data",
        "loop.run",
        "loop.gates",
        "loop.champion",
        "alarm.realised",
        "loop.decide",
        "loop.version",
    ):
        assert code in codes, code
    assert codes.index("loop.gates") < codes.index("loop.champion")
    assert [entry.date for entry in told.weeks] == [
        "2013-04-07",
        "2013-04-14",
        "2013-04-21",
        "2013-04-28",
        "2013-05-05",
    ]
    assert versions.log(ws)[-1].name == "live-2013-04-28"
    assert ws.git("status", "--porcelain").strip() == ""


def test_the_furlough_week_hurts_and_the_board_is_no_redder(story: tuple[Workspace, LoopResult]) -> None:
    weeks = story[1].weeks
    furlough, before = weeks[3], weeks[:3]
    cost = [week.values["realised"]["cost_per_row"] for week in weeks]
    assert furlough.date == "2013-04-28"
    assert cost[3] > 1.3 * max(cost[:3])
    assert len(furlough.values["drifted"]) <= max(len(week.values["drifted"]) for week in before)
    decision = story[1].of("loop.decide")[0]
    assert (decision.date, decision.values["action"]) == ("2013-04-28", "retrain")
    assert "no redder" in decision.text


def test_the_new_version_holds_only_what_was_known(story: tuple[Workspace, LoopResult]) -> None:
    frame = versions.read(story[0], "live-2013-04-28")
    assert frame["date"].max() == pd.Timestamp("2013-04-28")
    assert frame["known_utc"].max() <= pd.Timestamp("2013-04-29 12:00")
    assert "recent_delay" in frame


def test_every_number_moves_with_the_data(trained_factory: Factory, home: Home) -> None:
    year = _year(home)
    quiet = year.assign(disrupted=year["disrupted"].where(year["date"] < "2013-04-01", 0))
    week = Loop(trained_factory(), quiet).advance()
    real = Loop(trained_factory(), year).advance()
    assert week.values["realised"]["rate"] == 0
    assert real.values["realised"]["rate"] > 0.1
    assert week.values["drifted"] == real.values["drifted"]


def test_the_loop_goes_on_where_it_stopped(trained_factory: Factory, home: Home) -> None:
    ws, year = trained_factory(), _year(home)
    first = Loop(ws, year).advance()
    second = Loop(Workspace(ws.root), year).advance()
    assert (first.date, second.date) == ("2013-04-07", "2013-04-14")
    assert Loop(ws, year).begin().digest == Loop(ws, year).story().digest


def test_weeks_are_judged_with_what_was_known_then(trained_factory: Factory, home: Home) -> None:
    from mlops_core.monitor import MonitorPolicy

    ws, year = trained_factory(), _year(home)
    late = Loop(ws, year, policy=MonitorPolicy(settlement_days=21))
    window = late.read_board(champion_baseline(ws), pd.Timestamp("2013-04-22"))
    assert window.known == 0
    assert [alarm.kind for alarm in window.alarms] == ["score"]
    later = late.read_board(champion_baseline(ws), pd.Timestamp("2013-05-13"))
    assert [(a.kind, f"{a.start:%m-%d}") for a in later.alarms if a.kind == "realised"] == [("realised", "04-22")]


def test_before_the_beginning_and_after_the_end(
    trained_factory: Factory, workspace_factory: Factory, home: Home
) -> None:
    year = _year(home)
    with pytest.raises(BadInput, match="no champion to watch"):
        Loop(workspace_factory(), year).advance()
    short = Loop(trained_factory(), year[year["date"] <= "2013-04-05"])
    assert short.advance().date == "2013-04-05"
    with pytest.raises(BadInput, match="the year is over"):
        short.advance()


def test_a_champion_promoted_with_a_later_date_still_lives_the_first_week(
    workspace_factory: Factory, home: Home
) -> None:
    ws = workspace_factory()
    pipeline.run(ws).raise_if_failed()
    run_id = release.log_run(ws)
    release.release(ws, run_id, release.judge(ws, run_id))  # dated by the data version: 9 April
    loop = Loop(ws, _year(home))
    assert loop.begin().of("loop.champion")
    assert loop.advance().date == "2013-04-07"


def test_a_cool_down_waits(trained_factory: Factory, home: Home) -> None:
    ws, year = trained_factory(), _year(home)
    loop = Loop(ws, year, retraining=RetrainPolicy(kinds=("score", "realised", "input"), cooldown_days=365))
    while not [e for e in loop.story().of("loop.decide") if e.values["action"] == "wait"]:
        loop.advance()
    decisions = [entry.values["action"] for entry in loop.story().of("loop.decide")]
    assert decisions == ["retrain", "wait"]


def test_data_that_breaks_its_promises_is_not_trained_on(trained_factory: Factory, home: Home) -> None:
    ws, year = trained_factory(), _year(home)
    broken = year.assign(wind_speed=year["wind_speed"].mask(year["date"] == "2013-04-20", 900.0))
    told = Loop(ws, broken).run("2013-04-28")
    failed = told.of("loop.failed")
    assert [entry.values["step"] for entry in failed] == ["validate"]
    assert "wind_speed" in failed[0].text
    champion = registry.champion(ws)
    assert champion is not None
    assert champion.version == 1
    assert pipeline.read_output(ws, "ingest")["date"].max() == pd.Timestamp("2013-04-28")


@pytest.mark.parametrize("bad", [{"holdout_days": 3}, {"cooldown_days": -1}])
def test_a_policy_that_makes_no_sense_is_refused(bad: dict[str, int]) -> None:
    with pytest.raises(BadParameter, match="Hold out at least 7 days"):
        RetrainPolicy(**bad)
