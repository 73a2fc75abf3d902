"""Where outputs live: payloads by content in DVC's cache, one small record a key, and links in `reports/`.

The record is written last, so an interrupted write is never taken for a result. Files that were verified are trusted by
size, time and inode until one of them changes; what is read is hashed again.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from mlops_core.dataset import write_parquet
from mlops_core.digest import digest_value, md5_file
from mlops_core.errors import BadData, Damaged, NotFound
from mlops_core.models import load_model, save_model
from mlops_core.stepcode import SUFFIX, Step, Stored
from mlops_core.workspace import Workspace, link_or_copy, safe_name, write_atomic

KEPT_RUNS = 50


def new_id(moment: float) -> str:
    """A run's name: sorts by time, unique within a workspace.

    >>> new_id(0.0)
    '19700101-000000-000000'
    """
    return time.strftime("%Y%m%d-%H%M%S", time.gmtime(moment)) + f"-{int(moment % 1 * 1e6):06d}"


@dataclass(frozen=True, slots=True)
class Key:
    """Everything that can change a step's result."""

    code: str
    params: Mapping[str, str]
    inputs: Mapping[str, str]
    environment: str

    @property
    def digest(self) -> str:
        """The key as one name."""
        return digest_value([self.code, self.params, self.inputs, self.environment])


@dataclass(frozen=True, slots=True)
class Kept:
    """The record of one key: which output it gave, in how many seconds, with which log."""

    output: str
    seconds: float
    bytes: int
    log: tuple[str, ...]


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        return None  # a record that cannot be read is a record that is not there: the step runs again


def _dump(value: object) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


