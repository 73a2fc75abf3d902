"""Schemas, costs, and tables read and written."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from mlops_core.dataset import Column, Costs, Dataset, Limits, Schema, read_table, write_parquet
from mlops_core.digest import md5_file
from mlops_core.errors import BadData, BadParameter, NotFound

SCHEMA = Schema(
    (
        Column("day", "time", "day"),
        Column("who", "category", "key", feature=True),
        Column("x", "number", "feature"),
        Column("flag", "flag", "feature"),
        Column("y", "flag", "target"),
        Column("seen", "time", "known"),
        Column("note", "category"),
    ),
    key=("day", "who"),
)


def test_roles() -> None:
    assert SCHEMA.features == ("who", "x", "flag")
    assert SCHEMA.numeric == ("x", "flag")
    assert SCHEMA.categorical == ("who",)
    assert (SCHEMA.day, SCHEMA.target, SCHEMA.known, SCHEMA.time) == ("day", "y", "seen", None)


def test_restricting_keeps_order_and_key() -> None:
    assert SCHEMA.only(["x", "who"]).names == ("who", "x")
    assert SCHEMA.only(["x", "who"]).key == ("who",)
    assert SCHEMA.without(["y"]).target is None


def test_bad_schemas() -> None:
    with pytest.raises(BadParameter, match="x is defined twice"):
        Schema((Column("x", "number"), Column("x", "number")))
    with pytest.raises(NotFound, match="no column 'z'; there are day"):
        SCHEMA.column("z")
    with pytest.raises(NotFound):
        Schema((Column("x", "number"),), key=("z",))


@pytest.mark.parametrize(("alarm", "miss", "threshold"), [(1, 3, 0.25), (1, 1, 0.5), (3, 1, 0.75)])
def test_threshold_follows_from_costs(alarm: float, miss: float, threshold: float) -> None:
    assert Costs(alarm, miss).threshold == threshold


@pytest.mark.parametrize("bad", [0, -1, float("inf"), float("nan")])
def test_costs_are_positive(bad: float) -> None:
    with pytest.raises(BadParameter, match="above 0"):
        Costs(miss=bad)


def test_same_frame_same_bytes(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1.5, None], "b": ["x", "y"]})
    write_parquet(frame, tmp_path / "one.parquet")
    write_parquet(frame.set_index(pd.Index([5, 6])), tmp_path / "two.parquet")
    assert md5_file(tmp_path / "one.parquet") == md5_file(tmp_path / "two.parquet")
    pd.testing.assert_frame_equal(read_table(tmp_path / "one.parquet"), frame)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["one.parquet", "two.parquet"]


def test_bad_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 nonsense")
    (tmp_path / "torn.csv.gz").write_bytes(b"\x1f\x8b nonsense")
    (tmp_path / "table.xlsx").write_bytes(b"PK")
    (tmp_path / "wide.csv").write_text(",".join(f"c{i}" for i in range(9)) + "\n")
    (tmp_path / "empty.csv").write_bytes(b"")
    for name, words in [("torn.parquet", "cannot be read"), ("torn.csv.gz", "cannot be read"), ("table.xlsx", "must end in"),
                        ("none.csv", "is missing"), ("wide.csv", "9 columns"), ("empty.csv", "cannot be read")]:  # fmt: skip
        with pytest.raises(BadData, match=words) as caught:
            read_table(tmp_path / name, Limits(columns=8))
        assert name in str(caught.value)
        assert caught.value.fix
    with pytest.raises(BadData, match="larger than 1 bytes"):
        read_table(tmp_path / "table.xlsx", Limits(bytes=1))


def test_a_dataset_is_named_by_its_content() -> None:
    frame = pd.DataFrame({"x": [1, 2]})
    schema = Schema((Column("x", "number"),))
    assert Dataset.of(frame, schema).digest == Dataset.of(frame.iloc[::-1], schema).digest
