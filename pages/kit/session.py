"""Who is looking, in which language, on which workspace: every session key and every cache of the pages is named here.

    workspace = session.workspace()
    st.markdown(session.t("block.minutes", minutes=9))

In AppTest cookies are a mock that answers everything, so a test names its folder: `at.session_state[Key.TEST] = path`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import streamlit as st

from mlops_core.errors import MlopsError, NotFound
from mlops_core.workspace import Workspace
from pages.kit import text
from tutor.cells import CellRunner
from tutor.progress import Progress

if TYPE_CHECKING:
    import pandas as pd

COOKIE = "mlops_learner"
LEARNER = re.compile(r"^[0-9a-f]{32}$")
T = TypeVar("T")


class Key:
    """Names in `st.session_state`. A page's own values live in `session.lab(page)`."""

    TEST = "_test_workspace"
    ROOT = "_workspace_root"
    LANGUAGE = "_language"
    VISITED = "_visited"
    LAB = "lab"


def learner() -> str:
    """The learner's name, 32 hex digits from the cookie; NotFound when the browser sent none that could be one."""
    value = st.context.cookies.get(COOKIE)
    if isinstance(value, str) and LEARNER.match(value):
        return value
    raise NotFound(
        "This browser sent no learner cookie, so there is no folder to work in.",
        code="cookie.missing",
        fix="Allow cookies for this address and reload the page.",
    )


def workspace() -> Workspace:
    """This learner's workspace, made on the first visit and opened (and repaired) once a session."""
    state = st.session_state
    if Key.TEST in state:
        return Workspace(Path(state[Key.TEST]))
    if Key.ROOT not in state:
        from mlops_core.project import Home

        state[Key.ROOT] = str(Home.default().workspace(learner()).root)
    return Workspace(Path(state[Key.ROOT]))


def open_workspace() -> Workspace:
    """`workspace()` for the frame: says what takes time when the first workspace of this machine is being made."""
    if Key.TEST in st.session_state or Key.ROOT in st.session_state:
        return workspace()
    with st.spinner(t("app.preparing")):
        return workspace()


def visit(page: str) -> None:
    """Note the visit of a page once a session, however often it is drawn."""
    seen = st.session_state.setdefault(Key.VISITED, set())
    if page not in seen:
        seen.add(page)
        progress().visit(page)


def map_unfolded(page: str) -> bool:
    """Whether the loop map shows: everywhere but on the first page, and there from the first answer on."""
    if page != "start":
        return True
    store = progress()
    return bool(store.predictions()) or any(name != "start" for name in store.visited())


def forget_workspace() -> None:
    """Open the workspace anew at the next call, for instance after it was reset."""
    st.session_state.pop(Key.ROOT, None)


def progress() -> Progress:
    """The learner's answers."""
    return Progress(workspace().progress_db)


def lab(page: str) -> dict[str, Any]:
    """The values of a page that outlive a page switch (not a reload); clear it to reset the page's panels."""
    return cast("dict[str, Any]", st.session_state.setdefault(f"{Key.LAB}.{page}", {}))


def keep(name: str, key: str, compute: Callable[[], T]) -> T:
    """Compute once and share the result with every learner until 256 newer ones have pushed it out.

    Args:
        name: what it is, for instance `"drift.report"`.
        key: digest (or path and digest) of everything `compute` reads. A key that says too little shows old numbers.
        compute: makes a result that nobody changes afterwards.
    """
    return cast("T", _kept(name, key, compute))


def year() -> pd.DataFrame:
    """The feature table of the course's whole year, one copy for every learner; nobody changes it."""
    from mlops_core.project import Home, template_of

    course = template_of(workspace())
    home = Home.default()
    return keep("year", f"{home.root}:{course.name}:{course.digest(course.source())}", lambda: home.year(course))


@st.cache_resource(max_entries=256, show_spinner=False)
def _kept(name: str, key: str, _compute: Callable[[], object]) -> object:  # noqa: ARG001 (name and key are the address)
    return _compute()


@st.cache_resource(show_spinner=False, max_entries=1)
def cells() -> CellRunner:
    """The one runner of code cells of this server; its process warms up from the first call on."""
    runner = CellRunner()
    runner.start()
    return runner


def language() -> str:
    """Language of the screen: `?lang=de`, else MLOPS_LANG, else English. A link's choice stays for the session."""
    known = text.languages()
    asked = st.query_params.get("lang")
    if asked in known:
        st.session_state[Key.LANGUAGE] = asked
    chosen = st.session_state.get(Key.LANGUAGE, os.environ.get("MLOPS_LANG", text.FIRST))
    return str(chosen) if chosen in known else text.FIRST


def t(key: str, **values: object) -> str:
    """The words of `key` as Markdown. Values that are text are shown literally, numbers take the catalogue's format."""
    shown = {name: text.literal(value) if isinstance(value, str) else value for name, value in values.items()}
    return text.words(key, language(), **shown)


def plain(key: str, **values: object) -> str:
    """The words of `key` for places that know no Markdown: alternative text, chart labels, file names."""
    return text.words(key, language(), **values)


def has_text(key: str) -> bool:
    """Whether the catalogue knows `key`."""
    return text.has(key, language())


def say_error(error: MlopsError) -> str:
    """An error in the learner's language where `error.<code>` is in the catalogue, else its own sentence."""
    key = f"error.{error.code}"
    return t(key, **error.values) if has_text(key) else text.literal(str(error))


def dark() -> bool:
    """Whether the browser shows the dark theme (Plotly colours do not follow by themselves)."""
    return st.context.theme.type == "dark"
