from typing import Any

import pandas as pd
from sklearn.pipeline import Pipeline as Model

from mlops_core.pipeline import note
from mlops_core.templates.flights.schema import SCHEMA
from mlops_core.training import ModelSpec, fit


def train(split: pd.DataFrame, *, model: dict[str, Any], seed: int) -> Model:
    """Fit the model on the training days."""
    rows = split[split["part"] == "train"]
    settings = {name: value for name, value in model.items() if name not in ("kind", "rows")}
    known = tuple(name for name in (*SCHEMA.features, "dep_delay") if name in rows)
    spec = ModelSpec(model["kind"], settings if model["kind"] == "boosting" else {}, known)
    fitted = fit(rows, SCHEMA, spec, seed=seed, rows=model["rows"] or None)
    note(f"{model['kind']} on {min(model['rows'] or len(rows), len(rows)):,} of {len(rows):,} flights")
    return fitted
