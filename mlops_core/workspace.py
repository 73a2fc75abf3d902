"""One learner's folder: an ordinary Git repository in the DVC layout, with one writer at a time.

    tracked   params.yaml dvc.yaml dvc.lock code.yaml env.yaml gates.yaml steps/ data/*.dvc
    ignored   data/ payload, reports/, mlflow.db, mlartifacts/, .dvc/cache, .mlops/

This file knows paths, the lock, atomic writes and how to call Git; what the files mean is said elsewhere.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import threading
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mlops_core.errors import BadName, Busy, Damaged, NotFound

_NAME = re.compile(r"^\w[\w.+ -]{0,63}$")
_RESERVED = frozenset({"con", "prn", "aux", "nul", "head", "fetch_head"})


def safe_name(name: str, what: str = "name") -> str:
    """Return `name` in NFC if it may become part of a path or a Git ref, else raise BadName.

    Letters and digits of any script, then also `. _ + -` and spaces; at most 64 characters; no `..`, no trailing dot.

    >>> safe_name("v5")
    'v5'
    >>> safe_name("../etc")
    Traceback (most recent call last):
    mlops_core.errors.BadName: name '../etc' cannot be used. Use letters, digits, dot, dash, plus, underscore or space; at most 64.
    """
    tidy = unicodedata.normalize("NFC", name)
    bad = not _NAME.match(tidy) or ".." in tidy or tidy.endswith((".", ".lock", " ")) or tidy.casefold() in _RESERVED
    if bad or any(unicodedata.category(letter) in ("Cf", "Cc") for letter in tidy):
        shown = ascii(name if len(name) <= 80 else name[:80] + "…")
        raise BadName(
            f"{what} {shown} cannot be used.",
            code="name.unsafe",
            fix="Use letters, digits, dot, dash, plus, underscore or space; at most 64.",
            name=name,
        )
    return tidy


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees the old bytes or the new ones, also after a crash (fsync, then rename)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def link_or_copy(source: Path, target: Path) -> None:
    """Make `target` a hard link to `source`, or a copy where links are not possible; atomic."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.{threading.get_ident()}")
    temporary.unlink(missing_ok=True)
    try:
        os.link(source, temporary)
    except OSError:
        shutil.copyfile(source, temporary)
    temporary.replace(target)


@dataclass(frozen=True, slots=True)
class Workspace:
    """The paths of one workspace. Making the object touches nothing on disk."""

    root: Path

    @property
    def params(self) -> Path:
        """`params.yaml`: every parameter of the pipeline."""
        return self.root / "params.yaml"

    @property
    def gates(self) -> Path:
        """`gates.yaml`: the policy of the gates."""
        return self.root / "gates.yaml"

    @property
    def steps(self) -> Path:
        """Folder of the step functions, one file each."""
        return self.root / "steps"

    @property
    def data(self) -> Path:
        """Folder of the data payload and its pointers."""
        return self.root / "data"

    @property
    def reports(self) -> Path:
        """Folder of what the pipeline's steps wrote."""
        return self.root / "reports"

    @property
    def mlops(self) -> Path:
        """Folder of our own records; its presence makes a folder a workspace."""
        return self.root / ".mlops"

    @property
    def ledger_db(self) -> Path:
        """SQLite: promotions and events, in the order they became true."""
        return self.mlops / "ledger.db"

    @property
    def progress_db(self) -> Path:
        """SQLite: what the learner has answered."""
        return self.mlops / "progress.db"

    @property
    def mlflow_db(self) -> Path:
        """SQLite: MLflow's own store."""
        return self.root / "mlflow.db"

    @property
    def artifacts(self) -> Path:
        """Folder of MLflow's artifacts."""
        return self.root / "mlartifacts"

    @property
    def cache(self) -> Path:
        """DVC's cache of payloads, by MD5."""
        return self.root / ".dvc" / "cache" / "files" / "md5"

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the one writer lock of this workspace; Busy at once when another process or thread holds it."""
        import fcntl

        self.mlops.mkdir(parents=True, exist_ok=True)
        with (self.mlops / "lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Busy(
                    "Another run is in progress in this workspace.",
                    code="workspace.busy",
                    fix="Wait until it has ended, then try again.",
                ) from error
            yield

    def git(self, *arguments: str, stdin: str | None = None) -> str:
        """Run Git in the workspace and return what it printed; Damaged when it fails, NotFound without Git."""
        if shutil.which("git") is None:
            raise NotFound("git is not installed.", code="git.missing", fix="Install git and start again.")
        environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
        for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
            environment.pop(name, None)
        command = ["git", *arguments]
        done = subprocess.run(
            command, cwd=self.root, env=environment, input=stdin, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            words = done.stderr.strip().splitlines() or ["no message"]
            raise Damaged(f"git {arguments[0]} failed: {words[-1]}", code="git.failed", command=arguments[0])
        return done.stdout


def find_workspace(start: Path) -> Workspace:
    """The nearest folder at or above `start` that is a workspace; NotFound says how to make one."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / ".mlops").is_dir():
            return Workspace(folder)
    raise NotFound(
        f"No workspace at {start} or above it.",
        code="workspace.missing",
        fix="Run `python -m mlops_core init` there, or name one with --workspace.",
    )
