"""The year's feature table, cell by cell against slow computations that share no code with it."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from flights_tables import raw, table
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlops_core.digest import digest_frame
from mlops_core.errors import BadData
from mlops_core.templates.flights import features
from mlops_core.templates.flights.features import KEY, WEATHER, assemble, local_to_utc, recent_delay, utc_to_local, year
from mlops_core.templates.flights.raw import Raw, find_source

DIGEST = "8eccd4986029854c35951ec2a5161c775219853bc41991a1e581b9c17129bd70"
NEW_YORK = ZoneInfo("America/New_York")


def sample(rows: int, seed: int = 0) -> pd.DataFrame:
    return table().sample(rows, random_state=np.random.default_rng(seed))


def test_the_year_has_its_rows_and_its_digest() -> None:
    assert len(table()) == 336_776
    assert digest_frame(table()) == DIGEST


def test_another_process_and_hash_seed_give_the_same_digest() -> None:
    code = (
        "from mlops_core.digest import digest_frame; from mlops_core.templates.flights import features, raw; "
        "print(digest_frame(features.year(raw.find_source()), ordered=True))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "4711", "TZ": "Asia/Kathmandu"}
    here = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=here, check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == digest_frame(table(), ordered=True)


def test_the_key_is_unique_and_rows_are_in_order() -> None:
    assert not table().duplicated(list(KEY)).any()
    expected = table().sort_values(list(features.ORDER), kind="stable")
    assert expected.index.equals(table().index)


def test_a_duplicate_key_is_refused() -> None:
    flights = pd.concat([raw().flights.head(50), raw().flights.head(1)])
    with pytest.raises(BadData, match="1 rows share date, carrier, flight and origin"):
        assemble(Raw(flights, raw().weather, raw().planes, raw().airlines, raw().airports))


def test_the_order_of_the_raw_rows_does_not_matter() -> None:
    flights = raw().flights.query("month == 3 and day < 12")
    shuffled = flights.sample(frac=1, random_state=np.random.default_rng(1))
    one, two = (
        assemble(Raw(part, raw().weather, raw().planes, raw().airlines, raw().airports)) for part in (flights, shuffled)
    )
    pd.testing.assert_frame_equal(one, two)


# -- clocks ----------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.datetimes(datetime(2013, 1, 1), datetime(2013, 12, 31, 23, 59)))
@example(datetime(2013, 3, 10, 1, 59))
@example(datetime(2013, 3, 10, 2, 30))
@example(datetime(2013, 3, 10, 3, 0))
@example(datetime(2013, 11, 3, 0, 59))
@example(datetime(2013, 11, 3, 1, 30))
@example(datetime(2013, 11, 3, 2, 0))
def test_local_clocks_agree_with_zoneinfo(clock: datetime) -> None:
    """The oracle: the standard library, fold=1 (the second of two), and a skipped hour moved to its end."""
    clock = clock.replace(second=0, microsecond=0)
    if datetime(2013, 3, 10, 2) <= clock < datetime(2013, 3, 10, 3):
        expected = datetime(2013, 3, 10, 7)
    else:
        expected = clock.replace(tzinfo=NEW_YORK, fold=1).astimezone(UTC).replace(tzinfo=None)
    assert local_to_utc(pd.Series([pd.Timestamp(clock)])).iloc[0] == expected


@settings(max_examples=40, deadline=None)
@given(st.datetimes(datetime(2013, 1, 1), datetime(2013, 12, 31, 23, 59)))
def test_utc_clocks_come_back(moment: datetime) -> None:
    expected = moment.replace(tzinfo=UTC).astimezone(NEW_YORK).replace(tzinfo=None)
    assert utc_to_local(pd.Series([pd.Timestamp(moment)])).iloc[0] == expected


@pytest.mark.parametrize(("day", "hours"), [("2013-03-09", 5), ("2013-03-10", 4), ("2013-11-02", 4), ("2013-11-03", 5)])
def test_the_clock_changes_on_the_right_days(day: str, hours: int) -> None:
    rows = table()[table()["date"] == day]
    local = rows["date"] + pd.to_timedelta(rows["hour"] * 60 + rows["minute"], unit="m")
    assert set((rows["sched_utc"] - local) / pd.Timedelta(hours=1)) == {hours}


def test_no_departure_is_scheduled_in_a_missing_or_repeated_hour() -> None:
    assert table()[table()["date"] == "2013-03-10"]["hour"].ne(2).all()
    assert table()[table()["date"] == "2013-11-03"]["hour"].ne(1).all()


# -- features --------------------------------------------------------------------------------------


def test_load_counts_departures_of_the_airport_and_hour() -> None:
    for row in sample(40).itertuples():
        same = raw().flights.query(
            "month == @row.date.month and day == @row.date.day and origin == @row.origin "
            "and sched_dep_time >= @row.hour * 100 and sched_dep_time < @row.hour * 100 + 100"
        )
        assert row.load == len(same)


def slow_recent_delay(row: pd.Series) -> float:
    """A loop over the airport's flights of two days."""
    total, count = 0.0, 0
    near = table()[(table()["origin"] == row["origin"]) & ((table()["date"] - row["date"]).abs().dt.days <= 2)]
    for sched, delay in zip(near["sched_utc"], near["dep_delay"], strict=True):
        if np.isnan(delay):
            continue
        ago = row["sched_utc"] - (sched + timedelta(minutes=delay))
        if timedelta(hours=2) < ago <= timedelta(hours=4):
            total, count = total + delay, count + 1
    return total / count if count else np.nan


