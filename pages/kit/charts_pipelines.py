"""Pictures of the pipelines page: two runs in seconds, calibration, cost by airport, and the noise probe."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from mlops_core.pipeline import Run
from mlops_core.stats.paired import DayMean
from pages.kit.charts import Look, empty, literal, mark
from tutor.simulation.noise import Probe


def seconds(runs: Mapping[str, Run], look: Look, value: str) -> go.Figure:
    """Seconds of each step that ran, one group of bars a run (older first); a reused step took none."""
    figure = empty(look, height=250)
    shades = (look.reference, look.current) if len(runs) > 1 else (look.current,)
    for (name, run), colour in zip(runs.items(), shades, strict=False):
        spent = [step.seconds if step.status in ("ran", "failed") else 0.0 for step in run.steps]
        words = [f"{value:.1f}" if value >= 0.05 else "" for value in spent]
        figure.add_bar(
            x=[step.step for step in run.steps], y=spent, name=literal(name), marker={"color": colour}, text=words,
            textposition="outside", cliponaxis=False, hovertemplate="%{y:.2f} s<extra>" + literal(name) + "</extra>",
        )  # fmt: skip
    figure.update_layout(yaxis_title=value, barmode="group", margin_t=36)
    return figure


def calibration(bins: pd.DataFrame, look: Look, score: str, rate: str) -> go.Figure:
    """Observed share against mean score in ten bins; the diagonal is a model whose probabilities are meant."""
    figure = empty(look, height=280)
    top = float(max(bins["mean_score"].max(), bins["rate"].max())) * 1.08
    figure.add_scatter(
        x=[0, top], y=[0, top], mode="lines", line={"color": look.soft, "width": 1, "dash": "dash"}, hoverinfo="skip"
    )
    figure.add_scatter(
        x=bins["mean_score"], y=bins["rate"], mode="lines+markers", line={"color": look.current, "width": 2},
        marker={"size": 7}, hovertemplate="%{x:.1%} → %{y:.1%}<extra></extra>",
    )  # fmt: skip
    figure.update_layout(
        showlegend=False, hovermode="closest",
        xaxis={"title": score, "tickformat": ".0%", "rangemode": "tozero"},
        yaxis={"title": rate, "tickformat": ".0%", "rangemode": "tozero"},
    )  # fmt: skip
    return figure


def costs(means: Mapping[str, DayMean], look: Look, value: str) -> go.Figure:
    """A point and its 95 % interval by day for each name."""
    figure, names = empty(look, height=70 + 46 * len(means)), [literal(name) for name in means]
    figure.add_scatter(
        x=[mean.mean for mean in means.values()], y=names, mode="markers", marker={"size": 9, "color": look.current},
        error_x={
            "type": "data", "symmetric": False, "color": look.current, "thickness": 2, "width": 5,
            "array": [mean.high - mean.mean for mean in means.values()],
            "arrayminus": [mean.mean - mean.low for mean in means.values()],
        },
        hovertemplate="%{x:.3f}<extra></extra>",
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed", type="category")
    figure.update_layout(xaxis={"title": value, "showgrid": True}, hovermode="closest")
    return figure


def probe(found: Probe, look: Look, value: str, truth: str) -> go.Figure:
    """Every throw as a dot, the mean with its interval, and the truth at one half."""
    figure = empty(look, height=190)
    colour = look.good if found.honest else look.bad
    figure.add_vrect(x0=found.low, x1=found.high, fillcolor=look.clear(colour, 0.22), line_width=0)
    figure.add_scatter(
        x=list(found.aucs), y=[0.0] * len(found.aucs), mode="markers",
        marker={"size": 11, "color": look.clear(look.current, 0.55), "line": {"color": look.current, "width": 1}},
        hovertemplate="%{x:.3f}<extra></extra>",
    )  # fmt: skip
    figure.add_vline(x=found.mean, line_color=colour, line_width=3)
    mark(figure, look, x=0.5, text=truth)
    figure.update_layout(
        showlegend=False, xaxis={"title": value, "range": [0.2, 1.02], "showgrid": True}, yaxis={"visible": False},
        hovermode="closest", margin_t=28,
    )  # fmt: skip
    return figure
