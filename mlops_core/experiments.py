"""Many trials, two trials, one trial again: sweep, compare by the day, reproduce to the byte.

done = sweep(ws, train, holdout, schema, [ModelSpec("logistic"), ModelSpec("boosting")], seeds=(1, 2), data_id=version.digest)
compare_trials(ws, done[0].run_id, done[2].run_id).difference.high < 0      # the first is cheaper
reproduce(ws, done[0].run_id).same
"""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from mlops_core import tracking, versions
from mlops_core.dataset import Column, Costs, Schema
from mlops_core.digest import digest_bytes, digest_frame
from mlops_core.errors import BadData, BadParameter, NotFound
from mlops_core.models import model_bytes, save_model
from mlops_core.stats.paired import PairedDifference, paired_by_day
from mlops_core.training import ModelSpec, Trial, evaluate, fit, predict, row_cost, slices
from mlops_core.workspace import Workspace

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

SEED, TRAIN, HOLDOUT = "mlops.seed", "mlops.train", "mlops.holdout"
_FIRST, _LAST = "mlops.train_first", "mlops.train_last"
_KEYS = "train.parquet"  # which rows were trained on, by key
_OWN = frozenset({"kind", "features", "seed", "rows"})


@dataclass(frozen=True, slots=True)
class TrialComparison:
    """Cost per row of `run_a` minus `run_b` on the same held-out rows; below zero: `run_a` is cheaper. Unit: the day."""

    run_a: str
    run_b: str
    cost_a: float
    cost_b: float
    difference: PairedDifference

    def to_dict(self) -> dict[str, object]:
        """The comparison as plain values."""
        values: dict[str, object] = {name: getattr(self, name) for name in self.__slots__}
        return {**values, "difference": self.difference.to_dict()}


@dataclass(frozen=True, slots=True)
class Reproduction:
    """A run fitted again: `digest` of the new model, `expected` of the logged one, `seconds` of the fit."""

    run_id: str
    digest: str
    expected: str
    seconds: float

    @property
    def same(self) -> bool:
        """True when the two models are the same file, byte for byte."""
        return self.digest == self.expected


def sweep(
    ws: Workspace,
    frame: pd.DataFrame,
    holdout: pd.DataFrame,
    schema: Schema,
    specs: Sequence[ModelSpec],
    seeds: Sequence[int],
    *,
    data_id: str,
    costs: Costs | None = None,
    rows: int | None = None,
    by: Sequence[str] = (),
    experiment: str = "sweep",
    tags: Mapping[str, str] | None = None,
    skip: Callable[[ModelSpec, int], bool] | None = None,
    on_trial: Callable[[Trial], object] | None = None,
) -> tuple[Trial, ...]:
    """Fit every spec with every seed on `frame`, judge it on `holdout`, log it; specs outside, seeds inside.

    `data_id` is the content digest of the data version the rows come from; `on_trial` is called after each trial, with
    its run id, so that a page can show it; what `skip` says yes to is left out.
    Rows of `holdout` without an outcome are left out. Raises what `fit` raises; trials logged before that stay.
    """
    job = _job(ws, frame, holdout, schema, data_id, costs or Costs(), rows, by, experiment, tags or {})
    done = []
    for spec in specs:
        for seed in seeds:
            if skip is not None and skip(spec, seed):
                continue
            done.append(job.run(spec, seed))
            if on_trial is not None:
                on_trial(done[-1])
    return tuple(done)


def log_fitted(
    ws: Workspace,
    model: Pipeline,
    frame: pd.DataFrame,
    holdout: pd.DataFrame,
    schema: Schema,
    spec: ModelSpec,
    *,
    seed: int,
    data_id: str,
    costs: Costs,
    rows: int | None = None,
    by: Sequence[str] = (),
    experiment: str = "sweep",
    tags: Mapping[str, str] | None = None,
    name: str = "",
) -> Trial:
    """Judge and log a model that was fitted elsewhere (by the pipeline) from `frame`, `spec`, `seed` and `rows`.

    The record is that of a sweep trial: it can be compared with others and reproduced.
    """
    job = _job(ws, frame, holdout, schema, data_id, costs, rows, by, experiment, tags or {})
    return job.record(model, spec, seed, name)


