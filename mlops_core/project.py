"""Everything of one workspace: make it, open it, mend it, find it again.

A workspace is made once per machine in full (six data versions) and then copied: payloads by hard link, the
rest by value, so that a new learner waits half a second. `open_workspace` repairs what a crash may have left.

    home = Home.default()
    workspace = home.workspace("0123456789abcdef0123456789abcdef")
"""

from __future__ import annotations

import fcntl
import importlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from mlops_core import __version__, dvcfiles, registry, tracking, versions
from mlops_core.dataset import Costs, Schema
from mlops_core.digest import digest_bytes, digest_file, digest_value
from mlops_core.errors import BadInput, Busy, NotFound
from mlops_core.expectations import ValidationReport
from mlops_core.ledger import copy_sqlite
from mlops_core.params import overlay, read_params, set_params
from mlops_core.rules import Rule, rules_of
from mlops_core.stepcode import read_steps
from mlops_core.training import spec_of
from mlops_core.workspace import Workspace, link_or_copy, write_atomic

LEARNER = re.compile(r"^[0-9a-f]{32}$")
IN_USE_SECONDS = 3600.0


class Recipe(Protocol):
    """How one historical data version is made."""

    @property
    def message(self) -> str: ...
    @property
    def lesson_date(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Template:
    """A course: its schema, prices, data versions and files. Found by name under `mlops_core.templates`."""

    name: str
    folder: Path
    schema: Schema
    costs: Costs
    start: str
    source: Callable[[], Path]
    year: Callable[[Path, Path | None], pd.DataFrame]
    recipes: Callable[[Path, Path | None], Iterator[tuple[str, Recipe, pd.DataFrame]]]
    rules: tuple[Rule, ...]
    check: Callable[[pd.DataFrame], ValidationReport]
    history: Callable[[pd.DataFrame, str, str], pd.DataFrame]
    stream_start: str
    retrain_groups: tuple[str, ...]
    slices: tuple[str, ...]

    def keeps(self, frame: pd.DataFrame, rule: str) -> bool:
        """True when a table keeps the expectation with this code, or has not the column that it is about.

        NotFound names the codes there are.
        """
        for finding in self.check(frame).findings:
            if finding.code == rule:
                return finding.passed
        known = sorted({known.code for known in (*rules_of(self.schema), *self.rules)})
        if rule in known:
            return True
        codes = ", ".join(known)
        raise NotFound(f"no expectation {rule!r}.", code="rule.unknown", fix=f"There are {codes}.", rule=rule)

    def digest(self, source: Path) -> str:
        """Names everything that a prepared workspace is made of."""
        files = sorted(p for p in self.folder.rglob("*") if p.suffix in (".py", ".yaml") and p.is_file())
        index = source / "DIGESTS.json"
        data = digest_file(index) if index.is_file() else str(source)
        here = digest_bytes(b"".join(f.read_bytes() for f in sorted(Path(__file__).parent.glob("*.py"))))
        return digest_value([__version__, here, data, dvcfiles.environment(), *(digest_file(f) for f in files)])


def template(name: str) -> Template:
    """The template called `name`; NotFound names those there are."""
    folder = Path(__file__).parent / "templates"
    there = sorted(path.parent.name for path in folder.glob("*/template.py"))
    if name not in there:
        raise NotFound(f"no template {name!r}.", code="template.unknown", fix=f"There are {', '.join(there)}.")
    module = importlib.import_module(f"mlops_core.templates.{name}.template")
    found: Template = module.TEMPLATE
    return found


# -- one workspace -------------------------------------------------------------------------------------------------------


def _build(root: Path, course: Template, source: Path, cache: Path | None) -> Workspace:
    """Make a workspace from nothing: files, repository, data versions. MLflow's store is made when it is first used."""
    workspace = Workspace(root)
    workspace.mlops.mkdir(parents=True)
    for name in ("params.yaml", "gates.yaml"):
        shutil.copyfile(course.folder / name, root / name)
    shutil.copytree(course.folder / "steps", workspace.steps, ignore=shutil.ignore_patterns("__pycache__"))
    versions.init_repository(workspace)
    dvcfiles.describe(workspace, read_steps(workspace.steps))
    dvcfiles.commit(workspace, f"Start the project {course.name}")
    for name, recipe, frame in course.recipes(source, cache):
        versions.commit(workspace, frame, name=name, message=recipe.message, lesson_date=recipe.lesson_date)
    versions.checkout(workspace, course.start)
    dvcfiles.commit(workspace, f"Work on data version {course.start}")
    return workspace


def _stamp(workspace: Workspace, course: str) -> None:
    record = {"template": course, "created": time.time(), "version": __version__, "token": secrets.token_hex(16)}
    write_atomic(workspace.mlops / "workspace.json", json.dumps(record).encode())
    touch(workspace)


def describe(workspace: Workspace) -> dict[str, Any]:
    """What the workspace says of itself: template, creation time, version, token."""
    path = workspace.mlops / "workspace.json"
    if not path.is_file():
        raise NotFound(f"{workspace.root.name} is not a workspace.", code="workspace.missing", fix="Run `init`.")
    record: dict[str, Any] = json.loads(path.read_bytes())
    return record


def template_of(workspace: Workspace) -> Template:
    """The course this workspace was made from."""
    return template(str(describe(workspace)["template"]))


def create(root: Path, *, course: str = "flights", source: Path | None = None, home: Home | None = None) -> Workspace:
    """Make a workspace in the new or empty folder `root`. BadInput when something is there already."""
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise BadInput(
            f"{root} is not empty.", code="workspace.exists", fix="Name a new folder, or open the one there is."
        )
    found = template(course)
    home = home or Home.default()
    return _copy_as(home.prepared(found, source or found.source()), root, course)


def copy(workspace: Workspace, root: Path) -> Workspace:
    """A second workspace with everything the first one has, in the new folder `root`; it has a token of its own."""
    if root.exists():
        raise BadInput(f"{root} exists already.", code="workspace.exists", fix="Name a new folder.")
    with workspace.lock():
        return _copy_as(workspace.root, root, str(describe(workspace)["template"]))


def _copy_as(source: Path, root: Path, course: str) -> Workspace:
    """Copy into a temporary folder, then rename: the new workspace is there whole or not at all."""
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(
            f"{root} cannot be made ({error.strerror}).", code="workspace.folder", fix="Name a folder of your own."
        ) from error
    temporary = root.with_name(f".{root.name}.{os.getpid()}.{secrets.token_hex(4)}")
    _copy(source, temporary)
    _stamp(Workspace(temporary), course)
    if root.exists():
        root.rmdir()
    temporary.rename(root)
    workspace = Workspace(root)
    tracking.relocate(workspace)
    return workspace


def _copy(source: Path, target: Path) -> None:
    """Copy a prepared workspace: read-only payloads are linked, everything else is copied."""

    def place(here: str, there: str) -> str:
        if ".dvc/cache" in here:
            link_or_copy(Path(here), Path(there))
        elif here.endswith(".db"):
            copy_sqlite(Path(here), Path(there))
        else:
            shutil.copy2(here, there)
        return there

    left = shutil.ignore_patterns("dataset.parquet", "dataset.seen.json", "*.db-wal", "*.db-shm", "lock", "tmp*")
    shutil.copytree(source, target, copy_function=place, ignore=left)
    workspace = Workspace(target)
    current = versions.current(workspace)
    link_or_copy(workspace.cache / current.md5[:2] / current.md5[2:], workspace.data / "dataset.parquet")


def open_workspace(root: Path) -> Workspace:
    """Open a workspace and put right what a crash or a move has left: paths in MLflow, alias against ledger, payload."""
    workspace = Workspace(root)
    describe(workspace)
    try:
        with workspace.lock():
            tracking.relocate(workspace)
            registry.repair(workspace)
            versions.repair(workspace)
            _sweep(workspace)
    except Busy:
        pass  # a run is in progress: it holds the lock, so nothing here is left over from a crash
    touch(workspace)
    return workspace


def _sweep(workspace: Workspace) -> None:
    """Remove half-written files; called with the lock held, so that no writer owns them."""
    for path in workspace.mlops.glob("tmp*"):
        shutil.rmtree(path, ignore_errors=True)
    for path in workspace.reports.glob(".*"):
        path.unlink(missing_ok=True)


def change_params(workspace: Workspace, changes: Mapping[str, object]) -> None:
    """Write parameters, but only if the model and the prices they describe make sense; else BadParameter, nothing written."""
    params = overlay(read_params(workspace.params), changes)
    if "model" in params:
        spec_of(params["model"], ())
    if "costs" in params:
        Costs(**params["costs"])
    set_params(workspace.params, changes)


def touch(workspace: Workspace) -> None:
    """Mark a workspace as in use now."""
    (workspace.mlops / "used").touch()


# -- the home of many ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What a clean-up removed."""

    removed: tuple[str, ...]
    bytes: int
    kept: int


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of all workspaces on this machine: `learners/`, `prepared/`, `cache/`."""

    root: Path

    @classmethod
    def default(cls) -> Home:
        """`MLOPS_HOME`, else the user's data directory."""
        import platformdirs

        named = os.environ.get("MLOPS_HOME")
        return cls(Path(named).expanduser().resolve() if named else platformdirs.user_data_path("mlops-fundamentals"))

    @property
    def cache(self) -> Path:
        """Folder for feature tables and MLflow's migrated template."""
        return self.root / "cache"

    def check(self) -> None:
        """BadInput when nothing can be written here."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            probe = self.root / f".probe.{os.getpid()}"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise BadInput(
                f"nothing can be written to {self.root} ({error.strerror}).",
                code="home.unwritable",
                fix="Set MLOPS_HOME to a folder of your own.",
            ) from error

    @contextmanager
    def _lock(self) -> Iterator[None]:
        with (self.root / "lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def prepared(self, course: Template, source: Path) -> Path:
        """The workspace that new ones are copied from; made when it is not there yet, once, whoever comes first."""
        self.check()
        target = self.root / "prepared" / f"{course.name}-{course.digest(source)[:16]}"
        if not target.is_dir():
            with self._lock():
                if not target.is_dir():
                    self._prepare(course, source, target)
        return target

    def _prepare(self, course: Template, source: Path, target: Path) -> None:
        target.parent.mkdir(exist_ok=True)
        temporary = target.with_name(f".{target.name}.{os.getpid()}")
        _build(temporary, course, source, self.cache)
        for old in target.parent.glob(f"{course.name}-*"):
            shutil.rmtree(old, ignore_errors=True)
        temporary.rename(target)

    def year(self, course: Template, source: Path | None = None) -> pd.DataFrame:
        """The feature table of the course's whole stream, from the cache of this home."""
        self.check()
        return course.year(source or course.source(), self.cache)

    def learner(self, learner: str) -> Path:
        """The folder of a learner; BadInput unless the id is 32 hexadecimal characters."""
        if not LEARNER.match(learner):
            raise BadInput("that is not a learner's id.", code="learner.id", fix="Ids are 32 hexadecimal characters.")
        return self.root / "learners" / learner

    def workspace(self, learner: str, *, course: str = "flights") -> Workspace:
        """The learner's workspace: opened when it is there, made when it is not."""
        root = self.learner(learner)
        if (root / ".mlops" / "workspace.json").is_file():
            return open_workspace(root)
        try:
            return create(root, course=course, home=self)
        except (OSError, BadInput):
            if (root / ".mlops" / "workspace.json").is_file():  # a second tab was faster
                return open_workspace(root)
            raise

    def learners(self) -> Mapping[str, Workspace]:
        """Every learner's workspace on this machine, by id."""
        folder = self.root / "learners"
        roots = sorted(path for path in folder.glob("*") if LEARNER.match(path.name)) if folder.is_dir() else []
        return {root.name: Workspace(root) for root in roots}

    def by_token(self, token: str) -> Workspace:
        """The workspace whose token this is; NotFound when it is nobody's."""
        for workspace in self.learners().values():
            path = workspace.mlops / "workspace.json"
            if path.is_file() and secrets.compare_digest(str(json.loads(path.read_bytes())["token"]), token):
                return workspace
        raise NotFound(
            "no workspace has this token.", code="token.unknown", fix="Copy the address from the page again."
        )

    def clean(self, *, max_age_days: float = 30.0, max_bytes: int = 20 * 1024**3) -> Cleaned:
        """Remove workspaces unused for longer than `max_age_days`, then the oldest until all fit in `max_bytes`.

        A workspace used within the last hour, or with a run in progress, is never removed.
        """
        now, removed, freed = time.time(), list[str](), 0
        ages = sorted(((_last_used(w), name, w) for name, w in self.learners().items()), key=lambda row: row[0])
        sizes = {name: _size(workspace.root) for _, name, workspace in ages}
        for used, name, workspace in ages:
            too_old = now - used > max_age_days * 86400
            too_much = sum(sizes.values()) > max_bytes
            if (too_old or too_much) and now - used > IN_USE_SECONDS and _remove(workspace):
                removed.append(name)
                freed += sizes.pop(name)
        return Cleaned(tuple(removed), freed, len(sizes))


def _last_used(workspace: Workspace) -> float:
    path = workspace.mlops / "used"
    return path.stat().st_mtime if path.exists() else workspace.root.stat().st_mtime


def _size(root: Path) -> int:
    """Bytes that removing this folder would free: a payload linked from elsewhere frees nothing."""
    return sum(f.stat().st_size for f in root.rglob("*") if f.is_file() and f.stat().st_nlink == 1)


def _remove(workspace: Workspace) -> bool:
    try:
        with workspace.lock():
            shutil.rmtree(workspace.root)
    except (Busy, OSError):
        return False
    return True
