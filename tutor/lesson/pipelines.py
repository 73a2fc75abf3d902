"""Pipelines: what runs again after a change, and a probe that must find nothing.

The scenarios run on a throw-away copy of the workspace with the course's own steps and parameters, on few rows: which
steps run does not depend on how many rows they read.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mlops_core import pipeline, project, versions
from mlops_core.dataset import Costs
from mlops_core.params import set_params
from mlops_core.pipeline import Run, read_output
from mlops_core.project import Template
from mlops_core.stats.paired import DayMean, mean_by_day
from mlops_core.training import predict, row_cost
from mlops_core.workspace import Workspace, write_atomic
from tutor.missions import Mission, Outcome, right, wrong
from tutor.predictions import Answer, Prediction, options
from tutor.simulation.noise import Probe

SMALL = {"model.rows": 2000, "model.max_iter": 5}
COMMENTED = "features"  # the step that gets a comment
COMMENT = "    # The desk decides two hours before departure: nothing later may stand here.\n"
WIDEST = 0.2  # an interval wider than this says nothing about an AUC

# -- changes a learner can make ------------------------------------------------------------------------------------------


def commented(source: str) -> bool:
    """Whether the prepared comment stands in this source."""
    return COMMENT in source


def with_comment(source: str) -> str:
    """The source with the prepared comment as the last line before the function returns; twice is once."""
    if commented(source):
        return source
    head, mark, tail = source.rpartition("    return ")
    return head + COMMENT + mark + tail


def set_comment(workspace: Workspace, wanted: bool) -> None:
    """Put the prepared comment into the step's file, or take it out again."""
    path = workspace.steps / f"{COMMENTED}.py"
    source = path.read_text(encoding="utf-8")
    new = with_comment(source) if wanted else source.replace(COMMENT, "")
    if new != source:
        write_atomic(path, new.encode())


# -- scenarios -----------------------------------------------------------------------------------------------------------


def restore(workspace: Workspace, course: Template) -> None:
    """Bring back the course's own parameters, steps and data version."""
    shutil.copyfile(course.folder / "params.yaml", workspace.params)
    shutil.copytree(
        course.folder / "steps", workspace.steps, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
    )
    if versions.current(workspace).name != course.start:
        versions.checkout(workspace, course.start)


def cure(workspace: Workspace) -> str | None:
    """The first data version after the one that is checked out that keeps every blocking promise; None without one."""
    course, known = project.template_of(workspace), versions.log(workspace)
    after = known[[version.name for version in known].index(versions.current(workspace).name) + 1 :]
    for version in after:
        findings = course.check(versions.read(workspace, version.name)).failed
        if not any(finding.severity == "block" for finding in findings):
            return version.name
    return None


def scenario_key(workspace: Workspace) -> str:
    """Names what the scenarios are computed from: the course, not what the learner has changed."""
    course = project.template_of(workspace)
    return course.digest(course.source())


@contextmanager
def scratch(workspace: Workspace) -> Iterator[Workspace]:
    """A throw-away copy with the course's own data version, steps and parameters, run once on few rows."""
    course = project.template_of(workspace)
    with tempfile.TemporaryDirectory(prefix="mlops-scratch-") as folder:
        copy = project.copy(workspace, Path(folder) / "workspace")
        restore(copy, course)
        pipeline.run(copy, overrides=SMALL).raise_if_failed()
        yield copy


def after_comment_and_leaves(workspace: Workspace) -> tuple[str, ...]:
    """Steps that run after a comment in one step and larger trees."""
    with scratch(workspace) as copy:
        set_comment(copy, True)
        set_params(copy.params, {"model.max_leaf_nodes": 31})
        return pipeline.run(copy, overrides=SMALL).raise_if_failed().changed


def touch(workspace: Workspace) -> tuple[str, ...]:
    """Steps that run after the training step's file was saved again with the same content."""
    with scratch(workspace) as copy:
        path = copy.steps / "train.py"
        write_atomic(path, path.read_bytes())
        return pipeline.run(copy, overrides=SMALL).raise_if_failed().changed


def which_answer(changed: tuple[str, ...]) -> Answer:
    """Which option the steps that ran amount to."""
    values: dict[str, object] = {"count": len(changed), "names": ", ".join(changed)}
    for option, first in (("all", "ingest"), ("from_comment", COMMENTED), ("two", "train")):
        if first in changed:
            return Answer(option, values)
    return Answer("none", values)


WHICH = Prediction(
    "which_rerun", "pipelines", belief=2, options=options("all", "from_comment", "two", "none"), answer=which_answer
)


# -- the noise probe -----------------------------------------------------------------------------------------------------


def probe_check(probe: Probe) -> Outcome:
    """Right when the interval includes .5, is narrow enough to mean it, and neither fault is left."""
    values: dict[str, object] = {
        "auc": probe.mean,
        "low": probe.low,
        "high": probe.high,
        "width": probe.width,
        "widest": WIDEST,
        "folds": probe.settings.folds,
    }
    if probe.honest and probe.width > WIDEST:
        return wrong("wide", **values)
    if probe.settings.selector == "before":
        return wrong("before", **values)
    if probe.settings.split == "rows":
        return wrong("rows", **values)
    return right("right", **values) if probe.honest else wrong("unlucky", **values)


PROBE = Mission("noise_probe", "pipelines", check=probe_check)


# -- the last run in numbers ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Result:
    """What the last run's model is worth on the days it has not seen; costs with a 95 % interval by day."""

    metrics: Mapping[str, Any]
    cost: DayMean
    calibration: pd.DataFrame
    airports: Mapping[str, DayMean]

    @classmethod
    def of(cls, workspace: Workspace, run: Run) -> Result:
        """Score the held-out rows once more, row by row, to have their days."""
        found, split = read_output(workspace, "evaluate"), read_output(workspace, "split")
        schema = project.template_of(workspace).schema
        rows = split[split["part"] == "holdout"]
        cost = row_cost(
            rows[str(schema.target)], predict(read_output(workspace, "train"), rows), Costs(**run.params["costs"])
        )
        day, origin = rows[str(schema.day)].to_numpy(), rows["origin"].to_numpy()
        airports = {name: mean_by_day(cost[origin == name], day[origin == name]) for name in sorted(set(origin))}
        bins = {name: found["calibration"][name] for name in ("count", "mean_score", "rate")}
        return cls(found["metrics"], mean_by_day(cost, day), pd.DataFrame(bins), airports)
