"""Catalogues: parity between languages, no page without words, values shown literally."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

from pages.kit import text
from pages.kit.places import PLACES
from tutor.lesson import all_tasks

ROOT = Path(__file__).resolve().parents[2]
OTHERS = [(language, name) for language in text.languages() if language != "en" for name in text.files(language)]


def placeholders(words: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(words) if name}


def test_english_comes_first_and_there_is_another() -> None:
    assert text.languages()[0] == "en"
    assert len(text.languages()) >= 2


@pytest.mark.parametrize(("language", "name"), OTHERS)
def test_parity(language: str, name: str) -> None:
    english, other = text.files("en")[name], text.files(language)[name]
    assert set(english) == set(other)
    assert {key: placeholders(words) for key, words in english.items()} == {
        key: placeholders(words) for key, words in other.items()
    }


@pytest.mark.parametrize("language", text.languages())
def test_every_language_has_the_frame(language: str) -> None:
    assert "frame" in text.files(language)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_every_page_has_its_head(place) -> None:
    for part in ("title", "question", "lead", "minutes", "nav"):
        assert text.words(f"page.{place.name}.{part}")


def test_every_prediction_has_its_words() -> None:
    for task in all_tasks():
        for prediction in task.predictions:
            assert prediction.page == task.page
            needed = ["question"] + [
                f"{part}.{option.code}" for option in prediction.options for part in ("option", "reveal", "feedback")
            ]
            missing = [part for part in needed if not text.has(f"predict.{prediction.code}.{part}")]
            assert not missing, f"{prediction.code}: {missing}"


def test_every_mission_has_its_words() -> None:
    for task in all_tasks():
        for mission in task.missions:
            assert mission.page == task.page
            needed = ["title", "brief", "solution", *[f"hint.{hint.number}" for hint in mission.hints]]
            missing = [part for part in needed if not text.has(f"mission.{mission.code}.{part}")]
            assert not missing, f"{mission.code}: {missing}"


def test_codes_are_unique() -> None:
    codes = [thing.code for task in all_tasks() for thing in (*task.predictions, *task.missions)]
    assert len(codes) == len(set(codes))


def test_every_key_named_in_the_code_exists() -> None:
    call = re.compile(r"""\b(?:t|plain)\(\s*"([a-z_0-9.]+)\"""")
    named = {
        key
        for path in [*ROOT.glob("pages/*.py"), *ROOT.glob("pages/kit/**/*.py")]
        for key in call.findall(path.read_text())
    }
    assert len(named) > 30
    assert sorted(key for key in named if not text.has(key)) == []


def test_missing_text_and_missing_value_are_errors() -> None:
    with pytest.raises(text.MissingText, match=r"no\.such\.key"):
        text.words("no.such.key")
    with pytest.raises(text.MissingText, match="cannot be filled in"):
        text.words("block.next")


def test_numbers_take_the_format_of_the_catalogue() -> None:
    assert text.words("map.version", name="v5", rows=80789) == "v5 · 80,789 rows"


def test_a_language_falls_back_to_english() -> None:
    assert text.words("predict.desk_all_right.option.no_service", "de") == "No: a service is down"


@pytest.mark.parametrize("rude", ["[x](http://evil)", "**b**", "<b>", ":red[x]", "$x$", "`x`", "{x}", "~~x~~"])
def test_literal_leaves_no_markdown(rude: str) -> None:
    shown = text.literal(rude)
    assert shown.replace("\\", "") == rude
    for mark in "[]*<>`$:{}~":
        assert not re.search(rf"(?<!\\){re.escape(mark)}", shown)
