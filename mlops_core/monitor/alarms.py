"""When to ring, and what an alarm says: pure functions from one reading of the board to alarms.

Six kinds: inputs or scores have drifted, the label-free estimate or the realised cost is out of its normal range, the
error budget burns, something is missing. An alarm is a question; its runbook decides on the action.
`Alarm.code` and its numbers are enough to say it in another language.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import pandas as pd

from mlops_core.drift import ColumnDrift, DriftReport
from mlops_core.drift.detectors import Band
from mlops_core.errors import BadParameter
from mlops_core.monitor.baseline import SCORE, Baseline, Span
from mlops_core.performance import SLO, ErrorBudget, Estimate, Realised, burning

AlarmKind = Literal["input", "score", "estimate", "realised", "slo", "missing"]


@dataclass(frozen=True, slots=True)
class MonitorPolicy:
    """When to ring. `settlement_days`: how long after its moment an outcome reaches us; `settled_share`: share of a
    window's outcomes that must be there before its cost is judged; `read_hours`: when, after the window's last midnight
    (in the clock of the known column), the board is read; `missing_jump`: rise of a missing share that rings.
    """

    detectors: tuple[str, ...] = ("psi",)
    band: Band = "calendar"
    alpha: float = 0.05
    input_share: float = 0.5
    score_detector: str = "psi"
    settlement_days: float = 0.0
    settled_share: float = 0.95
    read_hours: float = 12.0
    missing_jump: float = 0.25
    slo: SLO | None = None
    burn_rate: float = 2.0

    def __post_init__(self) -> None:
        for name in ("input_share", "settled_share", "missing_jump"):
            if not 0 < getattr(self, name) <= 1:
                raise BadParameter(
                    f"{name} is {getattr(self, name)}; it must be above 0 and at most 1",
                    code="monitor.policy",
                    setting=name,
                )
        if self.settlement_days < 0 or self.read_hours < 0:
            raise BadParameter("settlement_days and read_hours cannot be negative", code="monitor.policy")


@dataclass(frozen=True, slots=True)
class Alarm:
    """`start`: first day of the window judged; `first_seen`: when the board was read; delay in days between the two.

    `value` crossed `threshold`; `code`, `columns` and the numbers are enough to say it in another language.
    """

    kind: AlarmKind
    start: pd.Timestamp
    first_seen: pd.Timestamp
    delay_days: float
    value: float
    threshold: float
    code: str
    message: str
    columns: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, moments in ISO format."""
        values = asdict(self) | {"columns": list(self.columns)}
        return values | {"start": self.start.isoformat(), "first_seen": self.first_seen.isoformat()}


@dataclass(frozen=True, slots=True)
class Settled:
    """A window whose outcomes have arrived: its realised quality, judged once."""

    start: pd.Timestamp
    end: pd.Timestamp
    realised: Realised


def _alarm(
    kind: AlarmKind,
    start: pd.Timestamp,
    as_of: pd.Timestamp,
    value: float,
    threshold: float,
    message: str,
    columns: tuple[str, ...] = (),
) -> Alarm:
    delay = (as_of - start) / pd.Timedelta(days=1)
    return Alarm(kind, start, as_of, delay, value, threshold, f"monitor.{kind}", message, columns)


def input_alarms(drift: DriftReport, span: Span, as_of: pd.Timestamp, policy: MonitorPolicy) -> Iterator[Alarm]:
    """No rows, lost columns, drifted columns."""
    if not drift.n_current:
        yield _alarm("missing", span.start, as_of, 0.0, 1.0, "0 rows arrived. Look for the feed before the model.")
        return
    lost = {d.column: d.missing_current - d.missing_reference for d in drift.columns}
    gone = tuple(name for name, jump in lost.items() if jump >= policy.missing_jump)
    if gone:
        worst = max(lost.values())
        yield _alarm(
            "missing",
            span.start,
            as_of,
            worst,
            policy.missing_jump,
            f"{', '.join(gone)}: missing up to {worst:.0%} more often than in the reference. Check the feed.",
            gone,
        )
    if drift.share >= policy.input_share:
        yield _alarm(
            "input",
            span.start,
            as_of,
            drift.share,
            policy.input_share,
            f"{len(drift.drifted)} of {len(drift.names)} columns have drifted. Drift is a question, not harm.",
            drift.drifted,
        )


def score_alarms(
    score: ColumnDrift, estimated: Estimate | None, span: Span, as_of: pd.Timestamp, baseline: Baseline
) -> Iterator[Alarm]:
    """Moved scores, or an expected cost out of range: both without a single outcome."""
    if score.drifted:
        yield _alarm(
            "score",
            span.start,
            as_of,
            score.statistic,
            score.null_band[1],
            f"The scores have moved: {score.detector} {score.statistic:.3f}, normal up to {score.null_band[1]:.3f}.",
            (SCORE.features[0],),
        )
    if estimated and estimated.cost_per_row > baseline.estimated.high:
        yield _alarm(
            "estimate",
            span.start,
            as_of,
            estimated.cost_per_row,
            baseline.estimated.high,
            f"Expected cost {estimated.cost_per_row:.3f} a row, normal up to {baseline.estimated.high:.3f}; "
            "no outcome has been looked at.",
        )


def cost_alarms(settled: Iterable[Settled], as_of: pd.Timestamp, baseline: Baseline) -> Iterator[Alarm]:
    """Windows whose realised cost, now known, is above what one more reference window would cost."""
    for past in settled:
        metrics = past.realised.metrics
        if metrics and metrics.cost_per_row > baseline.cost.high:
            yield _alarm(
                "realised",
                past.start,
                as_of,
                metrics.cost_per_row,
                baseline.cost.high,
                f"Cost {metrics.cost_per_row:.3f} a row from {past.start:%-d %B}, normal up to "
                f"{baseline.cost.high:.3f}. Find out what changed before you retrain.",
            )


def slo_alarms(
    budgets: tuple[ErrorBudget, ErrorBudget] | None, span: Span, as_of: pd.Timestamp, policy: MonitorPolicy
) -> Iterator[Alarm]:
    """The error budget burns too fast in the short and in the long look-back."""
    if budgets and burning(*budgets, rate=policy.burn_rate):
        slow = budgets[1]
        yield _alarm(
            "slo",
            span.start,
            as_of,
            slow.burn_rate,
            policy.burn_rate,
            f"The error budget burns {slow.burn_rate:.1f} times too fast; {slow.left:.0%} of it is left.",
        )
