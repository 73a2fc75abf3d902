"""The desk's story for the pages and for the warm-up: one computation a machine, shared by every learner."""

from __future__ import annotations

from mlops_core.project import Home
from pages.kit.session import keep
from tutor import desk
from tutor.desk import Money, Morning


def morning() -> Morning:
    """What was known on 22 April at six; some seconds the first time on a machine."""
    home = Home.default()
    return keep("desk.morning", _key(home), lambda: desk.morning(home))


def money() -> Money:
    """What the week then cost; some seconds more the first time."""
    home = Home.default()
    return keep("desk.money", _key(home), lambda: desk.money(home))


def _key(home: Home) -> str:
    """What the stories are made from does not change while the server runs."""
    return keep("desk.key", str(home.root), lambda: desk.key(home))
