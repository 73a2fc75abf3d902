"""The code cell of a page: source, Run, Reset, and what came of it. Where cells are off the page says why."""

from __future__ import annotations

import os

import streamlit as st

from pages.kit import charts
from pages.kit.blocks.sights import note
from pages.kit.session import cells, dark, lab, progress, t, workspace
from tutor.cells import CellContext, CellResult, Level, Output, level

_CONSENT = "cells.allowed"


def cell_level() -> Level:
    """How far cells are trusted on this server."""
    return level(str(st.get_option("server.address") or ""), os.environ.get("MLOPS_CELLS", ""))


def code_cell(
    page: str, source: str, *, key: str = "cell", variables: dict[str, object] | None = None
) -> CellResult | None:
    """A Python cell that starts with `source`; returns the last result of this session, None before the first run.

    Args:
        page: page it stands on.
        source: the worked example; it really runs.
        key: tells several cells of a page apart.
        variables: JSON values the cell finds as variables, beside `workspace` and `show(x)`.
    """
    st.subheader(t("cell.title"), anchor=False)
    now = cell_level()
    if now.name == "off":
        st.code(source, language="python", wrap_lines=True)
        note(t(f"cell.{now.reason}"))
        return None
    if not progress().note(_CONSENT):
        st.code(source, language="python", wrap_lines=True)
        st.markdown(t("cell.consent"))
        st.button(t("cell.allow"), key=f"{page}.{key}.allow", on_click=_allow)
        return None
    _cell(page, source, key, variables or {})
    result = lab(page).get(f"{key}.result")
    return result if isinstance(result, CellResult) else None


def _allow() -> None:
    progress().note(_CONSENT, "yes")


@st.fragment
def _cell(page: str, source: str, key: str, variables: dict[str, object]) -> None:
    field, kept, limits = f"{page}.{key}.source", f"{key}.result", cells().limits
    st.session_state.setdefault(field, source)

    def reset() -> None:
        st.session_state[field] = source
        lab(page).pop(kept, None)

    height = 40 + 24 * max(5, min(22, str(st.session_state[field]).count("\n") + 2))
    typed = st.text_area(
        t("cell.label"), key=field, height=height, label_visibility="collapsed", persist_state="session"
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        run = st.button(t("cell.run"), type="primary", icon=":material/play_arrow:", key=f"{page}.{key}.run")
        st.button(t("cell.reset"), icon=":material/restart_alt:", on_click=reset, key=f"{page}.{key}.reset")
    if run:
        with st.spinner(t("cell.run")):
            lab(page)[kept] = cells().run(typed or "", CellContext(workspace().root, variables))
    result = lab(page).get(kept)
    if isinstance(result, CellResult):
        _show(result, f"{page}.{key}")
    note(t("cell.help", cpu=limits.cpu_s, memory=limits.memory_mb))


def _show(result: CellResult, key: str) -> None:
    limits = cells().limits
    if result.text:
        st.code(result.text, language=None, wrap_lines=True)
    if result.truncated:
        note(t("cell.truncated", limit=limits.text_kb))
    for number, output in enumerate(result.outputs):
        _show_output(output, f"{key}.output.{number}")
    if result.error is not None:
        st.error(t("cell.error", line=result.error.line) if result.error.line else t("cell.error_plain"))
        st.code(result.error.text, language=None, wrap_lines=True)
    if result.status == "timeout":
        st.warning(t("cell.timeout", seconds=limits.wall_s))
    if result.status == "killed":
        st.warning(t("cell.killed", cpu=limits.cpu_s, memory=limits.memory_mb))
    if result.status == "busy":
        st.warning(t("cell.queued"))
    if result.status == "ok" and not result.text and not result.outputs:
        note(t("cell.silent"))
    note(t("cell.ran", seconds=result.seconds))


def _show_output(output: Output, key: str) -> None:
    if output.kind == "figure":
        picture = charts.from_json(output.text, charts.Look(dark()))
        if picture is None:
            note(t("cell.no_figure"))
            return
        st.plotly_chart(picture, theme=None, config=charts.CONFIG, key=key, alt=t("cell.figure"))
    elif output.table is not None:
        import pandas as pd

        shown = pd.DataFrame(list(output.table.rows), columns=_distinct(output.table.columns))
        st.dataframe(shown, hide_index=True, alt=t("cell.table"), key=key)
        if output.table.total > len(shown):
            note(t("cell.rows", shown=len(shown), total=output.table.total))
    else:
        st.code(output.text, language=None, wrap_lines=True)


def _distinct(names: tuple[str, ...]) -> list[str]:
    """Column names made different, because a table on screen needs that."""
    seen: dict[str, int] = {}
    tidy = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        tidy.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return tidy
