"""The model world: its truth is known, so what a shift should do can be computed and is."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit
from sklearn.metrics import roc_auc_score

from mlops_core.dataset import Column, Schema
from mlops_core.errors import BadData, BadParameter, NotFound
from tutor.simulation.world import World

SCHEMA = Schema(
    (
        Column("x", "number", "feature"),
        Column("idle", "number", "feature"),
        Column("gaps", "number", "feature"),
        Column("label", "category", "feature"),
        Column("y", "flag", "target"),
    )
)


def rows(n=6000, seed=0):
    rng = np.random.default_rng(seed)
    x, label = rng.normal(size=n), rng.choice(["a", "b", "c"], n)
    z = -1 + 1.5 * x + (label == "c")
    return pd.DataFrame(
        {
            "x": x,
            "idle": rng.normal(size=n),
            "gaps": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
            "label": label,
            "y": (rng.random(n) < 1 / (1 + np.exp(-z))).astype(int),
        }
    )


FRAME = rows()
WORLD = World.fit(FRAME, SCHEMA, seed=0)


def test_the_oracle_resembles_what_it_imitates():
    frame = rows(20_000, seed=5)
    true = 1 / (1 + np.exp(-(-1 + 1.5 * frame["x"] + (frame["label"] == "c"))))
    assert np.abs(WORLD.truth(frame) - true).mean() < 0.03
    assert next(iter(WORLD.importance(frame))) == "x"
    assert WORLD.importance(frame)["idle"] < 0.2


def test_labels_follow_the_truth_and_the_seed():
    drawn = WORLD.labels(FRAME, np.random.default_rng(1))
    assert set(drawn) == {0, 1}
    assert drawn.mean() == pytest.approx(WORLD.truth(FRAME).mean(), abs=0.02)
    assert (drawn == WORLD.labels(FRAME, np.random.default_rng(1))).all()
    assert (drawn != WORLD.labels(FRAME, np.random.default_rng(2))).any()


def test_the_same_seed_makes_the_same_world():
    again = World.fit(FRAME, SCHEMA, seed=0)
    assert (again.truth(FRAME) == WORLD.truth(FRAME)).all()
    assert (World.fit(FRAME, SCHEMA, seed=1, rows=500).truth(FRAME) != WORLD.truth(FRAME)).any()


def test_flipping_a_weight_hurts_the_old_ranking_but_not_the_mean_logit():
    flipped = WORLD.with_weight("x", -1)
    old = WORLD.truth(FRAME)
    assert roc_auc_score(WORLD.labels(FRAME, np.random.default_rng(0)), old) > 0.75
    assert roc_auc_score(flipped.labels(FRAME, np.random.default_rng(0)), old) < 0.5
    assert logit(flipped.truth(FRAME)).mean() == pytest.approx(logit(old).mean(), abs=1e-9)


@pytest.mark.parametrize("feature", ["x", "gaps", "label"])
def test_terms_are_centred(feature):
    without = logit(WORLD.with_weight(feature, 0).truth(FRAME)).mean()
    assert without == pytest.approx(logit(WORLD.truth(FRAME)).mean(), abs=1e-9)


def test_a_weight_shrinks_gradually():
    spreads = [WORLD.with_weight("x", factor).importance(FRAME)["x"] for factor in (1, 0.4, 0)]
    assert spreads[1] == pytest.approx(0.4 * spreads[0])
    assert spreads[2] == 0
    assert WORLD.with_weight("x", 0.5).with_weight("x", 0.5).weights["x"] == 0.25


def test_moving_the_intercept_keeps_the_ranking():
    up = WORLD.with_intercept(0.7)
    assert (logit(up.truth(FRAME)) - logit(WORLD.truth(FRAME))) == pytest.approx(np.full(len(FRAME), 0.7))
    assert (np.argsort(up.truth(FRAME)) == np.argsort(WORLD.truth(FRAME))).all()


def test_a_changed_world_leaves_the_old_one_alone():
    before = WORLD.truth(FRAME)
    WORLD.with_weight("x", 0)
    WORLD.with_intercept(3)
    assert (WORLD.truth(FRAME) == before).all()


def test_strange_rows_have_a_truth():
    frame = pd.DataFrame({"x": [1e9, np.nan, -1e9], "idle": 0.0, "gaps": np.nan, "label": ["zzz", None, "a"]})
    assert ((WORLD.truth(frame) > 0) & (WORLD.truth(frame) < 1)).all()
    assert len(WORLD.truth(FRAME[:0])) == 0
    empty = World.fit(FRAME.assign(gaps=np.nan, label=pd.Series([None] * len(FRAME), dtype="str")), SCHEMA, seed=0)
    assert np.isfinite(empty.truth(frame)).all()


def test_what_cannot_be_done_is_named():
    with pytest.raises(NotFound):
        WORLD.with_weight("colour", 1)
    with pytest.raises(BadParameter):
        WORLD.with_weight("x", float("nan"))
    with pytest.raises(BadParameter):
        WORLD.with_intercept(float("inf"))
    with pytest.raises(BadData, match="no column x"):
        WORLD.truth(FRAME.drop(columns="x"))
    with pytest.raises(BadData):
        World.fit(FRAME.assign(y=1), SCHEMA, seed=0)
    with pytest.raises(BadData):
        World.fit(FRAME.drop(columns="y"), SCHEMA, seed=0)
