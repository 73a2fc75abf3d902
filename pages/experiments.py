"""Experiments: launch runs, tell a better model from a lucky one, run one again, name a challenger."""

import streamlit as st

from mlops_core import pipeline
from pages.kit import blocks, session
from pages.kit.experiments_again import again_panel
from pages.kit.experiments_compare import compare_panel
from pages.kit.experiments_launch import PAGE, launcher, run_pipeline
from pages.kit.experiments_lottery import lottery, lottery_picture
from pages.kit.experiments_trials import finished, holders, trials_panel
from pages.kit.session import t
from tutor.lesson import experiments as lesson

blocks.section_head(PAGE)
last = pipeline.last_run(session.workspace())
if last is None or not last.passed:
    blocks.empty_state(
        t("experiments.empty"),
        t("experiments.empty_run"),
        run_pipeline,
        key="experiments.first",
        doing=t("experiments.empty_doing"),
    )
    blocks.next_stage(PAGE)
    st.stop()

story, instrument = blocks.two_columns()
with story:
    st.markdown(t("experiments.story"))
    revealed = blocks.predict(lesson.WINNER, lambda: lottery(last), runs=lesson.SEEDS, flights=lesson.FEW)
    if revealed:
        st.markdown(t("experiments.principle"))
with instrument:
    if revealed:
        lottery_picture(lottery(last))
    launcher()

st.header(t("experiments.all"), anchor=False)
logged = finished()
if not logged:
    st.markdown(t("experiments.none"))
    blocks.next_stage(PAGE)
    st.stop()
held = holders()
trials_panel(logged, held)

st.header(t("experiments.compare"), anchor=False)
compare_panel(logged, held, revealed)

st.header(t("experiments.again"), anchor=False)
left, right = blocks.two_columns()
with left:
    st.markdown(t("experiments.again_lead"))
with right:
    again_panel(logged)

blocks.code_cell(PAGE, lesson.CELL)
with blocks.further():
    st.markdown(t("experiments.further"))
blocks.next_stage(PAGE)
