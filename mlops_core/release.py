"""From a finished run to a champion: log it, gather evidence, hold it against the gates, promote it.

    run_id = log_run(ws)
    decision = judge(ws, run_id)
    promotion = release(ws, run_id, decision)

The evidence is paired: champion and challenger score the same held-out rows, day by day.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator

from mlops_core import dvcfiles, pipeline, registry, tracking, versions
from mlops_core.dataset import Costs
from mlops_core.digest import digest_file, digest_value
from mlops_core.errors import BadInput, NotFound
from mlops_core.gates import Decision, Evidence, Policy, decide, load_policy
from mlops_core.ledger import Ledger, Promotion
from mlops_core.metrics import Metrics, SliceMetrics
from mlops_core.models import load_model
from mlops_core.params import flatten, read_params
from mlops_core.project import Template, template_of
from mlops_core.training import ModelSpec, Trial, fit, predict
from mlops_core.workspace import Workspace

EXPERIMENT = "pipeline"
LATENCY_CALLS = 60
LATENCY_ROWS = 100

Floats = npt.NDArray[np.float64]


def costs_of(workspace: Workspace) -> Costs:
    """The prices in `params.yaml`."""
    return Costs(**read_params(workspace.params)["costs"])


def log_run(workspace: Workspace, *, name: str = "", experiment: str = EXPERIMENT) -> str:
    """Log the pipeline's last run to MLflow and return the run id; a run that is logged already is not logged twice.

    Raises NotFound when there is no run, StepFailed when it failed.
    """
    last = pipeline.last_run(workspace)
    if last is None:
        raise NotFound("the pipeline has not run yet.", code="run.none", fix="Run the pipeline first.")
    last.raise_if_failed()
    model = workspace.reports / "train.skops"
    version = versions.current(workspace)
    params = read_params(workspace.params)
    tags = {"mlops.run": digest_value(last.outputs), "mlops.env": dvcfiles.environment_digest(workspace),
            "mlops.data.name": version.name, "mlops.seed": str(params["seed"])}  # fmt: skip
    for record in tracking.trials(workspace, experiment):
        if record.tags.get("mlops.run") == tags["mlops.run"] and record.status == "FINISHED":
            return record.run_id
    trial = _trial(pipeline.read_output(workspace, "evaluate"), flatten(params), version.digest)
    schema = template_of(workspace).schema
    title = name or f"{params['model']['kind']} on {version.name}"
    return tracking.log_trial(workspace, trial, model, experiment=experiment, tags=tags, schema=schema, name=title)


def _trial(report: Mapping[str, Any], params: Mapping[str, object], data_id: str) -> Trial:
    known = {field.name for field in dataclasses.fields(Metrics)}

    def metrics(values: Mapping[str, Any]) -> Metrics:
        return Metrics(**{name: value for name, value in values.items() if name in known})

    parts = tuple(
        SliceMetrics(part["name"], part["value"], part["n"], metrics(part["metrics"])) for part in report["slices"]
    )
    return Trial(params, metrics(report["metrics"]), parts, data_id=data_id)


def held_out(workspace: Workspace) -> pd.DataFrame:
    """The rows that the pipeline's split held out, with every column of the data version."""
    split = pipeline.read_output(workspace, "split")
    key = list(template_of(workspace).schema.key)
    rows = split.loc[split["part"] == "holdout", key]
    return rows.merge(pipeline.read_output(workspace, "ingest"), on=key, how="left", validate="one_to_one")


def training_rows(workspace: Workspace) -> pd.DataFrame:
    """The rows that the pipeline's split trained on, with every column of the data version."""
    split = pipeline.read_output(workspace, "split")
    key = list(template_of(workspace).schema.key)
    rows = split.loc[split["part"] == "train", key]
    return rows.merge(pipeline.read_output(workspace, "ingest"), on=key, how="left", validate="one_to_one")


def gather(workspace: Workspace, run_id: str) -> Evidence:
    """Everything the gates look at for one logged run, measured now on the rows held out."""
    course, rows = template_of(workspace), held_out(workspace)
    model = load_model(tracking.model_file(workspace, run_id))
    champion = registry.champion(workspace)
    old = predict(registry.load(workspace), rows) if champion is not None else None
    return Evidence(
        schema=course.schema.only(rows.columns),
        frame=rows,
        challenger=predict(model, rows),
        champion=old,
        baseline=_baseline(workspace, course, rows),
        latency_ms=latency(model, rows),
        costs=costs_of(workspace),
    )


def _baseline(workspace: Workspace, course: Template, rows: pd.DataFrame) -> Floats:
    """What a model without a clue would score: the training days' rate for everybody."""
    train = training_rows(workspace)
    return np.asarray(predict(fit(train, course.schema, ModelSpec("dummy"), seed=0), rows))


def latency(model: BaseEstimator, rows: pd.DataFrame) -> Floats:
    """Milliseconds of each of 60 calls that score 100 rows, after one warm-up call."""
    batch = rows.head(LATENCY_ROWS)
    predict(model, batch)
    found = np.empty(LATENCY_CALLS)
    for at in range(LATENCY_CALLS):
        clock = time.perf_counter()
        predict(model, batch)
        found[at] = (time.perf_counter() - clock) * 1000
    return found


def judge(workspace: Workspace, run_id: str, *, policy: Policy | None = None, lesson_date: str = "") -> Decision:
    """Hold a logged run against the gates and write the decision into the ledger, with the policy's digest."""
    policy = policy or load_policy(workspace.gates)
    decision = decide(gather(workspace, run_id), policy)
    verdicts = {verdict.gate: verdict.outcome for verdict in decision.verdicts}
    Ledger(workspace).record(
        "gate",
        run_id,
        lesson_date=lesson_date,
        outcome=decision.outcome,
        verdicts=verdicts,
        policy=decision.policy_digest,
    )
    return decision


def release(
    workspace: Workspace, run_id: str, decision: Decision, *, reason: str = "", lesson_date: str = ""
) -> Promotion:
    """Register a run that passed the gates and make it champion. BadInput when it did not pass, Stale if too late."""
    if not decision.passed:
        raise BadInput(
            f"run {run_id[:8]} did not pass the gates ({decision.outcome}).",
            code="release.refused",
            fix="Mend what the gates name, or change gates.yaml and say why.",
        )
    champion = registry.champion(workspace)
    if champion is not None and champion.run_id == run_id:
        raise BadInput(
            f"run {run_id[:8]} is the champion already.", code="release.same", fix="Bring another candidate."
        )
    model = tracking.model_file(workspace, run_id)
    known = {version.digest: version for version in registry.versions(workspace)}
    version = known.get(digest_file(model)) or registry.register(workspace, run_id, model)
    return registry.promote(
        workspace,
        version.version,
        expect=champion.version if champion else None,
        reason=reason or f"passed {len(decision.verdicts)} gates",
        lesson_date=lesson_date or versions.current(workspace).lesson_date,
    )
