"""How good were these probabilities? Numbers of one model on rows whose outcome is known.

AUC, Brier score and log loss are scikit-learn's; the cost is what the decisions at the threshold would have cost
(Elkan, IJCAI 2001). `training` hands all of this on under its own name.

>>> evaluate([0, 0, 1, 1], [.1, .4, .35, .8], Costs(false_alarm=1, miss=3)).cost_per_row
0.25
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlops_core.dataset import Costs
from mlops_core.errors import BadData, BadParameter

Floats = npt.NDArray[np.float64]


def as_word(value: object) -> str:
    """A category as text; 1 and 1.0 are the same one.

    >>> as_word(1.0), as_word("JFK")
    ('1', 'JFK')
    """
    if isinstance(value, int | float | np.integer | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def as_words(column: pd.Series) -> npt.NDArray[np.object_]:
    """A column of categories as text, NaN where missing, whatever its dtype."""
    codes, found = pd.factorize(column, use_na_sentinel=True)
    return np.asarray([*(as_word(value) for value in found), np.nan], dtype=object)[codes]


@dataclass(frozen=True, slots=True)
class Metrics:
    """A model's numbers on n rows. `rate`, `mean_score`, `flagged` are shares of rows; `auc` is None with one class.

    `cost_per_row` is in units of one false alarm; `flagged` is the share with a score of at least `threshold`.
    """

    n: int
    rate: float
    mean_score: float
    auc: float | None
    brier: float
    log_loss: float
    cost_per_row: float
    threshold: float
    flagged: float

    def to_dict(self) -> dict[str, float | int | None]:
        """The numbers by name."""
        return asdict(self)


def _refused(message: str, fix: str, code: str, **values: object) -> BadData:
    return BadData(message, code=code, fix=fix, **values)


def _pair(y: npt.ArrayLike, p: npt.ArrayLike) -> tuple[Floats, Floats]:
    truth, score = np.asarray(y, dtype=np.float64), np.asarray(p, dtype=np.float64)
    if truth.shape != score.shape or truth.ndim != 1:
        raise BadData(f"{truth.shape} outcomes and {score.shape} scores do not pair", code="score.shape")
    if not len(truth):
        raise _refused("there are no rows to evaluate.", "Widen the window.", "score.rows")
    if not np.isin(truth, (0.0, 1.0)).all():
        raise _refused("an outcome is missing or not 0 or 1.", "Evaluate rows with known outcomes.", "score.labels")
    if not ((score >= 0) & (score <= 1)).all():
        raise _refused("a score is missing or not a probability.", "Scores lie from 0 to 1.", "score.range")
    return truth, score


def row_cost(y: npt.ArrayLike, p: npt.ArrayLike, costs: Costs) -> Floats:
    """What each decision cost: `false_alarm` for a flagged row that was fine, `miss` for the reverse, else 0.

    >>> row_cost([0, 0, 1, 1], [.1, .9, .1, .9], Costs(1, 3)).tolist()
    [0.0, 1.0, 3.0, 0.0]
    """
    truth, score = _pair(y, p)
    return np.where(score >= costs.threshold, costs.false_alarm * (1 - truth), costs.miss * truth)


def evaluate(y: npt.ArrayLike, p: npt.ArrayLike, costs: Costs) -> Metrics:
    """All numbers of one model on one set of rows; AUC, Brier score and log loss are scikit-learn's.

    Raises BadData for no rows, unequal lengths, outcomes that are not 0 or 1, scores that are no probabilities.
    """
    from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

    truth, score = _pair(y, p)
    return Metrics(
        n=len(truth),
        rate=float(truth.mean()),
        mean_score=float(score.mean()),
        auc=float(roc_auc_score(truth, score)) if 0 < truth.mean() < 1 else None,
        brier=float(brier_score_loss(truth, score, pos_label=1)),
        log_loss=float(log_loss(truth, score, labels=[0, 1])),
        cost_per_row=float(row_cost(truth, score, costs).mean()),
        threshold=costs.threshold,
        flagged=float((score >= costs.threshold).mean()),
    )


@dataclass(frozen=True, slots=True)
class Calibration:
    """Observed rate against mean score in bins of equal size; `error` is their mean distance, weighted by rows."""

    edges: tuple[float, ...]
    count: tuple[int, ...]
    mean_score: tuple[float, ...]
    rate: tuple[float, ...]
    error: float

    def frame(self) -> pd.DataFrame:
        """One row a bin: count, mean_score, rate."""
        return pd.DataFrame({"count": self.count, "mean_score": self.mean_score, "rate": self.rate})

    def to_dict(self) -> dict[str, object]:
        """Everything by name, lists for tuples."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}


