"""The ledger: what became true in a workspace, in order, in one SQLite file that is only ever added to.

MLflow has no transaction over "register, tag, alias"; here promotion is one row, written by compare-and-set, and the
alias in MLflow follows. This is also the one place that opens SQLite: write-ahead log, one writer waits for the other.
Source: SQLite documentation, "Write-Ahead Logging", "Transactions" (BEGIN IMMEDIATE).

    ledger = Ledger(ws)
    ledger.promote("champion", 2, expect=1, reason="cheaper by 4 %", lesson_date="2013-04-01")
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mlops_core.errors import BadParameter, Busy, Damaged, NotFound, Stale
from mlops_core.workspace import Workspace

_WAIT_SECONDS = 30.0
_TABLES = """
CREATE TABLE events (
  id INTEGER PRIMARY KEY, created TEXT NOT NULL, lesson_date TEXT NOT NULL, kind TEXT NOT NULL,
  subject TEXT NOT NULL, detail TEXT NOT NULL);
CREATE TABLE versions (
  version INTEGER PRIMARY KEY, digest TEXT NOT NULL, run_id TEXT NOT NULL, data_id TEXT NOT NULL,
  created TEXT NOT NULL, metrics TEXT NOT NULL);
CREATE TABLE promotions (
  id INTEGER PRIMARY KEY, created TEXT NOT NULL, lesson_date TEXT NOT NULL, alias TEXT NOT NULL,
  version INTEGER REFERENCES versions(version), previous INTEGER, kind TEXT NOT NULL, reason TEXT NOT NULL);
CREATE INDEX promotions_alias ON promotions (alias, id);
"""
_APPEND_ONLY = """
CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END;
"""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened: `kind` says what, `subject` to whom, `detail` holds named values."""

    id: int
    created: datetime
    lesson_date: str
    kind: str
    subject: str
    detail: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Registered:
    """A model version as the ledger knows it: its digest is the one that may be served."""

    version: int
    digest: str
    run_id: str
    data_id: str
    created: datetime
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Promotion:
    """One move of an alias, from `previous` to `version` (None: nobody); `kind` is promote, rollback or cleared."""

    id: int
    created: datetime
    lesson_date: str
    alias: str
    version: int | None
    previous: int | None
    kind: str
    reason: str

    def to_dict(self) -> dict[str, object]:
        """The promotion as plain values."""
        return {**{name: getattr(self, name) for name in self.__slots__}, "created": self.created.isoformat()}


@contextlib.contextmanager
def open_sqlite(path: Path, *, write: bool = False, wal: bool = False) -> Iterator[sqlite3.Connection]:
    """One connection for one piece of work; `write=True` is one transaction that waits for other writers, then commits.

    `wal=True` first turns the file to write-ahead logging, for good: only for files that nobody else has open yet.

    Raises NotFound (no file), Busy (another writer for more than 30 s), Damaged (not a database, torn, disk full or
    read-only). The file itself is made elsewhere: see `create_sqlite`.
    """
    mode = "rw" if write or wal else "ro"
    connection = None
    try:
        connection = sqlite3.connect(_uri(path, mode), uri=True, timeout=_WAIT_SECONDS, isolation_level=None)
        connection.row_factory = sqlite3.Row
        if wal:
            connection.execute("PRAGMA journal_mode = WAL")
        if write:
            connection.execute("BEGIN IMMEDIATE")
        yield connection
        if write:
            connection.execute("COMMIT")
    except sqlite3.DatabaseError as error:
        raise _explain(error, path) from error
    finally:
        if connection is not None:
            connection.close()  # an open transaction is rolled back


def create_sqlite(path: Path, script: str) -> None:
    """Make a database in write-ahead mode, unless there is one; whole or not at all, and the first one wins."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with contextlib.closing(sqlite3.connect(temporary, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(script)
        publish(temporary, path)
    except sqlite3.DatabaseError as error:
        raise _explain(error, path) from error
    finally:
        temporary.unlink(missing_ok=True)


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy a database as one consistent moment, also while somebody writes to it (a WAL file copied plainly is torn)."""
    with open_sqlite(source) as db:
        db.execute("VACUUM INTO ?", (str(target),))
    with open_sqlite(target, wal=True) as copied:
        copied.execute("SELECT 1")


