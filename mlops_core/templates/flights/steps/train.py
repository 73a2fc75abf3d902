from typing import Any

import pandas as pd
from sklearn.pipeline import Pipeline as Model

from mlops_core.pipeline import note
from mlops_core.templates.flights.schema import LEAK, SCHEMA
from mlops_core.training import fit, spec_of


def train(split: pd.DataFrame, *, model: dict[str, Any], seed: int) -> Model:
    """Fit the model on the training days."""
    rows = split[split["part"] == "train"]
    known = [name for name in (*SCHEMA.features, LEAK) if name in rows]
    spec = spec_of(model, known)
    fitted = fit(rows, SCHEMA, spec, seed=seed, rows=model["rows"] or None)
    note(f"{model['kind']} on {min(model['rows'] or len(rows), len(rows)):,} of {len(rows):,} flights")
    return fitted
