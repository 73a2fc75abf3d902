"""Validation: every kind of rule fails on the defect it is for, says where, and passes on the healthy table."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import SCHEMA, rides

from mlops_core.dataset import Column, Schema
from mlops_core.errors import BadParameter
from mlops_core.expectations import Example, Rule, rules_of, validate
from mlops_core.rules import MASKS, NEEDS

FRAME = rides()
EXTRA = (
    Rule("wind.daily", "wind", "coverage", by="day", at_least=0.5),
    Rule("wind.fresh", "wind", "freshness", by="day"),
    Rule("pier.known", "pier", "allowed", allowed=("north", "south", "west")),
    Rule("day.order", "day", "monotone"),
    Rule("load.high", "load", "range", "warn", 0, 399),
)


def _with(column: str, row: int, value: object) -> pd.DataFrame:
    frame = FRAME.copy()
    frame[column] = frame[column].astype(object) if isinstance(value, str) else frame[column]
    frame.loc[row, column] = value
    return frame


def _failed(frame: pd.DataFrame, schema: Schema = SCHEMA, rules=EXTRA) -> dict[str, int]:
    return {finding.code: finding.count for finding in validate(frame, schema, rules).failed}


def test_the_healthy_table_passes_every_rule_once() -> None:
    report = validate(FRAME, SCHEMA, EXTRA)
    assert (report.passed, report.failed, report.rows) == (True, (), 2000)
    codes = [finding.code for finding in report.findings]
    assert codes == [rule.code for rule in (*rules_of(SCHEMA), *EXTRA)]


LAST = FRAME["day"].max()
DEFECTS = {
    "impossible wind": (_with("wind", 7, 1048.36), {"wind.range": 1}),
    "negative load": (_with("load", 7, -1), {"load.range": 1, "load.high": 1}),
    "half a ride": (FRAME.astype({"ride": float}).assign(ride=lambda f: f["ride"].where(f.index > 0, 0.5)),
                    {"ride.type": 1}),
    "feed ends a day early": (FRAME.assign(wind=FRAME["wind"].where(FRAME["day"] < LAST)),
                              {"wind.daily": 50, "wind.fresh": 50}),
    "feed never came": (FRAME.assign(wind=np.nan), {"wind.daily": 2000, "wind.fresh": 2000}),
    "duplicate keys": (pd.concat([FRAME, FRAME.tail(3)]), {"key.unique": 3}),
    "missing load": (FRAME.assign(load=FRAME["load"].astype(float).where(FRAME.index != 9)), {"load.filled": 1}),
    "no load at all": (FRAME.drop(columns="load"), {"load.present": 2000}),
    "load in words": (FRAME.assign(load="many"), {"load.type": 2000}),
    "day as text": (FRAME.assign(day=FRAME["day"].astype(str)), {"day.type": 2000, "wind.fresh": 2000}),
    "captain a float": (FRAME.assign(captain=1.5), {"captain.type": 2000}),
    "target of two": (_with("late", 3, 2), {"late.range": 1}),
    "no day": (FRAME.drop(columns="day"), {"day.present": 2000}),
    "new pier": (_with("pier", 3, "east"), {"pier.known": 1}),
    "order lost": (FRAME.iloc[[50, *range(50)]], {"day.order": 50}),
}  # fmt: skip


@pytest.mark.parametrize("defect", DEFECTS)
def test_each_defect_breaks_exactly_its_rules(defect: str) -> None:
    frame, expected = DEFECTS[defect]
    assert _failed(frame) == expected


def test_every_kind_of_rule_is_broken_by_some_defect() -> None:
    kinds = {rule.code: rule.kind for rule in (*rules_of(SCHEMA), *EXTRA)}
    assert {kinds[code] for _, expected in DEFECTS.values() for code in expected} == set(NEEDS)
    assert set(MASKS) < set(NEEDS)


def test_a_finding_says_how_many_where_and_what_would_be_right() -> None:
    finding = validate(_with("wind", 7, 1048.36), SCHEMA).failed[0]
    assert finding.message == "wind: 1 of 2,000 rows lie outside (first: 1048.36); expected from 0 to 250 mph."
    assert finding.share == 1 / 2000
    where = f"day=2020-03-01 ride=7 pier={FRAME['pier'][7]}"
    assert finding.examples == (Example(where, "1048.36"),)
    ended = validate(FRAME.assign(wind=FRAME["wind"].where(FRAME["day"] < LAST)), SCHEMA, EXTRA).failed
    assert "2020-04-09" in ended[0].message
    assert all(len(f.examples) == 3 for f in ended)


def test_a_range_open_on_one_side_is_said_as_such() -> None:
    low, high = Column("x", "number", low=0, unit="m"), Column("y", "number", high=9)
    frame = pd.DataFrame({"x": [-1.0, 1e9], "y": [-1e9, 10.0]})
    failed = validate(frame, Schema((low, high))).failed
    assert [(finding.expected, finding.count) for finding in failed] == [("at least 0 m", 1), ("at most 9", 1)]


def test_examples_name_rows_by_position_whatever_the_index() -> None:
    frame = _with("wind", 7, 999.0).set_index(pd.Index(["same"] * len(FRAME)))
    assert validate(frame, SCHEMA).failed[0].examples[0].row.startswith("day=2020-03-01 ride=7 ")


def test_warnings_do_not_fail_a_table_and_come_last() -> None:
    report = validate(_with("load", 7, 400), SCHEMA, EXTRA)
    assert [(f.code, f.severity) for f in report.failed] == [("load.high", "warn")]
    assert report.passed
    both = _with("load", 7, 400).assign(wind=-1.0)
    assert [f.code for f in validate(both, SCHEMA, EXTRA).failed] == ["wind.range", "load.high"]


def test_a_rule_about_a_column_nobody_promised_reports_its_absence() -> None:
    rule = Rule("tide.daily", "tide", "coverage", by="day")
    assert _failed(FRAME, rules=[rule]) == {"tide.present": 2000}
    assert _failed(FRAME.assign(tide=1.0), rules=[rule]) == {}


def test_an_empty_table_has_columns_but_no_offending_rows() -> None:
    assert _failed(FRAME.head(0)) == {}
    assert _failed(FRAME.head(0).drop(columns="wind")) == {"wind.present": 0}


@given(st.lists(st.one_of(st.none(), st.floats(-10, 10)), max_size=30), st.floats(-10, 10), st.floats(-10, 10))
def test_a_range_counts_what_pandas_between_counts(values, a: float, b: float) -> None:
    low, high = min(a, b), max(a, b)
    frame = pd.DataFrame({"x": pd.Series(values, dtype="float64")})
    report = validate(frame, Schema((Column("x", "number", low=low, high=high),)))
    offending = int((~frame["x"].between(low, high) & frame["x"].notna()).sum())
    assert sum(finding.count for finding in report.failed) == offending


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"kind": "tidy"}, "there is no kind 'tidy'. Use one of present, type, range"),
        ({"kind": "range", "low": 0}, "needs high"),
        ({"kind": "coverage"}, "needs by"),
        ({"kind": "filled", "severity": "stop"}, "block or warn, not 'stop'"),
        ({"kind": "coverage", "by": "day", "at_least": 50}, "at_least is 50"),
    ],
)
def test_a_bad_rule_is_refused_when_it_is_written(rule, words: str) -> None:
    with pytest.raises(BadParameter, match=words):
        Rule(**{"code": "r", "column": "x", **rule})


def test_two_rules_of_one_name_are_refused() -> None:
    with pytest.raises(BadParameter, match=r"two rules are called wind\.daily"):
        validate(FRAME, SCHEMA, (EXTRA[0], EXTRA[0]))


def test_a_report_is_a_table_and_plain_values_and_leaves_the_input_alone() -> None:
    frame = _with("wind", 7, 1048.36)
    before = frame.copy()
    report = validate(frame, SCHEMA, EXTRA)
    pd.testing.assert_frame_equal(frame, before)
    assert len(report.frame()) == len(report.findings)
    plain = json.loads(json.dumps(report.to_dict()))
    assert plain["passed"] is False
    assert [f["code"] for f in plain["findings"] if not f["passed"]] == ["wind.range"]


def test_the_table_is_let_go_at_once() -> None:
    frame = _with("wind", 7, 1048.36)
    gc.disable()
    try:
        validate(frame, SCHEMA, EXTRA)
        gone = weakref.ref(frame)
        del frame
        assert gone() is None
    finally:
        gc.enable()
    from pandera.accessors import _schema_registry

    assert not _schema_registry._reg


def test_the_end_of_the_process_is_silent() -> None:
    code = "import sys; sys.path[:0] = sys.argv[1:]; import test_expectations as t; t._failed(t.FRAME)"
    here = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-c", code, str(here), str(here.parents[1])], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
