"""Versions: the history of the data, two versions compared, and what a diff says that no metric does."""

import streamlit as st

from mlops_core.pins import pins
from pages.kit import blocks, session
from pages.kit.session import t
from pages.kit.versions_cell import cell_panel
from pages.kit.versions_compare import comparison
from pages.kit.versions_history import history_panel, shuffle_both, stand_row
from pages.kit.versions_make import make_panel
from pages.kit.versions_mission import read_the_diff
from pages.kit.versions_tables import PAGE, known_versions
from tutor.lesson import versions as lesson

stand = pins(session.workspace())
known = known_versions()
newest = list(known.values())[-1]

blocks.section_head(PAGE)
stand_row(stand)
st.space("small")

story, instrument = blocks.two_columns()
with story:
    st.markdown(t("versions.story", versions=len(known), rows=newest.rows))
    revealed = blocks.predict(lesson.SHUFFLE, lambda: shuffle_both(stand, known))
    if revealed:
        st.markdown(t("versions.principle"))
with instrument:
    history_panel(stand, known)

st.header(t("versions.compare"), anchor=False)
comparison(known)

if revealed:
    st.header(t("versions.wrong"), anchor=False)
    read_the_diff(known)

st.header(t("versions.make"), anchor=False)
with st.container(width=760):
    make_panel(stand.data, known)

blocks.code_cell(PAGE, lesson.CELL)
with blocks.further():
    cell_panel(known)
    st.markdown(t("versions.other_tools"))
    blocks.reset_panel(PAGE, "versions.old", "versions.new", "versions.day", "versions.airport", "versions.column")
blocks.next_stage(PAGE)
