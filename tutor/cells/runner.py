"""The app's side of a cell: ask the zygote for a fork, read its pipes, stop it when it is over its time.

    runner.run(source, context) -> CellResult       # never raises for what the cell does

A later runner with real confinement keeps this signature.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from tutor.cells.protocol import (
    HEADER,
    CellContext,
    CellError,
    CellLimits,
    CellResult,
    Output,
    Status,
    pack,
    read_output,
    unpack,
)

_ZYGOTE = Path(__file__).with_name("zygote.py")
_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "SYSTEMROOT")


@dataclasses.dataclass(slots=True)
class _Streams:
    """What has been read from a running cell so far."""

    frames: bytearray = dataclasses.field(default_factory=bytearray)
    text: bytearray = dataclasses.field(default_factory=bytearray)
    over: bool = False


class CellRunner:
    """Owns the zygote; `run` may be called from many threads, of which `limits.running` run at once."""

    def __init__(self, limits: CellLimits | None = None) -> None:
        self.limits = limits or CellLimits()
        self._turn = threading.BoundedSemaphore(self.limits.running)
        self._control = threading.Lock()
        self._socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> CellRunner:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start the zygote unless it lives; it warms up on its own, a first run waits for it."""
        with self._control:
            self._start()

    def _start(self) -> socket.socket:
        if self._socket is not None and self._process is not None and self._process.poll() is None:
            return self._socket
        self._drop()
        ours, theirs = socket.socketpair()
        with theirs:
            folders = [str(Path(folder).resolve()) for folder in sys.path if folder and Path(folder).exists()]
            root = str(Path(__file__).resolve().parents[2])
            command = [sys.executable, "-I", str(_ZYGOTE), str(theirs.fileno()), root, *folders]
            self._process = subprocess.Popen(
                command,
                pass_fds=(theirs.fileno(),),
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=tempfile.gettempdir(),
                start_new_session=True,
            )
        self._socket = ours
        return ours

    def close(self) -> None:
        """End the zygote."""
        with self._control:
            self._drop()

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=10)
            self._process = None

    def run(self, source: str, context: CellContext) -> CellResult:
        """Run `source` once and return what came of it; waits for a free place up to the wall limit ("busy")."""
        if len(source.encode()) > self.limits.source_kb * 1024:
            return CellResult("error", error=CellError(f"The cell is longer than {self.limits.source_kb} KB."))
        if not self._turn.acquire(timeout=self.limits.wall_s):
            return CellResult("busy")
        try:
            with _scratch() as scratch:
                return self._run(source, context, scratch)
        finally:
            self._turn.release()

    def _run(self, source: str, context: CellContext, scratch: Path) -> CellResult:
        results, results_end = os.pipe()
        text, text_end = os.pipe()
        with contextlib.ExitStack() as stack:
            for descriptor in (results, text):
                stack.callback(os.close, descriptor)
            try:
                self._ask(source, context, scratch, (results_end, text_end))
            finally:
                os.close(results_end)
                os.close(text_end)
            begun = time.monotonic()
            streams = _Streams()
            self._follow(streams, results, text, begun + self.limits.wall_s)
            return self._finish(streams, time.monotonic() - begun)

    def _ask(self, source: str, context: CellContext, scratch: Path, ends: tuple[int, int]) -> None:
        request = pack(
            {
                "source": source,
                "root": str(context.workspace),
                "variables": dict(context.variables),
                "scratch": str(scratch),
                "limits": dataclasses.asdict(self.limits),
            }
        )
        with self._control:
            control = self._start()
            socket.send_fds(control, [request[: HEADER.size]], list(ends))
            control.sendall(request[HEADER.size :])

    def _follow(self, streams: _Streams, results: int, text: int, deadline: float) -> None:
        """Read both pipes until the result pipe ends, the last frame has come or time is up."""
        most = self.limits.outputs * self.limits.frame_mb * 1024 * 1024
        with selectors.DefaultSelector() as selector:
            selector.register(results, selectors.EVENT_READ)
            selector.register(text, selectors.EVENT_READ)
            while results in {key.fd for key in selector.get_map().values()}:
                left = deadline - time.monotonic()
                ready = selector.select(max(left, 0))
                if left <= 0 or len(streams.frames) > most:
                    streams.over = True
                    break
                for key, _events in ready:
                    piece = os.read(key.fd, 65536)
                    if not piece:
                        selector.unregister(key.fd)
                    elif key.fd == results:
                        streams.frames += piece
                    elif len(streams.text) <= self.limits.text_kb * 1024:
                        streams.text += piece
                if streams.frames.endswith(pack({"kind": "end"})):
                    break
        _drain(text, streams, self.limits)

    def _finish(self, streams: _Streams, seconds: float) -> CellResult:
        frames = list(unpack(bytes(streams.frames), self.limits.frame_mb * 1024 * 1024))
        if frames and frames[0].get("kind") == "pid":
            self._stop(frames[0].get("pid"))
        ended = any(frame.get("kind") == "end" for frame in frames)
        error = next((_error(frame) for frame in frames if frame.get("kind") == "error"), None)
        outputs = [read_output(frame, self.limits) for frame in frames]
        shown: tuple[Output, ...] = tuple(output for output in outputs if output is not None)[: self.limits.outputs]
        status: Status = "timeout" if streams.over else "killed" if not ended else "error" if error else "ok"
        most = self.limits.text_kb * 1024
        text = bytes(streams.text[:most]).decode("utf-8", "replace")
        return CellResult(status, text, len(streams.text) > most, shown, error, seconds)

    def _stop(self, pid: object) -> None:
        """Kill the cell's process group, then let the zygote collect it (until then its id cannot be another's)."""
        if not isinstance(pid, int) or pid <= 1:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        with self._control:
            if self._socket is not None:
                with contextlib.suppress(OSError):
                    self._socket.sendall(pack({"reap": pid}))


def _error(frame: dict[str, object]) -> CellError:
    line = frame.get("line")
    return CellError(str(frame.get("body", ""))[:20_000], line if isinstance(line, int) else 0)


def _drain(text: int, streams: _Streams, limits: CellLimits) -> None:
    """Take what is still in the text pipe without waiting for more."""
    os.set_blocking(text, False)
    with contextlib.suppress(BlockingIOError):
        while len(streams.text) <= limits.text_kb * 1024 and (piece := os.read(text, 65536)):
            streams.text += piece


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="mlops-cell-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _environment() -> dict[str, str]:
    """A small environment: nothing of the app's secrets, one thread a library."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {
        **kept,
        **dict.fromkeys(threads, "1"),
        "JOBLIB_MULTIPROCESSING": "0",
        "GIT_PYTHON_REFRESH": "quiet",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
