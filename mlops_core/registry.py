"""Who is champion: model versions by digest, aliases that follow the ledger, promotion by compare-and-set.

    1 the model file is stored under its digest        3 one transaction in the ledger: the commit point
    2 MLflow's version is made, tagged `pending`       4 MLflow's tags and alias follow what the ledger says

Killed anywhere, there is one champion and `repair` makes MLflow agree again. What is loaded is the file whose digest the
ledger names, or nothing. Source: MLflow documentation, "Model registry: aliases"; the protocol is ours.

    version = register(ws, run_id, Path("reports/model.skops"))
    promote(ws, version.version, expect=None, reason="first", lesson_date="2013-04-01")
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_core import tracking
from mlops_core.digest import digest_file
from mlops_core.errors import Damaged, NotFound
from mlops_core.ledger import Ledger, Promotion, Registered, open_sqlite
from mlops_core.models import load_model
from mlops_core.workspace import Workspace, safe_name

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

MODEL_NAME = "model"
STATE = "mlops.state"  # of a version in MLflow: pending, ready, hidden
PENDING, READY, HIDDEN = "pending", "ready", "hidden"


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A registered version: `digest` names the file, `aliases` who points at it now, `created` is UTC."""

    name: str
    version: int
    digest: str
    run_id: str
    data_id: str
    created: datetime
    aliases: tuple[str, ...]
    metrics: Mapping[str, float]

    def to_dict(self) -> dict[str, object]:
        """The version as plain values."""
        values: dict[str, object] = {name: getattr(self, name) for name in self.__slots__}
        return {**values, "aliases": list(self.aliases), "created": self.created.isoformat()}


@dataclass(frozen=True, slots=True)
class Repaired:
    """What `repair` put right: aliases it reset, runs it ended, versions it hid."""

    aliases: tuple[str, ...]
    runs: tuple[str, ...]
    hidden: tuple[int, ...]

    @property
    def changed(self) -> bool:
        """True when anything had to be put right."""
        return bool(self.aliases or self.runs or self.hidden)


def _reached(point: str) -> None:
    """A named point: stored, pending, registered, tagged, committed, followed. Crash tests replace this to die here."""


def register(ws: Workspace, run_id: str, model_path: Path) -> ModelVersion:
    """Make the model of a run a version that can be promoted. NotFound (run, file), Damaged (file is not the run's)."""
    record = tracking.trial(ws, run_id)
    if not model_path.is_file():
        raise NotFound(f"There is no model file {model_path.name}.", code="model.missing", fix="Run the train step.")
    digest = digest_file(model_path)
    if digest != record.tags.get(tracking.MODEL, digest):
        raise Damaged(
            f"{model_path.name} is not the model of run {run_id[:8]}.",
            code="model.other",
            fix="Register the file that the run logged.",
            file=model_path.name,
        )
    _store(ws, model_path, digest)
    _reached("stored")
    version = _create_version(ws, run_id, digest)
    _reached("pending")
    metrics = {name: value for name, value in record.metrics.items() if math.isfinite(value)}
    data_id = record.tags.get(tracking.DATA, "")
    Ledger(ws).register(version, digest=digest, run_id=run_id, data_id=data_id, metrics=metrics)
    _reached("registered")
    _set_state(ws, version, READY)
    return _version(ws, version)


def promote(
    ws: Workspace, version: int, *, alias: str = "champion", expect: int | None, reason: str, lesson_date: str
) -> Promotion:
    """Point `alias` at `version`, if it still points at `expect` (None: at nobody). The file is checked first.

    Raises Stale when somebody was faster, NotFound for an unknown version, Damaged when the file is not what was
    registered, BadParameter when the version holds the alias already.
    """
    _checked_file(ws, _row(ws, version))
    _set_state(ws, version, PENDING)
    _reached("tagged")
    try:
        promotion = Ledger(ws).promote(
            safe_name(alias, "alias"), version, expect=expect, reason=reason, lesson_date=lesson_date
        )
        _reached("committed")
    finally:
        _set_state(ws, version, READY)
    _follow(ws)
    _reached("followed")
    return promotion


def rollback(
    ws: Workspace, *, alias: str = "champion", expect: int | None = None, reason: str = "", lesson_date: str = ""
) -> Promotion:
    """Give `alias` back to the version before; called again, to the one before that. NotFound, Stale."""
    promotion = Ledger(ws).rollback(
        safe_name(alias, "alias"), expect=expect, reason=reason or "rolled back", lesson_date=lesson_date
    )
    _reached("committed")
    _follow(ws)
    _reached("followed")
    return promotion


def versions(ws: Workspace) -> tuple[ModelVersion, ...]:
    """Every registered version, oldest first; what a crash left without a row in the ledger is not among them."""
    ledger = Ledger(ws)
    holders = ledger.holders()
    return tuple(_model_version(row, holders) for row in ledger.versions())


def holder(ws: Workspace, alias: str) -> ModelVersion | None:
    """The version an alias points at, None when nobody holds it. No import of MLflow."""
    version = Ledger(ws).holders().get(alias)
    return None if version is None else _version(ws, version)


def champion(ws: Workspace) -> ModelVersion | None:
    """The version that serves, None before the first promotion."""
    return holder(ws, "champion")


def challenger(ws: Workspace) -> ModelVersion | None:
    """The version that wants to become champion, if there is one."""
    return holder(ws, "challenger")


