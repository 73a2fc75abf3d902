"""The model world: real rows, labels drawn from a known P(y|x), so that what *should* happen can be computed.

The oracle is a logistic regression on splines of the numbers and indicators of the labels: the logit is a sum of one
contribution a feature, so "a weight shrinks or flips" has a meaning. Contributions are centred on the fitted rows:
shrinking one moves the ranking, not the mean logit. `world = World.fit(frame, schema, seed=0); world.truth(frame)`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from mlops_core.dataset import Schema
from mlops_core.errors import BadData, BadParameter, NotFound

Floats = npt.NDArray[np.float64]
KNOTS = 5
ROWS = 40_000


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """What one feature adds to the logit: linear between `points` and flat outside (numbers), a value a label
    (categories; labels never seen add `rest`), `missing` where it is missing.
    """

    name: str
    points: Floats
    values: Floats
    labels: Mapping[str, float]
    missing: float
    rest: float = 0.0

    def contribution(self, column: pd.Series[Any]) -> Floats:
        """Logit units per row."""
        if self.labels:
            codes, found = pd.factorize(column)
            known = [self.labels.get(str(label), self.rest) for label in found]
            return np.array([*known, self.missing])[codes]
        numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.where(np.isnan(numbers), self.missing, np.interp(numbers, self.points, self.values))


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """A known P(y|x). `weights` scale the terms (1 unless changed), `intercept` is in logit units."""

    terms: tuple[Term, ...]
    intercept: float
    weights: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def fit(cls, frame: pd.DataFrame, schema: Schema, seed: int, *, rows: int = ROWS) -> World:
        """Fit the oracle on at most `rows` rows of known outcome, drawn with `seed`. BadData with one outcome only."""
        if schema.target is None or schema.target not in frame:
            raise BadData("the model world needs a target to imitate", code="world.target")
        known = frame[frame[schema.target].notna()]
        if known[schema.target].nunique() < 2:
            raise BadData("the model world needs rows of both outcomes", code="world.one_outcome")
        rng = np.random.default_rng(seed)
        chosen = np.sort(rng.choice(len(known), min(rows, len(known)), replace=False))
        part = known.iloc[chosen]
        return _fit(part, schema, part[schema.target].to_numpy(dtype=np.int64))

    @property
    def features(self) -> tuple[str, ...]:
        """The features that the truth depends on."""
        return tuple(term.name for term in self.terms)

    def truth(self, frame: pd.DataFrame) -> Floats:
        """P(y = 1 | x) of each row; BadData names an absent feature."""
        absent = [name for name in self.features if name not in frame]
        if absent:
            raise BadData(f"the table has no column {', '.join(absent)}; the truth depends on it", code="world.columns")
        logit = np.full(len(frame), self.intercept)
        for term in self.terms:
            logit += self.weights.get(term.name, 1.0) * term.contribution(frame[term.name])
        return np.asarray(special.expit(logit), dtype=np.float64)

    def labels(self, frame: pd.DataFrame, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """Outcomes drawn from the truth, one a row."""
        return (rng.random(len(frame)) < self.truth(frame)).astype(np.int64)

    def importance(self, frame: pd.DataFrame) -> dict[str, float]:
        """Standard deviation of each term over these rows, in logit units, largest first."""
        spreads = {
            t.name: float((self.weights.get(t.name, 1.0) * t.contribution(frame[t.name])).std()) for t in self.terms
        }
        return dict(sorted(spreads.items(), key=lambda item: -item[1]))

    def with_weight(self, feature: str, factor: float) -> World:
        """A concept shift: the term of `feature` times `factor` (.4 shrinks it, -1 flips it, 0 removes it)."""
        if feature not in self.features:
            raise NotFound(
                f"the truth has no feature {feature!r}; it has {', '.join(self.features)}", code="world.feature"
            )
        if not math.isfinite(factor):
            raise BadParameter(f"factor is {factor}; it must be a finite number", code="world.factor")
        return replace(self, weights={**self.weights, feature: self.weights.get(feature, 1.0) * factor})

    def with_intercept(self, move: float) -> World:
        """A concept shift: every logit moves by `move` (.69 doubles the odds), the ranking stays."""
        if not math.isfinite(move):
            raise BadParameter(f"move is {move}; it must be a finite number", code="world.move")
        return replace(self, intercept=self.intercept + move)


def _fit(part: pd.DataFrame, schema: Schema, truth: npt.NDArray[np.int64]) -> World:
    from sklearn.linear_model import LogisticRegression

    bases = [_number(name, part[name]) for name in schema.numeric] + [
        _label(name, part[name]) for name in schema.categorical
    ]
    design = np.hstack([basis.design for basis in bases])
    model = LogisticRegression(C=1.0, max_iter=1000).fit(design, truth)
    ends = np.cumsum([basis.design.shape[1] for basis in bases])[:-1]
    pairs = zip(bases, np.split(model.coef_[0], ends), strict=True)
    terms, moved = [], float(model.intercept_[0])
    for basis, weight in pairs:
        term = basis.term(weight)
        mean = float(term.contribution(part[term.name]).mean())
        labels = {label: value - mean for label, value in term.labels.items()}
        terms.append(replace(term, values=term.values - mean, labels=labels, missing=term.missing - mean, rest=-mean))
        moved += mean
    return World(tuple(terms), moved)


@dataclass(frozen=True, slots=True, eq=False)
class _Basis:
    """Columns of the design matrix of one feature; the last one says "missing"."""

    name: str
    design: Floats
    points: Floats
    labels: tuple[str, ...]

    def term(self, weight: Floats) -> Term:
        if self.labels:
            return Term(
                self.name,
                np.empty(0),
                np.empty(0),
                dict(zip(self.labels, weight.tolist(), strict=False)),
                float(weight[-1]),
            )
        return Term(self.name, self.points, weight[:-1], {}, float(weight[-1]))


def _number(name: str, column: pd.Series[Any]) -> _Basis:
    """Linear splines: a hat function at each of a few quantiles."""
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    gone = np.isnan(values)
    present = values[~gone]
    points: Floats = np.unique(np.quantile(present, np.linspace(0, 1, KNOTS))) if len(present) else np.zeros(1)
    hats = np.column_stack([np.interp(np.where(gone, points[0], values), points, hat) for hat in np.eye(len(points))])
    hats[gone] = 0
    return _Basis(name, np.column_stack([hats, gone.astype(np.float64)]), points, ())


def _label(name: str, column: pd.Series[Any]) -> _Basis:
    codes, found = pd.factorize(column)
    labels = tuple(str(label) for label in found) or ("",)  # a column that is always missing
    indicators = np.eye(len(labels) + 1)[codes]
    return _Basis(name, indicators, np.empty(0), labels)
