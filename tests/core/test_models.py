"""Models as files: one digest from any process, and nothing loaded that is not on the list."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder

from mlops_core.digest import digest_bytes
from mlops_core.errors import BadParameter, Damaged, NotFound
from mlops_core.models import TRUSTED, load_model, model_bytes, save_model

rng = np.random.default_rng(4)
X = pd.DataFrame({"a": rng.choice(["JFK", "LGA", None], 300), "x": rng.normal(size=300)})
Y = (X["x"] + rng.normal(size=300) > 0).astype(int)


def _model(kind: str = "boosting", depth: int = 2):
    if kind == "logistic":
        encode, model = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=10), LogisticRegression()
    elif kind == "dummy":
        encode, model = OneHotEncoder(), DummyClassifier()
    else:
        encode = OrdinalEncoder(encoded_missing_value=np.nan)
        model = HistGradientBoostingClassifier(max_iter=5, max_depth=depth, categorical_features=[0], random_state=0)
    chain = make_pipeline(make_column_transformer((encode, ["a"]), remainder="passthrough"), model)
    if kind == "calibrated":
        chain = CalibratedClassifierCV(chain, cv=2)
    return chain.fit(X, Y)


KINDS = ("boosting", "logistic", "dummy", "calibrated")


@pytest.mark.parametrize("kind", KINDS)
def test_round_trip_gives_the_same_scores_and_the_same_bytes(tmp_path: Path, kind: str) -> None:
    model = _model(kind)
    digest = save_model(model, tmp_path / "model.skops")
    loaded = load_model(tmp_path / "model.skops", digest)
    assert np.array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert digest_bytes(model_bytes(loaded)) == digest
    assert digest_bytes((tmp_path / "model.skops").read_bytes()) == digest


def test_plain_skops_differs_where_ours_does_not() -> None:
    one, two = _model(), _model()
    assert skops.io.dumps(one) != skops.io.dumps(two)
    assert model_bytes(one) == model_bytes(two)
    assert model_bytes(_model(depth=3)) != model_bytes(one)


def test_one_digest_from_processes_with_other_hash_seeds() -> None:
    code = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "from test_models import _model, KINDS\n"
        "from mlops_core.digest import digest_bytes\n"
        "from mlops_core.models import model_bytes\n"
        "print([digest_bytes(model_bytes(_model(k))) for k in KINDS])"
    )
    here = Path(__file__).parent
    answers = [
        subprocess.run(
            [sys.executable, "-c", code, str(here), str(here.parents[1])],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert answers[0] == answers[1]
    assert answers[0].strip() == str([digest_bytes(model_bytes(_model(k))) for k in KINDS])


def test_members_are_sorted_numbered_and_dated_1980(tmp_path: Path) -> None:
    save_model(_model(), tmp_path / "m.skops")
    with zipfile.ZipFile(tmp_path / "m.skops") as archive:
        entries = archive.infolist()
        schema = json.loads(archive.read("schema.json"))
    names = [entry.filename for entry in entries]
    assert names == sorted(names)
    assert names[0] == "000001.npy"
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert schema["__id__"] == 1


def test_sets_in_a_model_do_not_depend_on_their_order() -> None:
    one, two = {0, 8}, {8, 0}  # one slot of the hash table: iteration follows insertion
    assert list(one) != list(two)
    assert model_bytes(FunctionTransformer(kw_args={"s": one})) == model_bytes(FunctionTransformer(kw_args={"s": two}))


def test_every_kind_is_covered_by_the_fixed_list(tmp_path: Path) -> None:
    for kind in KINDS:
        save_model(_model(kind), tmp_path / "m.skops")
        assert set(skops.io.get_untrusted_types(file=tmp_path / "m.skops")) <= set(TRUSTED)


def test_a_type_off_the_list_is_neither_stored_nor_loaded(tmp_path: Path) -> None:
    hostile = FunctionTransformer(func=os.getcwd)
    with pytest.raises(BadParameter, match="getcwd") as refused:
        model_bytes(hostile)
    assert refused.value.code == "model.untrusted"
    skops.io.dump(hostile, tmp_path / "m.skops")
    with pytest.raises(Damaged, match="getcwd") as found:
        load_model(tmp_path / "m.skops")
    assert found.value.code == "model.untrusted"


def test_something_that_skops_cannot_store_is_refused_in_words() -> None:
    with pytest.raises(BadParameter, match="cannot be stored"):
        model_bytes(FunctionTransformer(kw_args={"rows": (i for i in range(3))}))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_truncated_files_are_damaged(tmp_path: Path, share: float) -> None:
    data = model_bytes(_model())
    (tmp_path / "m.skops").write_bytes(data[: int(len(data) * share)])
    with pytest.raises(Damaged, match=r"m\.skops") as found:
        load_model(tmp_path / "m.skops")
    assert found.value.code == "model.damaged"
    assert found.value.fix


def test_every_flipped_byte_is_found_by_the_digest(tmp_path: Path) -> None:
    digest = save_model(_model(), tmp_path / "m.skops")
    good = (tmp_path / "m.skops").read_bytes()
    for at in np.random.default_rng(0).integers(0, len(good), 50):
        bad = bytearray(good)
        bad[at] ^= 1
        (tmp_path / "m.skops").write_bytes(bytes(bad))
        with pytest.raises(Damaged) as found:
            load_model(tmp_path / "m.skops", digest)
        assert found.value.code == "model.digest"


def test_a_flipped_byte_without_a_digest_is_damaged_or_harmless_never_another_error(tmp_path: Path) -> None:
    good = model_bytes(_model("logistic"))
    for at in np.random.default_rng(1).integers(0, len(good), 200):
        bad = bytearray(good)
        bad[at] ^= 255
        (tmp_path / "m.skops").write_bytes(bytes(bad))
        with contextlib.suppress(Damaged):
            load_model(tmp_path / "m.skops")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no model file gone\.skops"):
        load_model(tmp_path / "gone.skops")