def publish(temporary: Path, path: Path) -> None:
    """Give a finished file its name, unless somebody else was first."""
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    with contextlib.suppress(FileExistsError):
        os.link(temporary, path)


def _uri(path: Path, mode: str) -> str:
    return f"{path.absolute().as_uri()}?mode={mode}"


def _explain(error: sqlite3.DatabaseError, path: Path) -> Busy | Damaged | NotFound:
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return Busy(
            f"{path.name} is being written to.", code="sqlite.busy", fix="Try again in a moment.", file=path.name
        )
    if not path.exists():
        return NotFound(
            f"{path.name} is not there.", code="sqlite.missing", fix="Open the workspace again.", file=path.name
        )
    return Damaged(f"{path.name} cannot be used ({error}).", code="sqlite.damaged", fix="Run `doctor`.", file=path.name)


def now() -> datetime:
    """The wall clock, in UTC, to the microsecond."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledger of one workspace. Each call is one short transaction; nothing stays open."""

    ws: Workspace

    @contextlib.contextmanager
    def _open(self, *, write: bool = False) -> Iterator[sqlite3.Connection]:
        guards = [
            _APPEND_ONLY.format(table=table, verb=verb)
            for table in ("events", "versions", "promotions")
            for verb in ("UPDATE", "DELETE")
        ]
        create_sqlite(self.ws.ledger_db, _TABLES + "".join(guards))
        with open_sqlite(self.ws.ledger_db, write=write) as connection:
            yield connection

    def record(self, kind: str, subject: str = "", *, lesson_date: str = "", **detail: object) -> Event:
        """Append an event. `detail` must be plain values (numbers, words, lists, None)."""
        created = now()
        text = json.dumps(detail, ensure_ascii=False)
        row = (created.isoformat(), lesson_date, kind, subject, text)
        with self._open(write=True) as db:
            sql = "INSERT INTO events (created, lesson_date, kind, subject, detail) VALUES (?, ?, ?, ?, ?)"
            at = db.execute(sql, row).lastrowid
        return Event(int(at or 0), created, lesson_date, kind, subject, json.loads(text))

    def events(self, kind: str | None = None, *, until: str | None = None) -> tuple[Event, ...]:
        """Events in the order in which they became true; `until` keeps lesson dates up to and including that day."""
        sql = "SELECT * FROM events WHERE (?1 IS NULL OR kind = ?1) AND (?2 IS NULL OR lesson_date <= ?2) ORDER BY id"
        with self._open() as db:
            rows = db.execute(sql, (kind, until)).fetchall()
        return tuple(
            Event(r["id"], _time(r["created"]), r["lesson_date"], r["kind"], r["subject"], json.loads(r["detail"]))
            for r in rows
        )

    def register(
        self, version: int, *, digest: str, run_id: str, data_id: str, metrics: Mapping[str, float]
    ) -> Registered:
        """Make a model version known: from here on it can be promoted and loaded. Stale when the number is taken."""
        row = Registered(version, digest, run_id, data_id, now(), dict(metrics))
        values = (version, digest, run_id, data_id, row.created.isoformat(), json.dumps(row.metrics))
        with self._open(write=True) as db:
            if db.execute("SELECT 1 FROM versions WHERE version = ?", (version,)).fetchone():
                raise Stale(f"model version {version} is registered already.", code="version.taken", version=version)
            db.execute("INSERT INTO versions VALUES (?, ?, ?, ?, ?, ?)", values)
        return row

    def versions(self) -> tuple[Registered, ...]:
        """Every registered model version, oldest first."""
        with self._open() as db:
            rows = db.execute("SELECT * FROM versions ORDER BY version").fetchall()
        return tuple(
            Registered(
                r["version"], r["digest"], r["run_id"], r["data_id"], _time(r["created"]), json.loads(r["metrics"])
            )
            for r in rows
        )

    def promote(self, alias: str, version: int, *, expect: int | None, reason: str, lesson_date: str) -> Promotion:
        """Move `alias` to `version` if it still points at `expect` (None: at nobody): the commit point of a promotion.

        A version that becomes another alias's holder leaves "challenger". Raises Stale, NotFound, BadParameter.
        """
        with self._open(write=True) as db:
            if not db.execute("SELECT 1 FROM versions WHERE version = ?", (version,)).fetchone():
                raise NotFound(f"No model version {version}.", code="version.unknown", version=version)
            previous = _holder(db, alias)
            if previous != expect:
                raise _stale(alias, expect, previous)
            if previous == version:
                raise BadParameter(f"Version {version} is {alias} already.", code="promotion.same", version=version)
            if alias != "challenger" and _holder(db, "challenger") == version:
                _append(db, "challenger", None, version, "cleared", f"became {alias}", lesson_date)
            return _append(db, alias, version, previous, "promote", reason, lesson_date)

    def rollback(self, alias: str, *, expect: int | None = None, reason: str, lesson_date: str) -> Promotion:
        """Give `alias` back to the version before; again: to the one before that. `expect=None`: whoever holds it now.

        Raises Stale, and NotFound when there is nobody before.
        """
        with self._open(write=True) as db:
            stack = _stack(db, alias)
            if expect is not None and (not stack or stack[-1] != expect):
                raise _stale(alias, expect, stack[-1] if stack else None)
            if len(stack) < 2:
                raise NotFound(f"There is no earlier {alias} to go back to.", code="rollback.none", alias=alias)
            return _append(db, alias, stack[-2], stack[-1], "rollback", reason, lesson_date)

    def holders(self) -> dict[str, int]:
        """Alias -> model version, for every alias that somebody holds."""
        sql = "SELECT alias, version, max(id) FROM promotions GROUP BY alias"
        with self._open() as db:
            return {row["alias"]: row["version"] for row in db.execute(sql) if row["version"] is not None}

    def promotions(self, alias: str | None = None) -> tuple[Promotion, ...]:
        """Every move, oldest first."""
        sql = "SELECT * FROM promotions WHERE ?1 IS NULL OR alias = ?1 ORDER BY id"
        with self._open() as db:
            rows = db.execute(sql, (alias,)).fetchall()
        return tuple(Promotion(**{**dict(row), "created": _time(row["created"])}) for row in rows)

    @contextlib.contextmanager
    def still(self) -> Iterator[dict[str, int]]:
        """The holders, held still: nobody can promote until the block ends. For those who copy them elsewhere."""
        with self._open(write=True) as db:
            sql = "SELECT alias, version, max(id) FROM promotions GROUP BY alias"
            yield {row["alias"]: row["version"] for row in db.execute(sql) if row["version"] is not None}


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _holder(db: sqlite3.Connection, alias: str) -> int | None:
    row = db.execute("SELECT version FROM promotions WHERE alias = ? ORDER BY id DESC LIMIT 1", (alias,)).fetchone()
    return None if row is None else row["version"]


