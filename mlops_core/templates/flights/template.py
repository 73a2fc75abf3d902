"""The course: New York's flights of 2013, as `mlops_core.project` wants a template to be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from mlops_core.expectations import ValidationReport, validate
from mlops_core.project import Recipe, Template
from mlops_core.templates.flights import features, raw, versions
from mlops_core.templates.flights.expectations import RULES
from mlops_core.templates.flights.schema import COSTS, SCHEMA
from mlops_core.templates.flights.selection import schema_for


def recipes(source: Path, cache: Path | None) -> Iterator[tuple[str, Recipe, pd.DataFrame]]:
    """Name, recipe and table of each historical data version, oldest first."""
    yield from versions.build_all(source, cache)


def check(frame: pd.DataFrame) -> ValidationReport:
    """Hold a data version against the template's expectations."""
    return validate(frame, schema_for(frame), RULES)


TEMPLATE = Template(
    name="flights",
    folder=Path(__file__).parent,
    schema=SCHEMA,
    costs=COSTS,
    start="v5",
    source=raw.find_source,
    year=features.year,
    recipes=recipes,
    rules=RULES,
    check=check,
    history=versions.history,
    stream_start=versions.STREAM_START,
    slices=("origin",),
    retrain_groups=("schedule", "weather", "aircraft", "congestion", "recent"),
)
