"""Commands about data: versions, differences, drift."""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from mlops_core.commands.base import NEGATIVE, OK, Command, Outcome, open_here, table
from mlops_core.dataset import Limits, Schema, read_table
from mlops_core.errors import BadParameter, NotFound
from mlops_core.workspace import Workspace

_SHOWN = ("name", "rows", "columns", "bytes", "lesson_date", "message")


def _schema(workspace: Workspace) -> Schema:
    from mlops_core.project import template_of

    return template_of(workspace).schema


def _listing(versions: list[dict[str, object]]) -> tuple[str, ...]:
    return table(versions, _SHOWN)


def list_versions(args: argparse.Namespace) -> Outcome:
    """Every data version, oldest first."""
    from mlops_core import versions

    found = [version.to_dict() for version in versions.log(open_here(args))]
    return Outcome({"versions": found}, _listing(found))


def log(args: argparse.Namespace) -> Outcome:
    """The history with digests and parents."""
    from mlops_core import versions

    found = [version.to_dict() for version in versions.log(open_here(args))]
    lines = [f"{v['name']}  {str(v['digest'])[:8]}  {v['lesson_date']}  {v['message']}" for v in reversed(found)]
    return Outcome({"versions": found}, tuple(lines))


def _commit_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="a .parquet or .csv file: the table of the new version")
    parser.add_argument("--name", required=True, help="name of the new version")
    parser.add_argument("-m", "--message", required=True, help="what changed and why")
    parser.add_argument(
        "--date", default="", metavar="YYYY-MM-DD", help="day of the lesson (default: that of its parent)"
    )


def commit(args: argparse.Namespace) -> Outcome:
    """Make a new data version from a file."""
    from mlops_core import versions

    workspace = open_here(args)
    frame = read_table(Path(args.file), Limits())
    day = args.date or versions.current(workspace).lesson_date
    made = versions.commit(workspace, frame, name=args.name, message=args.message, lesson_date=day)
    return Outcome(made.to_dict(), (f"{made.name}: {made.rows:,} rows, {made.columns} columns, {made.digest[:8]}",))


def _name_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="a data version")


def checkout(args: argparse.Namespace) -> Outcome:
    """Put a version's table in place; HEAD does not move."""
    from mlops_core import versions

    version = versions.checkout(open_here(args), args.name)
    return Outcome(version.to_dict(), (f"{version.name} is checked out: {version.rows:,} rows",))


def verify(args: argparse.Namespace) -> Outcome:
    """Hash every payload again."""
    from mlops_core import versions

    whole = versions.verify(open_here(args))
    return Outcome({"verified": [version.name for version in whole]}, (f"{len(whole)} versions are whole",))


def _two_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("old", help="a data version or a file")
    parser.add_argument("new", help="a data version or a file")


def _table_of(workspace: Workspace | None, name: str) -> pd.DataFrame:
    from mlops_core import versions

    if Path(name).is_file():
        return read_table(Path(name))
    if workspace is None:
        raise NotFound(f"no file {name!r}.", code="file.missing", fix="Name a file, or work in a workspace.")
    return versions.read(workspace, name)


def diff(args: argparse.Namespace) -> Outcome:
    """What changed between two tables: schema, rows, cells."""
    from mlops_core.diff import diff as compare

    workspace = open_here(args)
    old, new = _table_of(workspace, args.old), _table_of(workspace, args.new)
    found = compare(old, new, _schema(workspace).key)
    lines = (
        f"columns  +{len(found.added_columns)} -{len(found.removed_columns)}"
        f"  {' '.join(f'+{c}' for c in found.added_columns)} {' '.join(f'-{c}' for c in found.removed_columns)}".rstrip(),
        f"rows     +{found.rows_added:,} -{found.rows_removed:,}, {found.rows_changed:,} changed",
        *(f"cells    {cell.column}: {cell.changed:,} changed" for cell in found.cells),
    )
    return Outcome(found.to_dict(), lines, NEGATIVE if found.changed else OK)


def _tag_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="the new name")
    parser.add_argument("version", help="the data version it stands for")


def tag(args: argparse.Namespace) -> Outcome:
    """Give a version a second name."""
    from mlops_core import versions

    made = versions.tag(open_here(args), args.name, args.version)
    return Outcome(made.to_dict(), (f"{made.name} is {args.version} ({made.digest[:8]})",))


def branch(args: argparse.Namespace) -> Outcome:
    """Start a line of versions that grows on its own; costs a pointer, copies nothing."""
    from mlops_core import versions

    workspace = open_here(args)
    versions.tag(workspace, args.name, args.version)
    made = versions.checkout(workspace, args.name)
    return Outcome(made.to_dict(), (f"{made.name} starts at {args.version}; the next commit grows from it",))


def _merge_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ours")
    parser.add_argument("theirs")
    parser.add_argument("--name", required=True, help="name of the merged version")
    parser.add_argument("-m", "--message", default="", help="what was merged and why")


