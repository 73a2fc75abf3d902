"""The whole life cycle, as the lecture tells it.

    begin:    data → pipeline → trial → gates → champion
    advance:  a week passes → what monitoring knew then → alarms → a decision
              → (retrain) new data version → pipeline → trial → gates → champion or not

What happened is in the ledger, so the loop goes on where it stopped, on the page or on the command line. Everything that is
said is computed from the workspace; with one seed the digests are the same in every process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from mlops_core import pipeline, registry, versions
from mlops_core.digest import digest_value
from mlops_core.errors import BadInput, BadParameter
from mlops_core.gates import Decision
from mlops_core.ledger import Event, Ledger
from mlops_core.monitor import Baseline, MonitorPolicy, Window, replay
from mlops_core.params import read_params, set_params
from mlops_core.plain import plain
from mlops_core.project import Template, template_of
from mlops_core.reference import champion_baseline, champion_schema
from mlops_core.release import judge, log_run, release
from mlops_core.workspace import Workspace

KIND = "loop"
VOLATILE = ("seconds", "run_id")


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened: on which day of the lesson, at which stage, in a sentence and in values."""

    date: str
    stage: str
    code: str
    text: str
    values: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """The entry as plain values."""
        return {
            "date": self.date,
            "stage": self.stage,
            "code": self.code,
            "text": self.text,
            "values": dict(self.values),
        }


@dataclass(frozen=True, slots=True)
class RetrainPolicy:
    """When an alarm is an action: after an alarm of one of `kinds`, not within `cooldown_days` of the last retraining.

    `holdout_days`: the newest days are held out, and the gates judge champion and challenger on them.
    """

    kinds: tuple[str, ...] = ("realised",)
    cooldown_days: int = 28
    holdout_days: int = 28

    def __post_init__(self) -> None:
        if self.holdout_days < 7 or self.cooldown_days < 0:
            raise BadParameter(
                f"holdout_days is {self.holdout_days} and cooldown_days {self.cooldown_days}.",
                code="loop.policy",
                fix="Hold out at least 7 days; a cool-down cannot be negative.",
            )


@dataclass(frozen=True, slots=True)
class LoopResult:
    """What happened, in order. `digest` names the story: same seed, same data, same code, same digest."""

    entries: tuple[Entry, ...]

    @property
    def weeks(self) -> tuple[Entry, ...]:
        """The readings of the board, one a week."""
        return tuple(entry for entry in self.entries if entry.code == "loop.week")

    def of(self, code: str) -> tuple[Entry, ...]:
        """The entries with one code."""
        return tuple(entry for entry in self.entries if entry.code == code)

    @property
    def digest(self) -> str:
        """The story without clock times and run ids."""
        told = [[e.date, e.code, {k: v for k, v in e.values.items() if k not in VOLATILE}] for e in self.entries]
        return digest_value(told)

    def to_dict(self) -> dict[str, Any]:
        """The story as plain values."""
        return {"digest": self.digest, "weeks": len(self.weeks), "entries": [entry.to_dict() for entry in self.entries]}


