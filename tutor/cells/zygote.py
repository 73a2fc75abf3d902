"""The pre-warmed process of the cells: imports the heavy packages once, then forks itself for every run.

Started by the runner as a fresh interpreter (`python -I zygote.py <descriptor> <path> ...`), apart from the app's memory.
Each request is a frame with two descriptors (results, text); `{"reap": pid}` collects a child that has ended.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import socket
import sys

PRELOAD = (
    "numpy",
    "pandas",
    "pyarrow",
    "scipy.stats",
    "sklearn.linear_model",
    "sklearn.ensemble",
    "sklearn.model_selection",
    "sklearn.pipeline",
    "plotly.graph_objects",
    "mlops_core.workspace",
    "tutor.cells.child",
)


def preload() -> None:
    """Import what cells use; a package that is missing is missed only by the cell that asks for it."""
    for name in PRELOAD:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()


def receive(control: socket.socket, size: int) -> bytes:
    """Exactly `size` bytes; empty at the end of the stream."""
    got = b""
    while len(got) < size:
        piece = control.recv(size - len(got))
        if not piece:
            return b""
        got += piece
    return got


def serve(control: socket.socket) -> None:
    """Answer requests until the app goes away."""
    from tutor.cells.protocol import HEADER

    while True:
        head, descriptors, _flags, _address = socket.recv_fds(control, HEADER.size, 2)
        if not head:
            return
        head += receive(control, HEADER.size - len(head))
        request = json.loads(receive(control, HEADER.unpack(head)[0]))
        if "reap" in request:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(request["reap"], 0)
            continue
        if os.fork() == 0:
            control.close()
            be_a_cell(request, descriptors[0], descriptors[1])
        for descriptor in descriptors:
            os.close(descriptor)


def be_a_cell(request: dict[str, object], results: int, text: int) -> None:
    """In the fork: become the head of a group of its own, say the process id, run, end. Never returns."""
    from tutor.cells import child
    from tutor.cells.protocol import CellLimits, pack

    os.setsid()
    os.write(results, pack({"kind": "pid", "pid": os.getpid()}))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(text, 1)
    os.dup2(text, 2)
    os.chdir(str(request["scratch"]))
    limits = CellLimits(**request["limits"])  # type: ignore[arg-type]
    child.confine(limits)
    child.execute(str(request["source"]), str(request["root"]), request["variables"], limits, results)  # type: ignore[arg-type]
    os._exit(0)


def main(arguments: list[str]) -> None:
    """Entry of the process: descriptor of the control socket, then the folders to import from."""
    sys.path[:] = [*arguments[1:], *[path for path in sys.path if path not in arguments[1:]]]
    # the script's own folder must not shadow packages
    own = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 (nothing heavy before the fork server stands)
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != own]  # noqa: PTH100
    preload()
    with socket.socket(fileno=int(arguments[0])) as control:
        serve(control)


if __name__ == "__main__":
    main(sys.argv[1:])
