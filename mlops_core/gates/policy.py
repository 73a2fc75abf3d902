"""`gates.yaml`: read, checked against what the gates understand, and named by a digest before anything is measured.

Every refusal names the line. A word in the wrong place, a setting twice, a threshold that cannot be: none of them may
turn into a gate that quietly never fires.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from mlops_core.digest import digest_value
from mlops_core.errors import BadParameter, NotFound
from mlops_core.gates.checks import KINDS, Setting
from mlops_core.gates.types import Gate, Policy, Severity


class _Lines:
    """Where each gate and each of its keys stands in the file (1 is the first line)."""

    def __init__(self, file: str, root: yaml.Node) -> None:
        self.file = file
        self.root = root

    def refuse(self, message: str, fix: str, node: yaml.Node, **values: object) -> BadParameter:
        line = node.start_mark.line + 1
        return BadParameter(
            f"{self.file} line {line}: {message}", code="policy.invalid", fix=fix, line=line, **values
        )  # fmt: skip

    def fields(self, node: yaml.Node, what: str) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """The keys of a mapping with their key and value nodes; refuses anything else, and a key said twice."""
        if not isinstance(node, yaml.MappingNode):
            raise self.refuse(f"{what} is not a mapping.", "Write `name: value` pairs.", node)
        found: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self.refuse("a name is not a word.", "Write `name: value` pairs.", key)
            if key.value in found:
                raise self.refuse(f"{key.value} is said twice.", "Keep one of them.", key)
            found[key.value] = (key, value)
        return found

    def value(self, node: yaml.Node) -> Any:
        """What a node says in plain YAML; tags that would build anything else are refused."""
        try:
            return yaml.SafeLoader("").construct_object(node, deep=True)
        except (yaml.YAMLError, ValueError) as error:
            raise self.refuse("this value is not plain YAML.", "Write a word or a number.", node) from error


def load_policy(path: Path) -> Policy:
    """Read and check a policy. NotFound without the file; BadParameter names file, line, value and what would be right."""
    if not path.is_file():
        raise NotFound(f"there is no {path.name}.", code="policy.missing", fix="Run `init`, or write one.")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadParameter(f"{path.name} is not UTF-8 text.", code="policy.text", fix="Save it as UTF-8.") from error
    return parse_policy(text, path.name)


def parse_policy(text: str, file: str = "gates.yaml") -> Policy:
    """The policy a text states; see `load_policy`.

    >>> policy = parse_policy("gates: [{name: fast, kind: latency, p95_ms: 50}]")
    >>> policy.gates[0].severity, policy.gates[0].settings["alpha"]
    ('block', 0.05)
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line, problem = mark.line + 1 if mark else 1, getattr(error, "problem", None) or "this is not YAML"
        raise BadParameter(
            f"{file} line {line}: {problem}.", code="policy.yaml", fix="Mend the line.", line=line
        ) from error
    if root is None:
        raise BadParameter(f"{file} is empty.", code="policy.invalid", fix="State at least one gate.")
    lines = _Lines(file, root)
    fields = lines.fields(root, "the file")
    unknown = [name for name in fields if name != "gates"]
    if unknown or "gates" not in fields:
        node = fields[unknown[0]][0] if unknown else root
        raise lines.refuse(
            f"expected `gates`, found {unknown[0] if unknown else 'none'}.", "Start with `gates:`.", node
        )
    listed = fields["gates"][1]
    if not isinstance(listed, yaml.SequenceNode) or not listed.value:
        raise lines.refuse("gates is not a list with at least one gate.", "Write `- name: …`.", listed)
    gates = tuple(_gate(lines, node) for node in listed.value)
    for at, gate in enumerate(gates):
        if gate.name in [other.name for other in gates[:at]]:
            raise lines.refuse(f"two gates are called {gate.name!r}.", "Rename one.", listed.value[at], gate=gate.name)
    return Policy(gates, digest_value([[g.name, g.kind, g.severity, dict(g.settings)] for g in gates]))


def _gate(lines: _Lines, node: yaml.Node) -> Gate:
    fields = lines.fields(node, "a gate")
    for needed in ("name", "kind"):
        if needed not in fields:
            raise lines.refuse(f"this gate has no {needed}.", "Every gate has a name and a kind.", node)
    name, kind = (lines.value(fields[part][1]) for part in ("name", "kind"))
    if not isinstance(name, str) or not name.strip():
        raise lines.refuse(f"the name {name!r} is not a word.", "Give the gate a name.", fields["name"][1])
    if not isinstance(kind, str) or kind not in KINDS:
        known = ", ".join(KINDS)
        raise lines.refuse(f"there is no gate kind {kind!r}.", f"Use one of {known}.", fields["kind"][1], kind=kind)
    severity = _severity(lines, fields)
    given = {key: nodes for key, nodes in fields.items() if key not in ("name", "kind", "severity")}
    return Gate(name, kind, severity, _settings(lines, kind, given, node))


def _severity(lines: _Lines, fields: Mapping[str, tuple[yaml.Node, yaml.Node]]) -> Severity:
    value = lines.value(fields["severity"][1]) if "severity" in fields else "block"
    if value == "block":
        return "block"
    if value == "warn":
        return "warn"
    raise lines.refuse(f"severity is {value!r}.", "Use block or warn.", fields["severity"][1], value=value)


def _settings(
    lines: _Lines, kind: str, given: Mapping[str, tuple[yaml.Node, yaml.Node]], gate: yaml.Node
) -> dict[str, float | str]:
    known, complete = KINDS[kind].settings, {}
    for name, (key, _) in given.items():
        if name not in known:
            raise lines.refuse(f"{kind} has no setting {name!r}.", f"It has {', '.join(known)}.", key, setting=name)
    for name, setting in known.items():
        node = given[name][1] if name in given else None
        value = setting.default if node is None else lines.value(node)
        if value is None:
            raise lines.refuse(f"{kind} needs {name}.", f"Add `{name}: …`.", node or gate, setting=name)
        if not _fits(setting, value):
            right = "a word" if setting.text else f"a number from {setting.low:g} to {setting.high:g}"
            raise lines.refuse(f"{name} is {value!r}.", f"It must be {right}.", node or gate, setting=name, value=value)
        complete[name] = value if isinstance(value, str) else float(value)
    return complete


def _fits(setting: Setting, value: object) -> bool:
    if setting.text:
        return isinstance(value, str) and bool(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and setting.low <= value <= setting.high
