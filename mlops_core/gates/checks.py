"""The questions themselves: each kind of gate is a function of evidence and settings, found in `KINDS` by name.

Challenger and champion are always compared on the same rows, and the day is the unit (`stats.paired`). One-sided
questions at level `alpha`: *superiority* (an equal model passes at most alpha of the time) and *non-inferiority with
margin m* (a model worse by m passes at most alpha of the time). A slice gate passes only if every slice does, which
needs no correction (Berger, Technometrics 1982); it fails when Holm's test finds a slice beyond the margin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import special

from mlops_core.errors import BadData
from mlops_core.expectations import validate
from mlops_core.gates.auc import auc_by_day
from mlops_core.gates.types import Evidence, Floats, Outcome, Part
from mlops_core.metrics import as_words, row_cost
from mlops_core.stats.multiplicity import holm
from mlops_core.stats.paired import PairedDifference, paired_by_day

Settings = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """A verdict before it has a name: what was found, against what, and why."""

    outcome: Outcome
    reason: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    threshold: float | None = None
    n: int = 0
    unit: str = "rows"
    days: int = 0
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Setting:
    """A number (or, with `text`, a word) a gate can be set to; no default means that the policy must give it."""

    default: float | str | None = None
    low: float = -np.inf
    high: float = np.inf
    text: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of gate: its function, its settings, why it matters, what to do when it fails."""

    check: Callable[[Evidence, Settings], Answer]
    why: str
    fix: str
    settings: Mapping[str, Setting] = field(default_factory=dict)
    higher_is_better: bool = False


def _cost_difference(evidence: Evidence, other: Floats, settings: Settings) -> PairedDifference:
    """Challenger minus `other`, cost per row, with the interval whose upper end is a one-sided bound at alpha."""
    new = row_cost(evidence.y, evidence.challenger, evidence.costs)
    old = row_cost(evidence.y, other, evidence.costs)
    return paired_by_day(new, old, evidence.day, confidence=1 - 2 * settings["alpha"])


def check_schema(evidence: Evidence, settings: Settings) -> Answer:
    """The rows held out keep every blocking promise of the schema and the rules."""
    report = validate(evidence.frame, evidence.schema, evidence.rules)
    broken = [finding for finding in report.failed if finding.severity == "block"]
    allowed = int(settings["broken_at_most"])
    reason = f"{len(broken)} of {len(report.findings)} promises are broken"
    if broken:
        reason += ": " + " ".join(finding.message for finding in broken[:3])
    outcome: Outcome = "pass" if len(broken) <= allowed else "fail"
    return Answer(outcome, reason.rstrip(".") + ".", len(broken), threshold=allowed, n=report.rows)


def check_inputs(evidence: Evidence, settings: Settings) -> Answer:
    """The challenger reads only columns that the schema promises at decision time; anything else is a leak, or will be."""
    if not evidence.features:
        return Answer("skipped", "Nobody has said which columns it reads.", unit="columns")
    promised = set(evidence.schema.features)
    wrong = [name for name in evidence.features if name not in promised]
    n, allowed = len(evidence.features), int(settings["others_at_most"])
    reason = f"All {n} columns it reads are known when it has to answer."
    if wrong:
        reason = f"{len(wrong)} of {n} columns are not known when it has to answer: {', '.join(wrong[:5])}."
    outcome: Outcome = "pass" if len(wrong) <= allowed else "fail"
    return Answer(outcome, reason, len(wrong), threshold=allowed, n=n, unit="columns")


def check_floor(evidence: Evidence, settings: Settings) -> Answer:
    """The lower bound of the challenger's AUC, by resampling days, is at least `at_least`."""
    found = auc_by_day(evidence.y, evidence.challenger, evidence.day, settings["alpha"], int(settings["draws"]))
    least = settings["at_least"]
    shown = f"AUC {found.value:.3f}, by day between {found.low:.3f} and {found.high:.3f}"
    outcome: Outcome = "inconclusive"
    reason = f"{shown}: the floor {least:g} lies inside, so these {found.days} days cannot tell."
    if found.low >= least:
        outcome, reason = "pass", f"{shown}: even the low end reaches {least:g}."
    elif found.high < least:
        outcome, reason = "fail", f"{shown}: even the high end is below {least:g}."
    return Answer(outcome, reason, found.value, found.low, found.high, least, len(evidence.y), days=found.days)


def check_superiority(evidence: Evidence, settings: Settings) -> Answer:
    """The challenger costs less per row than the champion (than the baseline, while there is no champion)."""
    other = evidence.champion if evidence.champion is not None else evidence.baseline
    if other is None:
        return Answer("skipped", "There is neither a champion nor a baseline to compare with.")
    rival = "the champion" if evidence.champion is not None else "the baseline (there is no champion yet)"
    gain, found = settings["gain"], _cost_difference(evidence, other, settings)
    shown = f"{found.mean:+.4f} a row against {rival}, by day between {found.low:+.4f} and {found.high:+.4f}"
    outcome: Outcome = "inconclusive"
    reason = (
        f"{shown}: {f'{-gain:g}' if gain else 'no difference'} lies inside, so these {found.days} days cannot tell."
    )
    if found.high < -gain:
        outcome, reason = "pass", f"{shown}: cheaper, also at the high end."
    elif found.low > -gain:
        outcome, reason = "fail", f"{shown}: not cheaper, also at the low end."
    return Answer(outcome, reason, found.mean, found.low, found.high, -gain, found.n, days=found.days)


