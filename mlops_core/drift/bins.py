"""Bins of a numeric column, from its reference.

At most `bins` different values: each is its own bin, and anything else falls into a last bin "other" (so a constant
that moves is seen). More: quantile bins, right-closed, open at both ends; a value so frequent that it spans several
quantiles gets a bin of its own; other bins with less than a quarter of their fair share join a neighbour.
The missing bin is always the last one of the counts. `Bins.of(np.arange(100.0)).counts(...)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Bins:
    """`edges` are upper ends (right-closed) or, when `exact`, the values themselves."""

    edges: Floats
    exact: bool

    @classmethod
    def of(cls, values: Floats, bins: int = 10) -> Bins:
        """Bins of sorted values without NaN (infinite ones lie in the outer bins)."""
        if len(values) == 0:
            return cls(np.empty(0), True)
        changes = np.append(True, values[1:] != values[:-1])
        if changes.sum() <= bins:
            return cls(values[changes], True)
        return cls(_quantile_edges(values, bins), False)

    def counts(self, values: Floats, missing: int) -> Floats:
        """Rows per bin of sorted values; then (exact bins) the "other" bin; last the missing bin."""
        if not self.exact:
            below = np.searchsorted(values, self.edges, side="right")
            inner = np.diff(np.concatenate([[0], below, [len(values)]]))
            return np.append(inner, missing).astype(np.float64)
        hits = np.searchsorted(values, self.edges, "right") - np.searchsorted(values, self.edges, "left")
        return np.concatenate([hits, [len(values) - hits.sum(), missing]]).astype(np.float64)

    @property
    def labels(self) -> tuple[str, ...]:
        """One label a bin, in the order of `counts`."""
        if self.exact:
            return (*(f"{edge:g}" for edge in self.edges), "other", "missing")
        ends = [f"{edge:g}" for edge in self.edges]
        if not ends:
            return ("every value", "missing")
        inner = [f"{a} to {b}" for a, b in pairwise(ends)]
        return (f"to {ends[0]}", *inner, f"above {ends[-1]}", "missing")


def _quantile_edges(values: Floats, bins: int) -> Floats:
    n = len(values)
    quantiles = values[np.ceil(np.arange(1, bins) * n / bins).astype(np.int64) - 1]
    frequent = np.unique(np.append(quantiles[1:][quantiles[1:] == quantiles[:-1]], values[-1]))
    before = np.searchsorted(values, frequent, side="left") - 1
    walls = np.append(frequent, values[before[before >= 0]])  # both sides of a frequent value
    edges = np.unique(np.append(quantiles, walls))
    least = np.where(np.isin(edges, walls), min(5.0, n / bins / 4), n / bins / 4)
    inside = edges < values[-1]
    return _drop_small(values, edges[inside], least[inside])


def _drop_small(values: Floats, edges: Floats, least: Floats) -> Floats:
    """Drop the left end of a bin that holds too few rows; from the right, so that a wall outlives its neighbours."""
    below = np.searchsorted(values, edges, side="right")
    upper, kept = len(values), []
    for i in range(len(edges) - 1, -1, -1):
        if upper - below[i] >= least[i]:
            kept.append(i)
            upper = below[i]
    while kept and below[kept[-1]] < least[kept[-1]]:
        kept.pop()
    if not kept and len(edges):  # no edge leaves enough on both sides: the one that divides most evenly
        kept.append(int(np.argmax(np.minimum(below, len(values) - below))))
    return edges[kept[::-1]]
