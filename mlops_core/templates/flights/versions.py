"""Six versions of the first quarter, from the publisher's own history, built by recipe; and windows of the year.

    raw = load_raw(source); table = year(source)
    frame = build("v3", raw, table); schema_of("v3")
    window(table, "2013-04-01", "2013-04-08")         # one week of the stream

v1 and v2 follow releases 0.1 and 0.2 of the data package. v3 reconstructs an upstream error (news of release 1.0.0,
issue 19 of the publisher's tracker: weather hours in the wrong clock, gusts computed from the wind speed). v4 is its
repair; v5 and v6 are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from mlops_core.dataset import Column, Schema
from mlops_core.errors import BadParameter, NotFound
from mlops_core.templates.flights import features
from mlops_core.templates.flights.features import DECISION_HOURS, TIMES, local_to_utc, weather_at
from mlops_core.templates.flights.raw import Raw, load_raw
from mlops_core.templates.flights.schema import SCHEMA

YEAR_START, YEAR_END = "2013-01-01", "2014-01-01"
QUARTER_END, APRIL_END = "2013-04-01", "2013-05-01"
STREAM_START = "2013-04-01"  # a Monday
FIRST_RELEASE = "2013-03-31 22:00"  # New York clock: what v1 knows
MPH_PER_KNOT = 1.15078  # the factor of the upstream error: it made gusts out of wind speeds
SCHEDULE = ("sched_dep_time", "sched_arr_time")
OUTCOME = ("arr_time", "arr_delay", "air_time")
PUBLISHED = ("date", "carrier", "flight", "origin", "dest", "tailnum", "hour", "minute", "distance", *TIMES)

Build = Callable[[Raw, pd.DataFrame], pd.DataFrame]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one version is made: its name, what its commit says, the lesson's date, and the function of (raw, year)."""

    name: str
    message: str
    lesson_date: str
    build: Build


def _day(value: str | pd.Timestamp) -> pd.Timestamp:
    try:
        return pd.Timestamp(value)
    except ValueError as error:
        raise BadParameter(f"{value!r} is not a date like 2013-04-01.", code="date.bad", value=str(value)) from error


def window(
    year: pd.DataFrame,
    start: str | pd.Timestamp,
    end: str | pd.Timestamp,
    known_by: str | pd.Timestamp | None = None,
) -> pd.DataFrame:
    """Rows scheduled on the local days from `start` up to, not including, `end`.

    `known_by`: a UTC moment; only rows whose outcome is on record by then (all when None). May be empty.
    """
    rows = year["date"].between(_day(start), _day(end), inclusive="left")
    if known_by is not None:
        rows &= year["known_utc"] <= _day(known_by)
    chosen: pd.DataFrame = year[rows].reset_index(drop=True)
    return chosen


def week(year: pd.DataFrame, number: int, known_by: str | pd.Timestamp | None = None) -> pd.DataFrame:
    """Week `number` (Monday to Sunday) of the stream; week 1 starts on 1 April, the last (40) is cut off by New Year.

    >>> week(pd.DataFrame({"date": pd.to_datetime(["2013-04-07", "2013-04-08"])}), 2)["date"].dt.day.tolist()
    [8]
    """
    if number < 1:
        raise BadParameter(f"week is {number}; the stream starts with week 1", code="week.range", week=number)
    start = _day(STREAM_START) + pd.Timedelta(weeks=number - 1)
    return window(year, start, start + pd.Timedelta(weeks=1), known_by)


def history(year: pd.DataFrame, end: str | pd.Timestamp, known_by: str | pd.Timestamp | None = None) -> pd.DataFrame:
    """Everything from 1 January up to, not including, the local day `end`: what a retraining on that day can use."""
    return window(year, YEAR_START, end, known_by)


def _quarter(year: pd.DataFrame) -> pd.DataFrame:
    return window(year, YEAR_START, QUARTER_END)


def release_02(_raw: Raw, year: pd.DataFrame) -> pd.DataFrame:
    """v2: the schedule is there, `hour` and `minute` are the scheduled ones, an unknown aircraft is missing."""
    return _quarter(year)[list(PUBLISHED)]


