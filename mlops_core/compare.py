"""Two versions of a table as one story: what differs, which promises broke, what drifted, what a model pays for it.

A diff says which cells differ, drift whether the whole looks different, validation whether it is allowed to look so:
three questions, three answers (a unit slip changes every cell, drifts, and may break no promise at all).

    [line.text for line in compare(old, new, schema, check=template.check).story]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from mlops_core.dataset import Costs, Schema
from mlops_core.diff import Diff, diff
from mlops_core.drift import DriftReport, Reference, report
from mlops_core.drift.detectors import Band
from mlops_core.expectations import ValidationReport, validate
from mlops_core.training import Metrics, evaluate, predict

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence of the story, its code and the values in it."""

    code: str
    text: str
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything about the pair; `old` and `new` say which promises each side keeps, the metrics need a model.

    `drift` takes the old table as the reference; None when the two share no feature or one of them has no rows.
    """

    diff: Diff
    drift: DriftReport | None
    old: ValidationReport
    new: ValidationReport
    metrics_old: Metrics | None = None
    metrics_new: Metrics | None = None

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

    @property
    def story(self) -> tuple[Line, ...]:
        """The comparison in a few sentences, most structural first; one line "same" when nothing differs."""
        lines = (*_about_shape(self.diff), *_about_cells(self.diff), *_about_promises(self), *_about_model(self))
        return lines or (Line("same", "The two tables hold the same."),)

    def to_dict(self) -> dict[str, object]:
        """Everything as plain values."""
        return {
            "diff": self.diff.to_dict(),
            "drift": self.drift.to_dict() if self.drift else None,
            "old": self.old.to_dict(),
            "new": self.new.to_dict(),
            "metrics_old": self.metrics_old.to_dict() if self.metrics_old else None,
            "metrics_new": self.metrics_new.to_dict() if self.metrics_new else None,
            "broken": list(self.broken),
            "mended": list(self.mended),
            "story": [line.text for line in self.story],
        }


def compare(
    old: pd.DataFrame,
    new: pd.DataFrame,
    schema: Schema,
    key: Sequence[str] = (),
    *,
    check: Callable[[pd.DataFrame], ValidationReport] | None = None,
    detectors: tuple[str, ...] = ("psi",),
    band: Band = "calendar",
    model: Pipeline | None = None,
    costs: Costs | None = None,
) -> Comparison:
    """Compare two tables under `key` (default: the schema's).

    `check` holds a table against its expectations (default: the rules of the schema, for the columns the table has).
    The calendar band asks whether the new table differs more than one week of the old one differs from the rest. With
    `model`, its metrics on the rows of both whose outcome is known. Raises what `diff` and `drift.report` raise.
    """
    held = check or (lambda frame: validate(frame, schema.only(str(name) for name in frame.columns)))
    return Comparison(
        diff=diff(old, new, key or schema.key),
        drift=_drift(old, new, schema, detectors, band),
        old=held(old),
        new=held(new),
        metrics_old=_metrics(old, schema, model, costs),
        metrics_new=_metrics(new, schema, model, costs),
    )


def _drift(
    old: pd.DataFrame, new: pd.DataFrame, schema: Schema, detectors: tuple[str, ...], band: Band
) -> DriftReport | None:
    shared = schema.only(str(name) for name in old.columns if name in new.columns)
    if not shared.features or old.empty or new.empty:
        return None
    weekly: Band = band if shared.day else "iid"
    return report(Reference.of(old, shared), new, detectors=detectors, band=weekly)


def _metrics(frame: pd.DataFrame, schema: Schema, model: Pipeline | None, costs: Costs | None) -> Metrics | None:
    if model is None or schema.target is None or schema.target not in frame.columns:
        return None
    known = frame[frame[schema.target].notna()]
    if known.empty or any(name not in frame.columns for name in model.feature_names_in_):
        return None
    return evaluate(known[schema.target], predict(model, known), costs or Costs())


def _about_shape(found: Diff) -> Iterator[Line]:
    for code, what, names in (("added", "New", found.added_columns), ("removed", "Gone", found.removed_columns)):
        if names:
            text = f"{what} columns ({len(names)}): {', '.join(names)}."
            yield Line(f"columns.{code}", text, {"columns": names})
    for change in found.retyped:
        values = {"column": change.column, "old": change.old, "new": change.new}
        yield Line("retyped", f"{change.column} was a {change.old} and is a {change.new} now.", values)
    if found.rows_added or found.rows_removed:
        counts = {"added": found.rows_added, "removed": found.rows_removed}
        yield Line("rows", f"{found.rows_added:,} rows came, {found.rows_removed:,} went.", counts)


def _about_cells(found: Diff) -> Iterator[Line]:
    for copy in found.copies:
        where = "in the new table" if copy.side == "new" else "in the old table"
        facts = {"column": copy.column, "of": copy.of, "ratio": copy.ratio, "side": copy.side}
        yield Line("copy", f"{copy.column} is {copy.of} × {copy.ratio:.6g} in every filled row {where}.", facts)
    for cell in found.cells:
        text = f"{cell.column} differs in {cell.changed:,} cells ({cell.share:.1%} of the shared rows)"
        if cell.filled or cell.emptied:
            text += f"; {cell.filled:,} were filled, {cell.emptied:,} emptied"
        if cell.median_ratio is not None:
            text += f"; median new/old {cell.median_ratio:.4g}"
        yield Line("cells", text + ".", {"column": cell.column, "changed": cell.changed, "share": cell.share})


def _about_promises(found: Comparison) -> Iterator[Line]:
    before = {finding.code: finding for finding in found.old.findings}
    after = {finding.code: finding for finding in found.new.findings}
    for code in found.broken:
        yield Line("promise.broken", f"Newly broken. {after[code].message}", {"rule": code})
    for code in found.mended:
        yield Line("promise.mended", f"No longer broken. {before[code].message}", {"rule": code})
    if found.drift is not None and found.drift.drifted:
        names = found.drift.drifted
        yield Line("drift", f"Drifted features ({len(names)}): {', '.join(names)}.", {"columns": names})


def _about_model(found: Comparison) -> Iterator[Line]:
    old, new = found.metrics_old, found.metrics_new
    if old is not None and new is not None and old != new:
        text = f"The model costs {old.cost_per_row:.4f} a row on the old table, {new.cost_per_row:.4f} on the new one."
        yield Line("cost", text, {"old": old.cost_per_row, "new": new.cost_per_row})
