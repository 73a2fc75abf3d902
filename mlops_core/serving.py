"""From a row to an answer: check it against the schema, score it, note it down. No web framework, no screen.

A row that is not what the schema promises is refused with the column named: a missing column (a *value* may be missing
where the schema says so), an unknown one, a wrong type, a value out of range. An unseen category is no error, since a new
airline is not a mistake: the model has a rule for it, and the answer names the column in `unseen`.

    scorer = from_workspace(ws, schema, Costs().threshold)
    scorer.score([{"carrier": "UA", "hour": 17, "temp": 39.0}])[0].probability
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mlops_core import registry
from mlops_core.dataset import Column, Schema
from mlops_core.errors import BadInput, BadParameter, NotFound
from mlops_core.ledger import create_sqlite, now, open_sqlite
from mlops_core.training import predict
from mlops_core.workspace import Workspace

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

MAX_ROWS = 10_000
MAX_WORD = 200
_KEPT_REQUESTS = 100_000
_REQUESTS = """CREATE TABLE requests (
  id INTEGER PRIMARY KEY, created TEXT NOT NULL, version TEXT NOT NULL, rows INTEGER NOT NULL, ms REAL NOT NULL,
  status TEXT NOT NULL);"""


class SchemaError(BadInput):
    """A row is not what the schema promises. `row` counts from 0; `column` is the one at fault."""

    def __init__(self, message: str, *, column: str, row: int, value: object, code: str, fix: str) -> None:
        super().__init__(message, code=code, fix=fix, column=column, row=row, value=value)
        self.column = column
        self.row = row
        self.value = value


@dataclass(frozen=True, slots=True)
class Answer:
    """One scored row. `flagged`: probability at or above `threshold`; `unseen`: columns with a category new to the model."""

    probability: float
    flagged: bool
    threshold: float
    model_version: str
    unseen: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """The answer as plain values."""
        return {**{name: getattr(self, name) for name in self.__slots__}, "unseen": list(self.unseen)}


@dataclass(frozen=True, slots=True, eq=False)
class Scorer:
    """A model with its promise. `features` are the columns a row must have: those the model was fitted on."""

    model: Pipeline
    schema: Schema
    version: str
    threshold: float
    features: tuple[str, ...] = field(init=False)
    _seen: Mapping[str, frozenset[str]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not 0 <= self.threshold <= 1:
            raise BadParameter(f"threshold is {self.threshold}; it must lie between 0 and 1", code="threshold.range")
        names = tuple(str(name) for name in getattr(self.model, "feature_names_in_", ())) or self.schema.features
        for name in names:
            self.schema.column(name)
        object.__setattr__(self, "features", names)
        object.__setattr__(self, "_seen", _seen_categories(self.model))

    def score(self, rows: Sequence[Mapping[str, object]]) -> tuple[Answer, ...]:
        """One answer a row, in order; () for no rows. Other columns of the schema may be there and are not read.

        Raises SchemaError (first fault, row by row) and BadParameter for more than 10,000 rows.
        """
        if len(rows) > MAX_ROWS:
            raise BadParameter(f"{len(rows):,} rows at once; at most {MAX_ROWS:,}.", code="score.rows", rows=len(rows))
        if not rows:
            return ()
        checked = [self._check(row, at) for at, row in enumerate(rows)]
        columns = {name: [row[name] for row in checked] for name in self.features}
        probabilities = predict(self.model, pd.DataFrame(columns)).tolist()
        return tuple(
            Answer(p, p >= self.threshold, self.threshold, self.version, self._unseen(row))
            for p, row in zip(probabilities, checked, strict=True)
        )

    def _check(self, row: Mapping[str, object], at: int) -> dict[str, object]:
        for name in row:
            if name not in self.schema.names:
                raise self._unknown(str(name), row[name], at)
        for name in self.features:
            if name not in row:
                what = f"Column {name!r} is missing in row {at}."
                fix = f"Send {_wanted(self.schema.column(name))}."
                raise SchemaError(what, column=name, row=at, value=None, code="row.missing", fix=fix)
        return {name: _cell(self.schema.column(name), row[name], at) for name in self.features}

    def _unknown(self, name: str, value: object, at: int) -> SchemaError:
        near = difflib.get_close_matches(name, self.schema.names, 1)
        fix = f"Did you mean {near[0]!r}?" if near else f"The model reads {', '.join(self.features)}."
        shown = name[:MAX_WORD]
        return SchemaError(
            f"Column {shown!r} in row {at} is not in the schema.",
            column=shown,
            row=at,
            value=value,
            code="row.unknown",
            fix=fix,
        )

    def _unseen(self, row: Mapping[str, object]) -> tuple[str, ...]:
        pairs = ((name, row[name]) for name in self.features if name in self._seen)
        return tuple(name for name, value in pairs if value is not None and value not in self._seen[name])


def _seen_categories(model: Pipeline) -> dict[str, frozenset[str]]:
    """Column -> the categories met in training, asked of the fitted encoder; {} for a model without categories."""
    for name, encoder, columns in getattr(model[0], "transformers_", ()):
        if name == "categories":
            return {
                str(column): frozenset(value for value in values if isinstance(value, str))
                for column, values in zip(columns, encoder.categories_, strict=True)
            }
    return {}


def _cell(column: Column, value: object, at: int) -> object:
    """The value in the form the model reads, or SchemaError."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        if not column.nullable:
            raise _refused(column, value, at, "row.null")
        return None if column.kind == "category" else math.nan
    if column.kind == "category":
        if not isinstance(value, str) or not value or len(value) > MAX_WORD:
            raise _refused(column, value, at, "row.type")
        return value
    number = _number(value, flag=column.kind == "flag")
    if number is None or (column.integer and number != int(number)):
        raise _refused(column, value, at, "row.type")
    low, high = (0.0, 1.0) if column.kind == "flag" else (column.low, column.high)
    outside = (low is not None and number < low) or (high is not None and number > high)
    if outside or (column.kind == "flag" and number not in (0.0, 1.0)):
        raise _refused(column, value, at, "row.range")
    return number


