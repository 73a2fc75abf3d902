"""Pictures of the page delivery: every gate on one scale, how often an equal model passes, the arena."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from mlops_core.gates import KINDS, Decision, Verdict
from pages.kit import charts
from pages.kit.charts import Look
from tutor.simulation.arena import Commit

ROW = 46  # pixels a gate


def _shade(outcome: str, look: Look) -> str:
    return {"pass": look.good, "fail": look.bad, "inconclusive": look.warn}.get(outcome, look.soft)


def distance(verdict: Verdict) -> tuple[float, float, float] | None:
    """Low end, value and high end as distances to the threshold, each gate on its own scale, better to the right.

    None for a gate without a number (skipped).
    """
    if verdict.value is None or verdict.threshold is None:
        return None
    sign = 1.0 if KINDS[verdict.kind].higher_is_better else -1.0
    ends = [verdict.value if end is None else end for end in (verdict.low, verdict.value, verdict.high)]
    apart = [sign * (end - verdict.threshold) for end in ends]
    scale = max(abs(end) for end in apart)
    low, value, high = (end / scale if scale else 0.0 for end in apart)
    return min(low, high), value, max(low, high)


def gates(decision: Decision, look: Look, *, words: Mapping[str, str], sides: tuple[str, str]) -> go.Figure:
    """One line a gate: its interval against its threshold, which is 0 for all; right of it the gate passes.

    Args:
        words: gate -> what to write above its line, for instance its value and its threshold.
        sides: words for left (worse) and right (better).
    """
    shown = decision.verdicts[::-1]
    figure = charts.empty(look, height=ROW * len(shown) + 60)
    for at, verdict in enumerate(shown):
        ends, shade = distance(verdict), _shade(verdict.outcome, look)
        if ends is not None:
            low, value, high = ends
            figure.add_scatter(
                x=[low, high], y=[at, at], mode="lines", line={"color": shade, "width": 5}, hoverinfo="skip"
            )
            figure.add_scatter(
                x=[value], y=[at], mode="markers",
                marker={"size": 12, "color": look.paper, "line": {"color": shade, "width": 3}}, hoverinfo="skip",
            )  # fmt: skip
        figure.add_annotation(
            x=-1.1, y=at, yshift=14, text=charts.literal(words.get(verdict.gate, "")), showarrow=False, xanchor="left",
            font={"size": 12, "color": look.soft},
        )  # fmt: skip
    figure.add_vline(x=0, line={"color": look.ink, "width": 1.5})
    for x, anchor, text in ((-0.02, "right", f"← {sides[0]}"), (0.02, "left", f"{sides[1]} →")):
        figure.add_annotation(
            x=x, y=len(shown) - 0.4, yanchor="bottom", xanchor=anchor, text=charts.literal(text), showarrow=False,
            font={"size": 12, "color": look.soft},
        )  # fmt: skip
    figure.update_xaxes(visible=False, range=[-1.12, 1.12], fixedrange=True)
    figure.update_yaxes(visible=False, range=[-0.6, len(shown) + 0.1], fixedrange=True)
    figure.update_layout(showlegend=False)
    return figure


def shares(names: Sequence[str], values: Sequence[float], look: Look, *, value: str, promised: float) -> go.Figure:
    """Share of equally good models that each rule promotes, and the share that superiority promises at most."""
    figure = charts.bars(names, values, look, value=value, form=".0%", height=300)
    figure.update_traces(marker={"color": [look.bad, look.good]}, width=0.5)
    figure.update_yaxes(tickformat=".0%", range=[0, max(0.6, *values) * 1.15])
    figure.add_hline(y=promised, line={"width": 1, "dash": "dash", "color": look.soft})
    return figure


def arena(
    commits: Sequence[Commit], passed: Sequence[bool], look: Look, *, names: Sequence[str], truth: Sequence[str], value: str,
    words: tuple[str, str],
) -> go.Figure:  # fmt: skip
    """One bar a commit: what it truly costs above the champion once live; solid where it went live, empty where not.

    Args:
        passed: whether the policy let the commit through, one a commit.
        names: words for the commits.
        truth: words for good and bad, one a commit.
        words: "live" and "kept out".
    """
    order = range(len(commits) - 1, -1, -1)
    figure = charts.empty(look, height=34 * len(commits) + 70)
    shades = [look.good if commits[at].truth == "good" else look.bad for at in order]
    labels = [f"{truth[at]} · {words[0] if passed[at] else words[1]} · {commits[at].above:+.3f}" for at in order]
    figure.add_bar(
        y=[charts.literal(names[at]) for at in order],
        x=[commits[at].above for at in order],
        orientation="h",
        marker={
            "color": [
                shade if passed[at] else look.clear(shade, 0.12) for at, shade in zip(order, shades, strict=True)
            ],
            "line": {"color": shades, "width": 1.5},
        },
        hoverinfo="skip",
    )
    for row, at in enumerate(order):
        figure.add_annotation(
            x=max(0.0, commits[at].above), y=row, text=charts.literal(labels[row]), showarrow=False, xanchor="left", xshift=6,
            font={"size": 12, "color": look.ink},
        )  # fmt: skip
    above = [commit.above for commit in commits]
    figure.update_xaxes(title=value, range=[min(0.0, *above) * 1.3, max(0.0, *above) * 1.9], zeroline=True)
    figure.update_yaxes(showgrid=False, ticklabelstandoff=6)
    return figure
