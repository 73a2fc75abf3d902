"""Differences between two tables: matched by key, missing equals missing, kinds computed, copies named."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import rides

from mlops_core.diff import CellChange, Copy, Retyped, diff
from mlops_core.errors import BadData, BadParameter

KEY = ["day", "ride", "pier"]
FRAME = rides().assign(gust=lambda f: f["wind"] * 1.4 + f["load"] / 100)


def test_a_table_does_not_differ_from_its_shuffle() -> None:
    shuffled = FRAME.sample(frac=1, random_state=1)[list(reversed(FRAME.columns))]
    found = diff(FRAME, shuffled, KEY)
    assert (found.changed, found.rows_same, found.cells, found.copies) == (False, 2000, (), ())


def test_rows_columns_and_cells_are_counted_and_shown() -> None:
    new = FRAME.drop(index=[0, 1, 2]).drop(columns="gust").assign(tide=1.0)
    new.loc[10, "wind"], new.loc[11, "wind"], new.loc[11, "captain"] = 77.5, np.nan, "c99"
    new = pd.concat([new, FRAME.head(1).drop(columns="gust").assign(ride=900, tide=1.0)])
    found = diff(
        FRAME.fillna({"wind": 5}), new.fillna({"wind": 5}).assign(wind=new["wind"].where(new.index != 11)), KEY
    )
    assert (found.added_columns, found.removed_columns) == (("tide",), ("gust",))
    assert found.rows_added + found.rows_same + found.rows_changed == len(new)
    assert (found.rows_added, found.rows_removed) == (1, 3)
    assert found.added_examples == (f"day=2020-03-01 ride=900 pier={FRAME['pier'][0]}",)
    assert len(found.removed_examples) == 3
    cells = {cell.column: cell for cell in found.cells}
    assert (cells["captain"].changed, cells["captain"].median_ratio) == (1, None)
    assert cells["captain"].examples[0].new == "c99"
    assert CellChange(f"day=2020-03-01 ride=10 pier={FRAME['pier'][10]}", f"{FRAME['wind'][10]:g}", "77.5") in (
        cells["wind"].examples
    )


def test_a_change_knows_what_it_is() -> None:
    old = pd.DataFrame({"id": [1, 2, 3, 4], "x": [1.0, np.nan, 3.0, np.nan]})
    new = pd.DataFrame({"id": [4, 3, 2, 1], "x": [np.nan, np.nan, 2.0, 9.0]})
    cell = diff(old, new, ["id"]).cells[0]
    assert (cell.changed, cell.filled, cell.emptied, cell.share) == (3, 1, 1, 0.75)
    assert [(e.row, e.kind) for e in cell.examples] == [("id=3", "emptied"), ("id=2", "filled"), ("id=1", "changed")]


def test_empty_text_is_not_missing_but_two_kinds_of_missing_are_the_same() -> None:
    old = pd.DataFrame({"id": [1, 2, 3], "t": ["", None, "a"]})
    new = pd.DataFrame({"id": [1, 2, 3], "t": pd.array([pd.NA, pd.NA, "a"], dtype="string")})
    found = diff(old, new, ["id"])
    assert (found.cells[0].changed, found.cells[0].emptied) == (1, 1)
    assert found.cells[0].examples[0] == CellChange("id=1", "", "missing")


def test_a_changed_unit_shows_as_a_ratio_with_full_correlation() -> None:
    found = diff(FRAME, FRAME.assign(wind=FRAME["wind"] * 1.15078), KEY)
    assert found.cells[0].median_ratio == pytest.approx(1.15078)
    assert found.cells[0].correlation == pytest.approx(1)
    assert found.rows_changed == FRAME["wind"].notna().sum()
    noise = diff(FRAME, FRAME.assign(wind=FRAME["wind"].sample(frac=1, random_state=0).to_numpy()), KEY).cells[0]
    assert abs(noise.correlation) < 0.1


def test_a_column_that_is_another_times_a_constant_is_named_on_its_side() -> None:
    copied = FRAME.assign(gust=FRAME["wind"] * 1.15078)
    for old, new, side in ((FRAME.drop(columns="gust"), copied, "new"), (copied, FRAME, "old")):
        (copy,) = diff(old, new, KEY).copies
        assert (copy.column, copy.of, copy.side) == ("gust", "wind", side)
        assert copy.ratio == pytest.approx(1.15078)
    (once,) = diff(FRAME.drop(columns=["gust", "wind"]), copied, KEY).copies
    assert (once.column, once.of) == ("gust", "wind")
    slower = FRAME.assign(gust=FRAME["wind"] / 2)
    assert diff(FRAME.drop(columns="gust"), slower, KEY).copies == (Copy("wind", "gust", 2.0, "new"),)


def test_kinds_that_change_are_said_and_their_cells_compared_as_words() -> None:
    old = pd.DataFrame({"id": [1, 2], "n": [1.0, 2.0], "t": pd.to_datetime(["2020-01-01", "2020-01-02"])})
    new = pd.DataFrame({"id": ["1", "2"], "n": ["1", "5"], "t": old["t"].astype("datetime64[s]")})
    found = diff(old, new, ["id"])
    assert found.retyped == (Retyped("n", "number", "text"),)
    assert [(c.column, c.changed) for c in found.cells] == [("n", 1)]
    assert found.changed


@given(
    st.dictionaries(st.integers(0, 12), st.one_of(st.none(), st.integers(0, 3)), max_size=10),
    st.dictionaries(st.integers(0, 12), st.one_of(st.none(), st.integers(0, 3)), max_size=10),
)
def test_counts_are_those_of_two_dictionaries(a, b) -> None:
    def frame(rows):
        return pd.DataFrame(
            {"id": pd.Series(list(rows), dtype="int64"), "x": pd.Series(rows.values(), dtype="float64")}
        )

    found = diff(frame(a), frame(b), ["id"])
    both = a.keys() & b.keys()
    assert found.rows_added == len(b.keys() - a.keys())
    assert found.rows_removed == len(a.keys() - b.keys())
    assert found.rows_same == sum(a[k] == b[k] for k in both)
    assert found.rows_changed == sum(a[k] != b[k] for k in both)
    back = diff(frame(b), frame(a), ["id"])
    assert (back.rows_added, back.rows_changed) == (found.rows_removed, found.rows_changed)
    assert found.changed == (a != b)


def test_a_missing_key_value_names_a_row_as_well() -> None:
    old = pd.DataFrame({"id": [1, None], "k": ["a", None], "x": [1, 2]})
    new = pd.DataFrame({"id": [None, 1], "k": [None, "a"], "x": [3, 1]})
    assert diff(old, new, ["id", "k"]).cells[0].examples == (CellChange("id=missing k=missing", "2", "3"),)


def test_bad_keys_are_refused_with_an_example() -> None:
    twice = pd.concat([FRAME, FRAME.head(2)])
    with pytest.raises(BadData, match=r"the new table has 2 rows whose key occurs before .day=2020-03-01 ride=0") as e:
        diff(FRAME, twice, KEY)
    assert e.value.code == "diff.duplicate"
    with pytest.raises(BadData, match="the old table has no key column ride"):
        diff(FRAME.drop(columns="ride"), FRAME, KEY)
    with pytest.raises(BadParameter, match="key is empty"):
        diff(FRAME, FRAME, [])


def test_empty_tables_and_plain_values() -> None:
    found = diff(FRAME.head(0), FRAME, KEY)
    assert (found.rows_added, found.rows_same) == (2000, 0)
    assert not diff(FRAME.head(0), FRAME.head(0), KEY).changed
    assert list(found.frame().columns)[:2] == ["column", "changed"]
    changed = diff(FRAME, FRAME.assign(wind=1.0, captain="c"), KEY)
    plain = json.loads(json.dumps(changed.to_dict()))
    assert plain["cells"][0]["changed"] == changed.frame()["changed"][0] == max(c.changed for c in changed.cells)
