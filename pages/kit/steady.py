"""Long work that a second click or a switched page must not tear in two.

Streamlit ends a script at its next `st.` call when another run is wanted. Inside a piece of work that writes several things
in order, that would leave half of them: so what is told meanwhile is dropped, and the script ends when the work is whole.

    with steady() as say:
        loop.advance(on_entry=lambda entry: say(lambda: st.markdown(entry.text)))
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from streamlit.runtime.scriptrunner import RerunException, StopException

Say = Callable[[Callable[[], object]], None]


@contextmanager
def steady() -> Iterator[Say]:
    """`say(draw)` draws while nobody wants this script to end, and keeps quiet from then on."""
    wanted: list[RerunException | StopException] = []

    def say(draw: Callable[[], object]) -> None:
        if wanted:
            return
        try:
            draw()
        except (RerunException, StopException) as control:
            wanted.append(control)

    yield say
    if wanted:
        raise wanted[0]
