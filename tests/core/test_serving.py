"""From a row to an answer: every fault names its column, every answer is the model's, every call is counted."""

from __future__ import annotations

import json
import math
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lab import SCHEMA, SPECS, copy_workspace, make_lab, new_workspace, rows

from mlops_core import registry, serving, tracking
from mlops_core.errors import BadParameter, Damaged, NotFound
from mlops_core.serving import RequestLog, SchemaError, Scorer
from mlops_core.training import fit, predict
from mlops_core.workspace import Workspace

ROW = {"x": 0.5, "hour": 17, "c": "a", "rain": 0}


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer(fit(rows(), SCHEMA, SPECS[2], seed=1), SCHEMA, "7", 0.25)


@pytest.mark.parametrize("spec", SPECS)
def test_rows_one_by_one_score_as_the_batch_does(spec: object) -> None:
    model = fit(rows(), SCHEMA, spec, seed=1)  # type: ignore[arg-type]
    scorer = Scorer(model, SCHEMA, "1", 0.5)
    table = rows()[["x", "hour", "c", "rain"]].head(40)
    sent = json.loads(
        json.dumps([{k: None if pd.isna(v) else v for k, v in row.items()} for row in table.to_dict("records")])
    )
    single = [scorer.score([row])[0] for row in sent]
    batch = [answer.probability for answer in scorer.score(sent)]
    assert batch == predict(model, rows().head(40)).tolist()
    assert [answer.probability for answer in single] == pytest.approx(batch, abs=1e-12)
    assert [answer.flagged for answer in single] == [answer.probability >= 0.5 for answer in single]


def test_an_answer_says_which_model_and_threshold(scorer: Scorer) -> None:
    answer = scorer.score([ROW])[0]
    assert (answer.model_version, answer.threshold, answer.unseen) == ("7", 0.25, ())
    at = Scorer(scorer.model, SCHEMA, "7", answer.probability)
    assert at.score([ROW])[0].flagged is True
    above = Scorer(scorer.model, SCHEMA, "7", math.nextafter(answer.probability, 1))
    assert above.score([ROW])[0].flagged is False
    assert json.dumps(answer.to_dict())


@pytest.mark.parametrize(
    ("change", "column", "code", "words"),
    [
        ({"hour": None}, "hour", "row.null", "a whole number from 0 to 23"),
        ({"hour": 17.5}, "hour", "row.type", "a whole number from 0 to 23"),
        ({"hour": "17"}, "hour", "row.type", "'17'"),
        ({"hour": True}, "hour", "row.type", "True"),
        ({"hour": 24}, "hour", "row.range", "is 24"),
        ({"hour": -1}, "hour", "row.range", "is -1"),
        ({"x": 1048.0}, "x", "row.range", r"a number from -10 to 10 \(°F\), or null"),
        ({"x": math.inf}, "x", "row.type", "inf"),
        ({"x": 10**400}, "x", "row.type", "1000"),
        ({"x": [1]}, "x", "row.type", r"\[1\]"),
        ({"c": 3}, "c", "row.type", "a word"),
        ({"c": ""}, "c", "row.type", "''"),
        ({"c": "w" * 201}, "c", "row.type", "www…"),
        ({"rain": 2}, "rain", "row.range", "0 or 1"),
        ({"rain": 0.5}, "rain", "row.range", "0 or 1"),
        ({"houres": 1}, "houres", "row.unknown", "Did you mean 'hour'"),
        ({"<script>": 1}, "<script>", "row.unknown", "The model reads"),
    ],
)
def test_a_fault_names_the_column_the_value_and_what_would_be_right(
    scorer: Scorer, change: dict[str, object], column: str, code: str, words: str
) -> None:
    with pytest.raises(SchemaError, match=words) as caught:
        scorer.score([ROW, {**ROW, **change}])
    assert (caught.value.column, caught.value.code, caught.value.row) == (column, code, 1)
    assert caught.value.values["column"] == column
    assert caught.value.fix


@pytest.mark.parametrize("column", list(ROW))
def test_a_missing_column_is_named(scorer: Scorer, column: str) -> None:
    with pytest.raises(SchemaError, match=f"Column '{column}' is missing in row 0") as caught:
        scorer.score([{name: value for name, value in ROW.items() if name != column}])
    assert (caught.value.column, caught.value.code) == (column, "row.missing")


def test_what_is_allowed(scorer: Scorer) -> None:
    fine = [
        {**ROW, "x": None},
        {**ROW, "c": None},
        {**ROW, "x": math.nan},
        {**ROW, "rain": True},
        {**ROW, "hour": 17.0},
        {**ROW, "hour": np.int64(0), "x": np.float32(10)},
        {**ROW, "hour": 23, "x": -10},
        {**ROW, "id": "not read", "y": 1},
    ]
    assert all(0 <= answer.probability <= 1 for answer in scorer.score(fine))
    assert scorer.score([]) == ()


