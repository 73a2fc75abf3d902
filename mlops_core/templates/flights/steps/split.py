from typing import Any

import numpy as np
import pandas as pd

from mlops_core.errors import BadData
from mlops_core.pipeline import note


def split(features: pd.DataFrame, *, split: dict[str, Any], seed: int) -> pd.DataFrame:
    """Divide by day, never by row: flights of one day share one sky."""
    rows = features
    if split["desk"]:
        origin, _, carrier = split["desk"].partition("-")
        rows = rows[(rows["origin"] == origin) & (rows["carrier"] == carrier)].reset_index(drop=True)
    days = pd.Series(rows["date"].unique()).sort_values()
    if split["kind"] == "time":
        held = days[days >= pd.Timestamp(split["holdout_from"])]
    else:
        held = days.sample(frac=split["holdout_share"], random_state=np.random.default_rng(seed))
    part = np.where(rows["date"].isin(held), "holdout", "train")
    sizes = pd.Series(part).value_counts()
    if len(sizes) < 2:
        raise BadData(f"the split leaves no rows on one side ({len(rows):,} flights, {len(held)} days held out)")
    note(f"{sizes['train']:,} flights to train on, {sizes['holdout']:,} held out ({len(held)} days)")
    return rows.assign(part=part)
