"""Named ways in which the world changes, applied to a copy of a frame with a seeded rng.

`Shift("mean", "temp", amount=1.0).apply(frame, rng)` warms every row by one standard deviation. Kinds are functions in
a dict by name; `amount` means what `KINDS[kind].__doc__` says, `share` is the share of rows hit (chosen at random).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_core.errors import BadData, BadParameter

Rows = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Shift:
    """One change. `column` is what it changes (for "prior" and "label_noise" the target), `share` of rows 0 to 1.

    Units of `amount`: standard deviations for mean, noise, tail; a factor for spread, unit; the new rate for prior.
    `value` is the label for category and new_category. Raises BadParameter for what can never make sense.
    """

    kind: str
    column: str = ""
    amount: float = 0.0
    share: float = 1.0
    value: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise BadParameter(
                f"shift {self.kind!r} is unknown; there are {', '.join(KINDS)}", code="shift.kind", kind=self.kind
            )
        if not self.column:
            raise BadParameter(f"shift {self.kind!r} needs a column", code="shift.column", kind=self.kind)
        if not 0 <= self.share <= 1:
            raise BadParameter(f"share is {self.share}; it must lie from 0 to 1", code="shift.share", share=self.share)
        if not math.isfinite(self.amount):
            raise BadParameter(f"amount is {self.amount}; it must be a finite number", code="shift.amount")

    def apply(self, frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        """The changed world; `frame` stays as it is. BadData names a column that is absent or of the wrong kind."""
        if self.column not in frame:
            raise BadData(
                f"there is no column {self.column!r} to shift; there are {', '.join(map(str, frame.columns))}",
                code="shift.no_column",
                column=self.column,
            )
        rows = rng.random(len(frame)) < self.share if self.share < 1 else np.ones(len(frame), dtype=bool)
        return KINDS[self.kind](frame, self, rows, rng)


def apply_all(shifts: Iterable[Shift], frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Several shifts, one after the other."""
    for shift in shifts:
        frame = shift.apply(frame, rng)
    return frame


def _numbers(frame: pd.DataFrame, shift: Shift) -> NDArray[np.float64]:
    try:
        if not pd.api.types.is_numeric_dtype(frame[shift.column]):
            raise TypeError(f"it holds {frame[shift.column].dtype}")
        return frame[shift.column].to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise BadData(
            f"{shift.kind} needs a numeric column; {shift.column} is not one ({error})",
            code="shift.not_numeric",
            column=shift.column,
            kind=shift.kind,
        ) from error


def _with(frame: pd.DataFrame, shift: Shift, values: Any) -> pd.DataFrame:
    return frame.assign(**{shift.column: values})


def _spread_of(values: NDArray[np.float64]) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.std()) if len(finite) else 0.0


def mean(frame: pd.DataFrame, shift: Shift, rows: Rows, _: np.random.Generator) -> pd.DataFrame:
    """Add `amount` standard deviations of the column."""
    values = _numbers(frame, shift)
    return _with(frame, shift, values + np.where(rows, shift.amount * _spread_of(values), 0.0))


def spread(frame: pd.DataFrame, shift: Shift, rows: Rows, _: np.random.Generator) -> pd.DataFrame:
    """Multiply the distance from the mean by `amount` (2: twice as wide, 0: constant)."""
    if shift.amount < 0:
        raise BadParameter(f"spread {shift.amount} is below 0; 1 changes nothing, 2 doubles", code="shift.amount")
    values = _numbers(frame, shift)
    finite = values[np.isfinite(values)]
    centre = float(finite.mean()) if len(finite) else 0.0
    return _with(frame, shift, np.where(rows, centre + (values - centre) * shift.amount, values))


def noise(frame: pd.DataFrame, shift: Shift, rows: Rows, rng: np.random.Generator) -> pd.DataFrame:
    """Add normal noise of `amount` standard deviations of the column."""
    values = _numbers(frame, shift)
    drawn = rng.normal(size=len(values)) * shift.amount * _spread_of(values)
    return _with(frame, shift, np.where(rows, values + drawn, values))


def tail(frame: pd.DataFrame, shift: Shift, rows: Rows, rng: np.random.Generator) -> pd.DataFrame:
    """Push rows outward by an exponential draw of mean `amount` standard deviations: a heavier upper tail."""
    values = _numbers(frame, shift)
    drawn = rng.exponential(size=len(values)) * shift.amount * _spread_of(values)
    return _with(frame, shift, np.where(rows, values + drawn, values))


