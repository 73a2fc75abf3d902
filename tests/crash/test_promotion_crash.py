"""Logging, registering and promoting killed at every named point: one champion, nothing half, the next action works."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlops_core import mlstore, registry, tracking, versions
from mlops_core.dataset import Column, Costs, Schema
from mlops_core.models import save_model
from mlops_core.training import ModelSpec, Trial, evaluate, fit, predict
from mlops_core.workspace import Workspace

# MLflow's import takes seconds: one process pays for it, and for every kill it forks a child that dies at the point.
KILLER = """
import json, os, signal, sys
from pathlib import Path
from mlops_core import mlstore, registry, tracking
from mlops_core.dataset import Costs
from mlops_core.training import Trial, evaluate
from mlops_core.workspace import Workspace

mlstore.load_mlflow()

def act(root, module, point, action, run_id):
    def die(reached):
        if reached == point:
            os.kill(os.getpid(), signal.SIGKILL)

    {"registry": registry, "tracking": tracking}[module]._reached = die
    ws = Workspace(Path(root))
    if action == "log":
        tracking.log_trial(ws, Trial({}, evaluate([0, 1], [0.1, 0.9], Costs())), ws.root / "b.skops", experiment="e")
    elif action == "register":
        registry.register(ws, run_id, ws.root / "b.skops")
    elif action == "promote":
        registry.promote(ws, 2, expect=1, reason="r", lesson_date="2013-04-01")
    else:
        registry.rollback(ws)

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        try:
            act(*json.loads(line))
        finally:
            os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture(scope="module")
def killer() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", KILLER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Version 1 was champion, 2 is registered; the run of model b is logged and not registered a second time."""
    root = tmp_path_factory.mktemp("prepared") / "ws"
    ws = Workspace(root)
    ws.mlops.mkdir(parents=True)
    cache = Path(os.environ.get("MLOPS_TEST_CACHE", Path(tempfile.gettempdir()) / f"mlops-test-{os.getuid()}"))
    mlstore.ensure_store(ws, cache=cache)
    schema = Schema((Column("x", "number", "feature"), Column("y", "flag", "target")))
    frame = pd.DataFrame({"x": np.arange(40.0), "y": np.arange(40) % 2})
    for name, spec in (("a", ModelSpec("dummy")), ("b", ModelSpec("logistic"))):
        model = fit(frame, schema, spec, seed=0)
        save_model(model, root / f"{name}.skops")
        trial = Trial({}, evaluate(frame["y"], predict(model, frame), Costs()))
        run_id = tracking.log_trial(ws, trial, root / f"{name}.skops", experiment="e", schema=schema)
        registry.register(ws, run_id, root / f"{name}.skops")
    registry.promote(ws, 1, expect=None, reason="first", lesson_date="2013-03-01")
    return ws


@pytest.fixture
def ws(prepared: Workspace, tmp_path: Path) -> Workspace:
    shutil.copytree(prepared.root, tmp_path / "ws")
    copy = Workspace(tmp_path / "ws")
    mlstore.relocate(copy)
    return copy


def kill_at(
    killer: subprocess.Popen[str], ws: Workspace, module: str, point: str, action: str, run_id: str = ""
) -> None:
    assert killer.stdin is not None
    assert killer.stdout is not None
    killer.stdin.write(json.dumps([str(ws.root), module, point, action, run_id]) + "\n")
    killer.stdin.flush()
    assert int(killer.stdout.readline()) == -signal.SIGKILL


def aliases(ws: Workspace) -> dict[str, int]:
    found = tracking.client(ws).get_registered_model(registry.MODEL_NAME).aliases
    return {alias: int(version) for alias, version in found.items()}


def champion(ws: Workspace) -> int:
    found = registry.champion(ws)
    assert found is not None
    assert aliases(ws) == {"champion": found.version}
    registry.load(ws)
    assert {v.tags[registry.STATE] for v in tracking.client(ws).search_model_versions()} <= {"ready", "hidden"}
    return found.version


@pytest.mark.parametrize(("point", "wins"), [("tagged", 1), ("committed", 2), ("followed", 2)])
def test_a_killed_promotion_has_happened_or_not(
    killer: subprocess.Popen[str], ws: Workspace, point: str, wins: int
) -> None:
    kill_at(killer, ws, "registry", point, "promote")
    served = registry.champion(ws)
    assert served is not None
    assert served.version == wins  # also before any repair
    registry.repair(ws)
    assert champion(ws) == wins
    assert len(registry.history(ws)) == wins
    if wins == 1:
        registry.promote(ws, 2, expect=1, reason="again", lesson_date="2013-04-02")
        assert champion(ws) == 2
    else:
        registry.rollback(ws)
        assert champion(ws) == 1


@pytest.mark.parametrize("point", ["committed", "followed"])
def test_a_killed_rollback_has_happened(killer: subprocess.Popen[str], ws: Workspace, point: str) -> None:
    registry.promote(ws, 2, expect=1, reason="r", lesson_date="2013-04-01")
    kill_at(killer, ws, "registry", point, "rollback")
    registry.repair(ws)
    assert champion(ws) == 1
    registry.promote(ws, 2, expect=1, reason="again", lesson_date="2013-04-02")
    assert champion(ws) == 2


@pytest.mark.parametrize(("point", "known"), [("stored", 2), ("pending", 2), ("registered", 3)])
def test_a_killed_registration_is_hidden_or_whole(
    killer: subprocess.Popen[str], ws: Workspace, point: str, known: int
) -> None:
    run_id = tracking.trials(ws)[1].run_id
    kill_at(killer, ws, "registry", point, "register", run_id)
    repaired = registry.repair(ws)
    assert repaired.hidden == ((3,) if point == "pending" else ())
    assert [v.version for v in registry.versions(ws)] == list(range(1, known + 1))
    made = registry.register(ws, run_id, ws.root / "b.skops")
    registry.promote(ws, made.version, expect=1, reason="again", lesson_date="2013-04-02")
    assert champion(ws) == made.version


@pytest.mark.parametrize("point", ["created", "model", "logged"])
def test_a_killed_run_does_not_stay_running(killer: subprocess.Popen[str], ws: Workspace, point: str) -> None:
    kill_at(killer, ws, "tracking", point, "log")
    assert [t.status for t in tracking.trials(ws)] == ["FINISHED", "FINISHED", "RUNNING"]
    repaired = registry.repair(ws)
    assert len(repaired.runs) == 1
    assert [t.status for t in tracking.trials(ws)] == ["FINISHED", "FINISHED", "KILLED"]
    assert champion(ws) == 1
    trial = Trial({}, evaluate([0, 1], [0.1, 0.9], Costs()))
    tracking.log_trial(ws, trial, ws.root / "b.skops", experiment="e")
    assert tracking.trials(ws)[-1].status == "FINISHED"


def test_data_and_models_share_a_workspace_and_a_repair(ws: Workspace) -> None:
    versions.init_repository(ws)
    versions.commit(ws, pd.DataFrame({"x": [1.0]}), name="v1", message="First", lesson_date="2013-01-01")
    with ws.lock():
        assert registry.repair(ws).changed is False
        assert versions.repair(ws) is False
    assert ws.git("status", "--porcelain") == "?? a.skops\n?? b.skops\n"
