"""What can be promised about a table, one rule at a time, and how each promise is checked.

A rule is plain data; `MASKS` holds, for the kinds that look at more than one value, a function from rule and table to
"does this row hold?". `expectations.validate` runs them.

>>> Rule("tide", "tide", "coverage", by="day", at_least=0.5).expected
'at least 50% filled on each day'
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlops_core.dataset import Column, Schema
from mlops_core.errors import BadParameter

Severity = Literal["block", "warn"]
Mask = npt.NDArray[np.bool_]


def as_text(value: object) -> str:
    """A cell for people: dates without midnight, numbers without noise, at most 80 letters."""
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return "missing"
    if isinstance(value, pd.Timestamp):
        return str(value.date()) if value == value.normalize() else str(value)
    return f"{value:g}" if isinstance(value, float) else str(value)[:80]


NEEDS: dict[str, tuple[str, ...]] = {
    "present": (),
    "type": ("is_a",),
    "range": ("low", "high"),
    "filled": (),
    "unique": ("columns",),
    "allowed": ("allowed",),
    "coverage": ("by",),
    "freshness": ("by",),
    "monotone": (),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One promise about one column.

    kind        what has to hold                                                        needs
    present     the column exists
    type        it is a number, a category, a time or a flag (`is_a`); whole if `whole`  is_a
    range       filled values lie from `low` to `high`, both inclusive                  low, high
    filled      no value is missing
    unique      no two rows agree in `columns`                                          columns
    allowed     filled values are among `allowed`                                       allowed
    coverage    on every value of `by`, a share of at least `at_least` rows is filled   by, at_least
    freshness   the newest row with a value is at most `days` older than the newest row by
    monotone    filled values never fall from one row to the next (within `by`)

    Raises BadParameter for an unknown kind or a missing setting.
    """

    code: str
    column: str
    kind: str
    severity: Severity = "block"
    low: float | None = None
    high: float | None = None
    unit: str = ""
    is_a: str = ""
    whole: bool = False
    columns: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    by: str = ""
    at_least: float = 1.0
    days: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in NEEDS:
            raise BadParameter(
                f"rule {self.code}: there is no kind {self.kind!r}.",
                code="rule.kind",
                fix=f"Use one of {', '.join(NEEDS)}.",
                kind=self.kind,
            )
        lacking = [name for name in NEEDS[self.kind] if getattr(self, name) in (None, (), "")]
        if lacking:
            raise BadParameter(f"rule {self.code} ({self.kind}) needs {lacking[0]}", code="rule.setting")
        if self.severity not in ("block", "warn"):
            raise BadParameter(f"rule {self.code}: severity is block or warn, not {self.severity!r}", code="rule.level")
        if not 0 <= self.at_least <= 1:
            raise BadParameter(f"rule {self.code}: at_least is {self.at_least}; it is a share", code="rule.share")

    @property
    def needs(self) -> tuple[str, ...]:
        """The columns that must exist before this rule can be checked."""
        if self.kind == "present":
            return ()
        return tuple(dict.fromkeys(name for name in (*self.columns, self.column, self.by) if name))

    @property
    def _span(self) -> str:
        if self.low in (None, -np.inf):
            return f"at most {as_text(self.high)}"
        return (
            f"at least {as_text(self.low)}"
            if self.high == np.inf
            else f"from {as_text(self.low)} to {as_text(self.high)}"
        )

    @property
    def expected(self) -> str:
        """What would be right, in words."""
        unit = f" {self.unit}" if self.unit else ""
        return {
            "present": "the column exists",
            "type": f"a {'whole ' if self.whole else ''}{self.is_a}",
            "range": f"{self._span}{unit}",
            "filled": "no missing value",
            "unique": f"one row for each {', '.join(self.columns)}",
            "allowed": f"one of {', '.join(self.allowed[:8])}{' …' if len(self.allowed) > 8 else ''}",
            "coverage": f"at least {self.at_least:.0%} filled on each {self.by}",
            "freshness": f"values at most {self.days:g} days older than the newest row",
            "monotone": "values that never fall",
        }[self.kind]


