"""A table with a promise: which columns there are, what they mean, what they may hold.

A `Schema` says it for people and for machines: expectations, training, drift and serving all read the same one.

>>> schema = Schema((Column("day", "time", "day"), Column("x", "number", "feature"), Column("y", "flag", "target")))
>>> schema.features, schema.target, schema.day
(('x',), 'y', 'day')
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from mlops_core.digest import digest_frame
from mlops_core.errors import BadData, BadParameter, NotFound

Kind = Literal["number", "category", "time", "flag"]
Role = Literal["key", "feature", "target", "day", "time", "known", "info"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its kind, its role, its unit and the values it may hold (`low` and `high` inclusive).

    `feature` is true for the role "feature"; a key that is also an input of the model says `feature=True`.
    """

    name: str
    kind: Kind
    role: Role = "info"
    unit: str = ""
    low: float | None = None
    high: float | None = None
    nullable: bool = True
    integer: bool = False
    feature: bool = False
    text: str = ""

    @property
    def is_feature(self) -> bool:
        """True when the model reads this column."""
        return self.feature or self.role == "feature"


@dataclass(frozen=True, slots=True)
class Schema:
    """The columns of a table in order; `day` may be part of the key as well."""

    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = self.names
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise BadParameter(f"column {twice[0]} is defined twice", code="schema.twice", column=twice[0])
        for name in self.key:
            self.column(name)

    @property
    def names(self) -> tuple[str, ...]:
        """All column names, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns a model may read."""
        return tuple(column.name for column in self.columns if column.is_feature)

    @property
    def numeric(self) -> tuple[str, ...]:
        """Features that are numbers or flags."""
        return tuple(c.name for c in self.columns if c.is_feature and c.kind in ("number", "flag"))

    @property
    def categorical(self) -> tuple[str, ...]:
        """Features that are categories."""
        return tuple(c.name for c in self.columns if c.is_feature and c.kind == "category")

    def _single(self, role: Role) -> str | None:
        return next((column.name for column in self.columns if column.role == role), None)

    @property
    def target(self) -> str | None:
        """The column to predict, if there is one."""
        return self._single("target")

    @property
    def day(self) -> str | None:
        """The calendar day of a row: the unit of every interval and of every split."""
        return self._single("day")

    @property
    def time(self) -> str | None:
        """The moment of a row."""
        return self._single("time")

    @property
    def known(self) -> str | None:
        """The moment the target of a row becomes known."""
        return self._single("known")

    def column(self, name: str) -> Column:
        """The column called `name`; NotFound names the columns there are."""
        for column in self.columns:
            if column.name == name:
                return column
        raise NotFound(f"no column {name!r}; there are {', '.join(self.names)}", code="column.unknown", column=name)

    def without(self, names: Iterable[str]) -> Schema:
        """The same schema with some columns left out."""
        gone = set(names)
        return Schema(tuple(c for c in self.columns if c.name not in gone), tuple(k for k in self.key if k not in gone))

    def only(self, names: Iterable[str]) -> Schema:
        """The same schema restricted to the columns named (in the schema's order)."""
        kept = set(names)
        return self.without(name for name in self.names if name not in kept)


@dataclass(frozen=True, slots=True)
class Costs:
    """What a wrong decision costs. The threshold that follows from them is fa / (fa + miss) (Elkan, IJCAI 2001).

    >>> Costs(false_alarm=1, miss=3).threshold
    0.25
    """

    false_alarm: float = 1.0
    miss: float = 3.0

    def __post_init__(self) -> None:
        for name, value in (("false_alarm", self.false_alarm), ("miss", self.miss)):
            if not 0 < value < float("inf"):
                raise BadParameter(
                    f"cost {name} is {value}; it must be above 0", code="costs.range", cost=name, value=value
                )

    @property
    def threshold(self) -> float:
        """Flag a row when its probability is at least this."""
        return self.false_alarm / (self.false_alarm + self.miss)


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """A frame, its schema and the digest of its content."""

    frame: pd.DataFrame
    schema: Schema
    digest: str

    @classmethod
    def of(cls, frame: pd.DataFrame, schema: Schema) -> Dataset:
        """Name a frame by its content."""
        return cls(frame, schema, digest_frame(frame))


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a file may be, checked before it is parsed where that is possible."""

    bytes: int = 512 * 1024 * 1024
    rows: int = 5_000_000
    columns: int = 200


def _refuse(path: Path, reason: str, fix: str, code: str) -> BadData:
    return BadData(f"{path.name} {reason}.", code=code, fix=fix, file=path.name)


def read_table(path: Path, limits: Limits | None = None) -> pd.DataFrame:
    """Read `.csv`, `.csv.gz` or `.parquet`; every refusal is a BadData that names the file, the reason and the fix."""
    limits = limits or Limits()
    if not path.is_file():
        raise _refuse(path, "is missing", "Give the path of a .csv, .csv.gz or .parquet file.", "file.missing")
    if path.stat().st_size > limits.bytes:
        raise _refuse(path, f"is larger than {limits.bytes:,} bytes", "Send fewer rows.", "file.bytes")
    try:
        frame = _parse(path)
    except (ValueError, OSError, UnicodeError, EOFError) as error:
        raise _refuse(path, f"cannot be read as a table ({error})", "Fetch the file again.", "file.damaged") from error
    if len(frame) > limits.rows or frame.shape[1] > limits.columns:
        size = f"has {len(frame):,} rows and {frame.shape[1]:,} columns"
        raise _refuse(path, size, f"At most {limits.rows:,} rows and {limits.columns} columns.", "file.size")
    return frame


def _parse(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    if path.name.endswith((".csv", ".csv.gz")):
        return pd.read_csv(path)
    raise ValueError("the name must end in .csv, .csv.gz or .parquet")


def write_parquet(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame so that the same frame gives the same bytes, and a reader never sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    frame.to_parquet(temporary, index=False, compression="zstd")
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(path)
