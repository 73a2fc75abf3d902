"""Candidates: deterministic fits, refusals in words. The numbers of a model are tested in test_metrics."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from synthetic import SCHEMA, rides

from mlops_core.dataset import Column, Costs, Schema
from mlops_core.digest import digest_bytes
from mlops_core.errors import BadData, BadParameter, NotFound
from mlops_core.models import load_model, model_bytes, save_model
from mlops_core.training import PARAMETERS, ModelSpec, Trial, evaluate, fit, predict, slices

FRAME = rides()
SPECS = {
    "dummy": ModelSpec("dummy"),
    "logistic": ModelSpec("logistic", {"C": 0.5, "min_frequency": 20}),
    "boosting": ModelSpec("boosting", {"max_iter": 10, "max_depth": 3}),
}


def _digest(frame: pd.DataFrame, spec: ModelSpec, seed: int = 1, rows: int | None = 800) -> str:
    return digest_bytes(model_bytes(fit(frame, SCHEMA, spec, seed=seed, rows=rows)))


def test_every_kind_has_a_spec_here() -> None:
    assert set(SPECS) == set(PARAMETERS)


@pytest.mark.parametrize("kind", SPECS)
def test_the_same_rows_in_any_order_give_one_digest(kind: str) -> None:
    spec = SPECS[kind]
    shuffled = FRAME.sample(frac=1, random_state=3)[list(reversed(FRAME.columns))]
    assert _digest(FRAME, spec) == _digest(shuffled, spec)
    assert _digest(FRAME, spec) != _digest(FRAME, spec, seed=2)
    assert _digest(FRAME, spec, rows=None) == _digest(FRAME, spec, rows=10_000)


def test_one_digest_from_two_processes_also_with_other_threads() -> None:
    code = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "from test_training import _digest, FRAME, SPECS\n"
        "print([_digest(FRAME, spec) for spec in SPECS.values()])"
    )
    here = Path(__file__).parent
    answers = {
        subprocess.run(
            [sys.executable, "-c", code, str(here), str(here.parents[1])],
            env={**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed, threads in (("1", "1"), ("2", "3"))
    }
    assert answers == {str([_digest(FRAME, spec) for spec in SPECS.values()])}


@pytest.mark.parametrize("kind", ["logistic", "boosting"])
def test_a_model_learns_what_there_is_and_the_dummy_does_not(kind: str) -> None:
    train, rest = FRAME[FRAME["day"] < "2020-04-01"], FRAME[FRAME["day"] >= "2020-04-01"]
    auc = roc_auc_score(rest["late"], predict(fit(train, SCHEMA, SPECS[kind], seed=0), rest))
    assert auc > 0.6
    flat = predict(fit(train, SCHEMA, SPECS["dummy"], seed=0), rest)
    assert np.allclose(flat, train["late"].mean())


@pytest.mark.parametrize("kind", ["logistic", "boosting"])
def test_scores_do_not_depend_on_dtype_and_survive_storage(kind: str, tmp_path: Path) -> None:
    model = fit(FRAME, SCHEMA, SPECS[kind], seed=0)
    digest = save_model(model, tmp_path / "m.skops")
    loaded = load_model(tmp_path / "m.skops", digest)
    p = predict(model, FRAME)
    other = FRAME.astype({"pier": "category", "captain": object, "wind": "Float64", "load": "int32"})
    assert np.array_equal(predict(loaded, other), p)
    one_by_one = [predict(model, pd.DataFrame([row]))[0] for row in FRAME.head(20).to_dict("records")]
    assert np.allclose(one_by_one, p[:20], rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", SPECS)
def test_unknown_and_missing_values_are_scored_and_no_rows_give_no_scores(kind: str) -> None:
    model = fit(FRAME, SCHEMA, SPECS[kind], seed=0)
    odd = FRAME.head(3).assign(captain="nobody", pier=None, wind=np.nan)
    assert ((predict(model, odd) > 0) & (predict(model, odd) < 1)).all()
    assert predict(model, FRAME.head(0)).shape == (0,)


def test_many_categories_are_grouped_not_refused() -> None:
    many = pd.concat([FRAME] * 2, ignore_index=True)
    many["captain"] = [f"c{i % 700}" for i in range(len(many))]
    model = fit(many, SCHEMA, ModelSpec("boosting", {"max_iter": 3, "max_bins": 16}), seed=0)
    assert len(predict(model, many)) == len(many)


def test_features_are_those_of_the_schema_that_the_table_has_or_those_asked_for() -> None:
    narrow = fit(FRAME.drop(columns="wind"), SCHEMA, SPECS["logistic"], seed=0)
    assert list(narrow.feature_names_in_) == ["pier", "captain", "load"]
    asked = fit(FRAME, SCHEMA, ModelSpec("boosting", {"max_iter": 2}, ("wind", "ride")), seed=0)
    assert list(asked.feature_names_in_) == ["ride", "wind"]


@pytest.mark.parametrize(
    ("kind", "params", "words"),
    [
        ("boosting", {"max_depth": -1}, r"max_depth is -1\. It must be a whole number from 1 to 64, or null"),
        ("boosting", {"max_depth": 2.5}, "max_depth is 2.5"),
        ("boosting", {"max_iter": True}, "max_iter is True"),
        ("boosting", {"learning_rate": 0}, "learning_rate is 0. It must be a number above 0, at most 1"),
        ("boosting", {"learning_rate": float("nan")}, "learning_rate is nan"),
        ("boosting", {"depth": 3}, "boosting has no parameter 'depth' .value 3.. It has l2_regularization"),
        ("logistic", {"C": "1"}, "C is '1'"),
        ("dummy", {"C": 1}, "dummy has no parameter 'C'"),
        ("forest", {}, "no model kind 'forest'. Use one of dummy, logistic, boosting"),
    ],
)
def test_bad_parameters_are_named_with_value_and_remedy(kind, params, words: str) -> None:
    with pytest.raises(BadParameter, match=words):
        ModelSpec(kind, params)


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda f: f.head(0), "train.rows"),
        (lambda f: f.assign(late=np.nan), "train.rows"),
        (lambda f: f.assign(late=1), "train.one_class"),
        (lambda f: f.assign(late=f["late"] + 1), "train.labels"),
        (lambda f: f.assign(wind=np.nan), "train.empty_column"),
        (lambda f: f.assign(captain=None), "train.empty_column"),
        (lambda f: f.assign(wind=np.inf), "train.infinite"),
        (lambda f: f.assign(wind="strong"), "train.number"),
        (lambda f: f.drop(columns="late"), "train.column"),
        (lambda f: f[["late"]], "train.features"),
    ],
)
@pytest.mark.parametrize("kind", SPECS)
def test_bad_data_is_refused_in_words(spoil, code: str, kind: str) -> None:
    with pytest.raises(BadData) as refused:
        fit(spoil(FRAME.copy()), SCHEMA, SPECS[kind], seed=0)
    assert refused.value.code == code
    assert refused.value.fix


def test_rows_whose_outcome_is_not_known_are_left_out() -> None:
    unknown = FRAME.assign(late=FRAME["late"].where(FRAME["day"] < "2020-03-20"))
    known = FRAME[FRAME["day"] < "2020-03-20"]
    assert _digest(unknown, SPECS["boosting"], rows=None) == _digest(known, SPECS["boosting"], rows=None)


def test_bad_seeds_rows_and_features_are_refused() -> None:
    for seed, rows in ((-1, None), (2**32, None), (1.5, None), (0, 0)):
        with pytest.raises(BadParameter):
            fit(FRAME, SCHEMA, SPECS["dummy"], seed=seed, rows=rows)
    for name in ("late", "day"):
        with pytest.raises(BadParameter, match=f"{name} cannot be a feature"):
            fit(FRAME, SCHEMA, ModelSpec("dummy", {}, (name,)), seed=0)
    with pytest.raises(NotFound, match="no column 'tide'"):
        fit(FRAME, SCHEMA, ModelSpec("dummy", {}, ("tide",)), seed=0)
    with pytest.raises(BadParameter, match="no target"):
        fit(FRAME, Schema((Column("wind", "number", "feature"),)), SPECS["dummy"], seed=0)


def test_too_few_iterations_are_said_not_swallowed() -> None:
    with pytest.raises(BadParameter, match=r"not converged\. Raise max_iter"):
        fit(FRAME, SCHEMA, ModelSpec("logistic", {"max_iter": 1}), seed=0)


def test_a_missing_column_at_scoring_is_named() -> None:
    model = fit(FRAME, SCHEMA, SPECS["boosting"], seed=0)
    with pytest.raises(BadData, match="column wind is missing"):
        predict(model, FRAME.drop(columns="wind"))


def test_a_trial_is_plain_values() -> None:
    y, p = FRAME["late"], np.full(len(FRAME), 0.3)
    trial = Trial({"C": 1}, evaluate(y, p, Costs()), slices(FRAME, y, p, "pier", Costs()), "r1", "d1")
    plain = trial.to_dict()
    assert plain["metrics"]["n"] == len(FRAME)
    assert [part["value"] for part in plain["slices"]] == ["north", "south", "west"]
    assert (plain["params"], plain["run_id"], plain["data_id"]) == ({"C": 1}, "r1", "d1")
