"""Many questions at once: adjusted p-values that keep the promise made for one.

`holm` (Scandinavian J. Statistics 1979) bounds the chance of *any* false alarm; `bh` (Benjamini & Hochberg, JRSS B
1995) bounds the expected share of false ones among the alarms. `holm([.01, .04])` -> [.02, .04].
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlops_core.errors import BadData, BadParameter

Floats = NDArray[np.float64]


def _checked(p: ArrayLike) -> Floats:
    values = np.array(p, dtype=np.float64, ndmin=1)
    present = values[~np.isnan(values)]
    if len(present) and (present.min() < 0 or present.max() > 1):
        raise BadData("a p-value lies outside 0..1", code="p_value.range")
    return values


def holm(p: ArrayLike) -> Floats:
    """Holm's adjusted p-values, in the order given. NaN (not tested) stays NaN and does not count.

    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    values = _checked(p)
    tested = np.flatnonzero(~np.isnan(values))
    order = tested[np.argsort(values[tested], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    values[order] = np.minimum(1.0, np.maximum.accumulate(values[order] * factors)) if len(order) else values[order]
    return values


def bh(p: ArrayLike) -> Floats:
    """Benjamini-Hochberg adjusted p-values, in the order given. NaN (not tested) stays NaN and does not count.

    >>> bh([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.04, 0.04]
    """
    values = _checked(p)
    tested = np.flatnonzero(~np.isnan(values))
    order = tested[np.argsort(values[tested], kind="stable")][::-1]
    m = len(order)
    if m:
        values[order] = np.minimum(1.0, np.minimum.accumulate(values[order] * m / np.arange(m, 0, -1)))
    return values


def adjust(p: ArrayLike, method: str) -> Floats:
    """`method` is "none", "holm" or "bh"."""
    methods = {"none": _checked, "holm": holm, "bh": bh}
    if method not in methods:
        raise BadParameter(f"multiplicity {method!r} is unknown; there are none, holm, bh", code="multiplicity.unknown")
    return methods[method](p)


def any_false_alarm(tests: int, alpha: float = 0.05) -> float:
    """Chance that at least one of `tests` independent questions at level `alpha` rings although nothing happened.

    >>> round(any_false_alarm(18), 2)
    0.6
    """
    return float(1 - (1 - alpha) ** tests)
