"""How many rows, and how many days, before a decision can be right often enough?

n = (z_alpha + z_power)^2 * V / (effect + margin)^2 * design effect, V the variance of the per-row difference of the
gate's own metric (Chow, Shao & Wang, *Sample Size Calculations in Clinical Research*, ch. 3).
`plan(variance=1, effect=.02, margin=.03, design_effect=10, rows_per_day=900)` -> Plan(rows=..., days=...).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import special

from mlops_core.errors import BadParameter


@dataclass(frozen=True, slots=True)
class Plan:
    """Rows and whole days needed; `rows_independent` is what a planner that forgets the days would say."""

    rows: int
    days: int
    rows_independent: int
    power: float
    alpha: float
    design_effect: float


def _check(alpha: float, variance: float, distance: float, design_effect: float) -> None:
    if not 0 < alpha < 1:
        raise BadParameter(f"alpha is {alpha}; it must lie between 0 and 1", code="alpha.range", alpha=alpha)
    if not (0 < variance < math.inf and 0 < design_effect < math.inf):
        raise BadParameter(
            f"variance {variance} and design effect {design_effect} must be above 0", code="plan.variance"
        )
    if not distance > 0:
        raise BadParameter(
            f"effect + margin is {distance}; it must be above 0, else no number of rows is enough",
            code="plan.effect",
            distance=distance,
        )


def plan(
    *,
    variance: float,
    effect: float,
    margin: float = 0.0,
    alpha: float = 0.05,
    power: float = 0.8,
    design_effect: float = 1.0,
    rows_per_day: float = 1.0,
    two_sided: bool = False,
) -> Plan:
    """Rows so that a model better by `effect` (metric units) passes "not worse than `margin`" with chance `power`.

    >>> plan(variance=1.0, effect=0.3).rows
    69
    """
    _check(alpha, variance, effect + margin, design_effect)
    if not (alpha < power < 1 and rows_per_day > 0):
        raise BadParameter(f"power is {power} (alpha < power < 1), rows a day {rows_per_day} (> 0)", code="plan.power")
    z = _z(alpha, two_sided) + float(special.ndtri(power))
    independent = z**2 * variance / (effect + margin) ** 2
    rows = independent * design_effect
    return Plan(
        math.ceil(rows), max(2, math.ceil(rows / rows_per_day)), math.ceil(independent), power, alpha, design_effect
    )


def power_at(
    rows: float,
    *,
    variance: float,
    effect: float,
    margin: float = 0.0,
    alpha: float = 0.05,
    design_effect: float = 1.0,
    two_sided: bool = False,
) -> float:
    """Chance that `rows` rows suffice; the inverse of `plan`. With effect = 0 and margin = 0 it is `alpha`.

    >>> round(power_at(69, variance=1.0, effect=0.3), 2)
    0.8
    """
    _check(alpha, variance, max(effect + margin, 1e-300), design_effect)
    if rows < 0:
        raise BadParameter(f"rows is {rows}; it cannot be below 0", code="plan.rows", rows=rows)
    reach = (effect + margin) * math.sqrt(rows / (variance * design_effect))
    return float(special.ndtr(reach - _z(alpha, two_sided)))


def _z(alpha: float, two_sided: bool) -> float:
    return -float(special.ndtri(alpha / 2 if two_sided else alpha))