def _job(
    ws: Workspace,
    frame: pd.DataFrame,
    holdout: pd.DataFrame,
    schema: Schema,
    data_id: str,
    costs: Costs,
    rows: int | None,
    by: Sequence[str],
    experiment: str,
    tags: Mapping[str, str],
) -> _Job:
    known = _known_rows(holdout, schema)
    shared = {**tags, **_window(frame, schema), TRAIN: digest_frame(frame), HOLDOUT: digest_frame(known)}
    described = json.dumps({"columns": [asdict(c) for c in schema.columns], "key": list(schema.key)}).encode()
    return _Job(ws, frame, known, schema, data_id, costs, rows, tuple(by), experiment, shared, described)


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    """What all trials of one sweep share."""

    ws: Workspace
    frame: pd.DataFrame
    holdout: pd.DataFrame
    schema: Schema
    data_id: str
    costs: Costs
    rows: int | None
    by: tuple[str, ...]
    experiment: str
    tags: Mapping[str, str]
    described: bytes

    def run(self, spec: ModelSpec, seed: int) -> Trial:
        return self.record(fit(self.frame, self.schema, spec, seed=seed, rows=self.rows), spec, seed)

    def record(self, model: Pipeline, spec: ModelSpec, seed: int, name: str = "") -> Trial:
        p = predict(model, self.holdout)
        y = self.holdout[_target(self.schema)].to_numpy(dtype="float64")
        features = [str(name) for name in model.feature_names_in_]
        params = {**spec.params, "kind": spec.kind, "features": features, "seed": int(seed), "rows": self.rows}
        parts = slices(self.holdout, y, p, self.by, self.costs)
        trial = Trial(params, evaluate(y, p, self.costs), parts, data_id=self.data_id)
        return replace(trial, run_id=self._log(trial, model, p, name or f"{spec.kind}-{seed}"))

    def _log(self, trial: Trial, model: Any, p: Any, name: str) -> str:
        files = {"scores.parquet": _scores(self.holdout, self.schema, p), "schema.json": self.described}
        if self.schema.key:
            files[_KEYS] = _parquet(self.frame[list(self.schema.key)])
        tags = {**self.tags, SEED: str(trial.params["seed"])}
        self.ws.mlops.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.ws.mlops, prefix="tmp") as folder:
            path = Path(folder) / "model.skops"
            save_model(model, path)
            return tracking.log_trial(
                self.ws, trial, path, experiment=self.experiment, tags=tags, schema=self.schema, files=files, name=name
            )


def compare_trials(ws: Workspace, run_a: str, run_b: str, *, costs: Costs | None = None) -> TrialComparison:
    """Two sweep trials on the rows both were judged on, paired, by day. BadData when those are not the same rows."""
    both = _both(ws, run_a, run_b, costs or Costs())
    difference = paired_by_day(both["cost_a"], both["cost_b"], both["day"])
    return TrialComparison(run_a, run_b, float(both["cost_a"].mean()), float(both["cost_b"].mean()), difference)


def daily_difference(ws: Workspace, run_a: str, run_b: str, *, costs: Costs | None = None) -> pd.DataFrame:
    """One row a day: `day`, `rows`, `difference` = cost per row of `run_a` minus `run_b`. Raises as `compare_trials`."""
    both = _both(ws, run_a, run_b, costs or Costs())
    found = both.assign(difference=both["cost_a"] - both["cost_b"]).groupby("day")["difference"].agg(["size", "mean"])
    return found.reset_index().rename(columns={"size": "rows", "mean": "difference"})


def _both(ws: Workspace, run_a: str, run_b: str, costs: Costs) -> pd.DataFrame:
    """Day and cost of every row that both trials were judged on."""
    a, b = (pd.read_parquet(tracking.artifact(ws, run_id, "scores.parquet")) for run_id in (run_a, run_b))
    judged = [tracking.trial(ws, run_id).tags.get(HOLDOUT) for run_id in (run_a, run_b)]
    if judged[0] != judged[1] or len(a) != len(b):
        raise BadData(
            "The two trials were judged on different rows.", code="compare.rows", fix="Run both on one hold-out."
        )
    keys = [name for name in a.columns if name not in ("p", "y")]
    both = a.merge(b, on=keys, suffixes=("_a", "_b"), validate="one_to_one")
    cost_a, cost_b = row_cost(both["y_a"], both["p_a"], costs), row_cost(both["y_b"], both["p_b"], costs)
    return pd.DataFrame({"day": both["day"], "cost_a": cost_a, "cost_b": cost_b})


