"""Two things one does with a history of tables: merge two lines cell by cell, find the first bad version.

The merge is three-way, as Git's (Mens, *A State-of-the-Art Survey on Software Merging*, 2002), on keyed rows instead of
lines: a side that left a cell alone loses to the side that changed it; two different changes are a conflict, and nothing
is written. Bisection asks about log2(n) versions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlops_core import versions
from mlops_core.errors import BadData, BadParameter, NotFound
from mlops_core.versions import Version
from mlops_core.workspace import Workspace

SHOWN = 20
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Conflict:
    """One cell that both sides changed, differently. `column` is "(row)" when one side changed a row the other removed."""

    key: tuple[object, ...]
    column: str
    base: object
    ours: object
    theirs: object


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge gave: the new version's row count, or the number of conflicts and the first few of them."""

    name: str
    rows: int
    count: int
    conflicts: tuple[Conflict, ...]

    def to_dict(self) -> dict[str, object]:
        """The result as plain values."""
        shown = [{name: getattr(c, name) for name in c.__slots__} for c in self.conflicts]
        return {"name": self.name, "rows": self.rows, "count": self.count, "conflicts": shown}


@dataclass(frozen=True, slots=True)
class Look:
    """One question of a bisection and its answer."""

    version: str
    good: bool


@dataclass(frozen=True, slots=True)
class Bisected:
    """The first bad version and the looks it took."""

    first_bad: str
    looks: tuple[Look, ...]

    def to_dict(self) -> dict[str, object]:
        """The result as plain values."""
        return {"first_bad": self.first_bad, "looks": [{"version": k.version, "good": k.good} for k in self.looks]}


def _aligned(frame: pd.DataFrame, key: Sequence[str], index: pd.Index, columns: Sequence[str]) -> pd.DataFrame:
    return frame.set_index(list(key)).reindex(index=index, columns=list(columns)).astype(object)


def _same(a: pd.DataFrame, b: pd.DataFrame) -> Mask:
    left, right = a.to_numpy(), b.to_numpy()
    both_missing = pd.isna(left) & pd.isna(right)
    with np.errstate(invalid="ignore"):
        equal = np.where(pd.isna(left) | pd.isna(right), False, left == right)
    return np.asarray(equal.astype(bool) | both_missing)


def merge_frames(
    base: pd.DataFrame, ours: pd.DataFrame, theirs: pd.DataFrame, key: Sequence[str]
) -> tuple[pd.DataFrame, tuple[Conflict, ...], int]:
    """The merged table, the first conflicts and their number; the table is empty when there is a conflict.

    Rows and columns added by one side are kept, rows removed by one side and left alone by the other are gone.
    Raises BadData when a key is missing or not unique.
    """
    for name, frame in (("base", base), ("ours", ours), ("theirs", theirs)):
        missing = [column for column in key if column not in frame]
        if missing or frame.duplicated(list(key)).any():
            why = f"has no column {missing[0]!r}" if missing else f"has two rows with one key ({', '.join(key)})"
            raise BadData(f"table {name} {why}.", code="merge.key", fix="Merge tables with a unique key.")
    names = [c for c in dict.fromkeys([*ours.columns, *theirs.columns]) if c not in set(key)]
    places = [frame.set_index(list(key)).index for frame in (base, ours, theirs)]
    index = places[0].union(places[1], sort=False).union(places[2], sort=False)
    was, mine, other = (_aligned(frame, key, index, names) for frame in (base, ours, theirs))
    in_base, in_ours, in_theirs = (index.isin(place) for place in places)
    touched_ours, touched_theirs = ~_same(was, mine), ~_same(was, other)
    clash = touched_ours & touched_theirs & ~_same(mine, other)
    removed_ours, removed_theirs = in_base & ~in_ours, in_base & ~in_theirs
    clash[removed_ours | removed_theirs] = False
    row_clash = (removed_ours & in_theirs & touched_theirs.any(axis=1)) | (
        removed_theirs & in_ours & touched_ours.any(axis=1)
    )
    conflicts = _conflicts(index, names, (was, mine, other), clash, row_clash)
    count = int(clash.sum() + row_clash.sum())
    if count:
        return ours.iloc[:0], conflicts, count
    merged = mine.mask(touched_theirs, other)[~(removed_ours | removed_theirs)]
    result = merged.reset_index()[[*key, *names]]
    for column in result.columns:
        source = (ours if column in ours else theirs)[column]
        if _fits(result[column], source):
            result[column] = result[column].astype(source.dtype)
    return result.sort_values(list(key), kind="stable", ignore_index=True), (), 0


