"""Delivery: a gate is a classifier of commits; too lax and too strict are both mistakes.

The prediction asks the gates themselves about two equally good models. The mission lets the learner write a policy and puts
ten really computed commits through it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import yaml

from mlops_core.gates import Policy, Verdict, parse_policy, shares
from tutor.missions import Mission, Outcome, right, wrong
from tutor.predictions import Answer, Prediction, options
from tutor.simulation.arena import Arena, Score, score

DRAWS = 300
RULES = ("none", "point", "superiority", "not_worse")


# --- prediction: two equally good models ------------------------------------------------------------------------------

NAIVE, PROVEN = "new below old", "superiority"
TWO_RULES = parse_policy(f"gates: [{{name: {NAIVE}, kind: point}}, {{name: {PROVEN}, kind: superiority}}]")


@dataclass(frozen=True, slots=True)
class Coin:
    """Share of equally good models that each rule promotes, over `draws` draws of which days are swapped."""

    naive: float
    proven: float
    draws: int
    days: int


def coin(arena: Arena, draws: int = DRAWS) -> Coin:
    """Ask the two gates about the champion and its twin with another seed, scores swapped on a random half of the days."""
    found = shares(arena.twins, TWO_RULES, draws=draws, rng=np.random.default_rng(1))
    return Coin(found[NAIVE], found[PROVEN], draws, len(np.unique(arena.twins.day)))


def share_answer(found: Coin) -> Answer:
    """The naive rule's share, in four classes."""
    values = {"naive": found.naive, "proven": found.proven, "draws": found.draws, "days": found.days}
    for code, most in (("never", 0.02), ("rarely", 0.15), ("quarter", 0.35), ("half", 0.65)):
        if found.naive <= most:
            return Answer(code, values)
    return Answer("always", values)


EQUAL = Prediction(
    "equal_models", "delivery", belief=7, options=options("never", "rarely", "quarter", "half", "always"), answer=share_answer
)  # fmt: skip


# --- mission: the arena -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Settings:
    """What the learner chooses: the rule against the champion with its margin, and which other gates are on."""

    rule: str = "point"
    margin: float = 0.05
    inputs: bool = False
    airports: bool = False
    airport_margin: float = 0.03
    latency: bool = False
    p95_ms: float = 200.0
    floor: bool = True
    at_least: float = 0.65

    def gates(self) -> list[dict[str, Any]]:
        """The gates of the policy, in order; a gate that is off is not in it."""
        rule: dict[str, Any] = {"name": "against the champion", "kind": self.rule}
        if self.rule == "not_worse":
            rule["margin"] = self.margin
        worse = {
            "kind": "non_inferiority",
            "by": "origin",
            "margin": self.airport_margin,
            "min_rows": 500,
            "min_days": 14,
        }
        listed: list[tuple[bool, dict[str, Any]]] = [
            (self.inputs, {"name": "known in time", "kind": "inputs"}),
            (self.floor, {"name": "absolute floor", "kind": "floor", "at_least": self.at_least, "draws": 400}),
            (self.rule != "none", rule),
            (self.airports, {"name": "no airport worse", **worse}),
            (self.latency, {"name": "fast enough", "kind": "latency", "p95_ms": self.p95_ms}),
        ]
        return [gate for on, gate in listed if on]

    def text(self) -> str:
        """The policy as gates.yaml would say it."""
        return yaml.safe_dump({"gates": self.gates()}, sort_keys=False)

    def policy(self) -> Policy | None:
        """The policy, None when every gate is off: then everything passes."""
        return parse_policy(self.text()) if self.gates() else None


@dataclass(frozen=True, slots=True, eq=False)
class Trialled:
    """A policy and what it did to the commits of the arena; `score` is None when there was no gate at all."""

    settings: Settings
    commits: int
    bad: int
    good: int
    score: Score | None
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def passed_bad(self) -> int:
        """Bad commits that went live."""
        return self.bad if self.score is None else len(self.score.passed_bad)

    @property
    def blocked_good(self) -> int:
        """Good commits that were kept out."""
        return 0 if self.score is None else len(self.score.blocked_good)


def put_through(arena: Arena, settings: Settings, names: Mapping[str, str] | None = None) -> Trialled:
    """Put every commit through the learner's policy; `names` are the words for the commits."""
    policy = settings.policy()
    bad = sum(commit.truth == "bad" for commit in arena.commits)
    done = score(arena, policy) if policy else None
    return Trialled(settings, len(arena.commits), bad, len(arena.commits) - bad, done, names or {})


def arena_check(state: Trialled) -> Outcome:
    """Every bad commit blocked and all but one of the good ones passed."""
    named = state.names
    bad = state.score.passed_bad if state.score else ()
    good = state.score.blocked_good if state.score else ()
    values: dict[str, Any] = {
        "bad": state.bad, "good": state.good, "passed_bad": state.passed_bad, "blocked_good": state.blocked_good,
        "passed_names": ", ".join(named.get(code, code) for code in bad),
        "blocked_names": ", ".join(named.get(code, code) for code in good),
    }  # fmt: skip
    if state.passed_bad == state.bad and not state.blocked_good:
        return wrong("all_pass", **values)
    if state.blocked_good == state.good and not state.passed_bad:
        return wrong("all_block", **values)
    if state.passed_bad and state.blocked_good > 1:
        return wrong("both", **values)
    if state.passed_bad:
        return wrong("lax", **values)
    if state.blocked_good > 1:
        return wrong("strict_superiority" if state.settings.rule == "superiority" else "strict", **values)
    return right(**values)


ARENA = Mission("gate_arena", "delivery", check=arena_check)


def stopped_by(verdicts: tuple[Verdict, ...]) -> str:
    """Names of the gates that kept a commit out."""
    return ", ".join(v.gate for v in verdicts if v.severity == "block" and v.outcome in ("fail", "inconclusive"))


CELL = """\
from mlops_core import registry, tracking
from mlops_core.gates import decide, load_policy
from mlops_core.release import gather

run = tracking.trials(workspace)[-1]
evidence = gather(workspace, run.run_id)
decision = decide(evidence, load_policy(workspace.gates))

show(decision.outcome)
decision.frame()[["gate", "outcome", "value", "low", "high", "threshold", "n", "days"]]
"""
