"""A pipeline runs what has changed and nothing else.

The key of a step is the digest of everything that can change its result: its parsed code, the parameters it reads, the
digests of its inputs and the versions of the libraries. Same key, same output: it is taken from the store, not computed.
The idea is that of make, with content in place of timestamps (Dolstra, *The Purely Functional Software Deployment Model*,
2006; DVC's run cache).

    run(workspace).changed      # ('train', 'evaluate') after a model parameter has changed, () when nothing has
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal

from mlops_core import dvcfiles, runstore
from mlops_core.digest import digest_value
from mlops_core.errors import BadInput, MlopsError, NotFound, StepFailed
from mlops_core.params import overlay, read_params
from mlops_core.runstore import Key, Store
from mlops_core.stepcode import Step, read_steps
from mlops_core.workspace import Workspace

Status = Literal["ran", "reused", "failed", "skipped"]
DATASET = "dataset"

_notes: ContextVar[list[str] | None] = ContextVar("notes", default=None)


def note(text: str) -> None:
    """Add a line to the log of the step that is running; outside a run it does nothing."""
    lines = _notes.get()
    if lines is not None:
        lines.append(text)


@dataclass(frozen=True, slots=True)
class StepRun:
    """What happened to one step: `why` names what changed (or that nothing did), `output` is the digest of its result."""

    step: str
    status: Status
    seconds: float
    key: str
    why: str
    log: tuple[str, ...] = ()
    output: str = ""
    bytes: int = 0

    def to_dict(self) -> dict[str, object]:
        """The record as plain values."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Run:
    """One pass over the pipeline: `dataset` is the data it read, `params` the parameters it read, overrides included."""

    id: str
    lane: str
    started: float
    seconds: float
    steps: tuple[StepRun, ...]
    dataset: str
    params: Mapping[str, Any]

    @property
    def changed(self) -> tuple[str, ...]:
        """Names of the steps that really ran."""
        return tuple(step.step for step in self.steps if step.status == "ran")

    @property
    def passed(self) -> bool:
        """True when every step has an output."""
        return all(step.status in ("ran", "reused") for step in self.steps)

    @property
    def failed(self) -> StepRun | None:
        """The step that failed, if one did."""
        return next((step for step in self.steps if step.status == "failed"), None)

    @property
    def outputs(self) -> dict[str, str]:
        """Digest of the output of every step that has one."""
        return {step.step: step.output for step in self.steps if step.output}

    @property
    def message(self) -> str:
        """One line for the Git log: which steps ran and why the first of them did."""
        first = next((step for step in self.steps if step.status == "ran"), None)
        return f"Run {', '.join(self.changed)} ({first.why})" if first else "Go back to outputs that were kept"

    def step(self, name: str) -> StepRun:
        """The record of one step; NotFound names those there are."""
        for step in self.steps:
            if step.step == name:
                return step
        raise NotFound(f"no step {name!r} in run {self.id}", code="step.unknown", step=name)

    def raise_if_failed(self) -> Run:
        """This run, or StepFailed with the failed step's last words."""
        bad = self.failed
        if bad is not None:
            words = bad.log[-1] if bad.log else "no message"
            raise StepFailed(f"step {bad.step} failed: {words}", code="step.failed", step=bad.step)
        return self

    def to_dict(self) -> dict[str, object]:
        """The record as plain values."""
        return {
            **{name: getattr(self, name) for name in ("id", "lane", "started", "seconds", "dataset")},
            "params": dict(self.params),
            "steps": [step.to_dict() for step in self.steps],
        }


