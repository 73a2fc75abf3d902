"""The frame: seven pages inside it, the map, and errors that become one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from unittest.mock import patch

import pytest

from mlops_core.errors import Busy, Damaged
from mlops_core.workspace import Workspace
from pages.kit import session, stages
from pages.kit.components.loop_map import RING, Stage, loop_map
from pages.kit.places import PLACES
from tests.pages.helpers import open_page
from tutor.lesson import tasks

NAMES = [place.name for place in PLACES]


def maps(at) -> list:
    return [element for element in at.get("bidi_component") if element.key == "loop_map"]


def map_data(at) -> dict:
    found = maps(at)
    assert len(found) == 1
    return json.loads(found[0].proto.json)


@pytest.mark.parametrize("name", NAMES)
def test_every_page_opens_with_one_head(name: str, workspace: Workspace) -> None:
    at = open_page(name, workspace.root)
    assert not at.exception
    assert not at.error
    assert len(at.title) == 1
    assert at.title[0].value == session.text.words(f"page.{name}.question")


@pytest.mark.parametrize("name", [name for name in NAMES if name != "start"])
def test_the_map_marks_the_page(name: str, workspace: Workspace) -> None:
    data = map_data(open_page(name, workspace.root))
    assert data["current"] == name
    assert [stage["page"] for stage in data["stages"]] == list(RING)
    assert all(stage["word"] and stage["title"] for stage in data["stages"])


def test_the_map_unfolds_after_the_first_answer(workspace: Workspace) -> None:
    at = open_page("start", workspace.root)
    assert maps(at) == []
    at.radio[0].set_value(tasks("start").predictions[0].options[0].code)
    at.button(key=f"predict.{tasks('start').predictions[0].code}.sure").click().run()
    assert map_data(at)["current"] == "start"


def test_a_known_error_is_one_sentence_with_its_fix(workspace: Workspace) -> None:
    with patch("pages.kit.session.map_unfolded", side_effect=Busy("raw", code="workspace.busy")):
        at = open_page("start", workspace.root)
    assert not at.exception
    assert [error.value for error in at.error] == [session.text.words("error.workspace.busy")]


def test_an_error_without_words_of_its_own_is_shown_literally(workspace: Workspace) -> None:
    error = Damaged("column [x](y) is gone.", code="no.words", fix="Do this.")
    with patch("pages.kit.session.map_unfolded", side_effect=error):
        at = open_page("start", workspace.root)
    assert at.error[0].value == r"column \[x\](y) is gone. Do this."


def test_a_broken_stage_does_not_take_the_page_down(workspace: Workspace) -> None:
    def broken(_workspace: Workspace) -> stages.Reading:
        raise Damaged("bytes")

    with patch.dict(stages.READERS, {"versions": broken}):
        at = open_page("pipelines", workspace.root)
    assert not at.error
    assert {stage["page"]: stage["state"] for stage in map_data(at)["stages"]}["versions"] == "attention"


def test_visits_are_kept(workspace: Workspace) -> None:
    open_page("versions", workspace.root)
    from tutor.progress import Progress

    assert Progress(workspace.progress_db).visited() == ("start", "versions")


def test_language_by_link(workspace: Workspace) -> None:
    from streamlit.testing.v1 import AppTest

    from tests.pages.helpers import FRAME

    at = AppTest.from_file(str(FRAME), default_timeout=60)
    at.session_state[session.Key.TEST] = str(workspace.root)
    at.query_params["lang"] = "de"
    at.run()
    assert at.title[0].value == "Ist am Schalter alles in Ordnung?"


@pytest.mark.parametrize("asked", ["xx", "../en", "<script>"])
def test_an_unknown_language_is_english(asked: str, workspace: Workspace) -> None:
    from streamlit.testing.v1 import AppTest

    from tests.pages.helpers import FRAME

    at = AppTest.from_file(str(FRAME), default_timeout=60)
    at.session_state[session.Key.TEST] = str(workspace.root)
    at.query_params["lang"] = asked
    at.run()
    assert at.title[0].value == "Is the desk all right?"


def test_the_map_wants_its_six_stages() -> None:
    with pytest.raises(ValueError, match="in this order"):
        loop_map([Stage("start", "Start", "todo", "not yet")], "start")


def test_without_a_cookie_there_is_no_path(workspace: Workspace) -> None:
    """In AppTest the cookie is a mock: it must not become a learner."""
    from streamlit.testing.v1 import AppTest

    from tests.pages.helpers import FRAME

    at = AppTest.from_file(str(FRAME), default_timeout=60).run()
    assert [error.value for error in at.error] == [session.text.words("error.cookie.missing")]


def test_pages_have_their_files() -> None:
    root = Path(__file__).resolve().parents[2]
    assert all((root / "pages" / place.file).is_file() for place in PLACES)
