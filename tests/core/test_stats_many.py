"""Multiplicity, planning and sequential tests."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mlops_core.errors import BadData, BadParameter
from mlops_core.stats.multiplicity import adjust, any_false_alarm, bh, holm
from mlops_core.stats.planning import plan, power_at
from mlops_core.stats.sequential import msprt, msprt_proportions, peeking

P_VALUES = st.lists(st.floats(0, 1) | st.floats(0, 0.1), min_size=1, max_size=25)


def holm_by_definition(p, alpha):
    """Step down: reject the smallest while p_(i) <= alpha / (m - i)."""
    rejected = np.zeros(len(p), bool)
    for i, index in enumerate(np.argsort(p, kind="stable")):
        if p[index] > alpha / (len(p) - i):
            break
        rejected[index] = True
    return rejected


@given(P_VALUES)
@settings(max_examples=100, deadline=None)
def test_bh_is_scipys(p):
    assert bh(p) == pytest.approx(stats.false_discovery_control(p), abs=1e-12)


@given(P_VALUES, st.sampled_from([0.01, 0.0499, 0.11, 0.3]))
@settings(max_examples=100, deadline=None)
def test_holm_rejects_what_the_step_down_rejects(p, alpha):
    p = np.round(p, 3)
    close = np.abs(holm(p) - alpha) < 1e-9
    assert ((holm(p) <= alpha) == holm_by_definition(p, alpha))[~close].all()


@given(P_VALUES)
@settings(max_examples=50, deadline=None)
def test_adjusted_values_are_ordered(p):
    assert (bh(p) >= np.array(p) - 1e-15).all()
    assert (holm(p) >= bh(p) - 1e-12).all()
    assert holm(p).max() <= 1


@pytest.mark.parametrize("method", ["none", "holm", "bh"])
def test_a_question_not_asked_does_not_count(method):
    with_gap = adjust([0.01, np.nan, 0.04], method)
    assert np.isnan(with_gap[1])
    assert with_gap[[0, 2]].tolist() == adjust([0.01, 0.04], method).tolist()
    assert len(adjust([], method)) == 0


def test_holm_steps_down_where_bonferroni_does_not():
    assert holm([0.01, 0.04, 0.03]).tolist() == [0.03, 0.06, 0.06]
    assert holm([0.02, 0.03]).tolist() == [0.04, 0.04]


def test_bad_p_values_and_methods():
    with pytest.raises(BadData):
        holm([1.2])
    with pytest.raises(BadParameter):
        adjust([0.1], "bonferoni")


def test_eighteen_unchanged_features_ring_three_days_in_five():
    assert 0.55 < any_false_alarm(18) < 0.65
    assert any_false_alarm(1, 0.05) == pytest.approx(0.05)


@given(
    st.floats(0.01, 10),
    st.floats(0.01, 1),
    st.floats(0, 1),
    st.sampled_from([0.01, 0.05]),
    st.floats(0.5, 0.99),
    st.floats(1, 30),
)
@settings(max_examples=60, deadline=None)
def test_plan_and_power_are_inverse(variance, effect, margin, alpha, power, deff):
    known = {"variance": variance, "effect": effect, "margin": margin, "alpha": alpha, "design_effect": deff}
    rows = plan(**known, power=power).rows
    assert power_at(rows, **known) >= power - 1e-9
    assert power_at(rows - 1, **known) < power + 1e-9


def test_planned_rows_reach_the_power_in_simulation():
    needed = plan(variance=1.0, effect=0.2, alpha=0.05, power=0.8).rows
    rng = np.random.default_rng(0)
    means = rng.normal(0.2, 1, (2000, needed)).mean(axis=1)
    assert (means > stats.norm.isf(0.05) / np.sqrt(needed)).mean() == pytest.approx(0.8, abs=0.03)


def test_days_multiply_by_the_design_effect():
    one, ten = (plan(variance=1, effect=0.05, design_effect=d, rows_per_day=900) for d in (1, 10))
    assert ten.rows == pytest.approx(10 * one.rows, rel=0.01)
    assert ten.days == -(-ten.rows // 900)
    assert ten.rows_independent == one.rows
    assert plan(variance=1, effect=5, rows_per_day=1e6).days == 2


def test_clustering_eats_power():
    rows = plan(variance=1, effect=0.1, power=0.8).rows
    assert power_at(rows, variance=1, effect=0.1, design_effect=10) < 0.25


@pytest.mark.parametrize(
    "wrong",
    [
        {"effect": 0},
        {"effect": -1},
        {"variance": 0},
        {"alpha": 0},
        {"power": 1},
        {"power": 0.01},
        {"rows_per_day": 0},
        {"design_effect": 0},
    ],
)
def test_impossible_plans_are_refused(wrong):
    with pytest.raises(BadParameter):
        plan(**({"variance": 1.0, "effect": 0.1} | wrong))


def test_mixture_likelihood_ratio_is_the_integral_it_claims_to_be():
    x, variance, tau = np.array([0.3, 1.2, -0.4, 0.9]), 1.5, 0.7
    effects = np.linspace(-8, 8, 40001)
    likelihood = stats.norm.pdf(x[:, None], effects, np.sqrt(variance)).prod(axis=0)
    mixed = np.trapezoid(likelihood * stats.norm.pdf(effects, 0, tau), effects)
    ratio = mixed / stats.norm.pdf(x, 0, np.sqrt(variance)).prod()
    looks = [msprt(x[:k], variance=variance, tau=tau).p_value for k in range(1, 5)]
    assert msprt(x, variance=variance, tau=tau).p_value == pytest.approx(min(min(looks[:3]), 1 / ratio), rel=1e-6)


def test_always_valid_under_400_looks_while_peeking_is_not():
    rng = np.random.default_rng(4)
    streams = rng.normal(size=(500, 400))
    stopped = np.mean([msprt(s, variance=1.0, tau=0.2).stopped_at is not None for s in streams])
    peeked = np.mean([(peeking(s, variance=1.0) <= 0.05).any() for s in streams])
    assert stopped <= 0.06
    assert peeked > 0.3


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.5])
def test_proportions_are_always_valid(rate):
    rng = np.random.default_rng(5)
    arms = rng.random((400, 2, 1500)) < rate
    stopped = np.mean([msprt_proportions(a, b).stopped_at is not None for a, b in arms])
    assert stopped <= 0.06


def test_a_real_difference_is_found_and_the_interval_holds_it():
    rng = np.random.default_rng(6)
    result = msprt(rng.normal(0.5, 1, 500), variance=1.0, tau=0.5)
    assert 5 < result.stopped_at < 200
    assert result.low[-1] < 0.5 < result.high[-1]
    assert (np.diff(result.high - result.low) <= 1e-12).all()
    two = msprt_proportions(rng.random(2000) < 0.3, rng.random(2000) < 0.2)
    assert two.stopped_at is not None
    assert two.low[-1] < 0.1 < two.high[-1]


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=50))
@settings(max_examples=50, deadline=None)
def test_p_value_and_interval_tell_one_story(x):
    result = msprt(x, variance=1.0, tau=0.5)
    assert (np.diff(result.p_values) <= 0).all()
    excludes = (result.low > 1e-9) | (result.high < -1e-9)
    assert (result.p_values[excludes] <= 0.05 + 1e-9).all()


def test_an_empty_stream_has_not_stopped():
    assert msprt([], variance=1, tau=1).stopped_at is None
    assert msprt([], variance=1, tau=1).p_value == 1.0
    assert msprt_proportions([1, 0], [0, 0]).p_values.tolist() == [1.0, 1.0]


def test_bad_streams_are_refused():
    with pytest.raises(BadData):
        msprt([np.nan], variance=1, tau=1)
    with pytest.raises(BadParameter):
        msprt([1.0], variance=0, tau=1)
    with pytest.raises(BadData):
        msprt_proportions([0.5], [0])
    with pytest.raises(BadData):
        msprt_proportions([1, 0], [0])
