"""Data versions: commit, log, checkout, read, and every flipped bit found."""

from __future__ import annotations

import os
import random
import subprocess
import threading
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlops_core import versions
from mlops_core.digest import digest_frame, md5_file
from mlops_core.errors import BadInput, BadName, BadParameter, Busy, Damaged, NotFound
from mlops_core.workspace import Workspace


def table(shift: float = 0.0) -> pd.DataFrame:
    day = pd.to_datetime(["2013-01-01", "2013-01-02", None])
    return pd.DataFrame({"x": np.arange(3.0) + shift, "carrier": ["UA", None, "Äß"], "day": day})


@pytest.fixture
def ws(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path)
    versions.init_repository(workspace)
    return workspace


def put(
    ws: Workspace, name: str, shift: float = 0.0, message: str = "A message", day: str = "2013-03-31"
) -> versions.Version:
    return versions.commit(ws, table(shift), name=name, message=message, lesson_date=day)


def test_a_version_comes_back_as_it_went_in(ws: Workspace) -> None:
    made = versions.commit(ws, table(), name="v1", message="First\n\nWhy: 雨 # kept", lesson_date=date(2013, 4, 1))
    assert (made.name, made.rows, made.columns, made.lesson_date) == ("v1", 3, 3, "2013-04-01")
    assert made.message == "First\n\nWhy: 雨 # kept"
    assert made.digest == digest_frame(table())
    assert made.md5 == md5_file(ws.data / "dataset.parquet")
    assert made.bytes == (ws.data / "dataset.parquet").stat().st_size
    assert versions.log(ws) == (made,)
    pd.testing.assert_frame_equal(versions.read(ws, "v1"), table())


def test_the_commit_is_an_ordinary_one_with_a_trailer(ws: Workspace) -> None:
    made = put(ws, "v1")
    assert ws.git("rev-parse", "data/v1^{commit}", "HEAD").split() == [made.id, made.id]
    assert ws.git("log", "-1", "--format=%an|%ae|%(trailers:key=Lesson-Date,valueonly)").strip() == (
        "MLOps lab|lab@localhost|2013-03-31"
    )
    assert ws.git("status", "--porcelain") == ""
    assert ws.git("show", "--stat", "--format=", "HEAD").count("|") == 1
    assert oct((ws.cache / made.md5[:2] / made.md5[2:]).stat().st_mode)[-3:] == "444"


def test_log_is_oldest_first_and_knows_what_a_version_was_made_from(ws: Workspace) -> None:
    one, two = put(ws, "z"), put(ws, "a", 1)
    versions.checkout(ws, "z")
    three = put(ws, "m", 2)
    assert [version.name for version in versions.log(ws)] == ["z", "a", "m"]
    assert (one.parents, two.parents, three.parents) == ((), (one.id,), (one.id,))


def test_checkout_changes_data_and_pointer_but_not_head(ws: Workspace) -> None:
    one, two = put(ws, "v1"), put(ws, "v2", 5)
    head = ws.git("rev-parse", "HEAD")
    assert versions.checkout(ws, "v1") == one
    assert versions.current(ws) == one
    pd.testing.assert_frame_equal(pd.read_parquet(ws.data / "dataset.parquet"), table())
    assert ws.git("rev-parse", "HEAD") == head
    assert ws.git("status", "--porcelain") == f" M {versions.POINTER}\n"
    assert versions.checkout(ws, "v2") == two
    assert ws.git("status", "--porcelain") == ""


def test_two_names_for_one_content_stay_two_versions(ws: Workspace) -> None:
    one, two = put(ws, "v1"), put(ws, "same")
    assert one.md5 == two.md5
    assert versions.current(ws) == two
    versions.checkout(ws, "v1")
    assert versions.current(ws) == one


