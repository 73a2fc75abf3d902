"""Blocks: predict before seeing, missions, cells, figures with their table twin."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from mlops_core.workspace import Workspace
from pages.kit.text import words
from tests.pages.helpers import script
from tutor.predictions import Answer, Prediction, options
from tutor.progress import Progress

CHOICE = "predict.test_ask.choice"
ASK = Prediction(
    "test_ask",
    "start",
    1,
    options("rise", "fall"),
    answer=lambda now: Answer("rise" if now > 0.5 else "fall", {"now": now}),
)

ASKING = """
import streamlit as st
from pages.kit import blocks
from tests.pages.test_blocks import ASK

def now():
    st.session_state["computed"] = st.session_state.get("computed", 0) + 1
    return st.session_state.get("now", 0.7)

st.session_state["revealed"] = blocks.predict(ASK, now)
"""
ASK_WORDS = {
    "question": "Does it rise?",
    "option.rise": "It rises.",
    "option.fall": "It falls.",
    "reveal.rise": "It rose to {now:.3f}.",
    "reveal.fall": "It fell to {now:.3f}.",
    "feedback.rise": "You expected a rise.",
    "feedback.fall": "You expected a fall.",
}


def said(at: AppTest) -> str:
    return "\n".join(element.value for element in at.markdown)


def test_nothing_is_computed_or_shown_before_the_commitment(bare: Workspace) -> None:
    at = script(ASKING, bare.root)
    assert at.session_state["revealed"] is False
    assert "computed" not in at.session_state
    assert "0.700" not in said(at)
    assert at.radio(key=CHOICE).value is None


def test_committing_nothing_is_refused(bare: Workspace) -> None:
    at = script(ASKING, bare.root)
    at.button(key="predict.test_ask.sure").click().run()
    assert at.session_state["revealed"] is False
    assert words("predict.pick") in said(at)


@pytest.mark.parametrize(("option", "button", "sure"), [("fall", "sure", True), ("rise", "guess", False)])
def test_the_answer_to_the_chosen_option_is_shown_and_kept(
    bare: Workspace, option: str, button: str, sure: bool
) -> None:
    at = script(ASKING, bare.root)
    at.radio(key=CHOICE).set_value(option)
    at.button(key=f"predict.test_ask.{button}").click().run()
    assert not at.exception
    assert at.session_state["revealed"] is True
    assert "0.700" in said(at)
    assert ASK_WORDS[f"feedback.{option}"] in said(at)
    assert words("predict.correct" if option == "rise" else "predict.incorrect") in said(at)
    kept = Progress(bare.progress_db).prediction(ASK)
    assert kept is not None
    assert (kept.option, kept.sure, kept.answer) == (option, sure, "rise")


def test_the_answer_survives_a_reload_and_cannot_be_changed(bare: Workspace) -> None:
    at = script(ASKING, bare.root)
    at.radio(key=CHOICE).set_value("fall")
    at.button(key="predict.test_ask.sure").click().run()
    again = script(ASKING, bare.root)
    assert again.session_state["revealed"] is True
    assert len(again.radio) == 0


def test_the_shown_number_follows_the_data(bare: Workspace) -> None:
    at = script(ASKING, bare.root)
    at.radio(key=CHOICE).set_value("fall")
    at.button(key="predict.test_ask.sure").click().run()
    at.session_state["now"] = 0.4
    at.run()
    assert "0.400" in said(at)
    assert words("predict.correct") in said(at)


MISSION = """
import streamlit as st
from pages.kit import blocks, text
from tutor.missions import Mission, right, wrong

def judge(state):
    if state == "crash":
        raise ValueError("no rows in week 3")
    return right() if state == "good" else wrong("far", gap=0.25)

task = Mission("test_task", "start", judge)
st.session_state["outcome"] = blocks.mission(task, st.session_state.get("state"))
"""
WORDS = {
    "title": "Find it",
    "brief": "Bring it about.",
    "far": "Off by {gap:.2f}.",
    "solution": "Do the thing.",
    "hint.1": "First.",
    "hint.2": "Second.",
    "hint.3": "Third.",
}


@pytest.fixture(autouse=True)
def own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Words of the question and the mission that only this file knows."""
    from pages.kit import text

    known = dict(text.catalogue("en"))
    known |= {f"predict.test_ask.{name}": value for name, value in ASK_WORDS.items()}
    known |= {f"mission.test_task.{name}": value for name, value in WORDS.items()}
    monkeypatch.setattr(text, "catalogue", lambda _language: known)


