"""Monitoring: shift a world whose truth is known, then read the board of a year that really happened."""

import streamlit as st

from pages.kit import blocks, session
from pages.kit.monitoring_board import begin, board, cell, note_watch, watched
from pages.kit.monitoring_lab import PAGE, SEED, data, lab_panel, read, shift_lab
from pages.kit.session import t
from tutor.lesson import monitoring as lesson

blocks.section_head(PAGE)
with st.spinner(t("monitoring.building"), show_time=True):
    instrument = shift_lab()
    least = session.keep("monitoring.least", f"{data()}:{SEED}", lambda: lesson.irrelevant_state(instrument))
st.header(t("monitoring.lab"), anchor=False)
answered = blocks.predict(lesson.IRRELEVANT, lambda: read(instrument, least), feature=least.feature)
lab_panel(instrument, answered)

st.header(t("monitoring.the_year"), anchor=False)
st.markdown(t("monitoring.the_year_text"))
champion = watched()
if champion is None:
    blocks.empty_state(t("monitoring.no_champion"), t("monitoring.make_champion"), begin, key="monitoring.champion",
                       doing=t("monitoring.beginning"))  # fmt: skip
    cell()
else:
    st.markdown(t("monitoring.board_of", version=champion.version))
    board(champion)
    note_watch(champion)
with blocks.further():
    st.markdown(t("monitoring.further"))
blocks.next_stage(PAGE)
