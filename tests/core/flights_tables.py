"""The tables that the flight tests share, built once a process. Tests change copies."""

from __future__ import annotations

from functools import lru_cache

import pandas as pd

from mlops_core.templates.flights import features, versions
from mlops_core.templates.flights.raw import Raw, find_source, load_raw


@lru_cache(maxsize=1)
def raw() -> Raw:
    return load_raw(find_source())


@lru_cache(maxsize=1)
def table() -> pd.DataFrame:
    return features.assemble(raw())


@lru_cache(maxsize=6)
def version(name: str) -> pd.DataFrame:
    return versions.build(name, raw(), table())