def release_01(_raw: Raw, year: pd.DataFrame) -> pd.DataFrame:
    """v1: `hour` and `minute` of the *actual* departure, no schedule, "" for an unknown aircraft, late news missing.

    A row is there when its flight had left, or was cancelled, by 31 March 22:00 in New York; its arrival is there when
    it was on record by then. Nothing says which missing arrival is a diversion and which is news to come.
    """
    cut = local_to_utc(pd.Series([_day(FIRST_RELEASE)])).iloc[0]
    quarter = _quarter(year)
    left = quarter["sched_utc"] + pd.to_timedelta(quarter["dep_delay"].fillna(0), unit="m")
    quarter = quarter[left <= cut].reset_index(drop=True)
    clock = quarter["dep_time"]
    known = quarter["known_utc"] <= cut
    changed: dict[str, pd.Series] = {name: quarter[name].where(known) for name in OUTCOME}
    changed |= {"hour": clock // 100, "minute": clock % 100, "tailnum": quarter["tailnum"].fillna("")}
    released: pd.DataFrame = quarter.assign(**changed)[[name for name in PUBLISHED if name not in SCHEDULE]]
    return released


def _with_weather(table: pd.DataFrame, weather: pd.DataFrame, moment: pd.Series) -> pd.DataFrame:
    """The table with its nine weather columns looked up again, two hours before `moment`."""
    hours = moment.to_numpy().astype("datetime64[h]").astype("int64") - DECISION_HOURS
    return table.assign(**weather_at(table["origin"], hours, weather))


def _features(year: pd.DataFrame) -> pd.DataFrame:
    return _quarter(year).drop(columns="recent_delay")


def wrong_clock(raw: Raw, year: pd.DataFrame) -> pd.DataFrame:
    """v3: weather, aircraft and target joined; weather hours in UTC were read as local ones, gusts are not gusts."""
    table = _features(year)
    weather = raw.weather.assign(wind_gust=raw.weather["wind_speed"] * MPH_PER_KNOT)
    local_hour = table["date"] + pd.to_timedelta(table["hour"], unit="h")
    return _with_weather(table, weather, local_hour)


def right_clock(raw: Raw, year: pd.DataFrame) -> pd.DataFrame:
    """v4: the weather of the right hour, gusts as measured; the 1048 mph reading is still there."""
    table = _features(year)
    return _with_weather(table, raw.weather, table["sched_utc"])


def possible_wind(_raw: Raw, year: pd.DataFrame) -> pd.DataFrame:
    """v5: a wind above any ever measured is missing. `year` must have been built with `correct_wind=True`."""
    return _features(year)


def with_april(_raw: Raw, year: pd.DataFrame) -> pd.DataFrame:
    """v6: April arrives, and the column `recent_delay` for all rows."""
    return history(year, APRIL_END)


RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe("v1", "First release: flights as they left", "2013-03-31", release_01),
        Recipe("v2", "Scheduled times added; hour and minute now mean the schedule", "2013-04-02", release_02),
        Recipe("v3", "Weather and aircraft joined, target added", "2013-04-04", wrong_clock),
        Recipe("v4", "Weather joined on the right clock, gusts as measured", "2013-04-08", right_clock),
        Recipe("v5", "Impossible wind reading removed", "2013-04-09", possible_wind),
        Recipe("v6", "April arrives; recent delay at the airport added", "2013-05-01", with_april),
    )
}


def build(name: str, raw: Raw, year: pd.DataFrame) -> pd.DataFrame:
    """Version `name` from the raw files and the year's table (built with `correct_wind=True`)."""
    return recipe(name).build(raw, year)


def build_all(source: Path, cache: Path | None = None) -> Iterator[tuple[str, Recipe, pd.DataFrame]]:
    """(name, recipe, table) of each version, oldest first. `source`, `cache`: see `features.year`."""
    raw, table = load_raw(source), features.year(source, cache)
    for name, entry in RECIPES.items():
        yield name, entry, entry.build(raw, table)


def recipe(name: str) -> Recipe:
    """The recipe called `name`; NotFound names those there are."""
    if name not in RECIPES:
        raise NotFound(f"no version {name!r}; there are {', '.join(RECIPES)}", code="version.unknown", version=name)
    return RECIPES[name]


def _first_release(column: Column) -> Column:
    if column.name in ("hour", "minute"):
        last = "h" if column.name == "hour" else "min"
        text = f"Actual {column.name} of departure, local clock; missing when cancelled."
        return replace(column, nullable=True, unit=last, high=24 if column.name == "hour" else 59, text=text)
    if column.name == "tailnum":
        return replace(column, nullable=False, text="The aircraft; an empty string when unknown.")
    return column


def schema_of(name: str) -> Schema:
    """The schema of version `name`: v1 and v2 as published, v3 to v5 without `recent_delay`, v6 the whole."""
    recipe(name)
    if name == "v1":
        published = SCHEMA.only(PUBLISHED).without(SCHEDULE)
        return Schema(tuple(_first_release(column) for column in published.columns), published.key)
    if name == "v2":
        return SCHEMA.only(PUBLISHED)
    return SCHEMA if name == "v6" else SCHEMA.without(["recent_delay"])