@dataclass(slots=True)
class Store:
    """The outputs of one workspace, seen from one lane ("" is the main one)."""

    workspace: Workspace
    lane: str = ""
    _parts: dict[str, object] = field(default_factory=dict)
    _before: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.lane:
            safe_name(self.lane, "lane")

    @property
    def reports(self) -> Path:
        """Folder in which this lane's outputs are linked under their plain names."""
        return self.workspace.reports / self.lane if self.lane else self.workspace.reports

    @property
    def _state(self) -> Path:
        return self.workspace.mlops / "lanes" / (self.lane or "_main")

    def payload(self, output: str) -> Path:
        """Where the bytes of an output lie."""
        md5 = output.split(".", maxsplit=1)[0]
        return self.workspace.cache / md5[:2] / md5[2:]

    # -- the dataset -------------------------------------------------------------------------------------------------

    def dataset(self) -> str:
        """The name of the data that is checked out: hashed when it has changed since it was last seen."""
        path = self.workspace.data / "dataset.parquet"
        if not path.is_file():
            raise NotFound("data/dataset.parquet is missing.", code="data.missing", fix="Check out a data version.")
        seen_path = self.workspace.mlops / "dataset.seen.json"
        stamp = _stamp(path)
        seen = _read_json(seen_path)
        if isinstance(seen, dict) and seen.get("stamp") == stamp:
            return str(seen["output"])
        output = md5_file(path) + SUFFIX["table"]
        if not self.payload(output).exists():
            link_or_copy(path, self.payload(output))
        write_atomic(seen_path, _dump({"stamp": stamp, "output": output}))
        return output

    # -- outputs -----------------------------------------------------------------------------------------------------

    def find(self, step: Step, key: Key) -> Kept | None:
        """The kept output of a key, if its payload is there in full."""
        record = _read_json(self.workspace.mlops / "steps" / f"{key.digest}.json")
        if record is None:
            return None
        kept = Kept(record["output"], record["seconds"], record["bytes"], tuple(record["log"]))
        try:
            whole = self.payload(kept.output).stat().st_size == kept.bytes
        except FileNotFoundError:
            return None
        if whole:
            self._parts[step.name] = record["parts"]
        return kept if whole else None

    def keep(self, step: Step, key: Key, value: object, seconds: float, log: tuple[str, ...]) -> Kept:
        """Store what a step returned; BadData when it cannot be stored as its annotation says."""
        with tempfile.TemporaryDirectory(dir=self.workspace.mlops) as folder:
            written = Path(folder) / step.filename
            _write(step.name, step.stored, value, written)
            output = md5_file(written) + SUFFIX[step.stored]
            payload = self.payload(output)
            if not payload.exists() or payload.stat().st_size != written.stat().st_size:
                payload.parent.mkdir(parents=True, exist_ok=True)
                written.chmod(0o444)
                written.replace(payload)
        kept = Kept(output, seconds, payload.stat().st_size, log)
        parts = {"code": key.code, "params": dict(key.params), "inputs": dict(key.inputs), "env": key.environment}
        self._parts[step.name] = parts
        record = {"output": output, "seconds": seconds, "bytes": kept.bytes, "log": log, "parts": parts}
        self.place(step, kept)
        write_atomic(self.workspace.mlops / "steps" / f"{key.digest}.json", _dump(record))
        return kept

    def place(self, step: Step, kept: Kept) -> None:
        """Make `reports/<name>` show this output."""
        target, payload = self.reports / step.filename, self.payload(kept.output)
        try:
            same = target.stat().st_ino == payload.stat().st_ino
        except FileNotFoundError:
            same = False
        if not same:
            link_or_copy(payload, target)

    def adopt(self, step: Step) -> str:
        """The name of the output that lies in `reports/`, put there by us or by DVC; NotFound when there is none."""
        path = self.reports / step.filename
        if not path.is_file():
            raise NotFound(f"reports/{step.filename} is missing.", code="output.missing", fix=f"Run step {step.name}.")
        output = md5_file(path) + SUFFIX[step.stored]
        if not self.payload(output).exists():
            link_or_copy(path, self.payload(output))
        return output

    def load(self, name: str, output: str) -> Any:
        """Read an output; Damaged when its bytes are not the ones that were stored."""
        path = self.payload(output)
        md5, suffix = output.split(".", maxsplit=1)
        if not path.is_file() or md5_file(path) != md5:
            raise Damaged(
                f"the stored output of {name} is damaged.",
                code="output.damaged",
                fix="Delete .mlops/steps and run the pipeline again.",
                step=name,
            )
        if suffix == "parquet":
            return pd.read_parquet(path)
        return json.loads(path.read_bytes()) if suffix == "json" else load_model(path)

    # -- what happened -----------------------------------------------------------------------------------------------

    def why(self, step: Step, key: Key, params: Mapping[str, Any]) -> str:
        """What changed since this step's last output in this lane, in a few words."""
        if self._before is None:
            self._before = _read_json(self._state / "before.json") or {}
        old = self._before.get(step.name)
        if not old:
            return "it has not run yet"
        changed = [f"input {name} changed" for name, value in key.inputs.items() if old["inputs"].get(name) != value]
        for name in key.params:
            changed += _changes(name, old["values"].get(name), params[name])
        changed += ["its code changed"] if old["code"] != key.code else []
        changed += ["library versions changed"] if old["env"] != key.environment else []
        return ", ".join(changed) or "its stored output is gone"

    def finish(self, record: dict[str, Any], params: Mapping[str, Any], steps: tuple[Step, ...]) -> None:
        """Remember a finished run and what each step read."""
        before = self._before if self._before is not None else _read_json(self._state / "before.json") or {}
        after = dict(before)
        for step in steps:
            parts = self._parts.get(step.name)
            if isinstance(parts, dict):
                after[step.name] = {**parts, "values": {name: params[name] for name in step.params}}
        if after != before:
            write_atomic(self._state / "before.json", _dump(after))
        runs = self._state / "runs"
        write_atomic(runs / f"{record['id']}.json", _dump(record))
        for old in sorted(runs.glob("*.json"))[:-KEPT_RUNS]:
            old.unlink(missing_ok=True)

    def is_news(self, outputs: Mapping[str, str], params: Mapping[str, Any], steps: tuple[Step, ...]) -> bool:
        """True when this is not the state that was last written down for DVC and Git (see `written_down`)."""
        return bool(_read_json(self._state / "recorded.json") != _state_of(outputs, params, steps))

    def written_down(self, outputs: Mapping[str, str], params: Mapping[str, Any], steps: tuple[Step, ...]) -> None:
        """Remember the state that has just been written down for DVC and Git."""
        write_atomic(self._state / "recorded.json", _dump(_state_of(outputs, params, steps)))

    def runs(self) -> list[dict[str, Any]]:
        """Records of this lane's runs, oldest first."""
        found = (_read_json(path) for path in sorted((self._state / "runs").glob("*.json")))
        return [record for record in found if record is not None]

    def newest(self) -> dict[str, Any] | None:
        """The record of the newest run, or None."""
        for path in sorted((self._state / "runs").glob("*.json"), reverse=True):
            record: dict[str, Any] | None = _read_json(path)
            if record is not None:
                return record
        return None


def _state_of(outputs: Mapping[str, str], params: Mapping[str, Any], steps: tuple[Step, ...]) -> str:
    return digest_value([outputs, params, {step.name: step.source for step in steps}])


def _stamp(path: Path) -> list[int]:
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ino]


def _changes(name: str, old: object, new: object) -> list[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        found: list[str] = []
        for key in sorted(set(old) | set(new)):
            found += _changes(f"{name}.{key}", old.get(key), new.get(key))
        return found
    return [] if old == new else [f"{name} changed from {_words(old)} to {_words(new)}"]


def _words(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 24 else text[:23] + "…"


def _write(name: str, stored: Stored, value: object, path: Path) -> None:
    if stored == "table" and isinstance(value, pd.DataFrame):
        write_parquet(value, path)
    elif stored == "record" and isinstance(value, dict):
        path.write_bytes(_dump(value))
    elif stored == "model" and hasattr(value, "predict"):
        save_model(value, path)
    else:
        raise BadData(
            f"step {name} returned a {type(value).__name__}, which is not a {stored}.",
            code="output.kind",
            fix="Return what the annotation says.",
            step=name,
        )
    with path.open("rb") as file:
        os.fsync(file.fileno())
