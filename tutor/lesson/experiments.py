"""Experiments: a lucky run is not a better model.

The prediction really fits many runs that differ in their seed only and judges them on a few flights and on all others. The
mission holds the learner's word on pairs of logged trials against the interval by day.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlops_core.dataset import Costs, Schema
from mlops_core.ledger import Ledger
from mlops_core.stats.paired import PairedDifference
from mlops_core.training import ModelSpec, fit, predict, row_cost
from mlops_core.workspace import Workspace
from tutor.missions import Mission, Outcome, right, wrong
from tutor.predictions import Answer, Prediction, options

Floats = npt.NDArray[np.float64]
Word = Literal["a", "b", "neither"]
WORDS: tuple[Word, ...] = ("a", "b", "neither")

SEEDS, FEW, DRAWS = 50, 300, 400
QUICK = {"max_iter": 20, "learning_rate": 0.2, "max_leaf_nodes": 6, "min_samples_leaf": 20}
QUICK_ROWS = 1000


# --- prediction: fifty seeds ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Lottery:
    """Runs that differ in their seed only: cost per flight of each on `flights` drawn flights, and on all others.

    `few` and `rest` hold one number a run, for one draw. `lead_few` and `lead_rest`: by how much the run that wins on the
    few is below the average run, there and on the others, on average over `draws` draws of the few.
    """

    flights: int
    others: int
    few: Floats
    rest: Floats
    lead_few: float
    lead_rest: float
    draws: int

    @property
    def winner(self) -> int:
        """The run with the lowest cost on the few."""
        return int(self.few.argmin())

    @property
    def kept(self) -> float:
        """Share of the lead that is left on the other flights."""
        return self.lead_rest / self.lead_few if self.lead_few else 0.0

    @property
    def place(self) -> int:
        """Place of the winner among all runs on the other flights (1 is the cheapest)."""
        return int((self.rest < self.rest[self.winner]).sum()) + 1

    def frame(self) -> pd.DataFrame:
        """One row a run, cheapest on the few first."""
        both = pd.DataFrame({"run": range(1, len(self.few) + 1), "few": self.few, "others": self.rest})
        return both.sort_values("few", ignore_index=True)


def lottery(
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    schema: Schema,
    costs: Costs,
    *,
    seeds: int = SEEDS,
    few: int = FEW,
    on_run: Callable[[int], object] | None = None,
) -> Lottery:
    """Fit `seeds` small models, each on 1,000 rows of its own, and judge them on few flights and on the others."""
    known = holdout[holdout[str(schema.target)].notna()]
    numbers = tuple(name for name in schema.numeric if name in train.columns)
    y, spec = known[str(schema.target)].to_numpy(dtype="float64"), ModelSpec("boosting", QUICK, numbers)
    cost = np.empty((seeds, len(known)))
    for seed in range(seeds):
        model = fit(train, schema, spec, seed=seed, rows=QUICK_ROWS)
        cost[seed] = row_cost(y, predict(model, known), costs)
        if on_run is not None:
            on_run(seed + 1)
    return draw(cost, few, np.random.default_rng(1))


def draw(cost: Floats, few: int, rng: np.random.Generator, draws: int = DRAWS) -> Lottery:
    """Choose `few` columns of `cost` (runs × flights) `draws` times and follow the winner of each draw to the others."""
    runs, flights = cost.shape
    total, leads = cost.sum(axis=1), np.empty((draws, 2))
    shown: tuple[Floats, Floats] | None = None
    for number in range(draws):
        inside = cost[:, rng.choice(flights, few, replace=False)].sum(axis=1)
        on_few, on_rest = inside / few, (total - inside) / (flights - few)
        winner = on_few.argmin()
        leads[number] = on_few.mean() - on_few[winner], on_rest.mean() - on_rest[winner]
        shown = shown or (on_few, on_rest)
    one, other = shown or (np.zeros(runs), np.zeros(runs))
    lead_few, lead_rest = leads.mean(axis=0).tolist()
    return Lottery(few, flights - few, one, other, lead_few, lead_rest, draws)


def lead_answer(found: Lottery) -> Answer:
    """Which part of the lead is left, in four classes."""
    values = {
        "runs": len(found.few), "flights": found.flights, "others": found.others, "lead_few": found.lead_few,
        "lead_rest": found.lead_rest, "kept": found.kept, "place": found.place, "draws": found.draws,
    }  # fmt: skip
    if found.kept < -0.05:
        return Answer("reversed", values)
    if found.kept < 0.35:
        return Answer("little", values)
    return Answer("half" if found.kept < 0.75 else "all", values)


WINNER = Prediction(
    "winners_lead", "experiments", belief=5, options=options("all", "half", "little", "reversed"), answer=lead_answer
)


# --- mission: a fair decision -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Claim:
    """The learner's word on a pair of trials, and what the days say: cost of `run_a` minus `run_b` per flight."""

    run_a: str
    run_b: str
    said: str
    difference: PairedDifference

    @property
    def truth(self) -> Word:
        """`a` or `b` when the whole interval is on its side of 0, else `neither`."""
        return word(self.difference)

    def about(self, first: str) -> str:
        """What was said, seen with `first` as the first trial of the pair."""
        other = {"a": "b", "b": "a", "neither": "neither"}
        return self.said if first == self.run_a else other[self.said]

    @property
    def cheaper(self) -> str:
        """The run that the days show to be cheaper; "" when they cannot tell."""
        return {"a": self.run_a, "b": self.run_b, "neither": ""}[self.truth]


