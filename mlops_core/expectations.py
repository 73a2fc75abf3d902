"""Is this table what was promised? Rules from the schema, further rules by hand, findings with counts and examples.

The row checks run on pandera (https://pandera.readthedocs.io), which is imported on first use. A column that is absent
or of the wrong kind is reported once; its other rules cannot be checked and are left out.

    report = validate(frame, schema, [Rule("weather.daily", "temp", "coverage", by="date", at_least=0.5)])
    [finding.message for finding in report.failed]
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlops_core.dataset import Schema
from mlops_core.errors import BadParameter
from mlops_core.rules import MASKS, Rule, Severity, as_text, is_a, rules_of

if TYPE_CHECKING:
    import pandera.pandas as pa

__all__ = ["Example", "Finding", "Rule", "ValidationReport", "rules_of", "validate"]

_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Example:
    """One offending row: its key as text and the value found."""

    row: str
    value: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule found. `count` rows offend, `share` of all rows; `expected` says what would be right."""

    code: str
    column: str
    passed: bool
    count: int
    share: float
    severity: Severity
    message: str
    examples: tuple[Example, ...] = ()
    kind: str = ""
    expected: str = ""


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """All findings on a table of `rows` rows, in the order of the rules."""

    findings: tuple[Finding, ...]
    rows: int

    @property
    def failed(self) -> tuple[Finding, ...]:
        """The findings that did not pass, blocking ones first."""
        broken = [finding for finding in self.findings if not finding.passed]
        return tuple(sorted(broken, key=lambda finding: finding.severity != "block"))

    @property
    def passed(self) -> bool:
        """True when no blocking rule is broken."""
        return not any(finding.severity == "block" for finding in self.failed)

    def frame(self) -> pd.DataFrame:
        """One row a finding, without the examples."""
        names = ["code", "column", "kind", "passed", "count", "share", "severity", "expected", "message"]
        return pd.DataFrame([{name: getattr(f, name) for name in names} for f in self.findings], columns=names)

    def to_dict(self) -> dict[str, object]:
        """Everything as plain values."""
        return {"rows": self.rows, "passed": self.passed, "findings": [asdict(f) for f in self.findings]}


def _check(rule: Rule, frame: pd.DataFrame) -> pa.Check:
    """A rule as a check of pandera: its own ones for ranges and sets, ours for what needs more than one column."""
    import pandera.pandas as pa

    if rule.kind == "range":
        return pa.Check.in_range(rule.low, rule.high, name=rule.code, n_failure_cases=_EXAMPLES)
    if rule.kind == "allowed":
        return pa.Check.isin(list(rule.allowed), name=rule.code, n_failure_cases=_EXAMPLES)

    def holds(values: pd.Series) -> pd.Series:
        return pd.Series(MASKS[rule.kind](rule, frame), index=values.index)

    return pa.Check(holds, name=rule.code, ignore_na=False, n_failure_cases=_EXAMPLES)


