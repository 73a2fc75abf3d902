"""What one learner has answered, in one SQLite file of the workspace; it survives reload, restart and crash.

Every row is keyed by lesson and by the version of the task's content: an edited question starts afresh.

    progress = Progress(workspace.progress_db)
    progress.commit(prediction, option="yes", sure=True)      # the first commitment counts; later ones change nothing
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mlops_core.errors import BadParameter, Damaged
from tutor.missions import Kind, Mission, Outcome
from tutor.predictions import Answer, Prediction

LESSON = "mlops-fundamentals"

_SCHEMA = """
create table if not exists prediction(
    lesson text, code text, version text, page text, belief integer, option text not null, sure integer not null,
    at real not null, answer text, primary key (lesson, code, version)) strict;
create table if not exists mission(
    lesson text, code text, version text, page text, kind text not null, outcome text not null, tries integer not null,
    hints integer not null, solution integer not null, solved_at real, badge integer not null,
    primary key (lesson, code, version)) strict;
create table if not exists visit(
    lesson text, page text, first_at real, last_at real, primary key (lesson, page)) strict;
create table if not exists note(lesson text, name text, value text not null, primary key (lesson, name)) strict;
"""


@dataclass(frozen=True, slots=True)
class Committed:
    """A prediction as it was committed, `at` in seconds since 1970; `answer` is the right option once revealed."""

    code: str
    version: str
    page: str
    belief: int
    option: str
    sure: bool
    at: float
    answer: str = ""

    @property
    def revealed(self) -> bool:
        """Whether the answer has been shown."""
        return bool(self.answer)

    @property
    def correct(self) -> bool:
        """Whether the committed option is the right one; False before the answer is known."""
        return self.revealed and self.option == self.answer


@dataclass(frozen=True, slots=True)
class MissionState:
    """How far a mission is. A solution that was shown costs the badge, never the progress."""

    code: str
    page: str = ""
    kind: Kind = "not_attempted"
    outcome: str = ""
    tries: int = 0
    hints: int = 0
    solution_shown: bool = False
    solved: bool = False
    badge: bool = False


def _committed(
    code: str, version: str, page: str, belief: int, option: str, sure: int, at: float, answer: str
) -> Committed:
    return Committed(code, version, page, belief, option, bool(sure), at, answer)


def _mission_state(
    code: str, page: str, kind: Kind, outcome: str, tries: int, hints: int, shown: int, solved: int, badge: int
) -> MissionState:
    return MissionState(code, page, kind, outcome, tries, hints, bool(shown), bool(solved), bool(badge))


class Progress:
    """The store of one learner. Opens the file for each call, so it may be shared by threads and tabs."""

    def __init__(self, path: Path, lesson: str = LESSON, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self.lesson = lesson
        self._clock = clock

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.closing(sqlite3.connect(self.path, timeout=10.0)) as database:
                if database.execute("pragma user_version").fetchone()[0] == 0:
                    database.execute("pragma journal_mode = wal")
                    database.executescript(_SCHEMA + "pragma user_version = 1;")
                with database:
                    yield database
        except (sqlite3.DatabaseError, OSError) as error:
            raise Damaged(
                f"The progress of this lesson cannot be read or written ({error}).",
                code="progress.damaged",
                fix=f"Move {self.path.name} away and reload; the work itself is kept.",
            ) from error

    # predictions

    def commit(self, prediction: Prediction, option: str, *, sure: bool) -> Committed:
        """Keep the choice unless there is one already; return the one that counts. BadParameter: no such option."""
        if all(option != known.code for known in prediction.options):
            raise BadParameter(f"prediction {prediction.code!r} has no option {option!r}.", code="prediction.option")
        row = (self.lesson, prediction.code, prediction.version, prediction.page, prediction.belief, option, int(sure))
        with self._open() as database:
            sql = "insert or ignore into prediction values (?, ?, ?, ?, ?, ?, ?, ?, null)"
            database.execute(sql, (*row, self._clock()))
        kept = self.prediction(prediction)
        if kept is None:
            raise Damaged(f"the answer to {prediction.code!r} was not kept.", code="progress.damaged")
        return kept

    def prediction(self, prediction: Prediction) -> Committed | None:
        """The committed choice, or None."""
        found = self._predictions("and code = ? and version = ?", prediction.code, prediction.version)
        return found[0] if found else None

    def reveal(self, prediction: Prediction, answer: Answer) -> None:
        """Note the right option beside the committed one."""
        sql = "update prediction set answer = ? where lesson = ? and code = ? and version = ? and answer is not ?"
        with self._open() as database:
            database.execute(sql, (answer.option, self.lesson, prediction.code, prediction.version, answer.option))

    def predictions(self) -> tuple[Committed, ...]:
        """All committed choices, oldest first."""
        return self._predictions("")

    def _predictions(self, where: str, *values: str) -> tuple[Committed, ...]:
        columns = "code, version, page, belief, option, sure, at, coalesce(answer, '')"
        sql = f"select {columns} from prediction where lesson = ? {where} order by at, code"  # noqa: S608 (constants)
        with self._open() as database:
            rows = database.execute(sql, (self.lesson, *values)).fetchall()
        return tuple(_committed(*row) for row in rows)

    # missions

    def mission(self, mission: Mission) -> MissionState:
        """How far the mission is."""
        with self._open() as database:
            return self._mission(database, mission)

    def missions(self) -> tuple[MissionState, ...]:
        """Every mission that was touched, by page and code."""
        columns = "code, page, kind, outcome, tries, hints, solution, solved_at is not null, badge"
        sql = f"select {columns} from mission where lesson = ? order by page, code"  # noqa: S608 (constants)
        with self._open() as database:
            rows = database.execute(sql, (self.lesson,)).fetchall()
        return tuple(_mission_state(*row) for row in rows)

    def record(self, mission: Mission, outcome: Outcome) -> MissionState:
        """Note an outcome. Solved stays solved; the badge is earned by solving without the solution."""
        with self._open() as database:
            self._touch(database, mission)
            old = self._mission(database, mission)
            won = outcome.kind == "right"
            new = (old.kind, old.outcome) != (outcome.kind, outcome.code) and outcome.kind != "not_attempted"
            badge = old.badge or (won and not old.solution_shown)
            sql = (
                "update mission set kind = ?, outcome = ?, tries = tries + ?, badge = ?, "
                "solved_at = coalesce(solved_at, ?) where lesson = ? and code = ? and version = ?"
            )
            solved_at = self._clock() if won else None
            key = (self.lesson, mission.code, mission.version)
            database.execute(sql, (outcome.kind, outcome.code, int(new), int(badge), solved_at, *key))
            return self._mission(database, mission)

    def open_hint(self, mission: Mission) -> int:
        """Open one more hint; return how many are open (at most all of them)."""
        return self._change(mission, "hints = min(hints + 1, ?)", len(mission.hints)).hints

    def show_solution(self, mission: Mission) -> MissionState:
        """Note that the solution was asked for."""
        return self._change(mission, "solution = ?", 1)

    def _change(self, mission: Mission, assignment: str, value: int) -> MissionState:
        sql = f"update mission set {assignment} where lesson = ? and code = ? and version = ?"  # noqa: S608 (constants)
        with self._open() as database:
            self._touch(database, mission)
            database.execute(sql, (value, self.lesson, mission.code, mission.version))
            return self._mission(database, mission)

    def _touch(self, database: sqlite3.Connection, mission: Mission) -> None:
        sql = "insert or ignore into mission values (?, ?, ?, ?, 'not_attempted', '', 0, 0, 0, null, 0)"
        database.execute(sql, (self.lesson, mission.code, mission.version, mission.page))

    def _mission(self, database: sqlite3.Connection, mission: Mission) -> MissionState:
        columns = "code, page, kind, outcome, tries, hints, solution, solved_at is not null, badge"
        sql = f"select {columns} from mission where lesson = ? and code = ? and version = ?"  # noqa: S608 (constants)
        row = database.execute(sql, (self.lesson, mission.code, mission.version)).fetchone()
        if row is None:
            return MissionState(mission.code, mission.page)
        return _mission_state(*row)

    # pages and notes

    def visit(self, page: str) -> None:
        """Note that a page was opened."""
        now = self._clock()
        sql = "insert into visit values (?, ?, ?, ?) on conflict do update set last_at = excluded.last_at"
        with self._open() as database:
            database.execute(sql, (self.lesson, page, now, now))

    def visited(self) -> tuple[str, ...]:
        """Pages opened so far, in the order of the first visit."""
        with self._open() as database:
            rows = database.execute("select page from visit where lesson = ? order by first_at, page", (self.lesson,))
            return tuple(row[0] for row in rows)

    def note(self, name: str, value: str | None = None) -> str:
        """Read a small remembered value ("" when unset), or set it when `value` is given."""
        with self._open() as database:
            if value is not None:
                database.execute("insert or replace into note values (?, ?, ?)", (self.lesson, name, value))
            row = database.execute(
                "select value from note where lesson = ? and name = ?", (self.lesson, name)
            ).fetchone()
        return row[0] if row else ""

    def reset(self, page: str | None = None) -> None:
        """Forget one page's answers, or with None everything of the lesson; the workspace itself is not touched."""
        with self._open() as database:
            for table in ("prediction", "mission", "visit"):
                where = "lesson = ?" if page is None else "lesson = ? and page = ?"
                values = (self.lesson,) if page is None else (self.lesson, page)
                database.execute(f"delete from {table} where {where}", values)  # noqa: S608 (constants)
