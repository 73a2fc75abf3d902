"""Loop: diagnose before acting, and close the loop with a reason for every move.

The prediction really retrains on weeks whose `recent_delay` came in hours instead of minutes. The mission reads the story
of the learner's own year, the ledger behind it, and the bill.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mlops_core.bill import Bill
from mlops_core.dataset import Costs, Schema
from mlops_core.ledger import Event, Promotion, Registered
from mlops_core.loop import Entry, RetrainPolicy
from mlops_core.metrics import row_cost
from mlops_core.monitor.replay import KINDS
from mlops_core.stats.paired import PairedDifference, paired_by_day
from mlops_core.training import ModelSpec, fit, predict
from tutor.missions import Mission, Outcome, not_attempted, right, wrong
from tutor.predictions import Answer, Prediction, options

# --- prediction: retrain on the bugged weeks --------------------------------------------------------------------------

BUG, UNIT = "recent_delay", 60.0  # sent in hours instead of minutes
FIRST, START, WEEKS = "2013-01-01", "2013-07-01", 4  # trained on the days before the stream; bugged weeks; how many
STREAM = "2013-04-01"


@dataclass(frozen=True, slots=True)
class Relapse:
    """Mean cost a flight of four weeks each: while the feed is wrong (and had it been right), after retraining with the
    feed still wrong, and after the fix. `old` is the champion, `new` was trained on the wrong weeks, `twin` on the same
    weeks had the feed been right. Differences are old minus new, paired by day: above 0 retraining is cheaper.
    """

    bugged: float
    unbugged: float
    next_old: float
    next_new: float
    next_gain: PairedDifference
    fixed_old: float
    fixed_new: float
    fixed_twin: float
    fixed_gain: PairedDifference


def in_hours(frame: pd.DataFrame) -> pd.DataFrame:
    """The feed as it came: minutes divided by 60."""
    return frame.assign(**{BUG: frame[BUG] / UNIT})


def relapse(
    year: pd.DataFrame, schema: Schema, spec: ModelSpec, costs: Costs, *, seed: int, rows: int | None,
    start: str = START, weeks: int = WEEKS,
) -> Relapse:  # fmt: skip
    """Train three models and let them meet the weeks that follow."""
    day, target = str(schema.day), str(schema.target)
    span = pd.Timedelta(weeks=weeks)
    begin = pd.Timestamp(start)

    def part(first: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
        return year[(year[day] >= first) & (year[day] < end)]

    def model(frame: pd.DataFrame) -> Any:
        return fit(frame, schema, spec, seed=seed, rows=rows)

    def cost(fitted: Any, frame: pd.DataFrame) -> Any:
        return row_cost(frame[target].to_numpy(dtype="float64"), predict(fitted, frame), costs)

    during, after, fixed = (part(begin + n * span, begin + (n + 1) * span) for n in range(3))
    old = model(part(pd.Timestamp(FIRST), pd.Timestamp(STREAM)))
    new, twin = model(in_hours(during)), model(during)
    still = in_hours(after)
    next_costs, fixed_costs = (cost(old, still), cost(new, still)), (cost(old, fixed), cost(new, fixed))
    return Relapse(
        bugged=float(cost(old, in_hours(during)).mean()),
        unbugged=float(cost(old, during).mean()),
        next_old=float(next_costs[0].mean()),
        next_new=float(next_costs[1].mean()),
        next_gain=paired_by_day(*next_costs, still[day]),
        fixed_old=float(fixed_costs[0].mean()),
        fixed_new=float(fixed_costs[1].mean()),
        fixed_twin=float(cost(twin, fixed).mean()),
        fixed_gain=paired_by_day(*fixed_costs, fixed[day]),
    )


def relapse_answer(found: Relapse) -> Answer:
    """Is the retrained model cheaper next month, and is it cheaper after the fix?"""
    values = {
        "bugged": found.bugged, "unbugged": found.unbugged, "next_old": found.next_old, "next_new": found.next_new,
        "fixed_old": found.fixed_old, "fixed_new": found.fixed_new, "fixed_twin": found.fixed_twin,
        "next_low": found.next_gain.low, "next_high": found.next_gain.high,
        "fixed_low": found.fixed_gain.low, "fixed_high": found.fixed_gain.high,
    }  # fmt: skip
    if found.next_new >= found.next_old:
        return Answer("useless", values)
    return Answer("stays" if found.fixed_new < found.fixed_old else "relapse", values)


RETRAIN = Prediction(
    "retrain_on_bug", "loop", belief=13, options=options("stays", "relapse", "useless"), answer=relapse_answer
)


# --- mission: the five-minute run -------------------------------------------------------------------------------------

DEADLINE = "2013-06-30"
TRIGGERS: dict[str, tuple[str, ...]] = {
    "never": (),
    "money": ("realised",),
    "scores": ("realised", "score"),
    "all": KINDS,
}
PRICE = 1000.0  # what one retraining costs the desk, in false alarms: people, computers, attention (simulated)


def retraining(chosen: Mapping[str, Any]) -> RetrainPolicy:
    """The policy of the learner's settings: `trigger`, `cooldown_days` (none at first), `holdout_days`.

    >>> retraining({"trigger": "money"}).kinds
    ('realised',)
    """
    kinds = TRIGGERS.get(str(chosen.get("trigger")), ())
    held = chosen.get("holdout_days", RetrainPolicy().holdout_days)
    return RetrainPolicy(kinds, int(chosen.get("cooldown_days", 0)), int(held))


@dataclass(frozen=True, slots=True)
class Lived:
    """The learner's year so far: story, moves of the champion, models, all gate decisions, and the bill."""

    entries: tuple[Entry, ...]
    promotions: tuple[Promotion, ...]
    models: tuple[Registered, ...]
    decisions: tuple[Event, ...]
    bill: Bill
    deadline: str = DEADLINE
    price: float = PRICE

    @property
    def weeks(self) -> tuple[Entry, ...]:
        """Weeks lived up to the deadline."""
        return tuple(entry for entry in self.entries if entry.code == "loop.week" and entry.date <= self.deadline)

    @property
    def retrainings(self) -> int:
        """How often it was decided to retrain, up to the deadline."""
        return sum(e.values["action"] == "retrain" for e in self._decided() if e.date <= self.deadline)

    @property
    def saved(self) -> float:
        """Saved against the first champion for ever, up to the deadline; in false alarms."""
        return Bill(tuple(week for week in self.bill.weeks if week.end <= self.deadline)).saved("first")

    @property
    def budget(self) -> float:
        """What is left of it after the price of the retrainings."""
        return self.saved - self.price * self.retrainings

    def _decided(self) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry.code == "loop.decide")

    def ungated(self) -> int | None:
        """A champion whose run no gate decision let pass, or None."""
        run_of = {model.version: model.run_id for model in self.models}
        passed = {event.subject for event in self.decisions if event.detail.get("outcome") == "pass"}
        moved = [move.version for move in self.promotions if move.kind == "promote" and move.version is not None]
        return next((version for version in moved if run_of.get(version) not in passed), None)

    def uncaused(self) -> int | None:
        """A champion that replaced another without a decision to retrain on that day (a rollback gives its reason)."""
        days = {entry.date for entry in self._decided() if entry.values["action"] == "retrain"}
        for move in self.promotions:
            replaced = move.previous is not None and move.version is not None
            caused = move.lesson_date in days if move.kind == "promote" else bool(move.reason)
            if replaced and not caused:
                return move.version
        return None

    def unanswered(self) -> tuple[Entry, ...]:
        """Alarms about money (realised cost) on days without a decision."""
        days = {entry.date for entry in self._decided()}
        return tuple(
            entry
            for entry in self.entries
            if entry.code == "alarm.realised" and entry.date <= self.deadline and entry.date not in days
        )


