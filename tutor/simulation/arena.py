"""The gate arena: ten commits with a hidden truth, every score really computed on the flights of March.

Each commit is a model (or a change around one) held against the same champion. `truth` is what is known about it because we
made it. Faults are injected and named. Models of one size (as many trees, as many leaves) share one measured latency.

    arena = build(year, schema, costs)
    score(arena, policy).passed_bad           # what a policy let through that it should not have
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlops_core.dataset import Costs, Schema
from mlops_core.gates import Decision, Evidence, Policy, decide
from mlops_core.release import latency
from mlops_core.training import ModelSpec, fit, predict, row_cost

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Truth = Literal["good", "bad"]

TRAINED_UNTIL, JUDGED_UNTIL = "2013-03-01", "2013-04-01"
BASE = {"max_iter": 60, "learning_rate": 0.1, "max_leaf_nodes": 15, "min_samples_leaf": 80}
LIGHT = {**BASE, "max_iter": 30, "learning_rate": 0.2}
ROWS, SEED, TWIN = 12_000, 13, 14
LOOKUP_MS = 250.0  # a call to another service inside every answer
PUSH = 0.5  # on the log-odds
CLOCK, DESK = 5, "LGA"  # one airport's clock is wrong by five hours
TRIES, TRY_ROWS, TRY_DAYS = 8, 3000, 3
LEAK, RECENT = "dep_delay", "recent_delay"
CODES = ("refactor", "retrained", "more_rows", "recent", "lighter", "leak", "lookup", "clock", "pushed", "lucky")


@dataclass(frozen=True, slots=True, eq=False)
class Commit:
    """One commit: its code (the words are in the catalogue), the truth, the evidence its author shows, and the true cost
    per flight above the champion's on all flights of the month, had it gone live as it is."""

    code: str
    truth: Truth
    evidence: Evidence
    above: float


@dataclass(frozen=True, slots=True, eq=False)
class Arena:
    """All commits, and two models that are equally good: the champion and its twin with another seed."""

    commits: tuple[Commit, ...]
    twins: Evidence

    def commit(self, code: str) -> Commit:
        """The commit called `code`."""
        return next(commit for commit in self.commits if commit.code == code)


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """What a policy did to the commits."""

    decisions: dict[str, Decision]
    passed_bad: tuple[str, ...]
    blocked_good: tuple[str, ...]
    passed: int


def score(arena: Arena, policy: Policy) -> Score:
    """Put every commit through the gates of `policy`."""
    decisions = {commit.code: decide(commit.evidence, policy) for commit in arena.commits}
    passed = {code for code, decision in decisions.items() if decision.passed}
    bad = tuple(commit.code for commit in arena.commits if commit.truth == "bad" and commit.code in passed)
    good = tuple(commit.code for commit in arena.commits if commit.truth == "good" and commit.code not in passed)
    return Score(decisions, bad, good, len(passed))


def build(
    year: pd.DataFrame, schema: Schema, costs: Costs, *, on_commit: Callable[[str], object] = lambda _code: None
) -> Arena:
    """Fit the models, inject the faults, measure the calls. Some seconds; `on_commit` hears of each commit."""
    work = _Workshop.of(year, schema, costs)
    done: list[Commit] = []

    def add(code: str, truth: Truth, evidence: Evidence, live: Floats | None = None) -> None:
        done.append(Commit(code, truth, evidence, work.above(evidence.challenger if live is None else live)))
        on_commit(code)

    same, more = work.evidence(work.model), work.fit(rows=None)
    add("refactor", "good", same)
    add("retrained", "good", work.evidence(work.fit()))
    add("more_rows", "good", work.evidence(more))
    add("recent", "good", work.evidence(work.fit(extra=(RECENT,))))
    light = work.fit(LIGHT)
    add("lighter", "good", replace(work.evidence(light), latency_ms=latency(light, work.judged)))
    leak = work.fit(extra=(LEAK,))
    add("leak", "bad", work.evidence(leak), predict(leak, work.judged.assign(**{LEAK: np.nan})))
    add("lookup", "bad", replace(same, latency_ms=work.calls_ms + LOOKUP_MS))
    add("clock", "bad", replace(done[2].evidence, challenger=predict(more, work.wrong_clock())))
    odds = np.log(work.champion / (1 - work.champion)) + PUSH
    add("pushed", "bad", replace(same, challenger=1 / (1 + np.exp(-odds))))
    lucky = work.luckiest()
    add("lucky", "bad", work.evidence(lucky, work.first_days()), predict(lucky, work.judged))
    return Arena(tuple(done), work.evidence(work.fit(seed=TWIN)))


