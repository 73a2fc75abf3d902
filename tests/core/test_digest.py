"""Same content, same name; anything else, another name."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_core.digest import digest_bytes, digest_file, digest_frame, digest_source, digest_value, md5_file
from mlops_core.errors import BadParameter

TABLE = pd.DataFrame({"a": [1, 2, 2], "b": ["x", None, "y"], "t": pd.to_datetime(["2013-01-01", None, "2013-01-02"])})


def test_bytes_and_files_are_sha256_and_md5(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"abc" * 700_000)
    assert digest_bytes(b"abc") == hashlib.sha256(b"abc").hexdigest()
    assert digest_file(path) == hashlib.sha256(path.read_bytes()).hexdigest()
    assert md5_file(path) == hashlib.md5(path.read_bytes()).hexdigest()


def test_order_of_keys_does_not_matter_but_order_of_lists_does() -> None:
    assert digest_value({"a": 1, "b": [1, 2]}) == digest_value({"b": [1, 2], "a": 1})
    assert digest_value([1, 2]) != digest_value([2, 1])
    with pytest.raises(BadParameter, match="object"):
        digest_value(object())


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-5, 5), st.sampled_from(["x", "y", None])), min_size=1, max_size=20), st.randoms()
)
def test_a_shuffle_is_the_same_data(rows: list[tuple[int, str | None]], random) -> None:
    frame = pd.DataFrame(rows, columns=["n", "w"])
    shuffled = random.sample(rows, len(rows))
    other = pd.DataFrame(shuffled, columns=["n", "w"])[["w", "n"]]
    assert digest_frame(frame) == digest_frame(other)


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f.assign(a=[1, 2, 3]),
        lambda f: f.assign(b=["x", "", "y"]),
        lambda f: f.rename(columns={"a": "c"}),
        lambda f: f.iloc[:2],
        lambda f: pd.concat([f, f.iloc[:1]]),
        lambda f: f.assign(a=[2, 1, 2]),
        lambda f: f.assign(t=f["t"] + pd.Timedelta(1, "us")),
    ],
)
def test_every_change_of_content_is_seen(change) -> None:
    assert digest_frame(change(TABLE)) != digest_frame(TABLE)


def test_values_that_trade_places_between_columns_are_seen() -> None:
    assert digest_frame(pd.DataFrame({"a": [1, 2], "b": [3, 4]})) != digest_frame(
        pd.DataFrame({"a": [3, 2], "b": [1, 4]})
    )


def test_one_and_one_point_zero_are_one_cell() -> None:
    assert digest_frame(pd.DataFrame({"a": [1, 2]})) == digest_frame(pd.DataFrame({"a": [1.0, 2.0]}))
    assert digest_frame(pd.DataFrame({"a": [0.0]})) == digest_frame(pd.DataFrame({"a": [-0.0]}))
    assert digest_frame(TABLE.astype({"b": "category"})) == digest_frame(TABLE)


def test_ordered_sees_the_order() -> None:
    assert digest_frame(TABLE, ordered=True) != digest_frame(TABLE.iloc[::-1], ordered=True)
    assert digest_frame(TABLE, ordered=True) == digest_frame(TABLE.set_index(np.arange(7, 10)), ordered=True)


def test_the_same_in_another_process() -> None:
    code = (
        "import pandas as pd; from mlops_core.digest import digest_frame;"
        "print(digest_frame(pd.DataFrame({'a': [1, 2], 'b': ['x', None]})))"
    )
    seeds = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert seeds == {digest_frame(pd.DataFrame({"a": [1, 2], "b": ["x", None]})) + "\n"}


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ("# why\nx = 1\n", True),
        ("x=1", True),
        ('"""doc"""\nx = 1', True),
        ("x = 2", False),
        ("y = 1", False),
        ("x = '1'", False),
    ],
)
def test_source_is_what_it_does(other: str, same: bool) -> None:
    assert (digest_source(other) == digest_source("x = 1")) is same
