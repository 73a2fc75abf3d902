"""The desk on the morning of 22 April 2013 and the week after it: what the board showed, what the flights then cost.

The desk's model is the course's own: the data, parameters and seed every new workspace starts with, so the numbers are
those that the learner's own pipeline gives. They are computed once a machine and kept in its home.

    morning(home, params).services            # all that was watched at six o'clock, no outcome among it
    money(home, params).week.cost             # what a flight of that week cost, once the outcomes were there
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlops_core.dataset import Schema
from mlops_core.digest import digest_source, digest_value
from mlops_core.drift import Reference, report
from mlops_core.monitor import Baseline, MonitorPolicy, windows
from mlops_core.params import overlay, read_params
from mlops_core.performance import estimate
from mlops_core.project import Home, Template, template
from mlops_core.release import latency
from mlops_core.stats.paired import paired_by_day
from mlops_core.training import ModelSpec, evaluate, fit, out_of_fold, predict, row_cost, spec_of
from mlops_core.workspace import write_atomic

MORNING = "2013-04-22"
LOOKS_BACK = "2013-03-25"  # four full weeks before the morning
LOOKS_AHEAD = "2013-05-05"  # the week of the question and the one after it
RETRAINED_DAYS = 28
FOLDS = 5

T = TypeVar("T", "Morning", "Money")
Params = Mapping[str, Any]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Board:
    """One full week on the drift board: how many of the watched columns left their calendar band."""

    start: str
    flights: int
    drifted: int
    columns: int


@dataclass(frozen=True, slots=True)
class Services:
    """Infrastructure in the last week: 95th percentile of the answer time for 100 flights (ms), shares from 0 to 1."""

    answer_ms: float
    scored: float
    weather: float

    @property
    def up(self) -> float:
        """Share of flights that got an answer."""
        return self.scored


@dataclass(frozen=True, slots=True)
class Morning:
    """What was known at six: mean predicted share of disrupted flights by day, the drift board, the services.

    `desks`: every pair of airport and airline of the year, as `EWR-UA`.
    """

    days: tuple[str, ...]
    predicted: tuple[float, ...]
    board: tuple[Board, ...]
    services: Services
    desks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Week:
    """One week in money, per flight and in units of one false alarm; `drifted` of the watched `columns` had moved.

    `estimated` is what the probabilities promised, `cost` what came, `idle` what no offer at all would have cost.
    """

    start: str
    flights: int
    drifted: int
    columns: int
    predicted: float
    disrupted: float
    estimated: float
    cost: float
    idle: float


@dataclass(frozen=True, slots=True)
class Retrained:
    """A model made from one week, on the `days` after it: cost per flight, the old model's, `more` with its interval."""

    days: int
    cost: float
    old: float
    more: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Money:
    """The same days and two weeks more, with their outcomes.

    `normal` to `high`: what one more ordinary week costs (13 weeks of winter).

    `retrained`: the four weeks after, by a model that was trained anew on the week of the question alone.
    """

    days: tuple[str, ...]
    predicted: tuple[float, ...]
    disrupted: tuple[float, ...]
    cost: tuple[float, ...]
    weeks: tuple[Week, ...]
    normal: float
    low: float
    high: float
    units: int
    retrained: Retrained

    def at(self, start: str) -> Week:
        """The week that begins on `start`."""
        return next(week for week in self.weeks if week.start == start)

    @property
    def week(self) -> Week:
        """The week of the question."""
        return self.at(MORNING)

    @property
    def after(self) -> Week:
        """The week after it."""
        return self.weeks[-1]

    @property
    def extra(self) -> float:
        """What the week of the question cost more than an ordinary one, all flights together."""
        return (self.week.cost - self.normal) * self.week.flights


# -- once a machine ------------------------------------------------------------------------------------------------------


def key(home: Home, overrides: Params | None = None) -> str:
    """Names everything that the two stories are computed from: data, code, libraries, parameters."""
    course = template("flights")
    here = digest_source(Path(__file__).read_text(encoding="utf-8"))
    return digest_value([course.digest(course.source()), here, dict(overrides or {}), str(home.root)])


