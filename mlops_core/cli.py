"""`python -m mlops_core COMMAND`: the whole house without a screen.

Results go to stdout (`--json`: one object `{command, schema_version, result | error}`), progress to stderr if it is a terminal.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NoReturn

from mlops_core.commands import data, live, models, work
from mlops_core.commands.base import INTERRUPTED, USAGE, Command, Outcome
from mlops_core.errors import MlopsError
from mlops_core.plain import plain

SCHEMA_VERSION = 1
PROG = "python -m mlops_core"
COMMANDS: tuple[Command, ...] = (*work.COMMANDS, *models.COMMANDS, *data.COMMANDS, *live.COMMANDS)


class _Parser(argparse.ArgumentParser):
    """argparse, which says what would be right and exits with 2; abbreviations are not accepted."""

    json: ClassVar[bool] = False

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **settings)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong on stderr and, if JSON was asked for, as an object on stdout; exit 2."""
        if _Parser.json:
            _print_json(
                self.prog.removeprefix(f"{PROG} "), {"error": {"code": "cli.usage", "message": message, "fix": ""}}
            )
        super().error(message)


def _add(parser: argparse.ArgumentParser, command: Command) -> None:
    command.arguments(parser)
    parser.add_argument("--workspace", metavar="DIR", help="the workspace (default: the nearest folder with .mlops/)")
    parser.add_argument("--format", choices=list(command.formats), default="text", help="how to print the result")
    parser.add_argument("--json", dest="format", action="store_const", const="json", help="same as --format json")
    parser.set_defaults(command=command)


def build_parser() -> argparse.ArgumentParser:
    """The parser of every command; `data list` and its siblings are commands of two words."""
    parser = _Parser(prog=PROG, description=__doc__)
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    nested: dict[str, Any] = {}
    for command in COMMANDS:
        first, _, second = command.name.partition(" ")
        place, word = subparsers, command.name
        if second:
            if first not in nested:
                group = subparsers.add_parser(first, help="data versions: list, log, commit, diff, checkout, …")
                nested[first] = group.add_subparsers(metavar="COMMAND", required=True)
            place, word = nested[first], second
        epilog = f"example:\n  python -m mlops_core {command.example}"
        _add(place.add_parser(word, help=command.help, description=command.help, epilog=epilog), command)
    return parser


def _print_json(name: str, body: Mapping[str, object]) -> None:
    print(json.dumps({"command": name, "schema_version": SCHEMA_VERSION, **body}, indent=1, ensure_ascii=False))


def _show(name: str, outcome: Outcome, style: str) -> None:
    if outcome.text:
        print(outcome.text)
    elif style == "json":
        _print_json(name, {"result": plain(outcome.result)})
    else:
        print("\n".join(outcome.lines))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    _Parser.json = "--json" in (sys.argv[1:] if arguments is None else arguments)
    args = build_parser().parse_args(arguments)
    command: Command = args.command
    try:
        outcome = command.run(args)
    except MlopsError as error:
        if args.format == "json":
            _print_json(command.name, {"error": plain(error.to_dict())})
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted. What was finished is kept.\n")
        return INTERRUPTED
    except BrokenPipeError:
        return USAGE
    _show(command.name, outcome, args.format)
    return outcome.exit
