"""What the desk has cost, week by week, beside three others: the first champion for ever, no desk, everybody flagged.

Counted on the rows whose outcome was on record when the week's board was read; in units of one false alarm a row.

    Bill(tuple(week_bill(ws, year, entry.values, first=1) for entry in story.weeks)).saved("first")
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from mlops_core import registry
from mlops_core.dataset import Costs
from mlops_core.params import read_params
from mlops_core.project import template_of
from mlops_core.training import predict, row_cost
from mlops_core.workspace import Workspace

Way = Literal["desk", "first", "never", "always"]


@dataclass(frozen=True, slots=True)
class WeekBill:
    """Mean cost a row of one week: `desk` with the champion of that week, `first` with the first champion, `never`
    flagging, `always` flagging; `rows` were known when the board was read.
    """

    start: str
    end: str
    rows: int
    champion: int
    desk: float
    first: float
    never: float
    always: float


@dataclass(frozen=True, slots=True)
class Bill:
    """The weeks so far, in order."""

    weeks: tuple[WeekBill, ...]

    @property
    def rows(self) -> int:
        """Rows of all weeks."""
        return sum(week.rows for week in self.weeks)

    def per_row(self, way: Way) -> float:
        """Mean cost a row over all weeks (NaN without rows)."""
        total = sum(float(getattr(week, way)) * week.rows for week in self.weeks)
        return total / self.rows if self.rows else float("nan")

    def saved(self, way: Way) -> float:
        """False alarms' worth that the desk saved against another way; negative: it cost more.

        >>> Bill((WeekBill("", "", 10, 1, 0.5, 0.6, 0.9, 0.7),)).saved("first")
        1.0
        """
        return round(sum((float(getattr(week, way)) - week.desk) * week.rows for week in self.weeks), 6)

    def frame(self) -> pd.DataFrame:
        """One row a week."""
        return pd.DataFrame([{name: getattr(week, name) for name in WeekBill.__slots__} for week in self.weeks])


def week_bill(ws: Workspace, year: pd.DataFrame, week: Mapping[str, object], *, first: int) -> WeekBill:
    """The bill of one week of the story: `week` names start, end, as_of and champion; `first` is a model version."""
    schema = template_of(ws).schema
    costs = Costs(**read_params(ws.params)["costs"])
    champion = int(str(week["champion"]))
    inside = year[str(schema.day)].between(pd.Timestamp(str(week["start"])), pd.Timestamp(str(week["end"])))
    known = year[str(schema.known)] <= pd.Timestamp(str(week["as_of"]))
    rows = year[inside & known & year[str(schema.target)].notna()]
    y = rows[str(schema.target)].to_numpy(dtype="float64")
    if not len(rows):
        return WeekBill(str(week["start"]), str(week["end"]), 0, champion, 0.0, 0.0, 0.0, 0.0)

    def cost(version: int) -> float:
        return float(row_cost(y, predict(registry.load_version(ws, version), rows), costs).mean())

    desk = cost(champion)
    return WeekBill(
        start=str(week["start"]),
        end=str(week["end"]),
        rows=len(rows),
        champion=champion,
        desk=desk,
        first=desk if first == champion else cost(first),
        never=float(costs.miss * y.mean()),
        always=float(costs.false_alarm * (1 - y.mean())),
    )
