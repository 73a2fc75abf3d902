"""Which columns the model reads: groups of features by name, and the schema of the table at hand."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from mlops_core.dataset import Schema
from mlops_core.errors import BadParameter
from mlops_core.templates.flights.schema import SCHEMA

GROUPS: dict[str, tuple[str, ...]] = {
    "schedule": ("carrier", "origin", "dest", "hour", "weekday", "distance"),
    "weather": (
        "temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib",
    ),
    "aircraft": ("seats", "age"),
    "congestion": ("load",),
    "recent": ("recent_delay",),
}  # fmt: skip


def schema_for(frame: pd.DataFrame) -> Schema:
    """The template's schema restricted to the columns that `frame` has: older data versions have fewer."""
    return SCHEMA.only(str(name) for name in frame.columns)


def columns_of(groups: Sequence[str], extra: Sequence[str], frame: pd.DataFrame) -> list[str]:
    """Names of the chosen feature columns that `frame` has; BadParameter names an unknown group or column."""
    unknown = [group for group in groups if group not in GROUPS]
    if unknown:
        there = ", ".join(GROUPS)
        raise BadParameter(f"no feature group {unknown[0]!r}.", code="features.group", fix=f"There are {there}.")
    missing = [name for name in extra if name not in frame]
    if missing:
        raise BadParameter(
            f"no column {missing[0]!r} in this data version.", code="features.column", fix="Leave it out."
        )
    wanted = [name for group in groups for name in GROUPS[group] if name in frame]
    chosen = list(dict.fromkeys([*wanted, *extra]))
    if not chosen:
        raise BadParameter("no feature is chosen.", code="features.none", fix=f"Choose among {', '.join(GROUPS)}.")
    return chosen
