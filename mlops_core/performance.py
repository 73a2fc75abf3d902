"""How good is the model now: estimated without labels, realised with those known by then, and what the budget says.

Estimate: if p is calibrated, each row's expected confusion is known, so are expected cost, rate and AUC
(confidence-based estimation, NannyML's CBPE; Garg et al., ICLR 2022). Blind spot: it believes P(y|x) unchanged.
Budget and burn rate: Beyer et al., *The Site Reliability Workbook*, 2018, ch. 5. `estimate(p, None, costs).cost_per_row`.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlops_core.dataset import Costs
from mlops_core.errors import BadData, BadParameter
from mlops_core.training import Metrics, evaluate

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ScoreCalibration:
    """A monotone map from score to probability: linear between the knots, flat outside."""

    scores: tuple[float, ...]
    rates: tuple[float, ...]

    @classmethod
    def fit(cls, y: npt.ArrayLike, p: npt.ArrayLike) -> ScoreCalibration:
        """Isotonic regression of outcomes on scores (Zadrozny & Elkan, KDD 2002), on held-out rows."""
        from sklearn.isotonic import IsotonicRegression

        scores, truth = _scores(p), np.asarray(y, dtype=np.float64)
        if len(scores) != len(truth) or not len(scores) or not np.isin(truth, (0.0, 1.0)).all():
            raise BadData(
                "calibration needs as many outcomes (0 or 1) as scores, at least one", code="calibration.rows"
            )
        fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(scores, truth)
        return cls(tuple(fitted.X_thresholds_.tolist()), tuple(fitted.y_thresholds_.tolist()))

    def apply(self, p: npt.ArrayLike) -> Floats:
        """Probabilities for scores."""
        return np.interp(np.asarray(p, dtype=np.float64), self.scores, self.rates)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What n scores promise. `auc` is None when no pair of classes is expected; the rest are shares."""

    n: int
    auc: float | None
    cost_per_row: float
    rate: float
    brier: float
    flagged: float

    def to_dict(self) -> dict[str, float | int | None]:
        """The numbers by name."""
        return asdict(self)


def _scores(p: npt.ArrayLike) -> Floats:
    scores = np.asarray(p, dtype=np.float64)
    if scores.ndim != 1 or not ((scores >= 0) & (scores <= 1)).all():
        raise BadData("a score is missing or not a probability; scores lie from 0 to 1", code="score.range")
    return scores


def estimate(p: npt.ArrayLike, calibration: ScoreCalibration | None, costs: Costs) -> Estimate:
    """Expected quality of decisions `p >= costs.threshold` on rows without labels; p is believed, or first calibrated.

    Raises BadData for no rows or scores that are no probabilities.

    >>> estimate([0.1, 0.9], None, Costs(1, 3)).cost_per_row  # a miss at .1 * 3, a false alarm at .1 * 1
    0.2
    """
    scores = _scores(p)
    if not len(scores):
        raise BadData("there are no scores to estimate from; widen the window", code="score.rows")
    belief = calibration.apply(scores) if calibration else scores
    flagged = scores >= costs.threshold
    cost = np.where(flagged, (1 - belief) * costs.false_alarm, belief * costs.miss)
    brier = belief * (1 - scores) ** 2 + (1 - belief) * scores**2
    return Estimate(
        len(scores),
        _expected_auc(scores, belief),
        float(cost.mean()),
        float(belief.mean()),
        float(brier.mean()),
        float(flagged.mean()),
    )


def _expected_auc(scores: Floats, belief: Floats) -> float | None:
    """Expected concordant pairs / expected pairs, a tie counting half; a row is no pair with itself."""
    order = np.argsort(scores, kind="stable")
    s, p = scores[order], belief[order]
    q = 1 - p
    below = np.concatenate([[0.0], np.cumsum(q)])
    left, right = np.searchsorted(s, s, side="left"), np.searchsorted(s, s, side="right")
    won = float((p * (below[left] + below[right]) / 2).sum()) - float((p * q).sum()) / 2
    pairs = float(p.sum() * q.sum() - (p * q).sum())
    return won / pairs if pairs > 1e-12 else None


@dataclass(frozen=True, slots=True)
class Realised:
    """Quality on the rows of a window whose outcome is known at `as_of`; `metrics` is None while none is."""

    as_of: pd.Timestamp
    rows: int
    known: int
    metrics: Metrics | None

    @property
    def share(self) -> float:
        """Share of rows known (1 for a window without rows: there is nothing to wait for)."""
        return self.known / self.rows if self.rows else 1.0


def realised(
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    known: npt.ArrayLike,
    as_of: pd.Timestamp,
    costs: Costs,
    *,
    settlement_days: float = 0.0,
) -> Realised:
    """Metrics over rows with `known` + `settlement_days` <= `as_of`; outcomes that arrive later are not looked at.

    `known`: a moment per row (NaT: never known), in the clock of `as_of`.
    """
    moments = pd.DatetimeIndex(pd.to_datetime(np.asarray(known)))
    truth, scores = np.asarray(y, dtype=np.float64), _scores(p)
    if not len(truth) == len(scores) == len(moments):
        raise BadData(f"{len(truth)} outcomes, {len(scores)} scores, {len(moments)} moments", code="performance.length")
    there = np.asarray(moments + pd.Timedelta(days=settlement_days) <= as_of) & ~np.isnan(truth)
    metrics = evaluate(truth[there], scores[there], costs) if there.any() else None
    return Realised(as_of, len(truth), int(there.sum()), metrics)


@dataclass(frozen=True, slots=True)
class SLO:
    """A promise: at least `target` (a share below 1) of the events of `window_days` days are good."""

    name: str
    target: float
    window_days: float = 28.0

    def __post_init__(self) -> None:
        if not (0 < self.target < 1 and self.window_days > 0):
            raise BadParameter(
                f"SLO {self.name}: target {self.target} must lie between 0 and 1, the window above 0 days; "
                "a target of 1 leaves no budget at all",
                code="slo.range",
                target=self.target,
            )

    def budget(self, bad: float, total: float) -> ErrorBudget:
        """What is left after `bad` of `total` events in the window.

        >>> SLO("answers", 0.99).budget(5, 1000).left
        0.5
        """
        if not 0 <= bad <= total:
            raise BadData(f"{bad} bad of {total} events", code="slo.events")
        return ErrorBudget(self, float(bad), float(total))


@dataclass(frozen=True, slots=True)
class ErrorBudget:
    """`allowed` bad events, those `bad`, the share of the budget `left` (negative: overspent) and the `burn_rate`."""

    slo: SLO
    bad: float
    total: float

    @property
    def allowed(self) -> float:
        """Bad events that the promise allows for this many events."""
        return (1 - self.slo.target) * self.total

    @property
    def left(self) -> float:
        """Share of the budget left: 1 untouched, 0 used up."""
        return round(1 - self.burn_rate, 12)

    @property
    def burn_rate(self) -> float:
        """How many times faster than allowed the budget burns: 1 uses it up exactly at the end of the window."""
        return self.bad / self.allowed if self.allowed else 0.0


def burning(fast: ErrorBudget, slow: ErrorBudget, *, rate: float) -> bool:
    """Multi-window alert: both the short and the long window burn at `rate` or more."""
    if not (rate > 0 and math.isfinite(rate)):
        raise BadParameter(f"burn rate {rate} must be above 0", code="slo.burn", rate=rate)
    return min(fast.burn_rate, slow.burn_rate) >= rate
