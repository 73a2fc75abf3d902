"""Exporters are found, not listed: any installed package may offer one under the entry point group `mlops_core.exporters`.

An exporter is a function `(Workspace) -> Mapping[str, str]`: relative file names and their text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import PurePosixPath

from mlops_core.errors import BadName, NotFound
from mlops_core.workspace import Workspace, write_atomic

GROUP = "mlops_core.exporters"
Exporter = Callable[[Workspace], Mapping[str, str]]


def exporters() -> dict[str, EntryPoint]:
    """Every exporter that is installed, by name; none is imported."""
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def write(workspace: Workspace, name: str) -> tuple[str, ...]:
    """Write an exporter's files into the workspace and return their names; NotFound names the exporters there are."""
    found = exporters()
    if name not in found:
        there = ", ".join(sorted(found)) or "none (install the project with pip install -e .)"
        raise NotFound(f"no exporter {name!r}.", code="export.unknown", fix=f"There are {there}.", name=name)
    export: Exporter = found[name].load()
    files = export(workspace)
    for path in files:
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            raise BadName(f"exporter {name} wants to write {path!r}.", code="export.path", fix="Stay in the workspace.")
    for path, text in files.items():
        write_atomic(workspace.root / path, text.encode())
    return tuple(files)
