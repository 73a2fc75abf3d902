"""Monitoring: drift is not harm, and no drift is not health. Keys come from running the lab and replaying the year.

IRRELEVANT.reveal(lab).option            # "same", found by shifting the least used column
DRIFT_WITHOUT_HARM.attempt(lab.read(state)).code
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from mlops_core.monitor import Expected, Window
from tutor.missions import Mission, Outcome, right, wrong
from tutor.predictions import Answer, Prediction, options
from tutor.simulation.shiftlab import LabState, Reading, ShiftLab

INPUT_PSI = 0.25
CALM_PSI = 0.1
SCORE_PSI = 0.02
SMALL_LOSS = 0.01
LARGE_LOSS = 0.1
SMALL_COST = 0.02
FURLOUGH = "2013-04-22"  # Monday of the week in which the air controllers were sent home


def irrelevant_state(lab: ShiftLab) -> LabState:
    """The column the model uses least, moved by two standard deviations, in the largest window."""
    return LabState(lab.least_used(), mean=2.0, n=10_000)


def irrelevant_answer(reading: Reading) -> Answer:
    """What shifting the least used column did to the model's AUC on the same rows."""
    loss = reading.auc_loss or 0.0
    values = {
        "feature": reading.state.feature,
        "psi": reading.input_psi,
        "score_psi": reading.score.statistic,
        "before": reading.before.auc,
        "now": reading.model.auc,
        "loss": loss,
        "rows": reading.state.n,
    }
    if abs(loss) <= SMALL_LOSS:
        return Answer("same", values)
    return Answer("falls" if loss > 0 else "rises", values)


IRRELEVANT = Prediction(
    "irrelevant_shift", "monitoring", belief=10, options=options("falls", "same", "rises"), answer=irrelevant_answer
)


@dataclass(frozen=True, slots=True)
class Incident:
    """One week of the board once its outcomes are known, what is normal, and the reddest board of the weeks before."""

    week: Window
    cost: Expected
    usual: int


def incident(readings: tuple[Window, ...], cost: Expected, start: str = FURLOUGH) -> Incident:
    """The week that begins on `start`; LookupError when it is not among the readings."""
    found = [at for at, window in enumerate(readings) if f"{window.start:%Y-%m-%d}" == start]
    if not found:
        raise LookupError(f"no week begins on {start}")
    before = readings[: found[0]]
    return Incident(readings[found[0]], cost, max((len(window.drift.drifted) for window in before), default=0))


def cause_answer(case: Incident) -> Answer:
    """What the board and the outcomes say together, in the order in which one would check."""
    week, metrics = case.week, case.week.realised.metrics
    values = {
        "drifted": len(week.drift.drifted),
        "columns": len(week.drift.names),
        "usual": case.usual,
        "cost": metrics.cost_per_row if metrics else math.nan,
        "high": case.cost.high,
        "estimated": week.estimated.cost_per_row if week.estimated else math.nan,
    }
    if any(alarm.kind == "missing" for alarm in week.alarms):
        return Answer("feed", values)
    if values["drifted"] > case.usual:
        return Answer("inputs", values)
    return Answer("world" if values["cost"] > case.cost.high else "luck", values)


CAUSE = Prediction(
    "furlough_cause", "monitoring", belief=10, options=options("inputs", "feed", "world", "luck"), answer=cause_answer
)


def known_then(readings: Sequence[Window]) -> dict[pd.Timestamp, float]:
    """Realised cost per row by start of week, of the weeks whose outcomes had arrived at the last of these readings."""
    arrived = (settled for window in readings for settled in window.settled)
    return {s.start: s.realised.metrics.cost_per_row for s in arrived if s.realised.metrics is not None}


def _loss(reading: Reading) -> float:
    loss = reading.auc_loss
    return math.nan if loss is None else loss


def _sayable(reading: Reading) -> bool:
    """Whether a calm window of this size would stay below the line for scores."""
    return reading.auc_loss is not None and reading.score.null_band[1] < SCORE_PSI


def harmless_check(reading: Reading) -> Outcome:
    """Input PSI above .25, score PSI below .02, AUC loss below .01, no cost added, on a window large enough to tell.

    Cost is asked too because AUC is blind to calibration: a warmer world may leave the ranking and double the misses.
    """
    loss, values = _loss(reading), _values(reading)
    if reading.state.untouched:
        return wrong("nothing", **values)
    if not _sayable(reading):
        return wrong("few", **values)
    if not reading.input_psi > INPUT_PSI:
        return wrong("input", **values)
    if not reading.score.statistic < SCORE_PSI:
        return wrong("score", **values)
    if not loss < SMALL_LOSS:
        return wrong("harm", **values)
    return right("right", **values) if reading.cost_added < SMALL_COST else wrong("cost", **values)


def hidden_check(reading: Reading) -> Outcome:
    """Every input PSI below .1 and AUC loss above .10, on a window large enough to tell."""
    loss, values = _loss(reading), _values(reading)
    if reading.state.untouched:
        return wrong("nothing", **values)
    if not _sayable(reading):
        return wrong("few", **values)
    if not reading.worst_psi < CALM_PSI:
        return wrong("drift", **values)
    return right("right", **values) if loss > LARGE_LOSS else wrong("harmless", **values)


def _values(reading: Reading) -> dict[str, object]:
    return {
        "feature": reading.state.feature,
        "input_psi": reading.input_psi,
        "worst_psi": reading.worst_psi,
        "score_psi": reading.score.statistic,
        "loss": _loss(reading),
        "cost": reading.cost_added,
        "line": reading.score.null_band[1],
        "n": reading.state.n,
    }


DRIFT_WITHOUT_HARM = Mission("drift_without_harm", "monitoring", check=harmless_check)
HARM_WITHOUT_DRIFT = Mission("harm_without_drift", "monitoring", check=hidden_check)
