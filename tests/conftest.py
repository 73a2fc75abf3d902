"""One home for the whole run: the prepared workspace is built once, every test gets a copy of its own.

`home`: that home. `fresh`-ness is cheap: `workspace_factory()` copies the prepared workspace, `trained_factory()` one in which
the pipeline has run and the first champion serves.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

os.environ["OMP_NUM_THREADS"] = "1"  # before scikit-learn loads OpenMP: idle threads of a busy machine spin

from mlops_core import project
from mlops_core.loop import Loop
from mlops_core.project import Home
from mlops_core.workspace import Workspace

settings.register_profile(
    "fixed", derandomize=True
)  # the same examples every time; HYPOTHESIS_PROFILE=default explores
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))

SHARED = "MLOPS_TEST_HOME"
Factory = Callable[[], Workspace]


def pytest_configure(config: pytest.Config) -> None:
    """The controller makes the home; xdist's workers inherit its name through the environment."""
    if SHARED not in os.environ:
        os.environ[SHARED] = tempfile.mkdtemp(prefix="mlops-tests-")
        config.add_cleanup(lambda: shutil.rmtree(os.environ.pop(SHARED), ignore_errors=True))
    os.environ["MLOPS_HOME"] = os.environ[SHARED]


@pytest.fixture(scope="session")
def home() -> Home:
    """The home of this run, with the prepared workspace in it."""
    found = Home(Path(os.environ[SHARED]))
    course = project.template("flights")
    found.prepared(course, course.source())
    return found


@pytest.fixture
def workspace_factory(home: Home, tmp_path: Path) -> Factory:
    """Makes new workspaces, as a new learner would get them."""
    made: list[Workspace] = []

    def make() -> Workspace:
        made.append(project.create(tmp_path / f"workspace{len(made)}", home=home))
        return made[-1]

    return make


@pytest.fixture
def trained_factory(home: Home, tmp_path: Path) -> Factory:
    """Makes workspaces in which the loop has begun: pipeline run, gates passed, version 1 serving since 1 April."""
    source = home.root / "trained"
    with FileLock(str(home.root / "trained.lock")):
        if not source.is_dir():
            shutil.rmtree(home.root / "trained.building", ignore_errors=True)
            building = project.create(home.root / "trained.building", home=home)
            story = Loop(building, home.year(project.template_of(building))).begin()
            assert story.of("loop.champion"), [entry.text for entry in story.entries]
            building.root.rename(source)
    made: list[Workspace] = []

    def make() -> Workspace:
        with FileLock(str(home.root / "trained.lock")):  # two workers may want a copy at once
            made.append(project.copy(Workspace(source), tmp_path / f"trained{len(made)}"))
        return made[-1]

    return make
