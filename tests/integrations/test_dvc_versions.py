"""The oracle of the data versions: DVC itself reads them, restores them, and adds one of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pandas as pd
import pytest

from mlops_core import versions
from mlops_core.errors import NotFound
from mlops_core.workspace import Workspace


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = Workspace(tmp_path_factory.mktemp("dvc") / "ws")
    workspace.root.mkdir()
    versions.init_repository(workspace)
    for at in (1, 2):
        frame = pd.DataFrame({"x": [float(at)] * 3, "c": list("abc")})
        versions.commit(workspace, frame, name=f"v{at}", message=f"Number {at}", lesson_date="2013-01-01")
    return workspace


def dvc(ws: Workspace, *arguments: str) -> str:
    side = ws.root.parent / "side"
    environment = {
        **os.environ,
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(side / "cache"),
        "DVC_SYSTEM_CONFIG_DIR": str(side / "system"),
        "DVC_GLOBAL_CONFIG_DIR": str(side / "global"),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-W", "ignore", "-m", "dvc", *arguments]
    done = subprocess.run(command, cwd=ws.root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_dvc_finds_nothing_to_do(ws: Workspace) -> None:
    assert "up to date" in dvc(ws, "status")
    versions.checkout(ws, "v1")
    assert "up to date" in dvc(ws, "status")
    (ws.data / "dataset.parquet").write_bytes(b"other")
    assert "modified" in dvc(ws, "status")
    versions.checkout(ws, "v2")
    assert ws.git("status", "--porcelain") == ""


def test_dvc_checkout_restores_what_we_stored(ws: Workspace) -> None:
    ws.git("checkout", "data/v1", "--", versions.POINTER)
    (ws.data / "dataset.parquet").unlink()
    dvc(ws, "checkout")
    assert pd.read_parquet(ws.data / "dataset.parquet")["x"].tolist() == [1.0, 1.0, 1.0]
    assert versions.current(ws).name == "v1"
    versions.verify(ws)
    ws.git("checkout", "HEAD", "--", versions.POINTER)
    versions.checkout(ws, "v2")


def test_dvc_diff_sees_the_change(ws: Workspace) -> None:
    found = json.loads(dvc(ws, "diff", "data/v1", "data/v2", "--json", "--show-hash"))
    assert [entry["path"] for entry in found["modified"]] == ["data/dataset.parquet"]
    one, two = versions.log(ws)[:2]
    assert found["modified"][0]["hash"] == {"old": one.md5, "new": two.md5}


def test_a_version_made_by_dvc_and_git_is_a_version(ws: Workspace) -> None:
    pd.DataFrame({"x": [9.0]}).to_parquet(ws.data / "dataset.parquet")
    dvc(ws, "add", "--quiet", "data/dataset.parquet")
    with pytest.raises(NotFound):
        versions.current(ws)
    ws.git("commit", "--quiet", "-m", "By hand", "--", versions.POINTER)
    ws.git("tag", "data/mine")
    mine = versions.log(ws)[-1]
    assert (mine.name, mine.rows, mine.columns, mine.lesson_date) == ("mine", 1, 1, "")
    assert versions.read(ws, "mine")["x"].tolist() == [9.0]
    assert versions.current(ws) == mine
