"""Work that writes several things in order is not torn by a second click."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.runtime.scriptrunner import StopException

from pages.kit.steady import steady


def work(done: list[str], draw: Callable[[], object]) -> None:
    with steady() as say:
        say(lambda: done.append("told"))
        say(draw)
        done.append("second half")
        say(lambda: done.append("told again"))


def interrupted() -> None:
    raise StopException


def test_who_wants_the_script_waits_until_the_work_is_whole() -> None:
    done: list[str] = []
    with pytest.raises(StopException):
        work(done, interrupted)
    assert done == ["told", "second half"]


def test_without_an_interruption_everything_is_told() -> None:
    done: list[str] = []
    work(done, lambda: None)
    assert done == ["told", "second half", "told again"]


def test_other_errors_come_through_at_once() -> None:
    done: list[str] = []
    with pytest.raises(ZeroDivisionError):
        work(done, lambda: 1 / 0)
    assert done == ["told"]