def check_point(evidence: Evidence, settings: Settings) -> Answer:
    """The challenger's cost is below the champion's, whatever the uncertainty: the rule that promotes coin flips."""
    other = evidence.champion if evidence.champion is not None else evidence.baseline
    if other is None:
        return Answer("skipped", "There is neither a champion nor a baseline to compare with.")
    new = row_cost(evidence.y, evidence.challenger, evidence.costs)
    value = float((new - row_cost(evidence.y, other, evidence.costs)).mean())
    outcome: Outcome = "pass" if value < -settings["gain"] else "fail"
    reason = f"{value:+.4f} a row; an equally good model gets below 0 about half of the time."
    return Answer(outcome, reason, value, threshold=-settings["gain"], n=len(new))


def check_not_worse(evidence: Evidence, settings: Settings) -> Answer:
    """Over all rows the challenger costs less than `margin` more than the champion (than the baseline, without one)."""
    other = evidence.champion if evidence.champion is not None else evidence.baseline
    if other is None:
        return Answer("skipped", "There is neither a champion nor a baseline to compare with.")
    margin, found = settings["margin"], _cost_difference(evidence, other, settings)
    shown = f"{found.mean:+.4f} a row, by day between {found.low:+.4f} and {found.high:+.4f}"
    outcome: Outcome = "inconclusive"
    reason = f"{shown}: the margin {margin:g} lies inside, so these {found.days} days cannot tell."
    if found.high < margin:
        outcome, reason = "pass", f"{shown}: below the margin {margin:g}, also at the high end."
    elif found.low > margin:
        outcome, reason = "fail", f"{shown}: beyond the margin {margin:g}, also at the low end."
    return Answer(outcome, reason, found.mean, found.low, found.high, margin, found.n, days=found.days)


def check_non_inferiority(evidence: Evidence, settings: Settings) -> Answer:
    """In every slice of `by` with at least `min_rows` rows and `min_days` days, the cost per row is not worse by `margin`."""
    if evidence.champion is None:
        return Answer("skipped", "There is no champion yet that could be better somewhere.")
    slices = [(name, here, _slice(evidence, here, settings)) for name, here in _groups(evidence, settings["by"])]
    judged = [(name, found) for name, _, found in slices if found is not None]
    if not judged:
        return Answer("skipped", f"No slice has {settings['min_rows']:g} rows on {settings['min_days']:g} days.")
    margin = settings["margin"]
    worse = holm([_p_beyond(found, margin) for _, found in judged])
    outcomes = dict(zip((name for name, _ in judged), _outcomes(judged, worse, settings), strict=True))
    parts = tuple(
        Part(name, outcomes.get(name, "skipped"), *_interval(found), int(here.sum())) for name, here, found in slices
    )
    worst_name, worst = max(judged, key=lambda item: item[1].high)
    outcome: Outcome = next((o for o in ("fail", "inconclusive") if o in outcomes.values()), "pass")
    reason = _slice_reason(outcome, outcomes, worst_name, worst, margin)
    return Answer(
        outcome, reason, worst.mean, worst.low, worst.high, margin, worst.n, days=worst.days, parts=parts
    )  # fmt: skip


def _groups(evidence: Evidence, by: str) -> list[tuple[str, Any]]:
    if by not in evidence.frame.columns:
        raise BadData(f"the rows held out have no column {by}.", code="gate.column", column=by)
    words = as_words(evidence.frame[by])
    return [(f"{by}={value}", words == value) for value in sorted({w for w in words if isinstance(w, str)})]


def _slice(evidence: Evidence, here: Any, settings: Settings) -> PairedDifference | None:
    days = len(np.unique(evidence.day[here]))
    if evidence.champion is None or here.sum() < settings["min_rows"] or days < settings["min_days"]:
        return None
    new = row_cost(evidence.y[here], evidence.challenger[here], evidence.costs)
    old = row_cost(evidence.y[here], evidence.champion[here], evidence.costs)
    return paired_by_day(new, old, evidence.day[here], confidence=1 - 2 * settings["alpha"])


def _p_beyond(found: PairedDifference, margin: float) -> float:
    """One-sided p-value of "worse by at most the margin"."""
    if found.standard_error == 0:
        return 0.0 if found.mean > margin else 1.0
    return float(special.stdtr(found.days - 1, -(found.mean - margin) / found.standard_error))


def _outcomes(judged: list[tuple[str, PairedDifference]], worse: Floats, settings: Settings) -> list[Outcome]:
    found: list[Outcome] = []
    for (_, difference), p in zip(judged, worse, strict=True):
        if difference.high < settings["margin"]:
            found.append("pass")
        else:
            found.append("fail" if p <= settings["alpha"] else "inconclusive")
    return found


