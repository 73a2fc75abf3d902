"""Is A better than B on the same rows? The day is the unit: flights of one day share its weather.

Mean: ratio estimator, sum of all differences / number of rows, so that every row counts once. Error: day residuals
e_d = S_d - mean * n_d (S_d, n_d: sum and rows of day d), variance D/(D-1) * sum(e_d^2) / N^2, Student's t with D - 1
degrees of freedom (Cochran, *Sampling Techniques*, 1977, ch. 9A; Liang & Zeger 1986). With equally long days this *is*
the t test on day means. `paired_by_day(cost_new, cost_old, day).high < 0` says: new is cheaper.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import special

from mlops_core.errors import BadData, BadParameter

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DayMean:
    """A mean per row with an interval by day. `design_effect` = its variance / that of independent rows."""

    mean: float
    low: float
    high: float
    days: int
    n: int
    standard_error: float
    design_effect: float
    confidence: float

    def to_dict(self) -> dict[str, float]:
        """The fields by name."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """Mean of a - b per row, its interval and the two-sided p-value of "no difference"; the unit is the day."""

    mean: float
    low: float
    high: float
    days: int
    n: int
    p_value: float
    design_effect: float
    standard_error: float
    confidence: float

    def to_dict(self) -> dict[str, float]:
        """The fields by name."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True)
class McNemar:
    """Rows that only a, or only b, got right, and the exact two-sided p-value if rows were independent."""

    only_a: int
    only_b: int
    n: int
    p_value: float


@dataclass(frozen=True, slots=True)
class _DaySums:
    values: Floats
    sums: Floats
    counts: Floats

    @property
    def mean(self) -> float:
        return float(self.sums.sum() / self.counts.sum())


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise BadParameter(f"confidence is {confidence}; it must lie between 0 and 1", code="confidence.range")


def _numbers(values: ArrayLike, name: str) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise BadData(f"{name} has {array.ndim} dimensions; it must be one column", code="paired.shape")
    bad = int((~np.isfinite(array)).sum())
    if bad:
        raise BadData(
            f"{name} has {bad} missing or infinite values; drop those rows from both sides first",
            code="paired.missing",
            count=bad,
        )
    return array


def _day_sums(values: Floats, day: Any) -> _DaySums:
    codes, days = pd.factorize(np.asarray(day), use_na_sentinel=True)
    if len(codes) != len(values):
        raise BadData(f"{len(values)} values but {len(codes)} days; give one day a row", code="paired.length")
    if len(codes) and codes.min() < 0:
        raise BadData("some rows have no day; every row needs the day it belongs to", code="paired.noday")
    if len(days) < 2:
        raise BadData(f"{len(days)} day(s); an interval by day needs at least 2", code="paired.days", days=len(days))
    sums = np.bincount(codes, weights=values, minlength=len(days)).astype(np.float64)
    return _DaySums(values, sums, np.bincount(codes, minlength=len(days)).astype(np.float64))


def _standard_error(days: _DaySums) -> float:
    residuals = days.sums - days.mean * days.counts
    d, n = len(days.sums), days.counts.sum()
    scale = float(np.abs(days.sums).max())
    error = float(np.sqrt(d / (d - 1) * np.square(residuals).sum()) / n)
    return 0.0 if error * n <= 1e-13 * scale else error  # equal values differ by rounding only


def _design_effect(days: _DaySums, error: float) -> float:
    spread = float(days.values.var(ddof=1)) / len(days.values)
    return error**2 / spread if error and spread else 1.0


def mean_by_day(values: ArrayLike, day: Any, *, confidence: float = 0.95) -> DayMean:
    """Mean of `values` (n,) with a t interval by day; BadData with fewer than two days or missing values.

    >>> m = mean_by_day([1, 1, 0, 0, 1, 0], ["mon", "mon", "tue", "tue", "wed", "wed"])
    >>> m.mean, m.days, round(m.low, 2), round(m.design_effect, 2)
    (0.5, 3, -0.74, 1.67)
    """
    _check_confidence(confidence)
    days = _day_sums(_numbers(values, "values"), day)
    error, d = _standard_error(days), len(days.sums)
    half = float(special.stdtrit(d - 1, (1 + confidence) / 2)) * error
    mean = days.mean
    return DayMean(mean, mean - half, mean + half, d, len(days.values), error, _design_effect(days, error), confidence)


def paired_by_day(values_a: ArrayLike, values_b: ArrayLike, day: Any, *, confidence: float = 0.95) -> PairedDifference:
    """Mean of a - b over the same rows, (n,) each, by day. Identical columns: mean 0, p-value 1.

    >>> paired_by_day([1, 2, 3, 4], [0, 1, 1, 2], [1, 1, 2, 2]).mean
    1.5
    """
    differences = _difference(values_a, values_b)
    m = mean_by_day(differences, day, confidence=confidence)
    p_value = _two_sided_p(m.mean, m.standard_error, m.days - 1)
    return PairedDifference(m.mean, m.low, m.high, m.days, m.n, p_value, m.design_effect, m.standard_error, confidence)


def _difference(values_a: ArrayLike, values_b: ArrayLike) -> Floats:
    a, b = _numbers(values_a, "values_a"), _numbers(values_b, "values_b")
    if len(a) != len(b):
        raise BadData(f"{len(a)} rows against {len(b)}; both sides must be the same rows", code="paired.length")
    return a - b


def _two_sided_p(mean: float, error: float, freedom: int) -> float:
    if error == 0:
        return 1.0 if mean == 0 else 0.0
    return float(2 * special.stdtr(freedom, -abs(mean) / error))


def day_bootstrap(
    values_a: ArrayLike,
    values_b: ArrayLike,
    day: Any,
    *,
    rng: np.random.Generator,
    confidence: float = 0.95,
    draws: int = 2000,
) -> PairedDifference:
    """The same question by resampling whole days: percentile interval, p-value = 2 * smaller tail share (never below
    2 / (draws + 1)). A check on the t interval; with fewer than ten days it is too narrow.
    """
    _check_confidence(confidence)
    days = _day_sums(_difference(values_a, values_b), day)
    d = len(days.sums)
    weights = rng.multinomial(d, np.full(d, 1 / d), size=draws).astype(np.float64)
    means = (weights @ days.sums) / (weights @ days.counts)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    tail = 1 + min(int((means <= 0).sum()), int((means >= 0).sum()))
    error = float(means.std(ddof=1))
    return PairedDifference(
        days.mean,
        float(low),
        float(high),
        d,
        len(days.values),
        min(1.0, 2 * tail / (draws + 1)),
        _design_effect(days, error),
        error,
        confidence,
    )


def mcnemar(right_a: ArrayLike, right_b: ArrayLike) -> McNemar:
    """Exact McNemar test (1947) on two columns of right/wrong. It takes rows for independent: shown as the contrast.

    >>> mcnemar([1, 1, 1, 0], [0, 0, 0, 1]).p_value
    0.625
    """
    a, b = np.asarray(right_a, dtype=bool), np.asarray(right_b, dtype=bool)
    if a.shape != b.shape or a.ndim != 1:
        raise BadData(f"{a.size} rows against {b.size}; both sides must be the same rows", code="paired.length")
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    tail = float(special.bdtr(min(only_a, only_b), only_a + only_b, 0.5)) if only_a + only_b else 1.0
    return McNemar(only_a, only_b, len(a), min(1.0, 2 * tail))