def reproduce(ws: Workspace, run_id: str, *, frame: pd.DataFrame | None = None) -> Reproduction:
    """Fit a logged sweep trial again from its parameters, data and seed, and compare the models' digests.

    Without `frame` the rows are fetched from the data version that the run names. Raises NotFound (run or version),
    BadData when the rows are not those the run was fitted on.
    """
    record = tracking.trial(ws, run_id)
    schema = _stored_schema(ws, run_id)
    rows = frame if frame is not None else _training_rows(ws, record, schema)
    if digest_frame(rows) != record.tags.get(TRAIN):
        raise BadData(
            f"These {len(rows):,} rows are not the ones run {run_id[:8]} was fitted on.",
            code="reproduce.rows",
            fix="Check out the data version it names.",
            run_id=run_id,
        )
    fitted = fitted_as(record)
    started = pd.Timestamp.now()
    model = fit(rows, schema, fitted.spec, seed=fitted.seed, rows=fitted.rows)
    seconds = (pd.Timestamp.now() - started).total_seconds()
    return Reproduction(run_id, digest_bytes(model_bytes(model)), record.tags[tracking.MODEL], seconds)


@dataclass(frozen=True, slots=True)
class Fitted:
    """How a logged trial was fitted: enough to fit it again."""

    spec: ModelSpec
    seed: int
    rows: int | None


def fitted_as(record: tracking.TrialRecord) -> Fitted:
    """Read a trial's parameters back; NotFound when they are not those of a trial of ours."""
    params: dict[str, Any] = dict(record.params)
    if not {"kind", "features", "seed"} <= set(params):
        raise NotFound(
            f"Run {record.run_id[:8]} does not say how it was fitted.",
            code="trial.foreign",
            fix="Choose a run that a sweep or the pipeline has logged.",
            run_id=record.run_id,
        )
    spec = ModelSpec(params["kind"], {k: v for k, v in params.items() if k not in _OWN}, tuple(params["features"]))
    return Fitted(spec, params["seed"], params.get("rows"))


def _target(schema: Schema) -> str:
    if schema.target is None:
        raise BadParameter("the schema has no target column", code="train.target")
    return schema.target


def _known_rows(holdout: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    known = holdout[holdout[_target(schema)].notna()]
    if known.empty:
        raise BadData("the hold-out has no row with a known outcome.", code="sweep.holdout", fix="Widen the window.")
    return known


def _window(frame: pd.DataFrame, schema: Schema) -> dict[str, str]:
    if schema.day is None or schema.day not in frame or frame.empty:
        return {}
    return {_FIRST: str(frame[schema.day].min()), _LAST: str(frame[schema.day].max())}


def _scores(holdout: pd.DataFrame, schema: Schema, p: Any) -> bytes:
    """Key (or position), day, outcome and probability of each held-out row."""
    columns: dict[str, Any] = {f"key_{name}": holdout[name].to_numpy() for name in schema.key}
    if not columns:
        columns["key_row"] = range(len(holdout))
    columns["day"] = holdout[schema.day].to_numpy() if schema.day else range(len(holdout))
    columns["y"], columns["p"] = holdout[_target(schema)].to_numpy(dtype="float64"), p
    return _parquet(pd.DataFrame(columns))


def _parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False, compression="zstd")
    return buffer.getvalue()


def _stored_schema(ws: Workspace, run_id: str) -> Schema:
    stored = json.loads(tracking.artifact(ws, run_id, "schema.json").read_bytes())
    return Schema(tuple(Column(**column) for column in stored["columns"]), tuple(stored["key"]))


def _training_rows(ws: Workspace, record: tracking.TrialRecord, schema: Schema) -> pd.DataFrame:
    digest = record.tags.get(tracking.DATA, "")
    version = next((v for v in versions.log(ws) if v.digest == digest), None)
    if version is None:
        raise NotFound(
            "The data of this run are no version of this workspace.",
            code="reproduce.data",
            fix="Give the rows, or import the version.",
            digest=digest,
        )
    whole = versions.read(ws, version.name)
    if schema.key:
        keys = pd.read_parquet(tracking.artifact(ws, record.run_id, _KEYS))
        return keys.merge(whole, on=list(schema.key), how="inner")
    if schema.day is None or _FIRST not in record.tags:
        return whole
    day = whole[schema.day]
    return whole[(day >= pd.Timestamp(record.tags[_FIRST])) & (day <= pd.Timestamp(record.tags[_LAST]))]
