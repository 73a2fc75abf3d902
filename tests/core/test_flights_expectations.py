"""The flight rules find the real defects, each in the versions that have it and in no other."""

from __future__ import annotations

import pandas as pd
import pytest
from flights_tables import table, version

from mlops_core.expectations import ValidationReport, validate
from mlops_core.templates.flights.expectations import RULES
from mlops_core.templates.flights.schema import SCHEMA
from mlops_core.templates.flights.versions import schema_of


def report(name: str) -> ValidationReport:
    return validate(version(name), schema_of(name), RULES)


@pytest.mark.parametrize(
    ("name", "blocking"),
    [
        ("v3", {"wind_speed.range", "wind_gust.range", "gust.reported"}),
        ("v4", {"wind_speed.range"}),
        ("v5", set()),
        ("v6", set()),
    ],
)
def test_each_version_breaks_its_own_rules(name: str, blocking: set[str]) -> None:
    failed = report(name).failed
    assert {finding.code for finding in failed if finding.severity == "block"} == blocking
    assert {finding.code for finding in failed if finding.severity == "warn"} == {"seats.airliner"}


def test_the_impossible_wind_is_shown_with_its_value() -> None:
    (finding,) = (f for f in report("v4").failed if f.code == "wind_speed.range")
    assert finding.count == 2
    assert [example.value for example in finding.examples] == ["1048.36", "1048.36"]
    assert "EWR" in finding.examples[0].row


def test_gusts_made_of_wind_speeds_are_found_without_the_impossible_one() -> None:
    frame = version("v3")[version("v3")["wind_speed"] < 1000]
    failed = {f.code: f.count for f in validate(frame, schema_of("v3"), RULES).failed if f.severity == "block"}
    assert failed == {"gust.reported": int((frame["wind_gust"] < 16).sum())}
    assert failed["gust.reported"] > len(frame) / 2


def test_the_year_lacks_the_weather_of_its_last_day() -> None:
    found = {finding.code: finding for finding in validate(table(), SCHEMA, RULES).failed}
    assert set(found) == {"weather.daily", "weather.fresh", "seats.airliner"}
    assert found["weather.daily"].count == (table()["date"] == "2013-12-31").sum()
    assert "2013-12-31" in found["weather.daily"].message
    assert found["seats.airliner"].count == 2_421


def test_a_duplicate_key_and_a_foreign_airport_are_found() -> None:
    frame = version("v5").head(1000)
    twice = pd.concat([frame, frame.head(2)])
    assert {f.code: f.count for f in validate(twice, schema_of("v5"), RULES).failed}["key.unique"] == 2
    foreign = frame.assign(origin=frame["origin"].replace("JFK", "BOS"))
    failed = {f.code: f.count for f in validate(foreign, schema_of("v5"), RULES).failed}
    assert failed["origin.known"] == (frame["origin"] == "JFK").sum()
