"""A stream of windows, judged with what was known *then*.

`replay` walks the weeks (or days): at the end of each it compares inputs and scores with the baseline's calendar band,
estimates quality without labels, and judges the realised cost of every window whose outcomes have arrived by then.
It never looks past `as_of`. `for window in replay(year, schema, model, baseline, MonitorPolicy(), "2013-04-01", ...)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlops_core.dataset import Schema
from mlops_core.drift import ColumnDrift, DriftReport, report
from mlops_core.errors import BadData
from mlops_core.monitor.alarms import (
    Alarm,
    AlarmKind,
    MonitorPolicy,
    Settled,
    cost_alarms,
    input_alarms,
    score_alarms,
    slo_alarms,
)
from mlops_core.monitor.baseline import Baseline, Span, windows
from mlops_core.performance import ErrorBudget, Estimate, Realised, estimate, realised
from mlops_core.training import predict, row_cost

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Window:
    """One reading of the board at `as_of`. `known`: rows of this window whose outcome is there; `settled`: windows whose
    cost could be judged for the first time; `previous_realised`: the window before, with what has arrived since.
    """

    start: pd.Timestamp
    end: pd.Timestamp
    as_of: pd.Timestamp
    rows: int
    known: int
    drift: DriftReport
    score: ColumnDrift
    estimated: Estimate | None
    realised: Realised
    previous_realised: Realised | None
    settled: tuple[Settled, ...]
    budget: ErrorBudget | None
    alarms: tuple[Alarm, ...]

    def to_dict(self) -> dict[str, Any]:
        """The reading as plain values."""
        metrics = self.realised.metrics
        return {
            "start": self.start.date().isoformat(),
            "end": self.end.date().isoformat(),
            "rows": self.rows,
            "known": self.known,
            "drifted": list(self.drift.drifted),
            "drifted_share": self.drift.share,
            "score_drift": self.score.to_dict(),
            "estimated": self.estimated.to_dict() if self.estimated else None,
            "realised": metrics.to_dict() if metrics else None,
            "alarms": [alarm.to_dict() for alarm in self.alarms],
        }


@dataclass(frozen=True, slots=True)
class _Stream:
    """The whole stream, of which each reading may use only what `as_of` allows."""

    frame: pd.DataFrame
    scores: Floats
    truth: Floats
    known: npt.NDArray[np.datetime64]


def replay(
    frame: pd.DataFrame,
    schema: Schema,
    model: Pipeline,
    reference: Baseline,
    policy: MonitorPolicy,
    start: object,
    end: object,
    *,
    scores: npt.ArrayLike | None = None,
) -> Iterator[Window]:
    """One `Window` a week or day (the baseline's unit) from `start` to `end`, both included, in order.

    `scores` (one a row of `frame`) spares scoring the same rows again, for instance under another policy. Raises
    BadData when the frame lacks the day, target or known column, or a feature, or when the scores are not as many.
    """
    for role in ("target", "known"):
        name = getattr(schema, role)
        if name is None or name not in frame:
            raise BadData(
                f"the table has no {role} column; a replay needs outcomes and when they were known",
                code="monitor.columns",
                column=name or role,
            )
    spans = windows(frame, schema, start, end, reference.freq)
    stream = _stream(frame, schema, model, spans, scores)
    spans = windows(stream.frame, schema, start, end, reference.freq)
    waiting: list[Span] = []
    for index, span in enumerate(spans):
        waiting.append(span)
        window = _read(stream, reference, policy, spans[: index + 1], waiting)
        done = {settled.start for settled in window.settled}
        waiting = [other for other in waiting if other.start not in done]
        yield window


def _stream(
    frame: pd.DataFrame, schema: Schema, model: Pipeline, spans: Sequence[Span], given: npt.ArrayLike | None
) -> _Stream:
    rows = np.sort(np.concatenate([span.positions for span in spans]))
    part = frame.iloc[rows].reset_index(drop=True)
    if given is not None:
        scores = np.asarray(given, dtype=np.float64)
        if scores.shape != (len(frame),):
            raise BadData(f"{scores.shape} scores for {len(frame)} rows", code="score.shape")
        scores = scores[rows]
    else:
        scores = np.asarray(predict(model, part), dtype=np.float64) if len(part) else np.empty(0)
    truth = part[schema.target].to_numpy(dtype=np.float64, na_value=np.nan)
    return _Stream(part, scores, truth, pd.to_datetime(part[schema.known]).to_numpy())


def _read(
    stream: _Stream, baseline: Baseline, policy: MonitorPolicy, spans: Sequence[Span], waiting: Sequence[Span]
) -> Window:
    """The board at the end of the last span."""
    span = spans[-1]
    as_of = span.end + pd.Timedelta(days=1) + pd.Timedelta(hours=policy.read_hours)
    drift = report(
        baseline.inputs,
        stream.frame.iloc[span.positions],
        detectors=policy.detectors,
        band=policy.band,
        alpha=policy.alpha,
    )
    scores = stream.scores[span.positions]
    score = report(
        baseline.scores,
        pd.DataFrame({"score": scores}),
        detectors=(policy.score_detector,),
        band=policy.band,
        alpha=policy.alpha,
    ).columns[0]
    estimated = estimate(scores, baseline.calibration, baseline.costs) if len(scores) else None
    views = {other.start: _realised(stream, other, as_of, baseline, policy) for other in {*waiting, *spans[-2:]}}
    settled = tuple(
        Settled(other.start, other.end, views[other.start])
        for other in waiting
        if views[other.start].share >= policy.settled_share
    )
    budgets = _budgets(stream, span, as_of, baseline, policy)
    alarms = (
        *input_alarms(drift, span, as_of, policy),
        *score_alarms(score, estimated, span, as_of, baseline),
        *cost_alarms(settled, as_of, baseline),
        *slo_alarms(budgets, span, as_of, policy),
    )
    own = views[span.start]
    previous = views[spans[-2].start] if len(spans) > 1 else None
    return Window(
        span.start,
        span.end,
        as_of,
        len(span.positions),
        own.known,
        drift,
        score,
        estimated,
        own,
        previous,
        settled,
        budgets[1] if budgets else None,
        alarms,
    )


def _realised(stream: _Stream, span: Span, as_of: pd.Timestamp, baseline: Baseline, policy: MonitorPolicy) -> Realised:
    rows = span.positions
    return realised(
        stream.truth[rows],
        stream.scores[rows],
        stream.known[rows],
        as_of,
        baseline.costs,
        settlement_days=policy.settlement_days,
    )


def _budgets(
    stream: _Stream, span: Span, as_of: pd.Timestamp, baseline: Baseline, policy: MonitorPolicy
) -> tuple[ErrorBudget, ErrorBudget] | None:
    """Budget of the short (this window) and the long look-back; a wrong decision is a bad event."""
    if policy.slo is None:
        return None
    arrived = stream.known + np.timedelta64(int(policy.settlement_days * 86_400_000), "ms")
    there = (arrived <= as_of.to_datetime64()) & ~np.isnan(stream.truth)
    bad = np.zeros(len(there), dtype=bool)
    bad[there] = row_cost(stream.truth[there], stream.scores[there], baseline.costs) > 0 if there.any() else False
    long_ago = (as_of - pd.Timedelta(days=policy.slo.window_days)).to_datetime64()
    recent = there & (arrived > long_ago)
    short = there & (arrived > (as_of - (span.end - span.start) - pd.Timedelta(days=1)).to_datetime64())
    return (
        policy.slo.budget(int(bad[short].sum()), int(short.sum())),
        policy.slo.budget(int(bad[recent].sum()), int(recent.sum())),
    )


@dataclass(frozen=True, slots=True)
class Detection:
    """The first alarm of one kind about days from `onset` on; None fields when it never rang."""

    kind: AlarmKind
    first_seen: pd.Timestamp | None
    delay_days: float | None


KINDS: tuple[AlarmKind, ...] = ("input", "score", "estimate", "realised", "slo", "missing")


def detection(readings: Iterable[Window], onset: object, until: object) -> tuple[Detection, ...]:
    """Which layer rang first for an incident between two days, and how many days after its onset."""
    first, last = pd.Timestamp(str(onset)), pd.Timestamp(str(until))
    about = [
        (alarm, window) for window in readings for alarm in window.alarms if window.end >= first and alarm.start <= last
    ]
    found = []
    for kind in KINDS:
        seen = min(
            (alarm.first_seen for alarm, _ in about if alarm.kind == kind and alarm.first_seen > first), default=None
        )
        found.append(Detection(kind, seen, None if seen is None else (seen - first) / pd.Timedelta(days=1)))
    return tuple(found)


def timeline(readings: Iterable[Window]) -> pd.DataFrame:
    """One row a window: what was drifted, promised and realised at the end of it, and which alarms rang."""
    return pd.DataFrame(
        [
            {
                "start": w.start,
                "end": w.end,
                "rows": w.rows,
                "known": w.known,
                "drifted_share": w.drift.share,
                "score_drift": w.score.statistic,
                "estimated_cost": w.estimated.cost_per_row if w.estimated else None,
                "realised_cost": w.realised.metrics.cost_per_row if w.realised.metrics else None,
                "alarms": ", ".join(alarm.kind for alarm in w.alarms),
            }
            for w in readings
        ]
    )