@pytest.mark.parametrize(
    ("state", "kind", "shown"),
    [
        (None, "not_attempted", words("mission.not_attempted")),
        ("bad", "wrong", "Off by 0.25."),
        ("crash", "crashed", "no rows in week 3"),
        ("good", "right", words("mission.right")),
    ],
)
def test_four_outcomes(bare: Workspace, state: str | None, kind: str, shown: str) -> None:
    at = AppTest.from_string(MISSION, default_timeout=60)
    at.session_state["_test_workspace"] = str(bare.root)
    if state:
        at.session_state["state"] = state
    at.run()
    assert not at.exception
    assert at.session_state["outcome"].kind == kind
    assert shown in said(at)


def test_hints_then_solution_then_no_badge(bare: Workspace) -> None:
    at = script(MISSION, bare.root)
    for number in (1, 2, 3):
        assert not any(button.key == "mission.test_task.solution" for button in at.button)
        at.button(key="mission.test_task.hint").click().run()
        assert len(at.info) == number
    at.button(key="mission.test_task.solution").click().run()
    assert "Do the thing." in said(at)
    at.session_state["state"] = "good"
    at.run()
    assert words("mission.solved") in said(at)
    assert words("mission.badge") not in said(at)


CELL = """
from pages.kit import blocks

blocks.code_cell("pipelines", "6 * 7")
"""


def test_the_cell_asks_once_then_runs(bare: Workspace) -> None:
    at = script(CELL, bare.root)
    assert len(at.text_area) == 0
    at.button(key="pipelines.cell.allow").click().run()
    at.text_area(key="pipelines.cell.source").set_value("print('hi')\n6 * 8").run()
    at.button(key="pipelines.cell.run").click().run()
    assert not at.exception
    assert {"hi", "48"} <= {code.value for code in at.code}
    at.button(key="pipelines.cell.reset").click().run()
    assert at.text_area(key="pipelines.cell.source").value == "6 * 7"
    assert len(at.code) == 0
    again = script(CELL, bare.root)
    assert len(again.text_area) == 1


def test_the_cell_says_why_it_is_off(bare: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_CELLS", "off")
    at = script(CELL, bare.root)
    assert not any(button.key.startswith("pipelines.cell") for button in at.button)
    assert words("cell.off_env") in said(at)


SIGHTS = """
import pandas as pd
import streamlit as st
from mlops_core.errors import BadData
from pages.kit import blocks, charts, places

look = charts.Look(dark=True)
blocks.figure(charts.bars(["a", "b"], [1, 2], look), alt="b is twice a", table=pd.DataFrame({"x": [1, 2]}), key="bars",
              provenance="real", caption="Twice")
blocks.verdict("fail")
st.markdown(blocks.badge("pass"))
blocks.metrics([blocks.Metric("AUC", ".69", "better than a coin"), blocks.Metric("Cost", ".59", course=(1.0, 2.0))])
blocks.code_that_ran(places.after)

def make():
    if not st.session_state.get("fixed"):
        raise BadData("the file is empty.", fix="Send another.")
    st.session_state["made"] = True

if not st.session_state.get("made"):
    blocks.empty_state("Nothing yet.", "Make it", make, key="first")
"""


def test_sights(bare: Workspace) -> None:
    at = script(SIGHTS, bare.root)
    assert not at.exception
    chart = at.get("plotly_chart")[0]
    assert chart.proto.alt == "b is twice a"
    assert list(at.dataframe[0].value["x"]) == [1, 2]
    assert at.metric[0].value == ".69"
    assert any("def after" in code.value for code in at.code)


def test_empty_state_makes_what_is_missing_or_says_why_not(bare: Workspace) -> None:
    at = script(SIGHTS, bare.root)
    at.button(key="first.make").click().run()
    assert [error.value for error in at.error] == ["the file is empty. Send another."]
    at.session_state["fixed"] = True
    at.button(key="first.make").click().run()
    assert not at.error
    assert at.session_state["made"] is True
    assert not any(button.key == "first.make" for button in at.button)


KEEP = """
import streamlit as st
from pages.kit import session
calls = st.session_state.setdefault("calls", [])
st.session_state["value"] = session.keep("thing", st.session_state["digest"], lambda: calls.append(1) or len(calls))
session.lab("start")["n"] = session.lab("start").get("n", 0) + 1
"""


def test_keep_computes_once_a_key(bare: Workspace) -> None:
    at = AppTest.from_string(KEEP, default_timeout=60)
    at.session_state["_test_workspace"] = str(bare.root)
    at.session_state["digest"] = f"{bare.root}:a"
    at.run().run()
    assert at.session_state["calls"] == [1]
    at.session_state["digest"] = f"{bare.root}:b"
    at.run()
    assert at.session_state["calls"] == [1, 1]
    assert at.session_state["lab.start"] == {"n": 3}
