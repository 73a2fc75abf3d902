"""Delivery: equal models at two gates, and a policy held against ten really computed commits."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mlops_core import project
from mlops_core.project import Home
from tutor.lesson.delivery import ARENA, EQUAL, Coin, Settings, coin, put_through
from tutor.simulation.arena import CODES, Arena, build

GOOD = Settings("not_worse", margin=0.015, inputs=True, airports=True, latency=True, floor=False)


@pytest.fixture(scope="session")
def arena(home: Home) -> Arena:
    course = project.template("flights")
    return build(home.year(course), course.schema, course.costs)


def test_the_arena_is_what_it_says(arena: Arena) -> None:
    assert tuple(commit.code for commit in arena.commits) == CODES
    good = [commit for commit in arena.commits if commit.truth == "good"]
    assert len(good) == 5
    assert all(commit.above < GOOD.margin / 2 for commit in good)
    assert arena.commit("refactor").above == arena.commit("retrained").above == 0
    assert arena.commit("leak").above > 0.1  # live, the column is empty
    assert len(arena.commit("lucky").evidence.frame) < len(arena.commit("leak").evidence.frame) / 5


def test_the_reference_passes(arena: Arena) -> None:
    outcome = ARENA.attempt(put_through(arena, GOOD))
    assert (outcome.kind, outcome.values["passed_bad"]) == ("right", 0)


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        (Settings("none", floor=False), "all_pass"),
        (Settings("none", at_least=0.99), "all_block"),
        (dataclasses.replace(GOOD, p95_ms=0.1), "all_block"),
        (dataclasses.replace(GOOD, rule="superiority"), "strict_superiority"),
        (dataclasses.replace(GOOD, airport_margin=0.005), "strict"),
        (dataclasses.replace(GOOD, inputs=False), "lax"),
        (dataclasses.replace(GOOD, latency=False), "lax"),
        (dataclasses.replace(GOOD, airports=False), "lax"),
        (Settings("point", floor=False), "both"),
    ],
)
def test_each_mistake_has_its_own_answer(arena: Arena, settings: Settings, code: str) -> None:
    outcome = ARENA.attempt(put_through(arena, settings))
    assert (outcome.kind, outcome.code) == ("wrong", code)


@pytest.mark.parametrize("floor", [False, True])
@pytest.mark.parametrize("rule", ["point", "superiority"])
def test_a_rule_that_asks_for_better_loses_good_commits(arena: Arena, rule: str, floor: bool) -> None:
    assert ARENA.attempt(put_through(arena, dataclasses.replace(GOOD, rule=rule, floor=floor))).kind == "wrong"


def test_the_coin_is_tossed_by_the_gates(arena: Arena) -> None:
    found = coin(arena, draws=200)
    assert EQUAL.reveal(found).option == "half"
    assert found.proven < 0.12 < found.naive
    worse = dataclasses.replace(arena.twins, champion=arena.twins.challenger)
    same = coin(Arena(arena.commits, worse), draws=5)
    assert EQUAL.reveal(same).option == "never"


def test_the_key_follows_the_share() -> None:
    keys = [EQUAL.reveal(Coin(share, 0.05, 100, 31)).option for share in (0.0, 0.05, 0.25, 0.5, 0.9)]
    assert keys == ["never", "rarely", "quarter", "half", "always"]


def test_nothing_tried_is_not_wrong() -> None:
    assert ARENA.attempt(None).kind == "not_attempted"
    assert np.isfinite(GOOD.margin)
