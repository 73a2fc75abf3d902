"""The ledger: only added to, one winner, nobody locked out, damage named."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from pathlib import Path

import pytest

from mlops_core.errors import BadParameter, Damaged, NotFound, Stale
from mlops_core.ledger import Ledger, create_sqlite, open_sqlite
from mlops_core.workspace import Workspace


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(Workspace(tmp_path))
    for version in (1, 2, 3, 4):
        made.register(
            version, digest=str(version) * 64, run_id=f"r{version}", data_id="d", metrics={"auc": version / 10}
        )
    return made


def promote(ledger: Ledger, version: int, expect: int | None, alias: str = "champion") -> None:
    ledger.promote(alias, version, expect=expect, reason="better", lesson_date="2013-04-01")


def test_what_is_written_is_read(ledger: Ledger) -> None:
    ledger.record("alarm", "visib", lesson_date="2013-05-01", psi=0.5, weeks=["a"], none=None)
    event = ledger.record("retrained", lesson_date="2013-06-01")
    assert [e.kind for e in ledger.events()] == ["alarm", "retrained"]
    assert ledger.events("alarm")[0].detail == {"psi": 0.5, "weeks": ["a"], "none": None}
    assert ledger.events(until="2013-05-31") == ledger.events("alarm")
    assert ledger.events("retrained") == (event,)
    assert [(v.version, v.run_id, v.metrics) for v in ledger.versions()][:2] == [
        (1, "r1", {"auc": 0.1}),
        (2, "r2", {"auc": 0.2}),
    ]


def test_compare_and_set(ledger: Ledger) -> None:
    promote(ledger, 1, None)
    with pytest.raises(Stale, match="champion is version 1 now, not nobody") as caught:
        promote(ledger, 2, None)
    assert caught.value.values == {"alias": "champion", "expect": None, "holder": 1}
    promote(ledger, 2, 1)
    with pytest.raises(BadParameter, match="champion already"):
        promote(ledger, 2, 2)
    with pytest.raises(NotFound, match="No model version 9"):
        promote(ledger, 9, 2)
    assert ledger.holders() == {"champion": 2}
    assert [(p.version, p.previous, p.kind) for p in ledger.promotions()] == [(1, None, "promote"), (2, 1, "promote")]


def test_a_number_is_given_once(ledger: Ledger) -> None:
    with pytest.raises(Stale, match="registered already"):
        ledger.register(1, digest="x", run_id="r", data_id="", metrics={})


def test_rollback_walks_back_as_often_as_asked(ledger: Ledger) -> None:
    for version, expect in ((1, None), (2, 1), (3, 2)):
        promote(ledger, version, expect)
    back = [ledger.rollback("champion", reason="", lesson_date="").version for _ in range(2)]
    assert back == [2, 1]
    with pytest.raises(NotFound, match="no earlier champion"):
        ledger.rollback("champion", reason="", lesson_date="")
    promote(ledger, 4, 1)
    with pytest.raises(Stale):
        ledger.rollback("champion", expect=1, reason="", lesson_date="")
    assert ledger.rollback("champion", expect=4, reason="", lesson_date="").version == 1
    assert ledger.holders() == {"champion": 1}


def test_a_challenger_who_becomes_champion_is_no_challenger(ledger: Ledger) -> None:
    promote(ledger, 1, None)
    promote(ledger, 2, None, "challenger")
    assert ledger.holders() == {"champion": 1, "challenger": 2}
    promote(ledger, 2, 1)
    assert ledger.holders() == {"champion": 2}
    promote(ledger, 3, None, "challenger")
    assert ledger.holders() == {"champion": 2, "challenger": 3}
    assert [p.kind for p in ledger.promotions("challenger")] == ["promote", "cleared", "promote"]


def test_nobody_changes_the_past(ledger: Ledger) -> None:
    ledger.record("alarm")
    promote(ledger, 1, None)
    for table in ("events", "versions", "promotions"):
        for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET created = ''"):
            with pytest.raises(Damaged, match="only added to"), open_sqlite(ledger.ws.ledger_db, write=True) as db:
                db.execute(statement)
    assert len(ledger.events()) == len(ledger.promotions()) == 1


def test_a_failed_transaction_leaves_nothing(ledger: Ledger) -> None:
    with contextlib.suppress(ZeroDivisionError), open_sqlite(ledger.ws.ledger_db, write=True) as db:
        db.execute("INSERT INTO events (created, lesson_date, kind, subject, detail) VALUES ('', '', 'x', '', '{}')")
        raise ZeroDivisionError
    assert ledger.events() == ()
    with open_sqlite(ledger.ws.ledger_db) as db:
        assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_of_many_promoters_one_wins_and_no_event_is_lost(ledger: Ledger) -> None:
    promote(ledger, 1, None)
    outcomes: list[str] = []
    start = threading.Barrier(12)

    def work(at: int) -> None:
        start.wait()
        ledger.record("seen", str(at))
        try:
            promote(ledger, 2 + at % 3, 1)
            outcomes.append("won")
        except Stale:
            outcomes.append("stale")

    threads = [threading.Thread(target=work, args=(at,)) for at in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["stale"] * 11 + ["won"]
    assert {event.subject for event in ledger.events()} == {str(at) for at in range(12)}
    assert len(ledger.promotions()) == 2


def test_a_second_writer_waits_for_the_first(ledger: Ledger) -> None:
    insert = "INSERT INTO events (created, lesson_date, kind, subject, detail) VALUES ('2013-01-01', '', ?, '', '{}')"
    second = threading.Thread(target=ledger.record, args=("second",))
    with open_sqlite(ledger.ws.ledger_db, write=True) as db:
        second.start()
        second.join(0.2)  # a writer that does not wait is done by now
        db.execute(insert, ("first",))
    second.join()
    assert [event.kind for event in ledger.events()] == ["first", "second"]


def test_many_make_the_file_at_once_and_one_is_there(tmp_path: Path) -> None:
    start = threading.Barrier(8)

    def work() -> None:
        start.wait()
        Ledger(Workspace(tmp_path)).record("hello")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Ledger(Workspace(tmp_path)).events()) == 8
    assert [path.name for path in (tmp_path / ".mlops").glob(".*")] == []


@pytest.mark.parametrize("wreck", ["text", "cut", "empty"])
def test_a_wrecked_file_is_named(ledger: Ledger, wreck: str) -> None:
    path = ledger.ws.ledger_db
    data = path.read_bytes()
    path.write_bytes({"text": b"hello" * 500, "cut": data[: len(data) // 2], "empty": b""}[wreck])
    with pytest.raises(Damaged, match=r"ledger\.db"):
        ledger.versions()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"gone\.db"), open_sqlite(tmp_path / "gone.db"):
        pass
    create_sqlite(tmp_path / "new.db", "CREATE TABLE t (x)")
    create_sqlite(tmp_path / "new.db", "this is not looked at")
    with sqlite3.connect(tmp_path / "new.db") as db:
        assert db.execute("SELECT name FROM sqlite_master").fetchall() == [("t",)]
    db.close()
