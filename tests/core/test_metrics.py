"""The numbers of a model are scikit-learn's, and the cost is the decisions' cost."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, confusion_matrix, log_loss, roc_auc_score

from mlops_core.dataset import Costs
from mlops_core.errors import BadData, BadParameter
from mlops_core.metrics import as_word, calibration, evaluate, row_cost, slices, threshold_curve

rng = np.random.default_rng(2)
P = np.round(rng.beta(2, 5, 3000), 3)  # rounded: ties matter
Y = (rng.random(3000) < P**1.3).astype(int)
pairs = st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=1, max_size=60)


def test_metrics_are_those_of_scikit_learn() -> None:
    found = evaluate(Y, P, Costs(1, 4))
    assert found.auc == pytest.approx(roc_auc_score(Y, P), abs=1e-12)
    assert found.brier == pytest.approx(brier_score_loss(Y, P), abs=1e-12)
    assert found.log_loss == pytest.approx(log_loss(Y, P), abs=1e-12)
    assert (found.n, found.rate, found.threshold) == (3000, Y.mean(), 0.2)
    assert found.mean_score == pytest.approx(P.mean())
    _, fp, fn, tp = confusion_matrix(Y, P >= 0.2).ravel()
    assert found.cost_per_row == pytest.approx((fp * 1 + fn * 4) / 3000)
    assert found.flagged == pytest.approx((fp + tp) / 3000)
    assert found.to_dict()["auc"] == found.auc


@given(pairs)
def test_any_outcomes_give_finite_numbers_and_the_cost_adds_up(rows) -> None:
    y, p = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    found = evaluate(y, p, Costs(2, 3))
    assert (found.auc is None) == (len(set(y.tolist())) == 1)
    assert all(np.isfinite(v) for v in found.to_dict().values() if v is not None)
    assert found.cost_per_row == pytest.approx(row_cost(y, p, Costs(2, 3)).sum() / len(y))


def test_a_score_on_the_threshold_is_flagged() -> None:
    assert row_cost([0, 1], [0.25, 0.25], Costs(1, 3)).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("y", "p", "code"),
    [
        ([0, 1], [0.1], "score.shape"),
        ([], [], "score.rows"),
        ([0, 2], [0.1, 0.2], "score.labels"),
        ([0, np.nan], [0.1, 0.2], "score.labels"),
        ([0, 1], [0.1, 1.2], "score.range"),
        ([0, 1], [0.1, np.nan], "score.range"),
    ],
)
def test_bad_pairs_are_refused(y, p, code: str) -> None:
    with pytest.raises(BadData) as refused:
        evaluate(y, p, Costs())
    assert refused.value.code == code


@pytest.mark.parametrize("bins", [1, 5, 10])
def test_calibration_is_scikit_learns_quantile_curve(bins: int) -> None:
    found = calibration(Y, P, bins)
    rate, mean = calibration_curve(Y, P, n_bins=bins, strategy="quantile")
    assert np.allclose(found.rate, rate)
    assert np.allclose(found.mean_score, mean)
    assert sum(found.count) == len(Y)
    weights = np.array(found.count) / len(Y)
    assert found.error == pytest.approx(np.sum(weights * np.abs(rate - mean)))
    assert len(found.frame()) == len(found.to_dict()["rate"]) == bins


def test_a_constant_score_has_one_bin() -> None:
    found = calibration([0, 0, 0, 1], [0.5] * 4)
    assert (found.count, found.mean_score, found.rate, found.error) == ((4,), (0.5,), (0.25,), 0.25)
    with pytest.raises(BadParameter, match="bins is 0"):
        calibration([0, 1], [0.1, 0.2], 0)


def test_slices_are_the_metrics_of_their_rows_and_cover_all() -> None:
    frame = pd.DataFrame({"pier": rng.choice(["a", "b", None], 3000), "dock": rng.integers(0, 2, 3000)})
    parts = slices(frame, Y, P, ["pier", "dock"], Costs())
    assert [(s.name, s.value) for s in parts] == [
        ("pier", "(missing)"), ("pier", "a"), ("pier", "b"), ("dock", "0"), ("dock", "1")
    ]  # fmt: skip
    here = (frame["pier"] == "b").to_numpy()
    assert parts[2].metrics == evaluate(Y[here], P[here], Costs())
    assert sum(s.n for s in parts) == 6000
    assert parts[2].to_dict()["metrics"]["auc"] == parts[2].metrics.auc
    with pytest.raises(BadData, match="column tide is missing"):
        slices(frame, Y, P, "tide", Costs())


def test_the_threshold_curve_agrees_with_row_costs_and_is_cheapest_near_the_implied_threshold() -> None:
    curve = threshold_curve(Y, P, Costs(1, 3))
    for at in (0, 25, 40, 100):
        flag = curve.threshold[at] <= P
        assert curve.cost_per_row[at] == pytest.approx((np.sum(flag & (Y == 0)) + 3 * np.sum(~flag & (Y == 1))) / 3000)
        assert curve.flagged[at] == pytest.approx(flag.mean())
        assert curve.caught[at] == pytest.approx(flag[Y == 1].mean())
    at = int(np.flatnonzero(np.isclose(curve.threshold, 0.25))[0])
    assert curve.cost_per_row[at] == pytest.approx(evaluate(Y, P, Costs(1, 3)).cost_per_row)
    truth = (np.random.default_rng(0).random(200_000) < np.tile(P, 67)[:200_000]).astype(int)
    assert threshold_curve(truth, np.tile(P, 67)[:200_000], Costs(1, 3)).best == pytest.approx(0.25, abs=0.04)
    assert list(curve.frame().columns) == ["threshold", "cost_per_row", "flagged", "caught"]
    assert np.isnan(threshold_curve([0, 0], [0.1, 0.2], Costs()).caught).all()


@given(st.integers(-(10**9), 10**9))
def test_a_whole_number_is_one_category_in_every_dtype(value: int) -> None:
    assert as_word(value) == as_word(float(value)) == as_word(np.float64(value)) == str(value)