def merge(args: argparse.Namespace) -> Outcome:
    """Merge two versions cell by cell against their common ancestor; conflicts are listed and nothing is written."""
    from mlops_core import merging

    workspace = open_here(args)
    key = _schema(workspace).key
    done = merging.merge(workspace, args.ours, args.theirs, key=key, name=args.name, message=args.message)
    if done.conflicts:
        lines = [
            f"{c.column} of {c.key}: {c.ours!r} here, {c.theirs!r} there, {c.base!r} before" for c in done.conflicts
        ]
        return Outcome(done.to_dict(), (f"{done.count:,} conflicts, nothing written", *lines), NEGATIVE)
    return Outcome(done.to_dict(), (f"{args.name}: {done.rows:,} rows, no conflict",))


def _bisect_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("good", help="a version known to keep the rule")
    parser.add_argument("bad", help="a later version known to break it")
    parser.add_argument(
        "--rule", required=True, metavar="CODE", help="code of an expectation, for example wind_speed.range"
    )


def bisect(args: argparse.Namespace) -> Outcome:
    """Find the first version that breaks a rule, in as few looks as possible."""
    from mlops_core import merging
    from mlops_core.project import template_of

    workspace = open_here(args)
    course = template_of(workspace)
    found = merging.bisect(workspace, args.good, args.bad, lambda frame: course.keeps(frame, args.rule))
    lines = (
        *(f"{look.version}: {'holds' if look.good else 'broken'}" for look in found.looks),
        f"first bad: {found.first_bad}",
    )
    return Outcome(found.to_dict(), lines)


def _import_arguments(parser: argparse.ArgumentParser) -> None:
    _commit_arguments(parser)


def import_file(args: argparse.Namespace) -> Outcome:
    """Bring a learner's own CSV in as a data version (5 MB, 200,000 rows, 200 columns at most)."""
    from mlops_core import versions

    workspace = open_here(args)
    frame = read_table(Path(args.file), Limits(bytes=5 * 1024 * 1024, rows=200_000, columns=200))
    if frame.empty:
        raise BadParameter(f"{Path(args.file).name} has no rows.", code="file.empty", fix="Send a table with rows.")
    day = args.date or versions.current(workspace).lesson_date
    made = versions.commit(workspace, frame, name=args.name, message=args.message, lesson_date=day)
    types = {str(name): str(dtype) for name, dtype in frame.dtypes.items()}
    return Outcome({**made.to_dict(), "types": types}, (f"{made.name}: {made.rows:,} rows, {made.columns} columns",))


def _drift_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("reference", help="a data version or a file")
    parser.add_argument("current", help="a data version or a file")
    parser.add_argument("--detector", default="psi", help="psi, ks, wasserstein, js, chi2 or mean")
    parser.add_argument(
        "--alpha", type=float, default=0.05, help="share of unchanged columns that may be called drifted"
    )


def drift(args: argparse.Namespace) -> Outcome:
    """How far every column has moved, with the band it would show if nothing had happened."""
    from mlops_core.drift import Reference, report

    workspace = open_here(args)
    old, new = _table_of(workspace, args.reference), _table_of(workspace, args.current)
    schema = _schema(workspace).only([c for c in old.columns if c in set(new.columns)])
    found = report(Reference.of(old, schema), new, detectors=(args.detector,), alpha=args.alpha)
    rows = found.frame().to_dict("records")
    named = [{str(name): value for name, value in row.items()} for row in rows]
    lines = table(named, ["column", "detector", "statistic", "drifted"])
    return Outcome(found.to_dict(), lines, NEGATIVE if found.drifted else OK)


COMMANDS = (
    Command("data list", "Every data version.", "data list", list_versions),
    Command("data log", "The history, newest first.", "data log --json", log),
    Command("data commit", "Make a version from a file.", "data commit new.parquet --name v7 -m 'May'", commit, _commit_arguments),
    Command("data diff", "What changed between two versions.", "data diff v2 v3", diff, _two_arguments),
    Command("data checkout", "Put a version in place.", "data checkout v4", checkout, _name_arguments),
    Command("data branch", "Start a line of versions.", "data branch trial v5", branch, _tag_arguments),
    Command("data merge", "Merge two versions.", "data merge v5 v6 --name both", merge, _merge_arguments),
    Command("data tag", "Give a version a second name.", "data tag golden v5", tag, _tag_arguments),
    Command("data bisect", "Find the first bad one.", "data bisect v2 v4 --rule wind_speed.range", bisect, _bisect_arguments),
    Command("data verify", "Hash every payload again.", "data verify", verify),
    Command("data import", "Bring your own CSV in.", "data import mine.csv --name mine -m own", import_file, _import_arguments),
    Command("diff", "What changed between two versions or files.", "diff v4 v5", diff, _two_arguments),
    Command("drift", "How far the columns have moved.", "drift v5 v6", drift, _drift_arguments),
)  # fmt: skip
