"""What every command shares: its description, its outcome, where its workspace is.

Exit codes are the same everywhere: 0 ok or pass, 1 negative (gate failed, drift found, differences), 2 usage or bad input,
3 inconclusive, 4 damaged workspace, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_core.workspace import Workspace, find_workspace

OK, NEGATIVE, USAGE, INCONCLUSIVE, DAMAGED, INTERRUPTED = 0, 1, 2, 3, 4, 130


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command found: `result` for machines, `lines` for people; `text` replaces both for a format of its own."""

    result: Mapping[str, Any]
    lines: tuple[str, ...] = ()
    exit: int = OK
    text: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its words, one example, its arguments and what it does."""

    name: str
    help: str
    example: str
    run: Callable[[argparse.Namespace], Outcome]
    arguments: Callable[[argparse.ArgumentParser], None] = field(default=lambda _parser: None)
    formats: Sequence[str] = ("text", "json")


def open_here(args: argparse.Namespace) -> Workspace:
    """The workspace named by --workspace, else the nearest one at or above the current folder; repaired on opening."""
    from mlops_core.project import open_workspace

    return open_workspace(find_workspace(Path(args.workspace) if args.workspace else Path.cwd()).root)


def progress(text: str) -> None:
    """Say what is going on, on stderr, and only to a person."""
    if sys.stderr.isatty():
        sys.stderr.write(text + "\n")


def table(rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> tuple[str, ...]:
    """Rows as aligned text.

    >>> table([{"a": 1, "b": "x"}], ["a", "b"])
    ('a  b', '1  x')
    """
    cells = [list(columns), *([_cell(row.get(name)) for name in columns] for row in rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(columns))]
    return tuple(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    )


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else str(value)


def day(text: str, name: str) -> str:
    """An ISO day, or BadParameter that names the argument.

    >>> day("2013-04-01", "--until")
    '2013-04-01'
    """
    from datetime import date

    from mlops_core.errors import BadParameter

    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise BadParameter(f"{name} is {text!r}.", code="cli.day", fix="Write a day like 2013-04-30.") from error


def pairs(values: Sequence[str]) -> dict[str, object]:
    """`name=value` arguments as a mapping; values are read as YAML, so numbers become numbers.

    >>> pairs(["model.max_iter=50", "model.kind=logistic"])
    {'model.max_iter': 50, 'model.kind': 'logistic'}
    """
    import yaml

    from mlops_core.errors import BadParameter

    found: dict[str, object] = {}
    for text in values:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise BadParameter(
                f"{text!r} is not name=value.", code="cli.pair", fix="Write for example model.max_iter=50."
            )
        found[name] = yaml.safe_load(value)
    return found
