"""Everything that can go wrong here, drawn as one tree.

    MlopsError
    ├── BadInput          exit 2   what was asked for cannot be done as asked
    │   ├── BadParameter           a parameter has a value that makes no sense
    │   ├── BadData                a table, a file or a column is not what was promised
    │   ├── BadName                a name that may not become a path
    │   ├── NotFound               no such version, run, column, workspace
    │   ├── Busy                   another writer holds the workspace
    │   └── Stale                  compare-and-set lost: somebody else was faster
    ├── StepFailed        exit 1   a step of a pipeline raised
    └── Damaged           exit 4   stored bytes do not match their digest

An error names the thing, the value and what would be right; `code` and `values` let a page say it in another language.

>>> raise BadParameter("depth is -1; it must be at least 1", code="depth.range", depth=-1)
Traceback (most recent call last):
mlops_core.errors.BadParameter: depth is -1; it must be at least 1
"""

from __future__ import annotations

from typing import ClassVar


class MlopsError(Exception):
    """Root of the tree: one sentence, a stable `code`, the `fix` and the named `values` behind the sentence."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, code: str = "", fix: str = "", **values: object) -> None:
        super().__init__(f"{message} {fix}".strip())
        self.message = message
        self.code = code or type(self).__name__.lower()
        self.fix = fix
        self.values = values

    def to_dict(self) -> dict[str, object]:
        """The error as plain values, for `--json` and for HTTP answers."""
        return {"code": self.code, "message": self.message, "fix": self.fix, "values": self.values}


class BadInput(MlopsError):
    """What was asked for cannot be done as asked."""

    exit_code = 2


class BadParameter(BadInput):
    """A parameter has a value that makes no sense."""


class BadData(BadInput):
    """A table, a file or a column is not what was promised."""


class BadName(BadInput):
    """A name that may not become a path."""


class NotFound(BadInput):
    """No such version, run, column or workspace."""


class Busy(BadInput):
    """Another writer holds the workspace."""


class Stale(BadInput):
    """Compare-and-set lost: the state has changed since it was read."""


class StepFailed(MlopsError):
    """A step of a pipeline raised."""


class Damaged(MlopsError):
    """Stored bytes do not match the digest they were stored under."""

    exit_code = 4
