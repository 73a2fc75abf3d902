"""Names, atomic writes, the lock, Git."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_core.errors import BadName, Busy, Damaged, NotFound
from mlops_core.workspace import Workspace, find_workspace, link_or_copy, safe_name, write_atomic


@pytest.mark.parametrize("name", ["v1", "trial 2", "live-2013-05-06", "数据", "Zürich", "a.b_c+d"])
def test_good_names_pass(name: str) -> None:
    assert safe_name(name) == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize(
    "name",
    ["", "..", "../x", "a/b", "a\\b", "a\0b", "a\nb", ".hidden", "-flag", "con", "HEAD", "x" * 65, "a..b", "a.", "x.lock",
     "a ", "abc\u202edef", "a\u200bb", "a:b", "a~1", "a^", "a?b", "a*", "a[b"],
)  # fmt: skip
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(BadName, match="cannot be used"):
        safe_name(name)


@given(st.text(max_size=80))
def test_no_name_leaves_its_folder(name: str) -> None:
    try:
        good = safe_name(name)
    except BadName:
        return
    assert (Path("/root") / good).resolve().parent == Path("/root")


def test_composed_and_decomposed_are_one_name() -> None:
    assert safe_name("Zu\u0308rich") == safe_name("Z\u00fcrich")


def test_atomic_write_replaces_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "f"
    write_atomic(path, b"one")
    write_atomic(path, b"two")
    assert path.read_bytes() == b"two"
    assert [p.name for p in path.parent.iterdir()] == ["f"]


def test_link_replaces_an_old_target(tmp_path: Path) -> None:
    source, target = tmp_path / "s", tmp_path / "deep" / "t"
    source.write_bytes(b"new")
    target.parent.mkdir()
    target.write_bytes(b"old")
    link_or_copy(source, target)
    assert target.read_bytes() == b"new"
    assert target.stat().st_ino == source.stat().st_ino


def test_a_second_writer_is_told_and_a_dead_one_forgotten(tmp_path: Path) -> None:
    ws = Workspace(tmp_path)
    code = (
        "import sys, pathlib; from mlops_core.workspace import Workspace\n"
        "with Workspace(pathlib.Path(sys.argv[1])).lock():\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(Busy, match="in progress"), ws.lock():
            pass
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
    with ws.lock():
        pass


def test_git_speaks_plainly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ws = Workspace(tmp_path)
    ws.git("init", "--quiet")
    assert ws.git("status", "--porcelain") == ""
    with pytest.raises(Damaged, match="git checkout failed"):
        ws.git("checkout", "nothing")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotFound, match="git is not installed"):
        ws.git("status")


def test_the_nearest_workspace_is_found(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    with pytest.raises(NotFound, match="init"):
        find_workspace(deep)
    (tmp_path / ".mlops").mkdir()
    assert find_workspace(deep).root == tmp_path.resolve()
