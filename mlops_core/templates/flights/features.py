"""The feature table of the year: one row a scheduled departure, what is known two hours before it, and its outcome.

    table = year(find_source(), cache=folder)

Moments are UTC without a zone, `date` and `hour` are the local clock (America/New_York). A local time that a clock
change skips is read as the first one after it, one that occurs twice as the second (standard time); no departure of
2013 is scheduled in either. Columns and units: `schema.py`. `known_utc` is an estimate, see `known_at`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlops_core.dataset import read_table, write_parquet
from mlops_core.digest import digest_file, digest_source, digest_value
from mlops_core.errors import BadData
from mlops_core.templates.flights import raw as raw_files
from mlops_core.templates.flights.raw import Raw, check_files, load_raw
from mlops_core.workspace import write_atomic

ZONE = "America/New_York"
KEY = ("date", "carrier", "flight", "origin")
ORDER = ("sched_utc", "origin", "carrier", "flight")
WEATHER = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib")
TIMES = ("sched_dep_time", "dep_time", "dep_delay", "sched_arr_time", "arr_time", "arr_delay", "air_time")
LATE_MINUTES = 15  # the target: this late at the destination, or later
DECISION_HOURS = 2  # the desk decides this long before the scheduled departure
RECENT_MINUTES = (240, 120)  # recent_delay looks at flights that left from 4 up to 2 hours before
AFTER_LANDING = 30  # minutes from landing to the outcome being on record
BUILT_UNTIL = 2013
FASTEST_WIND = 253.0  # mph; the strongest gust ever measured (Barrow Island 1996, WMO): above it is no wind

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def _floats(values: pd.Series) -> Floats:
    return values.to_numpy(dtype="float64", na_value=np.nan)


def _ints(values: pd.Series) -> Ints:
    return values.to_numpy(dtype="int64")


def _units(moments: pd.Series, unit: str) -> Ints:
    """Whole minutes ("m") or hours ("h") since 1970."""
    return moments.to_numpy().astype(f"datetime64[{unit}]").astype("int64")


def local_to_utc(local: pd.Series) -> pd.Series:
    """New York clock times as UTC, both without a zone; skipped times shift forward, repeated ones are standard time.

    >>> clock = pd.Series(pd.to_datetime(["2013-03-10 02:30", "2013-11-03 01:30", "2013-07-01 12:00"]))
    >>> [str(moment) for moment in local_to_utc(clock)]
    ['2013-03-10 07:00:00', '2013-11-03 06:30:00', '2013-07-01 16:00:00']
    """
    summer = np.zeros(len(local), dtype=bool)
    there = local.dt.tz_localize(ZONE, ambiguous=summer, nonexistent="shift_forward")
    utc: pd.Series = there.dt.tz_convert("UTC").dt.tz_localize(None)
    return utc


def utc_to_local(moments: pd.Series) -> pd.Series:
    """UTC as New York clock times, both without a zone."""
    local: pd.Series = moments.dt.tz_localize("UTC").dt.tz_convert(ZONE).dt.tz_localize(None)
    return local


def disrupted(flights: pd.DataFrame) -> npt.NDArray[np.int64]:
    """1 where a flight was cancelled, diverted or arrived 15 minutes late or later, else 0.

    Needs `arr_delay` in minutes; missing means that the flight did not arrive as planned.
    """
    delay = _floats(flights["arr_delay"])
    return (np.isnan(delay) | (delay >= LATE_MINUTES)).astype("int64")


def known_at(flights: pd.DataFrame, sched_utc: pd.Series) -> pd.Series:
    """The UTC moment at which the outcome is on record: an estimate, because nobody published it.

    Flown: departure + air time + 30 minutes. Cancelled: the scheduled departure. Diverted (no air time): as if it had
    flown 20 minutes and a minute for every 8 miles, which is the air time within 8 minutes for half of the flights.
    """
    delay, air = _floats(flights["dep_delay"]), _floats(flights["air_time"])
    guess = np.round(20 + _floats(flights["distance"]) / 8)
    after = delay + np.where(np.isnan(air), guess, air) + AFTER_LANDING
    minutes = np.where(np.isnan(delay), 0, after).astype("int64")
    return sched_utc + pd.to_timedelta(minutes, unit="m").as_unit("us")


def departures_in_hour(origin: pd.Series, date: pd.Series, hour: Ints) -> Ints:
    """For each row the number of rows of the same origin, date and hour: departures scheduled, its own included."""
    place, _ = pd.factorize(origin)
    slot = (place * 100_000 + _units(date, "D")) * 24 + hour
    _, index, counts = np.unique(slot, return_inverse=True, return_counts=True)
    return np.asarray(counts[index], dtype="int64")


def recent_delay(origin: pd.Series, sched_utc: pd.Series, dep_delay: pd.Series) -> Floats:
    """Mean departure delay (minutes) at the airport of the flights that left in [t - 4 h, t - 2 h), t as scheduled.

    Cancelled flights never left and count in no mean. Missing where no flight left in the window (early mornings).
    """
    moment, delay = _units(sched_utc, "m"), _floats(dep_delay)
    result = np.full(len(moment), np.nan)
    for rows in origin.groupby(origin).indices.values():
        gone = rows[~np.isnan(delay[rows])]
        left = moment[gone] + delay[gone].astype("int64")
        order = np.argsort(left, kind="stable")
        total = np.concatenate([[0.0], np.cumsum(delay[gone][order])])
        first, last = (np.searchsorted(left[order], moment[rows] - before) for before in RECENT_MINUTES)
        count = last - first
        sums = total[last] - total[first]
        result[rows] = np.divide(sums, count, out=np.full(len(rows), np.nan), where=count > 0)
    return result


def weather_at(origin: pd.Series, hour: Ints, weather: pd.DataFrame) -> pd.DataFrame:
    """The nine observations of an airport at an hour (whole hours since 1970 UTC); missing where there is none."""
    airports = pd.Index(weather["origin"].unique())
    stations, places = airports.get_indexer(weather["origin"]), airports.get_indexer(origin)
    known = stations * 10_000_000 + _units(weather["time_hour"], "h")
    order = np.argsort(known, kind="stable")
    wanted = places * 10_000_000 + hour
    at = np.minimum(np.searchsorted(known[order], wanted), len(known) - 1)
    found = (known[order][at] == wanted) & (places >= 0)
    rows = order[at]
    columns = {name: np.where(found, _floats(weather[name])[rows], np.nan) for name in WEATHER}
    return pd.DataFrame(columns, index=origin.index)


def aircraft(tailnum: pd.Series, planes: pd.DataFrame) -> pd.DataFrame:
    """`seats` and `age` (years in 2013) from the register; missing for an aircraft that is not in it."""
    at = pd.Index(planes["tailnum"]).get_indexer(tailnum)
    seats = np.where(at >= 0, _floats(planes["seats"])[at], np.nan)
    age = np.where(at >= 0, BUILT_UNTIL - _floats(planes["year"])[at], np.nan)
    return pd.DataFrame({"seats": seats, "age": age}, index=tailnum.index)


def without_impossible_wind(weather: pd.DataFrame) -> pd.DataFrame:
    """The weather with winds above any ever measured (one reading: 1048 mph at EWR) replaced by missing."""
    columns = {name: weather[name].where(~(weather[name] > FASTEST_WIND)) for name in ("wind_speed", "wind_gust")}
    return weather.assign(**columns)


def assemble(raw: Raw, *, correct_wind: bool = True) -> pd.DataFrame:
    """The feature table from the raw files; `correct_wind=False` keeps the 1048 mph reading, as versions v3 and v4 do.

    Rows in the order of ORDER; BadData when (date, carrier, flight, origin) is not unique.
    """
    flights = raw.flights
    words = {name: flights[name].astype("str") for name in ("carrier", "origin", "dest", "tailnum")}
    hour, minute = np.divmod(_ints(flights["sched_dep_time"]), 100)
    parts = {"year": 2013, "month": flights["month"], "day": flights["day"]}
    date = pd.to_datetime(pd.DataFrame(parts)).astype("datetime64[us]")
    sched_utc = local_to_utc(date + pd.to_timedelta(hour * 60 + minute, unit="m").as_unit("us"))
    weather = without_impossible_wind(raw.weather) if correct_wind else raw.weather
    table = pd.DataFrame(
        {
            "date": date,
            "carrier": words["carrier"],
            "flight": _ints(flights["flight"]),
            "origin": words["origin"],
            "dest": words["dest"],
            "tailnum": words["tailnum"],
            "sched_utc": sched_utc,
            "known_utc": known_at(flights, sched_utc),
            "hour": hour,
            "minute": minute,
            "weekday": date.dt.day_of_week.to_numpy("int64"),
            "distance": _ints(flights["distance"]),
            "load": departures_in_hour(words["origin"], date, hour),
            **aircraft(words["tailnum"], raw.planes),
            **weather_at(words["origin"], _units(sched_utc, "h") - DECISION_HOURS, weather),
            "recent_delay": recent_delay(words["origin"], sched_utc, flights["dep_delay"]),
            "disrupted": disrupted(flights),
            **{name: _floats(flights[name]) for name in TIMES},
        }
    )
    return _checked(_sorted(table))


def _sorted(table: pd.DataFrame) -> pd.DataFrame:
    ranks = [_units(table["sched_utc"], "m"), *(pd.factorize(table[name], sort=True)[0] for name in ORDER[1:])]
    return table.take(np.lexsort(ranks[::-1])).reset_index(drop=True)


def _checked(table: pd.DataFrame) -> pd.DataFrame:
    twice = table.duplicated(list(KEY))
    if twice.any():
        example = ", ".join(str(value) for value in table.loc[twice, list(KEY)].iloc[0])
        raise BadData(
            f"{int(twice.sum())} rows share date, carrier, flight and origin with another row ({example}).",
            code="key.duplicate",
            fix=raw_files.FIX,
            rows=int(twice.sum()),
        )
    return table


def year_key(source: Path, *, correct_wind: bool = True) -> str:
    """The name of the year's table in a cache: digest of the raw files and of the code that builds it."""
    code = [digest_source(Path(str(path)).read_text()) for path in (__file__, raw_files.__file__)]
    return digest_value([check_files(source), code, correct_wind])


def year(source: Path, cache: Path | None = None, *, correct_wind: bool = True) -> pd.DataFrame:
    """The feature table of the whole year, 336,776 rows, read from `cache` when it is there and whole.

    `source`: folder of raw files. `cache`: a folder; a missing, half-written or damaged entry is built again.
    `correct_wind`: see `assemble`. Raises BadData for missing or damaged raw files, also when the cache has the table.
    """
    if cache is None:
        return assemble(load_raw(source), correct_wind=correct_wind)
    path = cache / f"flights-{year_key(source, correct_wind=correct_wind)[:24]}.parquet"
    seal = path.with_suffix(".sha256")
    if path.is_file() and seal.is_file() and seal.read_text() == digest_file(path):
        return read_table(path)
    table = assemble(load_raw(source), correct_wind=correct_wind)
    write_parquet(table, path)
    write_atomic(seal, digest_file(path).encode())
    return table