@dataclass(frozen=True, slots=True)
class StepPlan:
    """What a run would do with one step. `certain` is false when an input's own rerun may or may not change it."""

    step: str
    action: Literal["run", "reuse"]
    why: str
    certain: bool = True


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Steps in an order in which every input exists before it is read."""

    steps: tuple[Step, ...]

    @classmethod
    def of(cls, steps: Sequence[Step], given: Sequence[str] = (DATASET,)) -> Pipeline:
        """Order steps by their names; BadInput names a missing input, a producer that stands twice, or a cycle."""
        by_name: dict[str, Step] = {}
        for step in steps:
            if step.name in by_name or step.name in given:
                raise BadInput(
                    f"{step.name!r} is produced twice.", code="pipeline.twice", fix="Rename one of the steps."
                )
            by_name[step.name] = step
        ordered: list[Step] = []
        done = set(given)
        waiting = dict(by_name)
        while waiting:
            ready = [step for step in waiting.values() if all(name in done for name in step.reads)]
            if not ready:
                raise _stuck(waiting, set(by_name) | set(given))
            for step in ready:
                ordered.append(step)
                done.add(step.name)
                del waiting[step.name]
        return cls(tuple(ordered))

    def step(self, name: str) -> Step:
        """The step called `name`; NotFound names those there are."""
        for step in self.steps:
            if step.name == name:
                return step
        names = ", ".join(step.name for step in self.steps)
        raise NotFound(f"no step {name!r}; there are {names}", code="step.unknown", step=name)

    @property
    def edges(self) -> tuple[tuple[str, str], ...]:
        """Pairs (producer, reader), the dataset among the producers."""
        return tuple((name, step.name) for step in self.steps for name in step.reads)


def _stuck(waiting: Mapping[str, Step], known: set[str]) -> BadInput:
    for step in waiting.values():
        missing = [name for name in step.reads if name not in known]
        if missing:
            return BadInput(
                f"step {step.name} reads {missing[0]!r}, which no step produces.",
                code="pipeline.missing",
                fix=f"There are {', '.join(sorted(known))}.",
                step=step.name,
            )
    circle = " → ".join([*sorted(waiting), min(waiting)])
    return BadInput(
        f"steps read each other in a circle: {circle}.", code="pipeline.cycle", fix="Cut one of the arrows."
    )


def load_pipeline(workspace: Workspace) -> Pipeline:
    """The pipeline that the workspace's `steps/` describes."""
    return Pipeline.of(read_steps(workspace.steps))


def _key(step: Step, params: Mapping[str, Any], inputs: Mapping[str, str], environment: str) -> Key:
    missing = [name for name in step.params if name not in params]
    if missing:
        raise BadInput(
            f"step {step.name} takes parameter {missing[0]!r}, which params.yaml does not have.",
            code="params.missing",
            fix=f"Add a section {missing[0]!r}.",
            step=step.name,
        )
    read = {name: digest_value(params[name]) for name in step.params}
    return Key(step.code, read, {name: inputs[name] for name in step.reads if name in inputs}, environment)


def plan(workspace: Workspace, overrides: Mapping[str, object] | None = None, lane: str = "") -> tuple[StepPlan, ...]:
    """What a run would do now, step by step, without running anything."""
    store = Store(workspace, lane)
    params = overlay(read_params(workspace.params), overrides or {})
    inputs, plans, moved = {DATASET: store.dataset()}, [], set[str]()
    for step in load_pipeline(workspace).steps:
        key = _key(step, params, inputs, dvcfiles.environment_digest())
        upstream = [name for name in step.reads if name in moved]
        record = None if upstream else store.find(step, key)
        if record is not None:
            inputs[step.name] = record.output
            plans.append(StepPlan(step.name, "reuse", "nothing it reads has changed"))
            continue
        moved.add(step.name)
        why = store.why(step, key, params)
        plans.append(StepPlan(step.name, "run", f"{upstream[0]} runs again" if upstream else why, not upstream))
    return tuple(plans)


def run(
    workspace: Workspace,
    *,
    overrides: Mapping[str, object] | None = None,
    lane: str = "",
    on_step: Callable[[str, StepRun | None], None] | None = None,
) -> Run:
    """Bring every output up to date, running only what has changed.

    `overrides` are dotted parameters laid over `params.yaml` for this run. A `lane` keeps the outputs of a variant (one
    of fifty models) apart in `reports/<lane>/`; only the main lane writes `dvc.lock` and a Git commit. `on_step(name,
    None)` is called before a step and `on_step(name, record)` after it. A failing step is a record, not an exception:
    see `Run.raise_if_failed`. Raises Busy when another run holds the workspace, BadInput for a bad pipeline or parameter.
    """
    with workspace.lock():
        return run_locked(workspace, overrides=overrides, lane=lane, on_step=on_step)


def run_locked(
    workspace: Workspace,
    *,
    overrides: Mapping[str, object] | None = None,
    lane: str = "",
    on_step: Callable[[str, StepRun | None], None] | None = None,
) -> Run:
    """`run` for a caller that already holds the workspace's lock."""
    started, clock = time.time(), time.perf_counter()
    params = overlay(read_params(workspace.params), overrides or {})
    pipeline = load_pipeline(workspace)
    store = Store(workspace, lane)
    inputs, records = {DATASET: store.dataset()}, list[StepRun]()
    environment = dvcfiles.environment_digest()
    for step in pipeline.steps:
        if on_step:
            on_step(step.name, None)
        record = _advance(store, step, params, inputs, environment)
        if record.output:
            inputs[step.name] = record.output
        records.append(record)
        if on_step:
            on_step(step.name, record)
    seconds = time.perf_counter() - clock
    result = Run(runstore.new_id(started), lane, started, seconds, tuple(records), inputs[DATASET], params)
    store.finish(result.to_dict(), params, pipeline.steps)
    if not lane and not overrides and result.passed:
        _write_down(store, result, pipeline.steps)
    return result


