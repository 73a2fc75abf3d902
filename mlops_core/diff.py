"""What changed between two tables, row by row under a key: columns, rows, cells, and copies that should not be.

Rows are matched by key, never by position; missing equals missing. A change knows what it is: no old value means
filled, no new one means emptied. `copies` names columns that are another column times a constant (a unit slip, or a
value derived where a measurement was promised). Joins and comparisons run on integer codes in numpy.

>>> old = pd.DataFrame({"id": [1, 2], "wind": [10.0, 20.0]})
>>> new = pd.DataFrame({"id": [3, 2], "wind": [10.0, 23.0]})
>>> found = diff(old, new, ["id"])
>>> found.rows_added, found.rows_removed, found.rows_changed, found.cells[0].median_ratio
(1, 1, 1, 1.15)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlops_core.errors import BadData, BadParameter
from mlops_core.metrics import Floats, as_words
from mlops_core.rules import as_text

_EXAMPLES = 3
_PROBE = 5000  # rows looked at for copies


@dataclass(frozen=True, slots=True)
class CellChange:
    """One cell: the row's key as text, the old and the new value as text ("missing" where there is none)."""

    row: str
    old: str
    new: str

    @property
    def kind(self) -> Literal["filled", "emptied", "changed"]:
        """Computed from the values."""
        if self.old == "missing":
            return "filled"
        return "emptied" if self.new == "missing" else "changed"


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """One column's cells in the rows both tables have.

    `share` is of those rows. `median_ratio` is the median of new/old, `correlation` Pearson's r of old and new, both
    over the changed cells with a number on both sides; None where there is no such number.
    """

    column: str
    changed: int
    filled: int
    emptied: int
    share: float
    median_ratio: float | None
    correlation: float | None
    examples: tuple[CellChange, ...]


@dataclass(frozen=True, slots=True)
class Retyped:
    """A column that changed its kind: "number", "text", "time" or "flag"."""

    column: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Copy:
    """In the `side` table, `column` equals `of` times `ratio` (at least 1 in size) in 99 of 100 rows or more."""

    column: str
    of: str
    ratio: float
    side: Literal["old", "new"]


@dataclass(frozen=True, slots=True)
class Diff:
    """The differences; `cells` holds the columns with at least one changed cell, most changed first."""

    added_columns: tuple[str, ...]
    removed_columns: tuple[str, ...]
    retyped: tuple[Retyped, ...]
    rows_added: int
    rows_removed: int
    rows_changed: int
    rows_same: int
    cells: tuple[ColumnChange, ...]
    copies: tuple[Copy, ...]
    added_examples: tuple[str, ...]
    removed_examples: tuple[str, ...]

    @property
    def changed(self) -> bool:
        """True when the tables do not hold the same."""
        columns = self.added_columns or self.removed_columns or self.retyped
        return bool(columns or self.rows_added or self.rows_removed or self.rows_changed)

    def frame(self) -> pd.DataFrame:
        """One row a changed column, without the examples."""
        names = ["column", "changed", "filled", "emptied", "share", "median_ratio", "correlation"]
        table = pd.DataFrame([{name: getattr(c, name) for name in names} for c in self.cells], columns=names)
        return table.astype({"median_ratio": "float64", "correlation": "float64"})

    def to_dict(self) -> dict[str, object]:
        """Everything as plain values."""
        return {"changed": self.changed, **asdict(self)}


