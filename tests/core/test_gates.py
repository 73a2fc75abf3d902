"""Gates: every kind passes on good evidence, fails on bad, never passes on none; error rates are those promised."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score
from synthetic import SCHEMA, rides

from mlops_core.dataset import Costs
from mlops_core.errors import BadData, BadParameter, NotFound
from mlops_core.expectations import Rule
from mlops_core.gates import KINDS, Evidence, decide, load_policy, parse_policy
from mlops_core.gates.auc import auc_by_day
from mlops_core.metrics import row_cost

ROOT = Path(__file__).parents[2]
FRAME = rides(days=30, per_day=60)
Y = FRAME["late"].to_numpy()
RNG = np.random.default_rng(5)
SHARP = np.clip(0.15 + 0.7 * Y + RNG.normal(0, 0.2, len(Y)), 0, 1)
DULL = np.clip(0.4 + 0.1 * Y + RNG.normal(0, 0.2, len(Y)), 0, 1)
FLAT = np.full(len(Y), Y.mean())
QUICK, SLOW = np.linspace(5, 9, 100), np.linspace(50, 90, 100)
SETTINGS = {
    "schema": "",
    "inputs": "",
    "not_worse": "margin: 0.02",
    "floor": "at_least: 0.75",
    "superiority": "",
    "point": "",
    "non_inferiority": "by: pier, margin: 0.1, min_rows: 100",
    "latency": "p95_ms: 20",
}


def _evidence(**changes) -> Evidence:
    good = {"schema": SCHEMA, "frame": FRAME, "challenger": SHARP, "champion": DULL, "baseline": FLAT}
    good["features"] = SCHEMA.features
    return Evidence(**{**good, "latency_ms": QUICK, **changes})


def _gate(kind: str, more: str = "") -> str:
    return f"{{name: {kind} gate, kind: {kind}, {', '.join(part for part in (SETTINGS[kind], more) if part)}}}"


def _ask(kind: str, evidence: Evidence, more: str = ""):
    return decide(evidence, parse_policy(f"gates: [{_gate(kind, more)}]")).verdicts[0]


ONE_DAY = FRAME.assign(day=pd.Timestamp("2020-01-01"), ride=range(len(FRAME)))
BAD = {
    "schema": {"frame": FRAME.assign(wind=-5.0)},
    "inputs": {"features": (*SCHEMA.features, "late")},
    "not_worse": {"challenger": DULL, "champion": SHARP},
    "floor": {"challenger": DULL},
    "superiority": {"challenger": DULL, "champion": SHARP},
    "point": {"challenger": DULL, "champion": SHARP},
    "non_inferiority": {"challenger": DULL, "champion": SHARP},
    "latency": {"latency_ms": SLOW},
}
UNSURE = {
    "floor": {},
    "not_worse": {"challenger": np.roll(DULL, 1), "champion": DULL},
    "superiority": {"champion": SHARP},
    "non_inferiority": {"frame": FRAME, "challenger": DULL, "champion": np.roll(DULL, 1)},
    "latency": {"latency_ms": QUICK[:58]},
}
MISSING = {
    "inputs": {"features": ()},
    "not_worse": {"champion": None, "baseline": None},
    "floor": {"frame": ONE_DAY},
    "superiority": {"champion": None, "baseline": None},
    "point": {"champion": None, "baseline": None},
    "non_inferiority": {"champion": None},
    "latency": {"latency_ms": None},
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_passes_on_good_evidence_and_fails_on_bad(kind: str) -> None:
    good, bad = _ask(kind, _evidence()), _ask(kind, _evidence(**BAD[kind]))
    assert (good.outcome, good.fix, good.code) == ("pass", "", f"{kind}.pass")
    assert (bad.outcome, bad.code) == ("fail", f"{kind}.fail")
    assert bad.fix
    assert good.reason.endswith(".")
    assert good.threshold is not None
    assert good.n > 0
    assert KINDS[kind].why


@pytest.mark.parametrize("kind", UNSURE)
def test_what_cannot_be_told_is_inconclusive(kind: str) -> None:
    close = {
        "not_worse": "margin: 0.08",
        "non_inferiority": "margin: 0.02, by: pier",
        "floor": f"at_least: {roc_auc_score(Y, SHARP)}",
    }
    policy = f"gates: [{{name: g, kind: {kind}, {close.get(kind, SETTINGS[kind])}}}]"
    found = decide(_evidence(**UNSURE[kind]), parse_policy(policy)).verdicts[0]
    assert found.outcome == "inconclusive"
    assert found.fix


@pytest.mark.parametrize("kind", MISSING)
def test_without_evidence_a_gate_never_passes(kind: str) -> None:
    found = _ask(kind, _evidence(**MISSING[kind]))
    assert found.outcome == ("inconclusive" if kind == "floor" else "skipped")


def test_the_decision_reads_blocking_gates_only() -> None:
    def outcome(*gates: str, **changes) -> str:
        policy = parse_policy("gates:\n" + "".join(f"- {gate}\n" for gate in gates))
        return decide(_evidence(**changes), policy).outcome

    floor, fast = _gate("floor"), _gate("latency")
    assert outcome(floor, fast) == "pass"
    assert outcome(floor, fast, latency_ms=SLOW) == "fail"
    assert outcome(floor, _gate("latency", "severity: warn"), latency_ms=SLOW) == "pass"
    assert outcome(floor, fast, latency_ms=QUICK[:20]) == "inconclusive"
    assert outcome(floor, fast, latency_ms=QUICK[:20], challenger=DULL) == "fail"
    assert outcome(floor, fast, latency_ms=None) == "pass"
    assert outcome(fast, latency_ms=None) == "inconclusive"


def test_rules_beside_the_schema_are_asked_too() -> None:
    rule = Rule("load.small", "load", "range", low=0, high=10)
    found = _ask("schema", _evidence(rules=(rule,)))
    assert (found.outcome, found.value) == ("fail", 1)
    assert "load: " in found.reason
    assert _ask("schema", _evidence(rules=(rule,)), "broken_at_most: 1").outcome == "pass"


def test_superiority_is_the_one_sided_t_test_on_days() -> None:
    found = _ask("superiority", _evidence())
    cost = pd.Series(row_cost(Y, SHARP, Costs()) - row_cost(Y, DULL, Costs()))
    by_day = cost.groupby(FRAME["day"]).mean()
    interval = stats.ttest_1samp(by_day, 0).confidence_interval(0.90)
    assert (found.value, found.low, found.high) == pytest.approx((by_day.mean(), interval.low, interval.high))
    assert (found.n, found.days) == (1800, 30)


def test_without_a_champion_the_baseline_is_the_rival() -> None:
    found = _ask("superiority", _evidence(champion=None))
    assert "baseline" in found.reason
    assert found.value == pytest.approx(float((row_cost(Y, SHARP, Costs()) - row_cost(Y, FLAT, Costs())).mean()))


def test_a_gain_asked_for_must_be_exceeded() -> None:
    value = abs(_ask("superiority", _evidence()).value)
    assert _ask("superiority", _evidence(), f"gain: {value / 2:.3f}").outcome == "pass"
    assert _ask("superiority", _evidence(), f"gain: {value * 2:.3f}").outcome == "fail"


def test_one_bad_slice_fails_and_is_named_whatever_the_average() -> None:
    west = (FRAME["pier"] == "west").to_numpy()
    challenger = np.where(west, 1 - Y, SHARP)
    found = _ask("non_inferiority", _evidence(challenger=challenger))
    assert found.outcome == "fail"
    assert {part.name: part.outcome for part in found.parts} == {
        "pier=north": "pass", "pier=south": "pass", "pier=west": "fail"
    }  # fmt: skip
    assert "pier=west" in found.reason
    assert found.value > 0.1


def test_small_slices_are_shown_and_not_judged() -> None:
    frame = FRAME.assign(pier=np.where(FRAME.index < 40, "rare", FRAME["pier"]))
    found = _ask("non_inferiority", _evidence(frame=frame))
    rare = next(part for part in found.parts if part.name == "pier=rare")
    assert (rare.outcome, rare.value, rare.n) == ("skipped", None, 40)
    assert found.outcome == "pass"
    none = _ask("non_inferiority", _evidence(), "min_days: 31")
    assert (none.outcome, none.n) == ("skipped", 0)


def test_a_slice_column_that_is_not_there_is_inconclusive() -> None:
    policy = parse_policy("gates: [{name: g, kind: non_inferiority, by: tide, margin: 0.1}]")
    found = decide(_evidence(), policy)
    assert found.outcome == "inconclusive"
    assert "no column tide" in found.verdicts[0].reason


def test_auc_by_day_is_scikit_learns_also_for_every_draw() -> None:
    p = np.round(SHARP, 1)  # ties
    found = auc_by_day(Y.astype(float), p, FRAME["day"], 0.05, draws=100)
    assert found.value == pytest.approx(roc_auc_score(Y, p), abs=1e-12)
    weights = np.random.default_rng(0).multinomial(30, np.full(30, 1 / 30), size=100)
    day = pd.factorize(FRAME["day"])[0]
    drawn = [roc_auc_score(Y, p, sample_weight=draw[day]) for draw in weights]
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(drawn, [0.05, 0.95])), abs=1e-12)


def test_latency_bounds_are_order_statistics_and_hold_as_often_as_promised() -> None:
    assert _ask("latency", _evidence(latency_ms=QUICK[:58])).high is None
    exact = _ask("latency", _evidence(latency_ms=np.arange(1.0, 101.0)))
    assert exact.high == 1 + stats.binom(100, 0.95).ppf(0.95)
    assert exact.value == pytest.approx(np.quantile(np.arange(1.0, 101.0), 0.95))
    rng, truth = np.random.default_rng(3), stats.expon.ppf(0.95)
    above = [_ask("latency", _evidence(latency_ms=rng.exponential(size=80))) for _ in range(400)]
    assert np.mean([v.high >= truth for v in above]) >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 400)
    assert np.mean([v.low <= truth for v in above]) >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 400)


def _world(
    rng: np.random.Generator, worse: float, days: int = 31, per_day: int = 60, luck: float = 0.08, piers: int = 1
) -> Evidence:
    """Nobody is late: every flag costs 1. Days share their luck; the challenger flags `worse` more rows on average."""
    n = days * per_day
    day = np.repeat(np.arange(days), per_day)
    old = np.repeat(rng.uniform(0.1, 0.3, days), per_day)
    new = old + worse + np.repeat(rng.uniform(-luck, luck, days), per_day)
    frame = pd.DataFrame(
        {"day": pd.Timestamp("2020-01-01") + pd.to_timedelta(day, unit="D"), "pier": np.arange(n) % piers}
    )
    flags = [np.where(rng.random(n) < share, 0.9, 0.1) for share in (old, new)]
    return Evidence(SCHEMA, frame, champion=flags[0], challenger=flags[1], y=np.zeros(n))


def _pass_rate(kind: str, settings: str, worse: float, runs: int = 400) -> float:
    rng, policy = np.random.default_rng(11), parse_policy(f"gates: [{{name: g, kind: {kind}, {settings}}}]")
    return float(np.mean([decide(_world(rng, worse), policy).passed for _ in range(runs)]))


SLACK = 3 * np.sqrt(0.05 * 0.95 / 400)  # three standard errors of a share of 5 % in 400 runs


def test_an_equal_model_passes_superiority_at_most_one_time_in_twenty_and_the_point_rule_half_of_the_time() -> None:
    assert 0.01 < _pass_rate("superiority", "alpha: 0.05", worse=0) <= 0.05 + SLACK
    assert _pass_rate("point", "gain: 0", worse=0) == pytest.approx(0.5, abs=0.1)
    assert _pass_rate("superiority", "alpha: 0.05", worse=-0.05, runs=100) > 0.8


def test_a_model_worse_by_the_margin_passes_non_inferiority_at_most_one_time_in_twenty() -> None:
    setting = "by: pier, margin: 0.05, min_rows: 100"
    assert 0.01 < _pass_rate("non_inferiority", setting, worse=0.05) <= 0.05 + SLACK
    assert _pass_rate("non_inferiority", setting, worse=0, runs=100) >= 0.8


def test_many_slices_do_not_fail_by_accident() -> None:
    rng = np.random.default_rng(7)
    policy = parse_policy("gates: [{name: g, kind: non_inferiority, by: pier, margin: 0.05, min_rows: 100}]")
    worlds = [_world(rng, 0.05, per_day=160, luck=0, piers=8) for _ in range(150)]
    failed = np.mean([decide(world, policy).outcome == "fail" for world in worlds])
    assert failed <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 150)  # eight uncorrected tests would fail one time in three


def test_evidence_of_unequal_length_or_without_outcomes_is_refused() -> None:
    with pytest.raises(BadData, match="3 values in champion for 1,800 rows"):
        _evidence(champion=DULL[:3])
    with pytest.raises(BadData, match="no day"):
        _evidence(frame=FRAME.drop(columns="day"))
    missing = FRAME.assign(late=FRAME["late"].astype(float).where(FRAME.index > 0))
    verdict = _ask("superiority", _evidence(frame=missing))
    assert verdict.outcome == "inconclusive"
    assert "outcome is missing" in verdict.reason


def test_a_decision_is_a_table_plain_values_and_repeatable() -> None:
    policy = parse_policy("gates:\n" + "".join(f"- {_gate(kind)}\n" for kind in KINDS))
    one, two = decide(_evidence(), policy), decide(_evidence(), policy)
    assert one == two
    assert one.policy_digest == policy.digest
    assert list(one.frame()["gate"]) == [gate.name for gate in policy.gates]
    plain = json.loads(json.dumps(one.to_dict()))
    assert plain["outcome"] == "pass"
    assert plain["verdicts"][list(KINDS).index("non_inferiority")]["parts"][0]["name"] == "pier=north"
    assert one.blocking == ()
    assert one.verdict("floor gate").kind == "floor"
    with pytest.raises(BadData, match="no gate is called 'x'; there are schema gate"):
        one.verdict("x")


GOOD = "gates:\n  - name: floor\n    kind: floor\n    at_least: 0.7\n"


def test_the_digest_names_what_the_policy_says_not_how() -> None:
    same = "# why\ngates: [{kind: floor, at_least: .7, name: floor, alpha: 0.05, severity: block}]"
    assert parse_policy(GOOD).digest == parse_policy(same).digest
    assert parse_policy(GOOD.replace("0.7", "0.71")).digest != parse_policy(GOOD).digest
    assert parse_policy(GOOD + "    severity: warn\n").digest != parse_policy(GOOD).digest


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", None, "is empty"),
        ("- a\n", 1, "the file is not a mapping"),
        ("gate: []\n", 1, "expected `gates`, found gate"),
        ("# no gate\ngates: []\n", 2, "at least one gate"),
        ("gates:\n  - floor\n", 2, "a gate is not a mapping"),
        (GOOD + "    at_least: 0.1\n", 5, "at_least is said twice"),
        (
            GOOD.replace("kind: floor", "kind: flor"),
            3,
            "no gate kind 'flor'. Use one of schema, inputs, floor, superiority",
        ),
        (GOOD.replace("    kind: floor\n", ""), 2, "this gate has no kind"),
        (GOOD.replace("name: floor", "name: 7"), 2, "the name 7 is not a word"),
        (GOOD.replace("0.7", "70"), 4, "at_least is 70. It must be a number from 0 to 1"),
        (GOOD.replace("0.7", ".nan"), 4, "at_least is nan"),
        (GOOD.replace("0.7", "yes"), 4, "at_least is True"),
        (GOOD.replace("0.7", "'0.7'"), 4, "at_least is '0.7'"),
        (GOOD.replace("0.7", ""), 4, "floor needs at_least"),
        (GOOD.replace("    at_least: 0.7\n", ""), 2, "floor needs at_least"),
        (GOOD + "    margin: 1\n", 5, "floor has no setting 'margin'. It has at_least"),
        (GOOD + "    severity: stop\n", 5, "severity is 'stop'. Use block or warn"),
        (GOOD + GOOD.replace("gates:\n", ""), 5, "two gates are called 'floor'"),
        (GOOD + "  - name: [\n", 6, "policy line"),
        ("gates: !!python/object/apply:os.getcwd []\n", 1, "at least one gate"),
        (GOOD.replace("0.7", "!!python/name:os.getcwd"), 4, "not plain YAML"),
        (GOOD + "    [a]: 1\n", 5, "a name is not a word"),
        ("gates: &a [*a]\n", 1, "a gate is not a mapping"),
        (GOOD + "\x07", 1, "not YAML"),
    ],
)
def test_a_bad_policy_names_its_line(text: str, line: int | None, words: str) -> None:
    with pytest.raises(BadParameter) as refused:
        parse_policy(text, "policy")
    if line is not None:
        assert refused.value.values["line"] == line
        assert f"policy line {line}: " in str(refused.value)
    assert words in str(refused.value)
    assert refused.value.fix


def test_a_missing_policy_is_named_and_the_courses_own_is_good(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"there is no gates\.yaml"):
        load_policy(tmp_path / "gates.yaml")
    (tmp_path / "gates.yaml").write_bytes(b"gates: \xff")
    with pytest.raises(BadParameter, match="not UTF-8"):
        load_policy(tmp_path / "gates.yaml")
    course = load_policy(ROOT / "mlops_core/templates/flights/gates.yaml")
    assert {gate.kind for gate in course.gates} == set(KINDS) - {"point", "not_worse"}
    assert all(gate.severity == "block" for gate in course.gates)
