"""Delivery: a candidate at the gates, a champion by compare-and-set, a policy that blocks the bad and passes the good."""

import streamlit as st

from mlops_core import pipeline
from mlops_core.errors import NotFound
from pages.kit import blocks, session
from pages.kit.delivery_answers import answers
from pages.kit.delivery_arena import arena_panel, coin, coin_picture
from pages.kit.delivery_champion import champion_card
from pages.kit.delivery_export import export_panel
from pages.kit.delivery_gates import PAGE, candidate_panel, run_pipeline
from pages.kit.delivery_policy import policy_editor
from pages.kit.session import t
from tutor.lesson import delivery as lesson

blocks.section_head(PAGE)
last = pipeline.last_run(session.workspace())
if last is None or not last.passed:
    blocks.empty_state(
        t("delivery.empty"),
        t("delivery.empty_run"),
        run_pipeline,
        key="delivery.first",
        doing=t("delivery.empty_doing"),
    )
    blocks.next_stage(PAGE)
    st.stop()

story, instrument = blocks.two_columns()
with story:
    st.markdown(t("delivery.story"))
    revealed = blocks.predict(lesson.EQUAL, coin)
    if revealed:
        coin_picture()
with instrument:
    candidate_panel()

st.header(t("delivery.serving"), anchor=False)
left, right = blocks.two_columns()
with left:
    champion = champion_card()
with right:
    st.subheader(t("delivery.policy"), anchor=False)
    policy_editor()
if champion is not None:
    st.header(t("delivery.answers"), anchor=False)
    try:
        answers(champion)
    except NotFound as error:
        blocks.problem(error)

if revealed:
    st.header(t("delivery.arena_title"), anchor=False)
    arena_panel()

st.header(t("delivery.four"), anchor=False)
left, right = blocks.two_columns()
with left:
    st.markdown(t("delivery.four_lines"))
with right:
    export_panel()

blocks.code_cell(PAGE, lesson.CELL)
with blocks.further():
    st.markdown(t("delivery.further"))
blocks.next_stage(PAGE)
