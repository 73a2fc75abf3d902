"""Monitoring in AppTest: without a champion, with one, controls that move numbers, evidence for the map."""

from __future__ import annotations

import pandas as pd

from mlops_core.ledger import Ledger
from pages.kit.text import words
from tests.pages.helpers import open_page
from tutor.progress import Progress


def numbers(at) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def commit(at, code: str, option: str) -> None:
    at.radio(key=f"predict.{code}.choice").set_value(option)
    at.button(key=f"predict.{code}.sure").click().run()


def test_without_a_champion_the_lab_works_and_one_click_is_offered(workspace_factory):
    at = open_page("monitoring", workspace_factory().root)
    assert not at.exception
    assert not at.error
    assert words("monitoring.input_psi") in numbers(at)
    assert at.button(key="monitoring.champion.make").label == words("monitoring.make_champion")
    before = numbers(at)[words("monitoring.input_psi")]
    at.slider(key="monitoring.mean").set_value(2.0).run()
    assert not at.exception
    assert float(numbers(at)[words("monitoring.input_psi")]) > 1 > float(before)


def test_quality_waits_for_the_prediction(workspace_factory):
    workspace = workspace_factory()
    at = open_page("monitoring", workspace.root)
    assert words("monitoring.auc_loss") not in numbers(at)
    commit(at, "irrelevant_shift", "falls")
    assert not at.exception
    assert words("monitoring.auc_loss") in numbers(at)
    assert Progress(workspace.progress_db).predictions()[0].option == "falls"


def test_the_mission_is_judged_on_the_live_state(workspace_factory):
    at = open_page("monitoring", workspace_factory().root)
    commit(at, "irrelevant_shift", "same")

    def said() -> list[str]:
        return [text.value for text in at.markdown]

    assert words("mission.not_attempted") in said()
    at.slider(key="monitoring.mean").set_value(0.1).run()
    assert any("has to exceed .25" in text for text in said())
    at.selectbox(key="monitoring.feature").set_value("distance").run()
    at.slider(key="monitoring.mean").set_value(2.0).run()
    assert any("Every dashboard that watches only inputs" in text for text in said())
    at.button(key="monitoring.preset.hidden").click().run()
    assert at.slider(key="monitoring.weight").value == -1.0
    assert at.slider(key="monitoring.mean").value == 0.0
    at.button(key="monitoring.reset").click().run()
    assert at.slider(key="monitoring.weight").value == 1.0
    assert at.selectbox(key="monitoring.feature").value == "temp"


def test_every_column_can_be_moved(workspace_factory):
    at = open_page("monitoring", workspace_factory().root)
    for feature in at.selectbox(key="monitoring.feature").options:
        at.selectbox(key="monitoring.feature").set_value(feature).run()
        at.slider(key="monitoring.missing").set_value(0.5).run()
        assert not at.exception, feature
        assert float(numbers(at)[words("monitoring.input_psi")]) > 0.05, feature


def test_the_board_tells_the_furlough_week(trained_factory):
    workspace = trained_factory()
    at = open_page("monitoring", workspace.root)
    assert not at.exception
    shown = numbers(at)
    assert {words(f"monitoring.layer.{layer}") for layer in ("data", "model", "infrastructure", "business")} <= set(
        shown
    )
    assert any("Monday, 29 April" in text.value for text in at.markdown)
    kinds = [event.kind for event in Ledger(workspace).events()]
    assert kinds.count("watched") == 1
    assert kinds.count("alarm") == 1
    assert kinds.count("alarm_closed") == 0
    commit(at, "furlough_cause", "inputs")
    assert not at.exception
    assert any("air controllers" in text.value for text in at.markdown)
    at.run()
    kinds = [event.kind for event in Ledger(workspace).events()]
    assert kinds.count("watched") == kinds.count("alarm") == kinds.count("alarm_closed") == 1


def test_stepping_and_settlement_delay(trained_factory):
    at = open_page("monitoring", trained_factory().root)
    model = words("monitoring.layer.model")
    then = numbers(at)[model]
    at.button(key="monitoring.forth").click().run()
    assert any("Monday, 6 May" in text.value for text in at.markdown)
    assert numbers(at)[model] != then
    at.button(key="monitoring.back").click().run()
    assert numbers(at)[model] == then
    at.button_group(key="monitoring.delay").set_value(21).run()
    assert not at.exception
    assert numbers(at)[model] == "–"


def test_a_number_moves_when_the_data_change(trained_factory, monkeypatch):
    """The same champion, a year in which nobody was late in the furlough week: the week becomes cheap."""
    from mlops_core.project import Home

    workspace = trained_factory()
    model = words("monitoring.layer.model")
    dear = float(numbers(open_page("monitoring", workspace.root))[model])
    year = Home.year

    def calm(self, course, source=None) -> pd.DataFrame:
        frame = year(self, course, source).copy()
        frame.loc[frame["date"].between("2013-04-22", "2013-04-28"), "disrupted"] = 0
        return frame

    monkeypatch.setattr(Home, "year", calm)
    monkeypatch.setattr("pages.kit.monitoring_lab.data", lambda: "a calm year")
    monkeypatch.setattr("pages.kit.monitoring_board.data", lambda: "a calm year")
    assert float(numbers(open_page("monitoring", workspace.root))[model]) < dear / 1.5
