"""Change one number in `gates.yaml` and leave every comment where it is.

set_setting(workspace.gates, "absolute floor", "at_least", 0.7)     # the policy has another digest from here on
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from mlops_core.errors import NotFound
from mlops_core.gates.policy import load_policy, parse_policy
from mlops_core.gates.types import Policy
from mlops_core.workspace import write_atomic


def set_setting(path: Path, gate: str, setting: str, value: float | str) -> Policy:
    """Write one setting of one gate and return the new policy; nothing is written when the policy would not be valid.

    Raises NotFound (file, gate, or a setting the file leaves at its default), BadParameter as `parse_policy`.
    """
    load_policy(path)
    text = path.read_text(encoding="utf-8")
    node = _place(text, gate, setting)
    changed = text[: node.start_mark.index] + json.dumps(value, ensure_ascii=False) + text[node.end_mark.index :]
    policy = parse_policy(changed, path.name)
    write_atomic(path, changed.encode())
    return policy


def _place(text: str, gate: str, setting: str) -> yaml.Node:
    root: Any = yaml.compose(text, Loader=yaml.SafeLoader)  # valid, and a policy: `load_policy` has read it
    for listed in root.value[0][1].value:
        fields = {key.value: value for key, value in listed.value}
        if fields["name"].value == gate and setting in fields:
            found: yaml.Node = fields[setting]
            return found
    raise NotFound(
        f"gates.yaml states no {setting} for a gate {gate!r}.", code="policy.setting", fix="Write the line first."
    )