def _stack(db: sqlite3.Connection, alias: str) -> list[int]:
    """Who held the alias, as a stack: a promotion pushes, a rollback pops, clearing empties."""
    stack: list[int] = []
    for row in db.execute("SELECT kind, version FROM promotions WHERE alias = ? ORDER BY id", (alias,)):
        if row["kind"] == "promote":
            stack.append(row["version"])
        elif row["kind"] == "rollback":
            stack.pop()
        else:
            stack.clear()
    return stack


def _append(
    db: sqlite3.Connection,
    alias: str,
    version: int | None,
    previous: int | None,
    kind: str,
    reason: str,
    lesson_date: str,
) -> Promotion:
    created = now()
    columns = "created, lesson_date, alias, version, previous, kind, reason"
    row = (created.isoformat(), lesson_date, alias, version, previous, kind, reason)
    at = db.execute(f"INSERT INTO promotions ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", row).lastrowid  # noqa: S608
    return Promotion(int(at or 0), created, lesson_date, alias, version, previous, kind, reason)


def _stale(alias: str, expect: int | None, holder: int | None) -> Stale:
    def said(version: int | None) -> str:
        return "nobody" if version is None else f"version {version}"

    return Stale(
        f"{alias} is {said(holder)} now, not {said(expect)}.",
        code="promotion.stale",
        fix="Reload and decide again.",
        alias=alias,
        expect=expect,
        holder=holder,
    )
