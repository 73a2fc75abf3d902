"""Any two versions compared on the screen: rows, cells, promises, drift.

comparison(known_versions())
"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from mlops_core.compare import Comparison, compare
from mlops_core.diff import Diff
from mlops_core.versions import Version
from pages.kit import blocks, charts_versions
from pages.kit.blocks.sights import Provenance
from pages.kit.session import plain, t
from pages.kit.versions_tables import Known, compared, look
from tutor.lesson import versions as lesson


@st.fragment
def comparison(known: Known) -> None:
    """Two select boxes, one comparison: rows, cells, promises, drift."""
    names = list(known)
    for key, name in (("versions.old", lesson.BROKEN), ("versions.new", lesson.MENDED)):
        if st.session_state.get(key) not in names:
            st.session_state[key] = name
    left, right = blocks.two_columns()
    with left:
        one, two = st.columns(2)
        old = known[one.selectbox(t("versions.older"), names, key="versions.old", persist_state="session")]
        new = known[two.selectbox(t("versions.newer"), names, key="versions.new", persist_state="session")]
        with st.spinner(t("versions.comparing")):
            found = compared(old, new)
        summary(old, new, found)
    with right:
        if not found.diff.cells:
            st.markdown(t("versions.no_cells", old=old.name, new=new.name))
            if found.diff.added_examples:
                st.markdown(t("versions.row_examples", rows="; ".join(found.diff.added_examples)))
            return
        cells(old, new, found.diff)
    blocks.code_that_ran(compare)


def summary(old: Version, new: Version, found: Comparison) -> None:
    """Rows counted, the story in lines, which version keeps its promises, how many columns drifted."""
    rows = found.diff
    with st.container(horizontal=True):
        for word, count in (
            ("added", rows.rows_added),
            ("removed", rows.rows_removed),
            ("changed", rows.rows_changed),
        ):
            st.metric(t(f"versions.rows_{word}"), f"{count:,}", width=140)
    for line in found.story:
        if line.code not in ("cells", "rows"):
            st.markdown(f"- {t('versions.line', text=line.text)}")
    for version, report in ((old, found.old), (new, found.new)):
        blocking = sum(finding.severity == "block" for finding in report.failed)
        word = t("versions.keeps", name=version.name) if report.passed else t(
            "versions.breaks", name=version.name, count=blocking
        )  # fmt: skip
        blocks.verdict("pass" if report.passed else "fail", word)
    drifted = found.drift.drifted if found.drift else ()
    watched = len(found.drift.names) if found.drift else 0
    words = t("versions.drift", drifted=len(drifted), watched=watched)
    blocks.verdict("drifted" if drifted else "stable", words)


def cells(old: Version, new: Version, rows: Diff) -> None:
    """Share of changed cells by column, and an example of each."""
    most = rows.cells[0]
    provenance: Provenance = "injected" if lesson.BROKEN in (old.name, new.name) else "real"
    blocks.figure(
        charts_versions.changed_cells(rows, look(), value=plain("versions.share_axis")),
        alt=plain(
            "versions.cells_alt",
            old=old.name,
            new=new.name,
            columns=len(rows.cells),
            column=most.column,
            share=most.share,
        ),
        table=rows.frame(),
        key="versions.cells",
        provenance=provenance,
        caption=t("versions.cells", old=old.name, new=new.name),
    )
    examples = pd.DataFrame(
        [
            {"column": cell.column, "row": example.row, old.name: example.old, f"{new.name} ": example.new}
            for cell in rows.cells
            for example in cell.examples[:1]
        ]
    )
    with st.expander(t("versions.examples")):
        blocks.table(examples, alt=plain("versions.examples_alt"), key="versions.examples")
