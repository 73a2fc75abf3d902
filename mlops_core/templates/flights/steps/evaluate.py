from typing import Any

import pandas as pd
from sklearn.pipeline import Pipeline as Model

from mlops_core.dataset import Costs
from mlops_core.pipeline import note
from mlops_core.templates.flights.schema import SCHEMA
from mlops_core.training import calibration, predict, slices
from mlops_core.training import evaluate as measure


def evaluate(split: pd.DataFrame, train: Model, *, costs: dict[str, float]) -> dict[str, Any]:
    """Measure the model on the days it has not seen, as a whole and by airport."""
    rows = split[split["part"] == "holdout"]
    truth, scores, prices = rows[SCHEMA.target].to_numpy(), predict(train, rows), Costs(**costs)
    metrics = measure(truth, scores, prices)
    note(f"AUC {metrics.auc:.3f}, cost {metrics.cost_per_row:.3f} a flight on {metrics.n:,} flights")
    return {
        "metrics": metrics.to_dict(),
        "calibration": calibration(truth, scores).to_dict(),
        "slices": [part.to_dict() for part in slices(rows, truth, scores, "origin", prices)],
    }
