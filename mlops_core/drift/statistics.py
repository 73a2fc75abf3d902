"""The statistics themselves: arrays in, one number out. No null bands, no frames.

Counts are vectors over the same bins, sorted values are float arrays without NaN. `psi([50, 50], [60, 40])` -> .0405.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
CountStatistic = Callable[[ArrayLike, ArrayLike], Floats]


def _shares(counts: Floats) -> Floats:
    total = counts.sum(axis=-1, keepdims=True)
    shares: Floats = counts / np.where(total == 0, 1, total)
    return shares


def psi(reference: ArrayLike, current: ArrayLike) -> Floats:
    """Population stability index, sum((c - r) * ln(c / r)) over bins, along the last axis.

    Empty-bin rule: a bin empty on one side counts as half a row there; a bin empty on both sides does not exist.

    >>> round(float(psi([50, 50], [60, 40])), 4)
    0.0405
    """
    r, c = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    both = (r > 0) | (c > 0)
    r_total, c_total = np.maximum(r.sum(-1, keepdims=True), 1), np.maximum(c.sum(-1, keepdims=True), 1)
    p, q = np.where(r > 0, r, 0.5) / r_total, np.where(c > 0, c, 0.5) / c_total
    terms: Floats = np.where(both, (q - p) * np.log(q / p), 0.0).sum(axis=-1)
    return terms


def jensen_shannon(reference: ArrayLike, current: ArrayLike) -> Floats:
    """Jensen-Shannon *distance* with base 2: 0 for equal shares, 1 for disjoint ones. No rule for empty bins is needed.

    >>> float(jensen_shannon([1, 0], [0, 1]))
    1.0
    """
    p, q = _shares(np.asarray(reference, dtype=np.float64)), _shares(np.asarray(current, dtype=np.float64))
    middle = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.where(p > 0, p * np.log2(p / middle), 0.0).sum(axis=-1)
        right = np.where(q > 0, q * np.log2(q / middle), 0.0).sum(axis=-1)
    distance: Floats = np.sqrt(np.clip((left + right) / 2, 0.0, 1.0))
    return distance


def pool_rare(reference: Floats, current: Floats, expected: float = 5.0) -> tuple[Floats, Floats]:
    """Pool all bins whose expected count on the smaller side is below `expected` (Cochran's rule) into one last bin; if
    even that stays below, it joins the smallest bin kept.
    """
    total = reference + current
    smaller = min(reference.sum(), current.sum()) / max(total.sum(), 1)
    rare = total * smaller < expected
    if not rare.any():
        return reference, current
    kept = np.flatnonzero(~rare)
    pooled = [np.append(side[kept], side[rare].sum()) for side in (reference, current)]
    if len(kept) and (pooled[0][-1] + pooled[1][-1]) * smaller < expected:
        smallest = int(np.argmin(total[kept]))
        pooled = [_merge_last(side, smallest) for side in pooled]
    return pooled[0], pooled[1]


def _merge_last(side: Floats, into: int) -> Floats:
    side = side.copy()
    side[into] += side[-1]
    return side[:-1]


def chi_square(reference: Floats, current: Floats) -> float:
    """Pearson's chi-square of the 2 x bins table (no continuity correction); bins empty on both sides are left out.

    >>> round(chi_square(np.array([50.0, 50.0]), np.array([60.0, 40.0])), 4)
    2.0202
    """
    table = np.vstack([reference, current])[:, (reference + current) > 0]
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / max(table.sum(), 1)
    return float((np.square(table - expected) / np.where(expected > 0, expected, 1)).sum())


def kolmogorov_smirnov(reference: Floats, current: Floats) -> float:
    """Largest gap between two empirical distribution functions, from sorted values, in O(current * log reference).

    Between two current values F_current is flat and F_reference only rises: the gap is largest at one of the two ends.

    >>> kolmogorov_smirnov(np.array([1.0, 2.0, 3.0, 4.0]), np.array([3.0, 4.0]))
    0.5
    """
    if not (len(reference) and len(current)):
        return float("nan")
    last = np.flatnonzero(np.append(current[1:] != current[:-1], True))  # F_current jumps once at equal values
    value, upper = current[last], (last + 1) / len(current)
    lower = np.append(0.0, upper[:-1])
    up_to = np.searchsorted(reference, value, side="right")
    tied = reference[np.maximum(up_to - 1, 0)] == value
    below = up_to.copy()
    below[tied] = np.searchsorted(reference, value[tied], side="left")
    n = len(reference)
    return float(max(np.abs(up_to / n - upper).max(), np.abs(below / n - lower).max()))


def prefix_sums(values: Floats) -> Floats:
    """0 and the running sums of sorted values, centred on their median so that nothing is lost to cancellation."""
    centre = values[len(values) // 2] if len(values) else 0.0
    return np.concatenate([[0.0], np.cumsum(values - centre)])


def wasserstein(reference: Floats, prefix: Floats, current: Floats) -> float:
    """First Wasserstein distance (unit of the column) from sorted finite values and the reference's `prefix_sums`.

    Between two current values the gap has one sign change, at a quantile of the reference: integrals from prefix sums.

    >>> r = np.array([0.0, 1.0, 3.0])
    >>> wasserstein(r, prefix_sums(r), np.array([5.0, 6.0, 8.0]))
    5.0
    """
    n, m = len(reference), len(current)
    if not (n and m):
        return float("nan")
    centre = reference[n // 2]

    def area(x: Floats) -> Floats:  # integral of F_reference up to x
        k = np.searchsorted(reference, x, side="right")
        below: Floats = (k * (x - centre) - prefix[k]) / n
        return below

    at = area(current)
    steps = np.arange(1, m)
    a, b = current[:-1], current[1:]
    crossing = np.clip(reference[(steps * n + m - 1) // m - 1], a, b)
    share = steps / m
    inside = share * (2 * crossing - a - b) - 2 * area(crossing) + at[:-1] + at[1:]
    k = int(np.searchsorted(reference, current[-1], side="right"))
    above = (prefix[n] - prefix[k] - (n - k) * (current[-1] - centre)) / n
    return float(max(0.0, inside.sum() + at[0] + above))
