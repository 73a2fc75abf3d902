"""The bill against the definition: count misses and false alarms by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from mlops_core import registry
from mlops_core.bill import Bill, WeekBill, week_bill
from mlops_core.params import set_params
from mlops_core.project import Home, template_of
from mlops_core.training import predict
from tests.conftest import Factory

WEEK = {"start": "2013-04-22", "end": "2013-04-28", "as_of": "2013-04-29T12:00:00", "champion": 1}


def test_a_week_is_counted_by_hand(trained_factory: Factory, home: Home) -> None:
    ws = trained_factory()
    year = home.year(template_of(ws))
    found = week_bill(ws, year, WEEK, first=1)
    rows = year[(year["date"] >= "2013-04-22") & (year["date"] <= "2013-04-28")]
    late = rows["disrupted"].to_numpy() == 1
    flagged = predict(registry.load(ws), rows) >= 0.25
    cost = 3 * (late & ~flagged).sum() + (~late & flagged).sum()
    assert found.rows == len(rows)
    assert found.desk == pytest.approx(cost / len(rows))
    assert found.first == found.desk
    assert found.never == pytest.approx(3 * late.mean())
    assert found.always == pytest.approx(1 - late.mean())


def test_what_is_not_known_yet_is_not_counted(trained_factory: Factory, home: Home) -> None:
    ws = trained_factory()
    year = home.year(template_of(ws))
    early = week_bill(ws, year, {**WEEK, "as_of": "2013-04-25T00:00:00"}, first=1)
    assert 0 < early.rows < week_bill(ws, year, WEEK, first=1).rows
    nothing = week_bill(ws, year, {**WEEK, "as_of": "2013-04-01T00:00:00"}, first=1)
    assert (nothing.rows, nothing.desk) == (0, 0.0)


def test_prices_come_from_the_workspace(trained_factory: Factory, home: Home) -> None:
    ws = trained_factory()
    year = home.year(template_of(ws))
    before = week_bill(ws, year, WEEK, first=1)
    set_params(ws.params, {"costs.miss": 6.0})
    assert week_bill(ws, year, WEEK, first=1).never == pytest.approx(2 * before.never)


def test_weeks_count_by_their_rows() -> None:
    weeks = (WeekBill("", "", 10, 1, 0.5, 0.6, 1.0, 0.8), WeekBill("", "", 30, 2, 0.1, 0.6, 1.0, 0.8))
    bill = Bill(weeks)
    assert bill.per_row("desk") == pytest.approx(0.2)
    assert bill.saved("first") == pytest.approx(1 + 15)
    assert bill.saved("always") == pytest.approx(3 + 21)
    pd.testing.assert_series_equal(bill.frame()["champion"], pd.Series([1, 2], name="champion"))
    assert Bill(()).rows == 0
    assert Bill(()).per_row("desk") != Bill(()).per_row("desk")  # NaN
