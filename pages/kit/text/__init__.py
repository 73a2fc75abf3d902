"""Words of the screen: one folder a language, one TOML file a page; English is the first and whole one.

    words("page.start.title", "en")                  # "Start"
    words("runs.count", "en", runs=3)                # placeholders are Python format fields: "{runs:,} runs"

A language may lack a file (English steps in), but a file it has is complete; tests/pages/test_text.py holds both.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

FIRST = "en"
_FOLDER = Path(__file__).parent
_MARKS = re.compile(r"([\\`*_\[\]<>$~#|:{}])")


class MissingText(KeyError):
    """A key that no catalogue knows: a mistake in a page, never in what the learner did."""


def languages() -> tuple[str, ...]:
    """Languages with a catalogue, English first."""
    found = sorted(path.name for path in _FOLDER.iterdir() if path.is_dir() and any(path.glob("*.toml")))
    return (FIRST, *(name for name in found if name != FIRST))


def flatten(tree: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    """Nested tables as dotted keys.

    >>> flatten({"page": {"start": {"title": "Start"}}})
    {'page.start.title': 'Start'}
    """
    flat: dict[str, str] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = str(value)
    return flat


@functools.cache
def files(language: str) -> Mapping[str, Mapping[str, str]]:
    """The catalogue of a language by file name (without `.toml`)."""
    folder = _FOLDER / language
    read = {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.toml"))}
    return {name: flatten(tomllib.loads(content)) for name, content in read.items()}


@functools.cache
def catalogue(language: str) -> Mapping[str, str]:
    """Every key of a language."""
    return {key: value for file in files(language).values() for key, value in file.items()}


def has(key: str, language: str = FIRST) -> bool:
    """Whether the key can be said in the language, if need be in English."""
    return key in catalogue(language) or key in catalogue(FIRST)


def words(key: str, language: str = FIRST, **values: object) -> str:
    """The text of a key with its values filled in; MissingText for an unknown key or a value that is not given."""
    text = catalogue(language).get(key) or catalogue(FIRST).get(key)
    if text is None:
        raise MissingText(f"no text for {key!r} in the catalogue")
    try:
        return text.format_map(dict(values)) if values or "{" in text else text
    except (KeyError, IndexError, ValueError) as error:
        raise MissingText(f"text {key!r} cannot be filled in: {error!r}") from error


def literal(text: object) -> str:
    r"""Any text so that Markdown shows it as it is.

    >>> print(literal("recent_delay [x](y)"))
    recent\_delay \[x\](y)
    """
    return _MARKS.sub(r"\\\1", str(text)).replace("\n", " ")
