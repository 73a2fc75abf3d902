"""What must be true before the app can start, checked with the standard library alone: the answer is a sentence.

    preflight.check_or_exit()      # in app.py, before anything else is imported

Parses on old Pythons on purpose: the first check is the version of the Python that reads this file.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OLDEST = (3, 11)
PACKAGES = ("streamlit", "plotly", "pandas", "sklearn", "mlflow", "pandera", "skops")


class Refusal(Exception):
    """One sentence that names the thing and the fix."""


def check_python(version: tuple[int, ...] = tuple(sys.version_info[:3])) -> None:
    """Refuse a Python older than the one the packages need."""
    if tuple(version[:2]) < OLDEST:
        have, want = ".".join(map(str, version)), ".".join(map(str, OLDEST))
        raise Refusal(f"This is Python {have}; Python {want} or newer is needed. Install it and run `make run` again.")


def check_packages(names: tuple[str, ...] = PACKAGES) -> None:
    """Refuse when an imported package is not installed."""
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if missing:
        raise Refusal(f"Not installed: {', '.join(missing)}. Run `pip install -r requirements.txt`, or `make run`.")


def check_git() -> None:
    """Refuse without Git: every data version is a commit."""
    if shutil.which("git") is None:
        raise Refusal("git is not installed or not on PATH. Install git and start again.")


def check_home() -> None:
    """Refuse an MLOPS_HOME in which nothing can be written."""
    named = os.environ.get("MLOPS_HOME", "")
    if not named:
        return
    try:
        folder = Path(named).expanduser()
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise Refusal(
            f"MLOPS_HOME is {named!r}, and nothing can be written there ({error.strerror}). "
            "Point it at a folder of yours, or unset it."
        ) from error


def check_data(folder: Path = ROOT / "data") -> None:
    """Refuse when a raw file of the course is missing or has not the size that `data/DIGESTS.json` names.

    Sizes only: the digests themselves are compared whenever a file is read.
    """
    index = folder / "DIGESTS.json"
    if not index.is_file():
        raise Refusal(f"data/{index.name} is missing. Restore the folder with `git checkout -- data`.")
    for name, facts in json.loads(index.read_text(encoding="utf-8")).items():
        path = folder / name
        if not path.is_file():
            raise Refusal(f"data/{name} is missing. Restore it with `git checkout -- data`.")
        if path.stat().st_size != facts["bytes"]:
            raise Refusal(
                f"data/{name} is damaged: it has {path.stat().st_size} bytes, not {facts['bytes']}. "
                "Restore it with `git checkout -- data`."
            )


def check_port(address: str, port: int) -> None:
    """Refuse a port on which somebody already listens."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.5)
        if probe.connect_ex((address.strip("[]"), port)) == 0:
            raise Refusal(
                f"Port {port} on {address} is in use. Stop what runs there, or choose another: "
                f"`STREAMLIT_SERVER_PORT={port + 1} make run`."
            )


def check_all() -> None:
    """Every check that needs no server setting, cheapest first."""
    check_python()
    check_packages()
    check_git()
    check_home()
    check_data()


def check_or_exit() -> None:
    """Run the checks; on a refusal print the sentence and end with exit code 2, without a traceback."""
    try:
        check_all()
    except Refusal as refusal:
        leave(str(refusal))


def leave(sentence: str) -> None:
    """Print one sentence on stderr and end the process at once.

    Streamlit's launcher logs a traceback for anything raised while the app is imported, so raising is not an option.
    """
    sys.stderr.write(f"\n{sentence}\n")
    sys.stderr.flush()
    os._exit(2)
