"""Experiments: what was fitted, with which numbers, from which data, on MLflow's own SQLite store.

Writing goes through `MlflowClient(uri)` and run ids, never through MLflow's process-wide state; reading is read-only
SQL: a list of runs needs neither MLflow's import nor its ORM. The model is logged as the canonical skops file that it
was stored as. Where the store comes from and how it moves: `mlstore`.
Sources: MLflow documentation, "Tracking", "Models: storage format".

    run_id = log_trial(ws, trial, Path("model.skops"), experiment="sweep", tags={"mlops.seed": "7"}, schema=schema)
    trials(ws)[-1].metrics["auc"]
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import math
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mlops_core.dataset import Schema
from mlops_core.digest import digest_file
from mlops_core.errors import NotFound
from mlops_core.flavor import write_model_folder
from mlops_core.ledger import open_sqlite
from mlops_core.mlstore import artifact_root, client, ensure_store, load_mlflow, prepare_template, relocate, speaking
from mlops_core.workspace import Workspace, safe_name

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = [
    "TrialRecord",
    "artifact",
    "client",
    "ensure_store",
    "kill_stale",
    "load_mlflow",
    "log_trial",
    "model_file",
    "prepare_template",
    "relocate",
    "speaking",
    "trial",
    "trials",
]

OWNER, DATA, MODEL, MODEL_ID = "mlops.owner", "mlops.data", "mlops.model", "mlops.model_id"


class Numbers(Protocol):
    """Metrics by name."""

    def to_dict(self) -> Mapping[str, object]:
        """Name -> value; what is not a number is not logged."""


class TrialLike(Protocol):
    """What this module reads of a trial (see `training.Trial`)."""

    @property
    def params(self) -> Mapping[str, object]: ...
    @property
    def metrics(self) -> Numbers: ...
    @property
    def data_id(self) -> str: ...
    def to_dict(self) -> dict[str, object]: ...


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """A logged trial. `status`: RUNNING, FINISHED, FAILED or KILLED; `created`: UTC; `seconds`: None while it runs.

    A value of `params` has the type that was logged; NaN among `metrics` stays NaN.
    """

    run_id: str
    name: str
    experiment: str
    params: Mapping[str, object]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    status: str
    created: datetime
    seconds: float | None

    def to_dict(self) -> dict[str, object]:
        """The record as plain values."""
        values: dict[str, object] = {name: getattr(self, name) for name in self.__slots__}
        return {**values, "created": self.created.isoformat()}


def _reached(point: str) -> None:
    """A named point: created, model, logged. Crash tests replace this to die here."""


# --- writing ----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _owner(ws: Workspace) -> Iterator[str]:
    """A name for the writer of a run; its lock file is released by the system when the writer dies."""
    name = uuid.uuid4().hex
    folder = ws.mlops / "owners"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield name
        path.unlink(missing_ok=True)


def log_trial(
    ws: Workspace,
    trial: TrialLike,
    model_path: Path,
    *,
    experiment: str,
    tags: Mapping[str, str] | None = None,
    schema: Schema | None = None,
    name: str = "",
    files: Mapping[str, bytes] | None = None,
) -> str:
    """Log one trial with its model and return the run id.

    `tags` say where it comes from (by convention mlops.data, mlops.code, mlops.env, mlops.seed). `schema` gives the
    types of the model's signature, and its names unless `params["features"]` does; without it any type passes.
    `files` (name -> bytes) lie beside `trial.json` and `slices.json`. Metrics that are not numbers are left out. A run
    whose writer fails ends as FAILED, one whose writer dies is KILLED by `registry.repair`.
    Raises NotFound without a model file, Damaged when MLflow refuses.
    """
    if not model_path.is_file():
        raise NotFound(f"There is no model file {model_path.name}.", code="model.missing", fix="Run the train step.")
    with _owner(ws) as owner, speaking(ws) as mlflow:
        experiment_id = _experiment(mlflow, ws, experiment)
        known = {DATA: trial.data_id, MODEL: digest_file(model_path), **_commit_tag(ws), **(tags or {}), OWNER: owner}
        run = mlflow.create_run(experiment_id, tags={k: str(v) for k, v in known.items()}, run_name=name or None)
        run_id, status = str(run.info.run_id), "FAILED"
        try:
            _reached("created")
            model_id = _log_model(mlflow, experiment_id, run_id, model_path, schema, _features(trial, schema))
            _reached("model")
            _log_values(mlflow, run_id, trial, model_id)
            _log_files(Path(run.info.artifact_uri), trial, files or {})
            _reached("logged")
            status = "FINISHED"
        finally:
            mlflow.set_terminated(run_id, status)
    return run_id


def _experiment(mlflow: MlflowClient, ws: Workspace, name: str) -> str:
    found = mlflow.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    return str(mlflow.create_experiment(name, artifact_location=f"{artifact_root(ws)}/{uuid.uuid4().hex[:12]}"))


def _commit_tag(ws: Workspace) -> dict[str, str]:
    if not (ws.root / ".git" / "HEAD").exists():
        return {}
    return {"mlflow.source.git.commit": ws.git("rev-parse", "HEAD").strip()}


def _features(trial: TrialLike, schema: Schema | None) -> tuple[str, ...]:
    """What the trial says it reads, else the schema's features; nothing known without a schema."""
    said = trial.params.get("features")
    if schema is None:
        return ()
    return tuple(str(name) for name in said) if isinstance(said, list | tuple) and said else schema.features