def _run(rules: list[Rule], frame: pd.DataFrame) -> dict[str, npt.NDArray[np.intp]]:
    """Positions of the offending rows by rule code; a rule that holds is absent. The frame has a RangeIndex."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pandera.pandas as pa

        checks: dict[str, list[pa.Check]] = {}
        for rule in rules:
            checks.setdefault(rule.column, []).append(_check(rule, frame))
        columns = {name: pa.Column(None, found, nullable=True) for name, found in checks.items()}
        view = frame.copy(deep=False)  # pandera remembers what it saw: let that be something that goes away
        try:
            pa.DataFrameSchema(columns).validate(view, lazy=True, inplace=True)
        except pa.errors.SchemaErrors as errors:
            errors.with_traceback(None)  # its frames would keep the table alive until the next collection
            return {e.with_traceback(None).check.name: _positions(e.check_output) for e in errors.schema_errors}
    return {}


def _positions(held: Any) -> npt.NDArray[np.intp]:
    return np.asarray(held.index[~held.to_numpy(dtype=bool)], dtype=np.intp)


def validate(frame: pd.DataFrame, schema: Schema, rules: Iterable[Rule] = ()) -> ValidationReport:
    """Check a table against its schema and further rules; never changes the table, never raises for what it finds.

    An empty table passes whatever asks about rows. Raises BadParameter when two rules share a code.
    """
    wanted = _complete([*rules_of(schema), *rules])
    table = frame.reset_index(drop=True)
    absent = {rule.column for rule in wanted if rule.column not in table.columns}
    typed = [rule for rule in wanted if rule.kind == "type" and rule.column not in absent]
    offending = {r.code: np.arange(len(table)) for r in wanted if r.kind == "present" and r.column in absent}
    offending |= _run(typed, table)
    spoilt = {rule.column for rule in typed if not is_a(table[rule.column], rule.is_a)}
    rest = [r for r in wanted if r.kind not in ("present", "type") and not _unanswerable(r, absent, spoilt)]
    offending |= _run(rest, table)
    answered = {rule.code for rule in (*typed, *rest)}
    told = [rule for rule in wanted if rule.kind == "present" or rule.code in answered]
    return ValidationReport(tuple(_finding(rule, table, schema.key, offending) for rule in told), len(table))


def _complete(rules: list[Rule]) -> list[Rule]:
    """The rules, and a presence rule for each column that one names and none asks for."""
    codes = [rule.code for rule in rules]
    twice = sorted({code for code in codes if codes.count(code) > 1})
    if twice:
        raise BadParameter(f"two rules are called {twice[0]}", code="rule.twice", rule=twice[0])
    spoken = {rule.column for rule in rules if rule.kind == "present"}
    named = {name: None for rule in rules for name in rule.needs if name not in spoken}
    return [*rules, *(Rule(f"{name}.present", name, "present") for name in named)]


def _unanswerable(rule: Rule, absent: set[str], spoilt: set[str]) -> bool:
    return bool(absent & set(rule.needs)) or (rule.kind in ("range", "monotone", "allowed") and rule.column in spoilt)


def _finding(
    rule: Rule, frame: pd.DataFrame, key: tuple[str, ...], offending: dict[str, npt.NDArray[np.intp]]
) -> Finding:
    passed = rule.code not in offending
    rows = offending.get(rule.code, np.arange(0))
    count, share = len(rows), len(rows) / len(frame) if len(frame) else 0.0
    expected = rule.expected
    examples = () if rule.kind == "present" else tuple(_example(rule, frame, key, row) for row in _chosen(rule, rows))
    message = f"{rule.column}: {expected}"
    if not passed:
        message = f"{rule.column}: {_offence(rule, frame, rows)}; expected {expected}."
    return Finding(
        rule.code, rule.column, passed, count, share, rule.severity, message, examples, rule.kind, expected
    )  # fmt: skip


def _chosen(rule: Rule, rows: npt.NDArray[np.intp]) -> list[int]:
    chosen: list[int] = (rows[-_EXAMPLES:] if rule.kind == "freshness" else rows[:_EXAMPLES]).tolist()
    return chosen


def _example(rule: Rule, frame: pd.DataFrame, key: tuple[str, ...], row: int) -> Example:
    names = [name for name in key if name in frame.columns] or ([rule.by] if rule.by else [])
    where = " ".join(f"{name}={as_text(frame[name].iloc[row])}" for name in names) or f"row {row}"
    return Example(where, as_text(frame[rule.column].iloc[row]))


def _offence(rule: Rule, frame: pd.DataFrame, rows: npt.NDArray[np.intp]) -> str:
    if rule.kind == "present":
        return "the column is missing"
    many = f"{len(rows):,} of {len(frame):,} rows"
    if rule.kind in ("coverage", "freshness"):
        named = frame[rule.by].iloc[rows].drop_duplicates()
        first = ", ".join(as_text(value) for value in named.head(_EXAMPLES)) + (" …" if len(named) > _EXAMPLES else "")
        thin = "have a {} with too few values" if rule.kind == "coverage" else "are newer ({}) than the last value"
        return f"{many} {thin.format(rule.by)}: {first}"
    value = as_text(frame[rule.column].iloc[rows[0]])
    return {
        "type": f"{many} are not (first: {value})",
        "range": f"{many} lie outside (first: {value})",
        "filled": f"{many} are missing",
        "unique": f"{many} repeat an earlier key",
        "allowed": f"{many} hold something else (first: {value})",
        "monotone": f"{many} are below an earlier one (first: {value})",
    }[rule.kind]
