"""What the last run is worth: four numbers, cost by airport, calibration, and the seconds beside the run before."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from mlops_core.pipeline import Run
from pages.kit import blocks, charts, charts_pipelines, session
from pages.kit.blocks import Metric
from pages.kit.pipelines_change import LEAK
from pages.kit.session import plain, t
from tutor.lesson.pipelines import Result


def results(last: Run, before: Run | None) -> None:
    """Numbers of the last run, its calibration, its cost by airport, its seconds."""
    workspace = session.workspace()
    found = session.keep("pipelines.result", f"{workspace.root}:{last.id}", lambda: Result.of(workspace, last))
    st.header(t("pipelines.results"), anchor=False)
    st.markdown(t("pipelines.results_lead", n=found.metrics["n"], days=found.cost.days))
    numbers(found, leak=LEAK in last.params["features"]["extra"])
    left, right = st.columns(2, gap="large")
    with left:
        by_airport(found)
    with right:
        calibration(found)
    times(last, before)


def numbers(found: Result, *, leak: bool) -> None:
    """Ranking, cost, rate and offers; a warning when a column from the future made them."""
    metrics, cost = found.metrics, found.cost
    blocks.metrics(
        [
            Metric(
                t("pipelines.auc"),
                f"{metrics['auc']:.3f}",
                t("pipelines.auc_leak" if leak else "pipelines.auc_note"),
            ),
            Metric(t("pipelines.cost"), f"{cost.mean:.3f}", t("pipelines.cost_note", low=cost.low, high=cost.high)),
            Metric(t("pipelines.rate"), f"{metrics['rate']:.1%}", t("pipelines.rate_note", mean=metrics["mean_score"])),
            Metric(
                t("pipelines.flagged"),
                f"{metrics['flagged']:.1%}",
                t("pipelines.flagged_note", threshold=metrics["threshold"]),
            ),
        ]
    )
    if leak:
        st.warning(t("pipelines.leak_warning", auc=metrics["auc"]), icon=":material/warning:")


def by_airport(found: Result) -> None:
    """Cost of all flights and of each airport's, with intervals by day."""
    means = {plain("pipelines.all_flights"): found.cost, **found.airports}
    words = ", ".join(f"{name} {mean.mean:.3f} ({mean.low:.3f} to {mean.high:.3f})" for name, mean in means.items())
    table = {
        t("pipelines.column_airport"): list(means),
        t("pipelines.column_cost"): [mean.mean for mean in means.values()],
        t("pipelines.column_low"): [mean.low for mean in means.values()],
        t("pipelines.column_high"): [mean.high for mean in means.values()],
        t("pipelines.column_days"): [mean.days for mean in means.values()],
    }
    blocks.figure(
        charts_pipelines.costs(means, charts.Look(session.dark()), plain("pipelines.cost")),
        alt=plain("pipelines.airports_alt", costs=words),
        table=pd.DataFrame(table),
        key="pipelines.airports",
        provenance="real",
        caption=t("pipelines.airports"),
    )


def calibration(found: Result) -> None:
    """Whether a probability means what it says."""
    bins = found.calibration
    first, final = bins.iloc[0], bins.iloc[-1]
    blocks.figure(
        charts_pipelines.calibration(
            bins, charts.Look(session.dark()), plain("pipelines.calibration_score"), plain("pipelines.calibration_rate")
        ),
        alt=plain(
            "pipelines.calibration_alt",
            bins=len(bins),
            low=first["mean_score"],
            low_rate=first["rate"],
            high=final["mean_score"],
            high_rate=final["rate"],
        ),
        table=bins,
        key="pipelines.calibration",
        provenance="real",
        caption=t("pipelines.calibration"),
    )


def times(last: Run, before: Run | None) -> None:
    """Seconds of this run beside the one before."""
    both = {plain("pipelines.this_run"): last}
    if before is not None:
        both = {plain("pipelines.run_before"): before, **both}
    spent = {name: said(run) for name, run in both.items()}
    earlier = plain("pipelines.times_before", before=said(before)) if before else ""
    table = pd.DataFrame(
        {
            t("pipelines.column_step"): [step.step for step in last.steps],
            t("pipelines.column_status"): [t(f"pipelines.state_{step.status}") for step in last.steps],
            **{name: [round(step.seconds, 2) for step in run.steps] for name, run in both.items()},
        }
    )
    blocks.figure(
        charts_pipelines.seconds(both, charts.Look(session.dark()), plain("pipelines.times_axis")),
        alt=plain("pipelines.times_alt", now=spent[plain("pipelines.this_run")], before=earlier),
        table=table,
        key="pipelines.times",
        caption=t("pipelines.times"),
    )


def said(run: Run) -> str:
    """The steps of a run in words."""
    return ", ".join(
        f"{step.step} {plain(f'pipelines.state_{step.status}')}"
        + (f" {step.seconds:.2f} s" if step.status == "ran" else "")
        for step in run.steps
    )
