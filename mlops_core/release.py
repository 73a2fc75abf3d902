"""From a finished run to a champion: log it, gather evidence, hold it against the gates, promote it.

    run_id = log_run(ws)
    decision = judge(ws, run_id)
    promotion = release(ws, run_id, decision)

The evidence is paired: champion and challenger score the same held-out rows, day by day.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator

from mlops_core import dvcfiles, experiments, pipeline, registry, tracking, versions
from mlops_core.dataset import Costs
from mlops_core.digest import digest_file, digest_value
from mlops_core.errors import BadInput, NotFound
from mlops_core.gates import Decision, Evidence, Policy, decide, load_policy
from mlops_core.ledger import Ledger, Promotion
from mlops_core.models import load_model
from mlops_core.params import read_params
from mlops_core.project import Template, template_of
from mlops_core.training import ModelSpec, Trial, fit, predict, spec_of
from mlops_core.versions import Version
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
    tags = {"mlops.run": digest_value(last.outputs), "mlops.env": dvcfiles.environment_digest()}
    for record in tracking.trials(workspace, experiment):
        if record.tags.get("mlops.run") == tags["mlops.run"] and record.status == "FINISHED":
            return record.run_id
    return _log(workspace, last, name, experiment, tags).run_id


def _log(workspace: Workspace, run: pipeline.Run, name: str, experiment: str, tags: Mapping[str, str]) -> Trial:
    """Write a pipeline run down as a trial like any other."""
    params, version = run.params, version_of(workspace, run)
    model, course = pipeline.read_output(workspace, "train"), template_of(workspace)
    return experiments.log_fitted(
        workspace,
        model,
        training_rows(workspace),
        held_out(workspace),
        course.schema,
        spec_of(params["model"], model.feature_names_in_),
        seed=params["seed"],
        data_id=version.digest,
        costs=Costs(**params["costs"]),
        rows=params["model"]["rows"] or None,
        by=tuple(name for name in course.slices if name in model.feature_names_in_),
        experiment=experiment,
        tags={**tags, "mlops.data.name": version.name},
        name=name or f"{params['model']['kind']} on {version.name}",
    )


def version_of(workspace: Workspace, run: pipeline.Run) -> Version:
    """The data version that a run read; NotFound when it read a table that was never committed."""
    md5 = run.dataset.split(".", maxsplit=1)[0]
    for version in reversed(versions.log(workspace)):
        if version.md5 == md5:
            return version
    raise NotFound(
        "the run read a table that is not a data version.", code="data.unversioned", fix="Commit it, then run again."
    )


def held_out(workspace: Workspace) -> pd.DataFrame:
    """The rows that the pipeline's split held out, with every column of the data version."""
    return _part(workspace, "holdout")


def training_rows(workspace: Workspace) -> pd.DataFrame:
    """The rows that the pipeline's split trained on, with every column of the data version."""
    return _part(workspace, "train")


def _part(workspace: Workspace, part: str) -> pd.DataFrame:
    split = pipeline.read_output(workspace, "split")
    key = list(template_of(workspace).schema.key)
    rows = split.loc[split["part"] == part, key]
    whole: pd.DataFrame = pipeline.read_output(workspace, "ingest")
    found: pd.DataFrame = rows.merge(whole, on=key, how="left", validate="one_to_one")
    return found


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
        features=tuple(str(name) for name in model.feature_names_in_),
    )


def _baseline(workspace: Workspace, course: Template, rows: pd.DataFrame) -> Floats:
    """What a model without a clue would score: the training days' rate for everybody."""
    train = training_rows(workspace)
    return np.asarray(predict(fit(train, course.schema, ModelSpec("dummy"), seed=0), rows))


def latency(model: BaseEstimator, rows: pd.DataFrame) -> Floats:
    """CPU milliseconds of each of 60 calls that score 100 rows, after one warm-up call.

    CPU time without garbage collection: whether a candidate passes must not depend on what else the machine is doing,
    nor on what else this process has loaded.
    """
    batch = rows.head(LATENCY_ROWS)
    predict(model, batch)
    found = np.empty(LATENCY_CALLS)
    was_on = gc.isenabled()
    gc.disable()
    try:
        for at in range(LATENCY_CALLS):
            clock = time.thread_time()
            predict(model, batch)
            found[at] = (time.thread_time() - clock) * 1000
    finally:
        if was_on:
            gc.enable()
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
    return registry.promote(
        workspace,
        _registered(workspace, run_id).version,
        expect=champion.version if champion else None,
        reason=reason or f"passed {len(decision.verdicts)} gates",
        lesson_date=lesson_date or versions.current(workspace).lesson_date,
    )


def nominate(workspace: Workspace, run_id: str, *, reason: str = "") -> Promotion | None:
    """Register a run and point the alias `challenger` at it; None when it is there already. Stale if somebody was faster."""
    version, holder = _registered(workspace, run_id), registry.challenger(workspace)
    if holder is not None and holder.version == version.version:
        return None
    return registry.promote(
        workspace,
        version.version,
        alias="challenger",
        expect=holder.version if holder else None,
        reason=reason or "nominated",
        lesson_date=versions.current(workspace).lesson_date,
    )


def _registered(workspace: Workspace, run_id: str) -> registry.ModelVersion:
    """The version of a run's model; the same file is registered once."""
    model = tracking.model_file(workspace, run_id)
    known = {version.digest: version for version in registry.versions(workspace)}
    return known.get(digest_file(model)) or registry.register(workspace, run_id, model)
