"""Two versions as one story: every kind of difference gets its line, with the numbers of the modules below."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from synthetic import SCHEMA, rides

from mlops_core.compare import compare
from mlops_core.dataset import Costs
from mlops_core.diff import diff
from mlops_core.errors import BadData
from mlops_core.expectations import Rule, validate
from mlops_core.training import ModelSpec, evaluate, fit, predict

FRAME = rides()
MODEL = fit(FRAME, SCHEMA, ModelSpec("logistic"), seed=0)


def _codes(old: pd.DataFrame, new: pd.DataFrame, **more) -> list[str]:
    return [line.code for line in compare(old, new, SCHEMA, **more).story]


def test_the_same_table_has_nothing_to_tell() -> None:
    assert _codes(FRAME, FRAME.sample(frac=1, random_state=0), model=MODEL) == ["same"]


def test_each_difference_has_its_line() -> None:
    assert _codes(FRAME, FRAME.assign(tide=np.arange(2000) % 7)) == ["columns.added"]
    assert _codes(FRAME.assign(tide=1), FRAME) == ["columns.removed"]
    assert _codes(FRAME.head(500), FRAME.head(499)) == ["rows"]
    assert _codes(FRAME, FRAME.assign(load=FRAME["load"].astype(str)))[:1] == ["retyped"]
    assert _codes(FRAME, FRAME.assign(late=1 - FRAME["late"])) == ["cells"]


def test_a_unit_slip_breaks_a_promise_drifts_and_costs() -> None:
    new = FRAME.assign(wind=FRAME["wind"] * 25)
    found = compare(FRAME, new, SCHEMA, model=MODEL, costs=Costs(1, 3))
    assert [line.code for line in found.story] == ["cells", "promise.broken", "drift", "cost"]
    assert found.broken == ("wind.range",)
    assert found.mended == ()
    assert found.drift.drifted == ("wind",)
    assert found.metrics_new == evaluate(new["late"], predict(MODEL, new), Costs(1, 3))
    assert found.metrics_new.cost_per_row > found.metrics_old.cost_per_row
    assert "median new/old 25." in found.story[0].text
    back = compare(new, FRAME, SCHEMA)
    assert (back.broken, back.mended) == ((), ("wind.range",))
    assert back.metrics_old is None


def test_a_copied_column_is_told() -> None:
    found = compare(FRAME, FRAME.assign(gust=FRAME["wind"] * 1.15078), SCHEMA)
    assert "gust is wind × 1.15078 in every filled row in the new table." in [line.text for line in found.story]


def test_a_check_of_ones_own_takes_the_place_of_the_schema() -> None:
    rule = Rule("wind.low", "wind", "range", low=0, high=20)
    calm = FRAME.assign(wind=FRAME["wind"].clip(upper=20))
    assert compare(calm, FRAME, SCHEMA, check=lambda frame: validate(frame, SCHEMA, [rule])).broken == ("wind.low",)
    gone = compare(FRAME.assign(wind=-1.0), FRAME.drop(columns="wind"), SCHEMA)
    assert gone.mended == ()  # a promise nobody can ask about any more is not kept


def test_columns_that_only_one_side_has_do_not_stop_the_story() -> None:
    found = compare(FRAME.drop(columns=["wind", "late"]), FRAME, SCHEMA, model=MODEL)
    assert found.drift.names == ("pier", "captain", "load")
    assert found.metrics_old is None
    assert found.metrics_new is not None
    assert compare(FRAME.head(0), FRAME, SCHEMA).drift is None


def test_parts_are_those_of_the_modules_below_and_plain_values_come_out() -> None:
    new = FRAME.assign(wind=FRAME["wind"] + 1)
    found = compare(FRAME, new, SCHEMA, model=MODEL)
    assert found.diff == diff(FRAME, new, SCHEMA.key)
    plain = json.loads(json.dumps(found.to_dict()))
    assert plain["story"] == [line.text for line in found.story]
    with pytest.raises(BadData, match="key occurs before"):
        compare(FRAME, new, SCHEMA, ["day"])
