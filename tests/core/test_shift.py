"""Every kind of shift, found by discovery, passes one contract; then what each does."""

import numpy as np
import pandas as pd
import pytest

from mlops_core.errors import BadData, BadParameter
from mlops_core.shift import KINDS, Shift, apply_all


def frame(n=4000):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "x": rng.normal(10, 2, n),
            "hour": rng.integers(0, 24, n),
            "label": rng.choice(["a", "b"], n),
            "y": (rng.random(n) < 0.25).astype(int),
        }
    )


EXAMPLES = {
    "mean": Shift("mean", "x", amount=1.0),
    "spread": Shift("spread", "x", amount=2.0),
    "noise": Shift("noise", "x", amount=0.5),
    "tail": Shift("tail", "x", amount=2.0, share=0.1),
    "missing": Shift("missing", "x", share=0.3),
    "category": Shift("category", "label", share=0.4, value="a"),
    "new_category": Shift("new_category", "label", share=0.1, value="z"),
    "unit": Shift("unit", "x", amount=1 / 60),
    "prior": Shift("prior", "y", amount=0.5),
    "label_noise": Shift("label_noise", "y", share=0.2),
}


def test_every_kind_has_an_example():
    assert set(EXAMPLES) == set(KINDS)


@pytest.mark.parametrize("shift", EXAMPLES.values(), ids=EXAMPLES)
class TestContract:
    def test_it_changes_its_column_and_nothing_else(self, shift):
        old, new = frame(), shift.apply(frame(), np.random.default_rng(1))
        assert not new[shift.column].equals(old[shift.column])
        assert list(new.columns) == list(old.columns)
        assert len(new) == len(old)
        if shift.kind != "prior":
            pd.testing.assert_frame_equal(new.drop(columns=shift.column), old.drop(columns=shift.column))

    def test_the_input_stays_as_it_was(self, shift):
        old = frame()
        shift.apply(old, np.random.default_rng(1))
        pd.testing.assert_frame_equal(old, frame())

    def test_one_seed_one_world(self, shift):
        one, two = (shift.apply(frame(), np.random.default_rng(1)) for _ in range(2))
        pd.testing.assert_frame_equal(one, two)

    def test_an_absent_column_is_named(self, shift):
        with pytest.raises(BadData, match=shift.column):
            shift.apply(frame().drop(columns=shift.column), np.random.default_rng(1))

    def test_no_share_no_change(self, shift):
        if shift.kind == "prior":
            return
        calm = Shift(shift.kind, shift.column, shift.amount, 0.0, shift.value)
        new = calm.apply(frame(), np.random.default_rng(1))
        pd.testing.assert_frame_equal(new, frame(), check_dtype=False)

    def test_empty_and_missing_columns(self, shift):
        if shift.kind in ("prior", "label_noise", "category"):
            return
        assert len(shift.apply(frame()[:0], np.random.default_rng(1))) == 0
        kind = "str" if shift.column == "label" else "float"
        gone = frame().assign(**{shift.column: pd.Series([None] * 4000, dtype=kind)})
        assert len(shift.apply(gone, np.random.default_rng(1))) == 4000


def moved(kind, column, **settings):
    return Shift(kind, column, **settings).apply(frame(), np.random.default_rng(2))[column]


def test_amounts_mean_what_they_say():
    x = frame()["x"]
    assert moved("mean", "x", amount=1.5).mean() == pytest.approx(x.mean() + 1.5 * x.std(ddof=0))
    assert moved("mean", "x", amount=1.5).std() == pytest.approx(x.std())
    assert moved("spread", "x", amount=2).std() == pytest.approx(2 * x.std())
    assert moved("spread", "x", amount=2).mean() == pytest.approx(x.mean())
    assert moved("noise", "x", amount=1).std() == pytest.approx(np.sqrt(2) * x.std(), rel=0.05)
    assert moved("tail", "x", amount=3, share=0.1).quantile(0.5) == pytest.approx(x.median(), abs=0.4)
    assert moved("tail", "x", amount=3, share=0.1).max() > x.max()
    assert moved("unit", "x", amount=1.609).tolist() == pytest.approx((x * 1.609).tolist())


def test_shares_mean_what_they_say():
    assert moved("missing", "x", share=0.3).isna().mean() == pytest.approx(0.3, abs=0.03)
    assert moved("missing", "hour", share=0.3).isna().mean() == pytest.approx(0.3, abs=0.03)
    assert (moved("new_category", "label", share=0.2) == "new").mean() == pytest.approx(0.2, abs=0.03)
    before = (frame()["label"] == "a").mean()
    assert (moved("category", "label", share=0.4, value="a") == "a").mean() == pytest.approx(
        before + 0.4 * (1 - before), abs=0.03
    )
    assert (moved("label_noise", "y", share=0.2) != frame()["y"]).mean() == pytest.approx(0.2, abs=0.03)


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 1.0])
def test_prior_moves_the_rate_and_keeps_the_rows_of_each_label(rate):
    data = frame().assign(x=lambda f: f["x"] + 5 * f["y"])
    new = Shift("prior", "y", amount=rate).apply(data, np.random.default_rng(3))
    assert new["y"].mean() == pytest.approx(rate, abs=1e-3)
    assert len(new) == len(data)
    for label in set(new["y"]):
        assert new.loc[new["y"] == label, "x"].mean() == pytest.approx(
            data.loc[data["y"] == label, "x"].mean(), abs=0.25
        )


def test_several_shifts_follow_one_another():
    both = apply_all([Shift("unit", "x", amount=2), Shift("mean", "x", amount=1)], frame(), np.random.default_rng(0))
    x = 2 * frame()["x"]
    assert both["x"].mean() == pytest.approx(x.mean() + x.std(ddof=0))
    pd.testing.assert_frame_equal(apply_all([], frame(), np.random.default_rng(0)), frame())


@pytest.mark.parametrize(
    "settings",
    [
        {"kind": "warp", "column": "x"},
        {"kind": "mean"},
        {"kind": "mean", "column": "x", "share": 1.5},
        {"kind": "mean", "column": "x", "share": -0.1},
        {"kind": "mean", "column": "x", "amount": float("nan")},
    ],
)
def test_shifts_that_make_no_sense(settings):
    with pytest.raises(BadParameter):
        Shift(**settings)


@pytest.mark.parametrize(
    ("shift", "error"),
    [
        (Shift("mean", "label", amount=1), BadData),
        (Shift("category", "label", value="q"), BadData),
        (Shift("category", "x", value="10"), BadData),
        (Shift("new_category", "label", value="a"), BadData),
        (Shift("new_category", "x"), BadData),
        (Shift("spread", "x", amount=-1), BadParameter),
        (Shift("unit", "x"), BadParameter),
        (Shift("prior", "y", amount=2), BadParameter),
        (Shift("prior", "x"), BadData),
        (Shift("label_noise", "hour"), BadData),
    ],
)
def test_columns_of_the_wrong_kind(shift, error):
    with pytest.raises(error):
        shift.apply(frame(), np.random.default_rng(0))


def test_prior_needs_both_labels():
    with pytest.raises(BadData):
        Shift("prior", "y", amount=0.5).apply(frame().assign(y=0), np.random.default_rng(0))
