"""What a statistic does when nothing has happened.

A `Null` answers two questions: the band at level alpha, and the p-value of a statistic. i.i.d. nulls: chi-square where
every bin expects 50 rows or more, else 1,000 simulated pairs of windows; a Brownian bridge for Wasserstein and for KS
on tied values; scipy's Kolmogorov distribution for KS on continuous ones. Simulations are seeded and cached.
Calendar null: the statistic of each reference week against all the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mlops_core.drift.reference import NumericReference
from mlops_core.drift.statistics import CountStatistic, chi_square, jensen_shannon, psi
from mlops_core.errors import BadParameter

Floats = NDArray[np.float64]
DRAWS = 1000
ENOUGH = 50.0  # expected rows in every bin from which the chi-square approximation is used
GRID = 256


@dataclass(frozen=True, slots=True)
class Null:
    """`quantile(share)` and `tail(statistic)` = P(statistic or more | nothing happened)."""

    quantile: Callable[[float], float]
    tail: Callable[[float], float]

    def band(self, alpha: float) -> tuple[float, float]:
        """Lower and upper alpha quantile."""
        return self.quantile(alpha), self.quantile(1 - alpha)


def from_draws(draws: Floats, scale: float = 1.0) -> Null:
    """A null from sorted simulated statistics: p = (1 + draws at or above) / (1 + draws)."""
    n = len(draws)

    def tail(statistic: float) -> float:
        at_or_above = n - int(np.searchsorted(draws, statistic / scale * (1 - 1e-12), side="left"))
        return (1 + at_or_above) / (1 + n)

    return Null(lambda share: float(np.quantile(draws, share, method="higher")) * scale, tail)


def chi_square_null(freedom: int, scale: float = 1.0, *, root: bool = False) -> Null:
    """`scale` * chi-square, or its square root; without freedom the statistic cannot move: p = 1 at 0."""
    if freedom < 1:
        return Null(lambda _: 0.0, lambda statistic: 1.0 if statistic <= 1e-12 else 0.0)

    def quantile(share: float) -> float:
        value = float(special.chdtri(freedom, 1 - share)) * scale
        return math.sqrt(value) if root else value

    return Null(quantile, lambda s: float(special.chdtrc(freedom, (s * s if root else s) / scale)))


def count_null(statistic: str, reference: Floats, current: Floats, *, from_reference: bool) -> Null:
    """The null of PSI or Jensen-Shannon for these counts: chi-square where every bin expects enough, else simulated."""
    n, m = float(reference.sum()), float(current.sum())
    total = reference + current
    if total[total > 0].min() * min(n, m) / (n + m) >= ENOUGH:
        scale = (1 / n + 1 / m) * (1 if statistic == "psi" else 1 / (8 * math.log(2)))
        return chi_square_null(int((total > 0).sum()) - 1, scale, root=statistic != "psi")
    if from_reference:
        return from_draws(_from_reference(statistic, tuple(reference.tolist()), int(m)))
    return from_draws(_from_both(statistic, tuple(total[total > 0].tolist()), int(n), int(m)))


@lru_cache(maxsize=1024)
def _from_reference(statistic: str, reference: tuple[float, ...], rows: int) -> Floats:
    """Bins were cut from the reference: its counts stay, the truth behind them is a Dirichlet draw (exact spacings)."""
    counts, rng = np.array(reference), np.random.default_rng(rows)
    draws = rng.standard_gamma(np.where(counts > 0, counts, 0.5), size=(DRAWS, len(counts)))
    windows = rng.multinomial(rows, draws / draws.sum(axis=1, keepdims=True))
    return np.sort(_FUNCTIONS[statistic](counts, windows))


@lru_cache(maxsize=1024)
def _from_both(statistic: str, total: tuple[float, ...], n: int, m: int) -> Floats:
    """Labels and exact values: both sides are drawn from their pooled shares."""
    rng, shares = np.random.default_rng(m), np.array(total) / sum(total)
    return np.sort(_FUNCTIONS[statistic](rng.multinomial(n, shares, DRAWS), rng.multinomial(m, shares, DRAWS)))


_FUNCTIONS: dict[str, CountStatistic] = {"psi": psi, "js": jensen_shannon}


def table_null(reference: Floats, current: Floats) -> Null:
    """The chi-square null of a 2 x bins table of pooled counts."""
    return chi_square_null(int(((reference + current) > 0).sum()) - 1)


def bridge_null(column: NumericReference, statistic: str, m: int) -> Null:
    """KS or Wasserstein of m values against the reference: a Brownian bridge over its distribution, scaled by size."""
    n = len(column.side.values)
    key = ("bridge", statistic)
    if key not in column.cache:
        column.cache[key] = _bridge(column, statistic)
    return from_draws(column.cache[key], math.sqrt(1 / n + 1 / m))


def _bridge(column: NumericReference, statistic: str) -> Floats:
    values, _ = column.prefix()
    n = len(values)
    spots = ((n - 1) * (1 - np.cos(np.linspace(0, np.pi, GRID))) / 2).round().astype(np.int64)  # close in the tails
    grid = np.unique(np.append(values[spots], values[0]))
    level = np.searchsorted(values, grid, side="right") / n
    steps = np.diff(np.concatenate([[0.0], level]))
    walk = np.cumsum(_normals()[:, : len(grid)] * np.sqrt(steps), axis=1)
    gap = np.abs(walk - level * walk[:, -1:])
    draws: Floats = np.sort(gap.max(axis=1) if statistic == "ks" else gap[:, :-1] @ np.diff(grid))
    return draws


@lru_cache(maxsize=1)
def _normals() -> Floats:
    return np.random.default_rng(GRID).normal(size=(DRAWS, GRID + 1))


def ks_null(column: NumericReference, m: int) -> Null:
    """Kolmogorov's distribution for continuous columns (scipy's asymptotic p-value), a bridge for heavily tied ones."""
    if column.bins.exact or _ties(column) > 0.05:
        return bridge_null(column, "ks", m)
    n = len(column.side.values)
    effective = max(1, round(n * m / (n + m)))
    return Null(lambda share: _kolmogorov_quantile(share, effective), lambda s: _kolmogorov_tail(s, effective))


def _ties(column: NumericReference) -> float:
    """Share of the most frequent of the values seen at a 64th of the way each; cached."""
    if "ties" not in column.cache:
        values = column.side.values
        spots = values[np.linspace(0, len(values) - 1, 64).astype(np.int64)] if len(values) else values
        sizes = np.searchsorted(values, spots, "right") - np.searchsorted(values, spots, "left")
        column.cache["ties"] = float(sizes.max() / len(values)) if len(values) > 1 else 1.0
    return float(column.cache["ties"])


@lru_cache(maxsize=4096)
def _kolmogorov_quantile(share: float, effective: int) -> float:
    from scipy.stats import kstwo

    return float(kstwo.ppf(share, effective))


def _kolmogorov_tail(statistic: float, effective: int) -> float:
    from scipy.stats import kstwo

    return float(kstwo.sf(statistic, effective))


def missing_p(n: int, missing_n: int, m: int, missing_m: int) -> float:
    """Two-sided p-value that both sides miss the same share: chi-square, or Fisher's test below 5 expected."""
    total, missing = n + m, missing_n + missing_m
    if not (n and m) or missing in (0, total):
        return 1.0
    if min(n, m) * min(missing, total - missing) / total >= 5:
        table = np.array([missing_n, n - missing_n]), np.array([missing_m, m - missing_m])
        return float(special.chdtrc(1, chi_square(table[0].astype(np.float64), table[1].astype(np.float64))))
    k = np.arange(max(0, missing - n), min(missing, m) + 1)
    logs = _log_choose(missing, k) + _log_choose(total - missing, m - k) - _log_choose(total, m)
    chances = np.exp(logs)
    return float(min(1.0, chances[chances <= chances[missing_m - k[0]] * (1 + 1e-7)].sum()))


