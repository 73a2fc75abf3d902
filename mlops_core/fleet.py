"""Fifty models: one pipeline mapped over many lanes, each with parameters of its own.

What no override touches runs once and is shared; each lane's outputs lie in `reports/<lane>/`. A lane that fails is a
record among the others and stops nobody.

    fleet.run(ws, {"EWR-UA": {"split.desk": "EWR-UA"}, "JFK-B6": {"split.desk": "JFK-B6"}})
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mlops_core import pipeline
from mlops_core.pipeline import Run
from mlops_core.workspace import Workspace

Overrides = Mapping[str, object]


def run(
    workspace: Workspace, lanes: Mapping[str, Overrides], *, on_run: Callable[[Run], object] | None = None
) -> tuple[Run, ...]:
    """One run a lane, in the order given; `on_run` is called after each.

    Raises Busy when another run holds the workspace, BadInput for a bad pipeline or parameter, BadName for a lane name
    that cannot be a folder.
    """
    done = []
    with workspace.lock():
        for lane, overrides in lanes.items():
            record = pipeline.run_locked(workspace, overrides=overrides, lane=lane)
            done.append(record)
            if on_run:
                on_run(record)
    return tuple(done)


def last(workspace: Workspace, lanes: Mapping[str, Overrides]) -> tuple[Run, ...]:
    """The newest run of every lane that has one, in the order given."""
    found = (pipeline.last_run(workspace, lane) for lane in lanes)
    return tuple(record for record in found if record is not None)
