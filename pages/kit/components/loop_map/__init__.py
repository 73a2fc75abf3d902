"""The loop map: the life of the model as a ring of buttons, each with its live state, on top of every page.

Five stages stand in a row; the sixth, the loop page, sits on the arc that leads from the last back to the first.

    go = loop_map(stages, current="pipelines")       # the page that was clicked, else None
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import streamlit as st

State = Literal["todo", "done", "attention"]
RING = ("pipelines", "experiments", "delivery", "monitoring", "versions", "loop")
_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage as the map shows it: its page, its title, how it stands, the word for that and its live figure."""

    page: str
    title: str
    state: State
    word: str
    figure: str = ""


_MAP = st.components.v2.component(
    "mlops_loop_map",
    html=(_HERE / "loop_map.html").read_text(encoding="utf-8"),
    css=(_HERE / "loop_map.css").read_text(encoding="utf-8"),
    js=(_HERE / "loop_map.js").read_text(encoding="utf-8"),
)


def loop_map(stages: Sequence[Stage], current: str, *, label: str = "Loop map", key: str = "loop_map") -> str | None:
    """Draw the map and return the page whose button was just pressed, or None.

    Args:
        stages: exactly the six pages of RING, in that order.
        current: page that is open; "start" marks none.
        label: name of the navigation for screen readers.
    """
    if tuple(stage.page for stage in stages) != RING:
        raise ValueError(f"the map needs the stages {RING} in this order, not {[stage.page for stage in stages]}")
    data = {
        "label": label,
        "current": current,
        "stages": [
            {"page": s.page, "title": s.title, "state": s.state, "word": s.word, "figure": s.figure} for s in stages
        ],
    }
    pressed = _MAP(key=key, data=data, on_go_change=_nothing).go
    return pressed if pressed in RING else None


def _nothing() -> None:
    """Present so that the trigger always exists on the result."""
