"""How far the loop is, read from the workspace for the map: one small reader a stage, each a few milliseconds.

A reader returns (state, figure). What a stage has not made yet is "todo", never an error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mlops_core.digest import short
from mlops_core.errors import MlopsError, NotFound
from mlops_core.workspace import Workspace
from pages.kit.components.loop_map import RING, Stage, State
from pages.kit.session import plain


@dataclass(frozen=True, slots=True)
class Reading:
    """State of one stage and its live figure."""

    state: State = "todo"
    figure: str = ""


def read_pipelines(workspace: Workspace) -> Reading:
    """The last run: how many steps really ran, or which one failed."""
    from mlops_core import pipeline

    run = pipeline.last_run(workspace)
    if run is None:
        return Reading()
    if run.failed is not None:
        return Reading("attention", plain("map.step_failed", step=run.failed.step))
    return Reading("done", plain("map.run", ran=len(run.changed), steps=len(run.steps)))


def read_experiments(workspace: Workspace) -> Reading:
    """How many trials ended well, and the best AUC among them."""
    from mlops_core import tracking

    ended = [trial for trial in tracking.trials(workspace) if trial.status == "FINISHED"]
    if not ended:
        return Reading()
    best = max((trial.metrics.get("auc", float("nan")) for trial in ended), key=lambda auc: -1.0 if auc != auc else auc)
    return Reading("done", plain("map.trials", trials=len(ended), auc=best))


def read_delivery(workspace: Workspace) -> Reading:
    """Who is champion; a registered model without a champion wants a decision."""
    from mlops_core import registry

    champion = registry.champion(workspace)
    if champion is not None:
        return Reading("done", plain("map.champion", version=champion.version, digest=short(champion.digest)))
    waiting = len(registry.versions(workspace))
    return Reading("attention", plain("map.waiting", versions=waiting)) if waiting else Reading()


def read_monitoring(workspace: Workspace) -> Reading:
    """The ledger's `alarm` events that no later `alarm_closed` answers; `watched` events say that somebody looked."""
    alarms, closed = _events(workspace, "alarm"), _events(workspace, "alarm_closed")
    if alarms > closed:
        return Reading("attention", plain("map.alarms", alarms=alarms - closed))
    return Reading("done", plain("map.quiet")) if alarms + _events(workspace, "watched") else Reading()


def read_versions(workspace: Workspace) -> Reading:
    """The data version in use and its rows."""
    from mlops_core import versions

    current = versions.current(workspace)
    return Reading("done", plain("map.version", name=current.name, rows=current.rows))


def read_loop(workspace: Workspace) -> Reading:
    """How many weeks of the year the loop has lived."""
    from mlops_core.ledger import Ledger

    told = Ledger(workspace).events("loop") if workspace.ledger_db.exists() else ()
    weeks = sum(event.detail.get("code") == "loop.week" for event in told)
    return Reading("done", plain("map.weeks", weeks=weeks)) if weeks else Reading()


def _events(workspace: Workspace, kind: str) -> int:
    from mlops_core.ledger import Ledger

    return len(Ledger(workspace).events(kind)) if workspace.ledger_db.exists() else 0


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
        except MlopsError:  # its own page says what is wrong; the map must not take the other pages down
            reading = Reading("attention")
        found.append(
            Stage(page, plain(f"page.{page}.title"), reading.state, plain(f"map.{reading.state}"), reading.figure)
        )
    return tuple(found)
