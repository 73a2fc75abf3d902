"""Raw files: found, checked before they are read, and every fault named with its fix."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from flights_tables import raw

from mlops_core.errors import BadData, NotFound
from mlops_core.templates.flights.raw import DIGESTS, FILES, check_files, find_source, load_raw


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder like data/ that a test may damage."""
    for name in (*FILES, DIGESTS):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(find_source() / name, tmp_path / name)
    return tmp_path


def test_the_tables_have_the_published_sizes() -> None:
    sizes = [len(t) for t in (raw().flights, raw().weather, raw().planes, raw().airlines, raw().airports)]
    assert sizes == [336_776, 26_115, 3_322, 16, 103]


def test_the_impossible_wind_is_still_in_the_raw_table() -> None:
    worst = raw().weather.nlargest(1, "wind_speed").iloc[0]
    assert (worst["origin"], worst["wind_speed"], str(worst["time_hour"])) == ("EWR", 1048.36058, "2013-02-12 08:00:00")


def test_a_whole_copy_passes(copy: Path) -> None:
    assert set(check_files(copy)) == set(FILES)


@pytest.mark.parametrize("name", ["flights/2013-07.parquet", "weather_2013.csv.gz", "airports.csv"])
def test_a_flipped_byte_is_found_and_named(copy: Path, name: str) -> None:
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    with pytest.raises(BadData, match=r"is damaged.*python data/build.py.*git checkout -- data/") as caught:
        load_raw(copy)
    assert caught.value.values["file"] == name


def test_a_cut_file_is_found(copy: Path) -> None:
    data = (copy / "planes.csv.gz").read_bytes()
    (copy / "planes.csv.gz").write_bytes(data[: len(data) // 2])
    with pytest.raises(BadData, match=r"planes\.csv\.gz is damaged"):
        load_raw(copy)


def test_a_missing_file_is_named(copy: Path) -> None:
    (copy / "flights/2013-02.parquet").unlink()
    with pytest.raises(BadData, match=r"flights/2013-02\.parquet is missing.*build\.py"):
        load_raw(copy)


@pytest.mark.parametrize("text", ["", "{", "[]", json.dumps({"airports.csv": {}})])
def test_a_damaged_table_of_digests_is_named(copy: Path, text: str) -> None:
    (copy / DIGESTS).write_text(text)
    with pytest.raises(BadData, match=r"DIGESTS\.json is damaged"):
        load_raw(copy)


def test_an_empty_folder_names_the_table(tmp_path: Path) -> None:
    with pytest.raises(BadData, match=r"DIGESTS\.json is missing"):
        load_raw(tmp_path)


def test_the_source_is_the_folder_beside_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLOPS_DATA", raising=False)
    assert find_source() == Path(__file__).resolve().parents[2] / "data"


def test_the_environment_names_the_source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MLOPS_DATA", str(tmp_path))
    assert find_source() == tmp_path


def test_a_source_that_is_not_there_is_an_error_with_a_fix(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MLOPS_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(NotFound, match=r"nowhere does not exist.*MLOPS_DATA") as caught:
        find_source()
    assert caught.value.exit_code == 2
