"""A small world for the tests of trials, champions and services: a schema, rows, three models, a prepared store."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from mlops_core import mlstore
from mlops_core.dataset import Column, Costs, Schema
from mlops_core.models import save_model
from mlops_core.training import ModelSpec, Trial, evaluate, fit, predict
from mlops_core.workspace import Workspace

SCHEMA = Schema(
    (
        Column("day", "time", "day"),
        Column("id", "number", "key"),
        Column("x", "number", "feature", unit="°F", low=-10, high=10),
        Column("hour", "number", "feature", low=0, high=23, integer=True, nullable=False),
        Column("c", "category", "feature"),
        Column("rain", "flag", "feature"),
        Column("y", "flag", "target"),
    ),
    ("id",),
)
SPECS = (ModelSpec("dummy"), ModelSpec("logistic"), ModelSpec("boosting", {"max_iter": 4, "min_samples_leaf": 5}))


def rows(n: int = 400, seed: int = 0) -> pd.DataFrame:
    """Rows of 20 days with missing values in `x` and `c`; the outcome depends on `x`."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    frame = pd.DataFrame(
        {
            "day": pd.Timestamp("2013-01-01") + pd.to_timedelta(np.arange(n) * 20 // n, unit="D"),
            "id": np.arange(n),
            "x": np.where(rng.random(n) < 0.05, np.nan, x.clip(-10, 10)),
            "hour": rng.integers(0, 24, n),
            "c": rng.choice(["a", "b", "ü"], n),
            "rain": rng.integers(0, 2, n),
            "y": (rng.random(n) < 1 / (1 + np.exp(-2 * x))).astype("int64"),
        }
    )
    frame.loc[3, "c"] = None
    return frame


@dataclass(frozen=True, slots=True)
class Lab:
    """Three fitted models with their files and trials."""

    files: tuple[Path, ...]
    trials: tuple[Trial, ...]


def make_lab(folder: Path) -> Lab:
    """Fit the three models once."""
    files, trials = [], []
    for spec in SPECS:
        model = fit(rows(), SCHEMA, spec, seed=1)
        path = folder / f"{spec.kind}.skops"
        save_model(model, path)
        metrics = evaluate(rows()["y"], predict(model, rows()), Costs())
        features = [str(name) for name in model.feature_names_in_]
        params = {"kind": spec.kind, **spec.params, "features": features, "rows": None}
        files.append(path)
        trials.append(Trial(params, metrics, data_id="d" * 64))
    return Lab(tuple(files), tuple(trials))


@cache
def template_cache() -> Path:
    """One migrated MLflow template for all tests of this machine; `MLOPS_TEST_CACHE` moves it."""
    import tempfile

    return Path(os.environ.get("MLOPS_TEST_CACHE", Path(tempfile.gettempdir()) / f"mlops-test-{os.getuid()}"))


def new_workspace(root: Path) -> Workspace:
    """An empty workspace with an MLflow store."""
    ws = Workspace(root)
    ws.mlops.mkdir(parents=True)
    mlstore.ensure_store(ws, cache=template_cache())
    return ws


def copy_workspace(ws: Workspace, root: Path) -> Workspace:
    """A moved copy, as a learner gets it."""
    shutil.copytree(ws.root, root)
    copy = Workspace(root)
    mlstore.relocate(copy)
    return copy
