"""Commands about the workspace and its pipeline: init, run, step, doctor."""

from __future__ import annotations

import argparse
from pathlib import Path

from mlops_core import pipeline, project
from mlops_core.commands.base import DAMAGED, NEGATIVE, OK, Command, Outcome, open_here, pairs, progress, table
from mlops_core.commands.doctor import examine
from mlops_core.workspace import find_workspace


def _init_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", nargs="?", default=".", help="a new or empty folder (default: here)")
    parser.add_argument("--template", default="flights", help="the course to start from")
    parser.add_argument("--source", metavar="DIR", help="folder of the raw data files")


def init(args: argparse.Namespace) -> Outcome:
    """Make a workspace."""
    source = Path(args.source) if args.source else None
    workspace = project.create(Path(args.workspace or args.folder).resolve(), course=args.template, source=source)
    from mlops_core import versions

    names = [version.name for version in versions.log(workspace)]
    current = versions.current(workspace)
    line = f"{workspace.root}: {len(names)} data versions, {current.name} checked out ({current.rows:,} rows)"
    return Outcome({"workspace": str(workspace.root), "versions": names, "current": current.to_dict()}, (line,))


def _run_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="write a parameter first")
    parser.add_argument("--plan", action="store_true", help="say what would run, and why, without running it")


def run(args: argparse.Namespace) -> Outcome:
    """Bring the pipeline up to date."""
    workspace = open_here(args)
    changes = pairs(args.set)
    if args.plan:
        planned = [{"step": p.step, "action": p.action, "why": p.why} for p in pipeline.plan(workspace, changes)]
        return Outcome({"plan": planned}, table(planned, ["step", "action", "why"]))
    if changes:
        project.change_params(workspace, changes)
    done = pipeline.run(workspace, on_step=lambda name, record: None if record else progress(f"{name} …"))
    rows: list[dict[str, object]] = [{**step.to_dict(), "log": " · ".join(step.log)} for step in done.steps]
    lines = (*table(rows, ["step", "status", "seconds", "why", "log"]), f"{done.seconds:.2f} s")
    return Outcome(done.to_dict(), lines, OK if done.passed else NEGATIVE)


def _step_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="a step of the pipeline, or `code`")


def step(args: argparse.Namespace) -> Outcome:
    """Run one step on the outputs of the steps before it; this is what dvc.yaml calls."""
    workspace = find_workspace(Path(args.workspace) if args.workspace else Path.cwd())
    record = pipeline.run_step(workspace, args.name)
    line = f"{record.step}: {record.status} ({record.why})"
    return Outcome(record.to_dict(), (line, *record.log), NEGATIVE if record.status == "failed" else OK)


def _doctor_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--relocate", action="store_true", help="rewrite stored paths after the workspace moved")
    parser.add_argument("--gc", action="store_true", help="remove workspaces that nobody has used for 30 days")


def doctor(args: argparse.Namespace) -> Outcome:
    """Check this machine, the settings in force and the workspace."""
    checks = examine(args.workspace, relocate=args.relocate, collect=args.gc)
    rows = [
        {"": "ok" if c.ok else "FIX", "check": c.name, "found": c.found, "fix": "" if c.ok else c.fix} for c in checks
    ]
    worst = max((c.exit for c in checks if not c.ok), default=OK)
    result = {"checks": [{"name": c.name, "ok": c.ok, "found": c.found, "fix": c.fix} for c in checks]}
    return Outcome(result, table(rows, ["", "check", "found", "fix"]), worst if worst in (NEGATIVE, DAMAGED) else OK)


COMMANDS = (
    Command(
        "init",
        "Make a workspace: a Git and DVC project with six data versions.",
        "init my-project",
        init,
        _init_arguments,
    ),
    Command("run", "Run what has changed in the pipeline.", "run --set model.max_iter=60", run, _run_arguments),
    Command("step", "Run one step; dvc.yaml calls this.", "step train", step, _step_arguments),
    Command("doctor", "Check the machine, the settings and the workspace.", "doctor", doctor, _doctor_arguments),
)