def test_recent_delay_is_the_mean_of_what_left_four_to_two_hours_before() -> None:
    rows = sample(40, seed=2)
    expected = [slow_recent_delay(row) for _, row in rows.iterrows()]
    np.testing.assert_allclose(rows["recent_delay"], expected, rtol=1e-12)
    assert 0 < np.isnan(expected).sum() < 20


def test_recent_delay_at_its_edges() -> None:
    """Leaves exactly four hours before: counted. Exactly two hours before: not. Cancelled or elsewhere: not."""
    noon = pd.Timestamp("2013-05-05 12:00")
    hours = [0, 4, 3, 2, 3, 3]
    sched = pd.Series([noon - pd.Timedelta(hours=h) for h in hours])
    sched.iloc[2] -= pd.Timedelta(minutes=30)
    origin = pd.Series(["JFK", "JFK", "JFK", "JFK", "JFK", "LGA"])
    delay = pd.Series([900.0, 0.0, 30.0, 0.0, np.nan, 500.0])
    found = recent_delay(origin, sched, delay)
    assert found[0] == 15.0
    assert np.isnan(found[1])


def test_recent_delay_never_uses_a_flight_that_left_after_the_decision() -> None:
    """Changing every delay that was not yet visible two hours before changes nothing."""
    rows = table()[table()["date"].between("2013-06-10", "2013-06-12")].reset_index(drop=True)
    last = rows["sched_utc"].max()
    left = rows["sched_utc"] + pd.to_timedelta(rows["dep_delay"].fillna(0), unit="m")
    hidden = left >= last - pd.Timedelta(hours=2)
    changed = rows["dep_delay"].where(~hidden, rows["dep_delay"] + 60)
    before, after = (recent_delay(rows["origin"], rows["sched_utc"], d) for d in (rows["dep_delay"], changed))
    final = (rows["sched_utc"] == last).to_numpy()
    np.testing.assert_array_equal(before[final], after[final])
    assert hidden.sum() > 10


def test_weather_is_the_observation_two_hours_before_the_scheduled_hour() -> None:
    weather = raw().weather.set_index(["origin", "time_hour"])
    for row in sample(60, seed=3).itertuples():
        observed = (row.origin, row.sched_utc.floor("h") - pd.Timedelta(hours=2))
        for name in WEATHER:
            expected = weather.at[observed, name] if observed in weather.index else np.nan
            np.testing.assert_equal(getattr(row, name), expected)


