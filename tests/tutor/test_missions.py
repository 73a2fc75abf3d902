"""Missions: the four outcomes stay apart."""

from __future__ import annotations

import pytest

from mlops_core.errors import BadData
from tutor.missions import Mission, Outcome, crashed, not_attempted, right, wrong


def judge(state: object) -> Outcome:
    if isinstance(state, Exception):
        raise state
    return right(n=state) if state == 1 else wrong("other", n=state)


TASK = Mission("task", "start", judge)


@pytest.mark.parametrize(
    ("state", "kind", "code"),
    [
        (None, "not_attempted", "not_attempted"),
        (1, "right", "right"),
        (2, "wrong", "other"),
        (ZeroDivisionError("no rows"), "crashed", "crashed"),
        (BadData("column x is missing"), "crashed", "crashed"),
        (KeyError("x"), "crashed", "crashed"),
    ],
)
def test_outcomes(state: object, kind: str, code: str) -> None:
    outcome = TASK.attempt(state)
    assert (outcome.kind, outcome.code) == (kind, code)


def test_a_crash_says_what_happened() -> None:
    assert TASK.attempt(BadData("column x is missing")).values["message"] == "column x is missing"


def test_our_own_mistakes_are_not_swallowed() -> None:
    with pytest.raises(AssertionError):
        TASK.attempt(AssertionError("a bug of ours"))


def test_makers_keep_values() -> None:
    assert wrong("w", a=1).values == {"a": 1}
    assert [not_attempted().kind, crashed().kind, right().kind] == ["not_attempted", "crashed", "right"]
    assert [hint.number for hint in TASK.hints] == [1, 2, 3]
