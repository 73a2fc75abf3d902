"""Launching runs on the screen: a grid from the controls, the count, one line for each trial that is trained.

launcher()
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from mlops_core import pipeline, release, trials
from mlops_core.errors import MlopsError
from mlops_core.params import read_params
from mlops_core.training import Trial
from pages.kit import blocks, session
from pages.kit.session import t
from pages.kit.steady import steady

PAGE = "experiments"
MOST = 12
GRID: dict[str, tuple[float, ...]] = {
    "max_leaf_nodes": (7, 15, 31, 63), "learning_rate": (0.03, 0.06, 0.1, 0.2), "max_iter": (30, 60, 120, 200)
}  # fmt: skip


def run_pipeline() -> None:
    """The six steps, then the model as the first trial of the list."""
    workspace = session.workspace()
    pipeline.run(workspace).raise_if_failed()
    release.log_run(workspace)


def asked() -> tuple[list[dict[str, Any]], int]:
    """The grids that the controls ask for, and how many trials that makes."""
    kinds = st.multiselect(
        t("experiments.kinds"), ["boosting", "logistic", "dummy"], ["boosting", "logistic"], key="experiments.kinds"
    )
    values: dict[str, list[float]] = {}
    columns = st.columns(3)
    for column, (name, choices) in zip(columns, GRID.items(), strict=True):
        default = [read_params(session.workspace().params)["model"][name]]
        offered = sorted({*choices, *default})
        values[name] = column.multiselect(name, offered, default, key=f"experiments.{name}")
    seeds = st.slider(t("experiments.seeds"), 1, 5, 2, key="experiments.seeds")
    grids: list[dict[str, Any]] = []
    if "boosting" in kinds and all(values.values()):
        grids.append({"model.kind": ["boosting"], **{f"model.{name}": chosen for name, chosen in values.items()}})
    grids += [{"model.kind": [kind]} for kind in kinds if kind != "boosting"]
    return grids, seeds * sum(len(trials.combinations(grid)) for grid in grids)


def launch(grids: list[dict[str, Any]], total: int) -> None:
    """Train what is not logged yet, one line a trial; a second click changes nothing."""
    workspace = session.workspace()
    seeds, done = int(st.session_state["experiments.seeds"]), 0
    with st.status(t("experiments.launching", trials=total), expanded=True) as status, steady() as say:

        def on_trial(trial: Trial) -> None:
            nonlocal done
            done += 1
            words = t(
                "experiments.trial_done", kind=str(trial.params["kind"]), seed=trial.params["seed"],
                cost=trial.metrics.cost_per_row, auc=trial.metrics.auc or 0.5,
            )  # fmt: skip
            say(lambda: st.markdown(words))

        try:
            with workspace.lock():
                for grid in grids:
                    trials.sweep(workspace, grid, seeds=seeds, reuse=True, on_trial=on_trial)
        except MlopsError as error:
            trouble = error
            say(lambda: blocks.problem(trouble))
            say(lambda: status.update(state="error"))
            return
        session.lab(PAGE)["launched"] = (done, total)
    for key in ("experiments.a", "experiments.b", "experiments.chosen") if done else ():
        st.session_state.pop(key, None)  # begin with the cheapest again
    st.rerun()  # the map, the table and the choices know the new runs


def launcher() -> None:
    """Controls, the count, the button."""
    lab = session.lab(PAGE)
    st.subheader(t("experiments.launch"), anchor=False)
    grids, total = asked()
    if not 1 <= total <= MOST:
        blocks.note(t("experiments.too_many", trials=total, most=MOST))
    pressed = st.button(
        t("experiments.run", trials=total), type="primary", icon=":material/play_arrow:", key="experiments.run",
        disabled=not 1 <= total <= MOST,
    )  # fmt: skip
    if pressed:
        lab.pop("launched", None)
        launch(grids, total)
    elif "launched" in lab:
        done, total = lab["launched"]
        blocks.verdict("ran", t("experiments.launched", done=done, reused=total - done))
