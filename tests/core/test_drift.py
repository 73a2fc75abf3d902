"""Every detector, found by discovery, passes the same contract; then references, bands and reports."""

import json
import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from mlops_core.dataset import Column, Schema
from mlops_core.drift import DETECTORS, Reference, applies, report
from mlops_core.errors import BadData, BadParameter, NotFound

SCHEMA = Schema(
    (Column("day", "time", "day"), Column("x", "number", "feature"), Column("label", "category", "feature"))
)
NUMBERS = [name for name in DETECTORS if applies(name, "number")]
CATEGORIES = [name for name in DETECTORS if applies(name, "category")]
PAIRS = [(name, "x") for name in NUMBERS] + [(name, "label") for name in CATEGORIES]
CODES = {"same", "shifted", "missing", "new_category", "no_rows", "no_values"}


def world(n=2600, seed=0, weeks=13):
    rng = np.random.default_rng(seed)
    start = pd.Timestamp("2013-01-07")
    return pd.DataFrame(
        {
            "day": start + pd.to_timedelta(rng.integers(0, 7 * weeks, n), unit="D"),
            "x": rng.normal(size=n),
            "label": rng.choice(["a", "b", "c"], n, p=[0.5, 0.3, 0.2]),
        }
    )


def reference_for(name, values):
    kind = "category" if name == "label" else "number"
    return Reference.of(pd.DataFrame({name: values}), Schema((Column(name, kind, "feature"),))).column(name)


REFERENCE = Reference.of(world(), SCHEMA)


@pytest.mark.parametrize("band", ["iid", "calendar"])
@pytest.mark.parametrize(("detector", "column"), PAIRS)
class TestContract:
    """What holds for every detector, on both bands."""

    def find(self, detector, column, values, band, **options):
        return DETECTORS[detector](REFERENCE.column(column), values, band=band, **options)

    def test_unchanged_is_calm_and_a_large_shift_is_seen(self, detector, column, band):
        now = world(600, seed=3)[column]
        moved = now + 1 if column == "x" else now.mask(np.arange(600) < 300, "c")
        calm, seen = self.find(detector, column, now, band), self.find(detector, column, moved, band)
        assert (calm.drifted, calm.code) == (False, "same")
        assert (seen.drifted, seen.code) == (True, "shifted")
        assert abs(seen.statistic) > abs(calm.statistic)
        assert seen.p_value < calm.p_value
        low, high = seen.null_band
        assert low <= calm.statistic <= high or calm.statistic < low
        assert seen.statistic > high

    def test_no_rows_is_an_answer(self, detector, column, band):
        found = self.find(detector, column, world(600)[column][:0], band)
        assert (found.code, found.drifted, found.n_current) == ("no_rows", False, 0)
        assert math.isnan(found.statistic)

    def test_one_row_is_an_answer(self, detector, column, band):
        found = self.find(detector, column, world(600)[column][:1], band)
        assert math.isfinite(found.statistic)
        assert found.n_current == 1

    def test_all_missing_is_drift(self, detector, column, band):
        found = self.find(detector, column, pd.Series([None] * 50, dtype="float" if column == "x" else "str"), band)
        assert (found.drifted, found.code) == (True, "missing")
        assert found.missing_current == 1.0

    def test_some_missing_is_drift(self, detector, column, band):
        now = world(600, seed=3)[column]
        found = self.find(detector, column, now.mask(np.arange(600) % 5 == 0), band)
        assert (found.drifted, found.code) == (True, "missing")
        assert found.missing_current == pytest.approx(0.2)
        assert found.missing_reference == 0.0

    def test_order_of_rows_does_not_matter(self, detector, column, band):
        now = world(300, seed=4)[column]
        assert self.find(detector, column, now, band) == self.find(detector, column, now[::-1], band)

    def test_current_values_are_left_alone(self, detector, column, band):
        now = world(300, seed=4)[column]
        before = now.copy()
        self.find(detector, column, now, band)
        pd.testing.assert_series_equal(now, before)

    def test_a_stricter_alpha_rings_less(self, detector, column, band):
        now = world(300, seed=8)[column]
        bands = [self.find(detector, column, now, band, alpha=alpha).null_band[1] for alpha in (0.2, 0.05, 0.01)]
        assert bands == sorted(bands)

    def test_result_is_plain_values(self, detector, column, band):
        for values in (world(50)[column], world(50)[column][:0]):
            text = json.dumps(self.find(detector, column, values, band).to_dict(), allow_nan=False)
            assert json.loads(text)["code"] in CODES

    @pytest.mark.parametrize("alpha", [0, -1, 0.9])
    def test_alpha_is_checked(self, detector, column, band, alpha):
        with pytest.raises(BadParameter):
            self.find(detector, column, world(50)[column], band, alpha=alpha)


