"""`conda.yaml`: the environment that fits models here, for conda and for MLflow.

The solve is not checked by us (conda's channels are not assumed to be reachable); every pip line is the installed version.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping

import yaml

from mlops_core.dvcfiles import environment
from mlops_core.workspace import Workspace


def export(workspace: Workspace) -> Mapping[str, str]:
    """One file: `conda.yaml`, named after the workspace's folder."""
    libraries = {name: version for name, version in environment().items() if name not in ("python", "mlops-core")}
    content = {
        "name": workspace.root.name,
        "channels": ["conda-forge"],
        "dependencies": [
            f"python={platform.python_version()}",
            "pip",
            {"pip": [f"{name}=={version}" for name, version in sorted(libraries.items())]},
        ],
    }
    return {"conda.yaml": yaml.safe_dump(content, sort_keys=False)}