@dataclass(frozen=True, slots=True)
class Decisions:
    """Everything decided so far: claims (newest last), runs trained again with whether the digest was the same, and the
    run that the alias challenger points at ("" for nobody)."""

    claims: tuple[Claim, ...]
    reproduced: dict[str, bool]
    challenger: str


def word(found: PairedDifference) -> Word:
    """What an interval of a minus b allows to say.

    >>> from mlops_core.stats.paired import paired_by_day
    >>> word(paired_by_day([1, 1, 1, 1.1], [2, 2, 2, 2], [1, 1, 2, 2]))
    'a'
    """
    if found.high < 0:
        return "a"
    return "b" if found.low > 0 else "neither"


def decision_check(state: Decisions) -> Outcome:
    """The newest word first, then both kinds of pair, then the digest, then the alias."""
    claim = state.claims[-1]
    found = claim.difference
    values: dict[str, object] = {
        "mean": found.mean, "low": found.low, "high": found.high, "days": found.days, "a": claim.run_a[:8], "b": claim.run_b[:8],
    }  # fmt: skip
    if claim.said != claim.truth:
        if claim.truth == "neither":
            return wrong("noise", **values)
        return wrong("missed" if claim.said == "neither" else "direction", **values)
    true = [one for one in state.claims if one.said == one.truth]
    told = [one for one in true if one.truth != "neither"]
    if not told:
        return wrong("need_told", **values)
    if len(told) == len(true):
        return wrong("need_untold", **values)
    winners = {one.cheaper for one in told}
    again = winners & state.reproduced.keys()
    if not again:
        return wrong("not_reproduced", winner=told[-1].cheaper[:8])
    if not any(state.reproduced[run] for run in again):
        return wrong("other_digest", winner=next(iter(again))[:8])
    good = {run for run in again if state.reproduced[run]}
    if state.challenger not in good:
        return wrong("no_alias", winner=next(iter(good))[:8])
    return right(winner=state.challenger[:8], told=len(told), untold=len(true) - len(told))


FAIR = Mission("fair_decision", "experiments", check=decision_check)


# --- what is decided is written into the ledger -----------------------------------------------------------------------


def record_claim(workspace: Workspace, run_a: str, run_b: str, said: str) -> None:
    """Note the learner's word on a pair; the newest word on a pair counts."""
    Ledger(workspace).record("decision", run_a, other=run_b, said=said)


def record_reproduction(workspace: Workspace, run_id: str, same: bool) -> None:
    """Note that a run was trained again, and whether the model was the same file."""
    Ledger(workspace).record("reproduced", run_id, same=same)


def decisions(
    workspace: Workspace, compare: Callable[[str, str], PairedDifference], challenger: str
) -> Decisions | None:
    """Read back what was decided in this workspace, None before the first word. `compare` is asked once a pair."""
    if not workspace.ledger_db.exists():
        return None
    events = Ledger(workspace).events()
    newest: dict[frozenset[str], tuple[str, str, str]] = {}
    for event in events:
        if event.kind == "decision":
            other, said = str(event.detail["other"]), str(event.detail["said"])
            pair = frozenset((event.subject, other))
            newest.pop(pair, None)
            newest[pair] = (event.subject, other, said)
    if not newest:
        return None
    claims = tuple(Claim(a, b, said, compare(a, b)) for a, b, said in newest.values())
    again = {event.subject: bool(event.detail["same"]) for event in events if event.kind == "reproduced"}
    return Decisions(claims, again, challenger)


CELL = """\
from mlops_core import tracking
from mlops_core.experiments import compare_trials, daily_difference

logged = [trial for trial in tracking.trials(workspace) if trial.status == "FINISHED"]
best = sorted(logged, key=lambda trial: trial.metrics["cost_per_row"])[:2]
found = compare_trials(workspace, best[0].run_id, best[-1].run_id)

show(found.difference.to_dict())
daily_difference(workspace, best[0].run_id, best[-1].run_id)
"""
