"""A fresh start: everything goes but the answers and the address."""

from __future__ import annotations

import sqlite3

import pytest

from mlops_core import pipeline, registry, tracking, versions
from mlops_core.errors import Busy
from mlops_core.ledger import Ledger
from mlops_core.project import Home, describe
from mlops_core.release import log_run
from mlops_core.renewal import renew
from tests.conftest import Factory


def _answer(path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE note(name TEXT)")
        database.execute("INSERT INTO note VALUES ('kept')")
    database.close()


def test_work_goes_and_answers_stay(trained_factory: Factory, home: Home) -> None:
    ws = trained_factory()
    _answer(ws.progress_db)
    versions.checkout(ws, "v3")
    assert tracking.trials(ws)
    token = describe(ws)["token"]
    renew(ws, home)
    assert (registry.champion(ws), Ledger(ws).events(), pipeline.last_run(ws)) == (None, (), None)
    assert versions.current(ws).name == "v5"
    assert describe(ws)["token"] == token
    with sqlite3.connect(ws.progress_db) as database:
        assert database.execute("SELECT name FROM note").fetchall() == [("kept",)]
    database.close()
    assert [path.name for path in ws.root.parent.iterdir()] == [ws.root.name]


def test_mlflow_writes_into_the_new_store(trained_factory: Factory, home: Home) -> None:
    """Its pooled connections pointed at the file that is gone."""
    ws = trained_factory()
    assert len(tracking.trials(ws)) == 1
    renew(ws, home)
    assert tracking.trials(ws) == ()
    pipeline.run(ws, overrides={"model.max_iter": 5, "model.rows": 2000})
    run = log_run(ws)
    assert [trial.run_id for trial in tracking.trials(ws)] == [run]
    with sqlite3.connect(ws.mlflow_db) as database:
        assert database.execute("SELECT count(*) FROM runs").fetchone() == (1,)
    database.close()


def test_a_run_in_progress_is_not_swept_away(workspace_factory: Factory, home: Home) -> None:
    ws = workspace_factory()
    versions.checkout(ws, "v2")
    with ws.lock(), pytest.raises(Busy):
        renew(ws, home)
    assert versions.current(ws).name == "v2"
