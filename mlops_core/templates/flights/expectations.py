"""What the flight table promises beyond its schema: known airports, weather every day, gusts that are gusts.

    validate(frame, SCHEMA, RULES).failed

A rule that blocks stops the pipeline; one that warns is shown and lets it go on. The thresholds come from how the data
is made (a station, an airliner), not from how the year happened to look.
"""

from __future__ import annotations

from mlops_core.expectations import Rule
from mlops_core.templates.flights.features import FASTEST_WIND

AIRPORTS = ("EWR", "JFK", "LGA")
LEAST_GUST = 16.0  # mph; an ASOS station reports no gust below 14 knots
LEAST_SEATS = (
    20.0  # an airliner in scheduled service has more; below, the register met a private plane of the same name
)

RULES: tuple[Rule, ...] = (
    Rule("origin.known", "origin", "allowed", allowed=AIRPORTS),
    Rule("weather.daily", "temp", "coverage", by="date", at_least=0.5),
    Rule("weather.fresh", "temp", "freshness", by="sched_utc", days=1, severity="warn"),
    Rule("gust.reported", "wind_gust", "range", low=LEAST_GUST, high=FASTEST_WIND, unit="mph"),
    Rule("seats.daily", "seats", "coverage", by="date", at_least=0.5, severity="warn"),
    Rule("seats.airliner", "seats", "range", low=LEAST_SEATS, high=900, unit="seats", severity="warn"),
)
