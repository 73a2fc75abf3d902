"""What is normal: the reference period as the monitor sees it, week by week (or day by day).

Inputs and scores with their calendar bands, and the interval in which the cost of one more such week is expected:
mean +/- t * s * sqrt(1 + 1/W) over W reference weeks (a prediction interval, Student's t with W - 1 degrees of freedom).
`Baseline.of(held_out, schema, model, costs=costs)`; on rows the model was trained on the cost looks too good.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from mlops_core.dataset import Column, Costs, Schema
from mlops_core.drift import Reference
from mlops_core.drift.reference import Calendar
from mlops_core.errors import BadData, BadParameter
from mlops_core.performance import ScoreCalibration, estimate
from mlops_core.training import predict, row_cost

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

Floats = npt.NDArray[np.float64]
SCORE = Schema((Column("day", "time", "day"), Column("score", "number", "feature")))


@dataclass(frozen=True, slots=True, eq=False)
class Span:
    """The days `start` to `end` (both included) and the positions of their rows in the frame."""

    start: pd.Timestamp
    end: pd.Timestamp
    positions: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Expected:
    """Mean over reference units, and the interval in which one more unit falls with the confidence asked for."""

    mean: float
    low: float
    high: float
    units: int

    @classmethod
    def of(cls, values: Iterable[float], confidence: float = 0.95) -> Expected:
        """Prediction interval from one value a unit; BadData with fewer than three.

        >>> Expected.of([1.0, 2.0, 3.0]).units
        3
        """
        if not 0 < confidence < 1:
            raise BadParameter(f"confidence is {confidence}; it must lie between 0 and 1", code="confidence.range")
        units = np.array(list(values), dtype=np.float64)
        if len(units) < 3:
            raise BadData(
                f"{len(units)} reference weeks or days; at least 3 are needed to say what is normal.",
                code="monitor.units",
                fix="Give a longer reference, or monitor by day.",
            )
        half = float(special.stdtrit(len(units) - 1, (1 + confidence) / 2)) * float(units.std(ddof=1))
        half *= math.sqrt(1 + 1 / len(units))
        mean = float(units.mean())
        return cls(mean, mean - half, mean + half, len(units))

    def to_dict(self) -> dict[str, float]:
        """The fields by name."""
        return asdict(self)


def windows(frame: pd.DataFrame, schema: Schema, start: object, end: object, freq: Calendar = "W") -> tuple[Span, ...]:
    """The weeks (Monday to Sunday, cut at `start` and `end`) or days from `start` to `end`, both included.

    A window without rows is there all the same: silence is something to notice. BadParameter when end < start.
    """
    first, last = pd.Timestamp(str(start)).normalize(), pd.Timestamp(str(end)).normalize()
    if last < first:
        raise BadParameter(f"the end {last:%Y-%m-%d} lies before the start {first:%Y-%m-%d}", code="monitor.span")
    if freq not in ("W", "D"):
        raise BadParameter(f"freq is {freq!r}; it must be W or D", code="monitor.freq", freq=freq)
    if schema.day is None or schema.day not in frame:
        raise BadData("the table has no day column; monitoring needs to know when a row happened", code="monitor.day")
    days = pd.to_datetime(frame[schema.day]).dt.normalize().to_numpy()
    spans, begin = [], first
    while begin <= last:
        stop = begin if freq == "D" else min(begin + pd.Timedelta(days=6 - begin.day_of_week), last)
        inside = np.flatnonzero((days >= begin.to_datetime64()) & (days <= stop.to_datetime64()))
        spans.append(Span(begin, stop, inside))
        begin = stop + pd.Timedelta(days=1)
    return tuple(spans)


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """Everything a window is judged against. `cost` and `estimated` are costs per row, by reference week or day."""

    inputs: Reference
    scores: Reference
    cost: Expected
    estimated: Expected
    calibration: ScoreCalibration | None
    costs: Costs
    freq: Calendar

    @classmethod
    def of(
        cls,
        frame: pd.DataFrame,
        schema: Schema,
        model: Pipeline | None,
        *,
        costs: Costs,
        freq: Calendar = "W",
        bins: int = 10,
        confidence: float = 0.95,
        calibrate: bool = False,
        scores: npt.ArrayLike | None = None,
        inputs: pd.DataFrame | None = None,
    ) -> Baseline:
        """Learn what is normal from rows whose outcome is known and that the model was not trained on.

        `scores` (one a row of `frame`) replaces the model's own, for instance out-of-fold ones. `inputs` is a longer
        frame for the input bands (inputs may be those of the training period too). `calibrate` fits an isotonic map.
        """
        if schema.target is None or schema.target not in frame:
            raise BadData("the reference has no target; realised cost cannot be learned from it", code="monitor.target")
        p, truth = _scores(frame, model, scores), frame[schema.target].to_numpy(dtype=np.float64, na_value=np.nan)
        p, truth, frame = p[~np.isnan(truth)], truth[~np.isnan(truth)], frame[~np.isnan(truth)]
        calibration = ScoreCalibration.fit(truth, p) if calibrate else None
        units = _full_windows(frame, schema, freq)
        cost = row_cost(truth, p, costs)
        promised = [estimate(p[unit.positions], calibration, costs).cost_per_row for unit in units]
        score_frame = pd.DataFrame({"day": frame[schema.day].to_numpy(), "score": p})
        return cls(
            inputs=Reference.of(frame if inputs is None else inputs, schema, bins=bins, calendar=freq),
            scores=Reference.of(score_frame, SCORE, bins=bins, calendar=freq),
            cost=Expected.of((float(cost[unit.positions].mean()) for unit in units), confidence),
            estimated=Expected.of(promised, confidence),
            calibration=calibration,
            costs=costs,
            freq=freq,
        )


def _scores(frame: pd.DataFrame, model: Pipeline | None, scores: npt.ArrayLike | None) -> Floats:
    if scores is not None:
        given = np.asarray(scores, dtype=np.float64)
        if given.shape != (len(frame),):
            raise BadData(f"{given.shape} scores for {len(frame)} rows", code="score.shape")
        return given
    if model is None:
        raise BadParameter("give a model or its scores", code="monitor.no_model")
    return np.asarray(predict(model, frame), dtype=np.float64)


def _full_windows(frame: pd.DataFrame, schema: Schema, freq: Calendar) -> list[Span]:
    """Units with at least half the median number of rows."""
    if not len(frame):
        raise BadData("the reference has no rows with a known outcome", code="monitor.empty_reference")
    days = pd.to_datetime(frame[schema.day])
    spans = windows(frame, schema, days.min(), days.max(), freq)
    sizes = np.array([len(span.positions) for span in spans])
    return [span for span in spans if len(span.positions) >= max(1.0, float(np.median(sizes)) / 2)]
