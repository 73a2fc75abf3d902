"""What `doctor` looks at: the machine, the settings in force, the workspace."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mlops_core.commands.base import DAMAGED, NEGATIVE
from mlops_core.errors import Damaged, MlopsError, NotFound
from mlops_core.project import Home, template
from mlops_core.workspace import Workspace, find_workspace

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: what was found and, if it is not right, how to put it right."""

    name: str
    ok: bool
    found: str
    fix: str = ""
    exit: int = NEGATIVE


def examine(folder: str | None, *, relocate: bool, collect: bool) -> list[Check]:
    """Every check of the machine and the settings, and of the workspace if there is one."""
    found = [*_machine(), *_settings(collect)]
    try:
        workspace = find_workspace(Path(folder) if folder else Path.cwd())
    except NotFound:
        return [*found, Check("workspace", folder is None, "none here", "Run `init`.")]
    return [*found, *_workspace(workspace, relocate)]


def _program(name: str, *argument: str) -> str:
    path = shutil.which(name)
    if path is None:
        return ""
    done = subprocess.run([path, *argument], capture_output=True, text=True, check=False, timeout=20)
    return (done.stdout or done.stderr).strip().split("\n")[0]


def _machine() -> Iterator[Check]:
    version = platform.python_version()
    yield Check("python", sys.version_info >= (3, 11), version, "Install Python 3.11 or newer.")
    git = _program("git", "--version")
    yield Check("git", bool(git), git or "not found", "Install git.")
    browser = next((name for name in CHROMIUM if shutil.which(name)), "")
    yield Check("chromium", True, browser or "not found (only the browser tests need it)")
    yield Check("node", True, _program("node", "--version") or "not found (only the CI checkers need it)")
    yield Check("cores", True, str(os.cpu_count()))


def _settings(collect: bool) -> Iterator[Check]:
    home = Home.default()
    try:
        home.check()
        yield Check("home", True, f"{home.root}: {len(home.learners())} workspaces")
    except MlopsError as error:
        yield Check("home", False, error.message, error.fix)
        return
    if collect:
        cleaned = home.clean()
        yield Check(
            "clean-up", True, f"{len(cleaned.removed)} removed, {cleaned.bytes:,} bytes freed, {cleaned.kept} kept"
        )
    try:
        yield Check("data", True, str(template("flights").source()))
    except MlopsError as error:
        yield Check("data", False, error.message, error.fix)
    yield Check("code cells", True, os.environ.get("MLOPS_CELLS", "basic"))


def _workspace(workspace: Workspace, relocate: bool) -> Iterator[Check]:
    from mlops_core import registry, tracking, versions

    if relocate:
        tracking.relocate(workspace)
    yield Check("workspace", True, str(workspace.root))
    try:
        whole = versions.verify(workspace)
        yield Check("data versions", True, f"{len(whole)} verified")
        champion = registry.champion(workspace)
        if champion is not None:
            registry.load(workspace, "champion")
        yield Check("champion", True, f"version {champion.version}, verified" if champion else "none yet")
    except Damaged as error:
        yield Check("integrity", False, error.message, error.fix, DAMAGED)