def load(ws: Workspace, alias: str = "champion") -> BaseEstimator:
    """The model an alias points at, from the file whose digest the ledger names. NotFound, Damaged."""
    version = Ledger(ws).holders().get(alias)
    if version is None:
        raise NotFound(f"There is no {alias} yet.", code="alias.none", fix="Promote a model first.", alias=alias)
    return load_version(ws, version)


def load_version(ws: Workspace, version: int) -> BaseEstimator:
    """The model of one registered version. NotFound, Damaged."""
    row = _row(ws, version)
    return load_model(_file(ws, row.digest), row.digest)


def history(ws: Workspace, alias: str | None = None) -> tuple[Promotion, ...]:
    """Every promotion and rollback, oldest first."""
    return Ledger(ws).promotions(alias)


def repair(ws: Workspace) -> Repaired:
    """Make MLflow agree with the ledger, end the runs of dead writers, hide versions that were never finished.

    Called when a workspace is opened; reads only, when nothing is wrong.
    """
    if not ws.mlflow_db.exists():
        return Repaired((), (), ())
    runs = tracking.kill_stale(ws)
    known = {row.version for row in Ledger(ws).versions()}
    states = _mlflow_states(ws)
    hidden = tuple(version for version, state in states.items() if version not in known and state != HIDDEN)
    for version in hidden:
        _set_state(ws, version, HIDDEN)
    for version in known:
        if states.get(version) == PENDING:
            _set_state(ws, version, READY)
    return Repaired(_follow(ws), runs, hidden)


# --- files ------------------------------------------------------------------------------------------------------------


def _file(ws: Workspace, digest: str) -> Path:
    return ws.mlops / "models" / f"{digest}.skops"


def _store(ws: Workspace, source: Path, digest: str) -> None:
    target = _file(ws, digest)
    if target.is_file() and digest_file(target) == digest:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.copyfile(source, temporary)
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(target)


def _checked_file(ws: Workspace, row: Registered) -> None:
    path = _file(ws, row.digest)
    if not path.is_file() or digest_file(path) != row.digest:
        raise Damaged(
            f"The file of model version {row.version} is not the one that was registered.",
            code="model.digest",
            fix="Roll back, or train and register again.",
            version=row.version,
            file=path.name,
        )


# --- the ledger's view ------------------------------------------------------------------------------------------------


def _row(ws: Workspace, version: int) -> Registered:
    for row in Ledger(ws).versions():
        if row.version == version:
            return row
    raise NotFound(f"No model version {version}.", code="version.unknown", fix="Register it first.", version=version)


def _version(ws: Workspace, version: int) -> ModelVersion:
    return _model_version(_row(ws, version), Ledger(ws).holders())


def _model_version(row: Registered, holders: Mapping[str, int]) -> ModelVersion:
    aliases = tuple(sorted(alias for alias, version in holders.items() if version == row.version))
    return ModelVersion(MODEL_NAME, row.version, row.digest, row.run_id, row.data_id, row.created, aliases, row.metrics)


# --- MLflow follows ---------------------------------------------------------------------------------------------------


def _create_version(ws: Workspace, run_id: str, digest: str) -> int:
    # The folder, not models:/ID: to resolve that, MLflow asks its process-wide store, which is not this workspace's.
    source = str(tracking.model_file(ws, run_id).parent)
    tags = {STATE: PENDING, tracking.MODEL: digest}
    with tracking.speaking(ws) as mlflow:
        if not mlflow.search_registered_models(f"name = '{MODEL_NAME}'"):
            mlflow.create_registered_model(MODEL_NAME)
        made = mlflow.create_model_version(MODEL_NAME, source, run_id=run_id, tags=tags)
    return int(made.version)


def _set_state(ws: Workspace, version: int, state: str) -> None:
    with tracking.speaking(ws) as mlflow:
        mlflow.set_model_version_tag(MODEL_NAME, str(version), STATE, state)


def _follow(ws: Workspace) -> tuple[str, ...]:
    """Set MLflow's aliases to the ledger's, with the ledger held still: two followers cannot overtake each other."""
    ledger = Ledger(ws)
    if ledger.holders() == _mlflow_aliases(ws):
        return ()
    changed = []
    with ledger.still() as wanted, tracking.speaking(ws) as mlflow:
        there = _mlflow_aliases(ws)
        for alias in sorted(wanted.keys() | there.keys()):
            if wanted.get(alias) == there.get(alias):
                continue
            if alias in wanted:
                mlflow.set_registered_model_alias(MODEL_NAME, alias, str(wanted[alias]))
            else:
                mlflow.delete_registered_model_alias(MODEL_NAME, alias)
            changed.append(alias)
    return tuple(changed)


def _mlflow_aliases(ws: Workspace) -> dict[str, int]:
    with open_sqlite(ws.mlflow_db) as db:
        rows = db.execute("SELECT alias, version FROM registered_model_aliases WHERE name = ?", (MODEL_NAME,))
        return {row["alias"]: int(row["version"]) for row in rows}


def _mlflow_states(ws: Workspace) -> dict[int, str]:
    sql = """SELECT v.version, t.value FROM model_versions v
             LEFT JOIN model_version_tags t ON t.name = v.name AND t.version = v.version AND t.key = ?
             WHERE v.name = ?"""
    with open_sqlite(ws.mlflow_db) as db:
        return {int(row["version"]): row["value"] or "" for row in db.execute(sql, (STATE, MODEL_NAME))}