@pytest.mark.parametrize("detector", NUMBERS)
class TestNumbers:
    """Values that numeric columns really hold."""

    def test_a_constant_that_stays_and_one_that_moves(self, detector):
        column = reference_for("x", [3.0] * 200)
        assert not DETECTORS[detector](column, [3.0] * 50).drifted
        moved = DETECTORS[detector](column, [4.0] * 50)
        assert moved.drifted
        assert moved.statistic > 0

    def test_infinite_values_are_defined(self, detector):
        rng = np.random.default_rng(0)
        values = rng.normal(size=500)
        column = reference_for("x", np.append(values, [np.inf, -np.inf]))
        found = DETECTORS[detector](column, np.append(rng.normal(size=100), [np.inf, -np.inf]))
        assert math.isfinite(found.statistic)
        assert found.missing_current == 0
        lost = DETECTORS[detector](reference_for("x", values), np.full(100, np.inf))
        assert lost.drifted
        assert math.isfinite(lost.statistic)

    def test_a_reference_without_values(self, detector):
        column = reference_for("x", [np.nan] * 100)
        assert DETECTORS[detector](column, [1.0] * 50).drifted
        same = DETECTORS[detector](column, [np.nan] * 50)
        assert not same.drifted
        assert same.code in ("same", "no_values")

    @pytest.mark.parametrize("values", [[1.0], [1.0, 2.0], [1.0, 1.0, 2.0]])
    def test_tiny_references(self, detector, values):
        found = DETECTORS[detector](reference_for("x", values), [1.0, 2.0, 3.0])
        assert math.isfinite(found.statistic)

    def test_text_is_refused_by_name(self, detector):
        with pytest.raises(BadData, match="column x is not numeric"):
            DETECTORS[detector](REFERENCE.column("x"), ["morning", "noon"])

    @pytest.mark.parametrize("dtype", ["int64", "Int64", "float32", "bool"])
    def test_other_dtypes_are_numbers_too(self, detector, dtype):
        column = reference_for("x", pd.Series([0, 1] * 50).astype(dtype))
        assert not DETECTORS[detector](column, pd.Series([0, 1] * 20).astype(dtype)).drifted


@pytest.mark.parametrize("detector", CATEGORIES)
class TestCategories:
    """Labels that categorical columns really hold."""

    def test_a_new_category_is_drift_and_named(self, detector):
        now = world(600, seed=3)["label"].mask(np.arange(600) < 6, "zzz")
        for band in ("iid", "calendar"):
            found = DETECTORS[detector](REFERENCE.column("label"), now, band=band)
            assert (found.drifted, found.code, found.new_categories) == (True, "new_category", ("zzz",))

    def test_a_single_category(self, detector):
        column = reference_for("label", ["a"] * 100)
        assert not DETECTORS[detector](column, ["a"] * 50).drifted
        assert DETECTORS[detector](column, ["b"] * 50).drifted

    def test_tens_of_thousands_of_labels(self, detector):
        rng = np.random.default_rng(0)
        column = reference_for("label", [f"id{i}" for i in rng.integers(0, 30_000, 40_000)])
        found = DETECTORS[detector](column, [f"id{i}" for i in rng.integers(0, 30_000, 2000)])
        assert math.isfinite(found.statistic)
        assert not found.drifted

    def test_whole_numbers_are_the_same_label_as_their_floats(self, detector):
        column = reference_for("label", [1, 2] * 50)
        assert DETECTORS[detector](column, [1.0, 2.0] * 50).new_categories == ()

    def test_categorical_dtype_counts_like_text(self, detector):
        now = world(300, seed=5)["label"]
        as_text, as_category = (
            DETECTORS[detector](REFERENCE.column("label"), v) for v in (now, now.astype("category"))
        )
        assert as_text == as_category


@pytest.mark.parametrize(
    ("detector", "column"), [("ks", "label"), ("wasserstein", "label"), ("mean", "label"), ("chi2", "x")]
)
def test_a_detector_refuses_the_other_kind(detector, column):
    with pytest.raises(BadParameter) as caught:
        DETECTORS[detector](REFERENCE.column(column), [1])
    assert caught.value.code == "drift.kind"


def test_unknown_names_are_refused():
    with pytest.raises(BadParameter):
        applies("kolmogorov", "number")
    with pytest.raises(NotFound):
        REFERENCE.column("temperature")
    with pytest.raises(NotFound):
        report(REFERENCE, world(50)).column("x", "ks")
    with pytest.raises(BadParameter):
        DETECTORS["psi"](REFERENCE.column("x"), [1.0], band="monthly")


def test_a_mean_below_is_as_much_drift_as_one_above():
    now = world(600, seed=3)["x"] - 1
    for band in ("iid", "calendar"):
        found = DETECTORS["mean"](REFERENCE.column("x"), now, band=band)
        assert found.drifted
        assert found.statistic < found.null_band[0] < 0


