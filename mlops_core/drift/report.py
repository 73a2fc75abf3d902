"""All columns of a window against the reference: `report(reference, current).share` is the share of columns drifted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from mlops_core.drift.detectors import Band, applies, detect_side, overall_p
from mlops_core.drift.reference import Reference, need_columns
from mlops_core.drift.results import ColumnDrift
from mlops_core.errors import BadParameter, NotFound
from mlops_core.stats.multiplicity import adjust


@dataclass(frozen=True, slots=True)
class DriftReport:
    """One `ColumnDrift` per column and detector that applies to it, in the order of the schema."""

    columns: tuple[ColumnDrift, ...]
    n_reference: int
    n_current: int
    band: Band
    alpha: float
    multiplicity: str

    @property
    def names(self) -> tuple[str, ...]:
        """The columns watched."""
        return tuple(dict.fromkeys(drift.column for drift in self.columns))

    @property
    def drifted(self) -> tuple[str, ...]:
        """The columns in which at least one detector sees drift."""
        return tuple(dict.fromkeys(drift.column for drift in self.columns if drift.drifted))

    @property
    def share(self) -> float:
        """Share of watched columns that have drifted (0 when none is watched)."""
        return len(self.drifted) / len(self.names) if self.columns else 0.0

    def column(self, name: str, detector: str = "psi") -> ColumnDrift:
        """What `detector` says about one column."""
        for drift in self.columns:
            if drift.column == name and drift.detector == detector:
                return drift
        raise NotFound(f"the report holds no {detector} of column {name!r}", code="drift.no_result", column=name)

    def frame(self) -> pd.DataFrame:
        """One row per column and detector."""
        return pd.DataFrame([drift.to_dict() for drift in self.columns])

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values."""
        return {
            "n_reference": self.n_reference,
            "n_current": self.n_current,
            "band": self.band,
            "alpha": self.alpha,
            "multiplicity": self.multiplicity,
            "drifted": list(self.drifted),
            "share": self.share,
            "columns": [drift.to_dict() for drift in self.columns],
        }


def report(
    reference: Reference,
    current: pd.DataFrame,
    *,
    detectors: Sequence[str] = ("psi",),
    band: Band = "iid",
    alpha: float = 0.05,
    multiplicity: str = "none",
    columns: Sequence[str] | None = None,
) -> DriftReport:
    """Compare `current` with the reference, column by column (a detector skips the kinds it is not defined for).

    `multiplicity` ("none", "holm", "bh") adjusts the i.i.d. p-values over all rows of the report; a calendar band of a
    dozen weeks has no p-values fine enough for that, so the two together are refused. Without rows, nothing drifts.
    Raises BadData when a column is absent or not of the reference's kind, BadParameter for unknown names.
    """
    if band == "calendar" and multiplicity != "none":
        raise BadParameter(
            "a calendar band cannot be adjusted for multiplicity; use the iid band, or judge the share",
            code="drift.multiplicity",
        )
    names = tuple(columns) if columns is not None else tuple(reference.columns)
    need_columns(current, names, "current")
    found: list[ColumnDrift] = []
    for name in names:
        column = reference.column(name)
        wanted = [detector for detector in detectors if applies(detector, column.kind)]
        side = column.side_of(current[name]) if wanted else None
        found += [detect_side(detector, column, side, band, alpha) for detector in wanted if side is not None]
    judged = found if multiplicity == "none" else _adjusted(found, multiplicity, alpha)
    return DriftReport(tuple(judged), reference.n, len(current), band, alpha, multiplicity)


def _adjusted(found: list[ColumnDrift], multiplicity: str, alpha: float) -> list[ColumnDrift]:
    adjusted = adjust([overall_p(drift) for drift in found], multiplicity)
    kept = adjusted <= alpha
    return [
        drift if keep or not drift.drifted else replace(drift, drifted=False, code="same")
        for drift, keep in zip(found, kept, strict=True)
    ]
