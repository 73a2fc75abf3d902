"""The lesson's tasks, one file a page: data plus small functions that compute the answer keys.

A page module names its tasks as module attributes; nothing is registered by hand.

>>> [prediction.code for prediction in tasks("start").predictions]
['desk_all_right', 'touched_file', 'drifted_week', 'retrained_week']
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass

from tutor.missions import Mission
from tutor.predictions import Prediction


@dataclass(frozen=True, slots=True)
class Tasks:
    """The predictions and missions of one page, in the order of the file."""

    page: str
    predictions: tuple[Prediction, ...]
    missions: tuple[Mission, ...]


def pages() -> tuple[str, ...]:
    """Pages that have tasks, by name."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def tasks(page: str) -> Tasks:
    """The tasks of a page; none when the page has no file here."""
    if page not in pages():
        return Tasks(page, (), ())
    members = list(vars(importlib.import_module(f"{__name__}.{page}")).values())
    return Tasks(
        page,
        tuple(member for member in members if isinstance(member, Prediction)),
        tuple(member for member in members if isinstance(member, Mission)),
    )


def all_tasks() -> tuple[Tasks, ...]:
    """The tasks of every page."""
    return tuple(tasks(page) for page in pages())