def _fits(values: pd.Series, source: pd.Series) -> bool:
    whole = pd.api.types.is_integer_dtype(source.dtype) or pd.api.types.is_bool_dtype(source.dtype)
    return not (whole and values.isna().any() and not pd.api.types.is_extension_array_dtype(source.dtype))


def _conflicts(
    index: pd.Index, names: Sequence[str], sides: Sequence[pd.DataFrame], clash: Mask, row_clash: Mask
) -> tuple[Conflict, ...]:
    was, mine, other = sides
    found = [
        Conflict(_key(index[int(row)]), names[at], was.iat[row, at], mine.iat[row, at], other.iat[row, at])
        for row, at in zip(*np.nonzero(clash), strict=True)
    ]
    found += [Conflict(_key(index[int(row)]), "(row)", None, None, None) for row in np.nonzero(row_clash)[0]]
    return tuple(found[:SHOWN])


def _key(value: object) -> tuple[object, ...]:
    return tuple(str(part) for part in value) if isinstance(value, tuple) else (str(value),)


def _find(history: Sequence[Version], name: str) -> Version:
    found = next((version for version in history if version.name == name), None)
    if found is None:
        there = ", ".join(version.name for version in history)
        raise NotFound(f"no data version {name!r}.", code="version.unknown", fix=f"There are {there}.", name=name)
    return found


def _line(history: Sequence[Version], start: Version) -> list[str]:
    """Ids of a version and all its ancestors, nearest first."""
    by_id = {version.id: version for version in history}
    line, at = [start.id], 0
    while at < len(line):
        line += [parent for parent in by_id[line[at]].parents if parent in by_id and parent not in line]
        at += 1
    return line


def _ancestor(history: Sequence[Version], ours: Version, theirs: Version) -> Version:
    mine = set(_line(history, ours))
    for identity in _line(history, theirs):
        if identity in mine:
            return next(version for version in history if version.id == identity)
    raise BadParameter(
        f"{ours.name} and {theirs.name} have no version in common.",
        code="merge.unrelated",
        fix="Merge related versions.",
    )


def merge(ws: Workspace, ours: str, theirs: str, *, key: Sequence[str], name: str, message: str = "") -> Merged:
    """Merge two versions into a new one against their nearest common ancestor; with a conflict nothing is written."""
    history = versions.log(ws)
    mine, other = _find(history, ours), _find(history, theirs)
    base = _ancestor(history, mine, other)
    before, left, right = (versions.read(ws, version.name) for version in (base, mine, other))
    frame, conflicts, count = merge_frames(before, left, right, key)
    if count:
        return Merged(name, 0, count, conflicts)
    words = message or f"Merge {theirs} into {ours}"
    made = versions.commit(ws, frame, name=name, message=words, lesson_date=max(mine.lesson_date, other.lesson_date))
    return Merged(made.name, made.rows, 0, ())


def bisect(ws: Workspace, good: str, bad: str, holds: Callable[[pd.DataFrame], bool]) -> Bisected:
    """The first version after `good` that breaks the rule, by halving. BadParameter when the ends are not as said."""
    history = versions.log(ws)
    names = [version.name for version in history]
    low, high = names.index(_find(history, good).name), names.index(_find(history, bad).name)
    if low >= high:
        raise BadParameter(f"{good} is not older than {bad}.", code="bisect.order", fix="Name the good version first.")
    looks: list[Look] = []

    def ask(at: int) -> bool:
        looks.append(Look(names[at], holds(versions.read(ws, names[at]))))
        return looks[-1].good

    if not ask(low) or ask(high):
        wrong = f"{good} breaks the rule already" if not looks[0].good else f"{bad} keeps the rule"
        raise BadParameter(
            f"{wrong}.", code="bisect.ends", fix="Name one version that keeps it and a later one that does not."
        )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if ask(middle) else (low, middle)
    return Bisected(names[high], tuple(looks))
