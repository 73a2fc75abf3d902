"""From a table to a candidate: a fitted scikit-learn pipeline, and its numbers on rows it has not seen.

Three kinds of model: `dummy` (always the base rate), `logistic` (imputer, scaler, one-hot), `boosting`
(HistGradientBoostingClassifier: categories and missing values as they are; Ke et al., NeurIPS 2017). Rows are put in
the order of the schema's key before anything is drawn, and fitting uses one thread: the same rows in any order, the
same seed and the same parameters give the same digest on every machine with the same libraries.

    model = fit(train, schema, ModelSpec("boosting", {"max_depth": 6}), seed=7, rows=20_000)
    evaluate(holdout["late"], predict(model, holdout), Costs())
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlops_core.dataset import Schema
from mlops_core.errors import BadData, BadParameter
from mlops_core.metrics import (
    Calibration,
    Floats,
    Metrics,
    SliceMetrics,
    ThresholdCurve,
    as_words,
    calibration,
    evaluate,
    row_cost,
    slices,
    threshold_curve,
)

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

__all__ = [
    "PARAMETERS",
    "Calibration",
    "Metrics",
    "ModelSpec",
    "SliceMetrics",
    "ThresholdCurve",
    "Trial",
    "calibration",
    "evaluate",
    "fit",
    "predict",
    "row_cost",
    "slices",
    "threshold_curve",
]

ModelKind = Literal["dummy", "logistic", "boosting"]
_MOST_CATEGORIES = 250  # the histogram has 255 bins; rarer categories share one


@dataclass(frozen=True, slots=True)
class _Range:
    """The values a parameter may have: `low` and `high` inclusive, unless `above` (then `low` itself is too low)."""

    low: float
    high: float
    integer: bool = True
    above: bool = False
    none: bool = False

    def holds(self, value: object) -> bool:
        if value is None:
            return self.none
        if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
            return False
        if self.integer and not isinstance(value, int | np.integer):
            return False
        return bool((self.low < value if self.above else self.low <= value) and value <= self.high)

    def __str__(self) -> str:
        what = "a whole number" if self.integer else "a number"
        span = f"above {self.low:g}, at most {self.high:g}" if self.above else f"from {self.low:g} to {self.high:g}"
        return f"{what} {span}" + (", or null" if self.none else "")


PARAMETERS: dict[str, dict[str, _Range]] = {
    "dummy": {},
    "logistic": {
        "C": _Range(0, 1e6, integer=False, above=True),
        "max_iter": _Range(1, 100_000),
        "min_frequency": _Range(1, 1_000_000),
    },
    "boosting": {
        "l2_regularization": _Range(0, 1e6, integer=False),
        "learning_rate": _Range(0, 1, integer=False, above=True),
        "max_bins": _Range(2, 255),
        "max_depth": _Range(1, 64, none=True),
        "max_features": _Range(0, 1, integer=False, above=True),
        "max_iter": _Range(1, 5000),
        "max_leaf_nodes": _Range(2, 4096, none=True),
        "min_samples_leaf": _Range(1, 1_000_000),
    },
}


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """What to fit. `features=()` means every feature of the schema that the table has.

    Raises BadParameter that names the kind or the parameter, its value and what would be right.

    >>> ModelSpec("boosting", {"max_depth": -1})
    Traceback (most recent call last):
    mlops_core.errors.BadParameter: max_depth is -1. It must be a whole number from 1 to 64, or null.
    """

    kind: ModelKind
    params: Mapping[str, object] = field(default_factory=dict)
    features: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in PARAMETERS:
            known = ", ".join(PARAMETERS)
            raise BadParameter(
                f"there is no model kind {self.kind!r}.", code="model.kind", fix=f"Use one of {known}.", kind=self.kind
            )
        allowed = PARAMETERS[self.kind]
        for name, value in self.params.items():
            if name not in allowed:
                raise BadParameter(
                    f"{self.kind} has no parameter {name!r} (value {value!r}).",
                    code="model.parameter",
                    fix=f"It has {', '.join(allowed) or 'none'}.",
                    parameter=name,
                    value=value,
                )
            if not allowed[name].holds(value):
                raise BadParameter(
                    f"{name} is {value!r}.",
                    code="model.range",
                    fix=f"It must be {allowed[name]}.",
                    parameter=name,
                    value=value,
                )


def _no_rows(message: str, fix: str, code: str, **values: object) -> BadData:
    return BadData(message, code=code, fix=fix, **values)


def _features(frame: pd.DataFrame, schema: Schema, spec: ModelSpec) -> tuple[list[str], list[str]]:
    """Names of the categories and of the numbers that the model reads, in the schema's order."""
    wanted = spec.features or tuple(name for name in schema.features if name in frame.columns)
    for name in wanted:
        kind = schema.column(name).kind
        if kind == "time" or name == schema.target:
            raise BadParameter(
                f"{name} cannot be a feature: it is {'a time' if kind == 'time' else 'the target'}.",
                code="train.feature",
                fix="Use numbers, flags and categories.",
                column=name,
            )
    _require(frame, wanted)
    ordered = [column for column in schema.columns if column.name in set(wanted)]
    categories = [column.name for column in ordered if column.kind == "category"]
    return categories, [column.name for column in ordered if column.kind != "category"]


