"""Before the start: each thing that is missing is one sentence and its fix, and the launcher ends without a traceback."""

from __future__ import annotations

import ast
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pages.kit import preflight

ROOT = Path(__file__).resolve().parents[2]


def test_this_machine_passes() -> None:
    preflight.check_all()


def test_old_python() -> None:
    with pytest.raises(preflight.Refusal, match=r"Python 3\.9\.1; Python 3\.11 or newer"):
        preflight.check_python((3, 9, 1))


@pytest.mark.parametrize("name", ["app.py", "pages/kit/preflight.py"])
def test_an_old_python_can_read_what_refuses_it(name: str) -> None:
    ast.parse((ROOT / name).read_text(), feature_version=(3, 7))


def test_missing_package() -> None:
    with pytest.raises(preflight.Refusal, match="Not installed: no_such_package"):
        preflight.check_packages(("sys", "no_such_package"))


def test_no_git(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(preflight.Refusal, match="git is not installed"):
        preflight.check_git()


def test_unwritable_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MLOPS_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(preflight.Refusal, match="nothing can be written there"):
        preflight.check_home()


def test_data_missing_then_damaged(tmp_path: Path) -> None:
    with pytest.raises(preflight.Refusal, match=r"data/DIGESTS\.json is missing"):
        preflight.check_data(tmp_path)
    name = "planes.csv.gz"
    (tmp_path / "DIGESTS.json").write_text(json.dumps({name: {"bytes": 4}}))
    with pytest.raises(preflight.Refusal, match=rf"data/{name} is missing"):
        preflight.check_data(tmp_path)
    (tmp_path / name).write_bytes(b"bad")
    with pytest.raises(preflight.Refusal, match=rf"data/{name} is damaged: it has 3 bytes, not 4"):
        preflight.check_data(tmp_path)
    (tmp_path / name).write_bytes(b"good")
    preflight.check_data(tmp_path)


def test_port_in_use() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        preflight.check_port("127.0.0.1", port)
        taken.listen()
        with pytest.raises(preflight.Refusal, match=f"Port {port} on 127.0.0.1 is in use"):
            preflight.check_port("127.0.0.1", port)


@pytest.mark.slow
def test_the_launcher_ends_with_the_sentence_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = subprocess.run(
        [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", "0"],
        cwd=ROOT,
        env={**os.environ, "MLOPS_HOME": str(tmp_path / "file" / "home")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    assert "nothing can be written there" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
