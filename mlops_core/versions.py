"""Versions of the data: a Git commit, a tag `data/NAME`, and a payload where DVC looks for it.

The pointer `data/dataset.parquet.dvc` is tracked; the payload lies in `.dvc/cache/files/md5` and, for the version that
is checked out, in `data/dataset.parquet`. Real `git`, `dvc status`, `dvc checkout`, `dvc diff` accept the result.

    commit   payload into the cache, one `git fast-import` (commit, then tag: the version exists), then the working copy
    checkout payload first, pointer last; HEAD never moves

Sources: DVC user guide, "Project structure: .dvc files, internal files"; git-fast-import(1).
Shown by `python -m mlops_core data log`.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import unquote

import pandas as pd

from mlops_core.dataset import write_parquet
from mlops_core.digest import digest_frame, md5_file
from mlops_core.errors import BadName, BadParameter, NotFound
from mlops_core.pointer import PAYLOAD, POINTER, damaged, parse_pointer, pointer_text
from mlops_core.repository import import_commit, init_repository
from mlops_core.workspace import Workspace, safe_name, write_atomic

__all__ = [
    "POINTER",
    "Version",
    "checkout",
    "commit",
    "current",
    "init_repository",
    "log",
    "read",
    "repair",
    "verify",
]

_MESSAGE_LIMIT = 2000


@dataclass(frozen=True, slots=True)
class Version:
    """One version of the data.

    `id` is the Git commit, `parents` the ids of the versions it was made from (what was checked out at that time),
    `digest` names the content, `md5` and `bytes` the stored file; `created` is the wall clock (UTC), `lesson_date` the
    day in the lesson's own calendar (ISO; "" when other tools made the commit).
    """

    id: str
    name: str
    parents: tuple[str, ...]
    message: str
    digest: str
    md5: str
    rows: int
    columns: int
    bytes: int
    created: datetime
    lesson_date: str

    def to_dict(self) -> dict[str, object]:
        """The version as plain values."""
        values: dict[str, object] = {name: getattr(self, name) for name in self.__slots__}
        return {**values, "parents": list(self.parents), "created": self.created.isoformat()}


def _reached(point: str) -> None:
    """A named point of the protocol: payload, tagged, working, pointer. Crash tests replace this to die here."""


def commit(ws: Workspace, frame: pd.DataFrame, *, name: str, message: str, lesson_date: date | str) -> Version:
    """Store `frame` as version `name` and check it out.

    The tag is written last: a version is there whole or not at all. Raises BadName (unsafe or taken name), BadParameter
    (no column, empty message, not a date), Busy (another writer), BadInput (HEAD is detached).
    """
    name, message, day = _checked_name(name), _checked_message(message), _iso_day(lesson_date)
    if not len(frame.columns):
        raise BadParameter("The table has no column.", code="version.empty", fix="Commit a table with columns.")
    with ws.lock():
        existing = log(ws)
        _refuse_taken(existing, name)
        here = _find_current(ws, existing)
        md5, size = _store_payload(ws, frame)
        _reached("payload")
        facts: dict[str, object] = {
            "version": name,
            "number": len(existing) + 1,
            "md5": md5,
            "digest": digest_frame(frame),
            "rows": len(frame),
            "columns": len(frame.columns),
            "lesson_date": day,
            "parents": [here.id] if here else [],
        }
        pointer = pointer_text(md5, size, message, facts)
        text = f"{message}\n\nLesson-Date: {day}"
        import_commit(ws, {POINTER: pointer}, message=text, tag=_tag_of(name))
        _reached("tagged")
        _put_in_place(ws, md5, pointer)
        ws.git("update-index", "--add", "--", POINTER)
    return _named(log(ws), name)


def log(ws: Workspace) -> tuple[Version, ...]:
    """Every version, oldest first. A tag `data/…` whose commit holds no pointer is no version."""
    return tuple(found.version for found in _read_versions(ws))


def read(ws: Workspace, name: str) -> pd.DataFrame:
    """The table of version `name`, from the cache, its bytes checked. NotFound, Damaged."""
    return _frame_of(ws, _named(log(ws), name))


def checkout(ws: Workspace, name: str) -> Version:
    """Put version `name` into `data/`: payload, then pointer. HEAD stays. Raises NotFound, Damaged, Busy."""
    with ws.lock():
        found = _read_versions(ws)
        version = _named((item.version for item in found), name)
        pointer = next(item.pointer for item in found if item.version is version)
        _put_in_place(ws, version.md5, pointer)
    return version


def tag(ws: Workspace, name: str, version: str) -> Version:
    """Give a version a second name: a pointer, no copy. Raises BadName (unsafe or taken), NotFound, Busy."""
    name = _checked_name(name)
    with ws.lock():
        existing = log(ws)
        _refuse_taken(existing, name)
        ws.git("tag", _tag_of(name), _named(existing, version).id)
    return _named(log(ws), name)


def _refuse_taken(existing: Iterable[Version], name: str) -> None:
    taken = next((v.name for v in existing if v.name.casefold() == name.casefold()), None)
    if taken is not None:
        text = f"version {taken!r} exists already."
        raise BadName(text, code="version.exists", fix="Choose another name.", name=name)


def current(ws: Workspace) -> Version:
    """The version that is checked out; NotFound when there is none or when the pointer names no known version."""
    version = _find_current(ws, log(ws))
    if version is None:
        raise NotFound("No data version is checked out.", code="version.none", fix="Commit one, or check one out.")
    return version


def verify(ws: Workspace) -> tuple[Version, ...]:
    """Read every stored byte again: Git's objects, each payload, the working copy.

    Returns the versions that were checked; raises Damaged naming the first file that is not what its name says.
    """
    ws.git("fsck", "--no-dangling", "--no-progress")
    versions = log(ws)
    for version in versions:
        _payload_bytes(ws, version.md5, version.name)
    pointer = ws.root / POINTER
    if pointer.exists():
        md5 = parse_pointer(pointer.read_text(encoding="utf-8", errors="replace")).md5
        working = ws.data / PAYLOAD
        if not working.is_file() or md5_file(working) != md5:
            raise damaged(f"data/{PAYLOAD}", "Check the version out again.")
    return versions


def repair(ws: Workspace) -> bool:
    """Undo what a crash left: temporary files, a payload that is not the pointer's. True when there was something.

    The caller holds `ws.lock()`, so that nothing here belongs to a writer at work.
    """
    leftovers = [*ws.data.glob(f".{PAYLOAD}*"), *ws.cache.glob(".payload.*")]
    for path in leftovers:
        path.unlink(missing_ok=True)
    pointer, working = ws.root / POINTER, ws.data / PAYLOAD
    if not pointer.exists():
        return bool(leftovers)
    text = pointer.read_text(encoding="utf-8", errors="replace")
    md5 = parse_pointer(text).md5
    if working.is_file() and md5_file(working) == md5:
        return bool(leftovers)
    _put_in_place(ws, md5, text)
    return True


# --- names, messages, dates -------------------------------------------------------------------------------------------


def _checked_name(name: str) -> str:
    tidy = safe_name(name, "version")
    if len(_tag_of(tidy).encode()) > 240:  # a ref is a file: 255 bytes with Git's own ".lock"
        raise BadName("version name is too long for a file.", code="name.long", fix="Use fewer letters.", name=name)
    return tidy


def _tag_of(name: str) -> str:
    return "data/" + name.replace(" ", "%20")  # no space in a ref; `%` is in no safe name, so this can be undone


def _checked_message(message: str) -> str:
    tidy = "".join(letter for letter in message if letter >= " " or letter == "\n").strip()
    if not tidy or len(tidy) > _MESSAGE_LIMIT:
        fix = f"Write 1 to {_MESSAGE_LIMIT:,} characters."
        raise BadParameter(f"The message has {len(tidy)} characters.", code="version.message", fix=fix)
    return tidy


def _iso_day(day: date | str) -> str:
    try:
        return date.fromisoformat(str(day)[:10]).isoformat()
    except ValueError as error:
        raise BadParameter(f"{day!r} is not a date.", code="version.date", fix="Write it as 2013-03-31.") from error


# --- the pointer ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Found:
    order: tuple[int, int, str]
    version: Version
    pointer: str


def _read_versions(ws: Workspace) -> list[_Found]:
    """Versions with their pointer texts, oldest first, by two calls of Git."""
    commit_id = "%(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end)"
    pattern = f"--format={commit_id} %(creatordate:unix) %(refname:lstrip=3)"
    refs = [line.split(" ", 2) for line in ws.git("for-each-ref", pattern, "refs/tags/data/").splitlines()]
    refs = [ref for ref in refs if "/" not in ref[2]]
    boundary = "boundary-" + hashlib.sha256(repr(refs).encode()).hexdigest()
    asked = "".join(f"{commit_id}:{POINTER}\n{boundary}\n" for commit_id, _, _ in refs)
    answers = ws.git("cat-file", "--batch", stdin=asked).split(f"{boundary} missing\n") if refs else []
    found = []
    for (commit_id, seconds, tag), answer in zip(refs, answers, strict=False):
        head, _, text = answer.partition("\n")
        if " blob " in head:
            found.append(_describe(ws, commit_id, int(seconds), unquote(tag), text[:-1]))
    return sorted(found, key=lambda item: item.order)


def _describe(ws: Workspace, commit_id: str, seconds: int, name: str, text: str) -> _Found:
    pointer = parse_pointer(text)
    facts = pointer.facts or _facts_of_payload(ws, pointer.md5)
    number, rows, columns = (int(str(facts.get(key, 0))) for key in ("number", "rows", "columns"))
    parents = facts.get("parents")
    version = Version(
        id=commit_id,
        name=name,
        parents=tuple(str(parent) for parent in parents) if isinstance(parents, list) else (),
        message=pointer.message,
        digest=str(facts.get("digest", "")),
        md5=pointer.md5,
        rows=rows,
        columns=columns,
        bytes=pointer.size,
        created=datetime.fromtimestamp(seconds, UTC),
        lesson_date=str(facts.get("lesson_date", "")),
    )
    return _Found((seconds, number, name), version, text)


def _facts_of_payload(ws: Workspace, md5: str) -> dict[str, object]:
    """What a commit made by DVC itself does not say; empty when its payload is not here."""
    if not _cache_path(ws, md5).is_file():
        return {}
    frame = pd.read_parquet(io.BytesIO(_payload_bytes(ws, md5, md5)))
    return {"digest": digest_frame(frame), "rows": len(frame), "columns": len(frame.columns)}


def _named(versions: Iterable[Version], name: str) -> Version:
    wanted = safe_name(name, "version")
    known = {version.name: version for version in versions}
    if wanted not in known:
        there = ", ".join(known) or "none yet"
        raise NotFound(f"No data version {wanted!r}; there are: {there}.", code="version.unknown", name=wanted)
    return known[wanted]


def _find_current(ws: Workspace, versions: tuple[Version, ...]) -> Version | None:
    path = ws.root / POINTER
    if not path.exists():
        return None
    pointer = parse_pointer(path.read_text(encoding="utf-8", errors="replace"))
    same = [version for version in versions if version.md5 == pointer.md5]
    named = [version for version in same if version.name == pointer.facts.get("version")]
    return next(iter([*named, *reversed(same)]), None)


# --- the payload ------------------------------------------------------------------------------------------------------


def _cache_path(ws: Workspace, md5: str) -> Path:
    return ws.cache / md5[:2] / md5[2:]


def _store_payload(ws: Workspace, frame: pd.DataFrame) -> tuple[str, int]:
    """Write the table into DVC's cache under its MD5, read-only; returns MD5 and size in bytes."""
    temporary = ws.cache / f".payload.{os.getpid()}"
    write_parquet(frame, temporary)
    md5, size = md5_file(temporary), temporary.stat().st_size
    target = _cache_path(ws, md5)
    target.parent.mkdir(exist_ok=True)
    temporary.chmod(0o444)
    temporary.replace(target)
    return md5, size


def _payload_bytes(ws: Workspace, md5: str, name: str) -> bytes:
    path = _cache_path(ws, md5)
    where = str(path.relative_to(ws.root))
    if not path.is_file():
        raise damaged(where, "Fetch it with `dvc pull`.", version=name)
    data = path.read_bytes()
    if hashlib.md5(data, usedforsecurity=False).hexdigest() != md5:
        raise damaged(where, "Delete it and fetch or make it again.", version=name)
    return data


def _frame_of(ws: Workspace, version: Version) -> pd.DataFrame:
    return pd.read_parquet(io.BytesIO(_payload_bytes(ws, version.md5, version.name)))


def _put_in_place(ws: Workspace, md5: str, pointer: str) -> None:
    """Payload first, pointer last: a crash between the two leaves the old version current, and `repair` restores it."""
    write_atomic(ws.data / PAYLOAD, _payload_bytes(ws, md5, PAYLOAD))
    _reached("working")
    write_atomic(ws.root / POINTER, pointer.encode())
    _reached("pointer")