def _log_choose(n: float, k: NDArray[np.int64] | float) -> Floats:
    logs: Floats = (
        special.gammaln(n + 1) - special.gammaln(np.asarray(k) + 1.0) - special.gammaln(n - np.asarray(k) + 1.0)
    )
    return logs


def new_p(reference: Floats, current: Floats, new: tuple[int, ...]) -> float:
    """P-value of categories that only the current side has, `new` rows each, if both sides were one population.

    A category of j rows in all lies wholly on the current side with chance C(m, j) / C(n + m, j); summed over all
    categories that could show as many rows (Markov's bound, exact up to it). So one row of a new airport among 900
    against 80,000 is news, and one among 5,000 against 5,000 is not.
    """
    n, m, most = float(reference.sum()), float(current.sum()) + sum(new), max(new)
    totals = np.concatenate([reference + current, np.array(new, dtype=np.float64)])
    able = totals[(totals >= most) & (totals <= m)]
    chances = np.exp(_falling(m, able) - _falling(n + m, able))
    return float(min(1.0, chances.sum()))


def _falling(n: float, j: Floats) -> Floats:
    logs: Floats = special.gammaln(n + 1) - special.gammaln(n - j + 1)
    return logs


def psi_line(n_reference: int, n_current: int, bins: int = 10, alpha: float = 0.05) -> float:
    """PSI that unchanged data exceed with chance `alpha`: chi-square(bins - 1) * (1/n + 1/m) (Yurdakul 2018).

    >>> round(psi_line(100, 100), 2), round(psi_line(80_000, 10_000), 4)
    (0.34, 0.0019)
    """
    _check_sizes(n_reference, n_current, bins)
    if not 0 < alpha < 1:
        raise BadParameter(f"alpha is {alpha}; it must lie between 0 and 1", code="alpha.range", alpha=alpha)
    return chi_square_null(bins - 1, 1 / n_reference + 1 / n_current).quantile(1 - alpha)


def psi_exceeds(line: float, n_reference: int, n_current: int, bins: int = 10) -> float:
    """Chance that unchanged data of these sizes show a PSI above `line`; the inverse of `psi_line`.

    >>> round(psi_exceeds(0.1, 100, 100), 2), psi_exceeds(0.1, 10_000, 10_000) < 1e-9
    (0.83, True)
    """
    _check_sizes(n_reference, n_current, bins)
    return chi_square_null(bins - 1, 1 / n_reference + 1 / n_current).tail(line)


def _check_sizes(n: int, m: int, bins: int) -> None:
    if n < 1 or m < 1 or bins < 2:
        raise BadParameter(
            f"{n} and {m} rows in {bins} bins; at least 1 row on each side and 2 bins are needed", code="drift.sizes"
        )
