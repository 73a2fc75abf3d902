"""Hints: three steps of growing help before the solution.

A hint has no text of its own here; its words are `mission.<mission>.hint.<number>` in the catalogue.

>>> [hint.key for hint in hints_of("noise_probe")]
['mission.noise_probe.hint.1', 'mission.noise_probe.hint.2', 'mission.noise_probe.hint.3']
"""

from __future__ import annotations

from dataclasses import dataclass

HINTS = 3


@dataclass(frozen=True, slots=True)
class Hint:
    """The `number`-th hint (from 1) of a mission."""

    mission: str
    number: int

    @property
    def key(self) -> str:
        """Its name in the catalogue."""
        return f"mission.{self.mission}.hint.{self.number}"


def hints_of(mission: str, count: int = HINTS) -> tuple[Hint, ...]:
    """All hints of a mission, mildest first."""
    return tuple(Hint(mission, number) for number in range(1, count + 1))