def test_the_calendar_band_is_the_widest_reference_week():
    frame = world(seed=1)
    reference = Reference.of(frame, SCHEMA)
    week = frame["day"].dt.normalize() - pd.to_timedelta(frame["day"].dt.day_of_week, unit="D")
    seen = []
    for start in sorted(week.unique()):
        rest = Reference.of(frame[week != start], SCHEMA).column("x")
        seen.append(DETECTORS["ks"](rest, frame.loc[week == start, "x"]).statistic)
    found = DETECTORS["ks"](reference.column("x"), world(200, seed=9)["x"], band="calendar")
    assert found.null_band[1] == pytest.approx(max(seen), abs=1e-12)
    assert len(reference.weeks) == 13


def test_weeks_that_differ_widen_the_calendar_band_and_not_the_iid_one():
    calm, moody = world(seed=1), world(seed=1)
    moody["x"] = moody["x"] + np.random.default_rng(0).normal(size=400)[moody["day"].dt.isocalendar().week.astype(int)]
    now = world(200, seed=2)
    highs = {
        (name, band): DETECTORS["ks"](Reference.of(frame, SCHEMA).column("x"), now["x"], band=band).null_band[1]
        for name, frame in (("calm", calm), ("moody", moody))
        for band in ("iid", "calendar")
    }
    assert highs["moody", "calendar"] > 2 * highs["calm", "calendar"]
    assert highs["moody", "iid"] == highs["calm", "iid"]


def test_a_short_stump_of_a_week_is_no_unit():
    frame = pd.concat([world(), pd.DataFrame({"day": [pd.Timestamp("2013-04-08")], "x": [0.0], "label": ["a"]})])
    assert len(Reference.of(frame, SCHEMA).weeks) == 13


def test_without_days_there_is_no_calendar():
    reference = Reference.of(world().drop(columns="day"), SCHEMA)
    assert reference.weeks == ()
    assert len(report(reference, world(300)).columns) == 2
    with pytest.raises(BadData) as caught:
        report(reference, world(300), band="calendar")
    assert caught.value.code == "drift.calendar_units"


def test_daily_units():
    assert len(Reference.of(world(), SCHEMA, calendar="D").weeks) == 13 * 7
    with pytest.raises(BadParameter):
        Reference.of(world(), SCHEMA, calendar="M")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda f: f[:0], "drift.empty_reference"),
        (lambda f: f.drop(columns="x"), "drift.columns"),
        (lambda f: f.assign(x="warm"), "drift.not_numeric"),
    ],
)
def test_bad_references(change, code):
    with pytest.raises(BadData) as caught:
        Reference.of(change(world(50)), SCHEMA)
    assert caught.value.code == code


def test_bins_must_be_two():
    with pytest.raises(BadParameter):
        Reference.of(world(50), SCHEMA, bins=1)


def test_report_counts_columns_not_detectors():
    now = world(600, seed=3)
    now["x"] += 1
    found = report(REFERENCE, now, detectors=("psi", "ks", "chi2"))
    assert [(d.column, d.detector) for d in found.columns] == [
        ("x", "psi"),
        ("x", "ks"),
        ("label", "psi"),
        ("label", "chi2"),
    ]
    assert (found.drifted, found.share, found.names) == (("x",), 0.5, ("x", "label"))
    assert found.column("x", "ks").drifted
    assert len(found.frame()) == 4
    json.dumps(found.to_dict(), allow_nan=False)


def test_report_of_nothing():
    found = report(REFERENCE, world(50)[:0])
    assert {d.code for d in found.columns} == {"no_rows"}
    assert (found.drifted, found.share) == ((), 0.0)
    assert report(REFERENCE, world(50), detectors=()).share == 0.0


def test_report_names_absent_columns():
    with pytest.raises(BadData, match="no column x"):
        report(REFERENCE, world(50).drop(columns="x"))


def test_multiplicity_forgives_the_weakest():
    rng = np.random.default_rng(0)
    schema = Schema(tuple(Column(f"x{i}", "number", "feature") for i in range(18)))
    reference = Reference.of(pd.DataFrame(rng.normal(size=(3000, 18)), columns=schema.names), schema)
    rung = {"none": 0, "holm": 0}
    for _ in range(60):
        now = pd.DataFrame(rng.normal(size=(300, 18)), columns=schema.names)
        for method in rung:
            rung[method] += bool(report(reference, now, detectors=("mean",), multiplicity=method).drifted)
    assert rung["none"] / 60 > 0.4
    assert rung["holm"] / 60 < 0.15
    with pytest.raises(BadParameter):
        report(REFERENCE, world(50), band="calendar", multiplicity="holm")


def test_a_cold_and_a_warm_report_are_the_same():
    now = world(300, seed=6)
    cold = report(Reference.of(world(), SCHEMA), now, detectors=tuple(DETECTORS))
    assert (
        report(REFERENCE, now, detectors=tuple(DETECTORS)) == report(REFERENCE, now, detectors=tuple(DETECTORS)) == cold
    )


def test_importing_drift_and_monitor_is_light():
    code = (
        "import sys, mlops_core.drift, mlops_core.monitor; "
        "print([m for m in ('scipy.stats', 'sklearn', 'mlflow', 'streamlit') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
