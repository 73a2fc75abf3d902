"""A replayed stream in a small world: each alarm rings for its own reason, when it could first be known."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mlops_core.dataset import Column, Costs, Schema
from mlops_core.errors import BadData, BadParameter
from mlops_core.monitor import Baseline, Expected, MonitorPolicy, detection, replay, timeline, windows
from mlops_core.performance import SLO
from mlops_core.training import ModelSpec, evaluate, fit, predict

SCHEMA = Schema(
    (
        Column("day", "time", "day"),
        Column("known", "time", "known"),
        Column("x", "number", "feature"),
        Column("z", "number", "feature"),
        Column("y", "flag", "target"),
    )
)
COSTS = Costs(1, 3)
START = pd.Timestamp("2013-01-07")


STRICT = {"band": "iid", "alpha": 0.001}  # weeks are alike here, so chance alarms can be ruled out


def stream(weeks, seed=0, per_day=120, *, hurt=(), hot=()):
    """Weeks of rows; in the weeks `hurt` y ignores x, in `hot` z has moved by two deviations."""
    rng = np.random.default_rng(seed)
    n = weeks * 7 * per_day
    day = np.repeat(np.arange(weeks * 7), per_day)
    week = day // 7
    x = rng.normal(size=n)
    chance = 1 / (1 + np.exp(-(-1 + 2 * x)))
    chance = np.where(np.isin(week, hurt), 1 / (1 + np.exp(-(1 - 2 * x))), chance)
    stamps = START + pd.to_timedelta(day, unit="D")
    return pd.DataFrame(
        {
            "day": stamps,
            "known": stamps + pd.Timedelta(hours=15),
            "x": x,
            "z": rng.normal(size=n) + 2 * np.isin(week, hot),
            "y": (rng.random(n) < chance).astype(int),
        }
    )


MODEL = fit(stream(6, seed=9), SCHEMA, ModelSpec("logistic", {}, ("x", "z")), seed=0)
BASELINE = Baseline.of(stream(8, seed=1), SCHEMA, MODEL, costs=COSTS)


def last_day(weeks):
    return START + pd.Timedelta(days=7 * weeks - 1)


def run(frame, weeks, baseline=BASELINE, **settings):
    return list(replay(frame, SCHEMA, MODEL, baseline, MonitorPolicy(**settings), START, last_day(weeks)))


def kinds(readings):
    return [tuple(alarm.kind for alarm in window.alarms) for window in readings]


def test_harm_without_drift_rings_realised_only():
    readings = run(stream(5, seed=2, hurt=(2,)), 5, **STRICT)
    assert [("realised" in k) for k in kinds(readings)] == [False, False, True, False, False]
    assert all("input" not in k and "estimate" not in k for k in kinds(readings))
    (alarm,) = [a for a in readings[2].alarms if a.kind == "realised"]
    assert alarm.start == START + pd.Timedelta(days=14)
    assert alarm.first_seen == START + pd.Timedelta(days=21, hours=12)
    assert alarm.delay_days == 7.5
    assert alarm.value > alarm.threshold == BASELINE.cost.high
    assert alarm.code == "monitor.realised"


def test_drift_without_harm_rings_input_only():
    readings = run(stream(4, seed=3, hot=(2, 3)), 4, **STRICT)
    assert kinds(readings) == [(), (), ("input",), ("input",)]
    assert readings[2].drift.drifted == ("z",)
    assert readings[2].alarms[0].columns == ("z",)


@pytest.mark.parametrize(("days", "seen"), [(0, 2), (7, 3), (14, 4)])
def test_settlement_delays_the_alarm_not_its_window(days, seen):
    readings = run(stream(6, seed=2, hurt=(2,)), 6, settlement_days=days)
    rung = [(i, a) for i, w in enumerate(readings) for a in w.alarms if a.kind == "realised"]
    assert [(i, a.start) for i, a in rung] == [(seen, START + pd.Timedelta(days=14))]
    assert rung[0][1].delay_days == 7.5 + days


def test_each_window_is_judged_once_and_only_when_enough_is_known():
    readings = run(stream(5, seed=2), 5, settlement_days=3)
    assert [len(w.settled) for w in readings] == [0, 1, 1, 1, 1]
    assert [w.settled[0].start for w in readings[1:]] == [w.start for w in readings[:-1]]
    assert [round(w.known / w.rows, 3) for w in readings] == [round(4 / 7, 3)] * 5
    assert readings[1].previous_realised.share == 1.0
    assert readings[0].previous_realised is None


def test_the_future_changes_nothing_that_was_said_before():
    frame = stream(5, seed=2)
    other = frame.copy()
    later = other["day"] >= START + pd.Timedelta(days=21)
    other.loc[later, ["x", "z"]] = 9.0
    other.loc[later, "y"] = 1
    before, after = run(frame, 5), run(other, 5)
    assert [w.to_dict() for w in before[:3]] == [w.to_dict() for w in after[:3]]
    assert before[3].to_dict() != after[3].to_dict()


def test_outcomes_not_yet_known_are_not_looked_at():
    frame = stream(2, seed=2)
    flipped = frame.assign(y=1 - frame["y"])
    one, two = (run(f, 2, settlement_days=30) for f in (frame, flipped))
    assert [w.to_dict() for w in one] == [w.to_dict() for w in two]
    assert one[1].realised.metrics is None


def test_numbers_of_a_window_are_those_of_its_rows():
    frame = stream(3, seed=4)
    reading = run(frame, 3)[1]
    rows = frame[(frame["day"] >= reading.start) & (frame["day"] <= reading.end)]
    assert reading.rows == len(rows) == reading.known
    assert reading.realised.metrics == evaluate(rows["y"], predict(MODEL, rows), COSTS)
    assert reading.estimated.cost_per_row == pytest.approx(reading.realised.metrics.cost_per_row, rel=0.15)


def test_moved_scores_and_estimate_ring_before_any_outcome():
    frame = stream(3, seed=5)
    frame.loc[frame["day"] >= START + pd.Timedelta(days=14), "x"] *= 0.2  # everybody is a borderline case now
    readings = run(frame, 3, settlement_days=30)
    assert {"score", "estimate", "input"} <= set(kinds(readings)[2])
    assert "realised" not in kinds(readings)[2]


def test_a_feed_that_ends_and_rows_that_stop():
    frame = stream(4, seed=6)
    frame.loc[frame["day"] >= START + pd.Timedelta(days=14), "z"] = np.nan
    frame = frame[frame["day"] < START + pd.Timedelta(days=21)]
    readings = run(frame, 4)
    (gone,) = [a for a in readings[2].alarms if a.kind == "missing"]
    assert (gone.columns, gone.value) == (("z",), 1.0)
    assert kinds(readings)[3] == ("missing",)
    assert (readings[3].rows, readings[3].estimated) == (0, None)
    assert readings[3].settled[0].start == START + pd.Timedelta(days=21)


def test_calm_weeks_ring_rarely():
    readings = run(stream(30, seed=7), 30)
    rung = [k for window in kinds(readings) for k in window]
    assert rung.count("realised") <= 4
    assert rung.count("estimate") <= 4
    assert rung.count("missing") == 0


def test_the_budget_burns_when_decisions_go_wrong():
    slo = SLO("decisions", 0.7, window_days=14)
    readings = run(stream(4, seed=2, hurt=(2, 3)), 4, slo=slo, burn_rate=1.2)
    assert ["slo" in k for k in kinds(readings)] == [False, False, True, True]
    assert readings[3].budget.burn_rate > readings[1].budget.burn_rate
    assert run(stream(1), 1)[0].budget is None


def test_by_day():
    baseline = Baseline.of(stream(4, seed=1), SCHEMA, MODEL, costs=COSTS, freq="D")
    assert baseline.cost.units == 28
    readings = run(stream(1, seed=3), 1, baseline)
    assert len(readings) == 7
    assert all(w.start == w.end for w in readings)


def test_which_layer_rings_first():
    readings = run(stream(5, seed=2, hurt=(2,)), 5, **STRICT)
    onset, until = START + pd.Timedelta(days=14), START + pd.Timedelta(days=20)
    found = {d.kind: d.delay_days for d in detection(readings, onset, until)}
    assert found == {"input": None, "score": None, "estimate": None, "realised": 7.5, "slo": None, "missing": None}


def test_results_are_plain_values_and_a_table():
    readings = run(stream(3, seed=2, hurt=(2,)), 3)
    for window in readings:
        json.dumps(window.to_dict(), allow_nan=False)
    table = timeline(readings)
    assert len(table) == 3
    assert "realised" in table.loc[2, "alarms"]
    assert timeline([]).empty


def test_windows_are_monday_to_sunday_cut_at_the_ends():
    frame = stream(3)
    spans = windows(frame, SCHEMA, "2013-01-09", "2013-01-22")
    assert [(s.start.day, s.end.day, len(s.positions)) for s in spans] == [(9, 13, 600), (14, 20, 840), (21, 22, 240)]
    assert len(windows(frame, SCHEMA, "2013-01-09", "2013-01-22", "D")) == 14
    assert [len(s.positions) for s in windows(frame, SCHEMA, "2014-01-06", "2014-01-12")] == [0]


def test_expected_is_a_prediction_interval():
    values = np.random.default_rng(0).normal(5, 2, 12)
    expected = Expected.of(values, 0.9)
    half = stats.t.ppf(0.95, 11) * values.std(ddof=1) * np.sqrt(1 + 1 / 12)
    assert (expected.mean, expected.low, expected.high) == pytest.approx(
        (values.mean(), values.mean() - half, values.mean() + half)
    )
    rng = np.random.default_rng(1)
    inside = [(e := Expected.of(v[:5], 0.9)).low <= v[5] <= e.high for v in rng.normal(size=(2000, 6))]
    assert np.mean(inside) == pytest.approx(0.9, abs=0.02)


@pytest.mark.parametrize(
    "call",
    [
        lambda: Expected.of([1.0, 2.0]),
        lambda: Baseline.of(stream(2), SCHEMA, MODEL, costs=COSTS),
        lambda: Baseline.of(stream(3)[:0], SCHEMA, MODEL, costs=COSTS),
        lambda: Baseline.of(stream(3).drop(columns="y"), SCHEMA, MODEL, costs=COSTS),
        lambda: Baseline.of(stream(3), SCHEMA, None, costs=COSTS, scores=[0.5]),
        lambda: windows(stream(1).drop(columns="day"), SCHEMA, START, START),
        lambda: list(replay(stream(1).drop(columns="known"), SCHEMA, MODEL, BASELINE, MonitorPolicy(), START, START)),
    ],
)
def test_bad_data_is_refused(call):
    with pytest.raises(BadData):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: Expected.of([1.0, 2.0, 3.0], 1.0),
        lambda: windows(stream(1), SCHEMA, "2013-02-01", "2013-01-01"),
        lambda: windows(stream(1), SCHEMA, START, START, "M"),
        lambda: Baseline.of(stream(3), SCHEMA, None, costs=COSTS),
        lambda: MonitorPolicy(input_share=0),
        lambda: MonitorPolicy(settled_share=1.5),
        lambda: MonitorPolicy(settlement_days=-1),
    ],
)
def test_bad_parameters_are_refused(call):
    with pytest.raises(BadParameter):
        call()
