"""Shadow and canary: paired by day, always valid, and a pause is not a promotion."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from synthetic import rides

from mlops_core.dataset import Costs
from mlops_core.errors import BadParameter
from mlops_core.metrics import evaluate, row_cost
from mlops_core.rollout import canary, shadow

FRAME = rides(days=30)
Y = FRAME["late"].to_numpy()
RNG = np.random.default_rng(1)
SHARP = np.clip(0.15 + 0.7 * Y + RNG.normal(0, 0.2, len(Y)), 0, 1)
DULL = np.clip(0.4 + 0.1 * Y + RNG.normal(0, 0.2, len(Y)), 0, 1)


def _traffic(rng: np.random.Generator, old: float, new: float, n: int = 20_000):
    return (rng.random(n) < old).astype(int), (rng.random(n) < new).astype(int)


def test_a_shadow_is_the_paired_t_test_on_days() -> None:
    found = shadow(DULL, SHARP, Y, FRAME["day"], Costs())
    by_day = pd.Series(row_cost(Y, SHARP, Costs()) - row_cost(Y, DULL, Costs())).groupby(FRAME["day"]).mean()
    test = stats.ttest_1samp(by_day, 0)
    assert found.outcome == "better"
    assert found.difference.p_value == pytest.approx(test.pvalue)
    assert (found.difference.low, found.difference.high) == pytest.approx(tuple(test.confidence_interval(0.95)))
    assert found.champion_cost == evaluate(Y, DULL, Costs()).cost_per_row
    assert found.challenger_cost - found.champion_cost == pytest.approx(found.difference.mean)
    assert found.changed_decisions == pytest.approx(np.mean((DULL >= 0.25) != (SHARP >= 0.25)))
    assert shadow(SHARP, DULL, Y, FRAME["day"], Costs()).outcome == "worse"
    json.dumps(found.to_dict())


def test_a_shadow_of_itself_cannot_tell() -> None:
    found = shadow(SHARP, SHARP, Y, FRAME["day"], Costs())
    assert (found.outcome, found.changed_decisions, found.mean_score_change) == ("cannot tell", 0, 0)


def test_good_and_bad_canaries_end_where_they_should() -> None:
    rng = np.random.default_rng(0)
    bad = canary(*_traffic(rng, 0.02, 0.1))
    assert (bad.outcome, len(bad.stages), bad.stages[0].action) == ("rolled back", 1, "roll back")
    assert bad.stages[0].low > 0
    good = canary(*_traffic(rng, 0.02, 0.015))
    assert good.outcome == "promoted"
    assert [(s.share, s.action) for s in good.stages] == [(0.05, "advance"), (0.25, "advance"), (0.5, "advance")]
    assert all(s.high < good.tolerance for s in good.stages)
    assert canary(*_traffic(rng, 0.2, 0.0)).outcome == "promoted"  # different, but for the better
    assert list(good.frame()["share"]) == [0.05, 0.25, 0.5]
    json.dumps(good.to_dict())


def test_too_little_traffic_pauses_and_never_promotes() -> None:
    rng = np.random.default_rng(0)
    short = canary(*_traffic(rng, 0.02, 0.02), requests=2000)
    assert (short.outcome, short.stages[0].pairs, short.stages[0].requests) == ("paused", 100, 2000)
    assert canary([0] * 10, [0] * 10).outcome == "paused"
    assert canary([], []).outcome == "paused"


def test_a_fault_that_shows_only_under_load_is_caught_in_a_later_stage() -> None:
    rng = np.random.default_rng(0)
    old, new = _traffic(rng, 0.02, 0.015)
    new[1000:] = rng.random(len(new) - 1000) < 0.5
    found = canary(old, new, least_pairs=900)
    assert found.outcome == "rolled back"
    assert [stage.action for stage in found.stages] == ["advance", "roll back"]


def test_an_equal_canary_is_rarely_rolled_back_however_often_one_looks_and_peeking_often_would() -> None:
    rng = np.random.default_rng(2)
    runs = [canary(*_traffic(rng, 0.05, 0.05, 4000)) for _ in range(300)]
    assert np.mean([run.outcome == "rolled back" for run in runs]) <= 0.05
    assert np.mean([run.peeking_stop is not None for run in runs]) > 0.15


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"stages": ()}, "stages are"),
        ({"stages": (0.5, 0.25)}, "shares that grow"),
        ({"stages": (0.5, 1.0)}, "below 1"),
        ({"requests": 100}, "100 requests a stage are fewer than 50 pairs need"),
        ({"least_pairs": 1}, "fewer than 1 pairs"),
    ],
)
def test_bad_settings_are_refused(settings, words: str) -> None:
    with pytest.raises(BadParameter, match=words):
        canary([0, 1], [0, 1], **settings)
