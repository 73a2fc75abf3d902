"""The tasks of the page versions: keys are computed, and move when the tables do."""

from __future__ import annotations

import pandas as pd
import pytest

from mlops_core import project, versions
from mlops_core.dataset import Costs
from mlops_core.diff import diff
from mlops_core.errors import BadData, BadInput
from mlops_core.project import Home
from mlops_core.templates.flights.versions import MPH_PER_KNOT
from mlops_core.training import ModelSpec
from tutor.lesson import versions as lesson
from tutor.lesson.versions import READ_DIFF, SHUFFLE, Clock, Reading

COURSE = project.template("flights")
KEY = list(COURSE.schema.key)


@pytest.fixture(scope="module")
def tables(home: Home, tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    ws = project.create(tmp_path_factory.mktemp("versions") / "ws", home=home)
    return {name: versions.read(ws, name) for name in ("v3", "v4", "v5")}


@pytest.fixture(scope="module")
def reading(tables: dict[str, pd.DataFrame]) -> Reading:
    found = diff(tables["v3"], tables["v4"], KEY)
    return Reading(5, 1.151, lesson.read_clock(tables["v3"], tables["v4"]), lesson.gust_factor(found))


def told(reading: Reading, hours: int, factor: float) -> tuple[str, str]:
    outcome = READ_DIFF.attempt(Reading(hours, factor, reading.clock, reading.true_factor))
    return outcome.kind, outcome.code


# --- the prediction ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "option"),
    [
        (lesson.shuffled, "bytes"),
        (lambda frame: frame.copy(), "none"),
        (lambda frame: frame.assign(air_time=frame["air_time"] + 1), "digests"),
        (lambda frame: frame.assign(temp=frame["temp"].where(frame["origin"] != "JFK")), "all"),
    ],
    ids=["shuffled", "untouched", "a column no model reads", "a column the model reads"],
)
def test_the_key_follows_what_is_done(tables: dict[str, pd.DataFrame], change, option: str) -> None:
    train = lesson.trainer(COURSE.schema, ModelSpec("boosting", {"max_iter": 5}), Costs(), seed=1, rows=3000)
    assert SHUFFLE.reveal(lesson.rewrite(tables["v5"], train, change)).option == option


def test_a_file_of_the_store_is_written_the_same_again(home: Home, tmp_path) -> None:
    ws = project.create(tmp_path / "ws", home=home)
    known = versions.current(ws)
    found = lesson.facts(versions.read(ws, known.name), lambda frame: (_model(frame), None))
    assert (found.md5, found.digest) == (known.md5, known.digest)


def _model(frame: pd.DataFrame):
    from mlops_core.training import fit

    return fit(frame.head(2000), COURSE.schema, ModelSpec("dummy"), seed=0)


# --- the mission ------------------------------------------------------------------------------------------------------


def test_the_clock_is_found_in_the_tables(reading: Reading) -> None:
    assert (reading.clock.best, reading.clock.second) == (5, 4)
    assert reading.clock.shares[5] > 0.6
    assert reading.clock.days[5] > 60 > reading.clock.days[4] > 15


def test_the_other_way_round_it_is_negative(tables: dict[str, pd.DataFrame]) -> None:
    assert lesson.read_clock(tables["v4"], tables["v3"]).best == -5


def test_a_shift_made_by_hand_is_found(tables: dict[str, pd.DataFrame]) -> None:
    """Weather of three hours before, looked up by pandas and not by the code under test."""
    new = tables["v5"]
    hourly = new.assign(hour_utc=new["sched_utc"].dt.floor("h")).drop_duplicates(["origin", "hour_utc"])
    later = hourly[["origin", "hour_utc", *lesson.STEADY]].assign(hour_utc=hourly["hour_utc"] + pd.Timedelta(hours=3))
    bare = new.drop(columns=list(lesson.STEADY)).assign(hour_utc=new["sched_utc"].dt.floor("h"))
    clock = lesson.read_clock(bare.merge(later, on=["origin", "hour_utc"]), new)
    assert clock.best == 3
    assert clock.shares[3] == pytest.approx(1.0)


def test_the_factor_is_the_recipes(reading: Reading, tables: dict[str, pd.DataFrame]) -> None:
    assert reading.true_factor == pytest.approx(MPH_PER_KNOT)
    doubled = tables["v3"].assign(wind_gust=tables["v3"]["wind_gust"] * 2)
    assert lesson.gust_factor(diff(doubled, tables["v4"], KEY)) == pytest.approx(2 * MPH_PER_KNOT)
    with pytest.raises(BadData, match="no copy"):
        lesson.gust_factor(diff(tables["v4"], tables["v5"], KEY))


@pytest.mark.parametrize(
    ("hours", "factor", "kind", "code"),
    [
        (5, 1.151, "right", "right"),
        (5, 1.15078, "right", "right"),
        (5, 1.0, "wrong", "factor"),
        (5, 0.869, "wrong", "factor"),
        (-5, 1.151, "wrong", "sign"),
        (4, 1.151, "wrong", "half_year"),
        (2, 1.151, "wrong", "clock"),
        (0, 1.0, "wrong", "both"),
    ],
)
def test_every_wrong_reading_has_its_own_code(
    reading: Reading, hours: int, factor: float, kind: str, code: str
) -> None:
    assert told(reading, hours, factor) == (kind, code)


def test_nothing_tried_is_not_wrong() -> None:
    assert READ_DIFF.attempt(None).kind == "not_attempted"


def test_one_answer_for_all_tables_fails(reading: Reading) -> None:
    """The key moves with the tables: what is right here is wrong for a clock that is off by three."""
    other = Reading(5, 1.151, Clock({3: 0.9, 5: 0.1}, {3: 90}), reading.true_factor)
    assert READ_DIFF.attempt(other).code == "clock"


# --- what the page shows ----------------------------------------------------------------------------------------------


def test_one_cell_costs_a_file(tables: dict[str, pd.DataFrame]) -> None:
    frame = tables["v4"].head(5000)
    cost = lesson.warmer_by_one(frame)
    assert cost.stored == cost.after
    assert cost.same < cost.before
    untouched = lesson.cell_cost(frame, "distance", 7, float(frame["distance"].iloc[7]))
    assert untouched.same == untouched.before == untouched.after


def test_a_day_in_two_versions(tables: dict[str, pd.DataFrame]) -> None:
    day = lesson.one_day(tables["v3"], tables["v4"], "2013-01-09", "EWR", "temp")
    shown = dict(zip(day.hours, day.new, strict=True)), dict(zip(day.hours, day.old, strict=True))
    assert shown[1][15] == shown[0][10]
    assert list(day.frame().columns) == ["hour", "old", "new"]


def test_the_next_week_is_appended_as_known(tables: dict[str, pd.DataFrame], home: Home) -> None:
    year = home.year(COURSE)
    frame, end = lesson.next_week(tables["v5"], year, COURSE)
    assert end == "2013-04-07"
    assert list(frame.columns) == list(tables["v5"].columns)
    fresh = frame.iloc[len(tables["v5"]) :]
    week = year[(year["date"] > "2013-03-31") & (year["date"] <= "2013-04-07")]
    assert len(fresh) == int((week["known_utc"] <= "2013-04-08 12:00").sum())
    last = year[year["date"] >= "2013-12-28"]
    with pytest.raises(BadInput, match="no further"):
        lesson.next_week(last, year, COURSE)
