"""A bare workspace: enough for the frame and the blocks."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_core.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "workspace")
    made.mlops.mkdir(parents=True)
    made.git("init", "-q")
    return made
