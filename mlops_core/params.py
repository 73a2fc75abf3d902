"""`params.yaml`: read it, lay dotted overrides over it, change one value and keep every comment.

>>> overlay({"model": {"depth": 3}}, {"model.depth": 5})
{'model': {'depth': 5}}
"""

from __future__ import annotations

import copy
import difflib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from mlops_core.errors import BadInput, BadParameter, NotFound
from mlops_core.workspace import write_atomic


def parse_yaml(text: str, name: str) -> dict[str, Any]:
    """A YAML mapping; BadInput names the file, the line and what the parser found there."""
    try:
        value = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadInput(
            f"{name} line {line}: {error.problem}.", code="yaml.syntax", fix="Mend the line and try again.", line=line
        ) from error
    if not isinstance(value, dict):
        raise BadInput(f"{name} is not a mapping of names to values.", code="yaml.shape", fix="Write `name: value`.")
    return value


def read_params(path: Path) -> dict[str, Any]:
    """Every parameter; NotFound without the file, BadInput with the line when it does not parse."""
    if not path.is_file():
        raise NotFound(f"{path.name} is missing.", code="params.file", fix="Run `init` to bring it back.")
    return parse_yaml(path.read_text(encoding="utf-8"), path.name)


def _leaves(params: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in params.items():
        found.update(_leaves(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value})
    return found


def flatten(params: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted names and their values.

    >>> flatten({"model": {"kind": "boosting"}, "seed": 1})
    {'model.kind': 'boosting', 'seed': 1}
    """
    return _leaves(params)


def _check(name: str, old: object, new: object) -> None:
    number = isinstance(old, int | float) and not isinstance(old, bool)
    fits = isinstance(new, int | float) and not isinstance(new, bool) if number else isinstance(new, type(old))
    if old is not None and new is not None and not fits:
        kind = "a number" if number else f"of type {type(old).__name__}"
        raise BadParameter(
            f"parameter {name} is {new!r}; it must be {kind}, like {old!r}.", code="params.type", name=name
        )


def overlay(params: Mapping[str, Any], overrides: Mapping[str, object]) -> dict[str, Any]:
    """A copy with dotted overrides in place; BadParameter for an unknown name (with the nearest one) or another type.

    A name may stand for a value or for a whole section.
    """
    result = copy.deepcopy(dict(params))
    for name, value in overrides.items():
        *sections, last = name.split(".")
        place: Any = result
        for section in sections:
            place = place.get(section) if isinstance(place, dict) else None
        if not isinstance(place, dict) or last not in place:
            near = difflib.get_close_matches(name, flatten(params), n=1)
            fix = f"Did you mean {near[0]}?" if near else f"There are {', '.join(flatten(params))}."
            raise BadParameter(f"no parameter {name!r}.", code="params.unknown", fix=fix, name=name)
        _check(name, place[last], value)
        place[last] = value
    return result


def _find(node: yaml.Node | None, parts: list[str]) -> yaml.Node:
    if node is None:
        raise BadInput("params.yaml is empty.", code="yaml.empty", fix="Run `init` to bring it back.")
    for part in parts:
        node = next(value for key, value in node.value if key.value == part)
    return node


def set_params(path: Path, changes: Mapping[str, object]) -> None:
    """Write values into the file; comments, order and everything else stay as they are. Raises as `overlay` does."""
    text = path.read_text(encoding="utf-8")
    overlay(parse_yaml(text, path.name), changes)
    for name, value in changes.items():
        node = _find(yaml.compose(text, Loader=yaml.SafeLoader), name.split("."))
        plain = json.dumps(value, ensure_ascii=False)
        start, end = node.start_mark.index, node.end_mark.index
        tail = "\n" if text[start:end].endswith("\n") else ""
        text = text[:start] + plain + tail + text[end:]
    write_atomic(path, text.encode())
