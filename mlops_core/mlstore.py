"""The store of the experiments: MLflow's database and artifacts in one workspace, made by copying, moved without loss.

A migration takes two seconds, a copy some milliseconds: each MLflow version gets one migrated, empty template in
write-ahead mode. MLflow stores absolute paths; `relocate` rewrites them. MLflow is imported inside functions, once.

    ensure_store(ws)
    client(ws).search_experiments()
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_core.errors import Damaged, MlopsError
from mlops_core.ledger import open_sqlite, publish
from mlops_core.workspace import Workspace

if TYPE_CHECKING:
    from mlflow import MlflowClient

_STORED_PATHS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
_MIGRATE = "import sys; from mlflow import MlflowClient; MlflowClient(sys.argv[1]).search_experiments()"


def default_cache() -> Path:
    """Where templates are kept: `MLOPS_HOME/cache`, else the user's cache directory."""
    home = os.environ.get("MLOPS_HOME")
    if home:
        return Path(home).expanduser().resolve() / "cache"
    import platformdirs

    return platformdirs.user_cache_path("mlops-core")


def ensure_store(ws: Workspace, *, cache: Path | None = None) -> None:
    """Give `ws` an MLflow database if it has none: a copy of the template, there whole or not at all."""
    if ws.mlflow_db.exists():
        return
    template = _template(cache or default_cache())
    temporary = ws.mlflow_db.with_name(f".{ws.mlflow_db.name}.{uuid.uuid4().hex}")
    try:
        shutil.copyfile(template, temporary)
        with open_sqlite(temporary, write=True) as db:
            db.execute("UPDATE experiments SET artifact_location = ?", (f"{artifact_root(ws)}/0",))
        publish(temporary, ws.mlflow_db)
    finally:
        temporary.unlink(missing_ok=True)
    ws.artifacts.mkdir(exist_ok=True)


def prepare_template() -> None:
    """Make the migrated database now (some seconds, once per MLflow version), so that no learner waits for it."""
    _template(default_cache())


def _template(cache: Path) -> Path:
    """The migrated, empty database of this MLflow version; made once, in a process of its own."""
    from importlib.metadata import version

    path = cache / f"mlflow-{version('mlflow')}.db"
    if path.is_file():
        return path
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".mlflow.") as folder:
        made = Path(folder) / "mlflow.db"
        command = [sys.executable, "-W", "ignore", "-c", _MIGRATE, f"sqlite:///{made}"]
        environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            words = done.stderr.strip().splitlines() or ["no message"]
            raise MlopsError(f"MLflow could not make its database: {words[-1]}", code="mlflow.template")
        with open_sqlite(made, wal=True):
            pass
        publish(made, path)
    return path


def artifact_root(ws: Workspace) -> str:
    """Where MLflow puts files: an absolute path without links."""
    return str(ws.artifacts.resolve())


def relocate(ws: Workspace) -> bool:
    """Rewrite the absolute paths that MLflow stores, after a workspace was moved or copied. True when it was needed."""
    if not ws.mlflow_db.exists():
        return False
    new = artifact_root(ws)
    with open_sqlite(ws.mlflow_db) as db:
        row = db.execute("SELECT artifact_location FROM experiments WHERE experiment_id = 0").fetchone()
    old = str(row["artifact_location"]).removesuffix("/0") if row else new
    if old == new:
        return False
    with open_sqlite(ws.mlflow_db, write=True) as db:
        for table, column in _STORED_PATHS:
            sql = f"UPDATE {table} SET {column} = ?1 || substr({column}, ?3) WHERE substr({column}, 1, ?3 - 1) = ?2"  # noqa: S608
            db.execute(sql, (new + "/", old + "/", len(old) + 2))
    return True


@functools.cache
def load_mlflow() -> None:
    """Import MLflow once, without telemetry and without the one warning its ORM gives under SQLAlchemy 2.1.

    Call it at start-up to warm: it takes one to three seconds.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The ``noload`` loader strategy is deprecated")
        import mlflow.store.model_registry.sqlalchemy_store
        import mlflow.store.tracking.sqlalchemy_store  # noqa: F401


def client(ws: Workspace) -> MlflowClient:
    """MLflow's own client on this workspace's store (made when missing); for the registry and for curious readers."""
    load_mlflow()
    from mlflow import MlflowClient

    ensure_store(ws)
    uri = f"sqlite:///{ws.mlflow_db.resolve()}"
    return MlflowClient(uri, registry_uri=uri)


def close(ws: Workspace) -> None:
    """Close MLflow's pooled connections to this workspace, before its database is replaced; the next turn opens anew."""
    if "mlflow.store.tracking.sqlalchemy_store" not in sys.modules or not ws.mlflow_db.exists():
        return
    mlflow: Any = client(ws)
    for side in (mlflow._tracking_client, mlflow._get_registry_client()):  # no public way in MLflow 3
        side.store.engine.dispose()


@contextlib.contextmanager
def speaking(ws: Workspace) -> Iterator[MlflowClient]:
    """One turn with MLflow: writers of a workspace queue here, and what MLflow raises becomes one sentence of ours.

    The queue is needed: two MLflow clients that log the same new dataset at once break a unique constraint. Not
    reentrant.
    """
    mlflow = client(ws)
    from mlflow.exceptions import MlflowException

    ws.mlops.mkdir(parents=True, exist_ok=True)
    with (ws.mlops / "mlflow.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield mlflow
        except MlflowException as error:
            words = str(error.message).splitlines() or ["no message"]
            raise Damaged(f"MLflow refused: {words[0][:200]}", code="mlflow.failed", fix="Run `doctor`.") from error