def _log_model(
    mlflow: MlflowClient,
    experiment_id: str,
    run_id: str,
    path: Path,
    schema: Schema | None,
    features: tuple[str, ...],
) -> str:
    from mlflow.entities import LoggedModelOutput

    made = mlflow.create_logged_model(experiment_id, name="model", source_run_id=run_id)
    write_model_folder(Path(made.artifact_location), path, schema, features, run_id=run_id, model_id=made.model_id)
    mlflow.log_outputs(run_id, models=[LoggedModelOutput(made.model_id, 0)])
    mlflow.finalize_logged_model(made.model_id, "READY")
    return str(made.model_id)


def _log_values(mlflow: MlflowClient, run_id: str, trial: TrialLike, model_id: str) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag

    stamp = int(time.time() * 1000)
    numbers = {name: value for name, value in trial.metrics.to_dict().items() if _is_number(value)}
    metrics = [Metric(key, float(str(value)), stamp, 0) for key, value in numbers.items()]
    params = [Param(key, json.dumps(value, default=list, ensure_ascii=False)) for key, value in trial.params.items()]
    mlflow.log_batch(run_id, metrics, params, [RunTag(MODEL_ID, model_id)])
    if trial.data_id:
        source = json.dumps({"uri": "data/dataset.parquet"})
        data = Dataset("dataset", trial.data_id[:36], "local", source)
        mlflow.log_inputs(run_id, [DatasetInput(data, [InputTag("mlflow.data.context", "training")])])


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _log_files(folder: Path, trial: TrialLike, files: Mapping[str, bytes]) -> None:
    """`trial.json` holds everything with its types, `slices.json` the parts for those who look for them."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = trial.to_dict()
    for name, value in (("trial.json", whole), ("slices.json", whole.get("slices", []))):
        (folder / name).write_text(json.dumps(value, indent=1, default=list, ensure_ascii=False), encoding="utf-8")
    for name, data in files.items():
        (folder / safe_name(name, "file")).write_bytes(data)


# --- reading ----------------------------------------------------------------------------------------------------------


def trials(ws: Workspace, experiment: str | None = None) -> tuple[TrialRecord, ...]:
    """Every logged trial (of one experiment, if named), oldest first; () without a store. Deleted runs are left out."""
    if not ws.mlflow_db.exists():
        return ()
    sql = """SELECT r.run_uuid, r.name, e.name AS experiment, r.status, r.start_time, r.end_time
             FROM runs r JOIN experiments e ON e.experiment_id = r.experiment_id
             WHERE r.lifecycle_stage = 'active' AND (?1 IS NULL OR e.name = ?1) ORDER BY r.start_time, r.rowid"""
    with open_sqlite(ws.mlflow_db) as db:
        rows = db.execute(sql, (experiment,)).fetchall()
        params = _by_run(db, "SELECT run_uuid, key, value FROM params")
        metrics = _by_run(db, "SELECT run_uuid, key, CASE WHEN is_nan THEN NULL ELSE value END FROM latest_metrics")
        tags = _by_run(db, "SELECT run_uuid, key, value FROM tags")
    return tuple(_record(row, params, metrics, tags) for row in rows)


def trial(ws: Workspace, run_id: str) -> TrialRecord:
    """One logged trial; NotFound names it."""
    for record in trials(ws):
        if record.run_id == run_id:
            return record
    raise NotFound(f"No run {run_id!r}.", code="run.unknown", fix="Choose one from the list of runs.", run_id=run_id)


def _by_run(db: Any, sql: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for run_id, key, value in db.execute(sql):
        found.setdefault(run_id, {})[key] = value
    return found


def _record(row: Any, params: Mapping[str, Any], metrics: Mapping[str, Any], tags: Mapping[str, Any]) -> TrialRecord:
    run_id = row["run_uuid"]
    ended = row["end_time"]
    return TrialRecord(
        run_id=run_id,
        name=row["name"] or "",
        experiment=row["experiment"],
        params={key: _value(text) for key, text in params.get(run_id, {}).items()},
        metrics={key: math.nan if value is None else float(value) for key, value in metrics.get(run_id, {}).items()},
        tags=tags.get(run_id, {}),
        status=row["status"],
        created=datetime.fromtimestamp(row["start_time"] / 1000, UTC),
        seconds=None if ended is None else (ended - row["start_time"]) / 1000,
    )


def _value(text: str) -> object:
    try:
        value: object = json.loads(text)
    except ValueError:  # logged by another tool: MLflow keeps words
        return text
    return value


def model_file(ws: Workspace, run_id: str) -> Path:
    """The model file that MLflow keeps for a run; NotFound when the run has none."""
    model_id = trial(ws, run_id).tags.get(MODEL_ID, "")
    sql = "SELECT artifact_location FROM logged_models WHERE model_id = ?"
    with open_sqlite(ws.mlflow_db) as db:
        row = db.execute(sql, (model_id,)).fetchone()
    if row is None:
        raise NotFound(f"Run {run_id!r} has no model.", code="run.model", fix="Choose a finished run.", run_id=run_id)
    return Path(row["artifact_location"]) / "model.skops"


def artifact(ws: Workspace, run_id: str, name: str) -> Path:
    """A file that was logged with a run; NotFound names both."""
    with open_sqlite(ws.mlflow_db) as db:
        row = db.execute("SELECT artifact_uri FROM runs WHERE run_uuid = ?", (trial(ws, run_id).run_id,)).fetchone()
    path = Path(row["artifact_uri"]) / safe_name(name, "file")
    if not path.is_file():
        raise NotFound(f"Run {run_id[:8]} has no file {name}.", code="run.file", run_id=run_id, file=name)
    return path


def kill_stale(ws: Workspace) -> tuple[str, ...]:
    """End the runs whose writer is dead as KILLED; returns their ids. Runs of other tools are left alone."""
    running = [record for record in trials(ws) if record.status == "RUNNING" and OWNER in record.tags]
    dead = [record.run_id for record in running if not _alive(ws.mlops / "owners" / Path(record.tags[OWNER]).name)]
    if dead:
        with speaking(ws) as mlflow:
            for run_id in dead:
                mlflow.set_terminated(run_id, "KILLED")
    return tuple(dead)


def _alive(path: Path) -> bool:
    """True when some process holds the lock of this owner; a dead one's file is removed."""
    if not path.exists():
        return False
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        path.unlink(missing_ok=True)
    return False