def _write_down(store: Store, result: Run, steps: Sequence[Step]) -> None:
    """Tell DVC and Git what stands in `reports/` now, also when every step of it was reused; nothing if they know."""
    state = (result.outputs, result.params, tuple(steps))
    if dvcfiles.recorded(store.workspace) and not store.is_news(*state):
        return
    dvcfiles.record(store.workspace, steps, result.params, result.outputs, message=result.message)
    store.written_down(*state)


def _advance(
    store: Store, step: Step, params: Mapping[str, Any], inputs: Mapping[str, str], environment: str
) -> StepRun:
    """Reuse, run or skip one step."""
    missing = [name for name in step.reads if name not in inputs]
    if missing:
        return StepRun(step.name, "skipped", 0.0, "", f"{missing[0]} has no output")
    key = _key(step, params, inputs, environment)
    found = store.find(step, key)
    if found is not None:
        store.place(step, found)
        why = "nothing it reads has changed"
        return StepRun(step.name, "reused", found.seconds, key.digest, why, found.log, found.output, found.bytes)
    why = store.why(step, key, params)
    return _execute(store, step, key, why, params, inputs)


def _execute(
    store: Store, step: Step, key: Key, why: str, params: Mapping[str, Any], inputs: Mapping[str, str]
) -> StepRun:
    lines: list[str] = []
    token, clock = _notes.set(lines), time.perf_counter()
    try:
        values = [store.load(name, inputs[name]) for name in step.reads]
        result = step.function()(*values, **{name: params[name] for name in step.params})
        seconds = time.perf_counter() - clock
        record = store.keep(step, key, result, seconds, tuple(lines))
    except Exception as error:  # noqa: BLE001 - whatever a step raises becomes its record; nothing else is caught here
        words = str(error) if isinstance(error, MlopsError) else f"{type(error).__name__}: {error}"
        elapsed = time.perf_counter() - clock
        return StepRun(step.name, "failed", elapsed, key.digest, why, (*lines, words))
    finally:
        _notes.reset(token)
    return StepRun(step.name, "ran", seconds, key.digest, why, record.log, record.output, record.bytes)


def run_step(workspace: Workspace, name: str) -> StepRun:
    """Run one step on the outputs that lie in `reports/`, as `dvc repro` calls it; `dvc.lock` is left alone.

    "code" is the stage that writes `code.yaml` and `env.yaml`. Raises NotFound when an input is missing.
    """
    pipeline = load_pipeline(workspace)
    if name == "code":
        dvcfiles.write_code(workspace, pipeline.steps)
        return StepRun("code", "ran", 0.0, "", "the digests of the steps were written")
    step, params = pipeline.step(name), read_params(workspace.params)
    with workspace.lock():
        store = Store(workspace)
        inputs = {DATASET: store.dataset()}
        for read in step.reads:
            if read != DATASET:
                inputs[read] = store.adopt(pipeline.step(read))
        return _advance(store, step, params, inputs, dvcfiles.environment_digest())


def last_run(workspace: Workspace, lane: str = "") -> Run | None:
    """The newest finished run of a lane, or None."""
    record = Store(workspace, lane).newest()
    return None if record is None else _run_of(record)


def runs(workspace: Workspace, lane: str = "") -> tuple[Run, ...]:
    """The finished runs of a lane that are still on record (at most 50), oldest first."""
    return tuple(_run_of(record) for record in Store(workspace, lane).runs())


def _run_of(record: Mapping[str, Any]) -> Run:
    steps = tuple(StepRun(**{**step, "log": tuple(step["log"])}) for step in record["steps"])
    return Run(
        record["id"], record["lane"], record["started"], record["seconds"], steps, record["dataset"], record["params"]
    )


def read_output(workspace: Workspace, name: str, lane: str = "") -> Any:
    """The current output of a step: a DataFrame, a dict or a fitted model; NotFound when the step has not run."""
    run = last_run(workspace, lane)
    if run is None or not run.step(name).output:
        raise NotFound(f"step {name} has no output yet.", code="output.missing", fix="Run the pipeline.", step=name)
    return Store(workspace, lane).load(name, run.step(name).output)
