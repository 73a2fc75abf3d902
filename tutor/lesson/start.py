"""Start: is the desk all right? A green dashboard and a desk that loses money at once.

The context brings numbers that were computed elsewhere; the answer follows from them.
"""

from __future__ import annotations

from dataclasses import dataclass

from tutor.predictions import Answer, Prediction, options


@dataclass(frozen=True, slots=True)
class DeskNumbers:
    """One week of the desk: services that are up (share), cost per flight then and now in units of a false alarm."""

    services_up: float
    cost_then: float
    cost_now: float
    cost_idle: float

    @property
    def lost(self) -> float:
        """Cost per flight now minus cost per flight at the start; positive is worse."""
        return self.cost_now - self.cost_then


def desk_answer(numbers: DeskNumbers) -> Answer:
    """`yes` while a flight costs no more than at the start, `no_service` when a service is down, else `no_model`."""
    values = {
        "services_up": numbers.services_up,
        "cost_then": numbers.cost_then,
        "cost_now": numbers.cost_now,
        "cost_idle": numbers.cost_idle,
        "lost": numbers.lost,
    }
    if numbers.services_up < 1.0:
        return Answer("no_service", values)
    return Answer("no_model" if numbers.lost > 0 else "yes", values)


DESK_ALL_RIGHT = Prediction(
    "desk_all_right", "start", belief=1, options=options("yes", "no_service", "no_model"), answer=desk_answer
)
