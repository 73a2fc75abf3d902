"""Begin again: the folder becomes a fresh workspace of the same course, and what the learner has answered stays.

The new one is made beside the old one and takes its place by two renames; a reader sees the old files or the new ones.

    renew(workspace)
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sqlite3
from pathlib import Path

from mlops_core import mlstore, tracking
from mlops_core.project import Home, create, describe
from mlops_core.workspace import Workspace


def renew(workspace: Workspace, home: Home | None = None) -> Workspace:
    """Replace everything but the learner's answers and the workspace's token. Raises Busy while a run is in progress."""
    root, record = workspace.root, describe(workspace)
    mark = f"{os.getpid()}.{secrets.token_hex(4)}"
    with workspace.lock():
        fresh = create(root.with_name(f".{root.name}.new.{mark}"), course=str(record["template"]), home=home)
        shutil.copy2(workspace.mlops / "workspace.json", fresh.mlops / "workspace.json")
        _copy_database(workspace.progress_db, fresh.progress_db)
        mlstore.close(workspace)
        old = root.with_name(f".{root.name}.old.{mark}")
        root.rename(old)
        fresh.root.rename(root)
    tracking.relocate(workspace)
    shutil.rmtree(old, ignore_errors=True)
    return workspace


def _copy_database(source: Path, target: Path) -> None:
    if not source.is_file():
        return
    with contextlib.closing(sqlite3.connect(source)) as old, contextlib.closing(sqlite3.connect(target)) as new:
        old.backup(new)
        new.execute("PRAGMA journal_mode = WAL")
