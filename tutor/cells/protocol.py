"""What goes into a cell and what comes out: JSON frames on a pipe of their own, and the types around them.

A frame is four bytes of length (big-endian) and that many bytes of JSON. Frames come from code that a learner wrote, so
everything read here is untrusted: sizes are capped, shapes are checked, nothing is executed or unpickled.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

HEADER = struct.Struct(">I")
Status = Literal["ok", "error", "timeout", "killed", "busy", "off"]
_LOOPBACK = ("localhost", "::1", "[::1]")


@dataclass(frozen=True, slots=True)
class CellLimits:
    """Limits of one run: seconds of CPU and wall time, megabytes of memory, of a file, of a frame, rows of a table."""

    cpu_s: int = 10
    wall_s: float = 20.0
    memory_mb: int = 2048
    file_mb: int = 32
    text_kb: int = 256
    frame_mb: int = 4
    outputs: int = 20
    rows: int = 200
    columns: int = 60
    source_kb: int = 64
    running: int = 2


@dataclass(frozen=True, slots=True)
class CellContext:
    """What a cell may see: the folder behind its variable `workspace` and further variables (JSON values)."""

    workspace: Path
    variables: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Table:
    """The first rows of a data frame; `total` rows in all."""

    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    total: int


@dataclass(frozen=True, slots=True)
class Output:
    """One shown value: its text, or a table, or a Plotly figure as JSON text."""

    kind: Literal["text", "table", "figure"]
    text: str = ""
    table: Table | None = None


@dataclass(frozen=True, slots=True)
class CellError:
    """Why a cell stopped: its traceback (the cell's own lines) and the line, 0 when unknown."""

    text: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class CellResult:
    """How a run ended, what it printed, what it showed and how long it took."""

    status: Status
    text: str = ""
    truncated: bool = False
    outputs: tuple[Output, ...] = ()
    error: CellError | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Level:
    """How far cells are trusted here: "off" or "basic", and the code of the reason when off."""

    name: Literal["off", "basic"]
    reason: str = ""


def level(address: str, wanted: str = "") -> Level:
    """The level for a server bound to `address`; `wanted` (from MLOPS_CELLS) can only make it stricter.

    An unset address is not loopback: it means every interface.

    >>> level("127.0.0.1").name, level("").name, level("127.0.0.1", "off").reason
    ('basic', 'off', 'off_env')
    """
    import os

    if wanted == "off":
        return Level("off", "off_env")
    if not (address in _LOOPBACK or address.startswith("127.")):
        return Level("off", "off_address")
    if not hasattr(os, "fork"):
        return Level("off", "off_system")
    return Level("basic")


def pack(message: Mapping[str, object]) -> bytes:
    """One frame.

    >>> pack({"a": 1})
    b'\\x00\\x00\\x00\\x08{"a": 1}'
    """
    body = json.dumps(message, allow_nan=False).encode()
    return HEADER.pack(len(body)) + body


def unpack(stream: bytes, largest: int) -> Iterator[dict[str, Any]]:
    """The whole frames at the start of a stream; stops silently at a torn, oversized or malformed one."""
    at = 0
    while at + HEADER.size <= len(stream):
        (size,) = HEADER.unpack_from(stream, at)
        at += HEADER.size
        if size > largest or at + size > len(stream):
            return
        try:
            message = json.loads(stream[at : at + size])
        except ValueError:
            return
        if not isinstance(message, dict):
            return
        yield message
        at += size


def read_output(message: Mapping[str, Any], limits: CellLimits) -> Output | None:
    """An output from an untrusted frame, or None when it has not the shape of one."""
    kind, body = message.get("kind"), message.get("body")
    if kind in ("text", "figure") and isinstance(body, str):
        return Output(kind, text=body)
    if kind == "table" and isinstance(body, dict):
        table = _read_table(body, limits)
        return Output("table", table=table) if table else None
    return None


def _read_table(body: Mapping[str, Any], limits: CellLimits) -> Table | None:
    columns, rows, total = body.get("columns"), body.get("rows"), body.get("total")
    if not (isinstance(columns, list) and isinstance(rows, list) and isinstance(total, int)):
        return None
    width = len(columns)
    if width > limits.columns + 1 or len(rows) > limits.rows:
        return None
    if any(not isinstance(row, list) or len(row) != width for row in rows):
        return None
    plain = (str, int, float, bool, type(None))
    tidy = tuple(tuple(cell if isinstance(cell, plain) else str(cell) for cell in row) for row in rows)
    return Table(tuple(str(column) for column in columns), tidy, total)
