"""The noise probe: labels are coin flips, so an honest pipeline must find nothing. What does it say?

One coin a day (its flights share it, as they share a storm) and columns of pure noise, nearly the same for all flights of a
day. Two faults make an AUC out of nothing: choosing the columns before the split (Ambroise & McLachlan, PNAS 2002; Hastie
et al., *The Elements of Statistical Learning*, 2009, 7.10.2) and splitting rows of one day over both sides.

    probe(Settings(selector="inside", split="days")).low <= 0.5
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from mlops_core.errors import BadParameter

DAYS, FLIGHTS, COLUMNS, BEST = 80, 4, 200, 10
WOBBLE = 0.3  # how much two flights of one day differ, in units of how much two days differ

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the columns are chosen, how rows are split, into how many folds; `flips`: how often all coins are thrown."""

    selector: Literal["before", "inside"] = "before"
    split: Literal["rows", "days"] = "rows"
    folds: int = 5
    flips: int = 12
    seed: int = 1

    def __post_init__(self) -> None:
        if self.selector not in ("before", "inside") or self.split not in ("rows", "days"):
            raise BadParameter(f"no probe with {self.selector!r} and {self.split!r}.", code="probe.setting")
        if not (2 <= self.folds <= 20 and 2 <= self.flips <= 40):
            raise BadParameter(
                f"{self.folds} folds and {self.flips} flips.", code="probe.range", fix="2 to 20 folds, 2 to 40 flips."
            )


@dataclass(frozen=True, slots=True)
class Probe:
    """Cross-validated AUC of each throw, their mean and its 95 % interval (Student's t over the throws)."""

    settings: Settings
    aucs: tuple[float, ...]
    mean: float
    low: float
    high: float

    @property
    def honest(self) -> bool:
        """Whether the interval includes .5, which is the truth."""
        return self.low <= 0.5 <= self.high

    @property
    def width(self) -> float:
        """Width of the interval."""
        return self.high - self.low


def throw(rng: np.random.Generator) -> tuple[Floats, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Columns (rows, COLUMNS), coin flips (rows,) and days (rows,); half of the days are heads."""
    coins = rng.permutation(np.arange(DAYS) % 2)
    day = np.repeat(np.arange(DAYS), FLIGHTS)
    noise = rng.normal(size=(DAYS, COLUMNS))[day] + WOBBLE * rng.normal(size=(len(day), COLUMNS))
    return noise, coins[day], day


def cross_validated(settings: Settings, x: Floats, y: npt.NDArray[np.int64], day: npt.NDArray[np.int64]) -> float:
    """Mean AUC over the folds, the columns chosen where the settings say."""
    from sklearn.feature_selection import SelectKBest
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, cross_val_score
    from sklearn.pipeline import make_pipeline

    by_day = settings.split == "days"
    splitter = StratifiedGroupKFold if by_day else StratifiedKFold
    folds = splitter(settings.folds, shuffle=True, random_state=settings.seed)
    model = LogisticRegression(C=0.1)
    if settings.selector == "before":
        x = SelectKBest(k=BEST).fit_transform(x, y)  # has seen every label, also those of the test folds
    else:
        model = make_pipeline(SelectKBest(k=BEST), model)  # is fitted anew on the training folds
    return float(cross_val_score(model, x, y, groups=day if by_day else None, cv=folds, scoring="roc_auc").mean())


def probe(settings: Settings) -> Probe:
    """Throw all coins `flips` times and cross-validate each throw."""
    from threadpoolctl import threadpool_limits

    rngs = np.random.default_rng(settings.seed).spawn(settings.flips)
    with threadpool_limits(limits=1):
        aucs = np.array([cross_validated(settings, *throw(rng)) for rng in rngs])
    half = float(special.stdtrit(len(aucs) - 1, 0.975) * aucs.std(ddof=1) / np.sqrt(len(aucs)))
    mean = float(aucs.mean())
    return Probe(settings, tuple(aucs.tolist()), mean, mean - half, mean + half)