def _require(frame: pd.DataFrame, names: Iterable[str]) -> None:
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise _no_rows(
            f"column {missing[0]} is missing.", "Add it, or choose features the table has.", "train.column",
            column=missing[0],
        )  # fmt: skip


def _inputs(frame: pd.DataFrame, categories: Sequence[str], numbers: Sequence[str]) -> pd.DataFrame:
    """The columns a model reads in one form, whatever dtype they came in: words or NaN, and floats."""
    columns: dict[str, npt.NDArray[Any]] = {}
    for name in categories:
        columns[name] = as_words(frame[name])
    for name in numbers:
        try:
            values = frame[name].astype("Float64").to_numpy(dtype="float64", na_value=np.nan)
        except (TypeError, ValueError) as error:
            raise _no_rows(
                f"column {name} is not a number.", "Send numbers or missing values.", "train.number", column=name
            ) from error
        if np.isinf(values).any():
            raise _no_rows(f"column {name} holds infinity.", "Clean it first.", "train.infinite", column=name)
        columns[name] = values
    return pd.DataFrame(columns, index=frame.index)


def _target(frame: pd.DataFrame, schema: Schema) -> tuple[pd.DataFrame, npt.NDArray[np.int64]]:
    """The rows whose outcome is known, and the outcomes."""
    if schema.target is None:
        raise BadParameter("the schema has no target column", code="train.target")
    _require(frame, [schema.target])
    known = frame[frame[schema.target].notna()]
    if known.empty:
        raise _no_rows(
            f"no row with a known {schema.target} is left to train on.", "Widen the window.", "train.rows", rows=0
        )
    y = known[schema.target].to_numpy(dtype="float64")
    odd = y[(y != 0) & (y != 1)]
    if len(odd):
        raise _no_rows(f"{schema.target} holds {odd[0]:g}.", "It must be 0 or 1.", "train.labels", value=float(odd[0]))
    return known, y.astype("int64")


def _sample(frame: pd.DataFrame, schema: Schema, seed: int, rows: int | None) -> pd.DataFrame:
    if not isinstance(seed, int | np.integer) or not 0 <= seed < 2**32:
        raise BadParameter(f"seed is {seed!r}; it must be a whole number from 0 to 2**32 - 1", code="seed.range")
    if rows is not None and (isinstance(rows, bool) or rows < 1):
        raise BadParameter(f"rows is {rows}; it must be at least 1, or null for all", code="rows.range", rows=rows)
    key = [name for name in schema.key if name in frame.columns]
    if key:
        frame = frame.sort_values(key, kind="stable")
    if rows is None or rows >= len(frame):
        return frame
    return frame.iloc[np.sort(np.random.default_rng(seed).choice(len(frame), rows, replace=False))]


def fit(frame: pd.DataFrame, schema: Schema, spec: ModelSpec, *, seed: int, rows: int | None = None) -> Pipeline:
    """Fit one model. `rows=None` uses every row with a known outcome, else a seeded sample of that many.

    The order of the input rows does not matter if the schema's key is unique. With `rows=None` and no `max_features`
    nothing is random: every seed gives one digest.

    Raises BadData in words when there are no rows, one class only, a column that is missing or holds nothing, or
    infinity; BadParameter when logistic regression has not converged.
    """
    categories, numbers = _features(frame, schema, spec)
    if not categories and not numbers:
        raise _no_rows("there is no feature to train on.", "Name at least one.", "train.features")
    labelled, _ = _target(frame, schema)
    used, y = _target(_sample(labelled, schema, seed, rows), schema)
    if len(np.unique(y)) < 2:
        raise _no_rows(
            f"all {len(y):,} rows have {schema.target} = {y[0]}: there is nothing to tell apart.",
            "Train on a window that holds both outcomes.",
            "train.one_class",
            rows=len(y),
        )
    x = _inputs(used, categories, numbers)
    empty = [name for name in x.columns if x[name].isna().all()]
    if empty:
        raise _no_rows(
            f"column {empty[0]} is missing in all {len(x):,} training rows.",
            "Leave it out, or mend the feed.",
            "train.empty_column",
            column=empty[0],
        )
    return _fit(_pipeline(spec, categories, numbers, seed), x, y)


