from typing import Any

import pandas as pd

from mlops_core.pipeline import note
from mlops_core.templates.flights.selection import columns_of, schema_for


def features(ingest: pd.DataFrame, validate: dict[str, Any], *, features: dict[str, Any]) -> pd.DataFrame:
    """Keep the key, the target and the columns a model may read two hours before departure."""
    schema = schema_for(ingest)
    chosen = columns_of(features["groups"], features["extra"], ingest)
    kept = [*schema.key, *(name for name in chosen if name not in schema.key), schema.target]
    note(f"{len(chosen)} features; {len(validate['findings'])} rules held")
    return ingest.loc[ingest[schema.target].notna(), kept].reset_index(drop=True)
