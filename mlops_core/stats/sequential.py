"""Look as often as you like: always-valid p-values for a stream.

mSPRT with a normal mixture N(0, tau^2) over the effect (Robbins 1970; Johari, Koomen, Pekelis, Walsh, KDD 2017):
likelihood ratio L_n = sqrt(V/(V + n tau^2)) * exp(n^2 tau^2 mean_n^2 / (2 V (V + n tau^2))), p_n = min(p_(n-1), 1/L_n).
P(p_n <= alpha for *any* n | no effect) <= alpha. `peeking` is the contrast: a z test repeated at each look.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from mlops_core.errors import BadData, BadParameter

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class SequentialTest:
    """One entry a look: running mean, always-valid p-value and interval; `stopped_at` is the first look (from 1) with
    p <= alpha, None if there is none.
    """

    mean: Floats
    p_values: Floats
    low: Floats
    high: Floats
    alpha: float

    @property
    def stopped_at(self) -> int | None:
        """The first look at which the test may stop."""
        hits = np.flatnonzero(self.p_values <= self.alpha)
        return int(hits[0]) + 1 if len(hits) else None

    @property
    def p_value(self) -> float:
        """The p-value after the last look (1 before the first)."""
        return float(self.p_values[-1]) if len(self.p_values) else 1.0


def _stream(values: ArrayLike) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not np.isfinite(array).all():
        raise BadData("the stream must be one column without missing values", code="sequential.stream")
    return array


def _check(variance: Floats, tau: float, alpha: float) -> None:
    if not (0 < alpha < 1 and 0 < tau < np.inf and (variance > 0).all()):
        raise BadParameter(
            f"variance and tau (= {tau}) must be above 0 and alpha (= {alpha}) between 0 and 1",
            code="sequential.range",
            tau=tau,
            alpha=alpha,
        )


def _mixture(mean: Floats, n: Floats, variance: Floats, tau: float, alpha: float) -> SequentialTest:
    _check(variance, tau, alpha)
    total = variance + n * tau**2
    log_ratio = 0.5 * np.log(variance / total) + np.square(n * tau * mean) / (2 * variance * total)
    p_values = np.minimum.accumulate(np.minimum(1.0, np.exp(-log_ratio)))
    half = np.sqrt(2 * variance * total * (0.5 * np.log(total / variance) - np.log(alpha))) / (n * tau)
    return SequentialTest(mean, p_values, np.maximum.accumulate(mean - half), np.minimum.accumulate(mean + half), alpha)


def msprt(differences: ArrayLike, *, variance: float, tau: float, alpha: float = 0.05) -> SequentialTest:
    """Test a stream of paired differences (metric units; one a day where days cluster) against "mean = 0".

    `variance` of one difference must be known from the past; `tau` is the size of effect one hopes to see early.

    >>> msprt([1.0] * 20, variance=1.0, tau=1.0).stopped_at
    10
    """
    stream = _stream(differences)
    n = np.arange(1, len(stream) + 1, dtype=np.float64)
    return _mixture(np.cumsum(stream) / n, n, np.full(len(stream), float(variance)), tau, alpha)


def msprt_proportions(
    bad_a: ArrayLike, bad_b: ArrayLike, *, tau: float = 0.05, alpha: float = 0.05, first_look: int = 50
) -> SequentialTest:
    """Test rate a - rate b on two equally long streams of 0/1 (pair i of a and b arrives at look i).

    The variance is plugged in from the pooled rate so far (one success and one failure added); before `first_look`
    pairs, p = 1 and the interval is -1..1, since the normal approximation is not to be trusted there.
    """
    a, b = _stream(bad_a), _stream(bad_b)
    if len(a) != len(b):
        raise BadData(f"{len(a)} against {len(b)} rows; both arms must be equally long", code="sequential.length")
    if not np.isin(np.concatenate([a, b]), (0.0, 1.0)).all():
        raise BadData("a proportion counts 0 and 1 only", code="sequential.binary")
    n = np.arange(1, len(a) + 1, dtype=np.float64)
    sum_a, sum_b = np.cumsum(a), np.cumsum(b)
    pooled = (sum_a + sum_b + 1) / (2 * n + 2)
    late = _mixture(
        ((sum_a - sum_b) / n)[first_look - 1 :],
        n[first_look - 1 :],
        (2 * pooled * (1 - pooled))[first_look - 1 :],
        tau,
        alpha,
    )
    early = np.ones(min(first_look - 1, len(a)))
    return SequentialTest(
        (sum_a - sum_b) / n,
        np.concatenate([early, late.p_values]),
        np.concatenate([-early, late.low]),
        np.concatenate([early, late.high]),
        alpha,
    )


def peeking(differences: ArrayLike, *, variance: float) -> Floats:
    """The two-sided z-test p-value after each look: right at one look, wrong at many.

    >>> peeking([0.0, 0.0], variance=1.0).tolist()
    [1.0, 1.0]
    """
    stream = _stream(differences)
    n = np.arange(1, len(stream) + 1)
    p_values: Floats = 2 * special.ndtr(-np.abs(np.cumsum(stream)) / np.sqrt(n * variance))
    return p_values
