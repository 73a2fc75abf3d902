"""How often does a gate promote a model that is no better? Swap the two models' scores on a random half of the days.

After such a swap both sides are equally good on average, whatever they were before, and the weather of a day stays with
its day: it is the sign-flip test's null (Fisher, *The Design of Experiments*, 1935, ch. 3) with the day as the unit.

    shares(evidence, policy, draws=400, rng=np.random.default_rng(1))      # {'new below old': .5, 'superiority': .05}
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from mlops_core.errors import BadData, BadParameter
from mlops_core.gates.decide import decide
from mlops_core.gates.types import Evidence, Policy


def shares(evidence: Evidence, policy: Policy, *, draws: int, rng: np.random.Generator) -> dict[str, float]:
    """Gate -> share of `draws` in which it passes one of two equally good models. The gates themselves are asked.

    Raises BadData without a champion, BadParameter unless `draws` is from 1 to 10,000.
    """
    if evidence.champion is None:
        raise BadData("there is no champion to swap with.", code="rates.champion")
    if not 1 <= draws <= 10_000:
        raise BadParameter(f"draws is {draws}; it must be from 1 to 10,000", code="rates.draws")
    codes, days = pd.factorize(evidence.day)
    passed = dict.fromkeys((gate.name for gate in policy.gates), 0)
    for _ in range(draws):
        swap = (rng.random(len(days)) < 0.5)[codes]
        new = np.where(swap, evidence.champion, evidence.challenger)
        old = np.where(swap, evidence.challenger, evidence.champion)
        for verdict in decide(replace(evidence, challenger=new, champion=old, day=codes), policy).verdicts:
            passed[verdict.gate] += verdict.outcome == "pass"
    return {name: count / draws for name, count in passed.items()}
