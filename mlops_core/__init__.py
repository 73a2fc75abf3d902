"""A small, reusable core for the life cycle of a model: pipelines, versions, gates, drift, monitoring, the loop.

The front door: every name of `__all__` is importable from here and is loaded when it is first asked for.

>>> from mlops_core import Costs
>>> Costs(false_alarm=1, miss=3).threshold
0.25
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "dataset": ("Column", "Costs", "Dataset", "Schema", "read_table"),
    "digest": ("digest_frame", "digest_value"),
    "drift": ("DriftReport", "Reference"),
    "errors": (
        "BadData", "BadInput", "BadName", "BadParameter", "Busy", "Damaged", "MlopsError", "NotFound", "Stale", "StepFailed",
    ),
    "expectations": ("ValidationReport", "validate"),
    "gates": ("Decision", "Evidence", "Policy", "Verdict", "decide", "load_policy"),
    "loop": ("Loop", "RetrainPolicy"),
    "metrics": ("Metrics", "evaluate"),
    "monitor": ("Alarm", "Baseline", "MonitorPolicy", "Window", "replay"),
    "pipeline": ("Pipeline", "Run", "StepRun"),
    "project": ("Home", "Template", "create", "open_workspace", "template"),
    "serving": ("Scorer",),
    "shift": ("Shift",),
    "training": ("ModelSpec", "Trial", "fit", "predict"),
    "versions": ("Version",),
    "workspace": ("Workspace", "find_workspace"),
}  # fmt: skip
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [*sorted(_HOME_OF)]


def __getattr__(name: str) -> Any:
    module = _HOME_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'mlops_core' has no attribute {name!r}")
    return getattr(importlib.import_module(f"mlops_core.{module}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
