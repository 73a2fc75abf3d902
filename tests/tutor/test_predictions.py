"""Predictions: options, versions of the content, answers computed from the context."""

from __future__ import annotations

import pytest

from mlops_core.errors import BadParameter
from tutor.predictions import Answer, Option, Prediction, options


def make(*codes: str, answer: str = "a") -> Prediction:
    return Prediction("p", "start", 1, options(*codes), answer=lambda _context: Answer(answer))


@pytest.mark.parametrize("codes", [(), ("a",), ("a", "a")])
def test_too_few_or_equal_options_are_refused(codes: tuple[str, ...]) -> None:
    with pytest.raises(BadParameter, match="two or more options"):
        make(*codes)


def test_answer_must_be_one_of_the_options() -> None:
    with pytest.raises(BadParameter, match="no option"):
        make("a", "b", answer="c").reveal(None)


def test_version_follows_the_options_and_the_belief() -> None:
    versions = {
        make("a", "b").version,
        make("a", "c").version,
        Prediction("p", "start", 2, options("a", "b"), answer=lambda _c: Answer("a")).version,
    }
    assert len(versions) == 3
    assert make("a", "b", answer="b").version == make("a", "b").version


def test_options_may_carry_values() -> None:
    assert Option("half", 0.5).value == 0.5