def run_check(lived: Lived) -> Outcome:
    """Reached the deadline, every move gated and caused, every cost alarm answered, budget not below zero."""
    last = max((entry.date for entry in lived.weeks), default="")
    values: dict[str, Any] = {
        "weeks": len(lived.weeks), "budget": lived.budget, "retrainings": lived.retrainings, "price": lived.price,
        "saved": lived.saved, "moves": len(lived.promotions),
    }  # fmt: skip
    if last < lived.deadline:
        left = (pd.Timestamp(lived.deadline) - pd.Timestamp(last or STREAM)).days
        return not_attempted("early", **values, left=-(-left // 7))
    if lived.ungated() is not None:
        return wrong("ungated", **values, version=lived.ungated())
    if lived.uncaused() is not None:
        return wrong("uncaused", **values, version=lived.uncaused())
    if lived.unanswered():
        return wrong("unanswered", **values, alarms=len(lived.unanswered()), date=lived.unanswered()[0].date)
    return wrong("overspent", **values) if lived.budget < 0 else right(**values)


FIVE_MINUTES = Mission("five_minute_run", "loop", check=run_check)


# --- what the page shows ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answered:
    """One cost alarm of the story: when it rang, when a new champion served (None: not yet), days between."""

    date: str
    replaced: str | None
    days: int | None


def answered(entries: Sequence[Entry]) -> tuple[Answered, ...]:
    """Every cost alarm with the first champion that followed a decision to retrain on its day or later."""
    crowned = [e.date for e in entries if e.code == "loop.champion"]
    found = []
    for alarm in (entry for entry in entries if entry.code == "alarm.realised"):
        after = next((date for date in crowned if date >= alarm.date), None)
        days = (pd.Timestamp(after) - pd.Timestamp(alarm.values["start"])).days if after else None
        found.append(Answered(alarm.date, after, days))
    return tuple(found)


CLOSING = 4  # weeks to live before the takeaways have numbers


def by_week(entries: Sequence[Entry]) -> tuple[tuple[Entry, ...], ...]:
    """The story in groups, newest first: what happened before the first week, then a week's reading and what followed."""
    groups: list[list[Entry]] = []
    for entry in entries:
        if entry.code == "loop.week" or not groups:
            groups.append([])
        groups[-1].append(entry)
    return tuple(tuple(group) for group in groups[::-1])


def week_table(weeks: Sequence[Entry]) -> pd.DataFrame:
    """One row a week: cost, what was normal, drifted columns, alarms, champion."""
    rows = []
    for week in weeks:
        values, realised = week.values, week.values["realised"]
        rows.append(
            {
                "week to": values["end"],
                "flights": values["rows"],
                "cost": realised["cost_per_row"] if realised else None,
                "normal from": values["expected"]["low"],
                "normal to": values["expected"]["high"],
                "drifted columns": len(values["drifted"]),
                "alarms": ", ".join(alarm["kind"] for alarm in values["alarms"]),
                "champion": values["champion"],
            }
        )
    return pd.DataFrame(rows)


CELL = """\
import pandas as pd
from mlops_core.loop import Loop

story = Loop(workspace, pd.DataFrame()).story()
names = ["date", "stage", "code", "text", "values"]
table = pd.DataFrame([entry.to_dict() for entry in story.entries], columns=names)
table[table.stage.isin(["decide", "gate", "serve"])][["date", "stage", "text"]]
"""
