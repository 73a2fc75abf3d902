"""A version of one's own: the one that is checked out and the week after it, committed and compared from then on."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from mlops_core import versions
from mlops_core.digest import short
from mlops_core.errors import BadInput, MlopsError
from mlops_core.versions import Version
from pages.kit import blocks, session
from pages.kit.session import t
from pages.kit.versions_tables import PAGE, Known, course, table
from tutor.lesson import versions as lesson


def make_panel(data: Version | None, known: Known) -> None:
    """The name of the next version and the button that commits it; refused on a version that breaks promises."""
    lab, about, now = session.lab(PAGE), course(), data.name if data else ""
    keeps = data and session.keep("versions.check", data.digest, lambda: about.check(table(data)).passed)
    if not data or not keeps:
        st.markdown(t("versions.make_refused", name=now))
    else:
        st.markdown(t("versions.make_lead", name=now))
        last = table(data)[str(about.schema.day)].max() + pd.Timedelta(days=7)
        st.session_state.setdefault("versions.name", f"week-{last:%Y-%m-%d}")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.text_input(t("versions.name"), key="versions.name", max_chars=80, width=320)
            st.button(
                t("versions.commit"),
                key="versions.commit",
                on_click=append_week,
                args=(data,),
                icon=":material/add_circle:",
            )
    if "commit_error" in lab:
        blocks.problem(lab.pop("commit_error"))
    elif now and lab.get("made") == now:
        made = known[lab["made"]]
        st.markdown(t("versions.made", name=made.name, rows=made.rows, digest=short(made.digest), commit=made.id[:8]))


def append_week(base: Version | None) -> None:
    """Commit the checked-out version and the week after it; compare the two from now on."""
    name, lab = str(st.session_state["versions.name"]), session.lab(PAGE)
    try:
        if base is None:
            raise BadInput("no data version is checked out.", code="version.none", fix="Check one out.")
        frame, end = lesson.next_week(table(base), session.year(), course())
        made = versions.commit(
            session.workspace(), frame, name=name, message=f"{base.name} and the week to {end}", lesson_date=end
        )
    except MlopsError as error:
        lab["commit_error"] = error
        return
    st.session_state.update({"versions.old": base.name, "versions.new": made.name, "versions.choice": made.name})
    st.session_state.pop("versions.name", None)
    lab["made"] = made.name
