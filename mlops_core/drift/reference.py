"""The reference, prepared once: sorted values, bins, counts, and which calendar week each row belongs to.

`Reference.of(frame, schema)` keeps no frame. A `side` is one of two samples that are compared (values sorted, NaN
counted apart); `Reference.columns["temp"].side_of(values)` prepares the other one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_core.dataset import Schema
from mlops_core.drift.bins import Bins
from mlops_core.drift.statistics import pool_rare, prefix_sums
from mlops_core.errors import BadData, BadParameter, NotFound

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Calendar = Literal["W", "D"]


@dataclass(frozen=True, slots=True, eq=False)
class NumericSide:
    """Values sorted ascending without NaN (infinite ones included) and the number of missing rows."""

    values: Floats
    missing: int

    @property
    def n(self) -> int:
        """Rows, missing ones included."""
        return len(self.values) + self.missing


@dataclass(frozen=True, slots=True, eq=False)
class CategorySide:
    """Rows per label of the reference (in its order), rows per label that the reference does not have, missing rows."""

    known: Floats
    new: Mapping[str, int]
    missing: int

    @property
    def n(self) -> int:
        """Rows, missing ones included."""
        return int(self.known.sum()) + sum(self.new.values()) + self.missing


@dataclass(frozen=True, slots=True, eq=False)
class NumericReference:
    """A numeric column. `week` holds the calendar code of each sorted value, `week_missing` the missing rows."""

    name: str
    side: NumericSide
    bins: Bins
    week: Ints
    week_missing: Ints
    cache: dict[Any, Any] = field(default_factory=dict, repr=False)

    kind = "number"

    def side_of(self, values: Any) -> NumericSide:
        """Prepare current values; BadData when they are not numbers."""
        return numeric_side(values, self.name)

    def table(self, side: NumericSide) -> tuple[Floats, Floats]:
        """Rows per bin on both sides, the missing bin last."""
        if "counts" not in self.cache:
            self.cache["counts"] = self.bins.counts(self.side.values, self.side.missing)
        return self.cache["counts"], self.bins.counts(side.values, side.missing)

    @property
    def low_high(self) -> tuple[float, float]:
        """The finite range of the reference; (0, 0) without any finite value."""
        finite = self.side.values[np.isfinite(self.side.values)]
        return (float(finite[0]), float(finite[-1])) if len(finite) else (0.0, 0.0)

    def prefix(self) -> tuple[Floats, Floats]:
        """Finite sorted values (infinite ones moved to the end of the finite range) and their prefix sums, cached."""
        if "prefix" not in self.cache:
            values = np.clip(self.side.values, *self.low_high)
            self.cache["prefix"] = (values, prefix_sums(values))
        ready: tuple[Floats, Floats] = self.cache["prefix"]
        return ready

    @property
    def units(self) -> int:
        """Calendar units the column can be left out by."""
        return len(self.week_missing)

    def leave_out(self, code: int) -> tuple[NumericReference, NumericSide]:
        """The reference without one calendar code (same bins), and that code's rows as the current side."""
        inside = self.week == code
        away = int(self.week_missing[code])
        rest = NumericSide(self.side.values[~inside], self.side.missing - away)
        nothing = np.empty(0, dtype=np.int64)
        reference = NumericReference(self.name, rest, self.bins, nothing, nothing)
        return reference, NumericSide(self.side.values[inside], away)


@dataclass(frozen=True, slots=True, eq=False)
class CategoryReference:
    """A categorical column: its labels by falling frequency. `week_counts` is (codes, labels + missing)."""

    name: str
    side: CategorySide
    labels: tuple[str, ...]
    week_counts: Floats
    cache: dict[Any, Any] = field(default_factory=dict, repr=False)

    kind = "category"

    def side_of(self, values: Any) -> CategorySide:
        """Prepare current values; labels are compared as text."""
        counts, missing = label_counts(values)
        known = np.array([counts.pop(label, 0) for label in self.labels], dtype=np.float64)
        return CategorySide(known, counts, missing)

    def table(self, side: CategorySide) -> tuple[Floats, Floats]:
        """Rows per label on both sides (rare ones pooled by `pool_rare`), the missing bin last."""
        r, c = pool_rare(*self.all_labels(side))
        return np.append(r, self.side.missing), np.append(c, side.missing)

    def all_labels(self, side: CategorySide) -> tuple[Floats, Floats]:
        """Rows per label on both sides, the new ones last, nothing pooled, missing rows left out."""
        new = np.array(list(side.new.values()), dtype=np.float64)
        return np.append(self.side.known, np.zeros(len(new))), np.append(side.known, new)

    @property
    def units(self) -> int:
        """Calendar units the column can be left out by."""
        return len(self.week_counts)

    def leave_out(self, code: int) -> tuple[CategoryReference, CategorySide]:
        """The reference without one calendar code, and that code's rows; labels only that code has are new there."""
        week = self.week_counts[code]
        rest = self.side.known - week[:-1]
        new = {self.labels[i]: int(week[i]) for i in np.flatnonzero((rest == 0) & (week[:-1] > 0))}
        side = CategorySide(np.where(rest == 0, 0, week[:-1]), new, int(week[-1]))
        reference = CategorySide(rest, {}, self.side.missing - int(week[-1]))
        return CategoryReference(self.name, reference, self.labels, np.empty((0, 0))), side


ColumnReference: TypeAlias = NumericReference | CategoryReference