def diff(old: pd.DataFrame, new: pd.DataFrame, key: Sequence[str]) -> Diff:
    """Compare two tables under `key` (columns that name a row in both).

    The order of rows and columns does not count. Raises BadParameter for an empty key; BadData when a key column is
    missing or a key occurs twice.
    """
    key = list(key)
    _check_key(old, key, "old")
    _check_key(new, key, "new")
    at_old, at_new, gone, came = _match(old, new, key)
    shared = [name for name in old.columns if name in new.columns and name not in key]
    retyped = [Retyped(name, _family(old[name]), _family(new[name])) for name in shared]
    cells, touched = [], np.zeros(len(at_old), dtype=bool)
    for name in shared:
        a, b = old[name].iloc[at_old], new[name].iloc[at_new]
        differs = _differs(a, b)
        if differs.any():
            touched |= differs
            cells.append(_column_change(name, a, b, differs, new[key].iloc[at_new]))
    added = tuple(str(name) for name in new.columns if name not in old.columns)
    removed = tuple(str(name) for name in old.columns if name not in new.columns)
    suspects = [cell.column for cell in cells]
    copies = (*_copies(old, [*removed, *suspects], "old"), *_copies(new, [*added, *suspects], "new"))
    return Diff(
        added_columns=added,
        removed_columns=removed,
        retyped=tuple(change for change in retyped if change.old != change.new),
        rows_added=len(came),
        rows_removed=len(gone),
        rows_changed=int(touched.sum()),
        rows_same=len(at_old) - int(touched.sum()),
        cells=tuple(sorted(cells, key=lambda cell: -cell.changed)),
        copies=copies,
        added_examples=_names(new[key].iloc[came[:_EXAMPLES]]),
        removed_examples=_names(old[key].iloc[gone[:_EXAMPLES]]),
    )


def _check_key(frame: pd.DataFrame, key: list[str], which: str) -> None:
    if not key:
        raise BadParameter("the key is empty; name the columns that identify a row", code="diff.key")
    missing = [name for name in key if name not in frame.columns]
    if missing:
        raise BadData(
            f"the {which} table has no key column {missing[0]}.", code="diff.key", fix="Choose another key.",
            column=missing[0],
        )  # fmt: skip
    twice = frame.duplicated(key)
    if twice.any():
        where = _names(frame.loc[twice.to_numpy(), key].head(1))[0]
        raise BadData(
            f"the {which} table has {int(twice.sum()):,} rows whose key occurs before ({where}).",
            code="diff.duplicate",
            fix="Remove the duplicates, or add a column to the key.",
            count=int(twice.sum()),
        )


Positions = npt.NDArray[np.intp]


def _match(old: pd.DataFrame, new: pd.DataFrame, key: list[str]) -> tuple[Positions, Positions, Positions, Positions]:
    """Row positions: of the pairs in old and in new, of rows only in old, of rows only in new."""
    mixed = np.zeros(len(old) + len(new), dtype=np.int64)
    for name in key:
        codes, count = _codes(old[name], new[name])
        mixed = pd.factorize(mixed * (count + 1) + codes + 1)[0]  # packed again after each column: no overflow
    place = np.full(int(mixed.max(initial=-1)) + 1, -1, dtype=np.intp)
    place[mixed[: len(old)]] = np.arange(len(old))
    partner = place[mixed[len(old) :]]
    at_new = np.flatnonzero(partner >= 0)
    at_old = partner[at_new]
    alone = np.ones(len(old), dtype=bool)
    alone[at_old] = False
    return at_old, at_new, np.flatnonzero(alone), np.flatnonzero(partner < 0)


def _family(values: pd.Series) -> str:
    if pd.api.types.is_bool_dtype(values.dtype):
        return "flag"
    if pd.api.types.is_numeric_dtype(values.dtype):
        return "number"
    return "time" if pd.api.types.is_datetime64_any_dtype(values.dtype) else "text"


def _numbers(values: pd.Series) -> Floats:
    return values.to_numpy(dtype="float64", na_value=np.nan)


def _codes(a: pd.Series, b: pd.Series) -> tuple[npt.NDArray[np.int64], int]:
    """Equal values get equal codes, missing gets -1; columns of different kinds are compared as words."""
    families = {_family(a), _family(b)}
    if families <= {"number", "flag"}:
        both: Any = np.concatenate([_numbers(a), _numbers(b)])
    elif families == {"time"}:
        both = pd.concat([a.astype("datetime64[ns]"), b.astype("datetime64[ns]")], ignore_index=True)
    else:
        both = np.concatenate([as_words(a), as_words(b)])
    codes, uniques = pd.factorize(both, use_na_sentinel=True)
    return codes.astype(np.int64), len(uniques)


