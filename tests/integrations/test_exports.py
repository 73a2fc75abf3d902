"""What the exporters write, read by somebody else: YAML schemas, the running environment, the commands themselves."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from mlops_core import exporting
from mlops_core.errors import NotFound
from tests.conftest import Factory


def test_every_exporter_writes_inside_the_workspace(workspace_factory: Factory) -> None:
    ws = workspace_factory()
    for name in exporting.exporters():
        for path in exporting.write(ws, name):
            assert (ws.root / path).is_file()
            assert (ws.root / path).resolve().is_relative_to(ws.root)
    with pytest.raises(NotFound, match="There are conda, docker, github"):
        exporting.write(ws, "airflow")


def test_conda_names_what_is_installed(workspace_factory: Factory) -> None:
    ws = workspace_factory()
    exporting.write(ws, "conda")
    content = yaml.safe_load((ws.root / "conda.yaml").read_text())
    pins = dict(line.split("==") for line in content["dependencies"][-1]["pip"])
    assert pins == {name: version(name) for name in ("numpy", "pandas", "scikit-learn", "scipy")}


def test_the_workflows_commands_run_in_a_clean_clone(trained_factory: Factory, tmp_path: Path) -> None:
    """The `run:` lines, one after the other, in a copy of the workspace: same verdicts as in the lab."""
    ws = trained_factory()
    exporting.write(ws, "github")
    content = yaml.safe_load((ws.root / ".github/workflows/ci.yml").read_text())
    assert content["on"]["push"]["branches"] == ["main"]
    lines = [step["run"] for step in content["jobs"]["gates"]["steps"] if "run" in step]
    codes = []
    for line in lines[1:]:
        words = shlex.split(line)
        assert words[0] == "python"
        done = subprocess.run(
            [sys.executable, *words[1:]], cwd=ws.root, env={**os.environ}, capture_output=True, text=True
        )
        codes.append(done.returncode)
    assert codes == [0, 0, 3]  # the champion against itself: inconclusive
    assert "::error title=cheaper than the champion::inconclusive" in done.stdout


def test_the_dockerfile_pins_and_runs_without_root(workspace_factory: Factory) -> None:
    ws = workspace_factory()
    exporting.write(ws, "docker")
    text = (ws.root / "Dockerfile").read_text()
    assert f"scikit-learn=={version('scikit-learn')}" in text
    assert text.index("USER desk") < text.index("CMD")