@pytest.mark.parametrize("spec", SPECS[1:])
def test_an_unseen_category_is_scored_and_said(spec: object) -> None:
    scorer = Scorer(fit(rows(), SCHEMA, spec, seed=1), SCHEMA, "1", 0.5)  # type: ignore[arg-type]
    answers = scorer.score([{**ROW, "c": "new airline"}, {**ROW, "c": "ü"}, {**ROW, "c": None}])
    assert [answer.unseen for answer in answers] == [("c",), (), ()]


def test_limits(scorer: Scorer) -> None:
    assert len(scorer.score([ROW] * 10_000)) == 10_000
    with pytest.raises(BadParameter, match="10,001 rows at once; at most 10,000"):
        scorer.score([ROW] * 10_001)
    with pytest.raises(BadParameter, match="threshold"):
        Scorer(scorer.model, SCHEMA, "1", 1.5)
    with pytest.raises(NotFound, match="no column"):
        Scorer(scorer.model, SCHEMA.without(["x"]), "1", 0.5)


_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=30), st.lists(st.integers(), max_size=2)
)


@settings(max_examples=150, deadline=None)
@given(row=st.dictionaries(st.one_of(st.sampled_from(list(ROW)), st.text(max_size=5)), _VALUES, max_size=6))
def test_any_row_is_answered_or_refused_with_its_column(scorer: Scorer, row: dict[str, object]) -> None:
    try:
        (answer,) = scorer.score([{**ROW, **row}])
    except SchemaError as error:
        refused: str | None = error.column
    else:
        refused = None
        assert 0 <= answer.probability <= 1
        assert set(row) <= set(SCHEMA.names)
    assert refused is None or refused in row


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("serving")
    lab = make_lab(folder)
    ws = new_workspace(folder / "ws")
    for at in (1, 2):
        run_id = tracking.log_trial(ws, lab.trials[at], lab.files[at], experiment="e", schema=SCHEMA)
        registry.register(ws, run_id, lab.files[at])
    return ws


def test_the_champion_answers_and_a_damaged_one_does_not(prepared: Workspace, tmp_path: Path) -> None:
    ws = copy_workspace(prepared, tmp_path / "ws")
    with pytest.raises(NotFound, match="no champion yet"):
        serving.from_workspace(ws, SCHEMA, 0.25)
    registry.promote(ws, 1, expect=None, reason="r", lesson_date="2013-04-01")
    first = serving.from_workspace(ws, SCHEMA, 0.25).score([ROW])[0]
    registry.promote(ws, 2, expect=1, reason="r", lesson_date="2013-04-02")
    second = serving.from_workspace(ws, SCHEMA, 0.25).score([ROW])[0]
    assert (first.model_version, second.model_version) == ("1", "2")
    assert first.probability != second.probability
    for path in (ws.mlops / "models").iterdir():
        path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(Damaged):
        serving.from_workspace(ws, SCHEMA, 0.25)


def test_calls_are_counted_and_timed(tmp_path: Path) -> None:
    log = RequestLog(Workspace(tmp_path))
    empty = log.summary()
    assert (empty.count, empty.errors, empty.error_share) == (0, 0, 0)
    assert math.isnan(empty.p50_ms)
    assert not (tmp_path / ".mlops").exists()
    times = [1.0, 2.0, 3.0, 4.0, 100.0]
    for ms in times:
        log.append(version="3", rows=2, ms=ms, status="row.range" if ms == 100 else "ok")
    summary = log.summary()
    assert (summary.count, summary.rows, summary.errors, summary.error_share) == (5, 10, 1, 0.2)
    assert (summary.p50_ms, summary.p95_ms) == pytest.approx((3.0, float(np.percentile(times, 95))))
    assert [call.ms for call in log.read(2)] == [4.0, 100.0]
    assert log.summary(2).count == 2


def test_the_log_forgets_the_oldest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_KEPT_REQUESTS", 3)
    log = RequestLog(Workspace(tmp_path))
    for rows_ in range(5):
        log.append(version="1", rows=rows_, ms=1.0)
    assert [call.rows for call in log.read()] == [2, 3, 4]


def test_no_call_is_lost_among_threads(tmp_path: Path) -> None:
    log = RequestLog(Workspace(tmp_path))

    def work() -> None:
        for _ in range(10):
            log.append(version="1", rows=1, ms=1.0)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log.summary().count == 60
    shutil.rmtree(tmp_path)
    assert replace(log).read() == ()
