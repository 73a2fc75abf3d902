"""A small world for tests: rides of a ferry, forty days, with the defects real tables have. Nothing about flights."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mlops_core.dataset import Column, Schema

SCHEMA = Schema(
    (
        Column("day", "time", "day", nullable=False),
        Column("ride", "number", "key", low=0, nullable=False, integer=True),
        Column("pier", "category", "key", nullable=False, feature=True),
        Column("captain", "category", "feature"),
        Column("wind", "number", "feature", "mph", 0, 250),
        Column("load", "number", "feature", "people", 0, 1000, nullable=False, integer=True),
        Column("late", "flag", "target", low=0, high=1, nullable=False),
    ),
    key=("day", "ride", "pier"),
)


def rides(days: int = 40, per_day: int = 50, seed: int = 0) -> pd.DataFrame:
    """`days * per_day` rides from 1 March; lateness depends on wind, pier and a weather of the day nobody records."""
    rng = np.random.default_rng(seed)
    n = days * per_day
    day = np.repeat(np.arange(days), per_day)
    wind = np.round(rng.gamma(4, 3, n), 1)
    pier = rng.choice(["north", "south", "west"], n)
    score = -2.4 + 0.09 * wind + 0.6 * (pier == "west") + np.repeat(rng.normal(0, 0.8, days), per_day)
    late = (rng.random(n) < 1 / (1 + np.exp(-score))).astype("int64")
    wind[rng.random(n) < 0.05] = np.nan
    return pd.DataFrame(
        {
            "day": pd.Timestamp("2020-03-01") + pd.to_timedelta(day, unit="D"),
            "ride": np.tile(np.arange(per_day), days),
            "pier": pier,
            "captain": np.where(rng.random(n) < 0.1, None, rng.choice([f"c{i:02d}" for i in range(40)], n)),
            "wind": wind,
            "load": rng.integers(0, 400, n),
            "late": late,
        }
    )
