"""Inside the cell's process: set the limits, execute the source once, send what it shows; nothing else executes text.

Runs in a fork of the zygote, never in the app. Nothing here may trust or be trusted by what the learner typed.
"""

from __future__ import annotations

import ast
import json
import linecache
import os
import resource
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import CodeType
from typing import Any

from tutor.cells.protocol import CellLimits, pack

NAME = "<cell>"


def confine(limits: CellLimits) -> None:
    """Set the limits of this process; they cannot be raised again."""
    mega = 1024 * 1024
    wanted = {
        resource.RLIMIT_CPU: limits.cpu_s,
        resource.RLIMIT_AS: limits.memory_mb * mega,
        resource.RLIMIT_FSIZE: limits.file_mb * mega,
        resource.RLIMIT_NOFILE: 128,
        resource.RLIMIT_CORE: 0,
    }
    for what, most in wanted.items():
        resource.setrlimit(what, (most, most))


def execute(source: str, root: str, variables: Mapping[str, object], limits: CellLimits, results: int) -> None:
    """Run the source and write frames to the descriptor `results`: outputs, perhaps an error, last "end"."""
    left = limits.outputs

    def show(value: Any) -> None:
        """Add an output below the cell."""
        nonlocal left
        left -= 1
        if left >= 0:
            send(results, describe(value, limits), limits)

    linecache.cache[NAME] = (len(source), None, source.splitlines(keepends=True), NAME)
    try:
        body, last = split(source)
        space: dict[str, Any] = {"__name__": "__main__", "show": show, **variables, "workspace": open_workspace(root)}
        exec(body, space)  # noqa: S102 (this process exists for it)
        if last is not None:
            value = eval(last, space)  # noqa: S307 (as above)
            if value is not None:
                show(value)
    except SystemExit:
        pass
    except BaseException as error:  # noqa: BLE001 (whatever the learner's code raises is shown to the learner)
        send(results, {"kind": "error", "body": story(error), "line": line_of(error)}, limits)
    sys.stdout.flush()
    sys.stderr.flush()
    send(results, {"kind": "end"}, limits)


def open_workspace(root: str) -> object:
    """The learner's workspace as the core knows it."""
    from mlops_core.workspace import Workspace

    return Workspace(Path(root))


def split(source: str) -> tuple[CodeType, CodeType | None]:
    """Compile the source; a last line that is an expression comes separately, so that its value can be shown."""
    tree = ast.parse(source, NAME)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        final = tree.body.pop()
        assert isinstance(final, ast.Expr)
        last = compile(ast.Expression(final.value), NAME, "eval")
    return compile(tree, NAME, "exec"), last


def story(error: BaseException) -> str:
    """The traceback, beginning at the cell's own first line."""
    report = traceback.TracebackException.from_exception(error)
    own = [number for number, frame in enumerate(report.stack) if frame.filename == NAME]
    if own:
        report.stack = traceback.StackSummary.from_list(list(report.stack)[own[0] :])
    else:
        report.stack = traceback.StackSummary.from_list([])
    return "".join(report.format())


def line_of(error: BaseException) -> int:
    """The last line of the cell that the error passed through, from 1; 0 when none."""
    if isinstance(error, SyntaxError) and error.filename == NAME:
        return error.lineno or 0
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == NAME]
    return (lines[-1] or 0) if lines else 0


def describe(value: Any, limits: CellLimits) -> dict[str, object]:
    """A value as a frame: a Plotly figure, a table, else its text."""
    if hasattr(value, "to_plotly_json") and hasattr(value, "to_json") and hasattr(value, "layout"):
        return {"kind": "figure", "body": value.to_json()}
    frame = value.to_frame() if type(value).__name__ == "Series" and hasattr(value, "to_frame") else value
    if type(frame).__name__ == "DataFrame":
        return {"kind": "table", "body": table(frame, limits)}
    return {"kind": "text", "body": value if isinstance(value, str) else repr(value)}


def table(frame: Any, limits: CellLimits) -> dict[str, object]:
    """The head of a data frame as JSON values, a named or meaningful index first."""
    head = frame.iloc[: limits.rows, : limits.columns]
    plain_index = type(head.index).__name__ == "RangeIndex"
    head = head if plain_index else head.reset_index(names=index_names(head))
    cells = json.loads(head.to_json(orient="split", date_format="iso", index=False, default_handler=str))
    rows = [row[: limits.columns + 1] for row in cells["data"]]
    columns = [str(column) for column in cells["columns"]][: limits.columns + 1]
    return {"columns": columns, "rows": rows, "total": len(frame)}


def index_names(frame: Any) -> list[str]:
    """Names for the levels of an index that do not clash with the columns."""
    taken = {str(column) for column in frame.columns}
    names = [str(name) if name is not None else f"index{level or ''}" for level, name in enumerate(frame.index.names)]
    return [f"{name} (index)" if name in taken else name for name in names]


def send(descriptor: int, message: Mapping[str, object], limits: CellLimits) -> None:
    """Write one frame; one that is too large is replaced by a sentence."""
    frame = pack(message)
    if len(frame) > limits.frame_mb * 1024 * 1024:
        frame = pack({"kind": "text", "body": f"(output of {len(frame) / 1e6:.0f} MB left out: more than the limit)"})
    while frame:
        frame = frame[os.write(descriptor, frame) :]


Run = Callable[[str, str, Mapping[str, object], CellLimits, int], None]
