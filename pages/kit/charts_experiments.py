"""Pictures of the page experiments: fifty runs on few flights and on all others, two trials day by day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from pages.kit import charts
from pages.kit.charts import Look


def lottery(
    few: Sequence[float],
    rest: Sequence[float],
    winner: int,
    look: Look,
    *,
    names: tuple[str, str],
    value: str,
    words: str,
) -> go.Figure:
    """One thin line a run from its cost on few flights to its cost on all others; the winner on the few in blue.

    Args:
        few: cost per flight of each run on the few flights.
        rest: the same on the others.
        winner: position of the run to show in blue.
        names: words for the two sides.
        words: what to write at the winner's end.
    """
    figure = charts.empty(look, height=380)
    for run, ends in enumerate(zip(few, rest, strict=True)):
        if run != winner:
            figure.add_scatter(
                x=[0, 1],
                y=list(ends),
                mode="lines+markers",
                line={"color": look.clear(look.soft, 0.35), "width": 1},
                marker={"size": 4},
                hoverinfo="skip",
            )
    figure.add_scatter(
        x=[0, 1],
        y=[few[winner], rest[winner]],
        mode="lines+markers",
        line={"color": look.current, "width": 3},
        marker={"size": 9},
        hovertemplate="%{y:.3f}",
    )
    figure.add_annotation(
        x=1, y=rest[winner], text=charts.literal(words), showarrow=False, xanchor="left", xshift=10,
        font={"color": look.current}, bgcolor=look.paper,
    )  # fmt: skip
    figure.update_xaxes(
        tickvals=[0, 1], ticktext=[charts.literal(name) for name in names], range=[-0.2, 1.4], fixedrange=True
    )
    figure.update_layout(showlegend=False, yaxis_title=value)
    return figure


def days(
    day: Sequence[Any],
    difference: Sequence[float],
    interval: tuple[float, float, float],
    look: Look,
    *,
    value: str,
    words: str,
) -> go.Figure:
    """The difference of each day as a bar, and the mean of all days with its interval as a band.

    Args:
        day: the days judged.
        difference: cost per flight of the first trial minus the second, one a day.
        interval: low end, mean, high end.
        words: what to write at the band.
    """
    low, mean, high = interval
    shade = look.good if high < 0 else look.bad if low > 0 else look.warn
    figure = charts.empty(look, height=320)
    figure.add_bar(
        x=list(day), y=list(difference), marker={"color": look.reference, "line": {"color": look.soft, "width": 0.5}},
        hovertemplate="%{y:+.3f}",
    )  # fmt: skip
    figure.add_hrect(y0=low, y1=high, fillcolor=look.clear(shade, 0.3), line={"color": shade, "width": 1})
    figure.add_hline(y=mean, line={"color": shade, "width": 2})
    figure.add_hline(y=0, line={"color": look.ink, "width": 1})
    figure.add_annotation(
        xref="paper", x=1, xanchor="right", yref="paper", y=1, yanchor="top", text=charts.literal(words), showarrow=False,
        font={"color": shade}, bgcolor=look.paper,
    )  # fmt: skip
    figure.update_layout(yaxis_title=value, showlegend=False)
    figure.update_yaxes(tickformat="+.2f")
    return figure