def test_the_same_table_gives_the_same_pointer_in_another_workspace(
    ws: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = Workspace(tmp_path_factory.mktemp("other"))
    versions.init_repository(other)
    put(ws, "v1")
    put(other, "v1")
    assert (ws.root / versions.POINTER).read_bytes() == (other.root / versions.POINTER).read_bytes()


def test_refusals_name_the_thing(ws: Workspace) -> None:
    put(ws, "v1")
    with pytest.raises(BadName, match="'v1' exists already"):
        put(ws, "V1", 1)
    with pytest.raises(NotFound, match="there are: v1"):
        versions.read(ws, "v9")
    with pytest.raises(BadParameter, match="not a date"):
        put(ws, "v2", day="soon")
    with pytest.raises(BadParameter, match="0 characters"):
        put(ws, "v2", message=" \n\x00")
    with pytest.raises(BadParameter, match="no column"):
        versions.commit(ws, pd.DataFrame(), name="v2", message="m", lesson_date="2013-01-01")
    ws.git("checkout", "--quiet", "--detach")
    with pytest.raises(BadInput, match="git switch main"):
        put(ws, "v2")
    assert [version.name for version in versions.log(ws)] == ["v1"]


def test_without_a_version_current_says_so(ws: Workspace) -> None:
    assert versions.log(ws) == ()
    with pytest.raises(NotFound, match="No data version is checked out"):
        versions.current(ws)


@pytest.mark.parametrize("where", [0.0, 0.3, 0.5, 0.9])
def test_one_flipped_bit_is_found_and_named(ws: Workspace, where: float) -> None:
    made = put(ws, "v1")
    path = ws.cache / made.md5[:2] / made.md5[2:]
    data = bytearray(path.read_bytes())
    data[int(where * (len(data) - 1))] ^= 1 << random.Random(where).randrange(8)
    path.chmod(0o644)
    path.write_bytes(bytes(data))
    for action in (lambda: versions.read(ws, "v1"), lambda: versions.checkout(ws, "v1"), lambda: versions.verify(ws)):
        with pytest.raises(Damaged, match=made.md5[2:]):
            action()


def test_a_lost_payload_a_changed_working_copy_and_a_damaged_commit_are_found(ws: Workspace) -> None:
    made, _ = put(ws, "v1"), put(ws, "v2", 1)
    assert len(versions.verify(ws)) == 2
    (ws.data / "dataset.parquet").write_bytes(b"PAR1")
    with pytest.raises(Damaged, match=r"data/dataset\.parquet"):
        versions.verify(ws)
    assert versions.repair(ws) is True
    assert versions.repair(ws) is False
    blob = ws.git("rev-parse", f"data/v1:{versions.POINTER}").strip()
    path = ws.root / ".git" / "objects" / blob[:2] / blob[2:]
    path.chmod(0o644)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(Damaged):
        versions.verify(ws)
    path.write_bytes(whole)
    (ws.cache / made.md5[:2] / made.md5[2:]).unlink()
    with pytest.raises(Damaged, match=made.md5[2:]):
        versions.verify(ws)


def test_the_users_git_settings_do_not_reach_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, hooks = tmp_path / "home", tmp_path / "hooks"
    home.mkdir()
    hooks.mkdir()
    for name in ("pre-commit", "commit-msg", "reference-transaction"):
        (hooks / name).write_text("#!/bin/sh\nexit 1\n")
        (hooks / name).chmod(0o755)
    (home / ".gitconfig").write_text(
        f"[core]\n hooksPath={hooks}\n autocrlf=true\n[commit]\n gpgsign=true\n[tag]\n gpgsign=true\n"
        f"[init]\n templateDir={hooks}\n"
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    ws = Workspace(tmp_path / "ws")
    ws.root.mkdir()
    versions.init_repository(ws)
    put(ws, "v1")
    assert b"\r" not in (ws.root / versions.POINTER).read_bytes()
    assert ws.git("status", "--porcelain") == ""
    assert ws.git("log", "--format=%an").split("\n")[0] == "MLOps lab"


def test_a_second_init_changes_nothing(ws: Workspace) -> None:
    put(ws, "v1")
    before = ws.git("rev-parse", "HEAD")
    versions.init_repository(ws)
    assert ws.git("rev-parse", "HEAD") == before


def test_a_writer_at_work_is_said(ws: Workspace) -> None:
    with ws.lock(), pytest.raises(Busy):
        put(ws, "v1")


def test_many_threads_commit_and_no_version_is_lost(ws: Workspace) -> None:
    done: list[str] = []

    def work(at: int) -> None:
        while True:
            try:
                done.append(put(ws, f"v{at}", at).name)
                return
            except Busy:
                threading.Event().wait(0.005)

    threads = [threading.Thread(target=work, args=(at,)) for at in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == sorted(version.name for version in versions.log(ws)) == [f"v{at}" for at in range(6)]
    assert len(versions.verify(ws)) == 6


_AWKWARD = st.text(st.sampled_from("aZ0.-_+ /\\~^:?*[@{\u202e\u0301é雨\x00\n%"), min_size=1, max_size=70)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.one_of(_AWKWARD, st.text(min_size=1, max_size=70)))
def test_a_name_is_refused_or_comes_back_and_stays_inside(ws: Workspace, name: str) -> None:
    try:
        made = put(ws, name)
    except BadName:
        return
    assert versions.current(ws).name == made.name
    assert made.name in {version.name for version in versions.log(ws)}
    subprocess.run(["git", "check-ref-format", f"refs/tags/data/{made.name.replace(' ', '%20')}"], check=True)
    assert {path.name for path in ws.data.iterdir()} == {"dataset.parquet", "dataset.parquet.dvc"}


def test_a_long_name_of_four_byte_letters_is_refused(ws: Workspace) -> None:
    with pytest.raises(BadName):
        put(ws, "\U00020000" * 64)
    assert put(ws, "雨" * 64).name == "雨" * 64


def test_a_name_with_spaces_comes_back(ws: Workspace) -> None:
    assert put(ws, "first quarter é").name == "first quarter é"
    assert versions.checkout(ws, "first quarter é") == versions.current(ws) == versions.log(ws)[0]


def test_a_damaged_object_of_git_that_no_version_needs_is_found_too(ws: Workspace) -> None:
    put(ws, "v1")
    blob = ws.git("rev-parse", "HEAD:.gitignore").strip()
    path = ws.root / ".git" / "objects" / blob[:2] / blob[2:]
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(Damaged):
        versions.verify(ws)


def test_composed_and_decomposed_names_are_one(ws: Workspace) -> None:
    put(ws, "e\u0301te\u0301")
    with pytest.raises(BadName, match="exists"):
        put(ws, "\u00e9t\u00e9", 1)
    assert versions.read(ws, "e\u0301te\u0301").equals(table())


def test_a_tag_without_a_pointer_is_no_version(ws: Workspace) -> None:
    ws.git("tag", "data/empty", "HEAD")
    assert versions.log(ws) == ()
    assert os.path.lexists(ws.root / ".git/refs/tags/data/empty")


def test_a_second_name_is_a_pointer(ws: Workspace) -> None:
    first = versions.commit(ws, pd.DataFrame({"x": [1, 2]}), name="v1", message="first", lesson_date="2013-04-01")
    named = versions.tag(ws, "golden", "v1")
    assert (named.id, named.digest, named.md5) == (first.id, first.digest, first.md5)
    pd.testing.assert_frame_equal(versions.read(ws, "golden"), versions.read(ws, "v1"))
    with pytest.raises(BadName, match="exists already"):
        versions.tag(ws, "V1", "golden")
    with pytest.raises(NotFound):
        versions.tag(ws, "other", "none")
