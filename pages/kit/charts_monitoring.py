"""Pictures of the page Monitoring: one column then and now, all columns against their bands, quality, the year.

`columns(reading.drift, look, words)`; every word comes in as an argument, every number from a result of the core.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mlops_core.drift import DriftReport
from mlops_core.metrics import Calibration
from mlops_core.monitor import Baseline, Window
from pages.kit import charts
from pages.kit.charts import Look
from tutor.simulation.histograms import Histogram
from tutor.simulation.shiftlab import Band

FLOOR = 1e-4  # a PSI of 0 has no place on a logarithmic axis


def column(shown: Histogram, look: Look, *, names: tuple[str, str], value: str, title: str) -> go.Figure:
    """The reference filled, the current window outlined: steps for numbers, bars for labels."""
    if not shown.names:
        figure = charts.compare_steps(
            shown.edges, shown.reference, shown.current, look, value=value, names=names, height=260
        )
    else:
        figure = charts.empty(look, height=260)
        labels = [charts.literal(name) for name in shown.names]
        figure.add_bar(x=labels, y=shown.reference, name=names[0], marker={"color": look.reference}, width=0.8)
        outline = {"color": "rgba(0,0,0,0)", "line": {"color": look.current, "width": 2}}
        figure.add_bar(x=labels, y=shown.current, name=names[1], marker=outline, width=0.8)
        figure.update_layout(barmode="overlay", yaxis_title=value)
    figure.update_layout(xaxis_title=title, yaxis_tickformat=".0%", margin_t=28)
    return figure


def columns(report: DriftReport, look: Look, *, words: Mapping[str, str], axis: str) -> go.Figure:
    """One line a column: grey where the statistic lies if nothing happened, a mark where it is, icon and word."""
    figure = charts.empty(look, height=40 + 24 * len(report.columns))
    names = [charts.literal(drift.column) for drift in report.columns]
    lows = [math.log10(max(drift.null_band[0], FLOOR)) for drift in report.columns]
    highs = [math.log10(max(drift.null_band[1], FLOOR)) for drift in report.columns]
    places = [math.log10(max(drift.statistic, FLOOR)) for drift in report.columns]
    figure.add_bar(
        y=names,
        x=[high - low for low, high in zip(lows, highs, strict=True)],
        base=lows,
        orientation="h",
        marker={"color": look.reference},
        width=0.6,
        name=words["band"],
        hoverinfo="skip",
    )
    for drifted, symbol, colour in ((False, "circle", look.good), (True, "triangle-up", look.bad)):
        inside = [at for at, drift in enumerate(report.columns) if bool(drift.drifted) is drifted]
        figure.add_scatter(
            y=[names[at] for at in inside],
            x=[places[at] for at in inside],
            mode="markers+text",
            marker={"symbol": symbol, "size": 10, "color": colour},
            text=[f"{report.columns[at].statistic:.3f}" if drifted else "" for at in inside],
            textposition="middle right",
            textfont={"color": colour, "size": 12},
            name=words["drifted" if drifted else "stable"],
            hovertemplate="%{y}<extra></extra>",
            cliponaxis=False,
        )
    ticks = [tick for tick in (0.0001, 0.001, 0.01, 0.1, 1.0, 10.0) if tick <= 10 ** max(*places, *highs, -1) * 3]
    figure.update_layout(
        xaxis={
            "tickvals": [math.log10(tick) for tick in ticks],
            "ticktext": [f"{tick:g}" for tick in ticks],
            "zeroline": False,
        },
        xaxis_title=axis,
        yaxis={"autorange": "reversed", "showgrid": False, "categoryorder": "array", "categoryarray": names},
        barmode="overlay",
        hovermode="closest",
        margin_r=48,
        margin_t=28,
    )
    return figure


Points = Sequence[tuple[str, float | None]]


def quality(rows: Sequence[tuple[str, Points, Band]], look: Look, *, band: str) -> go.Figure:
    """For each measure a strip of its own: the band of calm windows, and who says what, label beside the mark."""
    figure = charts.empty(look, height=40 + 128 * len(rows))
    layout: dict[str, Any] = {"showlegend": False, "hovermode": "closest", "margin_t": 28, "shapes": []}
    slot = 1 / len(rows)
    for number, (measure, points, calm) in enumerate(rows, start=1):
        tail, top = str(number) if number > 1 else "", 1 - (number - 1) * slot
        known = [(name, value) for name, value in points if value is not None]
        figure.add_trace(_strip(known, tail, look))
        spots = [*(value for _, value in known), calm.low, calm.high]
        width = max(spots) - min(spots)
        reach = [min(spots) - 0.08 * width, max(spots) + 0.6 * width]
        layout[f"xaxis{tail}"] = {"range": reach, "title": {"text": measure}, "anchor": f"y{tail}"}
        layout[f"yaxis{tail}"] = {"visible": False, "range": [-2.6, 0.6], "domain": [top - 0.62 * slot, top]}
        layout["shapes"].append(
            {"type": "rect", "xref": f"x{tail}", "yref": f"y{tail} domain", "x0": calm.low, "x1": calm.high, "y0": 0,
             "y1": 1, "fillcolor": look.reference, "line": {"width": 0}, "layer": "below"}
        )  # fmt: skip
    note = f"<span style='color:{look.soft}'>▇ {charts.literal(band)}</span>"
    layout["annotations"] = [
        {"text": note, "xref": "paper", "yref": "paper", "x": 0, "y": 1, "yanchor": "bottom", "showarrow": False}
    ]
    return figure.update_layout(layout)


def _strip(known: Sequence[tuple[str, float]], tail: str, look: Look) -> dict[str, Any]:
    colours = [look.current, look.warn, look.ink][: len(known)]
    symbols = ["circle", "diamond-open", "circle-open"][: len(known)]
    return {
        "type": "scatter",
        "x": [value for _, value in known],
        "y": [-level for level in range(len(known))],
        "xaxis": f"x{tail}",
        "yaxis": f"y{tail}",
        "mode": "markers+text",
        "marker": {"symbol": symbols, "size": 12, "color": colours, "line": {"width": 2, "color": colours}},
        "text": [f"  {charts.literal(name)} {value:.3f}" for name, value in known],
        "textposition": "middle right",
        "textfont": {"color": look.ink, "size": 12},
        "hoverinfo": "skip",
        "cliponaxis": False,
    }


def reliability(shown: Calibration, look: Look, *, x: str, y: str, ideal: str) -> go.Figure:
    """Observed rate against mean score, and the line on which both agree."""
    figure = charts.empty(look, height=300)
    top = max(*shown.mean_score, *shown.rate, 0.1) * 1.08
    figure.add_scatter(x=[0, top], y=[0, top], mode="lines", line={"color": look.soft, "dash": "dash", "width": 1})
    figure.add_annotation(x=top, y=top, text=charts.literal(ideal), showarrow=False, xanchor="right", yanchor="bottom")
    marker = {"size": 8, "color": look.current}
    line = {"color": look.current, "width": 2}
    figure.add_scatter(x=shown.mean_score, y=shown.rate, mode="lines+markers", marker=marker, line=line)
    figure.update_layout(showlegend=False, xaxis_title=x, yaxis_title=y, xaxis_tickformat=".0%", yaxis_tickformat=".0%")
    return figure


KINDS = ("missing", "input", "score", "estimate", "realised")


def year(
    readings: Sequence[Window],
    at: int,
    settled: Mapping[pd.Timestamp, float],
    baseline: Baseline,
    look: Look,
    *,
    words: Mapping[str, str],
    line: float,
) -> go.Figure:
    """What the board knew at week `at`: cost promised and realised, drifted columns, score drift, alarms as flags.

    `settled`: realised cost by start of week, only of weeks whose outcomes had arrived by then; `line`: the share of
    columns from which the board rings. Weeks still to come are empty.
    """
    seen = readings[: at + 1]
    figure = make_subplots(
        rows=4, cols=1, shared_xaxes=True, vertical_spacing=0.05, row_heights=[0.42, 0.19, 0.19, 0.2]
    )
    charts.theme(figure, look, height=560)
    starts = [window.start for window in seen]
    _costs(figure, seen, settled, baseline, look, words)
    colours = [look.bad if window.drift.share >= line else look.soft for window in seen]
    figure.add_bar(
        x=starts, y=[window.drift.share for window in seen], marker={"color": colours}, row=2, col=1,
        name=words["drifted"], hovertemplate="%{y:.0%}",
    )  # fmt: skip
    figure.add_hline(y=line, line={"color": look.soft, "dash": "dash", "width": 1}, row=2, col=1)
    figure.add_scatter(
        x=starts, y=[window.score.statistic for window in seen], mode="lines", row=3, col=1, name=words["score"],
        line={"color": look.current, "width": 2}, hovertemplate="%{y:.3f}",
    )  # fmt: skip
    figure.add_hline(y=seen[-1].score.null_band[1], line={"color": look.soft, "dash": "dash", "width": 1}, row=3, col=1)
    _flags(figure, seen, look, words)
    first, last = readings[0].start - pd.Timedelta(days=5), readings[-1].start + pd.Timedelta(days=5)
    figure.update_xaxes(range=[first, last], tickformat="%b", dtick="M1")
    figure.add_vline(x=seen[-1].start, line={"color": look.current, "width": 1})
    figure.update_yaxes(title_text=words["cost_axis"], range=_cost_range(settled, baseline), row=1, col=1)
    figure.update_yaxes(title_text=words["drifted_axis"], tickformat=".0%", range=[0, 1], row=2, col=1)
    top = max(3 * seen[-1].score.null_band[1], *(1.1 * window.score.statistic for window in seen))
    figure.update_yaxes(title_text=words["score_axis"], range=[0, top], row=3, col=1)
    figure.update_layout(hovermode="x", bargap=0.35, legend={"y": 1.01}, margin_t=30)
    return figure


def _cost_range(settled: Mapping[pd.Timestamp, float], baseline: Baseline) -> list[float]:
    """Room for one more band above and a little below: the axis stays when weeks are added, unless it has to grow."""
    width = baseline.cost.high - baseline.cost.low
    low, high = min([baseline.cost.low, *settled.values()]), max([baseline.cost.high + width, *settled.values()])
    return [low - width / 8, high + width / 8]


def _costs(
    figure: go.Figure,
    seen: Sequence[Window],
    settled: Mapping[pd.Timestamp, float],
    baseline: Baseline,
    look: Look,
    words: Mapping[str, str],
) -> None:
    promised = [window.estimated.cost_per_row if window.estimated else None for window in seen]
    figure.add_scatter(
        x=[window.start for window in seen], y=promised, mode="lines", name=words["estimated"], row=1, col=1,
        line={"color": look.warn, "width": 2, "dash": "dot"}, hovertemplate="%{y:.3f}",
    )  # fmt: skip
    known = [start for start in (window.start for window in seen) if start in settled]
    bad = [settled[start] > baseline.cost.high for start in known]
    figure.add_scatter(
        x=known, y=[settled[start] for start in known], mode="lines+markers", name=words["realised"], row=1, col=1,
        line={"color": look.current, "width": 2}, hovertemplate="%{y:.3f}",
        marker={"size": [11 if high else 6 for high in bad], "color": [look.bad if high else look.current for high in bad],
                "symbol": ["triangle-up" if high else "circle" for high in bad]},
    )  # fmt: skip
    figure.add_hrect(
        y0=baseline.cost.low, y1=baseline.cost.high, fillcolor=look.clear(look.reference, 0.6), line_width=0,
        layer="below", row=1, col=1, annotation_text=charts.literal(words["normal"]),
        annotation_position="top right", annotation_font_color=look.soft,
    )  # fmt: skip


def _flags(figure: go.Figure, seen: Sequence[Window], look: Look, words: Mapping[str, str]) -> None:
    names = [charts.literal(words[f"alarm.{kind}"]) for kind in KINDS]
    for kind, name in zip(KINDS, names, strict=True):
        rang = [window.start for window in seen if any(alarm.kind == kind for alarm in window.alarms)]
        figure.add_scatter(
            x=rang, y=[name] * len(rang), mode="markers", row=4, col=1, showlegend=False, name=name,
            marker={"symbol": "triangle-up", "size": 11, "color": look.bad}, hovertemplate="▲",
        )  # fmt: skip
    figure.update_yaxes(
        type="category", categoryorder="array", categoryarray=names[::-1], range=[-0.6, len(names) - 0.4], row=4, col=1
    )


def grid(readings: Sequence[Window], at: int, look: Look, *, words: Mapping[str, str]) -> go.Figure:
    """Columns by weeks: filled where a column had drifted; weeks after `at` are still to come."""
    names = list(readings[0].drift.names)
    table = [
        [(1.0 if name in window.drift.drifted else 0.0) if week <= at else None for week, window in enumerate(readings)]
        for name in names
    ]
    figure = charts.empty(look, height=60 + 21 * len(names))
    figure.add_heatmap(
        x=[window.start for window in readings],
        y=[charts.literal(name) for name in names],
        z=table,
        zmin=0,
        zmax=1,
        colorscale=[[0, look.grid], [0.5, look.grid], [0.5, look.warn], [1, look.warn]],
        showscale=False,
        xgap=2,
        ygap=2,
        customdata=[[words["drifted"] if cell else words["stable"] for cell in row] for row in table],
        hovertemplate="%{y}, %{x|%-d %b}: %{customdata}<extra></extra>",
    )
    figure.update_layout(
        yaxis={"autorange": "reversed", "showgrid": False, "dtick": 1},
        xaxis={"tickformat": "%b", "dtick": "M1"},
        hovermode="closest",
    )
    return figure
