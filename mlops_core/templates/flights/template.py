"""The course: New York's flights of 2013, as `mlops_core.project` wants a template to be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from mlops_core.project import Recipe, Template
from mlops_core.templates.flights import features, raw, versions
from mlops_core.templates.flights.schema import COSTS, SCHEMA


def recipes(source: Path, cache: Path | None) -> Iterator[tuple[str, Recipe, pd.DataFrame]]:
    """Name, recipe and table of each historical data version, oldest first."""
    yield from versions.build_all(source, cache)


TEMPLATE = Template(
    name="flights",
    folder=Path(__file__).parent,
    schema=SCHEMA,
    costs=COSTS,
    start="v5",
    source=raw.find_source,
    year=features.year,
    recipes=recipes,
)
