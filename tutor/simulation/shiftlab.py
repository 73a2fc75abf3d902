"""The shift lab: move one column, the base rate or the truth itself; see every detector, the model and the oracle.

Real rows, labels of the model world. The same rows and the same luck are drawn for every state, so the difference between
`reading.before` and `reading.model` is what the shift did and nothing else. What the world does (mean, spread, labels) also
moves the outcomes; what the pipeline does wrong (missing, unit) only moves what the model sees.

    lab = ShiftLab.build(year, schema, costs)
    lab.read(LabState("temp", mean=1.5)).auc_loss
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from mlops_core.dataset import Costs, Schema
from mlops_core.drift import DETECTORS, ColumnDrift, DriftReport, Reference, report
from mlops_core.errors import BadParameter, NotFound
from mlops_core.metrics import Calibration, Metrics, calibration, evaluate, row_cost
from mlops_core.monitor.baseline import SCORE
from mlops_core.performance import Estimate, ScoreCalibration, estimate
from mlops_core.shift import Shift, apply_all
from mlops_core.training import ModelSpec, fit, predict
from tutor.simulation.histograms import Histogram, histogram
from tutor.simulation.world import World

Floats = npt.NDArray[np.float64]
ROWS = 20_000  # rows each to train on, to compare with, and to draw windows from
SIZES = (100, 200, 500, 1000, 2000, 5000, 10_000)
UNITS: Mapping[str, float] = {"as it is": 1.0, "÷ 60": 1 / 60, "× 1.609": 1.609, "× 100": 100.0}
LIMITS: Mapping[str, tuple[float, float]] = {
    "mean": (-3.0, 3.0),
    "spread": (0.0, 3.0),
    "missing": (0.0, 1.0),
    "label_share": (0.0, 1.0),
    "prior": (0.25, 2.5),
    "weight": (-1.0, 1.0),
    "intercept": (-2.0, 2.0),
    "bins": (2.0, 50.0),
}
DEFAULTS: Mapping[str, float] = {
    "mean": 0.0, "spread": 1.0, "missing": 0.0, "label_share": 0.0, "prior": 1.0, "weight": 1.0, "intercept": 0.0,
    "bins": 10.0,
}  # fmt: skip
SPEC = ModelSpec("boosting", {"max_iter": 30, "learning_rate": 0.15, "max_leaf_nodes": 15, "min_samples_leaf": 80})
DRAWS = 200


@dataclass(frozen=True, slots=True)
class LabState:
    """Where the controls stand; the defaults change nothing.

    `mean` in standard deviations, `spread` a factor, `missing` and `label_share` shares of rows, `unit` a key of UNITS,
    `prior` a factor on the base rate, `weight` a factor on the feature's weight in the truth, `intercept` in logits.
    """

    feature: str
    mean: float = DEFAULTS["mean"]
    spread: float = DEFAULTS["spread"]
    missing: float = DEFAULTS["missing"]
    label: str = ""
    label_share: float = DEFAULTS["label_share"]
    unit: str = "as it is"
    prior: float = DEFAULTS["prior"]
    weight: float = DEFAULTS["weight"]
    intercept: float = DEFAULTS["intercept"]
    n: int = 5000
    bins: int = 10

    @property
    def untouched(self) -> bool:
        """Whether nothing has been shifted (window size and bins shift nothing; a label without a share neither)."""
        calm = LabState(self.feature, label=self.label, n=self.n, bins=self.bins)
        return self == calm

    @property
    def clamped(self) -> LabState:
        """The nearest state the lab allows: links and tampered addresses may ask for anything.

        >>> state = LabState("temp", mean=99.0, n=1_000_000, unit="furlong").clamped
        >>> state.mean, state.n, state.unit
        (3.0, 10000, 'as it is')
        """
        return LabState(
            feature=self.feature,
            mean=_inside("mean", self.mean),
            spread=_inside("spread", self.spread),
            missing=_inside("missing", self.missing),
            label=self.label,
            label_share=_inside("label_share", self.label_share),
            unit=self.unit if self.unit in UNITS else "as it is",
            prior=_inside("prior", self.prior),
            weight=_inside("weight", self.weight),
            intercept=_inside("intercept", self.intercept),
            n=min(SIZES, key=lambda allowed: abs(allowed - self.n)),
            bins=round(_inside("bins", self.bins)),
        )

    @property
    def key(self) -> str:
        """All settings as one word, for caches."""
        return ":".join(str(value) for value in asdict(self).values())


def _inside(name: str, value: float) -> float:
    """The value within its limits; what is no number changes nothing."""
    low, high = LIMITS[name]
    return min(max(value, low), high) if math.isfinite(value) else DEFAULTS[name]


@dataclass(frozen=True, slots=True)
class Band:
    """Where a number lies in 95 of 100 windows of this size in which nothing has happened."""

    low: float
    high: float

    def holds(self, value: float | None) -> bool:
        """Whether a value lies inside; no value lies nowhere."""
        return value is not None and self.low <= value <= self.high


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """Everything the lab says about one state. `before`: the same rows, the same luck, nothing shifted."""

    state: LabState
    drift: DriftReport
    detectors: DriftReport
    score: ColumnDrift
    histogram: Histogram
    scores: Histogram
    before: Metrics
    model: Metrics
    estimated: Estimate
    oracle: Metrics
    calibration: Calibration
    auc_band: Band
    cost_band: Band

    @property
    def input_psi(self) -> float:
        """PSI of the column that was moved."""
        return self.drift.column(self.state.feature).statistic

    @property
    def worst_psi(self) -> float:
        """The largest PSI of any input."""
        return max(column.statistic for column in self.drift.columns)

    @property
    def auc_loss(self) -> float | None:
        """AUC before minus AUC now, on the same rows; None when one of the two has a single outcome."""
        if self.before.auc is None or self.model.auc is None:
            return None
        return self.before.auc - self.model.auc

    @property
    def cost_added(self) -> float:
        """Cost per row now minus cost per row before, on the same rows."""
        return self.model.cost_per_row - self.before.cost_per_row

    @property
    def gap(self) -> float:
        """Mean prediction minus observed rate: positive is too much fear."""
        return self.model.mean_score - self.model.rate


@dataclass(frozen=True, slots=True, eq=False)
class ShiftLab:
    """A model world with a model in it: rows to compare with, rows to draw windows from, and their luck."""

    world: World
    schema: Schema
    costs: Costs
    model: Any
    reference: pd.DataFrame
    stream: pd.DataFrame
    luck: Floats
    reference_scores: Floats
    stream_scores: Floats
    believed: ScoreCalibration

    @classmethod
    def build(cls, year: pd.DataFrame, schema: Schema, costs: Costs, *, seed: int = 0, rows: int = ROWS) -> ShiftLab:
        """Fit the oracle on real outcomes, draw labels from it, fit the model on them; a second or two."""
        target = str(schema.target)
        world, rng = World.fit(year, schema, seed), np.random.default_rng(seed)
        known = year[year[target].notna()]
        rows = min(rows, len(known) // 3)
        pool = known.iloc[rng.permutation(len(known))[: 3 * rows]].reset_index(drop=True)
        luck = rng.random(len(pool))
        pool[target] = (luck < world.truth(pool)).astype(np.int64)
        train, reference, stream = (pool.iloc[at * rows : (at + 1) * rows].reset_index(drop=True) for at in range(3))
        model = fit(train, schema, SPEC, seed=seed)
        scores = predict(model, reference)
        believed = ScoreCalibration.fit(reference[target], scores)
        return cls(
            world, schema, costs, model, reference, stream, luck[2 * rows :], scores, predict(model, stream), believed
        )

    @property
    def features(self) -> tuple[str, ...]:
        """The columns that can be moved."""
        return self.schema.features

    def labels(self, feature: str, most: int = 12) -> tuple[str, ...]:
        """The most frequent labels of a category, () for a number."""
        if feature not in self.schema.categorical:
            return ()
        return tuple(str(label) for label in self.reference[feature].value_counts().index[:most])

    def least_used(self) -> str:
        """The number whose move by two standard deviations changes the model's answers least: found by moving each."""
        window = self.stream.head(2000)
        still = self.stream_scores[: len(window)]

        def change(feature: str) -> float:
            moved = Shift("mean", feature, amount=2.0).apply(window, np.random.default_rng(0))
            return float(np.abs(predict(self.model, moved) - still).mean())

        return min(self.schema.numeric, key=change)

    def most_trusted(self) -> str:
        """The number whose flipped weight in the truth costs the model most AUC: found by flipping each."""
        rows = len(self.stream) // 2
        window, scores = self.stream.head(rows), self.stream_scores[:rows]

        def auc(feature: str) -> float:
            outcome = self.luck[:rows] < self.world.with_weight(feature, -1.0).truth(window)
            return evaluate(outcome.astype(np.int64), scores, self.costs).auc or 1.0

        return min(self.schema.numeric, key=auc)

    def read(self, state: LabState) -> Reading:
        """Shift, draw outcomes, score, and say what everybody sees. NotFound for a feature that is not there."""
        state = state.clamped
        if state.feature not in self.features:
            raise NotFound(f"the lab has no feature {state.feature!r}.", code="lab.feature", feature=state.feature)
        window, truth, outcome = self._happen(state)
        seen = apply_all(self._faults(state), window, np.random.default_rng(1))
        scores = predict(self.model, seen)
        inputs, score_reference = _references(self, state.bins)
        auc_band, cost_band = _bands(self, state.n)
        return Reading(
            state=state,
            drift=report(inputs, seen),
            detectors=report(inputs, seen, detectors=tuple(DETECTORS), columns=(state.feature,)),
            score=report(score_reference, pd.DataFrame({"score": scores})).columns[0],
            histogram=histogram(self.reference[state.feature], seen[state.feature], self.labels(state.feature)),
            scores=histogram(pd.Series(self.reference_scores), pd.Series(scores), (), ends=(0.0, 1.0)),
            before=_before(self, state.n),
            model=evaluate(outcome, scores, self.costs),
            estimated=estimate(scores, self.believed, self.costs),
            oracle=evaluate(outcome, truth, self.costs),
            calibration=calibration(outcome, scores),
            auc_band=auc_band,
            cost_band=cost_band,
        )

    def _happen(self, state: LabState) -> tuple[pd.DataFrame, Floats, npt.NDArray[np.int64]]:
        """What the world does: rows, their true probabilities, their outcomes."""
        window, rng = self.stream.head(state.n), np.random.default_rng(1)
        window = apply_all(self._moves(state), window, rng)
        truth = self.world.with_weight(state.feature, state.weight).with_intercept(state.intercept).truth(window)
        outcome = (self.luck[: state.n] < truth).astype(np.int64)
        rate = float(outcome.mean())
        if state.prior == 1 or not 0 < rate < 1:
            return window, truth, outcome
        wanted = min(rate * state.prior, 0.95)
        drawn = Shift("prior", "y", amount=wanted).apply(pd.DataFrame({"y": outcome, "at": np.arange(state.n)}), rng)
        at = drawn["at"].to_numpy()
        odds = special.logit(wanted) - special.logit(rate)
        return window.iloc[at].reset_index(drop=True), special.expit(special.logit(truth[at]) + odds), outcome[at]

    def _moves(self, state: LabState) -> list[Shift]:
        """Shifts of the world itself."""
        moves = []
        if state.feature in self.schema.numeric:
            if state.spread != 1:
                moves.append(Shift("spread", state.feature, amount=state.spread))
            if state.mean:
                moves.append(Shift("mean", state.feature, amount=state.mean))
        elif state.label_share and state.label in self.labels(state.feature):
            moves.append(Shift("category", state.feature, share=state.label_share, value=state.label))
        return moves

    def _faults(self, state: LabState) -> list[Shift]:
        """Shifts of what arrives: the outcome does not know of them."""
        faults = []
        if UNITS[state.unit] != 1 and state.feature in self.schema.numeric:
            faults.append(Shift("unit", state.feature, amount=UNITS[state.unit]))
        if state.missing:
            faults.append(Shift("missing", state.feature, share=state.missing))
        return faults


