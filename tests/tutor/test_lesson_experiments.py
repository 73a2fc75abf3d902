"""Experiments: the winner's lead is computed and moves with the world; the mission wants both kinds of pair."""

from __future__ import annotations

import numpy as np
import pytest

from mlops_core.stats.paired import PairedDifference
from tutor.lesson.experiments import FAIR, WINNER, Claim, Decisions, draw, word


def difference(low: float, high: float) -> PairedDifference:
    return PairedDifference((low + high) / 2, low, high, 31, 28_000, 0.5, 2.0, 0.01, 0.95)


BELOW, ABOVE, AROUND = difference(-0.3, -0.1), difference(0.1, 0.3), difference(-0.1, 0.1)
TOLD, OPEN = Claim("a1", "b1", "a", BELOW), Claim("a2", "b2", "neither", AROUND)
DONE = Decisions((OPEN, TOLD), {"a1": True}, "a1")


def test_the_reference_passes() -> None:
    assert FAIR.attempt(DONE).kind == "right"
    assert FAIR.attempt(Decisions((OPEN, Claim("x", "y", "b", ABOVE)), {"y": True}, "y")).kind == "right"


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ((TOLD, Claim("a2", "b2", "a", AROUND)), "noise"),
        ((OPEN, Claim("a1", "b1", "neither", BELOW)), "missed"),
        ((OPEN, Claim("a1", "b1", "b", BELOW)), "direction"),
        ((OPEN, Claim("a1", "b1", "a", ABOVE)), "direction"),
        ((OPEN,), "need_told"),
        ((TOLD,), "need_untold"),
    ],
)
def test_each_mistake_has_its_own_answer(claims: tuple[Claim, ...], code: str) -> None:
    assert FAIR.attempt(Decisions(claims, {"a1": True}, "a1")).code == code


@pytest.mark.parametrize(
    ("reproduced", "challenger", "code"),
    [
        ({}, "a1", "not_reproduced"),
        ({"a2": True}, "a1", "not_reproduced"),
        ({"a1": False}, "a1", "other_digest"),
        ({"a1": True}, "a2", "no_alias"),
    ],
)
def test_the_winner_is_made_twice_and_named(reproduced: dict[str, bool], challenger: str, code: str) -> None:
    assert FAIR.attempt(Decisions((OPEN, TOLD), reproduced, challenger)).code == code


@pytest.mark.parametrize("said", ["a", "b", "neither"])
def test_one_word_for_everything_fails(said: str) -> None:
    pairs = [Claim("a1", "b1", said, BELOW), Claim("a2", "b2", said, AROUND), Claim("a3", "b3", said, BELOW)]
    for number in range(1, len(pairs) + 1):
        assert FAIR.attempt(Decisions(tuple(pairs[:number]), {"a1": True, "a3": True}, "a1")).kind == "wrong"


def test_nothing_tried_is_not_wrong() -> None:
    assert FAIR.attempt(None).kind == "not_attempted"


def test_the_word_seen_from_the_other_side() -> None:
    assert (TOLD.about("a1"), TOLD.about("b1"), OPEN.about("b2")) == ("a", "b", "neither")
    assert [word(d) for d in (BELOW, ABOVE, AROUND)] == ["a", "b", "neither"]


def test_the_lead_of_equal_runs_vanishes_and_that_of_unequal_ones_stays() -> None:
    rng = np.random.default_rng(4)
    noise = rng.choice([0.0, 1.0, 3.0], size=(20, 6000), p=[0.7, 0.2, 0.1])
    equal = draw(noise, 200, np.random.default_rng(1))
    assert WINNER.reveal(equal).option == "little"
    unequal = draw(noise + np.linspace(0, 3, 20)[:, None], 200, np.random.default_rng(1))
    assert WINNER.reveal(unequal).option == "all"
    assert equal.few[equal.winner] == equal.few.min()
    assert equal.flights + equal.others == 6000


def test_a_draw_splits_every_flight_once() -> None:
    cost = np.arange(12.0).reshape(2, 6)
    found = draw(cost, 2, np.random.default_rng(1), draws=1)
    assert found.few * 2 + found.rest * 4 == pytest.approx(cost.sum(axis=1))
    assert (found.winner, found.place, found.kept) == (0, 1, 1.0)