def numeric_side(values: Any, name: str) -> NumericSide:
    """Sort numbers and count the missing; BadData names the column and the first value that is no number."""
    try:
        array = pd.Series(values).to_numpy(dtype=np.float64, na_value=np.nan)
    except (ValueError, TypeError) as error:
        raise BadData(
            f"column {name} is not numeric: {error}.",
            code="drift.not_numeric",
            column=name,
            fix="Convert it, or declare it a category in the schema.",
        ) from error
    ordered = np.sort(array)  # NaN goes to the end
    missing = int(np.isnan(array).sum())
    return NumericSide(ordered[: len(ordered) - missing], missing)


def label_text(label: Any) -> str:
    """A label as text; 1.0 is "1", since a missing value turns whole numbers into floats."""
    return str(int(label)) if isinstance(label, float) and label.is_integer() else str(label)


def label_counts(values: Any) -> tuple[dict[str, int], int]:
    """Rows per label as text, and missing rows."""
    codes, labels = pd.factorize(pd.Series(values))
    counts = np.bincount(codes + 1, minlength=len(labels) + 1)
    found: dict[str, int] = {}
    for label, count in zip(labels, counts[1:], strict=True):
        text = label_text(label)
        found[text] = found.get(text, 0) + int(count)
    return found, int(counts[0])


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """All watched columns of the reference. `weeks` are the starts of the calendar units with enough rows (at least
    half the median) that the calendar band is computed from; empty without a day column.
    """

    columns: Mapping[str, ColumnReference]
    n: int
    weeks: tuple[pd.Timestamp, ...]
    calendar: Calendar

    @classmethod
    def of(
        cls, frame: pd.DataFrame, schema: Schema, *, bins: int = 10, weeks: str | None = None, calendar: Calendar = "W"
    ) -> Reference:
        """Prepare the features of `schema` (numbers, flags and categories). `weeks` names the day column of the
        calendar band (default: the schema's day, if the frame has it); `calendar` is the unit left out, "W" or "D".

        Raises BadData for a frame without rows or without one of the features, BadParameter for fewer than 2 bins.
        """
        if bins < 2:
            raise BadParameter(f"bins is {bins}; it must be at least 2", code="drift.bins", bins=bins)
        if not len(frame):
            raise BadData("the reference has no rows; choose a longer window", code="drift.empty_reference")
        need_columns(frame, (*schema.numeric, *schema.categorical), "reference")
        day = weeks or schema.day
        codes, starts = _calendar(frame.get(day) if day else None, calendar, len(frame))
        columns: dict[str, ColumnReference] = {}
        for name in schema.features:
            if name in schema.numeric:
                columns[name] = _numeric_reference(name, frame[name], bins, codes, len(starts))
            elif name in schema.categorical:
                columns[name] = _category_reference(name, frame[name], codes, len(starts))
        return cls(columns, len(frame), starts, calendar)

    def column(self, name: str) -> ColumnReference:
        """The column called `name`; NotFound names those there are."""
        if name not in self.columns:
            raise NotFound(
                f"the reference has no column {name!r}; it has {', '.join(self.columns)}",
                code="drift.no_column",
                column=name,
            )
        return self.columns[name]


def need_columns(frame: pd.DataFrame, names: tuple[str, ...], which: str) -> None:
    """BadData naming the columns that `frame` lacks."""
    absent = [name for name in names if name not in frame]
    if absent:
        raise BadData(
            f"the {which} window has no column {', '.join(absent)}.",
            code="drift.columns",
            columns=absent,
            fix="Compare tables with the same columns, or restrict the schema with schema.only(...).",
        )


def _calendar(day: pd.Series[Any] | None, unit: Calendar, n: int) -> tuple[Ints, tuple[pd.Timestamp, ...]]:
    """A code per row (-1: in no unit that counts) and the start of each unit."""
    if unit not in ("W", "D"):
        raise BadParameter(f"calendar is {unit!r}; it must be W or D", code="drift.calendar", calendar=unit)
    if day is None:
        return np.full(n, -1), ()
    stamps = pd.to_datetime(day).dt.normalize()
    if unit == "W":
        stamps = stamps - pd.to_timedelta(stamps.dt.day_of_week, unit="D")
    sizes = stamps.value_counts().sort_index()
    starts = sizes.index[sizes >= sizes.median() / 2]
    return starts.get_indexer(pd.Index(stamps)).astype(np.int64), tuple(pd.Timestamp(start) for start in starts)


def _numeric_reference(name: str, values: Any, bins: int, codes: Ints, weeks: int) -> NumericReference:
    side = numeric_side(values, name)
    array = pd.Series(values).to_numpy(dtype=np.float64, na_value=np.nan)
    order = np.argsort(array, kind="stable")[: len(side.values)]
    absent = codes[np.isnan(array) & (codes >= 0)]
    return NumericReference(name, side, Bins.of(side.values, bins), codes[order], np.bincount(absent, minlength=weeks))


def _category_reference(name: str, values: Any, codes: Ints, weeks: int) -> CategoryReference:
    counts, missing = label_counts(values)
    labels = tuple(sorted(counts, key=lambda label: (-counts[label], label)))
    side = CategorySide(np.array([counts[label] for label in labels], dtype=np.float64), {}, missing)
    raw, unique = pd.factorize(pd.Series(values))
    position = {label: i for i, label in enumerate(labels)}
    place = np.array([position[label_text(label)] for label in unique] + [len(labels)], dtype=np.int64)[raw]
    inside = codes >= 0
    flat = np.bincount(codes[inside] * (len(labels) + 1) + place[inside], minlength=weeks * (len(labels) + 1))
    table = flat.reshape(weeks, len(labels) + 1).astype(np.float64)
    return CategoryReference(name, side, labels, table)
