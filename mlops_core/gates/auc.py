"""AUC with an interval by day, fast: pairs are counted once per pair of days, then days are resampled.

AUC = W / (P N), W the number of (positive, negative) pairs in the right order. With W split by day of the positive and
day of the negative, one bootstrap draw of day weights w costs w'Ww / (w'P w'N): no row is touched again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlops_core.errors import BadData
from mlops_core.metrics import Floats


@dataclass(frozen=True, slots=True)
class AucInterval:
    """AUC and the alpha and 1 - alpha quantiles of its bootstrap by day."""

    value: float
    low: float
    high: float
    days: int


def auc_by_day(y: Floats, p: Floats, day: Any, alpha: float, draws: int, seed: int = 0) -> AucInterval:
    """AUC of scores `p` for outcomes `y`, shape (rows,); whole days are drawn with replacement from a fixed seed.

    Raises BadData with fewer than two days or one class. With fewer than ten days the interval is too narrow.
    """
    codes, days = pd.factorize(np.asarray(day))
    if len(days) < 2:
        raise BadData(f"{len(days)} day(s); an interval by day needs at least 2", code="auc.days")
    if y.min() == y.max():
        raise BadData("only one outcome among these rows: there is no AUC", code="auc.classes")
    wins, positive, negative = _pairs(y, p, codes, len(days))
    weights = np.random.default_rng(seed).multinomial(len(days), np.full(len(days), 1 / len(days)), size=draws)
    pairs = (weights @ positive) * (weights @ negative)
    possible = pairs > 0
    drawn = np.einsum("bi,ij,bj->b", weights, wins, weights, optimize=True)[possible] / pairs[possible]
    low, high = np.quantile(drawn, [alpha, 1 - alpha])
    value = float(wins.sum() / (positive.sum() * negative.sum()))
    return AucInterval(value, float(low), float(high), len(days))


def _pairs(y: Floats, p: Floats, codes: Any, days: int) -> tuple[Floats, Floats, Floats]:
    """Pairs won (ties half) by day of the positive and day of the negative; positives and negatives by day."""
    hit = y == 1
    scores, owners = p[hit], codes[hit]
    wins = np.empty((days, days))
    for at in range(days):
        rivals = np.sort(p[~hit & (codes == at)])
        won = (np.searchsorted(rivals, scores, "left") + np.searchsorted(rivals, scores, "right")) / 2
        wins[:, at] = np.bincount(owners, won, minlength=days)
    positive = np.bincount(owners, minlength=days).astype(np.float64)
    return wins, positive, np.bincount(codes, minlength=days) - positive
