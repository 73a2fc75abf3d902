"""Pictures of the page versions: the history as a graph, changed cells by column, one day under two clocks."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from mlops_core.diff import Diff
from mlops_core.versions import Version
from pages.kit import charts
from pages.kit.charts import Look

ROW = 50  # pixels a version


def lanes(history: Sequence[Version]) -> dict[str, int]:
    """Column of each version: a child goes on in its parent's column unless a sibling has it already."""
    lane: dict[str, int] = {}
    continued: set[str] = set()
    for version in history:
        parent = next((name for name in version.parents if name in lane), None)
        if parent is not None and parent not in continued:
            continued.add(parent)
            lane[version.id] = lane[parent]
        else:
            lane[version.id] = max(lane.values(), default=-1) + 1
    return lane


def history_graph(history: Sequence[Version], current: str, look: Look, facts: Mapping[str, str]) -> go.Figure:
    """Newest on top, a line to each parent, the version that is checked out filled. `facts`: a line of words by name."""
    figure = charts.empty(look, height=ROW * len(history) + 16)
    lane = lanes(history)
    height = {version.id: number for number, version in enumerate(history)}
    for version in history:
        for parent in version.parents:
            if parent in lane:
                figure.add_scatter(
                    x=[lane[parent], lane[version.id]],
                    y=[height[parent], height[version.id]],
                    mode="lines",
                    line={"color": look.soft, "width": 1.5},
                    hoverinfo="skip",
                )
    figure.add_scatter(
        x=[lane[version.id] for version in history],
        y=[height[version.id] for version in history],
        mode="markers",
        marker={
            "size": 14,
            "color": [look.current if version.name == current else look.paper for version in history],
            "line": {"color": look.current, "width": 2},
        },
        hoverinfo="skip",
    )
    side = max(lane.values(), default=0)
    for version in history:
        _label(figure, version, height[version.id], side, look, facts.get(version.name, ""))
    figure.update_xaxes(visible=False, range=[-0.4, side + 9], fixedrange=True)
    figure.update_yaxes(visible=False, range=[-0.6, len(history) - 0.4], fixedrange=True)
    figure.update_layout(showlegend=False, margin={"l": 0, "r": 0, "t": 4, "b": 4})
    return figure


def _label(figure: go.Figure, version: Version, y: int, side: int, look: Look, facts: str) -> None:
    message = textwrap.shorten(version.message.splitlines()[0], 38, placeholder=" …")
    words = f"<b>{charts.literal(version.name)}</b>  {charts.literal(message)}"
    if facts:
        words += f"<br><span style='color:{look.soft};font-size:12px'>{charts.literal(facts)}</span>"
    figure.add_annotation(x=side + 0.35, y=y, text=words, showarrow=False, xanchor="left", align="left")


def changed_cells(found: Diff, look: Look, *, value: str, most: int = 12) -> go.Figure:
    """Share of changed cells by column, the most changed on top; those that were only filled or emptied are lighter."""
    cells = found.cells[:most][::-1]
    figure = charts.empty(look, height=max(140, 30 * len(cells) + 60))
    figure.add_bar(
        y=[charts.literal(cell.column) for cell in cells],
        x=[cell.share for cell in cells],
        orientation="h",
        marker={"color": look.current},
        text=[f"{cell.share:.1%}" if cell.share >= 0.001 else f"{cell.changed:,}" for cell in cells],
        textposition="outside",
        cliponaxis=False,
        hoverinfo="skip",
    )
    figure.update_xaxes(title=value, tickformat=".0%", range=[0, 1.12], showgrid=True)
    figure.update_yaxes(showgrid=False, ticklabelstandoff=6)
    return figure


def one_day(
    hours: Sequence[int],
    old: Sequence[float | None],
    new: Sequence[float | None],
    look: Look,
    *,
    names: tuple[str, str],
    value: str,
    hour: str,
) -> go.Figure:
    """One day at one airport: what two versions say of the same flights, by scheduled hour."""
    figure = charts.empty(look, height=300)
    for values, name, colour, dash in ((old, names[0], look.bad, "dash"), (new, names[1], look.current, "solid")):
        figure.add_scatter(
            x=list(hours),
            y=list(values),
            name=charts.literal(name),
            mode="lines+markers",
            marker={"size": 6},
            line={"color": colour, "width": 2, "dash": dash},
            hovertemplate="%{y:.1f}",
        )
    figure.update_layout(yaxis_title=value, xaxis_title=hour)
    figure.update_xaxes(dtick=2, showgrid=True)
    return figure


def clock(shares: Mapping[int, float], chosen: int, look: Look, *, value: str, hours: str) -> go.Figure:
    """Share of airport hours that each shift explains; the learner's own is filled blue."""
    figure = charts.empty(look, height=260)
    figure.add_bar(
        x=list(shares),
        y=list(shares.values()),
        marker={"color": [look.current if shift == chosen else look.reference for shift in shares]},
        text=[f"{share:.0%}" if share >= 0.1 else "" for share in shares.values()],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y:.1%}",
    )
    figure.update_layout(yaxis_title=value, xaxis_title=hours, yaxis_tickformat=".0%", yaxis_range=[0, 1])
    figure.update_xaxes(dtick=2)
    return figure
