"""Workspaces of page tests: `workspace` as a new learner gets it, `bare` with nothing in it (enough for the blocks)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mlops_core.workspace import Workspace


@pytest.fixture
def workspace(workspace_factory: Callable[[], Workspace]) -> Workspace:
    return workspace_factory()


@pytest.fixture
def bare(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "bare")
    made.mlops.mkdir(parents=True)
    made.git("init", "-q")
    return made
