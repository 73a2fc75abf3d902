"""What the columns of the flight table mean: kinds, roles, units, the values they may hold, and the desk's costs.

    SCHEMA.features        # 19 columns a model may read
    SCHEMA.day             # "date": the unit of every split and every interval

A range is what is possible (a clock, a register, a thermometer on Earth), not what the year happened to hold.
"""

from __future__ import annotations

from mlops_core.dataset import Column, Costs, Schema
from mlops_core.templates.flights.features import FASTEST_WIND, KEY

COSTS = Costs(false_alarm=1.0, miss=3.0)
LEAK = "dep_delay"  # the tempting column: it does not exist when the desk decides


def _key(name: str, text: str, *, number: bool = False, feature: bool = False) -> Column:
    if number:
        return Column(name, "number", "key", low=1, high=9999, nullable=False, integer=True, text=text)
    return Column(name, "category", "key", nullable=False, feature=feature, text=text)


def _count(name: str, unit: str, low: float, high: float, text: str) -> Column:
    """A whole number the model reads, never missing."""
    return Column(name, "number", "feature", unit, low, high, nullable=False, integer=True, text=text)


def _number(name: str, unit: str, low: float, high: float, text: str) -> Column:
    """A number the model reads, possibly missing."""
    return Column(name, "number", "feature", unit, low, high, text=text)


def _info(name: str, unit: str, low: float, high: float, text: str, *, nullable: bool = True) -> Column:
    """A whole number kept for people; the model never reads it by default."""
    return Column(name, "number", "info", unit, low, high, nullable=nullable, integer=True, text=text)


def _moment(name: str, role: str, text: str) -> Column:
    return Column(name, "time", "time" if role == "time" else "known", "UTC", nullable=False, text=text)


MINUTES = (-24 * 60, 3 * 24 * 60)  # a delay: a day early up to three days late
CLOCK = (0, 2400)  # hhmm; midnight on arrival is 2400

SCHEMA = Schema(
    (
        Column("date", "time", "day", nullable=False, text="Local day of the scheduled departure."),
        _key("carrier", "Airline, two-letter code.", feature=True),
        _key("flight", "Flight number.", number=True),
        _key("origin", "Airport of departure: EWR, JFK or LGA.", feature=True),
        Column("dest", "category", "feature", nullable=False, text="Airport of destination."),
        Column("tailnum", "category", "info", text="The aircraft; missing for some cancelled flights."),
        _moment("sched_utc", "time", "Scheduled departure."),
        _moment("known_utc", "known", "When the outcome is on record (an estimate)."),
        _count("hour", "h", 0, 23, "Scheduled hour of departure, local clock."),
        _info("minute", "min", 0, 59, "Scheduled minute of departure.", nullable=False),
        _count("weekday", "", 0, 6, "Day of the week, 0 is Monday."),
        _count("distance", "mi", 1, 12_500, "Distance to the destination."),
        _count("load", "flights", 1, 200, "Departures scheduled from this airport in this hour."),
        _number("seats", "seats", 1, 900, "Seats of the aircraft; missing when it is not in the register."),
        _number("age", "years", 0, 100, "Age of the aircraft; missing when it is not in the register."),
        _number("temp", "°F", -130, 135, "Temperature two hours before the scheduled hour."),
        _number("dewp", "°F", -130, 95, "Dew point two hours before."),
        _number("humid", "%", 0, 100, "Relative humidity two hours before."),
        _number("wind_dir", "°", 0, 360, "Direction the wind comes from two hours before."),
        _number("wind_speed", "mph", 0, FASTEST_WIND, "Wind speed two hours before."),
        _number("wind_gust", "mph", 0, FASTEST_WIND, "Gust speed two hours before; missing when no gust was reported."),
        _number("precip", "in", 0, 16, "Rain or melted snow in the hour two hours before."),
        _number("pressure", "hPa", 850, 1090, "Air pressure at sea level two hours before."),
        _number("visib", "mi", 0, 10, "Visibility two hours before."),
        _number("recent_delay", "min", *MINUTES, "Mean delay of the flights that left here 4 to 2 hours before."),
        Column("disrupted", "flag", "target", "", 0, 1, False, True, text="Cancelled, diverted or 15 min late."),
        _info("sched_dep_time", "hhmm", *CLOCK, "Scheduled departure, local clock.", nullable=False),
        _info("dep_time", "hhmm", *CLOCK, "Actual departure, local clock; missing when cancelled."),
        _info("dep_delay", "min", *MINUTES, "Departure delay: known only after the decision."),
        _info("sched_arr_time", "hhmm", *CLOCK, "Scheduled arrival, clock of the destination.", nullable=False),
        _info("arr_time", "hhmm", *CLOCK, "Actual arrival, clock of the destination."),
        _info("arr_delay", "min", *MINUTES, "Arrival delay: the outcome; missing when it did not arrive as planned."),
        _info("air_time", "min", 1, 1200, "Minutes in the air."),
    ),
    key=KEY,
)

TEXT = {column.name: column.text for column in SCHEMA.columns}
