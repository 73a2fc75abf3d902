"""A commit of data killed at every named point: no half version, the next action works."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from mlops_core import versions
from mlops_core.workspace import Workspace

CHILD = """
import os, signal, sys
from pathlib import Path
import pandas as pd
from mlops_core import versions
from mlops_core.workspace import Workspace

def die(point):
    if point == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)

versions._reached = die
ws = Workspace(Path(sys.argv[1]))
if sys.argv[3] == "commit":
    versions.commit(ws, pd.DataFrame({"x": [2.0]}), name="v2", message="Second", lesson_date="2013-02-01")
else:
    versions.checkout(ws, "v1")
"""


@pytest.fixture
def ws(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path)
    versions.init_repository(workspace)
    versions.commit(workspace, pd.DataFrame({"x": [1.0]}), name="v1", message="First", lesson_date="2013-01-01")
    return workspace


def kill_at(ws: Workspace, point: str, action: str) -> None:
    done = subprocess.run([sys.executable, "-c", CHILD, str(ws.root), point, action], check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


@pytest.mark.parametrize(
    ("point", "names"),
    [("payload", ["v1"]), ("tagged", ["v1", "v2"]), ("working", ["v1", "v2"]), ("pointer", ["v1", "v2"])],
)
def test_a_killed_commit_is_there_whole_or_not_at_all(ws: Workspace, point: str, names: list[str]) -> None:
    kill_at(ws, point, "commit")
    versions.repair(ws)
    assert [version.name for version in versions.verify(ws)] == names
    assert versions.current(ws).name == ("v2" if point == "pointer" else "v1")
    x = pd.read_parquet(ws.data / "dataset.parquet")["x"].tolist()
    assert x == ([2.0] if point == "pointer" else [1.0])
    for version in versions.log(ws):
        assert versions.read(ws, version.name)["x"].tolist() == [float(version.name[1:])]
    versions.commit(ws, pd.DataFrame({"x": [3.0]}), name="v3", message="Third", lesson_date="2013-03-01")
    assert [version.name for version in versions.verify(ws)] == [*names, "v3"]
    assert versions.checkout(ws, "v1").name == "v1"


@pytest.mark.parametrize("point", ["working", "pointer"])
def test_a_killed_checkout_is_repaired(ws: Workspace, point: str) -> None:
    versions.commit(ws, pd.DataFrame({"x": [2.0]}), name="v2", message="Second", lesson_date="2013-02-01")
    kill_at(ws, point, "checkout")
    assert versions.repair(ws) is (point == "working")
    assert versions.current(ws).name == ("v1" if point == "pointer" else "v2")
    assert len(versions.verify(ws)) == 2
    assert not [path for path in ws.data.iterdir() if path.name.startswith(".")]


def test_leftovers_of_other_processes_go(ws: Workspace) -> None:
    (ws.cache / ".payload.1").write_bytes(b"half")
    (ws.data / f".dataset.parquet.{os.getpid()}.1").write_bytes(b"half")
    assert versions.repair(ws) is True
    assert versions.repair(ws) is False
