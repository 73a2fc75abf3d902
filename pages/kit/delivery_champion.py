"""The champion on the screen: who serves, since when, what came before, and the way back.

champion = champion_card()          # None while nobody serves
"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from mlops_core import registry
from mlops_core.digest import short
from mlops_core.errors import MlopsError
from pages.kit import blocks, session
from pages.kit.delivery_gates import PAGE
from pages.kit.session import plain, t


def go_back(expect: int) -> None:
    """Give the alias back to the version before."""
    try:
        registry.rollback(session.workspace(), expect=expect, reason=plain("delivery.rolled_back"))
    except MlopsError as error:
        session.lab(PAGE)["promote_error"] = error


def champion_card() -> registry.ModelVersion | None:
    """Who serves, since when, what came before, and the way back."""
    workspace = session.workspace()
    lab = session.lab(PAGE)
    champion = registry.champion(workspace)
    if "promote_error" in lab:
        blocks.problem(lab.pop("promote_error"))
    moves = registry.history(workspace, "champion")
    with st.container(border=True, key="delivery-champion"):
        st.subheader(t("delivery.champion"), anchor=False)
        if champion is None:
            st.markdown(t("delivery.nobody"))
        else:
            st.markdown(
                t(
                    "delivery.card", version=champion.version, digest=short(champion.digest), run=champion.run_id[:8],
                    when=moves[-1].created.astimezone(), cost=champion.metrics.get("cost_per_row", float("nan")),
                )
            )  # fmt: skip
        if moves:
            line = {"promote": "delivery.move", "rollback": "delivery.move_back"}
            rows = [
                {
                    plain("delivery.head.when"): move.created.astimezone().replace(tzinfo=None),
                    plain("delivery.head.what"): plain(
                        line.get(move.kind, "delivery.move"), version=move.version or 0, previous=move.previous or 0
                    ),
                    plain("delivery.head.reason"): move.reason,
                }
                for move in moves[::-1]
            ]
            form = {plain("delivery.head.when"): st.column_config.DatetimeColumn(format="D MMM, HH:mm:ss")}
            blocks.table(
                pd.DataFrame(rows),
                alt=plain("delivery.history_alt", moves=len(moves)),
                key="delivery.history",
                column_config=form,
            )
        if champion is not None and champion.version is not None and len(moves) > 1:
            st.button(
                t("delivery.rollback"),
                key="delivery.rollback",
                icon=":material/undo:",
                on_click=go_back,
                args=(champion.version,),
            )
    return champion
