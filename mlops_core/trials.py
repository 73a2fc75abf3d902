"""Trials of one workspace: a grid over the model's parameters on the rows that the pipeline has split.

sweep(ws, {"model.max_leaf_nodes": [7, 15, 31]}, seeds=2)      # six logged trials, judged on the same held-out days
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence

from mlops_core import experiments, pipeline, tracking, versions
from mlops_core.digest import digest_frame, digest_value
from mlops_core.errors import BadParameter, NotFound
from mlops_core.experiments import Fitted, Reproduction
from mlops_core.params import overlay, read_params
from mlops_core.project import template_of
from mlops_core.release import costs_of, held_out, training_rows, version_of
from mlops_core.tracking import TrialRecord
from mlops_core.training import ModelSpec, Trial, spec_of
from mlops_core.workspace import Workspace

MOST = 200
SHOWN = ("run", "name", "status", "kind", "settings", "seed", "auc", "brier", "cost_per_row", "data")


def combinations(grid: Mapping[str, Sequence[object]]) -> list[dict[str, object]]:
    """Every combination of the grid's values, the last name varying fastest.

    >>> combinations({"model.kind": ["logistic", "boosting"]})
    [{'model.kind': 'logistic'}, {'model.kind': 'boosting'}]
    """
    wrong = [name for name in grid if not name.startswith("model.")]
    if wrong:
        raise BadParameter(
            f"a sweep cannot vary {wrong[0]!r}.",
            code="sweep.name",
            fix="It varies parameters of the model (model.*) and seeds; change the rest in params.yaml and run.",
        )
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]


def features_read(workspace: Workspace) -> tuple[str, ...]:
    """The feature columns that the pipeline's `features` step has let through."""
    schema = template_of(workspace).schema
    columns = set(pipeline.read_output(workspace, "split").columns)
    extra = read_params(workspace.params)["features"]["extra"]
    return tuple(name for name in schema.names if name in columns and (schema.column(name).is_feature or name in extra))


def sweep(
    workspace: Workspace,
    grid: Mapping[str, Sequence[object]],
    *,
    fixed: Mapping[str, object] | None = None,
    seeds: int = 1,
    reuse: bool = False,
    on_trial: Callable[[Trial], object] | None = None,
) -> tuple[TrialRecord, ...]:
    """Train, judge and log one trial for every combination and seed, on the pipeline's own split.

    Seeds count from the one in params.yaml. `reuse=True` takes what is logged already (same rows, parameters and seed)
    instead of training it again, so that the same request twice is one sweep; `on_trial` hears of new ones only.
    Raises NotFound before the first pipeline run, BadParameter for a name, a value or more than 200 trials.
    """
    params = overlay(read_params(workspace.params), fixed or {})
    grids = combinations(grid)
    if not 1 <= len(grids) * seeds <= MOST:
        raise BadParameter(
            f"{len(grids) * seeds} trials.",
            code="sweep.size",
            fix=f"Choose between 1 and {MOST}.",
            trials=len(grids) * seeds,
        )
    features = features_read(workspace)
    specs: list[ModelSpec] = [spec_of(overlay(params, values)["model"], features) for values in grids]
    last = pipeline.last_run(workspace)
    version = versions.current(workspace) if last is None else version_of(workspace, last)
    train, rows = training_rows(workspace), params["model"]["rows"] or None
    known = _known(workspace, digest_frame(train)) if reuse else {}
    course = template_of(workspace)
    done = experiments.sweep(
        workspace,
        train,
        held_out(workspace),
        course.schema,
        specs,
        range(params["seed"], params["seed"] + seeds),
        data_id=version.digest,
        costs=costs_of(workspace),
        rows=rows,
        by=tuple(name for name in course.slices if name in features),
        tags={"mlops.data.name": version.name},
        skip=lambda spec, seed: _name(Fitted(spec, seed, rows)) in known,
        on_trial=on_trial,
    )
    every = [
        _name(Fitted(spec, seed, rows)) for spec in specs for seed in range(params["seed"], params["seed"] + seeds)
    ]
    old = [known[name] for name in dict.fromkeys(every) if name in known]
    return tuple(tracking.trial(workspace, run_id) for run_id in (*old, *(trial.run_id for trial in done)))


def _name(fitted: Fitted) -> str:
    spec = fitted.spec
    return digest_value([spec.kind, dict(spec.params), list(spec.features), fitted.seed, fitted.rows])


def _known(workspace: Workspace, train: str) -> dict[str, str]:
    """How a trial was fitted on these rows -> the run that did it."""
    return {
        _name(experiments.fitted_as(record)): record.run_id
        for record in tracking.trials(workspace)
        if record.status == "FINISHED" and record.tags.get(experiments.TRAIN) == train
    }


def settings(record: TrialRecord) -> str:
    """The parameters of the model in one line; what every trial has (kind, features, seed) is left out."""
    left = {name: value for name, value in record.params.items() if name not in ("kind", "features", "seed")}
    return " ".join(f"{name}={value}" for name, value in sorted(left.items()))


def row(record: TrialRecord) -> dict[str, object]:
    """A trial as one line of a table."""
    return {
        "run": record.run_id[:8],
        "run_id": record.run_id,
        "name": record.name,
        "experiment": record.experiment,
        "status": record.status,
        "kind": record.params.get("kind"),
        "settings": settings(record),
        "seed": record.params.get("seed"),
        "data": record.tags.get("mlops.data.name", ""),
        **{name: record.metrics.get(name) for name in ("auc", "brier", "cost_per_row", "rate", "mean_score")},
    }


def resolve(workspace: Workspace, start: str) -> TrialRecord:
    """The trial whose run id starts with `start` ("" means the newest); NotFound, or BadParameter when several do."""
    found = tracking.trials(workspace)
    fitting = [record for record in found if record.run_id.startswith(start)]
    if not fitting:
        raise NotFound(f"no run {start!r}.", code="run.unknown", fix="List them with `experiments`.", run=start)
    if start and len(fitting) > 1:
        names = ", ".join(record.run_id[:12] for record in fitting[:4])
        raise BadParameter(
            f"{len(fitting)} runs start with {start!r}: {names}.", code="run.several", fix="Give more of it."
        )
    return fitting[-1]


def reproduce(workspace: Workspace, run_id: str) -> Reproduction:
    """Train a logged run again on the rows it was trained on and compare the digests of the two models."""
    return experiments.reproduce(workspace, run_id)
