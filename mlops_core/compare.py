"""Two tables side by side: what changed in the rows, what that does to the distributions, which promises each keeps.

A diff says which cells differ, drift whether the whole looks different, validation whether it is allowed to look so:
three questions, three answers (a unit slip changes every cell, drifts, and may break no promise at all).

    compare(old, new, schema, check=template.check).diff.copies
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from mlops_core.dataset import Schema
from mlops_core.diff import Diff, diff
from mlops_core.drift import DriftReport, Reference, report
from mlops_core.drift.detectors import Band
from mlops_core.expectations import ValidationReport, validate


@dataclass(frozen=True, slots=True)
class Comparison:
    """`drift` takes the old table as the reference; None when the two share no feature or one of them has no rows."""

    diff: Diff
    drift: DriftReport | None
    old: ValidationReport
    new: ValidationReport

    @property
    def broken(self) -> tuple[str, ...]:
        """Codes of the promises that the new table breaks and the old one kept or was not asked."""
        before = {finding.code for finding in self.old.failed}
        return tuple(finding.code for finding in self.new.failed if finding.code not in before)

    @property
    def mended(self) -> tuple[str, ...]:
        """Codes of the promises that the old table broke and the new one keeps."""
        kept = {finding.code for finding in self.new.findings if finding.passed}
        return tuple(finding.code for finding in self.old.failed if finding.code in kept)


def compare(
    old: pd.DataFrame,
    new: pd.DataFrame,
    schema: Schema,
    *,
    check: Callable[[pd.DataFrame], ValidationReport] | None = None,
    detectors: tuple[str, ...] = ("psi",),
    band: Band = "calendar",
) -> Comparison:
    """Compare two tables under the schema's key.

    `check` holds a table against its expectations (default: the rules of the schema, for the columns the table has).
    The calendar band asks whether the new table differs more than one week of the old one differs from the rest.
    Raises what `diff` and `drift.report` raise.
    """
    held = check or (lambda frame: validate(frame, schema.only(str(name) for name in frame.columns)))
    return Comparison(diff(old, new, schema.key), _drift(old, new, schema, detectors, band), held(old), held(new))


def _drift(
    old: pd.DataFrame, new: pd.DataFrame, schema: Schema, detectors: tuple[str, ...], band: Band
) -> DriftReport | None:
    shared = schema.only(str(name) for name in old.columns if name in new.columns)
    if not shared.features or old.empty or new.empty:
        return None
    weekly: Band = band if shared.day else "iid"
    return report(Reference.of(old, shared), new, detectors=detectors, band=weekly)
