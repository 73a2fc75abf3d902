"""Statistics and nulls against scipy; false-alarm rates against simulation."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from mlops_core.dataset import Column, Schema
from mlops_core.drift import DETECTORS, Reference, psi_exceeds, psi_line
from mlops_core.drift.bins import Bins
from mlops_core.drift.nulls import missing_p, new_p
from mlops_core.drift.statistics import (
    chi_square,
    jensen_shannon,
    kolmogorov_smirnov,
    pool_rare,
    prefix_sums,
    psi,
    wasserstein,
)
from mlops_core.errors import BadParameter

NUMBER = Schema((Column("x", "number", "feature"),))
LABELS = Schema((Column("x", "category", "feature"),))
SAMPLES = st.lists(st.one_of(st.integers(-5, 5).map(float), st.floats(-1e3, 1e3)), min_size=1, max_size=60)
COUNTS = st.lists(st.integers(0, 50), min_size=2, max_size=12)


def reference_of(values, schema=NUMBER, **options):
    return Reference.of(pd.DataFrame({"x": values}), schema, **options).column("x")


@given(SAMPLES, SAMPLES)
@settings(max_examples=300, deadline=None)
def test_ks_and_wasserstein_are_scipys(a, b):
    a, b = np.sort(a), np.sort(b)
    with np.errstate(all="ignore"):  # scipy's p-value for one row against one divides by zero; the statistic does not
        theirs = stats.ks_2samp(a, b, method="asymp").statistic
    assert kolmogorov_smirnov(a, b) == pytest.approx(theirs, abs=1e-12)
    assert wasserstein(a, prefix_sums(a), b) == pytest.approx(stats.wasserstein_distance(a, b), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("offset", [0.0, 1e6])
@pytest.mark.parametrize("n", [50, 5000])
def test_ks_and_wasserstein_at_size(offset, n):
    rng = np.random.default_rng(n)
    a, b = np.sort(rng.normal(offset, 1, 8000)), np.sort(rng.gamma(2, 1, n) + offset)
    assert kolmogorov_smirnov(a, b) == pytest.approx(stats.ks_2samp(a, b).statistic, abs=1e-9)
    assert wasserstein(a, prefix_sums(a), b) == pytest.approx(stats.wasserstein_distance(a, b), abs=1e-9)


@given(COUNTS, st.data())
@settings(max_examples=100, deadline=None)
def test_js_and_chi_square_are_scipys(r, data):
    c = data.draw(st.lists(st.integers(0, 50), min_size=len(r), max_size=len(r)))
    if not (sum(r) and sum(c)):
        return
    r, c = np.array(r, float), np.array(c, float)
    assert float(jensen_shannon(r, c)) == pytest.approx(jensenshannon(r, c, base=2), abs=1e-7)
    both = r + c > 0
    if both.sum() > 1:
        oracle = stats.chi2_contingency(np.vstack([r, c])[:, both], correction=False).statistic
        assert chi_square(r, c) == pytest.approx(oracle, abs=1e-9)


def test_psi_is_its_definition_and_an_empty_bin_is_half_a_row():
    r, c = np.array([10.0, 20.0, 70.0]), np.array([30.0, 30.0, 40.0])
    p, q = r / 100, c / 100
    assert float(psi(r, c)) == pytest.approx(((q - p) * np.log(q / p)).sum(), abs=1e-12)
    assert float(psi([50, 50, 0], [50, 50, 0])) == 0.0
    by_hand = (0.005 - 0.5) * np.log(0.005 / 0.5) + (1.0 - 0.5) * np.log(1.0 / 0.5)
    assert float(psi([50, 50], [0, 100])) == pytest.approx(by_hand)


@given(COUNTS)
@settings(max_examples=50, deadline=None)
def test_equal_shares_are_no_distance(r):
    r = np.array(r, float)
    assert float(psi(r, 3 * r)) == pytest.approx(0, abs=0.15 if (r == 0).any() else 1e-12)
    assert float(jensen_shannon(r, 3 * r)) == pytest.approx(0, abs=1e-7)
    assert chi_square(r, r) == pytest.approx(0, abs=1e-9)


def test_rare_labels_are_pooled_until_five_are_expected():
    r, c = np.array([100.0, 50.0, 2.0, 1.0, 9.0]), np.array([90.0, 60.0, 3.0, 2.0, 7.0])
    pooled_r, pooled_c = pool_rare(r, c)
    assert pooled_r.tolist() == [100.0, 50.0, 12.0]  # 3 rare rows expect < 5: they join the smallest bin kept
    assert pooled_c.tolist() == [90.0, 60.0, 12.0]
    assert pool_rare(r[:2], c[:2])[0].tolist() == [100.0, 50.0]


@pytest.mark.parametrize(
    ("a", "n", "b", "m"), [(1, 40, 5, 30), (0, 50, 3, 20), (200, 1000, 260, 900), (3, 5000, 1, 40)]
)
def test_missing_shares_by_fisher_or_chi_square(a, n, b, m):
    table = [[a, n - a], [b, m - b]]
    exact = min(n, m) * min(a + b, n + m - a - b) / (n + m) < 5
    oracle = stats.fisher_exact(table).pvalue if exact else stats.chi2_contingency(table, correction=False).pvalue
    assert missing_p(n, a, m, b) == pytest.approx(oracle, rel=1e-9)


def test_missing_nothing_or_everything_is_no_difference():
    assert missing_p(10, 0, 5, 0) == missing_p(10, 10, 5, 5) == missing_p(0, 0, 5, 5) == 1.0


def test_a_new_category_is_news_by_its_rows():
    big = np.full(10, 8000.0)
    assert new_p(big, np.full(10, 90.0), (1,)) == pytest.approx(901 / 80901, rel=1e-3)
    assert new_p(big, np.full(10, 90.0), (3,)) < 1e-5
    assert new_p(np.full(50, 2.0), np.full(50, 1.0), (1,)) > 0.3


def test_lines_and_their_chances_are_inverse_and_a_fact_of_the_lesson():
    for n, m, bins in [(100, 100, 10), (80_000, 900, 10), (500, 500, 4)]:
        assert psi_exceeds(psi_line(n, m, bins, 0.05), n, m, bins) == pytest.approx(0.05, rel=1e-9)
    assert psi_exceeds(0.1, 100, 100) > 0.7
    assert 0.25 < psi_exceeds(0.1, 80_000, 100) < 0.45
    for wrong in [(0, 1, 10), (1, 0, 10), (1, 1, 1)]:
        with pytest.raises(BadParameter):
            psi_line(*wrong)
    with pytest.raises(BadParameter):
        psi_line(10, 10, alpha=1.0)


def test_quantile_bins_are_even_and_say_so():
    bins = Bins.of(np.arange(1000.0))
    assert bins.counts(np.arange(1000.0), 3).tolist() == [100.0] * 10 + [3.0]
    assert len(bins.labels) == 11
    assert bins.labels[0] == "to 99"
    assert bins.labels[-1] == "missing"


@given(
    st.lists(st.sampled_from([0.0, 1.0, 2.0, 2.5, 7.0]) | st.floats(-50, 50), min_size=1, max_size=300),
    st.integers(2, 20),
)
@settings(max_examples=150, deadline=None)
def test_bins_hold_every_row_once(values, number):
    values = np.sort(values)
    bins = Bins.of(values, number)
    counts = bins.counts(values, 2)
    assert counts.sum() == len(values) + 2
    assert len(counts) == len(bins.labels)
    assert (np.diff(bins.edges) > 0).all()
    if not bins.exact:
        inside = [
            ((values > low) & (values <= high)).sum()
            for low, high in zip([-np.inf, *bins.edges], [*bins.edges, np.inf], strict=True)
        ]
        assert counts[:-1].tolist() == inside


@pytest.mark.parametrize("frequent", [0.0, 10.0])
def test_a_frequent_value_has_its_own_bin(frequent):
    rng = np.random.default_rng(0)
    values = np.sort(np.where(rng.random(5000) < 0.85, frequent, rng.uniform(0.1, 9.9, 5000)))
    counts = Bins.of(values).counts(values, 0)
    assert (values == frequent).sum() in counts.tolist()
    assert (counts > 0).sum() >= 3


def test_few_values_are_bins_of_their_own_and_a_constant_that_moves_is_seen():
    bins = Bins.of(np.array([3.0, 3.0, 5.0]))
    assert bins.counts(np.array([3.0, 4.0, 5.0, 5.0]), 1).tolist() == [1, 2, 1, 1]
    assert bins.labels == ("3", "5", "other", "missing")


def draws(kind, rng, n):
    return {
        "normal": lambda: rng.normal(size=n),
        "skewed": lambda: rng.lognormal(size=n),
        "tied": lambda: rng.integers(0, 15, n).astype(float),
        "flag": lambda: (rng.random(n) < 0.2).astype(float),
        "mostly zero": lambda: np.where(rng.random(n) < 0.7, 0.0, rng.exponential(size=n)),
        "with gaps": lambda: np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n)),
        "3 labels": lambda: rng.choice(["a", "b", "c"], n, p=[0.5, 0.3, 0.2]),
        "100 labels": lambda: rng.choice([f"L{i}" for i in range(100)], n, p=(w := 1 / np.arange(1, 101)) / w.sum()),
    }[kind]()


CASES = [
    (detector, kind)
    for detector in ("psi", "js", "ks", "wasserstein", "mean")
    for kind in ("normal", "skewed", "tied", "flag", "mostly zero", "with gaps")
]
CASES += [(detector, kind) for detector in ("psi", "js", "chi2") for kind in ("3 labels", "100 labels")]


@pytest.mark.parametrize(("detector", "kind"), CASES)
@pytest.mark.parametrize(("n", "m"), [(2000, 200), (400, 400)])
def test_false_alarm_rate_is_the_one_promised(detector, kind, n, m):
    """200 unchanged worlds at alpha .05. Lattice statistics may ring less often than promised, never more than .07 allows
    (one chance in a thousand a case)."""
    rng = np.random.default_rng(len(kind) * n)
    schema = LABELS if "labels" in kind else NUMBER
    rings = sum(
        DETECTORS[detector](reference_of(draws(kind, rng, n), schema), draws(kind, rng, m)).drifted for _ in range(200)
    )
    assert rings <= stats.binom.ppf(0.999, 200, 0.07)
    assert rings / 200 >= (0.0 if kind in ("flag", "mostly zero", "100 labels", "with gaps", "tied") else 0.02)


@pytest.mark.parametrize("detector", ["ks", "mean"])
def test_p_values_of_continuous_columns_are_scipys(detector):
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=3000), rng.normal(0.1, 1.2, size=700)
    found = DETECTORS[detector](reference_of(a), b)
    oracle = stats.ks_2samp(b, a, method="asymp") if detector == "ks" else stats.ttest_ind(b, a, equal_var=False)
    assert found.p_value == pytest.approx(oracle.pvalue, abs=1e-9)


def test_chi_square_of_labels_is_scipys():
    rng = np.random.default_rng(6)
    a, b = rng.choice(list("abcd"), 900), rng.choice(list("abcd"), 300)
    found = DETECTORS["chi2"](reference_of(a, LABELS), b)
    table = pd.crosstab(np.repeat([0, 1], [900, 300]), np.concatenate([a, b]))
    oracle = stats.chi2_contingency(table, correction=False)
    assert found.statistic == pytest.approx(oracle.statistic, abs=1e-9)
    assert found.p_value == pytest.approx(oracle.pvalue, abs=1e-9)


def test_the_null_band_of_wasserstein_is_what_permutation_finds():
    rng = np.random.default_rng(7)
    reference = rng.lognormal(size=3000)
    high = DETECTORS["wasserstein"](reference_of(reference), rng.choice(reference, 300)).null_band[1]
    simulated = [
        stats.wasserstein_distance(rng.choice(reference, 3000), rng.choice(reference, 300)) for _ in range(400)
    ]
    assert high == pytest.approx(np.quantile(simulated, 0.95), rel=0.15)
