"""Paired differences by day: against scipy where scipy can answer, against simulation where it cannot."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mlops_core.errors import BadData, BadParameter
from mlops_core.stats.paired import day_bootstrap, mcnemar, mean_by_day, paired_by_day


def clustered(rng, days=30, per_day=20, shared=1.0):
    """Differences with true mean 0 whose day effect has standard deviation `shared`."""
    day = np.repeat(np.arange(days), per_day)
    return rng.normal(0, shared, days)[day] + rng.normal(0, 1, days * per_day), day


@pytest.mark.parametrize("days", [2, 3, 10, 31])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_equal_days_are_the_t_test_on_day_means(days, confidence):
    rng = np.random.default_rng(days)
    values, day = clustered(rng, days)
    ours = paired_by_day(values, np.zeros_like(values), day, confidence=confidence)
    oracle = stats.ttest_1samp(pd.Series(values).groupby(day).mean(), 0.0)
    interval = oracle.confidence_interval(confidence)
    assert ours.p_value == pytest.approx(oracle.pvalue, abs=1e-12)
    assert (ours.low, ours.high) == pytest.approx((interval.low, interval.high), abs=1e-12)
    assert (ours.days, ours.n) == (days, days * 20)


def test_unequal_days_are_the_ratio_estimator_written_out():
    values = np.array([1.0, 3.0, 2.0, 0.0, 5.0, 1.0])
    day = np.array([1, 1, 1, 2, 3, 3])
    result = mean_by_day(values, day)
    sums, counts = np.array([6.0, 0.0, 6.0]), np.array([3.0, 1.0, 2.0])
    residuals = sums - 2.0 * counts
    expected = np.sqrt(3 / 2 * (residuals**2).sum()) / 6
    assert result.mean == 2.0
    assert result.standard_error == pytest.approx(expected)
    assert result.design_effect == pytest.approx(expected**2 / (values.var(ddof=1) / 6))


def test_each_row_counts_once():
    assert mean_by_day([0.0] * 9 + [1.0], [1] * 9 + [2]).mean == pytest.approx(0.1)


@given(st.lists(st.floats(-1e3, 1e3), min_size=6, max_size=40), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_order_of_rows_and_swap_of_sides(values, seed):
    rng = np.random.default_rng(seed)
    a, day = np.array(values), np.arange(len(values)) % 3
    b, order = rng.normal(size=len(values)), rng.permutation(len(values))
    one, two = paired_by_day(a, b, day), paired_by_day(a[order], b[order], day[order])
    assert (two.mean, two.low, two.p_value) == pytest.approx((one.mean, one.low, one.p_value), rel=1e-6, abs=1e-9)
    swapped = paired_by_day(b, a, day)
    assert (swapped.mean, swapped.low, swapped.high) == pytest.approx((-one.mean, -one.high, -one.low))
    assert one.low <= one.mean <= one.high
    assert 0 <= one.p_value <= 1


def test_identical_sides_are_no_difference_and_a_constant_one_is_certain():
    same = paired_by_day([0.1, 0.2, 0.3], [0.1, 0.2, 0.3], [1, 2, 2])
    assert (same.mean, same.low, same.high, same.p_value, same.design_effect) == (0, 0, 0, 1.0, 1.0)
    shifted = paired_by_day([1.1, 1.2, 1.3], [0.1, 0.2, 0.3], [1, 2, 2])
    assert shifted.p_value == 0.0
    assert shifted.low == shifted.high == pytest.approx(1.0)


def test_false_alarm_rate_by_day_keeps_its_promise_and_rows_do_not():
    rng = np.random.default_rng(0)
    by_day = by_row = 0
    for _ in range(600):
        values, day = clustered(rng, days=15, shared=0.7)
        by_day += paired_by_day(values, 0 * values, day).p_value < 0.05
        by_row += stats.ttest_1samp(values, 0.0).pvalue < 0.05
    assert 0.03 <= by_day / 600 <= 0.07
    assert by_row / 600 > 0.3


def test_design_effect_finds_the_clustering():
    rng = np.random.default_rng(1)
    effects = [mean_by_day(*clustered(rng, 60, 20, shared)).design_effect for shared in (0.0, 0.5, 1.0, 2.0)]
    assert effects == sorted(effects)
    assert effects[0] == pytest.approx(1, abs=0.5)
    assert effects[2] == pytest.approx(1 + 19 * 0.5, rel=0.4)  # 1 + (m - 1) * intra-day correlation


def test_bootstrap_by_day_agrees_with_t():
    values, day = clustered(np.random.default_rng(2), days=60)
    t = paired_by_day(values, 0 * values, day)
    b = day_bootstrap(values, 0 * values, day, rng=np.random.default_rng(3))
    assert b.mean == t.mean
    assert b.high - b.low == pytest.approx(t.high - t.low, rel=0.15)
    assert b.p_value == pytest.approx(t.p_value, abs=0.05)
    assert b == day_bootstrap(values, 0 * values, day, rng=np.random.default_rng(3))


@pytest.mark.parametrize(("only_a", "only_b"), [(0, 0), (1, 0), (5, 5), (3, 12), (40, 20)])
def test_mcnemar_is_the_exact_binomial_test(only_a, only_b):
    a = np.array([1] * only_a + [0] * only_b + [1] * 7)
    b = np.array([0] * only_a + [1] * only_b + [1] * 7)
    result = mcnemar(a, b)
    oracle = stats.binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1.0
    assert (result.only_a, result.only_b, result.n) == (only_a, only_b, only_a + only_b + 7)
    assert result.p_value == pytest.approx(oracle, abs=1e-12)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (([1, np.nan], [0, 0], [1, 2]), "paired.missing"),
        (([1, np.inf], [0, 0], [1, 2]), "paired.missing"),
        (([1, 2], [0], [1, 2]), "paired.length"),
        (([1, 2], [0, 0], [1]), "paired.length"),
        (([1, 2], [0, 0], [1, 1]), "paired.days"),
        (([], [], []), "paired.days"),
        (([1, 2], [0, 0], [1, None]), "paired.noday"),
        (([[1, 2]], [[0, 0]], [1]), "paired.shape"),
    ],
)
def test_bad_input_is_named(arguments, code):
    with pytest.raises(BadData) as caught:
        paired_by_day(*arguments)
    assert caught.value.code == code


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_confidence_is_a_share(confidence):
    with pytest.raises(BadParameter):
        paired_by_day([1, 2], [0, 0], [1, 2], confidence=confidence)


def test_results_say_their_fields():
    result = paired_by_day([1, 2], [0, 0], [1, 2])
    assert result.to_dict()["mean"] == 1.5
    assert mean_by_day([1, 2], [1, 2]).to_dict()["days"] == 2
