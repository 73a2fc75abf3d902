import pandas as pd

from mlops_core.pipeline import note
from mlops_core.templates.flights.schema import SCHEMA


def ingest(dataset: pd.DataFrame) -> pd.DataFrame:
    """Take the data version that is checked out and put its rows into one order."""
    rows = dataset.sort_values(list(SCHEMA.key), kind="stable", ignore_index=True)
    note(f"{len(rows):,} flights from {rows['date'].min():%d %b} to {rows['date'].max():%d %b %Y}")
    return rows
