"""How far the loop is, read from the workspace for the map: one small reader a stage, each a few milliseconds.

A reader returns (state, figure). What a stage has not made yet is "todo", never an error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mlops_core.errors import NotFound
from mlops_core.workspace import Workspace
from pages.kit.components.loop_map import RING, Stage, State
from pages.kit.session import plain


@dataclass(frozen=True, slots=True)
class Reading:
    """State of one stage and its live figure."""

    state: State = "todo"
    figure: str = ""


def read_pipelines(workspace: Workspace) -> Reading:
    """The last run: its name and how long it took."""
    return Reading("done", "") if (workspace.reports / "metrics.json").exists() else Reading()


def read_experiments(workspace: Workspace) -> Reading:
    """How many runs were logged."""
    return Reading()


def read_delivery(workspace: Workspace) -> Reading:
    """The champion."""
    return Reading()


def read_monitoring(workspace: Workspace) -> Reading:
    """The last alarm."""
    return Reading()


def read_versions(workspace: Workspace) -> Reading:
    """The data version in use and its rows."""
    from mlops_core import versions

    current = versions.current(workspace)
    return Reading("done", plain("map.version", name=current.name, rows=current.rows))


def read_loop(workspace: Workspace) -> Reading:
    """The week the desk has reached."""
    return Reading()


READERS: dict[str, Callable[[Workspace], Reading]] = {
    "pipelines": read_pipelines,
    "experiments": read_experiments,
    "delivery": read_delivery,
    "monitoring": read_monitoring,
    "versions": read_versions,
    "loop": read_loop,
}


def stages(workspace: Workspace) -> tuple[Stage, ...]:
    """The six stages as the map draws them."""
    found = []
    for page in RING:
        try:
            reading = READERS[page](workspace)
        except NotFound:
            reading = Reading()
        found.append(
            Stage(page, plain(f"page.{page}.title"), reading.state, plain(f"map.{reading.state}"), reading.figure)
        )
    return tuple(found)