@dataclass(frozen=True, slots=True)
class Loop:
    """The loop of one workspace: `year` is the course's whole stream, of which each week sees only what was known."""

    workspace: Workspace
    year: pd.DataFrame
    policy: MonitorPolicy = field(default_factory=MonitorPolicy)
    retraining: RetrainPolicy = field(default_factory=RetrainPolicy)
    on_entry: Callable[[Entry], None] | None = None

    # -- where we are ------------------------------------------------------------------------------------------------

    @property
    def course(self) -> Template:
        """The template of the workspace."""
        return template_of(self.workspace)

    def story(self) -> LoopResult:
        """Everything that has happened so far."""
        return LoopResult(tuple(_entry(event) for event in Ledger(self.workspace).events(KIND)))

    @property
    def next_week(self) -> pd.Timestamp:
        """The Monday of the week that has not been lived yet."""
        weeks = self.story().weeks
        if not weeks:
            return pd.Timestamp(self.course.stream_start)
        return pd.Timestamp(str(weeks[-1].values["end"])) + pd.Timedelta(days=1)

    @property
    def last_day(self) -> pd.Timestamp:
        """The last day of the stream."""
        return pd.Timestamp(self.year[str(self.course.schema.day)].max())

    # -- what happens ------------------------------------------------------------------------------------------------

    def begin(self, *, seed: int | None = None) -> LoopResult:
        """Train, gate and promote the first champion; nothing when there is one and the story has begun.

        When the gates kept the first candidate out, a second call tries again.
        """
        if self.story().entries and registry.champion(self.workspace) is not None:
            return self.story()
        if seed is not None and read_params(self.workspace.params)["seed"] != seed:
            set_params(self.workspace.params, {"seed": seed})
        start = self.course.stream_start
        version = versions.current(self.workspace)
        self._tell(start, "data", "loop.data", f"Data version {version.name}: {version.rows:,} rows.", _data(version))
        if registry.champion(self.workspace) is None:
            self._candidate(start)
        else:
            self._tell(start, "serve", "loop.champion", "A champion is serving already.", self._champion())
        return self.story()

    def advance(self, baseline: Baseline | None = None) -> Entry:
        """Live one week: read the board as it was then, and act on it. BadInput before `begin` and after the last day.

        `baseline` is the champion's, if the caller has it already.
        """
        champion = registry.champion(self.workspace)
        if champion is None:
            raise BadInput("there is no champion to watch yet.", code="loop.begin", fix="Begin the loop first.")
        start = self.next_week
        if start > self.last_day:
            raise BadInput("the year is over.", code="loop.over", fix="Reset the workspace to live it again.")
        normal = baseline or champion_baseline(self.workspace)
        window = self.read_board(normal, start)
        entry = self._week(window, normal)
        self._act(window)
        return entry

    def run(self, until: str, *, seed: int | None = None) -> LoopResult:
        """Begin, then live week after week up to and including the day `until`."""
        self.begin(seed=seed)
        baselines: dict[int, Baseline] = {}
        while (champion := registry.champion(self.workspace)) is not None and self.next_week <= pd.Timestamp(until):
            if champion.version not in baselines:
                baselines = {champion.version: champion_baseline(self.workspace)}
            self.advance(baselines[champion.version])
        return self.story()

    def read_board(self, baseline: Baseline, start: pd.Timestamp) -> Window:
        """What the board showed at the end of the week that starts on `start`."""
        champion = registry.champion(self.workspace)
        if champion is None:
            raise BadInput("there is no champion to watch yet.", code="loop.begin", fix="Begin the loop first.")
        patience = pd.Timedelta(days=14 + self.policy.settlement_days)
        since = min(start, max(pd.Timestamp(self.course.stream_start), self._reign(), start - patience))
        end = min(start + pd.Timedelta(days=6), self.last_day)
        model = registry.load(self.workspace)
        schema = champion_schema(self.workspace, champion)
        *_, window = replay(self.year, schema, model, baseline, self.policy, since, end)
        return window

    # -- the parts ---------------------------------------------------------------------------------------------------

    def _tell(self, date: str, stage: str, code: str, text: str, values: Mapping[str, Any]) -> Entry:
        detail = {"code": code, "text": text, "values": plain(values)}
        event = Ledger(self.workspace).record(KIND, stage, lesson_date=date, **detail)
        entry = _entry(event)
        if self.on_entry:
            self.on_entry(entry)
        return entry

    def _week(self, window: Window, baseline: Baseline) -> Entry:
        metrics = window.realised.metrics
        values = {**window.to_dict(), "as_of": window.as_of.isoformat(), "champion": self._champion()["version"],
                  "expected": baseline.cost.to_dict()}  # fmt: skip
        cost = f"cost {metrics.cost_per_row:.3f} a row" if metrics else "no outcome known yet"
        kinds = ", ".join(alarm.kind for alarm in window.alarms) or "none"
        text = f"{window.rows:,} rows, {len(window.drift.drifted)} columns drifted, {cost}; alarms: {kinds}."
        date = f"{window.end:%Y-%m-%d}"
        entry = self._tell(date, "monitor", "loop.week", text, values)
        for alarm in window.alarms:
            self._tell(date, "monitor", f"alarm.{alarm.kind}", alarm.message, alarm.to_dict())
        return entry

    def _act(self, window: Window) -> None:
        """Decide what the alarms of this week mean: wait, or retrain."""
        date = f"{window.end:%Y-%m-%d}"
        reasons = [alarm for alarm in window.alarms if alarm.kind in self.retraining.kinds]
        if not reasons:
            return
        last = [entry for entry in self.story().of("loop.decide") if entry.values["action"] == "retrain"]
        rested = not last or (
            pd.Timestamp(date) - pd.Timestamp(last[-1].date) >= pd.Timedelta(days=self.retraining.cooldown_days)
        )
        drifted, usual = len(window.drift.drifted), self._usual_drift()
        kinds = [alarm.kind for alarm in reasons]
        values = {"action": "retrain" if rested else "wait", "because": kinds, "drifted": drifted, "usual": usual}
        board = "no redder than" if drifted <= usual else "redder than"
        words = f"The board is {board} in the weeks before ({drifted} columns, at most {usual})."
        if not rested:
            since = f"{self.retraining.cooldown_days} days after the last retraining"
            self._tell(date, "decide", "loop.decide", f"Wait: less than {since}. {words}", values)
            return
        self._tell(date, "decide", "loop.decide", f"Retrain on everything known by now. {words}", values)
        self._retrain(date)

    def _reign(self) -> pd.Timestamp:
        """The first day on which this champion served: the day after its promotion."""
        moves = registry.history(self.workspace, "champion")
        day = moves[-1].lesson_date if moves else ""
        return pd.Timestamp(day) + pd.Timedelta(days=1) if day > self.course.stream_start else pd.Timestamp.min

    def _usual_drift(self) -> int:
        weeks = self.story().weeks[:-1]
        return max((len(week.values["drifted"]) for week in weeks), default=0)

    def _retrain(self, date: str) -> None:
        end = pd.Timestamp(date) + pd.Timedelta(days=1)
        read_at = end + pd.Timedelta(hours=self.policy.read_hours)
        known_by = read_at - pd.Timedelta(days=self.policy.settlement_days)
        frame = self.course.history(self.year, f"{end:%Y-%m-%d}", known_by.isoformat())
        name = f"live-{date}"
        message = f"Everything known on {date}"
        version = versions.commit(self.workspace, frame, name=name, message=message, lesson_date=date)
        text = f"Data version {version.name}: {version.rows:,} rows, {version.columns} columns."
        self._tell(date, "data", "loop.version", text, _data(version))
        held = end - pd.Timedelta(days=self.retraining.holdout_days)
        set_params(
            self.workspace.params,
            {"split.holdout_from": f"{held:%Y-%m-%d}", "features.groups": list(self.course.retrain_groups)},
        )
        self._candidate(date)

    def _candidate(self, date: str) -> None:
        """Run the pipeline, hold its model against the gates, promote it if it passes."""
        run = pipeline.run(self.workspace)
        if not run.passed:
            bad = run.failed
            why = bad.log[-1] if bad is not None and bad.log else "no message"
            step = bad.step if bad is not None else ""
            self._tell(date, "pipeline", "loop.failed", f"The run stopped at {step}: {why}", {"step": step})
            return
        metrics = pipeline.read_output(self.workspace, "evaluate")["metrics"]
        text = f"Ran {', '.join(run.changed) or 'nothing'}: AUC {metrics['auc']:.3f}, cost {metrics['cost_per_row']:.3f} a row."
        self._tell(
            date,
            "pipeline",
            "loop.run",
            text,
            {"changed": list(run.changed), "outputs": run.outputs, "metrics": metrics},
        )
        run_id = log_run(self.workspace)
        decision = judge(self.workspace, run_id, lesson_date=date)
        self._tell(date, "gate", "loop.gates", _gate_words(decision), {"run_id": run_id, **_gates(decision)})
        if decision.passed:
            promotion = release(self.workspace, run_id, decision, lesson_date=date)
            was = f", replacing version {promotion.previous}" if promotion.previous else ""
            text = f"Version {promotion.version} is champion{was}."
            self._tell(date, "serve", "loop.champion", text, self._champion())
        else:
            self._tell(date, "serve", "loop.kept", "The champion stays.", self._champion())

    def _champion(self) -> dict[str, Any]:
        champion = registry.champion(self.workspace)
        if champion is None:
            return {"version": None, "digest": ""}
        return {"version": champion.version, "digest": champion.digest}


def _entry(event: Event) -> Entry:
    detail = event.detail
    values: Any = detail["values"]
    return Entry(event.lesson_date, event.subject, str(detail["code"]), str(detail["text"]), values)


def _data(version: versions.Version) -> dict[str, Any]:
    return {"name": version.name, "digest": version.digest, "rows": version.rows, "columns": version.columns}


def _gates(decision: Decision) -> dict[str, Any]:
    return {
        "outcome": decision.outcome,
        "verdicts": {v.gate: v.outcome for v in decision.verdicts},
        "policy": decision.policy_digest,
    }


def _gate_words(decision: Decision) -> str:
    stopped = [v for v in decision.verdicts if v.outcome in ("fail", "inconclusive") and v.severity == "block"]
    if not stopped:
        return f"{len(decision.verdicts)} gates: {decision.outcome}."
    return f"{len(decision.verdicts)} gates: {decision.outcome}. " + " ".join(v.reason for v in stopped)