def rules_of(schema: Schema) -> tuple[Rule, ...]:
    """The rules a schema implies: every column present, of its kind, in its range, filled; the key unique.

    >>> [rule.code for rule in rules_of(Schema((Column("x", "number", "key", low=0, nullable=False),), key=("x",)))]
    ['x.present', 'x.type', 'x.filled', 'x.range', 'key.unique']
    """
    rules = [rule for column in schema.columns for rule in _column_rules(column)]
    if schema.key:
        rules.append(Rule("key.unique", schema.key[0], "unique", columns=schema.key))
    return tuple(rules)


def _column_rules(column: Column) -> list[Rule]:
    name = column.name
    rules = [
        Rule(f"{name}.present", name, "present"),
        Rule(f"{name}.type", name, "type", is_a=column.kind, whole=column.integer),
    ]
    if not column.nullable:
        rules.append(Rule(f"{name}.filled", name, "filled"))
    low, high = (0.0, 1.0) if column.kind == "flag" else (column.low, column.high)
    if low is not None or high is not None:
        low, high = -np.inf if low is None else low, np.inf if high is None else high
        rules.append(Rule(f"{name}.range", name, "range", low=low, high=high, unit=column.unit))
    return rules


def is_a(values: pd.Series, kind: str) -> bool:
    """True when a column's dtype can hold that kind; a column of missing values can be a number, flag or category."""
    if kind == "time":
        return pd.api.types.is_datetime64_any_dtype(values.dtype)
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return False
    fits = pd.api.types.is_numeric_dtype(values.dtype)  # bool counts as a number
    if kind == "category":
        fits = not pd.api.types.is_float_dtype(values.dtype)
    return fits or bool(values.isna().all())


def _type(rule: Rule, frame: pd.DataFrame) -> Mask:
    values = frame[rule.column]
    if not is_a(values, rule.is_a):
        return np.zeros(len(frame), dtype=bool)
    if not rule.whole or not pd.api.types.is_float_dtype(values.dtype):
        return np.ones(len(frame), dtype=bool)
    numbers = values.to_numpy(dtype="float64", na_value=np.nan)
    held: Mask = np.isnan(numbers) | (numbers == np.floor(numbers))
    return held


def _filled(rule: Rule, frame: pd.DataFrame) -> Mask:
    return frame[rule.column].notna().to_numpy(dtype=bool)


def _unique(rule: Rule, frame: pd.DataFrame) -> Mask:
    return ~frame.duplicated(list(rule.columns)).to_numpy()


def _coverage(rule: Rule, frame: pd.DataFrame) -> Mask:
    codes, groups = pd.factorize(frame[rule.by], use_na_sentinel=False)
    filled = np.bincount(codes, frame[rule.column].notna(), minlength=len(groups))
    enough = filled >= rule.at_least * np.bincount(codes, minlength=len(groups)) - 1e-9
    held: Mask = enough[codes]
    return held


def _freshness(rule: Rule, frame: pd.DataFrame) -> Mask:
    moments = frame[rule.by]
    if not is_a(moments, "time"):
        return np.zeros(len(frame), dtype=bool)
    newest_value = moments[frame[rule.column].notna()].max()
    if pd.isna(newest_value):
        return np.zeros(len(frame), dtype=bool)
    if moments.max() - newest_value <= pd.Timedelta(days=rule.days):
        return np.ones(len(frame), dtype=bool)
    current: Mask = (moments <= newest_value).to_numpy(dtype=bool) | moments.isna().to_numpy(dtype=bool)
    return current


def _monotone(rule: Rule, frame: pd.DataFrame) -> Mask:
    values = frame[rule.column]
    highest = values.groupby(frame[rule.by], sort=False).cummax() if rule.by else values.cummax()
    return values.isna().to_numpy(dtype=bool) | (values >= highest).to_numpy(dtype=bool)


MASKS: dict[str, Callable[[Rule, pd.DataFrame], Mask]] = {
    "type": _type,
    "filled": _filled,
    "unique": _unique,
    "coverage": _coverage,
    "freshness": _freshness,
    "monotone": _monotone,
}