@lru_cache(maxsize=64)
def _references(lab: ShiftLab, bins: int) -> tuple[Reference, Reference]:
    """Inputs and scores of the reference, sorted and binned once."""
    inputs = Reference.of(lab.reference, lab.schema.without([str(lab.schema.day)]), bins=bins)
    scores = Reference.of(pd.DataFrame({"score": lab.reference_scores}), SCORE.without(["day"]), bins=bins)
    return inputs, scores


@lru_cache(maxsize=64)
def _before(lab: ShiftLab, n: int) -> Metrics:
    """The model on the first n rows of the stream, nothing shifted."""
    return evaluate(lab.stream[str(lab.schema.target)].head(n), lab.stream_scores[:n], lab.costs)


@lru_cache(maxsize=64)
def _bands(lab: ShiftLab, n: int) -> tuple[Band, Band]:
    """Middle 95 of 100 of AUC and of cost per row over windows of n rows drawn from the unshifted stream."""
    if n < 1:
        raise BadParameter(f"a window of {n} rows; at least 1 is needed", code="lab.rows", n=n)
    rng = np.random.default_rng(n)
    outcome = lab.stream[str(lab.schema.target)].to_numpy(dtype=np.float64)
    cost = row_cost(outcome, lab.stream_scores, lab.costs)
    order = np.argsort(lab.stream_scores, kind="stable")
    aucs, costs = np.empty(DRAWS), np.empty(DRAWS)
    for draw in range(DRAWS):
        times = np.bincount(rng.integers(0, len(order), n), minlength=len(order))
        aucs[draw], costs[draw] = _weighted_auc(times[order], outcome[order]), float((times * cost).sum() / n)
    aucs = aucs[~np.isnan(aucs)]
    ends = [np.quantile(values, (0.025, 0.975)).tolist() for values in (aucs, costs)]
    return Band(*ends[0]), Band(*ends[1])


def _weighted_auc(times: npt.NDArray[np.int64], outcome: Floats) -> float:
    """AUC of rows in order of their score, each drawn `times` often (ties are rare: they count as ordered)."""
    ones, zeros = times * outcome, times * (1 - outcome)
    pairs = float(ones.sum() * zeros.sum())
    below = np.cumsum(zeros) - zeros / 2
    return float((ones * below).sum() / pairs) if pairs else math.nan
