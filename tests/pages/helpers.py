"""Open a page in AppTest on a workspace of the test's own (cookies are a mock there that answers everything)."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

from pages.kit.session import Key

ROOT = Path(__file__).resolve().parents[2]
FRAME = ROOT / "pages" / "frame.py"


def open_page(page: str, workspace: Path, *, theme: str = "light", **state: object) -> AppTest:
    """The page after its first run inside the frame; `state` is set in the session before."""
    at = AppTest.from_file(str(FRAME), default_timeout=60)
    at.session_state[Key.TEST] = str(workspace)
    at.context = {"theme": theme}
    for name, value in state.items():
        at.session_state[name] = value
    at.run()
    return at if page == "start" else at.switch_page(f"{page}.py").run()


def script(source: str, workspace: Path) -> AppTest:
    """A few lines that use the kit, as a page of their own."""
    at = AppTest.from_string(source, default_timeout=60)
    at.session_state[Key.TEST] = str(workspace)
    return at.run()
