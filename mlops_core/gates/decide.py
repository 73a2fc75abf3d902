"""From evidence and policy to a decision: ask every gate, then read the answers together."""

from __future__ import annotations

import time
from typing import Literal

from mlops_core.errors import BadData
from mlops_core.gates.checks import KINDS, Answer
from mlops_core.gates.types import Decision, Evidence, Gate, Policy, Verdict


def decide(evidence: Evidence, policy: Policy) -> Decision:
    """Ask every gate. Evidence that a gate cannot use (one day, one class, no such column) is inconclusive, never a pass."""
    verdicts = tuple(_ask(gate, evidence) for gate in policy.gates)
    return Decision(_together(verdicts), verdicts, policy.digest)


def _ask(gate: Gate, evidence: Evidence) -> Verdict:
    kind, start = KINDS[gate.kind], time.perf_counter()
    try:
        answer = kind.check(evidence, gate.settings)
    except BadData as error:
        answer = Answer("inconclusive", f"This cannot be judged: {error.message.rstrip('.')}.")
    return Verdict(
        gate=gate.name,
        kind=gate.kind,
        severity=gate.severity,
        outcome=answer.outcome,
        code=f"{gate.kind}.{answer.outcome}",
        reason=answer.reason,
        fix=kind.fix if answer.outcome in ("fail", "inconclusive") else "",
        value=answer.value,
        low=answer.low,
        high=answer.high,
        threshold=answer.threshold,
        n=answer.n,
        unit=answer.unit,
        days=answer.days,
        parts=answer.parts,
        seconds=time.perf_counter() - start,
    )


def _together(verdicts: tuple[Verdict, ...]) -> Literal["pass", "fail", "inconclusive"]:
    blocking = [verdict.outcome for verdict in verdicts if verdict.severity == "block"]
    if "fail" in blocking:
        return "fail"
    if "inconclusive" in blocking or (blocking and set(blocking) == {"skipped"}):
        return "inconclusive"
    return "pass"
