"""Where everything stands and how it came to be: four names, the history as a graph, and another version checked out."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from mlops_core import pipeline, versions
from mlops_core.digest import short
from mlops_core.errors import MlopsError
from mlops_core.pins import Pins
from pages.kit import blocks, charts_versions, session
from pages.kit.session import plain, t
from pages.kit.versions_tables import PAGE, Known, course, facts_of, look, table
from tutor.lesson import versions as lesson


def stand_row(stand: Pins) -> None:
    """What fixes a result: code, data, model, environment, each by a name made from its content."""
    model_meaning = t("versions.pin.no_model")
    if stand.champion:
        word = "agree" if stand.agree else "differ"
        model_meaning = t(f"versions.pin.{word}", name=stand.trained_on or plain("versions.pin.unknown"))
    blocks.metrics(
        [
            blocks.Metric(
                t("versions.pin.code"),
                stand.commit[:8],
                t("versions.pin.code_edited", files=", ".join(stand.edited))
                if stand.edited
                else t("versions.pin.code_clean"),
            ),
            blocks.Metric(
                t("versions.pin.data"),
                stand.data.name if stand.data else plain("versions.pin.none"),
                t("versions.pin.data_meaning", md5=stand.data.md5[:8]) if stand.data else t("versions.pin.no_data"),
            ),
            blocks.Metric(
                t("versions.pin.model"),
                plain("versions.pin.champion", version=stand.champion.version)
                if stand.champion
                else plain("versions.pin.none"),
                model_meaning,
            ),
            blocks.Metric(
                t("versions.pin.environment"),
                short(stand.environment),
                t("versions.pin.environment_meaning", **{k.replace("-", "_"): v for k, v in stand.libraries.items()}),
            ),
        ]
    )


def shuffle_both(stand: Pins, known: Known) -> lesson.Rewritten:
    """The version that is checked out if it can be trained on, else the one the course starts from."""
    about = course()
    version = stand.data if stand.data and about.schema.target in table(stand.data) else known[about.start]
    with st.spinner(t("versions.shuffling")):
        return lesson.Rewritten(facts_of(version), facts_of(version, shuffle=True))


def check_out() -> None:
    """Put the chosen version into data/; what a run would repeat is read from the pipeline's plan."""
    lab = session.lab(PAGE)
    try:
        lab["checked"] = versions.checkout(session.workspace(), st.session_state["versions.choice"]).name
    except MlopsError as error:
        lab["checkout_error"] = error


def history_panel(stand: Pins, known: Known) -> None:
    """The history as a graph, any version to check out, and what a run would then repeat."""
    now = stand.data.name if stand.data else ""
    graph(known, now)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        names = list(known)[::-1]
        if st.session_state.get("versions.choice") not in names:
            st.session_state["versions.choice"] = now or names[0]
        st.selectbox(t("versions.choose"), names, key="versions.choice", width=260)
        st.button(t("versions.checkout"), key="versions.checkout", on_click=check_out, icon=":material/move_down:")
    say_checked_out(stand, now)


def graph(known: Known, now: str) -> None:
    """Every version, the one that is checked out filled."""
    history = tuple(known.values())
    blocks.figure(
        charts_versions.history_graph(
            history,
            now,
            look(),
            {
                v.name: plain(
                    "versions.row",
                    rows=v.rows,
                    columns=v.columns,
                    megabytes=v.bytes / 1e6,
                    digest=short(v.digest),
                )
                for v in history
            },
        ),
        alt=plain("versions.graph_alt", count=len(history), names=", ".join(known), now=now or "-"),
        table=pd.DataFrame([v.to_dict() for v in history[::-1]])[
            ["name", "message", "lesson_date", "rows", "columns", "bytes", "md5", "digest"]
        ],
        key="versions.graph",
        provenance="real",
        caption=t("versions.graph"),
    )


def say_checked_out(stand: Pins, now: str) -> None:
    """What checking out did: the steps a run would repeat, read from the pipeline's plan."""
    lab = session.lab(PAGE)
    if "checkout_error" in lab:
        blocks.problem(lab.pop("checkout_error"))
    elif lab.get("checked") == now and now:
        again = [step.step for step in pipeline.plan(session.workspace()) if step.action == "run"]
        words = "versions.checked" if again else "versions.checked_reuse"
        st.markdown(t(words, name=now, steps=", ".join(again), commit=stand.commit[:8]))