def morning(home: Home, overrides: Params | None = None) -> Morning:
    """The board at six in the morning; `overrides` are laid over the course's parameters."""
    return _kept(home, overrides, "morning", _read_morning, tell_morning)


def money(home: Home, overrides: Params | None = None) -> Money:
    """The week in money; takes six fits more than `morning`."""
    return _kept(home, overrides, "money", _read_money, tell_money)


def _kept(
    home: Home,
    overrides: Params | None,
    name: str,
    read: Callable[[dict[str, Any]], T],
    tell: Callable[[Template, pd.DataFrame, Params], T],
) -> T:
    path = home.cache / f"desk-{name}-{key(home, overrides)[:24]}.json"
    if path.is_file():
        return read(json.loads(path.read_bytes()))
    course = template("flights")
    params = overlay(read_params(course.folder / "params.yaml"), overrides or {})
    story = tell(course, home.year(course), params)
    write_atomic(path, json.dumps(asdict(story)).encode())
    return story


def _read_morning(kept: dict[str, Any]) -> Morning:
    board = tuple(Board(**week) for week in kept["board"])
    return Morning(
        tuple(kept["days"]), tuple(kept["predicted"]), board, Services(**kept["services"]), tuple(kept["desks"])
    )


def _read_money(kept: dict[str, Any]) -> Money:
    lists = {name: tuple(kept[name]) for name in ("days", "predicted", "disrupted", "cost")}
    weeks = tuple(Week(**week) for week in kept["weeks"])
    return Money(**{**kept, **lists, "weeks": weeks, "retrained": Retrained(**kept["retrained"])})


# -- the computation -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Desk:
    """The course's model and what it was made from."""

    course: Template
    schema: Schema
    past: pd.DataFrame
    spec: ModelSpec
    seed: int
    rows: int | None
    model: Any

    @classmethod
    def open(cls, course: Template, year: pd.DataFrame, params: Params) -> _Desk:
        """Train as the pipeline trains: the days before the hold-out, the features of the first parameters."""
        from mlops_core.templates.flights.selection import columns_of

        known = str(year[str(course.schema.known)].max())
        past = course.history(year, course.stream_start, known).drop(columns="recent_delay")
        chosen = set(columns_of(params["features"]["groups"], params["features"]["extra"], past))
        features = [name for name in course.schema.features if name in chosen]
        schema = course.schema.without(name for name in course.schema.features if name not in chosen)
        spec, seed, rows = spec_of(params["model"], features), params["seed"], params["model"]["rows"] or None
        train = past[past["date"] < params["split"]["holdout_from"]]
        return cls(course, schema, past, spec, seed, rows, fit(train, course.schema, spec, seed=seed, rows=rows))

    def fresh_scores(self) -> Floats:
        """Scores of the winter by models that had not seen the week."""
        weeks = np.asarray(self.past["date"].dt.to_period("W-SUN").astype(str), dtype=str)
        schema, seed = self.course.schema, self.seed
        return out_of_fold(self.past, schema, self.spec, groups=weeks, seed=seed, rows=self.rows, folds=FOLDS)


def _days(frame: pd.DataFrame) -> tuple[str, ...]:
    return tuple(f"{day:%Y-%m-%d}" for day in sorted(frame["date"].unique()))


def _by_day(frame: pd.DataFrame, values: Floats) -> tuple[float, ...]:
    means = pd.Series(values).groupby(frame["date"].to_numpy()).mean()
    return tuple(float(value) for value in means)


def _between(year: pd.DataFrame, start: str, end: str) -> pd.DataFrame:
    rows: pd.DataFrame = year[year["date"].between(start, end)].reset_index(drop=True)
    return rows


