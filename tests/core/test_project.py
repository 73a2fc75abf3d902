"""Workspaces: made whole, opened and mended, copied, found by token, cleaned by age and size."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from mlops_core import pipeline, project, registry, tracking, versions
from mlops_core.errors import BadInput, NotFound
from mlops_core.ledger import Ledger
from mlops_core.project import Home
from mlops_core.workspace import Workspace
from tests.conftest import Factory

ONE, TWO = "1" * 32, "2" * 32


def test_a_new_workspace_is_a_real_project(workspace_factory: Factory) -> None:
    ws = workspace_factory()
    assert [v.name for v in versions.log(ws)] == ["v1", "v2", "v3", "v4", "v5", "v6"]
    assert versions.current(ws).name == "v5"
    assert ws.git("status", "--porcelain").strip() == ""
    for name in ("params.yaml", "gates.yaml", "dvc.yaml", "code.yaml", "env.yaml", "steps/train.py", ".dvc/config"):
        assert (ws.root / name).is_file(), name
    assert versions.verify(ws)
    assert registry.champion(ws) is None


def test_two_workspaces_share_no_writable_file(workspace_factory: Factory) -> None:
    one, two = workspace_factory(), workspace_factory()
    for path in one.root.rglob("*"):
        twin = two.root / path.relative_to(one.root)
        if path.is_file() and twin.is_file() and path.stat().st_ino == twin.stat().st_ino:
            assert path.stat().st_mode & 0o222 == 0, path
    Ledger(one).record("seen", lesson_date="2013-04-01")
    assert Ledger(two).events() == ()


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path, home: Home) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(BadInput, match="is not empty"):
        project.create(tmp_path, home=home)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_unknown_template_is_named(home: Home, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no template 'trains'. There are flights"):
        project.create(tmp_path / "w", course="trains", home=home)


def test_the_year_of_a_damaged_source_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "data"
    shutil.copytree(project.template("flights").source(), source)
    path = source / "flights" / "2013-02.parquet"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BadInput, match=r"2013-02.parquet .* Run `python data/build.py`"):
        project.create(tmp_path / "w", source=source, home=Home(tmp_path / "home"))
    assert not (tmp_path / "w").exists()


def test_a_copy_has_everything_and_goes_its_own_way(trained_factory: Factory, tmp_path: Path) -> None:
    first = trained_factory()
    second = project.copy(first, tmp_path / "second")
    champion = registry.champion(second)
    assert champion is not None
    assert champion == registry.champion(first)
    assert pipeline.run(second).changed == ()
    assert str(second.root) in tracking.client(second).get_experiment_by_name("pipeline").artifact_location
    registry.load(second)
    versions.checkout(second, "v4")
    assert versions.current(first).name == "v5"
    assert project.describe(first)["token"] != project.describe(second)["token"]
    with pytest.raises(BadInput, match="exists already"):
        project.copy(first, tmp_path / "second")


def test_opening_follows_a_move(trained_factory: Factory, tmp_path: Path) -> None:
    ws = trained_factory()
    ws.root.rename(tmp_path / "moved")
    moved = project.open_workspace(tmp_path / "moved")
    registry.load(moved)
    record = tracking.trials(moved)[-1]
    assert tracking.model_file(moved, record.run_id).is_relative_to(moved.root)


def test_opening_sets_the_alias_back_to_the_ledger(trained_factory: Factory) -> None:
    ws = trained_factory()
    tracking.client(ws).delete_registered_model_alias("model", "champion")
    project.open_workspace(ws.root)
    assert int(tracking.client(ws).get_model_version_by_alias("model", "champion").version) == 1


def test_opening_sweeps_what_a_crash_left(workspace_factory: Factory) -> None:
    ws = workspace_factory()
    (ws.mlops / "tmpdead").mkdir()
    ws.reports.mkdir(exist_ok=True)
    (ws.reports / ".train.skops.123").write_bytes(b"half")
    project.open_workspace(ws.root)
    assert not (ws.mlops / "tmpdead").exists()
    assert not (ws.reports / ".train.skops.123").exists()


def test_opening_while_a_run_is_in_progress_mends_nothing(workspace_factory: Factory) -> None:
    ws = workspace_factory()
    (ws.mlops / "tmpalive").mkdir()
    with ws.lock():
        project.open_workspace(ws.root)
    assert (ws.mlops / "tmpalive").exists()


def test_a_learner_gets_the_same_workspace_again(home: Home) -> None:
    first = home.workspace(ONE)
    Ledger(first).record("seen", lesson_date="2013-04-01")
    again = home.workspace(ONE)
    other = home.workspace(TWO)
    assert again.root == first.root
    assert len(Ledger(again).events("seen")) == 1
    assert other.root != first.root
    assert Ledger(other).events("seen") == ()


@pytest.mark.parametrize("bad", ["", "x" * 32, "1" * 31, "../" + "1" * 29, "A" * 32])
def test_a_learner_is_32_hex_characters(home: Home, bad: str) -> None:
    with pytest.raises(BadInput, match="32 hexadecimal"):
        home.workspace(bad)


def test_a_token_finds_its_workspace_and_nothing_else(home: Home) -> None:
    ws = home.workspace(ONE)
    assert home.by_token(str(project.describe(ws)["token"])).root == ws.root
    with pytest.raises(NotFound, match="token"):
        home.by_token("0" * 32)


def _aged(home: Home, learner: str, days: float) -> Workspace:
    ws = home.workspace(learner)
    then = time.time() - days * 86400
    os.utime(ws.mlops / "used", (then, then))
    return ws


def test_cleaning_by_age_spares_the_young_and_the_busy(home: Home, tmp_path: Path) -> None:
    own = Home(tmp_path / "home")
    own.root.mkdir()
    shutil.copytree(home.root / "prepared", own.root / "prepared", symlinks=True)
    old, busy, young = (_aged(own, c * 32, days) for c, days in (("a", 40), ("b", 40), ("c", 2)))
    with busy.lock():
        cleaned = own.clean(max_age_days=30)
    assert cleaned.removed == ("a" * 32,)
    assert (old.root.exists(), busy.root.exists(), young.root.exists()) == (False, True, True)


def test_cleaning_by_size_removes_the_oldest_first(home: Home, tmp_path: Path) -> None:
    own = Home(tmp_path / "home")
    own.root.mkdir()
    shutil.copytree(home.root / "prepared", own.root / "prepared", symlinks=True)
    first, second, used = (_aged(own, c * 32, days) for c, days in (("a", 3), ("b", 2), ("c", 0)))
    own_bytes = sum(p.stat().st_size for p in used.root.rglob("*") if p.is_file() and p.stat().st_nlink == 1)
    assert own.clean(max_bytes=int(own_bytes * 2.5)).removed == ("a" * 32,)
    assert own.clean(max_bytes=1).removed == ("b" * 32,)  # used a moment ago: never
    assert (first.root.exists(), second.root.exists(), used.root.exists()) == (False, False, True)


def test_an_unwritable_home_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"nothing can be written to .*file.home .*Set MLOPS_HOME"):
        Home(tmp_path / "file" / "home").check()


def test_two_processes_prepare_once(tmp_path: Path) -> None:
    code = (
        "from mlops_core import project; from mlops_core.project import Home; c = project.template('flights');"
        "print(Home.default().prepared(c, c.source()))"
    )
    environment = {**os.environ, "MLOPS_HOME": str(tmp_path / "home")}
    both = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    printed = {process.communicate()[0] for process in both}
    assert len(printed) == 1
    assert [process.returncode for process in both] == [0, 0]
    assert len(list((tmp_path / "home" / "prepared").iterdir())) == 1


def test_expectations_by_code(workspace_factory: Factory) -> None:
    ws, course = workspace_factory(), project.template("flights")
    assert course.keeps(versions.read(ws, "v5"), "wind_speed.range")
    assert not course.keeps(versions.read(ws, "v4"), "wind_speed.range")
    assert course.keeps(versions.read(ws, "v2"), "wind_speed.range")  # no such column yet
    with pytest.raises(NotFound, match="no expectation 'nope'"):
        course.keeps(pd.DataFrame({"date": []}), "nope")
