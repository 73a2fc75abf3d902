"""One trial on the screen: run it again and compare the files, or name it the challenger."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from mlops_core import registry, release, trials
from mlops_core.digest import short
from mlops_core.errors import MlopsError
from mlops_core.tracking import TrialRecord
from pages.kit import blocks, session
from pages.kit.experiments_launch import PAGE
from pages.kit.experiments_trials import cheapest, name_of
from pages.kit.session import plain, t
from tutor.lesson import experiments as lesson


def again(run_id: str) -> None:
    """Train a run again and note whether the same file came of it."""
    workspace = session.workspace()
    lab = session.lab(PAGE)
    try:
        done = trials.reproduce(workspace, run_id)
    except MlopsError as error:
        lab["again_error"] = error
        return
    lab["again"] = done
    lesson.record_reproduction(workspace, run_id, done.same)


def nominate(run_id: str) -> None:
    """Register the run's model and point the alias challenger at it."""
    try:
        release.nominate(session.workspace(), run_id, reason=plain("experiments.nominated"))
    except MlopsError as error:
        session.lab(PAGE)["alias_error"] = error


def again_panel(logged: Sequence[TrialRecord]) -> None:
    """Choose a trial, the cheapest to begin with; two buttons and what came of them."""
    lab = session.lab(PAGE)
    runs = {record.run_id: record for record in logged}
    if st.session_state.get("experiments.chosen") not in runs:
        st.session_state["experiments.chosen"] = cheapest(logged).run_id
    chosen_run = str(
        st.selectbox(
            t("experiments.chosen"), list(runs), format_func=lambda run: name_of(runs[run]), key="experiments.chosen"
        )
    )
    with st.container(horizontal=True):
        if st.button(t("experiments.reproduce"), key="experiments.reproduce", icon=":material/replay:"):
            with st.spinner(t("experiments.reproducing")):
                again(chosen_run)
            st.rerun()
        if st.button(t("experiments.nominate"), key="experiments.nominate", icon=":material/flag:"):
            with st.spinner(t("experiments.nominating")):
                nominate(chosen_run)
            st.rerun()
    for key in ("again_error", "alias_error"):
        if key in lab:
            blocks.problem(lab.pop(key))
    if "again" in lab:
        done = lab["again"]
        blocks.verdict("pass" if done.same else "fail", t("experiments.same" if done.same else "experiments.other"))
        st.markdown(
            t(
                "experiments.digests", run=done.run_id[:8], new=short(done.digest), old=short(done.expected),
                seconds=done.seconds,
            )
        )  # fmt: skip
    holder = registry.challenger(session.workspace())
    if holder is not None:
        st.markdown(
            t("experiments.challenger", version=holder.version, run=holder.run_id[:8], digest=short(holder.digest))
        )
