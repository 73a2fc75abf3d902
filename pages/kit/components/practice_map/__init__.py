"""The lesson's map: sixteen practices in four rows, each lit or not, each a button to the place where it is real.

page = practice_map(rows, label="Sixteen practices")       # the page of the cell that was pressed, else None
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Practice:
    """One cell: its code and page, its words, whether there is evidence, and the number that shows it."""

    code: str
    page: str
    title: str
    lit: bool
    word: str
    figure: str = ""


@dataclass(frozen=True, slots=True)
class PracticeRow:
    """One row of the map."""

    title: str
    cells: tuple[Practice, ...]


_MAP = st.components.v2.component(
    "mlops_practice_map",
    html=(_HERE / "practice_map.html").read_text(encoding="utf-8"),
    css=(_HERE / "practice_map.css").read_text(encoding="utf-8"),
    js=(_HERE / "practice_map.js").read_text(encoding="utf-8"),
)


def practice_map(rows: Sequence[PracticeRow], *, label: str, key: str = "practice_map") -> str | None:
    """Draw the map and return the page of the cell that was just pressed, or None; a foreign answer is None."""
    data = {"label": label, "rows": [asdict(row) for row in rows]}
    pressed = _MAP(key=key, data=data, on_go_change=_nothing).go
    known = {cell.page for row in rows for cell in row.cells}
    return pressed if pressed in known else None


def _nothing() -> None:
    """Present so that the trigger always exists on the result."""
