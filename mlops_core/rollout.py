"""From a passed gate to all traffic: a shadow that answers without being heard, then a canary that grows in stages.

Where the outcome does not depend on our decision, a shadow is the stronger test of quality: both models answer every
row, differences are paired and judged by day. A canary is for errors and latency: its test is always valid (mSPRT,
Johari, Koomen, Pekelis, Walsh, KDD 2017), so that looking after every request does not roll back good versions.

    shadow(champion_scores, challenger_scores, y, day, Costs()).outcome
    canary(bad_old, bad_new, stages=(0.05, 0.25, 0.5)).outcome
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlops_core.dataset import Costs
from mlops_core.errors import BadParameter
from mlops_core.metrics import Floats, row_cost
from mlops_core.stats.paired import PairedDifference, paired_by_day
from mlops_core.stats.sequential import SequentialTest, msprt_proportions, peeking


@dataclass(frozen=True, slots=True)
class Shadow:
    """Two models on the same rows. `difference` is challenger minus champion, cost per row, by day."""

    outcome: Literal["better", "worse", "cannot tell"]
    difference: PairedDifference
    champion_cost: float
    challenger_cost: float
    changed_decisions: float
    mean_score_change: float

    def to_dict(self) -> dict[str, object]:
        """Everything as plain values; `changed_decisions` is a share of rows."""
        return {**asdict(self), "difference": self.difference.to_dict()}


def shadow(
    champion: npt.ArrayLike, challenger: npt.ArrayLike, y: npt.ArrayLike, day: Any, costs: Costs, *, alpha: float = 0.05
) -> Shadow:
    """Judge a challenger that scored every row (scores, outcomes and days of equal length) in the champion's shadow.

    "better" and "worse" mean that the interval at confidence 1 - alpha, with the day as its unit, leaves out 0.
    """
    old, new = row_cost(y, champion, costs), row_cost(y, challenger, costs)
    found = paired_by_day(new, old, day, confidence=1 - alpha)
    outcome: Literal["better", "worse", "cannot tell"] = "cannot tell"
    if found.high < 0 or found.low > 0:
        outcome = "better" if found.high < 0 else "worse"
    a, b = np.asarray(champion, dtype=np.float64), np.asarray(challenger, dtype=np.float64)
    changed = (a >= costs.threshold) != (b >= costs.threshold)
    return Shadow(
        outcome, found, float(old.mean()), float(new.mean()), float(changed.mean()), float(np.abs(a - b).mean())
    )


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: `share` of requests to the challenger; rates of bad answers so far; the interval of new - old."""

    share: float
    requests: int
    pairs: int
    rate_old: float
    rate_new: float
    low: float
    high: float
    p_value: float
    action: Literal["advance", "roll back", "pause"]


@dataclass(frozen=True, slots=True)
class Canary:
    """The stages that were reached, and where it ended. `peeking_stop`: the pair at which a z-test looked at after
    every pair would have rolled back (None: never)."""

    outcome: Literal["promoted", "rolled back", "paused"]
    stages: tuple[Stage, ...]
    peeking_stop: int | None
    tolerance: float

    def frame(self) -> pd.DataFrame:
        """One row a stage."""
        return pd.DataFrame([asdict(stage) for stage in self.stages])

    def to_dict(self) -> dict[str, object]:
        """Everything as plain values."""
        return asdict(self)


def canary(
    bad_old: npt.ArrayLike,
    bad_new: npt.ArrayLike,
    *,
    stages: Sequence[float] = (0.05, 0.25, 0.5),
    requests: int = 20_000,
    tolerance: float = 0.03,
    least_pairs: int = 50,
    alpha: float = 0.05,
) -> Canary:
    """Grow a challenger's share of traffic. `bad_*` are 0/1 per answer (error, or too slow), in order of arrival.

    In a stage with share s, of at most `requests` requests, the i-th answer of the challenger is paired with the i-th
    of the champion. It rolls back as soon as the challenger is shown to be worse, advances once it is shown to be worse
    by less than `tolerance` (after `least_pairs` pairs), and pauses when its requests are used up: that is not a pass.
    Raises BadParameter for shares that do not grow inside (0, 1) or a stage too short for one pair.
    """
    _check(stages, requests, least_pairs)
    new, old = np.asarray(bad_new, dtype=np.float64), np.asarray(bad_old, dtype=np.float64)
    length = min(len(new), len(old))
    test = msprt_proportions(new[:length], old[:length], tau=tolerance, alpha=alpha, first_look=least_pairs)
    reached: list[Stage] = []
    start = 0
    for share in stages:
        end = min(length, start + int(requests * min(share, 1 - share)))
        stop, action = _stage_end(test, start, end, tolerance, least_pairs)
        used = round((stop - start) / min(share, 1 - share))
        reached.append(_stage(test, share, used, stop, action, old, new))
        if action != "advance":
            break
        start = stop
    outcome: Literal["promoted", "rolled back", "paused"] = "promoted"
    if reached[-1].action != "advance":
        outcome = "rolled back" if reached[-1].action == "roll back" else "paused"
    return Canary(outcome, tuple(reached), _peeking_stop(new[:length], old[:length], alpha, least_pairs), tolerance)


def _check(stages: Sequence[float], requests: int, least_pairs: int) -> None:
    inside = all(0 < share < 1 for share in stages)
    if not stages or not inside or list(stages) != sorted(set(stages)):
        raise BadParameter(
            f"stages are {list(stages)}.", code="canary.stages", fix="Give shares that grow, above 0 and below 1."
        )
    if least_pairs < 2 or requests * min(min(s, 1 - s) for s in stages) < least_pairs:
        raise BadParameter(
            f"{requests} requests a stage are fewer than {least_pairs} pairs need.",
            code="canary.requests",
            fix="Send more requests, or start with a larger share.",
        )


def _stage_end(
    test: SequentialTest, start: int, end: int, tolerance: float, least_pairs: int
) -> tuple[int, Literal["advance", "roll back", "pause"]]:
    """How many pairs there are when the stage ends, and how it ends."""
    window = slice(start, end)
    worse = np.flatnonzero((test.p_values[window] <= test.alpha) & (test.mean[window] > 0))
    safe = np.flatnonzero(test.high[window] < tolerance)
    safe = safe[safe + 1 >= least_pairs]
    if len(worse) and (not len(safe) or worse[0] <= safe[0]):
        return start + int(worse[0]) + 1, "roll back"
    if len(safe):
        return start + int(safe[0]) + 1, "advance"
    return end, "pause"


def _stage(
    test: SequentialTest,
    share: float,
    used: int,
    stop: int,
    action: Literal["advance", "roll back", "pause"],
    old: Floats,
    new: Floats,
) -> Stage:
    if stop == 0:
        return Stage(share, 0, 0, 0.0, 0.0, -1.0, 1.0, 1.0, action)
    at = stop - 1
    low, high, p = float(test.low[at]), float(test.high[at]), float(test.p_values[at])
    return Stage(share, used, stop, float(old[:stop].mean()), float(new[:stop].mean()), low, high, p, action)


def _peeking_stop(new: Floats, old: Floats, alpha: float, first: int) -> int | None:
    rate = (new.sum() + old.sum() + 1) / (2 * len(new) + 2)
    differences = new - old
    p = peeking(differences, variance=float(2 * rate * (1 - rate)))
    hits = np.flatnonzero((p <= alpha) & (np.cumsum(differences) > 0))
    hits = hits[hits + 1 >= first]
    return int(hits[0]) + 1 if len(hits) else None
