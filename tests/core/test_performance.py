"""Estimates against simulation and scikit-learn; late labels; budgets."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import roc_auc_score

from mlops_core.dataset import Costs
from mlops_core.errors import BadData, BadParameter
from mlops_core.performance import SLO, ScoreCalibration, burning, estimate, realised
from mlops_core.training import evaluate

COSTS = Costs(1, 3)
SCORES = st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]) | st.floats(0, 1), min_size=2, max_size=40)


def test_the_estimate_is_what_a_calibrated_model_realises():
    rng = np.random.default_rng(0)
    p = rng.beta(1, 3, 5000)
    promised = estimate(p, None, COSTS)
    seen = [evaluate((rng.random(5000) < p).astype(int), p, COSTS) for _ in range(200)]
    assert promised.cost_per_row == pytest.approx(np.mean([m.cost_per_row for m in seen]), rel=0.01)
    assert promised.auc == pytest.approx(np.mean([m.auc for m in seen]), abs=0.002)
    assert promised.rate == pytest.approx(np.mean([m.rate for m in seen]), rel=0.01)
    assert promised.brier == pytest.approx(np.mean([m.brier for m in seen]), rel=0.01)
    assert promised.flagged == seen[0].flagged


@given(SCORES)
@settings(max_examples=100, deadline=None)
def test_expected_auc_counts_every_pair_of_two_rows(scores):
    p = np.array(scores)
    won = pairs = 0.0
    for i in range(len(p)):
        for j in range(len(p)):
            if i != j:
                weight = p[i] * (1 - p[j])
                pairs += weight
                won += weight * (1.0 if p[i] > p[j] else 0.5 if p[i] == p[j] else 0.0)
    found = estimate(p, None, COSTS).auc
    if pairs < 1e-9:
        assert found is None or pairs > 0
    else:
        assert found == pytest.approx(won / pairs, abs=1e-6)


def test_expected_auc_tends_to_the_weighted_one_of_scikit_learn():
    p = np.random.default_rng(1).beta(2, 5, 4000)
    oracle = roc_auc_score(np.repeat([1, 0], 4000), np.tile(p, 2), sample_weight=np.concatenate([p, 1 - p]))
    assert estimate(p, None, COSTS).auc == pytest.approx(oracle, abs=1e-3)


def test_the_blind_spot():
    """P(y|x) changes, the scores do not: the estimate stays, the realised cost does not."""
    rng = np.random.default_rng(2)
    p = rng.beta(1, 3, 20_000)
    worse = (rng.random(20_000) < 0.5).astype(int)
    assert evaluate(worse, p, COSTS).cost_per_row > 1.3 * estimate(p, None, COSTS).cost_per_row


def test_calibration_repairs_overconfident_scores():
    rng = np.random.default_rng(3)
    truth = rng.beta(1, 3, 40_000)
    y, scores = (rng.random(40_000) < truth).astype(int), truth**0.5
    calibration = ScoreCalibration.fit(y[:20_000], scores[:20_000])
    real = evaluate(y[20_000:], scores[20_000:], COSTS).cost_per_row
    assert estimate(scores[20_000:], calibration, COSTS).cost_per_row == pytest.approx(real, rel=0.03)
    assert estimate(scores[20_000:], None, COSTS).cost_per_row != pytest.approx(real, rel=0.1)


def test_calibration_is_scikit_learns_isotonic_regression():
    rng = np.random.default_rng(4)
    p = rng.random(500)
    y = (rng.random(500) < p).astype(int)
    grid = np.linspace(0, 1, 101)
    oracle = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(p, y).predict(grid)
    assert ScoreCalibration.fit(y, p).apply(grid) == pytest.approx(oracle, abs=1e-12)


@pytest.mark.parametrize("scores", [[], [1.2], [-0.1], [float("nan")], [[0.1]]])
def test_scores_that_are_none(scores):
    with pytest.raises(BadData):
        estimate(scores, None, COSTS)


@pytest.mark.parametrize(("y", "p"), [([], []), ([1], [0.1, 0.2]), ([2], [0.5]), ([float("nan")], [0.5])])
def test_calibration_rows_are_checked(y, p):
    with pytest.raises(BadData):
        ScoreCalibration.fit(y, p)


def late(days):
    return pd.Timestamp("2013-04-01") + pd.to_timedelta(days, unit="D")


def test_only_what_was_known_then_counts():
    y, p = np.array([0, 1, 1, 0]), np.array([0.9, 0.1, 0.9, 0.1])
    known = late([0, 1, 5, 9])
    early = realised(y, p, known, pd.Timestamp("2013-04-02"), COSTS)
    assert (early.known, early.rows, early.share) == (2, 4, 0.5)
    assert early.metrics == evaluate(y[:2], p[:2], COSTS)
    assert realised(1 - y, p, known, pd.Timestamp("2013-03-01"), COSTS).metrics is None


@given(st.permutations(range(4)))
@settings(deadline=None, max_examples=20)
def test_the_future_cannot_leak(flip):
    y, p, known = np.array([0, 1, 1, 0]), np.array([0.9, 0.1, 0.9, 0.1]), late([0, 1, 5, 9])
    other = y.copy()
    other[2:] = np.array(flip)[2:] % 2
    as_of = pd.Timestamp("2013-04-03")
    assert realised(y, p, known, as_of, COSTS) == realised(other, p, known, as_of, COSTS)


@pytest.mark.parametrize(("days", "known"), [(0, 4), (7, 3), (21, 0)])
def test_settlement_delays_everything(days, known):
    found = realised(
        [0, 1, 1, 0], [0.1] * 4, late([0, 1, 5, 9]), pd.Timestamp("2013-04-14"), COSTS, settlement_days=days
    )
    assert found.known == known


def test_outcomes_never_known_and_windows_without_rows():
    found = realised(
        [0, np.nan, 1],
        [0.1] * 3,
        [pd.Timestamp("2013-04-01"), pd.Timestamp("2013-04-01"), pd.NaT],
        pd.Timestamp("2014-01-01"),
        COSTS,
    )
    assert found.known == 1
    empty = realised([], [], [], pd.Timestamp("2014-01-01"), COSTS)
    assert (empty.share, empty.metrics) == (1.0, None)
    with pytest.raises(BadData):
        realised([0], [0.1, 0.2], late([0]), pd.Timestamp("2014-01-01"), COSTS)


def test_a_budget_is_used_up_at_burn_rate_one():
    slo = SLO("answers", 0.99, 28)
    assert [slo.budget(bad, 1000).burn_rate for bad in (0, 5, 10, 20)] == pytest.approx([0, 0.5, 1, 2])
    assert [slo.budget(bad, 1000).left for bad in (0, 5, 10, 20)] == pytest.approx([1, 0.5, 0, -1])
    assert slo.budget(0, 0).left == 1
    assert slo.budget(3, 1000).allowed == pytest.approx(10)


def test_both_windows_must_burn():
    slo = SLO("answers", 0.9)
    hot, cool = slo.budget(30, 100), slo.budget(5, 100)
    assert burning(hot, hot, rate=2)
    assert not burning(hot, cool, rate=2)
    assert not burning(cool, hot, rate=2)
    with pytest.raises(BadParameter):
        burning(hot, hot, rate=0)


@pytest.mark.parametrize("settings", [{"target": 1.0}, {"target": 0.0}, {"target": 0.9, "window_days": 0}])
def test_promises_that_cannot_be_kept(settings):
    with pytest.raises(BadParameter):
        SLO("x", **settings)
    with pytest.raises(BadData):
        SLO("x", 0.9).budget(2, 1)
