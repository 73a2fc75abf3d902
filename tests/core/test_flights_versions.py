"""Six versions by recipe: what each one is, what its neighbour changes, and windows of the year."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from flights_tables import raw, table, version

from mlops_core.digest import digest_frame
from mlops_core.errors import BadParameter, NotFound
from mlops_core.templates.flights.features import KEY, WEATHER
from mlops_core.templates.flights.raw import find_source
from mlops_core.templates.flights.schema import SCHEMA
from mlops_core.templates.flights.versions import RECIPES, build, build_all, history, schema_of, week, window

NAMES = tuple(RECIPES)
DIGESTS = {
    "v1": "bf5495e6b499",
    "v2": "e31a7a0142b8",
    "v3": "ca15d8912e47",
    "v4": "706491c27093",
    "v5": "ec448b3b7b85",
    "v6": "4461c3ce1cb3",
}


def changed_cells(old: str, new: str) -> dict[str, int]:
    """Number of cells that differ by column, for the rows and columns that both versions have; only columns that do."""
    a, b = version(old).set_index(list(KEY)), version(new).set_index(list(KEY))
    shared = [name for name in a.columns if name in b.columns]
    both = a[shared].join(b[shared], suffixes=("", "|new"), how="inner")
    differs = {n: (both[n] != both[f"{n}|new"]) & ~(both[n].isna() & both[f"{n}|new"].isna()) for n in shared}
    return {name: int(rows.sum()) for name, rows in differs.items() if rows.any()}


@pytest.mark.parametrize("name", NAMES)
def test_a_version_has_its_digest_and_its_schema(name: str) -> None:
    frame = version(name)
    assert digest_frame(frame)[:12] == DIGESTS[name]
    assert tuple(frame.columns) == schema_of(name).names
    assert not frame.duplicated(list(KEY)).any()


@pytest.mark.parametrize("name", NAMES)
def test_a_version_holds_what_its_schema_allows_but_for_the_known_defects(name: str) -> None:
    broken = set()
    for column in schema_of(name).columns:
        values = version(name)[column.name]
        if not column.nullable and values.isna().any():
            broken.add(column.name)
        if column.low is not None and ((values < column.low) | (values > column.high)).any():
            broken.add(column.name)
    assert broken == {"v3": {"wind_speed", "wind_gust"}, "v4": {"wind_speed"}}.get(name, set())


def test_all_versions_at_once_are_the_same() -> None:
    found = {name: digest_frame(frame)[:12] for name, _, frame in build_all(find_source())}
    assert found == DIGESTS
    assert list(found) == list(DIGESTS)


def test_recipes_say_what_they_did_in_the_order_of_time() -> None:
    assert [recipe.name for recipe in RECIPES.values()] == list(NAMES)
    dates = [recipe.lesson_date for recipe in RECIPES.values()]
    assert dates == sorted(set(dates))
    assert len({recipe.message for recipe in RECIPES.values()}) == 6


def test_v1_has_the_actual_hour_which_is_missing_exactly_for_cancelled_flights() -> None:
    frame = version("v1")
    cancelled = frame["dep_time"].isna()
    assert (frame["hour"].isna() == cancelled).all()
    assert (frame["minute"].isna() == cancelled).all()
    flown = frame[~cancelled]
    assert (flown["hour"] * 100 + flown["minute"] == flown["dep_time"]).all()
    assert not set(frame) & {"sched_dep_time", "sched_arr_time", "disrupted", "temp"}


def test_v1_knows_nothing_after_ten_in_the_evening_of_31_march() -> None:
    cut = pd.Timestamp("2013-04-01 02:00")  # UTC; New York is four hours behind
    rows = version("v1").merge(
        table()[[*KEY, "sched_utc", "known_utc", "air_time"]], on=list(KEY), suffixes=("", "_true")
    )
    left = rows["sched_utc"] + pd.to_timedelta(rows["dep_delay"].fillna(0), unit="m")
    assert (left <= cut).all()
    late = rows["known_utc"] > cut
    assert rows.loc[late, ["arr_time", "arr_delay", "air_time"]].isna().all(axis=None)
    assert late.sum() > 100
    np.testing.assert_array_equal(rows.loc[~late, "air_time"], rows.loc[~late, "air_time_true"])


def test_v1_writes_an_unknown_aircraft_as_an_empty_string() -> None:
    assert version("v1")["tailnum"].notna().all()
    assert (version("v1")["tailnum"] == "").sum() == version("v2")["tailnum"].isna().sum()


def test_v1_to_v2_late_rows_arrive_and_hour_changes_its_meaning() -> None:
    assert len(version("v2")) - len(version("v1")) == 26
    assert set(version("v2").columns) - set(version("v1").columns) == {"sched_dep_time", "sched_arr_time"}
    expected = {"tailnum": 841, "hour": 26_127, "minute": 76_585, "arr_time": 159, "arr_delay": 159, "air_time": 159}
    assert changed_cells("v1", "v2") == expected


def test_v2_to_v3_only_adds_columns() -> None:
    assert changed_cells("v2", "v3") == {}
    added = {"sched_utc", "known_utc", "weekday", "load", "seats", "age", "disrupted", *WEATHER}
    assert set(version("v3").columns) - set(version("v2").columns) == added


def test_v3_joins_the_weather_of_the_wrong_hour_and_invents_gusts() -> None:
    """UTC read as local: the observation joined was made four or five hours too early."""
    weather = raw().weather.set_index(["origin", "time_hour"])
    for row in version("v3").sample(60, random_state=np.random.default_rng(0)).itertuples():
        read_as = (row.origin, row.date + pd.Timedelta(hours=row.hour - 2))
        np.testing.assert_equal(row.temp, weather.at[read_as, "temp"] if read_as in weather.index else np.nan)
    blowing = version("v3")["wind_speed"].notna()
    ratio = version("v3")["wind_gust"] / version("v3")["wind_speed"]
    assert ratio[blowing & (version("v3")["wind_speed"] > 0)].between(1.15077, 1.15079).all()
    assert (version("v3")["wind_gust"].notna() == blowing).all()


def test_v3_to_v4_changes_only_weather() -> None:
    assert set(changed_cells("v3", "v4")) == set(WEATHER)
    assert version("v4")["wind_gust"].isna().mean() > 0.6


def test_v4_to_v5_changes_two_cells() -> None:
    assert changed_cells("v4", "v5") == {"wind_speed": 2}
    gone = version("v4")["wind_speed"] > 1000
    assert version("v5").loc[gone, "wind_speed"].isna().all()


def test_v5_to_v6_adds_april_and_recent_delay() -> None:
    assert changed_cells("v5", "v6") == {}
    assert set(version("v6").columns) - set(version("v5").columns) == {"recent_delay"}
    added = version("v6")[version("v6")["date"] >= "2013-04-01"]
    assert (len(added), added["date"].min().day, added["date"].max().day) == (28_330, 1, 30)
    assert len(version("v6")) == len(version("v5")) + len(added)
    assert version("v6").loc[version("v6")["date"] < "2013-04-01", "recent_delay"].notna().any()


def test_an_unknown_version_names_those_there_are() -> None:
    with pytest.raises(NotFound, match="v1, v2, v3, v4, v5, v6"):
        build("v7", raw(), table())
    with pytest.raises(NotFound, match="v7"):
        schema_of("v7")


# -- windows ---------------------------------------------------------------------------------------


def test_windows_tile_the_year() -> None:
    edges = ["2013-01-01", "2013-03-10", "2013-04-01", "2013-11-03", "2014-01-01"]
    parts = [window(table(), start, end) for start, end in pairwise(edges)]
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), table())


def test_weeks_are_monday_to_sunday_and_tile_the_stream() -> None:
    weeks = [week(table(), number) for number in range(1, 41)]
    assert all(part["date"].dt.day_of_week.iloc[0] == 0 for part in weeks)
    assert all(part["date"].nunique() == 7 for part in weeks[:-1])
    assert weeks[-1]["date"].nunique() == 2
    pd.testing.assert_frame_equal(pd.concat(weeks, ignore_index=True), window(table(), "2013-04-01", "2014-01-01"))
    assert week(table(), 41).empty


def test_history_holds_only_outcomes_on_record() -> None:
    by = pd.Timestamp("2013-04-08 04:00")
    known = history(table(), "2013-04-08", known_by=by)
    everything = history(table(), "2013-04-08")
    assert (known["known_utc"] <= by).all()
    assert 0 < len(everything) - len(known) < 300
    assert tuple(known.columns) == SCHEMA.names


def test_a_bad_date_or_week_is_refused() -> None:
    with pytest.raises(BadParameter, match="'soon' is not a date"):
        window(table(), "soon", "2013-04-08")
    with pytest.raises(BadParameter, match="week is 0"):
        week(table(), 0)
