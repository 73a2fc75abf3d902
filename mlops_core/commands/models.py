"""Commands about models: sweep, experiments, reproduce, gate, promote, rollback."""

from __future__ import annotations

import argparse

from mlops_core.commands.base import INCONCLUSIVE, NEGATIVE, OK, Command, Outcome, open_here, pairs, progress, table

EXIT = {"pass": OK, "fail": NEGATIVE, "inconclusive": INCONCLUSIVE, "skipped": OK}


def _sweep_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter for every trial")
    parser.add_argument("--over", action="append", default=[], metavar="NAME=A,B,C", help="a parameter and its values")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds for each combination")


def sweep(args: argparse.Namespace) -> Outcome:
    """Train and log one trial for every combination."""
    from mlops_core import trials

    grid = {name: _values(str(values)) for name, values in pairs(args.over).items()}
    workspace = open_here(args)
    found = trials.sweep(
        workspace,
        grid,
        fixed=pairs(args.set),
        seeds=args.seeds,
        on_trial=lambda trial: progress(f"{trial.params['kind']} {trial.run_id[:8]}"),
    )
    rows = [trials.row(record) for record in found]
    return Outcome({"trials": rows}, table(rows, trials.SHOWN))


def _values(text: str) -> list[object]:
    import yaml

    return [yaml.safe_load(part) for part in text.split(",")]


def experiments(args: argparse.Namespace) -> Outcome:
    """Every logged trial, newest last."""
    from mlops_core import tracking, trials

    rows = [trials.row(record) for record in tracking.trials(open_here(args))]
    return Outcome({"trials": rows}, table(rows, trials.SHOWN))


def _run_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", nargs="?", default="", help="a run id, or its first characters (default: the last run)")


def reproduce(args: argparse.Namespace) -> Outcome:
    """Train a logged run again from its record and compare the digests of the models."""
    from mlops_core import trials

    workspace = open_here(args)
    again = trials.reproduce(workspace, trials.resolve(workspace, args.run).run_id)
    line = (
        f"{again.run_id[:8]}: {'same' if again.same else 'different'} model ({again.expected[:8]}, {again.digest[:8]})"
    )
    result = {"run_id": again.run_id, "same": again.same, "expected": again.expected, "digest": again.digest}
    return Outcome(result, (line,), OK if again.same else NEGATIVE)


def gate(args: argparse.Namespace) -> Outcome:
    """Hold a run against the gates."""
    from mlops_core import release, trials
    from mlops_core.commands.verdicts import render

    workspace = open_here(args)
    run_id = trials.resolve(workspace, args.run).run_id if args.run else release.log_run(workspace)
    decision = release.judge(workspace, run_id)
    result = {"run_id": run_id, **decision.to_dict()}
    text = "" if args.format in ("text", "json") else render(decision, args.format)
    rows = [{"gate": v.gate, "outcome": v.outcome, "value": v.value, "threshold": v.threshold, "reason": v.reason}
            for v in decision.verdicts]  # fmt: skip
    lines = (*table(rows, ["gate", "outcome", "value", "threshold", "reason"]), f"decision: {decision.outcome}")
    return Outcome(result, lines, EXIT[decision.outcome], text)


def _promote_arguments(parser: argparse.ArgumentParser) -> None:
    _run_argument(parser)
    parser.add_argument("--reason", default="", help="why, for the ledger")


def promote(args: argparse.Namespace) -> Outcome:
    """Hold a run against the gates and make it champion if it passes."""
    from mlops_core import release, trials

    workspace = open_here(args)
    run_id = trials.resolve(workspace, args.run).run_id if args.run else release.log_run(workspace)
    decision = release.judge(workspace, run_id)
    if not decision.passed:
        stopped = [f"{v.gate}: {v.reason}" for v in decision.verdicts if v.outcome != "pass" and v.severity == "block"]
        return Outcome(
            {"run_id": run_id, **decision.to_dict()},
            (f"not promoted: {decision.outcome}", *stopped),
            EXIT[decision.outcome],
        )
    done = release.release(workspace, run_id, decision, reason=args.reason)
    result = {"run_id": run_id, "version": done.version, "previous": done.previous, "reason": done.reason}
    return Outcome(result, (f"version {done.version} is champion",))


def _reason_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reason", default="rolled back by hand", help="why, for the ledger")


def rollback(args: argparse.Namespace) -> Outcome:
    """Give the alias back to the champion before."""
    from mlops_core import registry, versions

    workspace = open_here(args)
    day = versions.current(workspace).lesson_date
    done = registry.rollback(workspace, reason=args.reason, lesson_date=day)
    result = {"version": done.version, "previous": done.previous, "reason": done.reason}
    return Outcome(result, (f"version {done.version} is champion again; it was version {done.previous}",))


_GATE_FORMATS = ("text", "json", "junit", "github", "md")
COMMANDS = (
    Command(
        "sweep",
        "Train and log many trials.",
        "sweep --over model.max_leaf_nodes=7,15,31 --seeds 2",
        sweep,
        _sweep_arguments,
    ),
    Command("experiments", "List every logged trial.", "experiments --json", experiments),
    Command("reproduce", "Train a logged run again and compare digests.", "reproduce", reproduce, _run_argument),
    Command("gate", "Hold a run against the gates.", "gate --format junit", gate, _run_argument, _GATE_FORMATS),
    Command(
        "promote",
        "Make a run champion if it passes the gates.",
        "promote --reason 'cheaper'",
        promote,
        _promote_arguments,
    ),
    Command(
        "rollback", "Go back to the champion before.", "rollback --reason 'angry calls'", rollback, _reason_argument
    ),
)
