"""Wait for a page, look at it with axe, start a server: what browser tests share."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parents[2]
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_QUIET = "[data-testid=stApp][data-test-script-state=notRunning]"


def chromium() -> str | None:
    """A Chromium on this machine, or None."""
    named = os.environ.get("CHROMIUM")
    return named or next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
    )


@dataclass(frozen=True, slots=True)
class Server:
    """A running app."""

    url: str
    home: Path
    log: Path
    process: subprocess.Popen[bytes]


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serving(folder: Path, **environment: str) -> Iterator[Server]:
    """`streamlit run app.py` on a free port with a home of its own; ends with its whole group."""
    port, home, log = free_port(), folder / "home", folder / "server.log"
    home.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        "app.py",
        "--server.port",
        str(port),
        "--server.headless",
        "true",
    ]
    variables = {**os.environ, "MLOPS_HOME": str(home), "PYTHONWARNINGS": "default", **environment}
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, env=variables, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(url, process, log)
            yield Server(url, home, log, process)
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(timeout=15)


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path, seconds: float = 60.0) -> None:
    """Until the server answers; an AssertionError with its log when it ends or does not."""
    pause = Event()
    for _ in range(int(seconds / 0.1)):
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(urllib.error.URLError, ConnectionError), urllib.request.urlopen(f"{url}/api/health"):
            return
        pause.wait(0.1)
    raise AssertionError(f"no answer in {seconds} s\n{log.read_text()}")


def settle(page: Page, timeout: float = 60_000) -> None:
    """Until the script has ended, nothing is stale and two frames in a row look the same to the layout."""
    page.wait_for_selector(_QUIET, timeout=timeout)
    page.wait_for_function("() => !document.querySelector('[data-stale=true]')", timeout=timeout)
    page.wait_for_function(
        """() => new Promise(done => { const before = document.body.scrollHeight;
             requestAnimationFrame(() => requestAnimationFrame(() => done(before === document.body.scrollHeight))); })""",
        timeout=timeout,
    )
    page.wait_for_selector(_QUIET, timeout=timeout)


def opened(page: Page, name: str) -> None:
    """Until the page `name` shows its question."""
    from pages.kit.text import words

    page.get_by_role("heading", level=1, name=words(f"page.{name}.question")).wait_for(timeout=60_000)
    settle(page)


def axe(page: Page, *, impacts: tuple[str, ...] = ("serious", "critical")) -> list[str]:
    """Findings of axe-core of these impacts, one line each."""
    page.evaluate(AXE.read_text())
    found: dict[str, Any] = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        if violation["impact"] in impacts
        for node in violation["nodes"]
    ]
