"""May this candidate replace the champion? One verdict a gate, one decision, one policy that is named beforehand.

Gates are pure functions of evidence and settings; the policy is a file, `gates.yaml`, whose digest is part of the
decision, so that a threshold cannot move after the result. Verdicts: pass, fail, inconclusive, skipped.

    decision = decide(evidence, load_policy(workspace.gates))
    decision.outcome, [verdict.reason for verdict in decision.blocking]
"""

from mlops_core.gates.checks import KINDS
from mlops_core.gates.decide import decide
from mlops_core.gates.edit import set_setting
from mlops_core.gates.policy import load_policy, parse_policy
from mlops_core.gates.rates import shares
from mlops_core.gates.types import Decision, Evidence, Gate, Outcome, Part, Policy, Verdict

__all__ = [
    "KINDS",
    "Decision",
    "Evidence",
    "Gate",
    "Outcome",
    "Part",
    "Policy",
    "Verdict",
    "decide",
    "load_policy",
    "parse_policy",
    "set_setting",
    "shares",
]
