"""What flows through the gates: Evidence and a Policy go in, one Verdict a gate and a Decision come out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlops_core.dataset import Costs, Schema
from mlops_core.errors import BadData
from mlops_core.expectations import Rule

Floats = npt.NDArray[np.float64]
Outcome = Literal["pass", "fail", "inconclusive", "skipped"]
Severity = Literal["block", "warn"]


@dataclass(frozen=True, slots=True)
class Gate:
    """One question to a candidate: its name, its kind, what a failure does, and the kind's settings (complete)."""

    name: str
    kind: str
    severity: Severity
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Policy:
    """All gates in order, and the digest of what they say (comments and layout do not count)."""

    gates: tuple[Gate, ...]
    digest: str


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What is known about a candidate on rows it has not seen.

    Scores are probabilities, one a row of `frame`; `champion` is None before the first promotion. `latency_ms` holds
    the milliseconds of repeated calls, `features` the columns the challenger reads. `day` and `y` are taken
    from the frame by the schema's roles when not given. Raises BadData when lengths differ, or when an outcome is missing.
    """

    schema: Schema
    frame: pd.DataFrame
    challenger: Floats
    champion: Floats | None = None
    baseline: Floats | None = None
    latency_ms: Floats | None = None
    costs: Costs = field(default_factory=Costs)
    rules: tuple[Rule, ...] = ()
    features: tuple[str, ...] = ()
    day: Any = None
    y: Any = None

    def __post_init__(self) -> None:
        for name, column in (("day", self.schema.day), ("y", self.schema.target)):
            if getattr(self, name) is None:
                if column is None or column not in self.frame.columns:
                    raise BadData(f"the rows held out have no {name}; give it, or a schema that names it")
                object.__setattr__(self, name, self.frame[column])
        object.__setattr__(self, "y", np.asarray(self.y, dtype=np.float64))
        object.__setattr__(self, "day", np.asarray(self.day))
        for name in ("challenger", "champion", "baseline", "y", "day"):
            values = getattr(self, name)
            if values is not None and len(values) != len(self.frame):
                raise BadData(
                    f"{len(values):,} values in {name} for {len(self.frame):,} rows; give one a row",
                    code="evidence.length",
                )


@dataclass(frozen=True, slots=True)
class Part:
    """One slice inside a verdict: the difference, its interval, its rows; `outcome` "skipped" when too few."""

    name: str
    outcome: Outcome
    value: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """One gate's answer: the value with its interval against the threshold, on n `unit`s, and why.

    "inconclusive" is not "equal": the rows cannot tell. `seconds` does not count when verdicts are compared.
    """

    gate: str
    kind: str
    severity: Severity
    outcome: Outcome
    code: str
    reason: str
    fix: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    threshold: float | None = None
    n: int = 0
    unit: str = "rows"
    days: int = 0
    parts: tuple[Part, ...] = ()
    seconds: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class Decision:
    """What all gates say together.

    fail: a blocking gate failed. inconclusive: one could not tell, or none was answered. pass: all others.
    """

    outcome: Literal["pass", "fail", "inconclusive"]
    verdicts: tuple[Verdict, ...]
    policy_digest: str

    @property
    def passed(self) -> bool:
        """True when the candidate may be promoted."""
        return self.outcome == "pass"

    @property
    def blocking(self) -> tuple[Verdict, ...]:
        """The verdicts that kept it from passing."""
        return tuple(v for v in self.verdicts if v.severity == "block" and v.outcome in ("fail", "inconclusive"))

    def verdict(self, gate: str) -> Verdict:
        """The verdict of the gate called `gate`; BadData names the gates there are."""
        for verdict in self.verdicts:
            if verdict.gate == gate:
                return verdict
        names = ", ".join(verdict.gate for verdict in self.verdicts)
        raise BadData(f"no gate is called {gate!r}; there are {names}", code="gate.unknown", gate=gate)

    def frame(self) -> pd.DataFrame:
        """One row a verdict, without the parts."""
        names = [name for name in Verdict.__dataclass_fields__ if name != "parts"]
        return pd.DataFrame([{name: getattr(v, name) for name in names} for v in self.verdicts], columns=names)

    def to_dict(self) -> dict[str, object]:
        """Everything as plain values."""
        return {"passed": self.passed, **asdict(self)}
