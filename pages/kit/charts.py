"""The house look of a picture: paper, ink, one blue, Okabe-Ito categories, thin lines, labels at the lines.

Knows Plotly and no Streamlit. A page's own pictures live in `charts_<page>.py` beside it: (result, look) -> Figure.

    look = charts.Look(dark=session.dark())
    figure = charts.bars(["JFK", "LGA"], [.31, .24], look, value="cost per flight")

Okabe and Ito (2008), "Color universal design": eight colours that colour-blind eyes tell apart.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

FONT = "Inter, system-ui, sans-serif"
MONO = "JetBrains Mono, ui-monospace, monospace"
CONFIG: dict[str, Any] = {"displaylogo": False, "displayModeBar": False, "scrollZoom": False, "doubleClick": "reset"}


@dataclass(frozen=True, slots=True)
class Look:
    """The colours of one theme. `reference` is filled, `current` outlined; `good`, `bad`, `warn` need words too."""

    dark: bool = False

    def _pick(self, light: str, dark: str) -> str:
        return dark if self.dark else light

    @property
    def ink(self) -> str:
        """Text."""
        return self._pick("#1D2327", "#E6E9EC")

    @property
    def soft(self) -> str:
        """Secondary text and axes; readable on the paper."""
        return self._pick("#5A6268", "#A7B0B8")

    @property
    def paper(self) -> str:
        """The page."""
        return self._pick("#FBFBF9", "#12171C")

    @property
    def grid(self) -> str:
        """Grid lines and thin borders."""
        return self._pick("#E6E5DF", "#28313A")

    @property
    def current(self) -> str:
        """The one blue: what is looked at now."""
        return self._pick("#0B5FA5", "#56A3E0")

    @property
    def reference(self) -> str:
        """Fill of what it is compared with."""
        return self._pick("#D3D6D4", "#3A444D")

    @property
    def good(self) -> str:
        """Pass, inside the band."""
        return self._pick("#00785A", "#3DBE94")

    @property
    def warn(self) -> str:
        """Worth a look."""
        return self._pick("#B26A00", "#E6A23C")

    @property
    def bad(self) -> str:
        """Fail, outside the band."""
        return self._pick("#B3401A", "#F0845C")

    @property
    def colours(self) -> tuple[str, ...]:
        """Okabe-Ito categories in an order that starts far apart."""
        light = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B07D00", "#56B4E9", "#50585E")
        dark = ("#56B4E9", "#E69F00", "#2FC79B", "#DE9CC2", "#F0E442", "#7DA6D9", "#B4BDC4")
        return dark if self.dark else light

    def clear(self, colour: str, opacity: float) -> str:
        """A colour from above with an opacity from 0 to 1, for bands.

        >>> Look().clear("#0B5FA5", 0.1)
        'rgba(11, 95, 165, 0.1)'
        """
        red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
        return f"rgba({red}, {green}, {blue}, {opacity})"


def literal(text: object) -> str:
    """Text from data or from a learner, so that Plotly shows its tags instead of obeying them."""
    return html.escape(str(text), quote=False)


def template(look: Look) -> go.layout.Template:
    """The house template."""
    axis = {
        "gridcolor": look.grid,
        "gridwidth": 1,
        "linecolor": look.grid,
        "zerolinecolor": look.grid,
        "zerolinewidth": 1,
        "ticks": "",
        "tickfont": {"size": 12, "color": look.soft},
        "title": {"font": {"size": 13, "color": look.soft}, "standoff": 10},
        "automargin": True,
    }
    return go.layout.Template(
        layout={
            "font": {"family": FONT, "size": 13, "color": look.ink},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "colorway": list(look.colours),
            "margin": {"l": 8, "r": 16, "t": 16, "b": 8},
            "xaxis": {**axis, "showgrid": False, "showline": True},
            "yaxis": axis,
            "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "bgcolor": "rgba(0,0,0,0)"},
            "hoverlabel": {"font": {"family": FONT, "size": 13}, "bgcolor": look.paper, "bordercolor": look.grid},
            "hovermode": "x",
            "bargap": 0.25,
            "dragmode": False,
        }
    )


def theme(figure: go.Figure, look: Look, *, height: int = 320) -> go.Figure:
    """Give any figure the house look (in place) and return it; `height` in pixels."""
    figure.update_layout(template=template(look), height=height)
    return figure


def empty(look: Look, *, height: int = 320) -> go.Figure:
    """A figure with the house look and nothing on it."""
    return theme(go.Figure(), look, height=height)


def line(
    x: Sequence[Any], series: dict[str, Sequence[float]], look: Look, *, value: str = "", height: int = 320
) -> go.Figure:
    """Lines with their names at the right end instead of a legend; the first one is the one blue.

    Args:
        x: shared positions, length n.
        series: name -> n values; NaN leaves a gap.
        value: title of the value axis.
    """
    figure = empty(look, height=height)
    shades = (look.current, *look.colours[1:])
    for number, (name, values) in enumerate(series.items()):
        colour = shades[number % len(shades)]
        figure.add_scatter(
            x=list(x), y=list(values), mode="lines", name=literal(name), line={"color": colour, "width": 2}
        )
        _label_end(figure, x, values, name, colour)
    figure.update_layout(showlegend=False, yaxis_title=value, margin_r=90)
    return figure


def _label_end(figure: go.Figure, x: Sequence[Any], values: Sequence[float], name: str, colour: str) -> None:
    known = [(place, value) for place, value in zip(x, values, strict=True) if value == value]
    if known:
        place, value = known[-1]
        figure.add_annotation(
            x=place, y=value, text=literal(name), showarrow=False, xanchor="left", xshift=6, font={"color": colour}
        )


def bars(
    names: Sequence[str], values: Sequence[float], look: Look, *, value: str = "", form: str = ".3f", height: int = 320
) -> go.Figure:
    """Bars in the one blue with their numbers above; `form` is a number format such as `.1%`."""
    figure = empty(look, height=height)
    labels = [format(number, form) for number in values]
    figure.add_bar(
        x=[literal(name) for name in names],
        y=list(values),
        text=labels,
        textposition="outside",
        marker={"color": look.current},
        hoverinfo="skip",
        cliponaxis=False,
    )
    figure.update_layout(yaxis_title=value)
    return figure


def compare_steps(
    edges: Sequence[float],
    reference: Sequence[float],
    current: Sequence[float],
    look: Look,
    *,
    value: str = "",
    names: tuple[str, str] = ("reference", "current"),
    height: int = 320,
) -> go.Figure:
    """Two distributions over the same bins: the reference filled, the current one an outlined step line.

    Args:
        edges: n + 1 bin edges in the unit of the column.
        reference: n shares.
        current: n shares.
    """
    figure = empty(look, height=height)
    for heights, name, fill, colour, width in (
        (reference, names[0], look.reference, look.reference, 0),
        (current, names[1], None, look.current, 2),
    ):
        steps = [*heights, heights[-1]]
        figure.add_scatter(
            x=list(edges),
            y=steps,
            name=literal(name),
            mode="lines",
            fill="tozeroy" if fill else None,
            fillcolor=fill,
            line={"shape": "hv", "color": colour, "width": width},
        )
    figure.update_layout(yaxis_title=value, yaxis_rangemode="tozero")
    return figure


def mark(figure: go.Figure, look: Look, *, x: Any = None, y: Any = None, text: str = "") -> go.Figure:
    """Add a thin dashed line at `x` or `y` with a word beside it: a threshold, an event."""
    style: dict[str, Any] = {"line_width": 1, "line_dash": "dash", "line_color": look.soft}
    label: dict[str, Any] = {"annotation_text": literal(text), "annotation_font_color": look.soft}
    if x is not None:
        figure.add_vline(x=x, annotation_position="top right", **style, **label)
    if y is not None:
        figure.add_hline(y=y, annotation_position="top left", **style, **label)
    return figure


def from_json(text: str, look: Look, *, height: int = 360) -> go.Figure | None:
    """A figure sent by a code cell (untrusted: images are dropped) in the house look; None when it is no figure."""
    import plotly.io

    try:
        figure = plotly.io.from_json(text)
    except (ValueError, TypeError, KeyError):
        return None
    figure.layout.images = ()
    return theme(figure, look, height=int(figure.layout.height or height))
