"""Has P(x) changed? Statistics per column, each with the band it would show if nothing had happened.

`Reference.of(frame, schema)` sorts and bins the reference once; `report(reference, current)` compares. Two null bands:
"iid" (rows independent: right in the model world) and "calendar" (each reference week against the others: right for
a real year, where weeks differ). Missing values and new categories are drift, they are never dropped.

Sources: PSI, Siddiqi 2006 and Yurdakul 2018 (null distribution); KS, Hodges 1958; Wasserstein, Ramdas et al. 2017;
Jensen-Shannon, Lin 1991; chi-square of homogeneity, Pearson 1900; Welch 1947.
"""

from mlops_core.drift.detectors import DETECTORS, applies
from mlops_core.drift.nulls import psi_exceeds, psi_line
from mlops_core.drift.reference import CategoryReference, NumericReference, Reference
from mlops_core.drift.report import DriftReport, report
from mlops_core.drift.results import ColumnDrift

__all__ = [
    "DETECTORS",
    "CategoryReference",
    "ColumnDrift",
    "DriftReport",
    "NumericReference",
    "Reference",
    "applies",
    "psi_exceeds",
    "psi_line",
    "report",
]