def _fit(pipeline: Pipeline, x: pd.DataFrame, y: npt.NDArray[np.int64]) -> Pipeline:
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    # Sums split over threads are added in another order: one thread keeps one digest on every machine.
    with warnings.catch_warnings(), threadpool_limits(limits=1):
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            return pipeline.fit(x, y)
        except ConvergenceWarning as error:
            raise BadParameter(
                "logistic regression has not converged.", code="train.converge", fix="Raise max_iter, or lower C."
            ) from error


def _pipeline(spec: ModelSpec, categories: list[str], numbers: list[str], seed: int) -> Pipeline:
    from sklearn.compose import ColumnTransformer
    from sklearn.dummy import DummyClassifier
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline

    params: dict[str, Any] = dict(spec.params)
    words: object
    values: object
    if spec.kind == "boosting":
        words, values = _ordinal(params.get("max_bins", 255)), "passthrough"
        model = HistGradientBoostingClassifier(
            **params, categorical_features=list(range(len(categories))) or None, early_stopping=False, random_state=seed
        )
    else:
        words, values = _one_hot(params.pop("min_frequency", 50)), _scaled()
        model = LogisticRegression(**{"max_iter": 1000, **params}) if spec.kind == "logistic" else DummyClassifier()
    parts = [("categories", words, categories), ("numbers", values, numbers)]
    columns = ColumnTransformer([part for part in parts if part[2]], verbose_feature_names_out=False)
    return Pipeline([("columns", columns), ("model", model)])


def _ordinal(bins: int) -> object:
    from sklearn.preprocessing import OrdinalEncoder

    return OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        encoded_missing_value=np.nan,
        max_categories=min(_MOST_CATEGORIES, bins),
    )


def _one_hot(min_frequency: object) -> object:
    from sklearn.preprocessing import OneHotEncoder

    return OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=min_frequency)


def _scaled() -> object:
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())


def predict(model: Pipeline, frame: pd.DataFrame) -> Floats:
    """Probability of the target for each row (float64, shape `(rows,)`); an empty frame gives an empty array.

    Unknown and missing categories are allowed. Raises BadData when a column is missing or is not a number.
    """
    parts = {name: list(columns) for name, _, columns in model[0].transformers}
    categories, numbers = parts.get("categories", []), parts.get("numbers", [])
    _require(frame, [*categories, *numbers])
    if frame.empty:
        return np.empty(0)
    return np.asarray(model.predict_proba(_inputs(frame, categories, numbers))[:, 1], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Trial:
    """One candidate: what it was fitted with, its numbers, the run and the data it belongs to."""

    params: Mapping[str, object]
    metrics: Metrics
    slices: tuple[SliceMetrics, ...] = ()
    run_id: str = ""
    data_id: str = ""

    def to_dict(self) -> dict[str, object]:
        """Everything as plain values."""
        parts = [part.to_dict() for part in self.slices]
        numbers = self.metrics.to_dict()
        ids = {"run_id": self.run_id, "data_id": self.data_id}
        return {"params": dict(self.params), "metrics": numbers, "slices": parts, **ids}


def spec_of(section: Mapping[str, object], features: Sequence[str]) -> ModelSpec:
    """A ModelSpec from the `model` section of params.yaml, which serves every kind: `rows` is not the model's, and
    only boosting takes the tree settings. Raises BadParameter as ModelSpec does.

    >>> spec_of({"kind": "logistic", "rows": 100, "max_leaf_nodes": 15}, ["x"])
    ModelSpec(kind='logistic', params={}, features=('x',))
    """
    kind: Any = section.get("kind")
    settings = {name: value for name, value in section.items() if name not in ("kind", "rows")}
    if kind in PARAMETERS and kind != "boosting":
        settings = {name: value for name, value in settings.items() if name not in PARAMETERS["boosting"]}
    return ModelSpec(kind, settings, tuple(features))


def out_of_fold(
    frame: pd.DataFrame,
    schema: Schema,
    spec: ModelSpec,
    *,
    groups: npt.ArrayLike,
    seed: int,
    rows: int | None = None,
    folds: int = 5,
) -> Floats:
    """Scores of every row by a model that has not seen the row's group (a week, say): what quality to expect.

    Needs at least `folds` different groups, else BadData. One fit a fold.
    """
    from sklearn.model_selection import GroupKFold

    names = np.asarray(groups)
    if len(np.unique(names)) < folds:
        raise _no_rows(f"{len(np.unique(names))} groups; {folds} are needed.", "Use a longer table.", "folds.few")
    scores = np.empty(len(frame))
    for inside, outside in GroupKFold(folds).split(names, groups=names):
        model = fit(frame.iloc[inside], schema, spec, seed=seed, rows=rows)
        scores[outside] = predict(model, frame.iloc[outside])
    return scores
