"""How each detector works: its statistic, its i.i.d. null, what it applies to, and whether missing rows are a bin."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mlops_core.drift import nulls, statistics
from mlops_core.drift.reference import CategoryReference, CategorySide, ColumnReference, NumericReference, NumericSide

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Method:
    """`statistic(reference, side)` and `null(reference, side)`; the reference fits the kinds named."""

    statistic: Callable[[Any, Any], float]
    null: Callable[[Any, Any], nulls.Null]
    kinds: tuple[str, ...]
    counts_missing: bool
    two_sided: bool = False


@dataclass(frozen=True, slots=True)
class _Moments:
    n: int
    mean: float
    variance: float


def psi(reference: Any, side: Any) -> float:
    """PSI over the reference's bins (or frequent labels), the missing bin included."""
    return float(statistics.psi(*reference.table(side)))


def jensen_shannon(reference: Any, side: Any) -> float:
    """Jensen-Shannon distance over the same bins."""
    return float(statistics.jensen_shannon(*reference.table(side)))


def chi_square(reference: CategoryReference, side: CategorySide) -> float:
    """Chi-square of homogeneity over all labels and the missing rows, rare ones pooled."""
    return statistics.chi_square(*_label_table(reference, side))


def kolmogorov_smirnov(reference: NumericReference, side: NumericSide) -> float:
    """KS over present values; infinite ones rank first and last."""
    return statistics.kolmogorov_smirnov(reference.side.values, side.values)


def wasserstein(reference: NumericReference, side: NumericSide) -> float:
    """Wasserstein distance in the column's unit; infinite values count as the end of the finite range of both sides."""
    values, sums = reference.prefix()
    return statistics.wasserstein(values, sums, _finite(reference, side))


def mean(reference: NumericReference, side: NumericSide) -> float:
    """Difference of means (current - reference) in standard deviations of the reference.

    A constant reference lends no scale: then the current side's deviation does, and if that is 0 too, the plain unit.
    """
    r, c = _reference_moments(reference), _moments(_finite(reference, side))
    if not (r.n and c.n):
        return math.nan
    return (c.mean - r.mean) / _scale(r, c)


def _finite(reference: NumericReference, side: NumericSide) -> Floats:
    values = side.values
    if not len(values) or (np.isfinite(values[0]) and np.isfinite(values[-1])):
        return values
    low, high = reference.low_high
    finite = values[np.isfinite(values)]
    return np.clip(
        values, min(low, *finite[:1]) if len(finite) else low, max(high, *finite[-1:]) if len(finite) else high
    )


def _moments(values: Floats) -> _Moments:
    if not len(values):
        return _Moments(0, math.nan, math.nan)
    if values[0] == values[-1]:  # a constant has no spread, whatever rounding says
        return _Moments(len(values), float(values[0]), 0.0)
    return _Moments(len(values), float(values.mean()), float(values.var(ddof=1)))


def _reference_moments(reference: NumericReference) -> _Moments:
    if "moments" not in reference.cache:
        reference.cache["moments"] = _moments(reference.prefix()[0])
    ready: _Moments = reference.cache["moments"]
    return ready


def _scale(r: _Moments, c: _Moments) -> float:
    return math.sqrt(r.variance) or math.sqrt(c.variance) or 1.0


def _label_table(reference: CategoryReference, side: CategorySide) -> tuple[Floats, Floats]:
    r, c = reference.all_labels(side)
    return statistics.pool_rare(np.append(r, reference.side.missing), np.append(c, side.missing))


def _count_null(name: str) -> Callable[[ColumnReference, Any], nulls.Null]:
    def null(reference: Any, side: Any) -> nulls.Null:
        r, c = reference.table(side)
        own_bins = isinstance(reference, NumericReference) and not reference.bins.exact
        return nulls.count_null(name, r, c, from_reference=own_bins)

    return null


def _welch_null(reference: NumericReference, side: NumericSide) -> nulls.Null:
    """Welch's t in units of the statistic; with one current value the reference lends its variance."""
    r, c = _reference_moments(reference), _moments(_finite(reference, side))
    a, b = r.variance / r.n, (c.variance if c.n > 1 else r.variance) / c.n
    if a + b == 0:
        return nulls.Null(lambda _: 0.0, lambda statistic: 1.0 if statistic == 0 else 0.0)
    error = math.sqrt(a + b) / _scale(r, c)
    freedom = (a + b) ** 2 / (a**2 / max(r.n - 1, 1) + (b**2 / (c.n - 1) if c.n > 1 else 0.0) or 1e-300)
    return nulls.Null(
        lambda share: float(special.stdtrit(freedom, share)) * error,
        lambda statistic: float(2 * special.stdtr(freedom, -abs(statistic) / error)),
    )


METHODS: dict[str, Method] = {
    "psi": Method(psi, _count_null("psi"), ("number", "category"), True),
    "ks": Method(kolmogorov_smirnov, lambda r, s: nulls.ks_null(r, len(s.values)), ("number",), False),
    "wasserstein": Method(
        wasserstein, lambda r, s: nulls.bridge_null(r, "wasserstein", len(s.values)), ("number",), False
    ),
    "js": Method(jensen_shannon, _count_null("js"), ("number", "category"), True),
    "chi2": Method(chi_square, lambda r, s: nulls.table_null(*_label_table(r, s)), ("category",), True),
    "mean": Method(mean, _welch_null, ("number",), False, two_sided=True),
}