def calibration(y: npt.ArrayLike, p: npt.ArrayLike, bins: int = 10) -> Calibration:
    """Reliability in `bins` quantile bins of the score (equal edges merge; empty bins are left out).

    `error` is the expected calibration error (Naeini, Cooper, Hauskrecht, AAAI 2015) over these bins.
    """
    if bins < 1:
        raise BadParameter(f"bins is {bins}; it must be at least 1", code="bins.range", bins=bins)
    truth, score = _pair(y, p)
    edges = np.unique(np.quantile(score, np.linspace(0, 1, bins + 1)))
    place = np.searchsorted(edges[1:-1], score)
    count = np.bincount(place, minlength=max(len(edges) - 1, 1))
    full = count > 0
    mean = np.bincount(place, score, minlength=len(count))[full] / count[full]
    rate = np.bincount(place, truth, minlength=len(count))[full] / count[full]
    error = float(np.sum(count[full] * np.abs(mean - rate)) / len(truth))
    return Calibration(
        tuple(edges.tolist()), tuple(count[full].tolist()), tuple(mean.tolist()), tuple(rate.tolist()), error
    )


@dataclass(frozen=True, slots=True)
class SliceMetrics:
    """The numbers of one slice: column `name` has `value`."""

    name: str
    value: str
    n: int
    metrics: Metrics

    def to_dict(self) -> dict[str, object]:
        """Name, value, n and `metrics`, a mapping."""
        return asdict(self)


def slices(
    frame: pd.DataFrame, y: npt.ArrayLike, p: npt.ArrayLike, by: str | Sequence[str], costs: Costs
) -> tuple[SliceMetrics, ...]:
    """Metrics for every value of each column in `by`, values in order; missing values are the slice "(missing)"."""
    truth, score = _pair(y, p)
    found = []
    for name in (by,) if isinstance(by, str) else tuple(by):
        if name not in frame.columns:
            raise _refused(f"column {name} is missing.", "Name a column of the table.", "slice.column", column=name)
        words = as_words(frame[name])
        labels = np.where(pd.isna(words), "(missing)", words)
        for value in sorted(set(labels)):
            here = labels == value
            found.append(SliceMetrics(name, value, int(here.sum()), evaluate(truth[here], score[here], costs)))
    return tuple(found)


@dataclass(frozen=True, slots=True, eq=False)
class ThresholdCurve:
    """What each threshold would have cost: arrays of one length; shares and costs are per row."""

    threshold: Floats
    cost_per_row: Floats
    flagged: Floats
    caught: Floats

    @property
    def best(self) -> float:
        """The cheapest threshold on these rows (the lowest of equals)."""
        return float(self.threshold[int(np.argmin(self.cost_per_row))])

    def frame(self) -> pd.DataFrame:
        """One row a threshold."""
        return pd.DataFrame({name: getattr(self, name) for name in self.__slots__})


def threshold_curve(y: npt.ArrayLike, p: npt.ArrayLike, costs: Costs, points: int = 101) -> ThresholdCurve:
    """Cost per row, share flagged and share of targets caught (NaN without any) at thresholds from 0 to 1."""
    truth, score = _pair(y, p)
    order = np.argsort(score)
    ranked, hits = score[order], np.append(0.0, np.cumsum(truth[order]))
    grid = np.linspace(0, 1, points)
    below = np.searchsorted(ranked, grid, side="left")
    missed = hits[below]
    flagged = len(truth) - below
    alarms = flagged - (hits[-1] - missed)
    caught = (hits[-1] - missed) / hits[-1] if hits[-1] else np.full(points, np.nan)
    cost = (costs.miss * missed + costs.false_alarm * alarms) / len(truth)
    return ThresholdCurve(grid, cost, flagged / len(truth), caught)