def test_the_last_day_has_no_weather() -> None:
    assert table()[table()["date"] == "2013-12-31"]["temp"].isna().all()
    assert table()[table()["date"] == "2013-12-29"]["temp"].notna().all()


def test_one_aircraft_in_six_is_unknown() -> None:
    assert table()["seats"].isna().mean() == pytest.approx(1 / 6, abs=0.015)
    register = raw().planes.set_index("tailnum")
    for row in sample(60, seed=4).itertuples():
        there = row.tailnum in register.index
        np.testing.assert_equal(row.seats, register.at[row.tailnum, "seats"] if there else np.nan)
        np.testing.assert_equal(row.age, 2013 - register.at[row.tailnum, "year"] if there else np.nan)


def test_the_target_is_cancelled_diverted_or_late() -> None:
    cancelled, late = table()["dep_time"].isna(), table()["arr_delay"] >= 15
    diverted = ~cancelled & table()["arr_delay"].isna()
    assert (cancelled.sum(), diverted.sum(), late.sum()) == (8_255, 1_175, 80_100)
    assert ((cancelled | diverted | late).astype(int) == table()["disrupted"]).all()


def test_outcomes_are_known_after_landing_or_at_the_schedule_of_a_cancelled_flight() -> None:
    rows = sample(300, seed=5)
    wait = (rows["known_utc"] - rows["sched_utc"]) / pd.Timedelta(minutes=1)
    assert (wait[rows["dep_time"].isna()] == 0).all()
    flown = rows["air_time"].notna()
    assert (wait[flown] == (rows["dep_delay"] + rows["air_time"] + 30)[flown]).all()
    diverted = table()[table()["dep_time"].notna() & table()["air_time"].isna()]
    wait = (diverted["known_utc"] - diverted["sched_utc"]) / pd.Timedelta(minutes=1)
    assert (wait == diverted["dep_delay"] + (20 + diverted["distance"] / 8).round() + 30).all()


def test_the_guess_for_diverted_flights_is_as_good_as_the_docstring_says() -> None:
    flown = table()[table()["air_time"].notna()]
    assert ((20 + flown["distance"] / 8 - flown["air_time"]).abs().median()) < 8


def test_the_impossible_wind_is_missing_unless_asked_for() -> None:
    assert table()["wind_speed"].max() < 60
    uncorrected = assemble(raw(), correct_wind=False)
    changed = uncorrected["wind_speed"].fillna(-1) != table()["wind_speed"].fillna(-1)
    assert uncorrected.loc[changed, "wind_speed"].tolist() == [1048.36058] * changed.sum()
    assert set(uncorrected.loc[changed, "origin"]) == {"EWR"}
    assert changed.sum() > 0


# -- the cache -------------------------------------------------------------------------------------


def test_the_cache_gives_the_same_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pd.testing.assert_frame_equal(year(find_source(), tmp_path), table())
    monkeypatch.setattr(features, "assemble", None)  # a second build would fail
    pd.testing.assert_frame_equal(year(find_source(), tmp_path), table())


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "no seal"])
def test_a_damaged_cache_is_built_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    small = table().head(500)
    monkeypatch.setattr(features, "assemble", lambda raw, *, correct_wind: small)
    monkeypatch.setattr(features, "load_raw", lambda source: None)
    year(find_source(), tmp_path)
    (stored,) = tmp_path.glob("*.parquet")
    data = stored.read_bytes()
    middle = len(data) // 2
    flipped = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
    stored.write_bytes({"flip": flipped, "cut": data[:middle], "empty": b"", "no seal": data}[damage])
    if damage == "no seal":
        stored.with_suffix(".sha256").unlink()
    pd.testing.assert_frame_equal(year(find_source(), tmp_path), small)
    assert stored.read_bytes() == data
    assert stored.with_suffix(".sha256").is_file()


def test_the_cache_is_named_by_data_code_and_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    first = features.year_key(find_source())
    assert features.year_key(find_source()) == first
    assert features.year_key(find_source(), correct_wind=False) != first
    monkeypatch.setattr(features, "check_files", lambda source: {"airports.csv": "other"})
    assert features.year_key(find_source()) != first