def tell_morning(course: Template, year: pd.DataFrame, params: Params) -> Morning:
    """Score the weeks before the morning and read the board; outcomes are not looked at."""
    desk = _Desk.open(course, year, params)
    eve = f"{pd.Timestamp(MORNING) - pd.Timedelta(days=1):%Y-%m-%d}"
    rows = _between(year, LOOKS_BACK, eve)
    scores = predict(desk.model, rows)
    normal = Reference.of(desk.past, desk.schema, calendar="W")
    board = tuple(
        Board(f"{span.start:%Y-%m-%d}", len(span.positions), *_drift(normal, rows.iloc[span.positions]))
        for span in windows(rows, course.schema, LOOKS_BACK, eve)
    )
    last = rows[rows["date"] >= pd.Timestamp(MORNING) - pd.Timedelta(days=7)]
    services = Services(
        answer_ms=float(np.quantile(latency(desk.model, last), 0.95)),
        scored=float(np.isfinite(predict(desk.model, last)).mean()),
        weather=float(last["temp"].notna().mean()),
    )
    pairs = year[["origin", "carrier"]].drop_duplicates()
    desks = tuple(sorted(f"{pair.origin}-{pair.carrier}" for pair in pairs.itertuples()))
    return Morning(_days(rows), _by_day(rows, scores), board, services, desks)


def tell_money(course: Template, year: pd.DataFrame, params: Params) -> Money:
    """Lay the outcomes beside the scores: by day, by week, against what an ordinary week costs."""
    desk = _Desk.open(course, year, params)
    baseline = Baseline.of(desk.past, desk.schema, None, costs=course.costs, scores=desk.fresh_scores())
    rows = _between(year, LOOKS_BACK, LOOKS_AHEAD)
    scores, truth = predict(desk.model, rows), rows[str(course.schema.target)].to_numpy(dtype=np.float64)
    weeks = []
    for span in windows(rows, course.schema, LOOKS_BACK, LOOKS_AHEAD):
        at, drift = span.positions, _drift(baseline.inputs, rows.iloc[span.positions])
        weeks.append(_week(f"{span.start:%Y-%m-%d}", drift, truth[at], scores[at], course))
    return Money(
        days=_days(rows),
        predicted=_by_day(rows, scores),
        disrupted=_by_day(rows, truth),
        cost=_by_day(rows, row_cost(truth, scores, course.costs)),
        weeks=tuple(weeks),
        normal=baseline.cost.mean,
        low=baseline.cost.low,
        high=baseline.cost.high,
        units=baseline.cost.units,
        retrained=_retrained(desk, year),
    )


def _drift(normal: Reference, week: pd.DataFrame) -> tuple[int, int]:
    """Columns that left their calendar band, and how many are watched."""
    policy = MonitorPolicy()
    seen = report(normal, week, detectors=policy.detectors, band=policy.band, alpha=policy.alpha)
    return len(seen.drifted), len(seen.names)


def _week(start: str, drift: tuple[int, int], truth: Floats, scores: Floats, course: Template) -> Week:
    came = evaluate(truth, scores, course.costs)
    promised = estimate(scores, None, course.costs).cost_per_row
    idle = course.costs.miss * came.rate
    return Week(start, came.n, *drift, came.mean_score, came.rate, promised, came.cost_per_row, idle)


def _retrained(desk: _Desk, year: pd.DataFrame) -> Retrained:
    """The weeks after, by a model that was trained on the week of the question and nothing else, against the old one."""
    monday = pd.Timestamp(MORNING) + pd.Timedelta(days=7)
    last = monday + pd.Timedelta(days=RETRAINED_DAYS - 1)
    week = _between(year, MORNING, f"{monday - pd.Timedelta(days=1):%Y-%m-%d}")
    after = _between(year, f"{monday:%Y-%m-%d}", f"{last:%Y-%m-%d}")
    model = fit(week, desk.course.schema, desk.spec, seed=desk.seed, rows=desk.rows)
    truth = after[str(desk.course.schema.target)].to_numpy(dtype=np.float64)
    new, old = (row_cost(truth, predict(one, after), desk.course.costs) for one in (model, desk.model))
    more = paired_by_day(new, old, after["date"].to_numpy())
    return Retrained(more.days, float(new.mean()), float(old.mean()), more.mean, more.low, more.high)
