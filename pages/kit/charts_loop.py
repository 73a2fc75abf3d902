"""Pictures of the page loop: the year week by week, and what the desk has cost four ways."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from mlops_core.bill import Bill, Way
from mlops_core.ledger import Promotion
from mlops_core.loop import Entry
from pages.kit import charts
from pages.kit.charts import Look


def timeline(
    weeks: Sequence[Entry], moves: Sequence[Promotion], look: Look, *, value: str, names: tuple[str, str, str]
) -> go.Figure:
    """Realised cost of each week as a line on the range that was normal for the champion in force.

    Weeks with a cost alarm are marked full, other alarms as an open flag above; a thin line where the champion changed.
    `names`: of the normal range, of the cost, of the alarms.
    """
    figure = charts.empty(look, height=360)
    at = [pd.Timestamp(str(week.values["end"])) for week in weeks]
    cost = [_cost(week) for week in weeks]
    _band(figure, weeks, at, look, names[0])
    figure.add_scatter(
        x=at,
        y=cost,
        name=charts.literal(names[1]),
        mode="lines+markers",
        line={"color": look.current, "width": 2},
        marker={"size": 6},
        hovertemplate="%{y:.3f}",
    )
    _flags(figure, weeks, at, cost, look, names[2])
    for move in moves:
        if move.version is not None and at:
            day = max(pd.Timestamp(move.lesson_date), at[0] - pd.Timedelta(days=6))
            figure.add_vline(
                x=day,
                line={"width": 1, "dash": "dash", "color": look.soft},
                annotation={
                    "text": f"v{move.version}",
                    "font": {"color": look.soft},
                    "yanchor": "bottom",
                },
                annotation_position="top right",
            )
    figure.update_layout(yaxis_title=value, margin_t=28, legend={"y": -0.14, "yanchor": "top"})
    figure.update_yaxes(rangemode="tozero")
    return figure


def _cost(week: Entry) -> float | None:
    realised = week.values["realised"]
    return float(realised["cost_per_row"]) if realised else None


def _band(figure: go.Figure, weeks: Sequence[Entry], at: Sequence[Any], look: Look, name: str) -> None:
    for side, fill in (("high", None), ("low", "tonexty")):
        figure.add_scatter(
            x=list(at),
            y=[week.values["expected"][side] for week in weeks],
            name=charts.literal(name),
            mode="lines",
            line={"width": 0, "shape": "hvh"},
            fill=fill,
            fillcolor=look.clear(look.reference, 0.55),
            showlegend=fill is not None,
            hovertemplate="%{y:.3f}" if fill else None,
            hoverinfo="skip" if fill is None else None,
        )


def _flags(
    figure: go.Figure, weeks: Sequence[Entry], at: Sequence[Any], cost: Sequence[float | None], look: Look, name: str
) -> None:
    rung = [
        (day, value, [str(alarm["kind"]) for alarm in week.values["alarms"]])
        for week, day, value in zip(weeks, at, cost, strict=True)
        if week.values["alarms"] and value is not None
    ]
    if rung:
        money = ["realised" in kinds for _, _, kinds in rung]
        figure.add_scatter(
            x=[day for day, _, _ in rung],
            y=[value for _, value, _ in rung],
            name=charts.literal(name),
            mode="markers",
            marker={
                "symbol": "diamond",
                "size": [15 if hard else 11 for hard in money],
                "color": [look.bad if hard else look.paper for hard in money],
                "line": {"color": look.bad, "width": 2},
            },
            customdata=[", ".join(kinds) for _, _, kinds in rung],
            hovertemplate="%{customdata}",
        )


def four_ways(bill: Bill, names: Sequence[str], look: Look, *, value: str) -> go.Figure:
    """Mean cost a row over all weeks so far: never flagging, always, the first champion for ever, the desk as it was."""
    ways: tuple[Way, ...] = ("never", "always", "first", "desk")
    costs = [bill.per_row(way) for way in ways]
    figure = charts.empty(look, height=220)
    figure.add_bar(
        y=[charts.literal(name) for name in names],
        x=costs,
        orientation="h",
        text=[f"{cost:.3f}" for cost in costs],
        textposition="outside",
        cliponaxis=False,
        hoverinfo="skip",
        marker={"color": [look.reference, look.reference, look.reference, look.current]},
    )
    figure.update_xaxes(title=value, showgrid=True, range=[0, max(costs) * 1.15])
    figure.update_yaxes(showgrid=False, ticklabelstandoff=6)
    return figure
