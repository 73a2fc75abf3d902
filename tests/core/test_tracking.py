"""Trials in MLflow: what is logged is read, MLflow loads the model, a moved workspace still works."""

from __future__ import annotations

import fcntl
import json
import math
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from lab import SCHEMA, Lab, copy_workspace, make_lab, new_workspace, rows, template_cache

from mlops_core import mlstore, tracking
from mlops_core.digest import digest_file
from mlops_core.errors import Damaged, MlopsError, NotFound
from mlops_core.models import load_model
from mlops_core.training import predict
from mlops_core.workspace import Workspace

LOAD = """
import json, sys, warnings
warnings.simplefilter("ignore")
import mlflow, pandas as pd
uri, path, *models = sys.argv[1:]
mlflow.set_tracking_uri(uri)
said = []
for model in models:
    frame = pd.read_parquet(path)
    flavor, loaded = mlflow.sklearn.load_model(model), mlflow.pyfunc.load_model(model)
    for name in loaded.metadata.get_input_schema().input_names():
        frame[name] = frame[name].astype(object if name == "c" else "float64")
    try:
        loaded.predict(frame.drop(columns="x"))
        refused = ""
    except Exception as error:
        refused = str(error)
    said.append({"p": loaded.predict(frame)[:, 1].tolist(), "type": type(flavor).__name__, "refused": refused})
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return make_lab(tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="module")
def filled(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A store with four runs in two experiments; read only."""
    ws = new_workspace(tmp_path_factory.mktemp("filled") / "ws")
    for trial, path in zip(lab.trials, lab.files, strict=True):
        tracking.log_trial(ws, trial, path, experiment="one", tags={"mlops.seed": "7"}, schema=SCHEMA)
    tracking.log_trial(ws, lab.trials[2], lab.files[2], experiment="two", name="again", files={"note.txt": b"hi"})
    return ws


@pytest.fixture
def ws(tmp_path: Path) -> Workspace:
    return new_workspace(tmp_path / "ws")


def test_what_is_logged_is_read(filled: Workspace, lab: Lab) -> None:
    found = tracking.trials(filled)
    assert [(t.experiment, t.status) for t in found] == [("one", "FINISHED")] * 3 + [("two", "FINISHED")]
    for record, trial, path in zip(found, lab.trials, lab.files, strict=False):
        assert record.params == {**trial.params, "features": list(trial.params["features"])}  # type: ignore[call-overload]
        numbers = {k: v for k, v in trial.metrics.to_dict().items() if isinstance(v, int | float)}
        assert record.metrics == pytest.approx(numbers, nan_ok=True)
        assert record.tags["mlops.seed"] == "7"
        assert record.tags["mlops.data"] == trial.data_id
        assert record.tags["mlops.model"] == digest_file(path)
        assert record.seconds is not None
    assert [t.run_id for t in tracking.trials(filled, "two")] == [found[3].run_id]
    assert found[3].name == "again"


def test_mlflow_sees_the_same(filled: Workspace) -> None:
    client = tracking.client(filled)
    ids = [e.experiment_id for e in client.search_experiments()]
    theirs = {run.info.run_id: run for run in client.search_runs(ids)}
    ours = {record.run_id: record for record in tracking.trials(filled)}
    assert theirs.keys() == ours.keys()
    for run_id, run in theirs.items():
        assert run.data.metrics == pytest.approx(dict(ours[run_id].metrics), nan_ok=True)
        assert {k: json.loads(v) for k, v in run.data.params.items()} == ours[run_id].params
        assert run.data.tags == ours[run_id].tags
        assert run.info.start_time == round(ours[run_id].created.timestamp() * 1000)
        assert run.inputs.dataset_inputs[0].dataset.digest == "d" * 36
        assert len(run.outputs.model_outputs) == 1


def test_files_lie_beside_the_run(filled: Workspace, lab: Lab) -> None:
    record = tracking.trials(filled, "two")[0]
    stored = json.loads(tracking.artifact(filled, record.run_id, "trial.json").read_bytes())
    assert stored["metrics"] == pytest.approx(lab.trials[2].metrics.to_dict(), nan_ok=True)
    assert tracking.artifact(filled, record.run_id, "note.txt").read_bytes() == b"hi"
    with pytest.raises(NotFound, match=r"other\.txt"):
        tracking.artifact(filled, record.run_id, "other.txt")
    assert tracking.model_file(filled, record.run_id).read_bytes() == lab.files[2].read_bytes()


def test_mlflow_loads_the_canonical_file_and_gives_the_same_numbers(
    filled: Workspace, lab: Lab, tmp_path: Path
) -> None:
    path = tmp_path / "rows.parquet"
    rows().to_parquet(path)
    models = [f"models:/{record.tags['mlops.model_id']}" for record in tracking.trials(filled, "one")[1:]]
    command = [sys.executable, "-c", LOAD, f"sqlite:///{filled.mlflow_db}", str(path), *models]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for said, file in zip(json.loads(done.stdout.splitlines()[-1]), lab.files[1:], strict=True):
        assert said["p"] == pytest.approx(predict(load_model(file), rows()).tolist(), abs=1e-12)
        assert said["type"] == "Pipeline"
        assert "missing inputs ['x']" in said["refused"]


