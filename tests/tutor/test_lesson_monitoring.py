"""The shift lab and the tasks of Monitoring: keys come from the scenario, missions are reachable and refuse by name."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from mlops_core import project
from mlops_core.errors import NotFound
from mlops_core.monitor import Expected
from tutor.lesson import monitoring as lesson
from tutor.simulation.histograms import histogram
from tutor.simulation.shiftlab import LIMITS, SIZES, LabState, ShiftLab


@pytest.fixture(scope="module")
def lab(home) -> ShiftLab:
    course = project.template("flights")
    return ShiftLab.build(home.year(course), course.schema, course.costs, seed=1)


# -- the lab -------------------------------------------------------------------------------------------------------------


def test_nothing_shifted_changes_nothing(lab):
    reading = lab.read(LabState("temp"))
    assert reading.auc_loss == 0
    assert reading.cost_added == 0
    assert reading.auc_band.holds(reading.model.auc)
    assert reading.cost_band.holds(reading.model.cost_per_row)
    assert not reading.score.drifted
    assert reading.oracle.auc > reading.model.auc
    assert reading.oracle.cost_per_row < reading.model.cost_per_row


def test_the_oracle_knows_what_the_model_does_not(lab):
    """After a flip the truth still ranks well, the model does not, and the estimate has not noticed."""
    calm, flipped = lab.read(LabState("recent_delay")), lab.read(LabState("recent_delay", weight=-1.0))
    assert flipped.auc_loss > 0.1
    assert flipped.estimated == calm.estimated
    assert flipped.drift.frame()["statistic"].tolist() == calm.drift.frame()["statistic"].tolist()
    assert flipped.oracle.auc > flipped.model.auc + 0.05


def test_a_fault_of_the_pipeline_is_unknown_to_the_outcomes(lab):
    calm, bug = lab.read(LabState("recent_delay")), lab.read(LabState("recent_delay", unit="÷ 60"))
    assert bug.model.rate == calm.model.rate
    assert bug.oracle == calm.oracle
    assert bug.cost_added > 0.05


def test_a_move_of_the_world_reaches_the_outcomes(lab):
    assert lab.read(LabState("temp", mean=2.0)).model.rate != lab.read(LabState("temp")).model.rate


def test_the_intercept_moves_calibration_and_not_the_ranking(lab):
    reading = lab.read(LabState("temp", intercept=0.7))
    assert abs(reading.auc_loss) < 0.01
    assert reading.gap < -0.08


def test_the_base_rate_is_what_was_asked_for_and_the_oracle_stays_calibrated(lab):
    calm, more = lab.read(LabState("temp", n=10_000)), lab.read(LabState("temp", prior=2.0, n=10_000))
    assert more.model.rate == pytest.approx(2 * calm.model.rate, rel=0.01)
    assert more.oracle.mean_score == pytest.approx(more.model.rate, abs=0.02)


def test_missing_and_labels_arrive_as_asked(lab):
    lost = lab.read(LabState("temp", missing=0.4)).histogram
    assert lost.missing_current == pytest.approx(0.4, abs=0.03)
    assert lost.missing_reference < 0.02
    moved = lab.read(LabState("origin", label="LGA", label_share=0.5)).histogram
    at = moved.names.index("LGA")
    assert moved.current[at] == pytest.approx(0.5 + 0.5 * moved.reference[at], abs=0.03)


def test_the_auc_band_is_that_of_scikit_learn(lab):
    """The middle 95 of 100 of 300 windows drawn here, their AUC by scikit-learn."""
    rng, outcome = np.random.default_rng(5), lab.stream["disrupted"].to_numpy()
    drawn = (rng.integers(0, len(outcome), 500) for _ in range(300))
    aucs = [roc_auc_score(outcome[rows], lab.stream_scores[rows]) for rows in drawn]
    band = lab.read(LabState("temp", n=500)).auc_band
    assert (band.low, band.high) == pytest.approx(tuple(np.quantile(aucs, (0.025, 0.975))), abs=0.012)


def test_twice_the_same_numbers(lab):
    state = LabState("humid", mean=1.0, missing=0.2, prior=1.5, n=500)
    one, two = lab.read(state), lab.read(state)
    assert one.model == two.model
    assert one.drift.to_dict() == two.drift.to_dict()


@pytest.mark.parametrize("size", SIZES)
def test_every_size_is_readable_in_every_corner(lab, size):
    for mean, weight, intercept in itertools.product(LIMITS["mean"], LIMITS["weight"], LIMITS["intercept"]):
        reading = lab.read(
            LabState("wind_gust", mean=mean, spread=0.0, missing=1.0, weight=weight, intercept=intercept, n=size)
        )
        assert reading.drift.column("wind_gust").drifted


@pytest.mark.parametrize("name", sorted(LIMITS))
@pytest.mark.parametrize("asked", [-1e9, 1e9, float("nan"), float("inf")])
def test_tampered_values_are_clamped(name, asked):
    low, high = LIMITS[name]
    assert low <= getattr(replace(LabState("temp"), **{name: asked}).clamped, name) <= high


def test_an_unknown_feature_is_named(lab):
    with pytest.raises(NotFound, match="'altitude'"):
        lab.read(LabState("altitude"))


def test_histogram_counts_every_row_once():
    shown = histogram(pd.Series([0.0, 1.0, 2.0, 3.0]), pd.Series([-50.0, 1.0, 99.0, None]), (), bins=4, ends=(0.0, 4.0))
    assert shown.reference == (0.25, 0.25, 0.25, 0.25)
    assert shown.current == (0.25, 0.25, 0.0, 0.25)
    assert shown.missing_current == 0.25
    words = histogram(pd.Series(["a", "a", "b", "c"]), pd.Series(["b", "z", None, "a"]), ("a", "b"))
    assert (words.names, words.reference, words.current) == (("a", "b", "other"), (0.5, 0.25, 0.25), (0.25, 0.25, 0.25))


# -- the prediction ------------------------------------------------------------------------------------------------------


def test_the_least_used_column_is_found_and_does_no_harm(lab):
    state = lesson.irrelevant_state(lab)
    answer = lesson.IRRELEVANT.reveal(lab.read(state))
    assert answer.option == "same"
    assert answer.values["psi"] > 1


def test_the_key_moves_with_the_scenario(lab):
    state = LabState(lab.most_trusted(), unit="÷ 60", n=10_000)
    assert lesson.IRRELEVANT.reveal(lab.read(state)).option == "falls"
    assert lab.most_trusted() != lab.least_used()


# -- the missions --------------------------------------------------------------------------------------------------------


def outcome(lab, mission, *states: LabState) -> list[str]:
    return [mission.attempt(lab.read(state)).code for state in states]


def test_drift_without_harm_is_reachable(lab):
    assert outcome(lab, lesson.DRIFT_WITHOUT_HARM, LabState(lab.least_used(), mean=2.0)) == ["right"]


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (LabState("temp"), "nothing"),
        (LabState("temp", n=10_000, bins=20), "nothing"),
        (LabState("distance", mean=2.0, n=100), "few"),
        (LabState("temp", mean=0.1), "input"),
        (LabState("recent_delay", unit="÷ 60"), "score"),
        (LabState("distance", mean=2.0, intercept=0.7), "cost"),
        (LabState("temp", mean=2.0), "cost"),
    ],
)
def test_drift_without_harm_refuses_by_name(lab, state, code):
    assert outcome(lab, lesson.DRIFT_WITHOUT_HARM, state) == [code]


def test_drift_without_harm_notices_a_changed_truth(lab):
    """Missing gusts drift and reach no score; what else the truth does is another matter."""
    reading = lab.read(LabState(lab.least_used(), mean=2.0))
    harmed = replace_model(reading, auc=reading.before.auc - 0.05)
    assert lesson.DRIFT_WITHOUT_HARM.attempt(harmed).code == "harm"


def replace_model(reading, **values):
    copy = object.__new__(type(reading))
    for name in reading.__slots__:
        object.__setattr__(copy, name, getattr(reading, name))
    object.__setattr__(copy, "model", replace(reading.model, **values))
    return copy


def test_harm_without_drift_is_reachable(lab):
    assert outcome(lab, lesson.HARM_WITHOUT_DRIFT, LabState(lab.most_trusted(), weight=-1.0)) == ["right"]


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (LabState("recent_delay"), "nothing"),
        (LabState("recent_delay", weight=-1.0, n=200), "few"),
        (LabState("recent_delay", unit="÷ 60", weight=-1.0), "drift"),
        (LabState("precip", weight=-1.0), "harmless"),
    ],
)
def test_harm_without_drift_refuses_by_name(lab, state, code):
    assert outcome(lab, lesson.HARM_WITHOUT_DRIFT, state) == [code]


def test_constant_play_fails_every_mission(lab):
    """Everything to the end, whatever the column: no mission is won by one setting of the sliders."""
    for mission in (lesson.DRIFT_WITHOUT_HARM, lesson.HARM_WITHOUT_DRIFT):
        assert mission.attempt(None).kind == "not_attempted"
        for mean in (LIMITS["mean"][0], 0.0, LIMITS["mean"][1]):
            for weight in LIMITS["weight"]:
                won = [
                    mission.attempt(lab.read(LabState(name, mean=mean, weight=weight, n=2000))).kind == "right"
                    for name in ("hour", "seats", "humid", "precip")
                ]
                assert not all(won)


# -- the furlough week ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def incident_parts():
    """Four calm weeks and a dear one of a small world (see tests/core/test_monitor.py)."""
    from mlops_core.monitor import MonitorPolicy, replay
    from tests.core import test_monitor as small

    frame = small.stream(6, seed=3, hurt=(4,))
    policy = MonitorPolicy(band="iid", alpha=0.001)
    readings = tuple(replay(frame, small.SCHEMA, small.MODEL, small.BASELINE, policy, small.START, small.last_day(6)))
    return readings, small.BASELINE.cost


def test_the_diagnosis_follows_from_the_board(incident_parts):
    readings, cost = incident_parts
    hurt, calm = (f"{readings[week].start:%Y-%m-%d}" for week in (4, 3))
    assert lesson.CAUSE.reveal(lesson.incident(readings, cost, hurt)).option == "world"
    assert lesson.CAUSE.reveal(lesson.incident(readings, cost, calm)).option == "luck"
    case = lesson.incident(readings, cost, hurt)
    assert lesson.CAUSE.reveal(replace(case, usual=-1)).option == "inputs"
    assert lesson.CAUSE.reveal(replace(case, cost=Expected(1.0, 0.0, 9.0, 8))).option == "luck"
    with pytest.raises(LookupError, match="1999"):
        lesson.incident(readings, cost, "1999-01-04")


def test_known_then_holds_what_had_arrived(incident_parts):
    readings, _ = incident_parts
    for week in range(len(readings)):
        known = lesson.known_then(readings[: week + 1])
        assert max(known) <= readings[week].start
    assert len(lesson.known_then(readings)) == len(readings)
