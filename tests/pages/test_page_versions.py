"""The page versions on a real workspace: it opens, its controls work, its numbers follow the data."""

from __future__ import annotations

from typing import Any

from mlops_core import versions
from mlops_core.workspace import Workspace
from tests.pages.helpers import open_page


def numbers(at: Any) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def committed(at: Any) -> Any:
    at.radio(key="predict.shuffle_rows.choice").set_value("bytes")
    return at.button(key="predict.shuffle_rows.sure").click().run()


def test_a_first_visitor_sees_the_history(workspace: Workspace) -> None:
    at = open_page("versions", workspace.root)
    assert not at.exception
    assert not at.error
    assert numbers(at)["Data"] == "v5"
    assert numbers(at)["Model"] == "none"
    assert numbers(at)["Code"] == workspace.git("rev-parse", "HEAD").strip()[:8]
    assert numbers(at)["Rows changed"] == f"{versions.current(workspace).rows:,}"
    assert at.selectbox(key="versions.choice").options == ["v6", "v5", "v4", "v3", "v2", "v1"]


def test_checking_out_is_real(workspace: Workspace) -> None:
    at = open_page("versions", workspace.root)
    at.selectbox(key="versions.choice").set_value("v3")
    at.button(key="versions.checkout").click().run()
    assert numbers(at)["Data"] == "v3"
    assert versions.current(workspace).name == "v3"
    assert any("ingest" in markdown.value and "**v3**" in markdown.value for markdown in at.markdown)
    assert any("breaks promises" in markdown.value for markdown in at.markdown)  # nothing is built on v3


def test_a_version_of_ones_own_moves_the_numbers(workspace: Workspace) -> None:
    at = open_page("versions", workspace.root)
    before = versions.current(workspace)
    at.text_input(key="versions.name").set_value("mine")
    at.button(key="versions.commit").click().run()
    assert not at.exception
    made = versions.current(workspace)
    assert (made.name, made.parents) == ("mine", (before.id,))
    assert numbers(at)["Rows added"] == f"{made.rows - before.rows:,}"
    assert numbers(at)["Data"] == "mine"


def test_a_bad_name_is_one_sentence(workspace: Workspace) -> None:
    at = open_page("versions", workspace.root)
    for name in ("../etc", "v3", ""):
        at.text_input(key="versions.name").set_value(name)
        at.button(key="versions.commit").click().run()
        assert len(at.error) == 1, name
        assert not at.exception
    assert len(versions.log(workspace)) == 6


def test_the_mission_from_the_page(workspace: Workspace) -> None:
    at = committed(open_page("versions", workspace.root))
    at.number_input(key="versions.hours").set_value(-5)
    at.number_input(key="versions.factor").set_value(1.151)
    at.button(key="versions.judge").click().run()
    assert any("direction is not" in markdown.value for markdown in at.markdown)
    at.number_input(key="versions.hours").set_value(5)
    at.button(key="versions.judge").click().run()
    assert not at.exception
    from tutor.lesson.versions import READ_DIFF
    from tutor.progress import Progress

    assert Progress(workspace.progress_db).mission(READ_DIFF).badge


def test_the_mission_waits_for_the_prediction(workspace: Workspace) -> None:
    at = open_page("versions", workspace.root)
    assert not [field for field in at.number_input if field.key == "versions.hours"]