def test_a_moved_workspace_works_and_leaves_the_old_one_alone(filled: Workspace, lab: Lab, tmp_path: Path) -> None:
    before = filled.mlflow_db.read_bytes()
    moved = copy_workspace(filled, tmp_path / "a place ü" / "ws")
    assert mlstore.relocate(moved) is False
    shutil.move(moved.root, tmp_path / "second")
    moved = Workspace(tmp_path / "second")
    assert mlstore.relocate(moved) is True
    record = tracking.trials(moved)[0]
    for path in (tracking.model_file(moved, record.run_id), tracking.artifact(moved, record.run_id, "trial.json")):
        assert path.is_relative_to(moved.root)
    run_id = tracking.log_trial(moved, lab.trials[0], lab.files[0], experiment="one")
    assert tracking.model_file(moved, run_id).is_relative_to(moved.root)
    assert filled.mlflow_db.read_bytes() == before
    assert str(filled.root).encode() not in b"".join(p.read_bytes() for p in moved.artifacts.rglob("MLmodel"))


def test_relocation_needs_a_whole_folder_name(tmp_path: Path) -> None:
    ws = new_workspace(tmp_path / "ws")
    client = tracking.client(ws)
    client.create_experiment("elsewhere", artifact_location=str(tmp_path / "ws" / "mlartifacts-of-others"))
    shutil.copytree(ws.root, tmp_path / "new")
    assert mlstore.relocate(Workspace(tmp_path / "new")) is True
    found = tracking.client(Workspace(tmp_path / "new")).get_experiment_by_name("elsewhere")
    assert found.artifact_location == str(tmp_path / "ws" / "mlartifacts-of-others")


def test_a_new_store_is_whole_in_wal_mode_and_made_once(tmp_path: Path) -> None:
    ws = new_workspace(tmp_path / "ws")
    inode = ws.mlflow_db.stat().st_ino
    mlstore.ensure_store(ws, cache=template_cache())
    assert ws.mlflow_db.stat().st_ino == inode
    assert sorted(path.name for path in ws.root.iterdir()) == [".mlops", "mlartifacts", "mlflow.db"]
    from mlops_core.ledger import open_sqlite

    with open_sqlite(ws.mlflow_db) as db:
        assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_eight_writers_lose_nothing(ws: Workspace, lab: Lab) -> None:
    start, errors = threading.Barrier(8), list[MlopsError]()

    def work(at: int) -> None:
        start.wait()
        try:
            tracking.log_trial(ws, lab.trials[0], lab.files[0], experiment=f"e{at % 2}", name=str(at))
        except MlopsError as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(at,)) for at in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(t.name for t in tracking.trials(ws)) == [str(at) for at in range(8)]
    assert list((ws.mlops / "owners").iterdir()) == []


def test_writers_queue(ws: Workspace, lab: Lab) -> None:
    work = threading.Thread(
        target=tracking.log_trial, args=(ws, lab.trials[0], lab.files[0]), kwargs={"experiment": "e"}
    )
    with tracking.speaking(ws):
        work.start()
        work.join(0.5)  # a writer that does not queue has made its run by now
        assert tracking.trials(ws) == ()
    work.join()
    assert [trial.status for trial in tracking.trials(ws)] == ["FINISHED"]


def test_a_metric_that_is_not_a_number_comes_back(ws: Workspace, lab: Lab) -> None:
    odd = replace(lab.trials[0], metrics=replace(lab.trials[0].metrics, auc=math.nan))
    record = tracking.trial(ws, tracking.log_trial(ws, odd, lab.files[0], experiment="e"))
    assert math.isnan(record.metrics["auc"])


def test_a_writer_that_fails_leaves_a_failed_run(ws: Workspace, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(point: str) -> None:
        if point == "model":
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(tracking, "_reached", fail)
    with pytest.raises(OSError, match="No space"):
        tracking.log_trial(ws, lab.trials[0], lab.files[0], experiment="e")
    assert [t.status for t in tracking.trials(ws)] == ["FAILED"]
    assert tracking.kill_stale(ws) == ()


def test_only_runs_of_dead_writers_are_killed(ws: Workspace) -> None:
    client = tracking.client(ws)
    owners = ws.mlops / "owners"
    owners.mkdir()
    other = client.create_run("0").info.run_id
    dead = client.create_run("0", tags={"mlops.owner": "dead"}).info.run_id
    gone = client.create_run("0", tags={"mlops.owner": "../../gone"}).info.run_id
    alive = client.create_run("0", tags={"mlops.owner": "alive"}).info.run_id
    (owners / "dead").touch()
    with (owners / "alive").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert set(tracking.kill_stale(ws)) == {dead, gone}
    states = {t.run_id: t.status for t in tracking.trials(ws)}
    assert states == {other: "RUNNING", dead: "KILLED", gone: "KILLED", alive: "RUNNING"}


def test_what_is_not_there_is_named(ws: Workspace, lab: Lab, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"nothing\.skops"):
        tracking.log_trial(ws, lab.trials[0], tmp_path / "nothing.skops", experiment="e")
    with pytest.raises(NotFound, match="No run 'x'"):
        tracking.trial(ws, "x")
    with pytest.raises(Damaged, match="MLflow"):
        tracking.log_trial(ws, lab.trials[0], lab.files[0], experiment="")
    assert tracking.trials(Workspace(tmp_path)) == ()


def test_reading_trials_imports_no_mlflow(filled: Workspace) -> None:
    code = "import sys; from pathlib import Path; from mlops_core import tracking, registry\n"
    code += "from mlops_core.workspace import Workspace; ws = Workspace(Path(sys.argv[1]))\n"
    code += "assert len(tracking.trials(ws)) == 4 and registry.champion(ws) is None; assert 'mlflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code, str(filled.root)], check=True)