def _number(value: object, *, flag: bool) -> float | None:
    if isinstance(value, bool):
        return float(value) if flag else None
    if not isinstance(value, int | float | np.integer | np.floating):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _refused(column: Column, value: object, at: int, code: str) -> SchemaError:
    shown = repr(value) if len(repr(value)) <= 60 else repr(value)[:60] + "…"
    return SchemaError(
        f"Column {column.name!r} in row {at} is {'missing' if code == 'row.null' else shown}.",
        column=column.name,
        row=at,
        value=value,
        code=code,
        fix=f"Send {_wanted(column)}.",
    )


def _wanted(column: Column) -> str:
    """What would be right, in words."""
    if column.kind == "category":
        words = f"a word of 1 to {MAX_WORD} letters"
    elif column.kind == "flag":
        words = "0 or 1"
    else:
        words = "a whole number" if column.integer else "a number"
        if column.low is not None:
            words += f" from {column.low:g}"
        if column.high is not None:
            words += f" {'to' if column.low is not None else 'up to'} {column.high:g}"
        words += f" ({column.unit})" if column.unit else ""
    return words + (", or null" if column.nullable else "")


def from_workspace(ws: Workspace, schema: Schema, threshold: float, *, alias: str = "champion") -> Scorer:
    """The scorer of the champion, its file checked against the ledger. NotFound, Damaged.

    Loading takes some milliseconds: keep the scorer as long as `registry.holder(ws, alias).digest` stays the same.
    """
    version = registry.holder(ws, alias)
    if version is None:
        raise NotFound(f"There is no {alias} yet.", code="alias.none", fix="Promote a model first.", alias=alias)
    model = registry.load_version(ws, version.version)
    return Scorer(model, schema, str(version.version), threshold)


# --- the request log --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Request:
    """One call: when (UTC), by which model version, how many rows, how long (ms), `ok` or the code of the error."""

    created: datetime
    version: str
    rows: int
    ms: float
    status: str


@dataclass(frozen=True, slots=True)
class RequestSummary:
    """Health of the service: calls, rows, share of refused calls, median and 95th percentile of the time (ms; NaN)."""

    count: int
    rows: int
    errors: int
    p50_ms: float
    p95_ms: float

    @property
    def error_share(self) -> float:
        """Refused or failed calls / all calls; 0 without calls."""
        return self.errors / self.count if self.count else 0.0


@dataclass(frozen=True, slots=True)
class RequestLog:
    """The calls of one workspace; the last 100,000 are kept. Rows themselves are not stored."""

    ws: Workspace

    def append(self, *, version: str, rows: int, ms: float, status: str = "ok") -> None:
        """Note one call."""
        path = self.ws.mlops / "requests.db"
        create_sqlite(path, _REQUESTS)
        with open_sqlite(path, write=True) as db:
            sql = "INSERT INTO requests (created, version, rows, ms, status) VALUES (?, ?, ?, ?, ?)"
            at = db.execute(sql, (now().isoformat(), version, rows, ms, status)).lastrowid
            db.execute("DELETE FROM requests WHERE id <= ?", (int(at or 0) - _KEPT_REQUESTS,))

    def read(self, limit: int = 1000) -> tuple[Request, ...]:
        """The last `limit` calls, oldest first."""
        path = self.ws.mlops / "requests.db"
        if not path.exists():
            return ()
        with open_sqlite(path) as db:
            sql = "SELECT created, version, rows, ms, status FROM requests ORDER BY id DESC LIMIT ?"
            rows = db.execute(sql, (limit,)).fetchall()
        found = [Request(datetime.fromisoformat(r[0]), r[1], r[2], r[3], r[4]) for r in reversed(rows)]
        return tuple(found)

    def summary(self, limit: int = 1000) -> RequestSummary:
        """Health over the last `limit` calls."""
        calls = self.read(limit)
        times = np.asarray([call.ms for call in calls], dtype=np.float64)
        p50, p95 = np.quantile(times, [0.5, 0.95]).tolist() if calls else (math.nan, math.nan)
        errors = sum(call.status != "ok" for call in calls)
        return RequestSummary(len(calls), sum(call.rows for call in calls), errors, p50, p95)
