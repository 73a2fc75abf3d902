"""Three-way merge and bisection: on frames, on versions, against a slow merge."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_core import versions
from mlops_core.errors import BadData, BadParameter, NotFound
from mlops_core.merging import bisect, merge, merge_frames
from mlops_core.repository import init_repository
from mlops_core.workspace import Workspace

BASE = pd.DataFrame({"k": [1, 2, 3], "x": [10, 20, 30], "w": ["a", "b", None]})


def change(frame: pd.DataFrame, key: int, column: str, value: object) -> pd.DataFrame:
    return frame.assign(**{column: frame[column].mask(frame["k"] == key, value)})


def test_changes_of_different_cells_join() -> None:
    merged, conflicts, count = merge_frames(BASE, change(BASE, 1, "x", 11), change(BASE, 1, "w", "z"), ["k"])
    assert (conflicts, count) == ((), 0)
    pd.testing.assert_frame_equal(merged, pd.DataFrame({"k": [1, 2, 3], "x": [11, 20, 30], "w": ["z", "b", None]}))


def test_the_same_change_twice_is_no_conflict() -> None:
    ours = change(BASE, 2, "x", 99)
    assert merge_frames(BASE, ours, ours, ["k"])[0]["x"].tolist() == [10, 99, 30]


def test_different_changes_of_one_cell_conflict() -> None:
    merged, conflicts, count = merge_frames(BASE, change(BASE, 2, "x", 1), change(BASE, 2, "x", 2), ["k"])
    assert merged.empty
    assert count == 1
    assert (conflicts[0].key, conflicts[0].column) == (("2",), "x")
    assert (conflicts[0].base, conflicts[0].ours, conflicts[0].theirs) == (20, 1, 2)


def test_rows_and_columns_added_by_either_are_kept() -> None:
    ours = pd.concat([BASE, pd.DataFrame({"k": [4], "x": [40], "w": ["d"]})], ignore_index=True)
    theirs = BASE.assign(new=[1.0, 2.0, 3.0])
    merged, _, count = merge_frames(BASE, ours, theirs, ["k"])
    assert count == 0
    assert merged["k"].tolist() == [1, 2, 3, 4]
    assert merged["new"].tolist()[:3] == [1.0, 2.0, 3.0]


def test_a_removed_row_is_gone_unless_the_other_changed_it() -> None:
    ours = BASE[BASE["k"] != 2]
    assert merge_frames(BASE, ours, BASE, ["k"])[0]["k"].tolist() == [1, 3]
    _, conflicts, count = merge_frames(BASE, ours, change(BASE, 2, "x", 21), ["k"])
    assert count == 1
    assert conflicts[0].column == "(row)"


def test_keys_must_be_there_once() -> None:
    twice = pd.concat([BASE, BASE.iloc[:1]])
    with pytest.raises(BadData, match="table ours has two rows with one key"):
        merge_frames(BASE, twice, BASE, ["k"])
    with pytest.raises(BadData, match="table theirs has no column 'k'"):
        merge_frames(BASE, BASE, BASE[["x"]], ["k"])


cells = st.dictionaries(st.integers(0, 6), st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=7)


@settings(max_examples=80, deadline=None)
@given(cells, cells, cells)
def test_agrees_with_a_slow_merge(base: dict, ours: dict, theirs: dict) -> None:
    frames = [pd.DataFrame([(k, *v) for k, v in t.items()], columns=["k", "a", "b"]) for t in (base, ours, theirs)]
    expected, conflict = {}, False
    for key in {*base, *ours, *theirs}:
        was, mine, other = base.get(key), ours.get(key), theirs.get(key)
        if was is not None and (mine is None or other is None):
            kept = mine if other is None else other
            conflict |= kept is not None and kept != was
            continue
        row = []
        for at in range(2):
            w, m, o = (r[at] if r is not None else None for r in (was, mine, other))
            conflict |= w != m and w != o and m != o
            row.append(o if w == m else m)
        expected[key] = tuple(row)
    merged, _, count = merge_frames(*frames, ["k"])
    assert (count > 0) is conflict
    if not conflict:
        assert {int(r.k): (r.a, r.b) for r in merged.itertuples()} == expected


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    ws = Workspace(tmp_path)
    init_repository(ws)
    versions.commit(ws, BASE, name="base", message="base", lesson_date="2013-01-01")
    return ws


def test_two_lines_merge_against_their_ancestor(workspace: Workspace) -> None:
    versions.commit(workspace, change(BASE, 1, "x", 11), name="left", message="l", lesson_date="2013-01-02")
    versions.checkout(workspace, "base")
    versions.commit(workspace, change(BASE, 3, "x", 33), name="right", message="r", lesson_date="2013-01-03")
    done = merge(workspace, "left", "right", key=["k"], name="both")
    assert (done.rows, done.count) == (3, 0)
    assert versions.read(workspace, "both")["x"].tolist() == [11, 20, 33]


def test_a_conflict_writes_nothing(workspace: Workspace) -> None:
    versions.commit(workspace, change(BASE, 1, "x", 11), name="left", message="l", lesson_date="2013-01-02")
    versions.checkout(workspace, "base")
    versions.commit(workspace, change(BASE, 1, "x", 12), name="right", message="r", lesson_date="2013-01-03")
    done = merge(workspace, "left", "right", key=["k"], name="both")
    assert (done.rows, done.count) == (0, 1)
    assert "both" not in [v.name for v in versions.log(workspace)]


def test_bisect_halves(workspace: Workspace) -> None:
    for number in range(1, 14):
        frame = BASE.assign(x=BASE["x"] + number + (1000 if number >= 9 else 0))
        versions.commit(workspace, frame, name=f"w{number}", message="week", lesson_date="2013-02-01")
    found = bisect(workspace, "base", "w13", lambda frame: bool(frame["x"].max() < 500))
    assert found.first_bad == "w9"
    assert len(found.looks) <= 6  # two ends and log2(13)


def test_bisect_says_what_is_wrong_with_its_ends(workspace: Workspace) -> None:
    versions.commit(workspace, BASE.assign(x=1), name="next", message="n", lesson_date="2013-01-02")
    with pytest.raises(BadParameter, match="next is not older than base"):
        bisect(workspace, "next", "base", lambda frame: True)
    with pytest.raises(BadParameter, match="next keeps the rule"):
        bisect(workspace, "base", "next", lambda frame: True)
    with pytest.raises(BadParameter, match="base breaks the rule already"):
        bisect(workspace, "base", "next", lambda frame: False)
    with pytest.raises(NotFound, match="no data version 'none'"):
        bisect(workspace, "base", "none", lambda frame: True)
