"""All trials of a learner on the screen: what is logged, in one table, the cheapest named above it.

logged = finished()
trials_panel(logged, holders())
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from mlops_core import registry, tracking
from mlops_core.tracking import TrialRecord
from pages.kit import blocks, session
from pages.kit.session import plain, t


def finished() -> tuple[TrialRecord, ...]:
    """Every trial that ended well, newest first."""
    return tuple(record for record in tracking.trials(session.workspace()) if record.status == "FINISHED")[::-1]


def cheapest(logged: Sequence[TrialRecord]) -> TrialRecord:
    """The trial with the lowest cost per flight."""
    return min(logged, key=lambda record: record.metrics.get("cost_per_row", float("inf")))


def holders() -> dict[str, str]:
    """Champion and challenger -> the run each of them points at, "" for nobody."""
    workspace = session.workspace()
    return {alias: getattr(registry.holder(workspace, alias), "run_id", "") for alias in ("champion", "challenger")}


def name_of(record: TrialRecord) -> str:
    """A trial in one line: name, cost, start of its id."""
    return plain(
        "experiments.trial",
        name=record.name,
        cost=record.metrics.get("cost_per_row", float("nan")),
        run=record.run_id[:6],
    )


def listing(logged: Sequence[TrialRecord], held: Mapping[str, str]) -> pd.DataFrame:
    """Every trial in a line; of the parameters only those in which the trials differ."""
    own = {name for record in logged for name in record.params} - {"features", "kind", "seed"}
    values = {name: {str(record.params[name]) for record in logged if name in record.params} for name in own}
    differing = [name for name in sorted(own) if len(values[name]) > 1]
    lines = []
    for record in logged:
        marks = [plain(f"experiments.mark_{alias}") for alias, run in held.items() if run == record.run_id]
        given = [f"{name}={record.params[name]}" for name in differing if record.params.get(name) is not None]
        lines.append(
            {
                "alias": " ".join(marks),
                "name": record.name,
                "kind": record.params.get("kind"),
                "params": ", ".join(given),
                "seed": record.params.get("seed"),
                "cost": record.metrics.get("cost_per_row"),
                "auc": record.metrics.get("auc"),
                "brier": record.metrics.get("brier"),
                "data": record.tags.get("mlops.data.name", ""),
                "when": record.created.astimezone().replace(tzinfo=None),
                "run": record.run_id[:8],
            }
        )
    return pd.DataFrame(lines)


def heads() -> dict[str, Any]:
    """Words and formats of the columns."""
    form = {"cost": "%.4f", "auc": "%.4f", "brier": "%.4f"}
    names = ("alias", "name", "kind", "params", "seed", "data", "run")
    columns: dict[str, Any] = {name: st.column_config.Column(t(f"experiments.head.{name}")) for name in names}
    for name, shape in form.items():
        columns[name] = st.column_config.NumberColumn(t(f"experiments.head.{name}"), format=shape)
    columns["alias"] = st.column_config.Column(t("experiments.head.alias"), width="medium")
    columns["params"] = st.column_config.Column(t("experiments.head.params"), width="medium")
    columns["when"] = st.column_config.DatetimeColumn(t("experiments.head.when"), format="D MMM, HH:mm")
    return columns


def trials_panel(logged: Sequence[TrialRecord], held: Mapping[str, str]) -> None:
    """The count, the table, and how to see the same in MLflow."""
    best = cheapest(logged)
    st.markdown(t("experiments.count", trials=len(logged), name=best.name, cost=best.metrics["cost_per_row"]))
    blocks.table(
        listing(logged, held),
        alt=plain("experiments.table_alt", trials=len(logged)),
        key="experiments.table",
        column_config=heads(),
    )
    with st.expander(t("experiments.mlflow"), icon=":material/terminal:"):
        st.markdown(t("experiments.mlflow_lead"))
        st.code(f"mlflow server --backend-store-uri sqlite:///{session.workspace().mlflow_db}", language=None)
