"""Missions: something to bring about, checked on live state, with four outcomes that stay apart.

>>> even = Mission("even", "start", check=lambda n: right("even.ok", n=n) if n % 2 == 0 else wrong("even.odd", n=n))
>>> even.attempt(3).kind, even.attempt(4).kind, even.attempt(None).kind
('wrong', 'right', 'not_attempted')
>>> even.attempt("three").kind
'crashed'
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mlops_core.digest import digest_value, short
from mlops_core.errors import MlopsError
from tutor.hints import HINTS, Hint, hints_of

Kind = Literal["not_attempted", "wrong", "crashed", "right"]
_CRASHES = (MlopsError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a check found: one of four kinds, a `code` for the words, the named values the words quote.

    The words are `mission.<mission>.<code>` in the catalogue; a crash without words shows `values["message"]`.
    """

    kind: Kind
    code: str
    values: Mapping[str, object] = field(default_factory=dict)


def not_attempted(code: str = "not_attempted", **values: object) -> Outcome:
    """Nothing has been tried yet."""
    return Outcome("not_attempted", code, values)


def wrong(code: str, **values: object) -> Outcome:
    """Tried, and it does not do it; `code` says which rule it breaks."""
    return Outcome("wrong", code, values)


def crashed(code: str = "crashed", **values: object) -> Outcome:
    """Tried, and it could not be carried out."""
    return Outcome("crashed", code, values)


def right(code: str = "right", **values: object) -> Outcome:
    """Done."""
    return Outcome("right", code, values)


@dataclass(frozen=True, slots=True)
class Mission:
    """A task of one page. `check(state)` judges what the learner has brought about; None means nothing was tried."""

    code: str
    page: str
    check: Callable[[Any], Outcome]
    hint_count: int = HINTS

    @property
    def hints(self) -> tuple[Hint, ...]:
        """Its hints, mildest first."""
        return hints_of(self.code, self.hint_count)

    @property
    def version(self) -> str:
        """Name of the content, so that progress on an older task of the same name does not count."""
        return short(digest_value([self.code, self.page, self.hint_count]))

    def attempt(self, state: Any) -> Outcome:
        """Judge the state. A check that fails on what the learner left there is a crash, not a wrong answer."""
        if state is None:
            return not_attempted()
        try:
            return self.check(state)
        except _CRASHES as error:
            return crashed(message=str(error), error=type(error).__name__)
