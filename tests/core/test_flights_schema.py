"""The schema says what the table holds."""

from __future__ import annotations

import pandas as pd
import pytest
from flights_tables import table

from mlops_core.templates.flights.features import KEY, WEATHER
from mlops_core.templates.flights.schema import COSTS, LEAK, SCHEMA, TEXT


def test_the_schema_lists_the_columns_of_the_table_in_order() -> None:
    assert SCHEMA.names == tuple(table().columns)
    assert SCHEMA.key == KEY
    assert (SCHEMA.day, SCHEMA.time, SCHEMA.known, SCHEMA.target) == ("date", "sched_utc", "known_utc", "disrupted")


def test_the_model_reads_nineteen_columns_and_none_of_the_outcome() -> None:
    assert SCHEMA.categorical == ("carrier", "origin", "dest")
    numbers = ("hour", "weekday", "distance", "load", "seats", "age", *WEATHER, "recent_delay")
    assert SCHEMA.numeric == numbers
    after = {LEAK, "dep_time", "arr_time", "arr_delay", "air_time", "known_utc", "disrupted", "tailnum"}
    assert not after & set(SCHEMA.features)


@pytest.mark.parametrize("column", SCHEMA.columns, ids=lambda column: column.name)
def test_a_column_is_of_its_kind(column: object) -> None:
    values = table()[column.name]
    if column.kind == "time":
        assert pd.api.types.is_datetime64_dtype(values)
    elif column.kind == "category":
        assert pd.api.types.is_string_dtype(values)
    else:
        assert pd.api.types.is_numeric_dtype(values)
        assert values.min() >= column.low
        assert values.max() <= column.high
    if column.integer:
        assert (values.dropna() % 1 == 0).all()
    assert column.nullable or values.notna().all()


def test_every_column_says_what_it_is_in_a_sentence() -> None:
    assert set(TEXT) == set(SCHEMA.names)
    assert all(text[0].isupper() and text.endswith(".") for text in TEXT.values())
    measured = {c.name for c in SCHEMA.columns if c.kind == "number"} - {"flight", "weekday"}
    assert all(SCHEMA.column(name).unit for name in measured)


def test_the_prices_are_one_and_three() -> None:
    assert (COSTS.false_alarm, COSTS.miss, COSTS.threshold) == (1.0, 3.0, 0.25)
