"""Detectors: functions in a dict by name, each `(reference column, current values) -> ColumnDrift`.

The method gives the statistic; the judge adds null band, missing share and new categories, the same for all. PSI,
Jensen-Shannon and chi-square count missing values as one more bin; KS, Wasserstein and the mean look at present values
and share alpha with a test of the missing share. `DETECTORS["ks"](reference.column("temp"), frame["temp"])`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mlops_core.drift import nulls
from mlops_core.drift.methods import METHODS, Method
from mlops_core.drift.reference import CategorySide, ColumnReference, NumericSide
from mlops_core.drift.results import Code, ColumnDrift
from mlops_core.errors import BadData, BadParameter

Band = Literal["iid", "calendar"]
Side = NumericSide | CategorySide
Detector = Callable[..., ColumnDrift]
MIN_UNITS = 3


@dataclass(frozen=True, slots=True)
class _Judgement:
    """Three questions and their answers: has the statistic moved, the missing share, the set of categories?"""

    band: tuple[float, float]
    p_value: float
    p_missing: float
    p_new: float
    moved: bool
    missing: bool
    new: bool


def applies(detector: str, kind: str) -> bool:
    """Whether a detector is defined for "number" or "category" columns.

    >>> applies("ks", "category"), applies("psi", "category")
    (False, True)
    """
    if detector not in METHODS:
        raise BadParameter(f"detector {detector!r} is unknown; there are {', '.join(METHODS)}", code="drift.detector")
    return kind in METHODS[detector].kinds


def _detector(name: str) -> Detector:
    def detect(reference: ColumnReference, current: Any, *, band: Band = "iid", alpha: float = 0.05) -> ColumnDrift:
        if not applies(name, reference.kind):
            raise BadParameter(
                f"{name} is not defined for the {reference.kind} column {reference.name}",
                code="drift.kind",
                column=reference.name,
                detector=name,
            )
        side = current if isinstance(current, NumericSide | CategorySide) else reference.side_of(current)
        return detect_side(name, reference, side, band, alpha)

    detect.__name__ = name
    detect.__doc__ = f"{METHODS[name].statistic.__doc__}"
    return detect


DETECTORS: dict[str, Detector] = {name: _detector(name) for name in METHODS}


def detect_side(name: str, reference: ColumnReference, side: Side, band: Band, alpha: float) -> ColumnDrift:
    """The work of every detector on a prepared side."""
    if not 0 < alpha <= 0.5 or band not in ("iid", "calendar"):
        raise BadParameter(f"alpha is {alpha} (0 < alpha <= .5), band {band!r} (iid or calendar)", code="drift.band")
    method = METHODS[name]
    statistic = method.statistic(reference, side) if side.n else math.nan
    judge = _judge_iid if band == "iid" else _judge_calendar
    answer = judge(name, reference, side, statistic, alpha) if side.n else _SILENT
    return ColumnDrift(
        column=reference.name,
        detector=name,
        statistic=statistic,
        p_value=answer.p_value,
        null_band=answer.band,
        n_reference=reference.side.n,
        n_current=side.n,
        missing_reference=_missing_share(reference.side),
        missing_current=_missing_share(side),
        new_categories=_new_labels(side),
        drifted=bool(answer.moved or answer.missing or answer.new),
        code=_code(method, reference, side, statistic, answer),
        p_missing=answer.p_missing,
        p_new=answer.p_new,
    )


_SILENT = _Judgement((math.nan, math.nan), math.nan, math.nan, math.nan, False, False, False)


def _missing_share(side: Side) -> float:
    return side.missing / side.n if side.n else 0.0


def _new_labels(side: Side) -> tuple[str, ...]:
    return tuple(sorted(side.new)) if isinstance(side, CategorySide) else ()


def _new_share(side: Side) -> float:
    return sum(side.new.values()) / side.n if isinstance(side, CategorySide) and side.n else 0.0


def _judge_iid(name: str, reference: Any, side: Any, statistic: float, alpha: float) -> _Judgement:
    method, base = METHODS[name], reference.side
    p_missing = nulls.missing_p(base.n, base.missing, side.n, side.missing) if base.missing + side.missing else math.nan
    p_new = nulls.new_p(base.known, side.known, tuple(side.new.values())) if _new_share(side) else math.nan
    level = alpha / 2 if _tests_missing(method, p_missing) else alpha
    if math.isnan(statistic):
        band, p_value = (math.nan, math.nan), math.nan
    else:
        null = method.null(reference, side)
        band, p_value = null.band(level / 2 if method.two_sided else level), null.tail(statistic)
    missing = _tests_missing(method, p_missing) and p_missing <= alpha / 2
    return _Judgement(band, p_value, p_missing, p_new, p_value <= level, missing, p_new <= alpha / 2)


def _tests_missing(method: Method, p_missing: float) -> bool:
    return not method.counts_missing and not math.isnan(p_missing)


def overall_p(drift: ColumnDrift) -> float:
    """One p-value for the three questions of an i.i.d. comparison: twice the smaller where alpha is shared."""
    shared = _tests_missing(METHODS[drift.detector], drift.p_missing)
    parts = [drift.p_value * (2 if shared else 1), drift.p_missing * 2 if shared else math.nan, drift.p_new * 2]
    asked = [p for p in parts if not math.isnan(p)]
    return min(1.0, *asked) if asked else math.nan


@dataclass(frozen=True, slots=True, eq=False)
class _Calendar:
    """What each reference unit shows against all the others: statistic (sorted), missing share, share of new rows."""

    statistics: Any
    missing: Any
    new: Any


def _calendar(name: str, reference: Any, units: int) -> _Calendar:
    key = ("calendar", name)
    if key not in reference.cache:
        pairs = [reference.leave_out(code) for code in range(units)]
        seen = [METHODS[name].statistic(rest, side) for rest, side in pairs]
        shares = [(_missing_share(side), _new_share(side)) for _, side in pairs]
        values = np.array(seen)
        values = np.abs(values) if METHODS[name].two_sided else values
        reference.cache[key] = _Calendar(np.sort(values[~np.isnan(values)]), *np.sort(np.array(shares), axis=0).T)
    ready: _Calendar = reference.cache[key]
    return ready


def _judge_calendar(name: str, reference: Any, side: Any, statistic: float, alpha: float) -> _Judgement:
    """Outside what the reference weeks do to each other; with 13 weeks nothing finer than 1/14 can be said."""
    if reference.units < MIN_UNITS:
        raise BadData(
            f"a calendar band needs at least {MIN_UNITS} reference weeks (or days); {reference.name} has "
            f"{reference.units}.",
            code="drift.calendar_units",
            units=reference.units,
            fix="Give a reference with a day column and more weeks, or use the iid band.",
        )
    weeks, two_sided = _calendar(name, reference, reference.units), METHODS[name].two_sided
    band, p_value, moved = (math.nan, math.nan), math.nan, False
    if len(weeks.statistics) and not math.isnan(statistic):
        null, size = nulls.from_draws(weeks.statistics), abs(statistic) if two_sided else statistic
        high = null.quantile(1 - alpha)
        band, p_value = (-high if two_sided else null.quantile(alpha), high), null.tail(size)
        moved = size > high * (1 + 1e-9) + 1e-12
    missing_share, new_share = _missing_share(side), _new_share(side)
    p_missing = nulls.from_draws(weeks.missing).tail(missing_share)
    p_new = nulls.from_draws(weeks.new).tail(new_share) if new_share else math.nan
    missing = not METHODS[name].counts_missing and missing_share > weeks.missing[-1] + 1e-12
    return _Judgement(band, p_value, p_missing, p_new, moved, missing, new_share > weeks.new[-1] + 1e-12)


def _code(method: Method, reference: Any, side: Any, statistic: float, answer: _Judgement) -> Code:
    if not side.n:
        return "no_rows"
    if answer.new:
        return "new_category"
    if answer.missing or (answer.moved and method.counts_missing and _mostly_missing(reference, side)):
        return "missing"
    if answer.moved:
        return "shifted"
    return "no_values" if math.isnan(statistic) else "same"


def _mostly_missing(reference: Any, side: Any) -> bool:
    """Whether the missing bin is the one whose share has changed most."""
    r, c = reference.table(side)
    change = np.abs(c / c.sum() - r / r.sum())
    return bool(change[-1] > 0 and change[-1] >= change.max())