def missing(frame: pd.DataFrame, shift: Shift, rows: Rows, _: np.random.Generator) -> pd.DataFrame:
    """Lose the value in `share` of the rows."""
    return _with(frame, shift, frame[shift.column].mask(rows))


def category(frame: pd.DataFrame, shift: Shift, rows: Rows, _: np.random.Generator) -> pd.DataFrame:
    """Move `share` of the rows to the label `value`, which the column must already have."""
    labels = frame[shift.column].dropna().astype(str).unique()
    if shift.value not in labels:
        raise BadData(
            f"{shift.column} has no label {shift.value!r}; it has {', '.join(sorted(labels)[:8])} … "
            "A label never seen is the shift new_category.",
            code="shift.no_label",
            column=shift.column,
        )
    return _relabel(frame, shift, rows, shift.value)


def new_category(frame: pd.DataFrame, shift: Shift, rows: Rows, _: np.random.Generator) -> pd.DataFrame:
    """Move `share` of the rows to a label never seen: `value`, or "new"."""
    label = shift.value or "new"
    if (frame[shift.column].astype(str) == label).any():
        raise BadData(
            f"{shift.column} already has the label {label!r}; a new category needs a new name",
            code="shift.old_label",
            column=shift.column,
        )
    return _relabel(frame, shift, rows, label)


def _relabel(frame: pd.DataFrame, shift: Shift, rows: Rows, label: str) -> pd.DataFrame:
    old = frame[shift.column]
    if pd.api.types.is_numeric_dtype(old):
        raise BadData(
            f"{shift.kind} needs a column of labels; {shift.column} holds numbers",
            code="shift.not_category",
            column=shift.column,
        )
    return _with(frame, shift, old.astype(object).mask(rows, label).astype("str"))


def unit(frame: pd.DataFrame, shift: Shift, rows: Rows, _: np.random.Generator) -> pd.DataFrame:
    """Multiply by `amount`: minutes sent as hours are 1/60, miles as kilometres 1.609."""
    if shift.amount == 0:
        raise BadParameter("a unit mix-up by the factor 0 loses the column; use the shift missing", code="shift.amount")
    values = _numbers(frame, shift)
    return _with(frame, shift, np.where(rows, values * shift.amount, values))


def prior(frame: pd.DataFrame, shift: Shift, _: Rows, rng: np.random.Generator) -> pd.DataFrame:
    """Resample rows (with replacement, as many as before) so that the rate of label 1 is `amount`; P(x|y) stays."""
    if not 0 <= shift.amount <= 1:
        raise BadParameter(f"prior {shift.amount} is no rate; it must lie from 0 to 1", code="shift.amount")
    labels = _labels(frame, shift)
    ones, zeros = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    wanted = round(shift.amount * len(frame))
    if (wanted and not len(ones)) or (wanted < len(frame) and not len(zeros)):
        raise BadData(
            f"{shift.column} has one label only; a prior shift needs rows of both",
            code="shift.one_label",
            column=shift.column,
        )
    chosen = np.concatenate(
        [
            rng.choice(ones, wanted) if wanted else ones[:0],
            rng.choice(zeros, len(frame) - wanted) if wanted < len(frame) else zeros[:0],
        ]
    )
    return frame.iloc[rng.permutation(chosen)].reset_index(drop=True)


def label_noise(frame: pd.DataFrame, shift: Shift, rows: Rows, _: np.random.Generator) -> pd.DataFrame:
    """Flip the label in `share` of the rows."""
    labels = _labels(frame, shift)
    return _with(frame, shift, np.where(rows, 1 - labels, labels))


def _labels(frame: pd.DataFrame, shift: Shift) -> NDArray[np.int64]:
    values = _numbers(frame, shift)
    if not np.isin(values, (0.0, 1.0)).all():
        raise BadData(
            f"{shift.kind} needs labels 0 and 1 without gaps in {shift.column}",
            code="shift.labels",
            column=shift.column,
        )
    return values.astype(np.int64)


KINDS: dict[str, Callable[[pd.DataFrame, Shift, Rows, np.random.Generator], pd.DataFrame]] = {
    function.__name__: function
    for function in (mean, spread, noise, tail, missing, category, new_category, unit, prior, label_noise)
}
