"""What the champion is compared with: its own data version, scored by models that had not seen the week.

The scores of the training weeks themselves would look too good, and the held-out month alone is four weeks: too few to say
what is normal. So: out-of-fold by week over the whole version, computed once a champion and kept in the workspace.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlops_core import experiments, registry, tracking, versions
from mlops_core.dataset import Schema, write_parquet
from mlops_core.digest import digest_value
from mlops_core.errors import NotFound
from mlops_core.monitor import Baseline
from mlops_core.project import template_of
from mlops_core.registry import ModelVersion
from mlops_core.release import costs_of
from mlops_core.training import out_of_fold
from mlops_core.workspace import Workspace

FOLDS = 5


def model_features(model: Any) -> tuple[str, ...]:
    """The columns a fitted model reads."""
    return tuple(str(name) for name in model.feature_names_in_)


def data_of(workspace: Workspace, champion: ModelVersion) -> pd.DataFrame:
    """The data version the champion came from; NotFound when it is gone."""
    for version in versions.log(workspace):
        if version.digest == champion.data_id:
            return versions.read(workspace, version.name)
    raise NotFound(
        f"the data of model version {champion.version} is not among the data versions.",
        code="data.gone",
        fix="Bring the data version back, or promote a model whose data is here.",
    )


def _weeks(frame: pd.DataFrame, schema: Schema) -> npt.NDArray[np.str_]:
    weeks = frame[str(schema.day)].dt.to_period("W-SUN").astype(str)
    return np.asarray(weeks, dtype=str)


def reference_scores(workspace: Workspace, champion: ModelVersion, frame: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Out-of-fold scores of every row of the champion's data version, from the workspace when they are there."""
    path = workspace.mlops / "baselines" / f"{digest_value([champion.digest, champion.data_id, FOLDS])[:32]}.parquet"
    if path.is_file():
        return pd.read_parquet(path)["score"].to_numpy(dtype=np.float64)
    fitted = experiments.fitted_as(tracking.trial(workspace, champion.run_id))
    schema = template_of(workspace).schema
    weeks = _weeks(frame, schema)
    scores = out_of_fold(frame, schema, fitted.spec, groups=weeks, seed=fitted.seed, rows=fitted.rows, folds=FOLDS)
    write_parquet(pd.DataFrame({"score": scores}), path)
    return scores


def champion_schema(workspace: Workspace, champion: ModelVersion) -> Schema:
    """The course's schema without the features this champion does not read: they are not watched on its behalf."""
    schema = template_of(workspace).schema
    read = set(model_features(registry.load_version(workspace, champion.version)))
    return schema.without(name for name in schema.features if name not in read and name not in schema.key)


def unspoilt_champion(workspace: Workspace) -> ModelVersion | None:
    """The newest champion whose data ends before the stream starts: it can be watched over the whole stream.

    A champion retrained later has seen some of those weeks. None when no such champion was ever promoted.
    """
    course = template_of(workspace)
    known = {version.version: version for version in registry.versions(workspace)}
    for move in reversed(registry.history(workspace, "champion")):
        champion = known.get(move.version or 0)
        if champion and data_of(workspace, champion)[str(course.schema.day)].max() < pd.Timestamp(course.stream_start):
            return champion
    return None


def champion_baseline(workspace: Workspace, champion: ModelVersion | None = None) -> Baseline:
    """What is normal for a champion (the one that serves, unless named); NotFound before the first promotion."""
    champion = champion or registry.champion(workspace)
    if champion is None:
        raise NotFound("there is no champion yet.", code="champion.none", fix="Promote a model first.")
    frame = data_of(workspace, champion)
    schema = champion_schema(workspace, champion)
    scores = reference_scores(workspace, champion, frame)
    return Baseline.of(frame, schema, None, costs=costs_of(workspace), scores=scores)
