"""Pictures of the first page: what the board promised, what came, what it cost, and fifty models at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from pages.kit.charts import Look, empty, literal, mark
from tutor.desk import Money, Morning

WEEK = 7  # days drawn to the right of the morning
MONDAY = "2013-04-22"  # ticks stand on Mondays


@dataclass(frozen=True, slots=True)
class Words:
    """What a picture says, in the learner's language."""

    value: str
    mark: str = ""
    first: str = ""
    second: str = ""


def _days(days: Sequence[str]) -> list[pd.Timestamp]:
    return [pd.Timestamp(day) for day in days]


def _label(figure: go.Figure, x: Any, y: float, text: str, colour: str, **place: Any) -> None:
    settings = {"xanchor": "left", "xshift": 8, **place}
    figure.add_annotation(x=x, y=y, text=literal(text), showarrow=False, font={"color": colour}, **settings)


def _dates(figure: go.Figure) -> None:
    figure.update_xaxes(tickformat="%-d %b", tick0=MONDAY, dtick=WEEK * 86_400_000, hoverformat="%a %-d %B")


def promised(morning: Morning, look: Look, words: Words) -> go.Figure:
    """Mean predicted share of disrupted flights, day by day up to the morning; the week to come is empty."""
    figure, days = empty(look, height=340), _days(morning.days)
    now = days[-1] + pd.Timedelta(days=1)
    figure.add_scatter(
        x=days, y=list(morning.predicted), mode="lines+markers", name=literal(words.first), showlegend=False,
        line={"color": look.current, "width": 2.5}, marker={"size": 5}, hovertemplate="%{y:.1%}<extra></extra>",
    )  # fmt: skip
    figure.add_vrect(x0=now, x1=now + pd.Timedelta(days=WEEK), fillcolor=look.clear(look.ink, 0.04), line_width=0)
    mark(figure, look, x=now, text=words.mark)
    _dates(figure)
    top = max(0.6, *morning.predicted)
    figure.update_layout(yaxis={"title": words.value, "tickformat": ".0%", "range": [0, top * 1.1]})
    return figure


def came(money: Money, look: Look, words: Words, *, start: str, end: str) -> go.Figure:
    """Promise and outcome day by day up to `end`; the week that begins on `start` is shaded."""
    figure, days = empty(look, height=320), _days(money.days)
    shown = [day <= pd.Timestamp(end) for day in days]
    figure.add_vrect(x0=start, x1=end, fillcolor=look.clear(look.bad, 0.08), line_width=0)
    for values, name, colour in (
        (money.disrupted, words.second, look.bad),
        (money.predicted, words.first, look.current),
    ):
        figure.add_scatter(
            x=[day for day, keep in zip(days, shown, strict=True) if keep],
            y=[value for value, keep in zip(values, shown, strict=True) if keep],
            mode="lines",
            name=literal(name),
            line={"color": colour, "width": 2.5},
            hovertemplate="%{y:.1%}<extra>" + literal(name) + "</extra>",
        )
    mark(figure, look, x=start, text=words.mark)
    _dates(figure)
    figure.update_layout(yaxis={"title": words.value, "tickformat": ".0%", "rangemode": "tozero"}, margin_t=40)
    return figure


def weekly(money: Money, look: Look, words: Words) -> go.Figure:
    """Cost per flight of each week as bars, the range of ordinary weeks as a band, the model's own promise as ticks."""
    figure = empty(look, height=340)
    names = [f"{pd.Timestamp(week.start):%-d %b}" for week in money.weeks]
    costs = [week.cost for week in money.weeks]
    colours = [look.bad if cost > money.high else look.current for cost in costs]
    figure.add_hrect(y0=money.low, y1=money.high, fillcolor=look.clear(look.good, 0.14), line_width=0, layer="below")
    figure.add_bar(
        x=names, y=costs, marker={"color": colours}, text=[f"{cost:.2f}" for cost in costs],
        textposition="inside", insidetextanchor="start", textangle=0, showlegend=False,
        insidetextfont={"color": look.paper, "size": 14}, hovertemplate="%{y:.3f}<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=names, y=[week.estimated for week in money.weeks], mode="markers", name=literal(words.first),
        marker={"symbol": "line-ew-open", "size": 26, "line": {"width": 3, "color": look.ink}, "color": look.ink},
        hovertemplate="%{y:.3f}<extra>" + literal(words.first) + "</extra>",
    )  # fmt: skip
    figure.add_annotation(
        xref="paper", x=0.005, y=money.high, yanchor="bottom", xanchor="left", showarrow=False,
        text=literal(words.mark), font={"color": look.good, "size": 12},
    )  # fmt: skip
    figure.update_xaxes(type="category")
    figure.update_layout(yaxis={"title": words.value, "range": [0, max(*costs, money.high) * 1.15]}, margin_t=40)
    return figure


# -- fifty models --------------------------------------------------------------------------------------------------------

STATES = ("waiting", "failed", "idle", "pays")


@dataclass(frozen=True, slots=True)
class Tile:
    """One desk on the grid: what is written on it and its state."""

    airport: str
    carrier: str
    state: str
    text: str
    hover: str


def grid(tiles: Sequence[Tile], look: Look) -> go.Figure:
    """Carriers downwards, airports across; the word on a tile says what its colour says."""
    airports = sorted({tile.airport for tile in tiles})
    carriers = sorted({tile.carrier for tile in tiles}, reverse=True)
    at = {(tile.carrier, tile.airport): tile for tile in tiles}
    found = [[at.get((carrier, airport)) for airport in airports] for carrier in carriers]
    shades = [look.reference, look.clear(look.bad, 0.35), look.clear(look.warn, 0.3), look.clear(look.good, 0.3)]
    steps = [(edge, shade) for n, shade in enumerate(shades) for edge in (n / 4, (n + 1) / 4)]
    figure = empty(look, height=40 + 27 * len(carriers))
    figure.add_heatmap(
        x=airports,
        y=[literal(carrier) for carrier in carriers],
        z=[[STATES.index(tile.state) if tile else None for tile in row] for row in found],
        text=[[literal(tile.text) if tile else "" for tile in row] for row in found],
        customdata=[[literal(tile.hover) if tile else "" for tile in row] for row in found],
        texttemplate="%{text}",
        textfont={"size": 12, "color": look.ink},
        hovertemplate="%{customdata}<extra></extra>",
        hoverongaps=False,
        zmin=-0.5,
        zmax=3.5,
        colorscale=steps,
        showscale=False,
        xgap=3,
        ygap=3,
    )
    figure.update_layout(xaxis={"side": "top", "showline": False, "fixedrange": True}, hovermode="closest")
    figure.update_yaxes(showgrid=False, tickfont={"size": 12}, fixedrange=True, type="category")
    return figure


def seconds_of(tiles: int, minutes: float, seconds: float, look: Look, words: Words) -> go.Figure:
    """Minutes by hand against minutes of one command, two bars."""
    figure = empty(look, height=150)
    values = [tiles * minutes, seconds / 60]
    figure.add_bar(
        y=[literal(words.first), literal(words.second)], x=values, orientation="h",
        marker={"color": [look.reference, look.current]}, text=[f"{value:,.1f} min" for value in values],
        textposition="outside", cliponaxis=False, hoverinfo="skip", textfont={"color": look.ink},
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed")
    figure.update_layout(xaxis={"visible": False, "range": [0, max(values) * 1.25]}, margin_t=4)
    return figure
