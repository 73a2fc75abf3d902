"""Two versions of a table as one story: what differs, which promises broke or healed, what drifted, what it costs.

Brings together `diff` (cells under a key), `expectations` (both sides), `drift` (features both have) and, with a model,
its numbers on both. `compare(old, new, schema).story` reads top to bottom; each line has a code and its values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from mlops_core.dataset import Costs, Schema
from mlops_core.diff import Diff, diff
from mlops_core.drift import DriftReport, Reference, report
from mlops_core.expectations import Rule, ValidationReport, validate
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
    """Everything about the pair. `drift` is None without a feature or a row on either side; metrics need a model."""

    diff: Diff
    drift: DriftReport | None
    validation_old: ValidationReport
    validation_new: ValidationReport
    metrics_old: Metrics | None = None
    metrics_new: Metrics | None = None

    @property
    def broken(self) -> tuple[str, ...]:
        """Codes of the promises that only the new table breaks."""
        before = {finding.code for finding in self.validation_old.failed}
        return tuple(finding.code for finding in self.validation_new.failed if finding.code not in before)

    @property
    def healed(self) -> tuple[str, ...]:
        """Codes of the promises that the old table broke and the new one keeps."""
        after = {finding.code for finding in self.validation_new.failed}
        return tuple(finding.code for finding in self.validation_old.failed if finding.code not in after)

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
            "validation_old": self.validation_old.to_dict(),
            "validation_new": self.validation_new.to_dict(),
            "metrics_old": self.metrics_old.to_dict() if self.metrics_old else None,
            "metrics_new": self.metrics_new.to_dict() if self.metrics_new else None,
            "broken": list(self.broken),
            "healed": list(self.healed),
            "story": [line.text for line in self.story],
        }


def compare(
    old: pd.DataFrame,
    new: pd.DataFrame,
    schema: Schema,
    key: Sequence[str] = (),
    *,
    rules: Sequence[Rule] = (),
    model: Pipeline | None = None,
    costs: Costs | None = None,
) -> Comparison:
    """Compare two tables under `key` (default: the schema's). Each is held against the columns of the schema it has.

    With `model`, its metrics on the rows with known outcomes of both. Raises BadData for a key that is not unique.
    """
    return Comparison(
        diff=diff(old, new, key or schema.key),
        drift=_drift(old, new, schema),
        validation_old=_validated(old, schema, rules),
        validation_new=_validated(new, schema, rules),
        metrics_old=_metrics(old, schema, model, costs),
        metrics_new=_metrics(new, schema, model, costs),
    )


def _validated(frame: pd.DataFrame, schema: Schema, rules: Sequence[Rule]) -> ValidationReport:
    usable = [rule for rule in rules if rule.column in frame.columns]
    return validate(frame, schema.only(frame.columns), usable)


def _drift(old: pd.DataFrame, new: pd.DataFrame, schema: Schema) -> DriftReport | None:
    shared = [name for name in schema.names if name in old.columns and name in new.columns]
    common = schema.only(shared)
    if not common.features or old.empty or new.empty:
        return None
    return report(Reference.of(old, common), new, detectors=("psi",), multiplicity="holm")


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
    before = {finding.code: finding for finding in found.validation_old.findings}
    after = {finding.code: finding for finding in found.validation_new.findings}
    for code in found.broken:
        yield Line("promise.broken", f"Newly broken. {after[code].message}", {"rule": code})
    for code in found.healed:
        yield Line("promise.healed", f"No longer broken. {before[code].message}", {"rule": code})
    if found.drift is not None and found.drift.drifted:
        names = found.drift.drifted
        yield Line("drift", f"Drifted features ({len(names)}): {', '.join(names)}.", {"columns": names})


def _about_model(found: Comparison) -> Iterator[Line]:
    old, new = found.metrics_old, found.metrics_new
    if old is not None and new is not None and old != new:
        text = f"The model costs {old.cost_per_row:.4f} a row on the old table, {new.cost_per_row:.4f} on the new one."
        yield Line("cost", text, {"old": old.cost_per_row, "new": new.cost_per_row})