def _interval(found: PairedDifference | None) -> tuple[float | None, float | None, float | None]:
    return (found.mean, found.low, found.high) if found else (None, None, None)


def _slice_reason(
    outcome: Outcome, outcomes: Mapping[str, Outcome], name: str, worst: PairedDifference, margin: float
) -> str:
    shown = f"{name} has the highest upper end: {worst.mean:+.4f} a row, up to {worst.high:+.4f}"
    if outcome == "pass":
        return f"{shown}; all {len(outcomes)} slices stay below the margin {margin:g}."
    named = ", ".join(slice_name for slice_name, found in outcomes.items() if found == outcome)
    told = "worse than the margin" if outcome == "fail" else "not shown to stay below the margin"
    return f"{shown}; {told} {margin:g}: {named}."


def check_latency(evidence: Evidence, settings: Settings) -> Answer:
    """The 95th percentile of the measured calls, with its distribution-free bound, is within `p95_ms`.

    Bounds are order statistics (Conover, *Practical Nonparametric Statistics*, 1999, 3.2): an upper one at 5 %
    exists from 59 calls on; with fewer calls a slow one may simply not have come yet.
    """
    if evidence.latency_ms is None or not len(evidence.latency_ms):
        return Answer("skipped", "Nobody has measured how long a call takes.", unit="calls")
    times = np.sort(np.asarray(evidence.latency_ms, dtype=np.float64))
    n, budget, p95 = len(times), settings["p95_ms"], float(np.quantile(times, 0.95))
    below = special.bdtr(np.arange(n), n, 0.95)  # chance that at most k calls lie below the true percentile
    up = np.flatnonzero(below >= 1 - settings["alpha"])
    down = np.flatnonzero(below <= settings["alpha"])
    high = float(times[up[0]]) if len(up) else None
    low = float(times[down[-1]]) if len(down) else None
    outcome: Outcome = "inconclusive"
    reason = f"p95 is {p95:.1f} ms on {n} calls; the budget of {budget:g} ms lies inside what they allow."
    if high is not None and high <= budget:
        outcome, reason = "pass", f"p95 is {p95:.1f} ms, at most {high:.1f}, on {n} calls; the budget is {budget:g} ms."
    elif low is not None and low > budget:
        outcome, reason = "fail", f"p95 is {p95:.1f} ms, at least {low:.1f}, on {n} calls; the budget is {budget:g} ms."
    elif high is None:
        reason = f"p95 is {p95:.1f} ms on {n} calls: too few for an upper bound."
    return Answer(outcome, reason, p95, low, high, budget, n, "calls")


_ALPHA = Setting(0.05, 1e-6, 0.5)
KINDS: dict[str, Kind] = {
    "schema": Kind(
        check_schema,
        "A number computed on broken rows means nothing.",
        "Mend the feed, or change the promise and say why.",
        {"broken_at_most": Setting(0, 0, 1000)},
    ),
    "inputs": Kind(
        check_inputs,
        "A column that is filled in later makes a test brilliant and a service useless.",
        "Leave the column out, or move the moment of decision in the schema.",
        {"others_at_most": Setting(0, 0, 1000)},
    ),
    "floor": Kind(
        check_floor,
        "A model may beat its predecessor and still be useless.",
        "Add what is known at decision time, or hold out more days.",
        {"at_least": Setting(None, 0, 1), "alpha": _ALPHA, "draws": Setting(2000, 100, 100_000)},
        higher_is_better=True,
    ),
    "superiority": Kind(
        check_superiority,
        "A change has a price; only a better model pays it.",
        "Hold out more days, or keep the champion: not worse is not better.",
        {"gain": Setting(0.0, 0, 1000), "alpha": _ALPHA},
    ),
    "point": Kind(
        check_point,
        "The rule most teams start with: new is below old.",
        "Ask for an interval: use superiority or non_inferiority.",
        {"gain": Setting(0.0, 0, 1000)},
    ),
    "not_worse": Kind(
        check_not_worse,
        "Cheaper to run or easier to read is worth having, if it costs nothing: not worse by more than a stated margin.",
        "Hold out more days, or widen the margin before the result is known.",
        {"margin": Setting(None, 1e-9, 1000), "alpha": _ALPHA},
    ),
    "non_inferiority": Kind(
        check_non_inferiority,
        "A better average can hide a desk that got worse.",
        "Look at the slices named; train on more of their rows, or hold out more days.",
        {
            "by": Setting(None, text=True),
            "margin": Setting(None, 1e-9, 1000),
            "min_rows": Setting(200, 2, 10_000_000),
            "min_days": Setting(10, 2, 10_000),
            "alpha": _ALPHA,
        },
    ),
    "latency": Kind(
        check_latency,
        "An answer that comes too late is no answer.",
        "Make the model smaller, or time at least 59 calls.",
        {"p95_ms": Setting(None, 1e-6, 1e6), "alpha": _ALPHA},
    ),
}