@dataclass(frozen=True, slots=True, eq=False)
class _Workshop:
    """The rows, the champion and the tools to make commits from them."""

    train: pd.DataFrame
    judged: pd.DataFrame
    schema: Schema
    costs: Costs
    features: tuple[str, ...]
    model: Pipeline
    champion: Floats
    calls_ms: Floats

    @classmethod
    def of(cls, year: pd.DataFrame, schema: Schema, costs: Costs) -> _Workshop:
        day, known = year[str(schema.day)], year[str(schema.target)].notna()
        train = year[known & (day < TRAINED_UNTIL)]
        judged = year[known & (day >= TRAINED_UNTIL) & (day < JUDGED_UNTIL)]
        features = tuple(name for name in schema.features if name != RECENT)
        model = fit(train, schema, ModelSpec("boosting", BASE, features), seed=SEED, rows=ROWS)
        return cls(train, judged, schema, costs, features, model, predict(model, judged), latency(model, judged))

    def fit(
        self,
        params: dict[str, float] | None = None,
        *,
        rows: int | None = ROWS,
        extra: tuple[str, ...] = (),
        seed: int = SEED,
    ) -> Pipeline:
        spec = ModelSpec("boosting", params or BASE, self.features + extra)
        return fit(self.train, self.schema, spec, seed=seed, rows=rows)

    def evidence(self, model: Pipeline, inside: Flags | None = None) -> Evidence:
        """What a commit's author shows: scores beside the champion's, on all flights or on those `inside`."""
        frame = self.judged if inside is None else self.judged[inside]
        return Evidence(
            schema=self.schema,
            frame=frame,
            challenger=predict(model, frame),
            champion=self.champion if inside is None else self.champion[inside],
            latency_ms=self.calls_ms,
            costs=self.costs,
            features=tuple(str(name) for name in model.feature_names_in_),
        )

    def cost(self, scores: Floats, inside: Flags | slice = slice(None)) -> float:
        y = self.judged[str(self.schema.target)].to_numpy(dtype="float64")[inside]
        return float(row_cost(y, scores[inside], self.costs).mean())

    def above(self, scores: Floats) -> float:
        """Cost per flight above the champion's, on all flights of the month."""
        return self.cost(scores) - self.cost(self.champion)

    def wrong_clock(self) -> pd.DataFrame:
        """The month with one airport's hours shifted."""
        here = self.judged["origin"].astype(str) == DESK
        return self.judged.assign(hour=self.judged["hour"].where(~here, (self.judged["hour"] + CLOCK) % 24))

    def first_days(self) -> Flags:
        day = self.judged[str(self.schema.day)]
        return np.asarray(day < day.min() + pd.Timedelta(days=TRY_DAYS))

    def luckiest(self) -> Pipeline:
        """The best of some seeds of a model with few rows, as seen on the first days."""
        first = self.first_days()
        tries = [self.fit(rows=TRY_ROWS, seed=seed) for seed in range(TRIES)]
        frame = self.judged[first]
        y = frame[str(self.schema.target)].to_numpy(dtype="float64")
        return min(tries, key=lambda model: float(row_cost(y, predict(model, frame), self.costs).mean()))
