"""Charts: the house look, labels instead of tags, and no Streamlit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pages.kit import charts

ROOT = Path(__file__).resolve().parents[2]
LIGHT, DARK = charts.Look(), charts.Look(dark=True)


def test_charts_import_no_streamlit() -> None:
    program = "import sys, pages.kit.charts; print('streamlit' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("look", [LIGHT, DARK])
def test_look(look: charts.Look) -> None:
    figure = charts.empty(look)
    layout = figure.layout.template.layout
    assert layout.font.color == look.ink
    assert layout.colorway == look.colours
    assert layout.paper_bgcolor == "rgba(0,0,0,0)"
    assert len(set(look.colours)) == len(look.colours)
    assert charts.CONFIG["displaylogo"] is False


def test_line_labels_the_last_known_point() -> None:
    figure = charts.line([1, 2, 3], {"now": [1.0, 2.0, float("nan")], "<b>x": [3.0, 4.0, 5.0]}, LIGHT, value="cost")
    first, second = figure.layout.annotations
    assert (first.x, first.y, first.text) == (2, 2.0, "now")
    assert second.text == "&lt;b&gt;x"
    assert figure.data[0].line.color == LIGHT.current
    assert figure.layout.yaxis.title.text == "cost"


def test_bars_show_their_numbers() -> None:
    figure = charts.bars(["JFK"], [0.254], LIGHT, form=".1%")
    assert figure.data[0].text == ("25.4%",)


def test_reference_is_filled_and_current_is_outlined() -> None:
    reference, current = charts.compare_steps([0, 1, 2], [0.4, 0.6], [0.7, 0.3], DARK).data
    assert (reference.fill, reference.fillcolor, current.fill) == ("tozeroy", DARK.reference, None)
    assert tuple(reference.y) == (0.4, 0.6, 0.6)
    assert {reference.line.shape, current.line.shape} == {"hv"}


def test_mark_draws_a_line_with_its_word() -> None:
    figure = charts.mark(charts.empty(LIGHT), LIGHT, y=0.25, text="alarm <i>")
    assert figure.layout.shapes[0].y0 == 0.25
    assert figure.layout.annotations[0].text == "alarm &lt;i&gt;"


def test_from_json_keeps_data_drops_images_and_refuses_rubbish() -> None:
    import plotly.graph_objects as go

    figure = go.Figure(go.Bar(y=[1, 3]), layout={"images": [{"source": "https://example.org/x.png"}]})
    read = charts.from_json(figure.to_json(), DARK)
    assert read is not None
    assert tuple(read.data[0].y) == (1, 3)
    assert len(read.layout.images) == 0
    assert charts.from_json("no json", DARK) is None
    assert charts.from_json('{"data": [{"type": "nonsense"}]}', DARK) is None
