"""`.github/workflows/ci.yml`: the same pipeline and the same gates on every push.

Set the repository variable MLOPS_CORE to where the package comes from (an index name, a Git URL). Each `run:` line is a
command of `python -m mlops_core`; the gate's exit code decides.
"""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from mlops_core.workspace import Workspace

COMMANDS = (
    ("Data versions are whole", "python -m mlops_core data verify"),
    ("Run what has changed", "python -m mlops_core run"),
    ("Hold the candidate against the gates", "python -m mlops_core gate --format github"),
)


def export(_workspace: Workspace) -> Mapping[str, str]:
    """One file: the workflow."""
    steps: list[dict[str, object]] = [
        {"uses": "actions/checkout@v5", "with": {"fetch-depth": 0, "persist-credentials": False}},
        {"uses": "actions/setup-python@v6", "with": {"python-version": "3.11"}},
        {
            "name": "Install",
            "run": 'pip install "$MLOPS_CORE"',
            "env": {"MLOPS_CORE": "${{ vars.MLOPS_CORE || 'mlops-core' }}"},
        },
    ]
    steps += [{"name": name, "run": command} for name, command in COMMANDS]
    content = {
        "name": "gates",
        "on": {"push": {"branches": ["main"]}, "pull_request": {}},
        "permissions": {"contents": "read"},
        "jobs": {"gates": {"runs-on": "ubuntu-24.04", "timeout-minutes": 20, "steps": steps}},
    }
    return {".github/workflows/ci.yml": yaml.safe_dump(content, sort_keys=False)}
