"""The tasks of the page loop: keys are computed, and each way of failing has a code of its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

from mlops_core import project, registry
from mlops_core.bill import Bill, WeekBill, week_bill
from mlops_core.dataset import Costs
from mlops_core.ledger import Event, Ledger, Promotion, Registered
from mlops_core.loop import Entry, Loop
from mlops_core.project import Home
from mlops_core.training import ModelSpec
from tests.conftest import Factory
from tutor.lesson import loop as lesson
from tutor.lesson.loop import FIVE_MINUTES, RETRAIN, Lived, Relapse

COURSE = project.template("flights")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


# --- the prediction ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found(home: Home) -> Relapse:
    params = {"max_iter": 120, "learning_rate": 0.06, "max_leaf_nodes": 15, "min_samples_leaf": 80}
    spec = ModelSpec("boosting", params)
    return lesson.relapse(home.year(COURSE), COURSE.schema, spec, Costs(), seed=13, rows=20_000)


def test_retraining_on_the_fault_heals_and_breaks(found: Relapse) -> None:
    """By day, both are beyond chance; and the wrong unit costs something of its own."""
    assert found.bugged > found.unbugged
    assert found.next_gain.low > 0
    assert found.fixed_gain.high < 0
    assert found.fixed_new > found.fixed_twin
    assert RETRAIN.reveal(found).option == "relapse"


def test_the_key_moves_with_the_scenario(found: Relapse) -> None:
    assert RETRAIN.reveal(replace(found, fixed_new=found.fixed_old - 0.01)).option == "stays"
    assert RETRAIN.reveal(replace(found, next_new=found.next_old)).option == "useless"


def test_the_feed_comes_in_hours(home: Home) -> None:
    rows = home.year(COURSE).head(5000)
    assert (lesson.in_hours(rows)["recent_delay"] * 60).dropna().to_numpy() == pytest.approx(
        rows["recent_delay"].dropna().to_numpy()
    )


# --- the mission, piece by piece --------------------------------------------------------------------------------------


def entry(date: str, code: str, **values: Any) -> Entry:
    return Entry(date, "monitor", code, "", values)


def lived(**changes: Any) -> Lived:
    """Four weeks with one cost alarm, answered by a retraining whose model the gates let pass."""
    weeks = [entry(f"2013-04-{day:02d}", "loop.week", end=f"2013-04-{day:02d}") for day in (7, 14, 21, 28)]
    story = (
        *weeks[:3],
        entry("2013-04-21", "alarm.realised", start="2013-04-15"),
        entry("2013-04-21", "loop.decide", action="retrain"),
        entry("2013-04-21", "loop.champion", version=2),
        weeks[3],
    )
    moves = (
        Promotion(1, NOW, "2013-04-01", "champion", 1, None, "promote", "passed 5 gates"),
        Promotion(2, NOW, "2013-04-21", "champion", 2, 1, "promote", "passed 5 gates"),
    )
    models = tuple(Registered(number, "d", f"run{number}", "data", NOW, {}) for number in (1, 2))
    gates = tuple(Event(number, NOW, "", "gate", f"run{number}", {"outcome": "pass"}) for number in (1, 2))
    bill = Bill(tuple(WeekBill("", week.date, 1000, 1, 0.5, 0.8, 0.9, 0.7) for week in weeks))
    usual: dict[str, Any] = {
        "entries": story, "promotions": moves, "models": models, "decisions": gates, "bill": bill,
        "deadline": "2013-04-28", "price": 1000.0,
    }  # fmt: skip
    return Lived(**{**usual, **changes})


def told(state: Lived) -> tuple[str, str]:
    outcome = FIVE_MINUTES.attempt(state)
    return outcome.kind, outcome.code


def test_a_year_with_a_reason_for_every_move() -> None:
    outcome = FIVE_MINUTES.attempt(lived())
    assert (outcome.kind, outcome.values["budget"], outcome.values["saved"]) == ("right", 200.0, 1200.0)


def test_before_the_deadline_nothing_is_wrong() -> None:
    assert told(lived(deadline="2013-05-12")) == ("not_attempted", "early")
    assert FIVE_MINUTES.attempt(lived(deadline="2013-05-12")).values["left"] == 2


def test_around_the_gates() -> None:
    failed = Event(2, NOW, "", "gate", "run2", {"outcome": "inconclusive"})
    assert told(lived(decisions=(lived().decisions[0], failed))) == ("wrong", "ungated")


def test_without_a_decision() -> None:
    by_hand = replace(lived().promotions[1], lesson_date="2013-04-25")
    assert told(lived(promotions=(lived().promotions[0], by_hand))) == ("wrong", "uncaused")


def test_a_rollback_gives_its_reason() -> None:
    back = Promotion(3, NOW, "2013-04-25", "champion", 1, 2, "rollback", "dearer than before")
    assert told(lived(promotions=(*lived().promotions, back))) == ("right", "right")
    assert told(lived(promotions=(*lived().promotions, replace(back, reason="")))) == ("wrong", "uncaused")


def test_never_acting_leaves_an_alarm_unanswered() -> None:
    quiet = tuple(e for e in lived().entries if e.code not in ("loop.decide", "loop.champion"))
    assert told(lived(entries=quiet, promotions=lived().promotions[:1])) == ("wrong", "unanswered")


def test_waiting_is_an_answer() -> None:
    waited = tuple(
        entry(e.date, e.code, action="wait") if e.code == "loop.decide" else e
        for e in lived().entries
        if e.code != "loop.champion"
    )
    assert told(lived(entries=waited, promotions=lived().promotions[:1])) == ("right", "right")


def test_acting_on_everything_costs_more_than_it_saves() -> None:
    busy = (*lived().entries, *(entry(f"2013-04-{day:02d}", "loop.decide", action="retrain") for day in (7, 14)))
    assert told(lived(entries=busy)) == ("wrong", "overspent")


def test_what_comes_after_the_deadline_does_not_count() -> None:
    later = (*lived().entries, entry("2013-05-05", "loop.week", end="2013-05-05"),
             entry("2013-05-05", "alarm.realised"), entry("2013-05-12", "loop.decide", action="retrain"))  # fmt: skip
    assert told(lived(entries=later)) == ("right", "right")


# --- the mission on the real spring -----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("trigger", "code"), [("money", "right"), ("never", "unanswered")])
def test_the_furlough_is_answered_by_those_who_look_at_money(
    trained_factory: Factory, home: Home, trigger: str, code: str
) -> None:
    ws = trained_factory()
    year = home.year(COURSE)
    story = Loop(ws, year, retraining=lesson.retraining({"trigger": trigger})).run("2013-05-05")
    bill = Bill(tuple(week_bill(ws, year, week.values, first=1) for week in story.weeks))
    ledger = Ledger(ws)
    state = Lived(
        story.entries, registry.history(ws, "champion"), ledger.versions(), ledger.events("gate"), bill,
        deadline="2013-05-05", price=0.0,
    )  # fmt: skip
    assert FIVE_MINUTES.attempt(state).code == code
    if trigger == "money":
        assert state.retrainings == 1
        assert FIVE_MINUTES.attempt(replace(state, price=state.saved + 1)).code == "overspent"
        assert [reply.date for reply in lesson.answered(story.entries)] == ["2013-04-28"]


# --- what the page shows ----------------------------------------------------------------------------------------------


def test_the_story_is_grouped_by_week_newest_first() -> None:
    groups = lesson.by_week((entry("2013-04-01", "loop.data"), *lived().entries))
    assert [group[0].date for group in groups] == ["2013-04-28", "2013-04-21", "2013-04-14", "2013-04-07", "2013-04-01"]
    assert [e.code for e in groups[1]] == ["loop.week", "alarm.realised", "loop.decide", "loop.champion"]


def test_settings_become_a_policy() -> None:
    assert (lesson.retraining({}).kinds, lesson.retraining({}).cooldown_days) == ((), 0)
    assert lesson.retraining({"trigger": "scores", "cooldown_days": 7, "holdout_days": 14}).cooldown_days == 7
    assert "input" in lesson.retraining({"trigger": "all"}).kinds


def test_alarms_are_matched_with_what_followed() -> None:
    assert lesson.answered(lived().entries)[0].days == (pd.Timestamp("2013-04-21") - pd.Timestamp("2013-04-15")).days
    alone = (entry("2013-06-30", "alarm.realised", start="2013-06-24"),)
    assert lesson.answered(alone)[0].replaced is None
