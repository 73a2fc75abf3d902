"""Commands about a model that serves: monitor, loop, serve, export."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from mlops_core.commands.base import NEGATIVE, OK, Command, Outcome, day, open_here, progress, table


def _monitor_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", dest="start", default="2013-04-01", metavar="DAY", help="first day")
    parser.add_argument("--until", default="2013-06-30", metavar="DAY", help="last day")
    parser.add_argument("--settle", type=float, default=0.0, metavar="DAYS", help="how much later outcomes reach us")


def monitor(args: argparse.Namespace) -> Outcome:
    """Replay the weeks as monitoring saw them, without acting."""
    first, last = day(args.start, "--from"), day(args.until, "--until")
    from mlops_core import registry
    from mlops_core.monitor import MonitorPolicy, replay
    from mlops_core.project import Home, template_of
    from mlops_core.reference import champion_baseline, champion_schema

    workspace = open_here(args)
    baseline = champion_baseline(workspace)
    champion = registry.champion(workspace)
    assert champion is not None  # champion_baseline refuses without one
    year = Home.default().year(template_of(workspace))
    policy = MonitorPolicy(settlement_days=args.settle)
    schema, model = champion_schema(workspace, champion), registry.load(workspace)
    windows = list(replay(year, schema, model, baseline, policy, first, last))
    rows = [window.to_dict() for window in windows]
    shown = [{"week": r["start"], "rows": r["rows"], "drifted": len(r["drifted"]),
              "estimated": (r["estimated"] or {}).get("cost_per_row"), "realised": (r["realised"] or {}).get("cost_per_row"),
              "alarms": " ".join(a["kind"] for a in r["alarms"])} for r in rows]  # fmt: skip
    rang = any(row["alarms"] for row in rows)
    lines = table(shown, ["week", "rows", "drifted", "estimated", "realised", "alarms"])
    return Outcome({"windows": rows, "cost": baseline.cost.to_dict()}, lines, NEGATIVE if rang else OK)


def _loop_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--until", default="2013-06-30", metavar="DAY", help="live up to this day (default: 30 June)")
    parser.add_argument("--seed", type=int, default=13, help="seed of everything random")
    parser.add_argument("--source", metavar="DIR", help="folder of the raw data files")


def loop(args: argparse.Namespace) -> Outcome:
    """The whole life cycle, week by week."""
    until = day(args.until, "--until")
    from mlops_core.loop import Loop
    from mlops_core.project import Home, create, open_workspace, template_of

    if args.workspace and (Path(args.workspace) / ".mlops").is_dir():
        workspace = open_workspace(Path(args.workspace).resolve())
    else:
        root = Path(args.workspace) if args.workspace else Path(tempfile.mkdtemp(prefix="mlops-loop-")) / "workspace"
        workspace = create(root.resolve(), source=Path(args.source) if args.source else None)
    year = Home.default().year(template_of(workspace), Path(args.source) if args.source else None)
    told = Loop(workspace, year, on_entry=lambda entry: progress(f"{entry.date}  {entry.text}"))
    result = told.run(until, seed=args.seed)
    rows = [{"date": e.date, "stage": e.stage, "what": e.text} for e in result.entries]
    lines = (*table(rows, ["date", "stage", "what"]), f"workspace {workspace.root}", f"digest {result.digest}")
    return Outcome({"workspace": str(workspace.root), "seed": args.seed, **result.to_dict()}, lines)


def _serve_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, default=8600, help="port")


def serve(args: argparse.Namespace) -> Outcome:
    """Score over HTTP until interrupted."""
    from mlops_core.http import serve_forever

    workspace = open_here(args)
    serve_forever(workspace, args.host, args.port, on_ready=progress)
    return Outcome({"port": args.port}, ("stopped",))


def _export_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", nargs="?", default="", help="an exporter (without one: list them)")


def export(args: argparse.Namespace) -> Outcome:
    """Write the files another tool runs from."""
    from mlops_core.exporting import exporters, write

    found = exporters()
    if not args.target:
        return Outcome({"exporters": sorted(found)}, tuple(sorted(found)))
    written = write(open_here(args), args.target)
    return Outcome({"written": list(written)}, tuple(f"wrote {name}" for name in written))


COMMANDS = (
    Command(
        "monitor", "Replay the weeks as monitoring saw them.", "monitor --until 2013-04-30", monitor, _monitor_arguments
    ),
    Command("loop", "The whole life cycle once.", "loop --json", loop, _loop_arguments),
    Command("export", "Write files for another tool.", "export github", export, _export_arguments),
    Command("serve", "Score over HTTP.", "serve --port 8600", serve, _serve_arguments),
)
