"""The seven pages: name, file, address. The order is the order of the menu and of "next"."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A page: its name is also the name of its file, its texts and its tasks; `icon` is a Material symbol."""

    name: str
    icon: str

    @property
    def file(self) -> str:
        """File beside the frame, as Streamlit names a page."""
        return f"{self.name}.py"

    @property
    def path(self) -> str:
        """Address of the page, without the slash; "" for the first."""
        return "" if self.name == "start" else self.name


PLACES = (
    Place("start", ":material/flight_takeoff:"),
    Place("pipelines", ":material/account_tree:"),
    Place("experiments", ":material/science:"),
    Place("delivery", ":material/verified:"),
    Place("monitoring", ":material/monitor_heart:"),
    Place("versions", ":material/history:"),
    Place("loop", ":material/cycle:"),
)


def after(name: str) -> Place:
    """The page after `name`; after the last one comes the first stage again.

    >>> after("pipelines").name, after("loop").name
    ('experiments', 'pipelines')
    """
    names = [place.name for place in PLACES]
    at = names.index(name) + 1
    return PLACES[at if at < len(PLACES) else 1]
