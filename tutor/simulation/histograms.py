"""Two samples over the same bins, ready to draw: shares of all rows, missing ones told apart.

>>> shown = histogram(pd.Series([1.0, 2.0]), pd.Series([2.0, None]), (), bins=2, ends=(0.0, 3.0))
>>> shown.current, shown.missing_current
((0.0, 0.5), 0.5)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Histogram:
    """Shares of rows. Numbers: `edges` are n + 1 ends, what lies outside is counted in the outer bins; labels: `names`."""

    edges: tuple[float, ...]
    names: tuple[str, ...]
    reference: tuple[float, ...]
    current: tuple[float, ...]
    missing_reference: float
    missing_current: float

    def frame(self) -> pd.DataFrame:
        """One row a bin or label."""
        where = {"label": self.names} if self.names else {"from": self.edges[:-1], "to": self.edges[1:]}
        return pd.DataFrame({**where, "reference": self.reference, "current": self.current})


def histogram(
    reference: pd.Series[Any],
    current: pd.Series[Any],
    labels: tuple[str, ...],
    *,
    bins: int = 36,
    ends: tuple[float, float] | None = None,
) -> Histogram:
    """Shares of all rows per bin (between `ends`, else around the reference: the axis must not run away) or label."""
    gone = float(reference.isna().mean()), float(current.isna().mean())
    if labels:
        names = (*labels, "other") if set(map(str, reference.dropna().unique())) - set(labels) else labels
        sides = [_label_shares(side, labels)[: len(names)] for side in (reference, current)]
        return Histogram((), names, sides[0], sides[1], *gone)
    values = reference.to_numpy(dtype=np.float64, na_value=np.nan)
    edges = _edges(values[np.isfinite(values)], bins, ends)
    shares = [_number_shares(side.to_numpy(dtype=np.float64, na_value=np.nan), edges) for side in (reference, current)]
    return Histogram(tuple(edges.tolist()), (), shares[0], shares[1], *gone)


def _label_shares(column: pd.Series[Any], labels: tuple[str, ...]) -> tuple[float, ...]:
    counts = column.astype(str).where(column.notna()).value_counts()
    known = [float(counts.get(label, 0)) for label in labels]
    return tuple(count / len(column) for count in (*known, float(counts.sum()) - sum(known)))


def _edges(values: Floats, bins: int, ends: tuple[float, float] | None) -> Floats:
    """Equal bins over `ends`, else over the reference's middle 99 % and 1.5 standard deviations on either side."""
    if ends is None:
        low, high = np.quantile(values, (0.005, 0.995)).tolist()
        room = 1.5 * float(values.std()) or 1.0
        ends = (low - room, high + room)
    return np.linspace(*ends, bins + 1)


def _number_shares(values: Floats, edges: Floats) -> tuple[float, ...]:
    present = np.clip(values[~np.isnan(values)], edges[0], edges[-1])
    counts: list[float] = (np.histogram(present, edges)[0] / max(len(values), 1)).tolist()
    return tuple(counts)
