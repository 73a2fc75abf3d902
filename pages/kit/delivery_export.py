"""The exports on the screen: the same life cycle as files for other tools, one button for each exporter installed."""

from __future__ import annotations

import streamlit as st

from mlops_core import exporting
from mlops_core.errors import MlopsError
from pages.kit import blocks, session
from pages.kit.delivery_gates import PAGE
from pages.kit.session import t


def export_panel() -> None:
    """A button for each exporter, and the files that it wrote."""
    workspace = session.workspace()
    lab = session.lab(PAGE)
    st.markdown(t("delivery.export_lead"))
    known = exporting.exporters()
    if not known:
        st.markdown(t("delivery.export_none"))
    with st.container(horizontal=True):
        for name in sorted(known):
            if st.button(t("delivery.export", name=name), key=f"delivery.export.{name}", icon=":material/file_export:"):
                try:
                    lab["exported"] = exporting.write(workspace, name)
                except MlopsError as error:
                    blocks.problem(error)
    for path in lab.get("exported", ()):
        with st.expander(path, icon=":material/description:"):
            st.code((workspace.root / path).read_text(encoding="utf-8"), language=None)
