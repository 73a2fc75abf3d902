"""Fifty runs that differ in their seed only, on the screen: who wins on a few flights, and what is left of it on the rest.

revealed = blocks.predict(lesson.WINNER, lambda: lottery(last), ...)
lottery_picture(lottery(last))
"""

from __future__ import annotations

import streamlit as st

from mlops_core import release
from mlops_core.digest import digest_value
from mlops_core.params import read_params
from mlops_core.pipeline import Run
from mlops_core.project import template_of
from pages.kit import blocks, charts, charts_experiments, session
from pages.kit.session import plain, t
from pages.kit.steady import steady
from tutor.lesson import experiments as lesson


def lottery(last: Run) -> lesson.Lottery:
    """Fifty runs, fitted once on this machine for the rows of this split."""
    workspace = session.workspace()
    outputs = last.outputs
    key = digest_value([outputs["split"], outputs["ingest"], read_params(workspace.params)["costs"]])

    def work() -> lesson.Lottery:
        bar = st.progress(0.0, plain("experiments.fitting", run=0, runs=lesson.SEEDS))

        def on_run(run: int) -> None:
            say(lambda: bar.progress(run / lesson.SEEDS, plain("experiments.fitting", run=run, runs=lesson.SEEDS)))

        with steady() as say:
            found = lesson.lottery(
                release.training_rows(workspace),
                release.held_out(workspace),
                template_of(workspace).schema,
                release.costs_of(workspace),
                on_run=on_run,
            )
        bar.empty()
        return found

    return session.keep("experiments.lottery", key, work)


def lottery_picture(found: lesson.Lottery) -> None:
    """Every run from its cost on the few flights to its cost on all others."""
    look = charts.Look(session.dark())
    blocks.figure(
        charts_experiments.lottery(
            found.few.tolist(),
            found.rest.tolist(),
            found.winner,
            look,
            names=(
                plain("experiments.few", flights=found.flights),
                plain("experiments.others", flights=found.others),
            ),
            value=plain("experiments.cost"),
            words=plain("experiments.place", place=found.place, runs=len(found.few)),
        ),
        alt=plain(
            "experiments.lottery_alt",
            runs=len(found.few),
            flights=found.flights,
            kept=found.kept,
            place=found.place,
        ),
        table=found.frame(),
        key="experiments.lottery",
        provenance="real",
        caption=t("experiments.lottery", flights=found.flights),
    )
    blocks.code_that_ran(lesson.lottery, lesson.draw)
