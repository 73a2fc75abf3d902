"""Which of the sixteen practices of the lesson are real in this workspace: each cell asks for evidence, never for a click.

Four rows (what is automated, versioned, continuous, monitored) of four cells. A reader costs a few milliseconds.

    {cell.code: cell.read(Facts.of(workspace)) for cell in CELLS}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from mlops_core import dvcfiles, pipeline, registry, versions
from mlops_core.errors import MlopsError, NotFound
from mlops_core.ledger import Event, Ledger, Promotion
from mlops_core.pipeline import Run
from mlops_core.serving import RequestLog
from mlops_core.workspace import Workspace

T = TypeVar("T")
ROWS = ("automation", "versioning", "continuous", "monitoring")


@dataclass(frozen=True, slots=True)
class Facts:
    """What the workspace holds, read once for all sixteen cells."""

    run: Run | None
    data_versions: int
    code_digests: int
    libraries: int
    model_versions: int
    champion: int | None
    moves: tuple[Promotion, ...]
    requests: int
    p95_ms: float
    events: tuple[Event, ...]

    @classmethod
    def of(cls, workspace: Workspace) -> Facts:
        """Read the workspace; what is not there yet counts as none."""
        champion = _or(None, lambda: registry.champion(workspace))
        calls = RequestLog(workspace).summary()
        return cls(
            run=_or(None, lambda: pipeline.last_run(workspace)),
            data_versions=_or(0, lambda: len(versions.log(workspace))),
            code_digests=_lines(workspace, "code.yaml"),
            libraries=len(dvcfiles.environment()) if (workspace.root / "env.yaml").is_file() else 0,
            model_versions=_or(0, lambda: len(registry.versions(workspace))),
            champion=champion.version if champion else None,
            moves=_or((), lambda: registry.history(workspace, "champion")),
            requests=calls.count,
            p95_ms=calls.p95_ms,
            events=Ledger(workspace).events() if workspace.ledger_db.exists() else (),
        )

    def count(self, kind: str, code: str = "") -> int:
        """How many events there are of a kind, with this code among their values if one is named."""
        return sum(event.kind == kind and code in ("", event.detail.get("code")) for event in self.events)

    def weeks(self) -> tuple[Mapping[str, Any], ...]:
        """The values of every week that was lived."""
        found: list[Mapping[str, Any]] = []
        for event in self.events:
            values = event.detail.get("values")
            if event.detail.get("code") == "loop.week" and isinstance(values, Mapping):
                found.append(values)
        return tuple(found)

    def retrainings(self) -> int:
        """How many decisions to retrain there were."""
        decisions = [event.detail.get("values") for event in self.events if event.detail.get("code") == "loop.decide"]
        return sum(isinstance(values, Mapping) and values.get("action") == "retrain" for values in decisions)


def _or(nothing: T, read: Callable[[], T]) -> T:
    try:
        return read()
    except NotFound:
        return nothing


def _lines(workspace: Workspace, name: str) -> int:
    path = workspace.root / name
    return len(path.read_text(encoding="utf-8").splitlines()) if path.is_file() else 0


@dataclass(frozen=True, slots=True)
class Evidence:
    """Whether a practice is real here, and the numbers that show it."""

    lit: bool
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Cell:
    """One practice: its row, the page where it is real, how its evidence is read."""

    row: str
    name: str
    page: str
    read: Callable[[Facts], Evidence]

    @property
    def code(self) -> str:
        """Name in the catalogue: `map16.<row>.<name>`."""
        return f"{self.row}.{self.name}"


def _number(read: Callable[[Facts], float]) -> Callable[[Facts], Evidence]:
    def evidence(facts: Facts) -> Evidence:
        number = read(facts)
        return Evidence(number > 0, {"n": number})

    return evidence


def _step(name: str) -> Callable[[Facts], Evidence]:
    def evidence(facts: Facts) -> Evidence:
        record = next((step for step in facts.run.steps if step.step == name), None) if facts.run else None
        return Evidence(record is not None and bool(record.output), {"seconds": record.seconds if record else 0.0})

    return evidence


def _served(facts: Facts) -> Evidence:
    return Evidence(facts.champion is not None, {"n": facts.champion or 0})


def _answers(facts: Facts) -> Evidence:
    return Evidence(facts.requests > 0, {"n": facts.requests, "ms": facts.p95_ms if facts.requests else 0.0})


def _money(facts: Facts) -> Evidence:
    known = [week["realised"]["cost_per_row"] for week in facts.weeks() if week.get("realised")]
    return Evidence(bool(known), {"cost": known[-1] if known else 0.0})


def _looks(facts: Facts) -> float:
    return facts.count("watched") + len(facts.weeks())


def _judged(facts: Facts) -> float:
    return sum(bool(week.get("realised")) for week in facts.weeks()) + facts.count("watched", "performance")


CELLS = (
    Cell("automation", "validate", "pipelines", _step("validate")),
    Cell("automation", "train", "pipelines", _step("evaluate")),
    Cell("automation", "deploy", "delivery", _served),
    Cell("automation", "retrain", "loop", _number(Facts.retrainings)),
    Cell("versioning", "code", "pipelines", _number(lambda facts: facts.code_digests)),
    Cell("versioning", "data", "versions", _number(lambda facts: facts.data_versions)),
    Cell("versioning", "models", "experiments", _number(lambda facts: facts.model_versions)),
    Cell("versioning", "environment", "delivery", _number(lambda facts: facts.libraries)),
    Cell("continuous", "integration", "delivery", _number(lambda facts: facts.count("gate"))),
    Cell("continuous", "deployment", "delivery", _number(lambda facts: len(facts.moves))),
    Cell("continuous", "training", "loop", _number(lambda facts: max(facts.count("loop", "loop.run") - 1, 0))),
    Cell("continuous", "monitoring", "loop", _number(lambda facts: len(facts.weeks()))),
    Cell("monitoring", "drift", "monitoring", _number(_looks)),
    Cell("monitoring", "performance", "monitoring", _number(_judged)),
    Cell("monitoring", "infrastructure", "delivery", _answers),
    Cell("monitoring", "business", "loop", _money),
)


def read_all(workspace: Workspace) -> dict[str, Evidence]:
    """Evidence by cell, in the order of the map; a workspace that cannot be read lights nothing."""
    try:
        facts = Facts.of(workspace)
    except MlopsError:
        return {cell.code: Evidence(False, {}) for cell in CELLS}
    return {cell.code: cell.read(facts) for cell in CELLS}
