"""What one changed cell costs: the cache keeps whole files, so it grows by a whole file."""

from __future__ import annotations

import streamlit as st

from pages.kit import blocks, session
from pages.kit.session import t
from pages.kit.versions_tables import PAGE, Known, table
from tutor.lesson import versions as lesson


def cell_panel(known: Known) -> None:
    """Change one cell, write the table again, count the bytes."""
    lab = session.lab(PAGE)
    st.markdown(t("versions.cell_lead"))
    if st.button(t("versions.cell_try"), key="versions.cell_try") or "cell" in lab:
        base = known[lesson.MENDED]
        lab["cell"] = session.keep("versions.cell", base.md5, lambda: lesson.warmer_by_one(table(base)))
        cost = lab["cell"]
        blocks.metrics(
            [
                blocks.Metric(
                    t("versions.cell_needed"),
                    str(table(base)[lesson.STEADY[0]].to_numpy().itemsize),
                    t("versions.cell_needed_meaning"),
                ),
                blocks.Metric(t("versions.cell_stored"), f"{cost.stored:,}", t("versions.cell_stored_meaning")),
                blocks.Metric(
                    t("versions.cell_same"), f"{cost.same / cost.before:.0%}", t("versions.cell_same_meaning")
                ),
            ]
        )
