"""The first question of the lesson: everything measured is green; is the desk all right? And three that wait.

The three pre-check questions are answered by the lesson itself: each is revealed once the page that shows it was visited.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlops_core.pipeline import Run, read_output
from mlops_core.workspace import Workspace
from tutor.desk import Money
from tutor.predictions import Answer, Prediction, options


@dataclass(frozen=True, slots=True)
class DeskNumbers:
    """One week of the desk: services that are up (share), and costs per flight in units of a false alarm.

    `cost_normal` is an ordinary week, `cost_high` the most it costs in 95 of 100, `cost_now` this week, `cost_idle`
    what it would have cost to offer nothing; `estimated` is what the model itself promised; `flights` is a count.
    """

    services_up: float
    cost_normal: float
    cost_high: float
    cost_now: float
    cost_idle: float
    estimated: float = 0.0
    flights: int = 0

    @classmethod
    def of(cls, money: Money, services_up: float) -> DeskNumbers:
        """The week of the question."""
        week = money.week
        return cls(services_up, money.normal, money.high, week.cost, week.idle, week.estimated, week.flights)

    @property
    def extra(self) -> float:
        """What all flights of the week cost more than an ordinary week's; negative is cheaper."""
        return (self.cost_now - self.cost_normal) * self.flights


def desk_answer(numbers: DeskNumbers) -> Answer:
    """`no_service` when a service is down, `yes` while the cost is that of an ordinary week, else `no_model`."""
    values: dict[str, object] = {name: getattr(numbers, name) for name in DeskNumbers.__slots__}
    values["extra"] = numbers.extra
    if numbers.services_up < 1.0:
        return Answer("no_service", values)
    return Answer("no_model" if numbers.cost_now > numbers.cost_high else "yes", values)


def touch_answer(changed: Sequence[str]) -> Answer:
    """`changed`: the steps that ran after a step's file had been saved again without a change."""
    values: dict[str, object] = {"steps": len(changed)}
    if not changed:
        return Answer("nothing", values)
    return Answer("train" if tuple(changed) == ("train",) else "train_on", values)


def drift_answer(money: Money) -> Answer:
    """Cost of the week with the most drifted columns, against an ordinary week."""
    week = max(money.weeks, key=lambda one: (one.drifted, one.start))
    values: dict[str, object] = {
        "drifted": week.drifted,
        "columns": week.columns,
        "cost": week.cost,
        "low": money.low,
        "high": money.high,
    }
    if week.cost > money.high:
        return Answer("above", values)
    return Answer("below" if week.cost < money.low else "within", values)


def retrain_answer(money: Money) -> Answer:
    """Cost of the weeks after by a model made from the bad week alone, against the old one; 0 in the interval: equal."""
    new = money.retrained
    values: dict[str, object] = {name: getattr(new, name) for name in ("days", "old", "cost", "more", "low", "high")}
    if new.low > 0:
        return Answer("dearer", values)
    return Answer("cheaper" if new.high < 0 else "equal", values)


DESK_ALL_RIGHT = Prediction(
    "desk_all_right", "start", belief=1, options=options("yes", "no_service", "no_model"), answer=desk_answer
)
TOUCHED = Prediction(
    "touched_file", "start", belief=2, options=options("nothing", "train", "train_on"), answer=touch_answer
)
DRIFTED = Prediction(
    "drifted_week", "start", belief=10, options=options("above", "within", "below"), answer=drift_answer
)
RETRAINED = Prediction(
    "retrained_week", "start", belief=13, options=options("cheaper", "equal", "dearer"), answer=retrain_answer
)
ANSWERED_ON = {"touched_file": "pipelines", "drifted_week": "monitoring", "retrained_week": "loop"}


# -- fifty models --------------------------------------------------------------------------------------------------------

ROUNDS = 60  # boosting rounds of a desk's model: half the course's, so that a hall can watch 35 of them


def lanes(desks: Sequence[str]) -> dict[str, dict[str, object]]:
    """The overrides of each desk's run: its own flights, fewer rounds.

    >>> lanes(["EWR-UA"])
    {'EWR-UA': {'split.desk': 'EWR-UA', 'model.max_iter': 60}}
    """
    return {desk: {"split.desk": desk, "model.max_iter": ROUNDS} for desk in desks}


@dataclass(frozen=True, slots=True)
class DeskModel:
    """One desk after its run. `why` is the failed step's last word; numbers are None without a model.

    `idle` is the cost per flight of offering nothing.
    """

    lane: str
    seconds: float
    trained: bool
    failed: str = ""
    why: str = ""
    flights: int | None = None
    auc: float | None = None
    cost: float | None = None
    idle: float | None = None

    @classmethod
    def of(cls, workspace: Workspace, run: Run) -> DeskModel:
        """Read what a lane's run left."""
        trained = "train" in run.changed
        if run.failed is not None:
            log = run.failed.log
            return cls(run.lane, run.seconds, trained, run.failed.step, log[-1] if log else run.failed.why)
        metrics = read_output(workspace, "evaluate", run.lane)["metrics"]
        idle = run.params["costs"]["miss"] * metrics["rate"]
        cost, auc = metrics["cost_per_row"], metrics["auc"]
        return cls(run.lane, run.seconds, trained, flights=metrics["n"], auc=auc, cost=cost, idle=idle)

    @property
    def state(self) -> str:
        """`failed`, `pays` when its decisions are cheaper than offering nothing, else `idle`."""
        if self.cost is None or self.idle is None:
            return "failed"
        return "pays" if self.cost < self.idle else "idle"
