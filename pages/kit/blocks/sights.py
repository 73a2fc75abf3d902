"""Sights without memory: heads, chips, figures with their table twin, code that ran, empty states, ways on."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mlops_core.errors import MlopsError
from pages.kit import charts
from pages.kit.places import after
from pages.kit.session import lab, plain, say_error, t

Provenance = Literal["real", "model", "simulated", "injected"]
Colour = Literal["red", "orange", "green", "blue", "violet", "gray"]

_PROVENANCE: dict[str, tuple[str, Colour]] = {
    "real": ("database", "gray"),
    "model": ("casino", "violet"),
    "simulated": ("smart_toy", "orange"),
    "injected": ("bug_report", "red"),
}
_VERDICTS: dict[str, tuple[str, Colour]] = {
    "pass": ("check_circle", "green"),
    "ran": ("play_circle", "blue"),
    "reused": ("cached", "gray"),
    "right": ("check_circle", "green"),
    "stable": ("check_circle", "green"),
    "fail": ("cancel", "red"),
    "failed": ("cancel", "red"),
    "drifted": ("trending_up", "orange"),
    "wrong": ("change_circle", "orange"),
    "crashed": ("error", "red"),
    "inconclusive": ("help", "orange"),
    "skipped": ("do_not_disturb_on", "gray"),
    "not_attempted": ("radio_button_unchecked", "gray"),
}


def note(text: str) -> None:
    """One paragraph of small, quiet text. Streamlit's own caption is too pale to read on this paper (4.3 : 1)."""
    st.markdown(f":small[:gray[{text}]]")


def section_head(page: str) -> None:
    """Name and minutes, the page's question as its one h1, two sentences of story: `page.<page>.*` of the catalogue."""
    name, minutes = t(f"page.{page}.title"), t("block.minutes", minutes=t(f"page.{page}.minutes"))
    with st.container(width=680, gap="xsmall"):
        note(f"{name} · {minutes}")
        st.title(t(f"page.{page}.question"), anchor=False)
        st.markdown(t(f"page.{page}.lead"))
    st.space("small")


def two_columns() -> tuple[DeltaGenerator, DeltaGenerator]:
    """Text on 5 of 12, instrument on 7 of 12; below each other on a phone."""
    left, right = st.columns([5, 7], gap="large")
    return left, right


def chip(provenance: Provenance) -> None:
    """Where a figure comes from: real rows, model world, simulated, injected."""
    icon, colour = _PROVENANCE[provenance]
    st.badge(t(f"chip.{provenance}"), icon=f":material/{icon}:", color=colour, help=t(f"chip.{provenance}_help"))


def verdict(outcome: str, text: str = "") -> None:
    """A verdict as icon, word and colour; `outcome` is one of the words under `verdict.` of the catalogue."""
    icon, colour = _VERDICTS[outcome]
    st.badge(text or t(f"verdict.{outcome}"), icon=f":material/{icon}:", color=colour)


def badge(outcome: str, text: str = "") -> str:
    """The same verdict as Markdown, for use inside a sentence or a table cell that knows Markdown."""
    icon, colour = _VERDICTS[outcome]
    return f":{colour}-badge[:material/{icon}: {text or t(f'verdict.{outcome}')}]"


@dataclass(frozen=True, slots=True)
class Metric:
    """One number: what it is, the number as it is shown, what it means in a few words, a course of earlier values."""

    label: str
    value: str
    meaning: str = ""
    delta: str | None = None
    better: Literal["up", "down", "neither"] = "neither"
    course: Sequence[float] = ()


def metrics(row: Sequence[Metric]) -> None:
    """Numbers side by side, each with its meaning below; they wrap on a phone."""
    shade: dict[str, Literal["normal", "inverse", "off"]] = {"up": "normal", "down": "inverse", "neither": "off"}
    with st.container(horizontal=True, gap="medium"):
        for one in row:
            with st.container(width=200, gap=None):
                st.metric(
                    one.label,
                    one.value,
                    one.delta,
                    delta_color=shade[one.better],
                    chart_data=list(one.course) or None,
                )
                if one.meaning:
                    note(one.meaning)


def figure(
    picture: Any,
    *,
    alt: str,
    table: Any = None,
    key: str,
    provenance: Provenance | None = None,
    caption: str = "",
) -> None:
    """A Plotly figure (already in the house look) with alternative text, its chip and its table twin.

    Args:
        picture: from `charts` or `charts_<page>`.
        alt: what a listener needs to know, the number first; plain text.
        table: the same numbers as a DataFrame; every chart has one.
        key: unique on the page, so that the chart updates in place.
        provenance: where the numbers come from.
        caption: one line above the picture.
    """
    if caption or provenance:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if caption:
                st.markdown(f"**{caption}**", width="content")
            if provenance:
                chip(provenance)
    st.plotly_chart(picture, theme=None, config=charts.CONFIG, key=key, alt=alt)
    if table is not None:
        with st.expander(t("block.table"), key=f"{key}-table"):
            st.dataframe(table, hide_index=_plain_index(table), alt=alt, height="content" if len(table) <= 15 else 420)


def table(frame: Any, *, alt: str, key: str, **settings: Any) -> None:
    """A table with alternative text; `settings` go to `st.dataframe` (for instance `column_config`)."""
    st.dataframe(frame, hide_index=_plain_index(frame), alt=alt, key=key, **settings)


def _plain_index(frame: Any) -> bool:
    return type(getattr(frame, "index", None)).__name__ == "RangeIndex"


def code_that_ran(*what: Callable[..., Any] | str, title: str = "") -> None:
    """The source of the functions that made what is on the screen, read from the running program, never a copy."""
    with st.expander(title or t("block.code_ran"), icon=":material/code:"):
        for piece in what:
            source = piece if isinstance(piece, str) else textwrap.dedent(inspect.getsource(inspect.unwrap(piece)))
            st.code(source, language="python")


def empty_state(text: str, label: str, action: Callable[[], object], *, key: str, doing: str = "") -> None:
    """What is missing, and one button that makes it; the page is then drawn anew. An error becomes a sentence."""
    with st.container(border=True, key=key):
        st.markdown(text)
        if st.button(label, type="primary", key=f"{key}.make"):
            try:
                with st.spinner(doing or label):
                    action()
            except MlopsError as error:
                problem(error)
            else:
                st.rerun()


def problem(error: MlopsError) -> None:
    """An error as one sentence with its fix."""
    st.error(say_error(error), icon=":material/report:")


def further(text: str = "") -> DeltaGenerator:
    """The closed drawer "Go further" at the end of a page; use it with `with`."""
    return st.expander(text or t("block.further"), icon=":material/explore:")


def reset_panel(page: str, *keys: str) -> None:
    """A button that forgets the values of this page's panels (not the answers, not the workspace)."""

    def forget() -> None:
        lab(page).clear()
        for key in keys:
            st.session_state.pop(key, None)

    st.button(
        t("block.reset_panel"), type="tertiary", icon=":material/restart_alt:", on_click=forget, key=f"{page}.reset"
    )


def next_stage(page: str) -> None:
    """The way on to the next page."""
    place = after(page)
    st.space("medium")
    title = plain(f"page.{place.name}.title")
    st.page_link(place.file, label=t("block.next", title=title), icon=":material/arrow_forward:", icon_position="right")
