"""The same pipeline, written so that DVC agrees with us: `dvc.yaml`, `dvc.lock`, `code.yaml`, `env.yaml`.

DVC hashes whole files, so a comment would rerun a step. Hence a stage `code` turns the steps into `code.yaml`, one digest of
the parsed code a step, and every other stage depends on its own line of it; `env.yaml` carries the library versions.
Format: dvc.lock schema 2.0 (https://dvc.org/doc/user-guide/project-structure/dvcyaml-files#dvclock-file).
"""

from __future__ import annotations

import functools
import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from mlops_core.digest import digest_value, md5_file
from mlops_core.stepcode import Step
from mlops_core.workspace import Workspace, write_atomic

LIBRARIES = ("mlops-core", "numpy", "pandas", "scikit-learn", "scipy")
TRACKED = (
    ".gitignore",
    ".dvcignore",
    ".dvc/config",
    "data/dataset.parquet.dvc",
    "params.yaml",
    "dvc.yaml",
    "dvc.lock",
    "code.yaml",
    "env.yaml",
    "gates.yaml",
    "steps",
)


@functools.cache
def _version(name: str) -> str:
    if name == "mlops-core":
        from mlops_core import __version__

        return __version__
    return importlib.metadata.version(name)


def environment() -> dict[str, str]:
    """The versions that can change a result: Python's minor version and the libraries that compute."""
    return {"python": ".".join(platform.python_version_tuple()[:2]), **{name: _version(name) for name in LIBRARIES}}


@functools.cache
def environment_digest() -> str:
    """Digest of the environment that would run now."""
    return digest_value(environment())


def _yaml(value: object) -> bytes:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=120).encode()


def _path(name: str, steps: Mapping[str, Step]) -> str:
    return f"reports/{steps[name].filename}" if name in steps else f"data/{name}.parquet"


def _command(name: str) -> str:
    return f"python -m mlops_core step {name}"


def stages(steps: Sequence[Step]) -> dict[str, Any]:
    """The content of `dvc.yaml`."""
    by_name = {step.name: step for step in steps}
    code = {"cmd": _command("code"), "deps": _sources(steps), "outs": [{"code.yaml": {"cache": False}}]}
    found: dict[str, Any] = {"code": code}
    for step in steps:
        found[step.name] = {
            "cmd": _command(step.name),
            "deps": [_path(name, by_name) for name in step.reads],
            "params": [*step.params, {"code.yaml": [step.name]}, {"env.yaml": ["libraries"]}],
            "outs": [_path(step.name, by_name)],
        }
    return {"stages": found}


def _sources(steps: Sequence[Step]) -> list[str]:
    return sorted(f"steps/{step.name}.py" for step in steps)


def _file(workspace: Workspace, path: str, md5: str = "") -> dict[str, Any]:
    found = workspace.root / path
    return {"path": path, "hash": "md5", "md5": md5 or md5_file(found), "size": found.stat().st_size}


def _lock(workspace: Workspace, steps: Sequence[Step], params: Mapping[str, Any], outputs: Mapping[str, str]) -> Any:
    by_name = {step.name: step for step in steps}
    md5 = {name: output.split(".", maxsplit=1)[0] for name, output in outputs.items()}
    found: dict[str, Any] = {
        "code": {
            "cmd": _command("code"),
            "deps": [_file(workspace, path) for path in _sources(steps)],
            "outs": [_file(workspace, "code.yaml")],
        }
    }
    for step in steps:
        found[step.name] = {
            "cmd": _command(step.name),
            "deps": [_file(workspace, path, md5.get(name, "")) for path, name in _reads(step, by_name)],
            "params": {
                "code.yaml": {step.name: step.code},
                "env.yaml": {"libraries": environment()},
                **({"params.yaml": {name: params[name] for name in sorted(step.params)}} if step.params else {}),
            },
            "outs": [_file(workspace, _path(step.name, by_name), md5[step.name])],
        }
    return {"schema": "2.0", "stages": found}


def _reads(step: Step, by_name: Mapping[str, Step]) -> list[tuple[str, str]]:
    return sorted((_path(name, by_name), name) for name in step.reads)


def write_code(workspace: Workspace, steps: Sequence[Step]) -> None:
    """Write `code.yaml` and `env.yaml` when they differ from what is there: the work of the stage `code`."""
    _write_if_new(workspace.root / "code.yaml", _yaml({step.name: step.code for step in steps}))
    _write_if_new(workspace.root / "env.yaml", _yaml({"libraries": environment()}))


def _write_if_new(path: Path, data: bytes) -> None:
    if not path.is_file() or path.read_bytes() != data:
        write_atomic(path, data)


def describe(workspace: Workspace, steps: Sequence[Step]) -> None:
    """Write `dvc.yaml`, `code.yaml` and `env.yaml` for these steps."""
    write_code(workspace, steps)
    _write_if_new(workspace.root / "dvc.yaml", _yaml(stages(steps)))


def recorded(workspace: Workspace) -> bool:
    """True when a run has been written down for DVC."""
    return (workspace.root / "dvc.lock").is_file()


def record(
    workspace: Workspace, steps: Sequence[Step], params: Mapping[str, Any], outputs: Mapping[str, str], *, message: str
) -> None:
    """Write a finished run down for DVC, and commit it to Git if that changed a tracked file."""
    describe(workspace, steps)
    _write_if_new(workspace.root / "dvc.lock", _yaml(_lock(workspace, steps, params, outputs)))
    commit(workspace, message)


def commit(workspace: Workspace, message: str) -> bool:
    """Commit the project's tracked files if one of them has changed; True when there was something to commit."""
    present = [name for name in TRACKED if (workspace.root / name).exists()]
    workspace.git("add", "--", *present)
    if not workspace.git("status", "--porcelain", "--untracked-files=no", "--", *present).strip():
        return False
    workspace.git("commit", "--quiet", "--no-verify", "-m", message, "--", *present)
    return True