def _differs(a: pd.Series, b: pd.Series) -> npt.NDArray[np.bool_]:
    if {_family(a), _family(b)} <= {"number", "flag"}:
        x, y = _numbers(a), _numbers(b)
        unequal: npt.NDArray[np.bool_] = (x != y) & ~(np.isnan(x) & np.isnan(y))
        return unequal
    codes, _ = _codes(a, b)
    return np.asarray(codes[: len(a)] != codes[len(a) :])


def _column_change(
    name: str, a: pd.Series, b: pd.Series, differs: npt.NDArray[np.bool_], keys: pd.DataFrame
) -> ColumnChange:
    old, new = a[differs], b[differs]
    rows = _names(keys.iloc[np.flatnonzero(differs)[:_EXAMPLES]])
    pairs = zip(rows, old.head(_EXAMPLES), new.head(_EXAMPLES), strict=True)
    ratio, correlation = _relation(old, new)
    return ColumnChange(
        column=name,
        changed=len(old),
        filled=int((old.isna().to_numpy() & new.notna().to_numpy()).sum()),
        emptied=int((old.notna().to_numpy() & new.isna().to_numpy()).sum()),
        share=len(old) / len(a),
        median_ratio=ratio,
        correlation=correlation,
        examples=tuple(CellChange(row, _cell(x), _cell(y)) for row, x, y in pairs),
    )


def _cell(value: object) -> str:
    return "missing" if value is pd.NA else as_text(value)


def _relation(old: pd.Series, new: pd.Series) -> tuple[float | None, float | None]:
    """Median of new/old and correlation over the cells that hold a finite number on both sides."""
    if not {_family(old), _family(new)} <= {"number", "flag"}:
        return None, None
    x, y = _numbers(old), _numbers(new)
    both = np.isfinite(x) & np.isfinite(y)
    x, y = x[both], y[both]
    ratio = float(np.median(y[x != 0] / x[x != 0])) if (x != 0).any() else None
    varied = len(x) > 2 and np.ptp(x) > 0 and np.ptp(y) > 0
    return ratio, float(np.corrcoef(x, y)[0, 1]) if varied else None


def _copies(frame: pd.DataFrame, suspects: Sequence[str], side: Literal["old", "new"]) -> tuple[Copy, ...]:
    """Suspects that are another number times a constant, looked for on evenly spaced rows."""
    probe = frame.iloc[np.unique(np.linspace(0, len(frame) - 1, _PROBE).astype(int))] if len(frame) else frame
    numbers = {str(name): _numbers(probe[name]) for name in probe.columns if _family(probe[name]) == "number"}
    found, seen = [], set()
    for name in suspects:
        for other in numbers:
            if name in numbers and name != other and (other, name) not in seen:
                ratio = _constant_ratio(numbers[name], numbers[other])
                if ratio is not None:
                    seen.add((name, other))
                    small = abs(ratio) < 1  # said of the larger column, so that 0.869 reads 1.15
                    found.append(Copy(other, name, 1 / ratio, side) if small else Copy(name, other, ratio, side))
    return tuple(found)


def _constant_ratio(values: Floats, others: Floats) -> float | None:
    both = np.isfinite(values) & np.isfinite(others) & (others != 0)
    if len(np.unique(others[both])) < 10:  # a handful of values proves nothing
        return None
    ratios = values[both] / others[both]
    ratio = float(np.median(ratios))
    close = np.abs(ratios - ratio) <= 1e-6 * abs(ratio)
    return ratio if ratio != 0 and close.mean() >= 0.99 else None


def _names(keys: pd.DataFrame) -> tuple[str, ...]:
    return tuple(
        " ".join(f"{name}={_cell(value)}" for name, value in zip(keys.columns, row, strict=True))
        for row in keys.itertuples(index=False)
    )
