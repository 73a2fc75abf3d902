"""The pipeline as a column of steps, top to bottom in the order they run; each is a button that opens the step.

name = step_list([Row("ingest", "ran", "ran", "0.15 s", "it has not run yet")], current="ingest", label="Steps")
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Row:
    """One step: its state (ran, reused, failed, skipped, todo), the word for it, a figure, why; `reads` names inputs.

    `plan` says what a run would do now, "" when nothing is planned.
    """

    name: str
    state: str
    word: str
    figure: str = ""
    why: str = ""
    reads: str = ""
    plan: str = ""


_LIST = st.components.v2.component(
    "mlops_step_list",
    html=(_HERE / "step_list.html").read_text(encoding="utf-8"),
    css=(_HERE / "step_list.css").read_text(encoding="utf-8"),
    js=(_HERE / "step_list.js").read_text(encoding="utf-8"),
)


def step_list(rows: Sequence[Row], *, current: str = "", label: str, key: str = "step_list") -> str | None:
    """Draw the steps and return the one that was just pressed, or None; a foreign answer is None."""
    data = {"label": label, "current": current, "steps": [asdict(row) for row in rows]}
    pressed = _LIST(key=key, data=data, on_open_change=_nothing).open
    return pressed if pressed in {row.name for row in rows} else None


def _nothing() -> None:
    """Present so that the trigger always exists on the result."""
