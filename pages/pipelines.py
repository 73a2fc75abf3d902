"""Pipelines: run the six steps, change something, see what runs again; and a probe that must find nothing."""

import streamlit as st

from mlops_core import params, pipeline
from mlops_core.errors import NotFound
from pages.kit import blocks, session
from pages.kit.pipelines_change import PAGE, controls
from pages.kit.pipelines_probe import probe
from pages.kit.pipelines_results import results
from pages.kit.pipelines_run import steps_panel
from pages.kit.session import t
from tutor.lesson import pipelines as lesson
from tutor.simulation import noise

CELL = """from mlops_core import pipeline

for step in pipeline.plan(workspace, {"model.max_leaf_nodes": 31}):
    print(step.step, step.action, step.why, sep=" | ")
"""

workspace = session.workspace()
blocks.section_head(PAGE)
last = pipeline.last_run(workspace)
now = params.read_params(workspace.params)


def which() -> tuple[str, ...]:
    """The steps that ran after a comment and larger trees, on a throw-away copy."""
    key = lesson.scenario_key(workspace)
    return session.keep("pipelines.which", key, lambda: lesson.after_comment_and_leaves(workspace))


story, instrument = blocks.two_columns()
with story:
    with st.spinner(t("pipelines.running")):
        revealed = blocks.predict(lesson.WHICH, which)
    if revealed:
        controls(now)
    else:
        blocks.note(t("pipelines.planned_dim"))
with instrument:
    steps_panel(last)

if revealed:
    st.markdown(t("pipelines.principle"), width=760)
if last is not None and last.passed:
    history = pipeline.runs(workspace)
    try:
        results(last, history[-2] if len(history) > 1 else None)
    except NotFound as error:
        blocks.problem(error)
if revealed:
    st.header(t("pipelines.probe"), anchor=False)
    st.markdown(
        t("pipelines.probe_lead", days=noise.DAYS, flights=noise.FLIGHTS, columns=noise.COLUMNS, best=noise.BEST),
        width=760,
    )
    probe()
    blocks.code_cell(PAGE, CELL)
    with blocks.further():
        st.markdown(t("pipelines.further_digest"))
        st.markdown(f"**{t('pipelines.further_git')}**")
        st.code(workspace.git("log", "--oneline", "-12"), language=None)
        st.markdown(f"**{t('pipelines.further_dvc')}**")
        st.code((workspace.root / "dvc.yaml").read_text(encoding="utf-8"), language="yaml")
blocks.next_stage(PAGE)
