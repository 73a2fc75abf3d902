"""The publisher's files as five frames, checked against the table of digests before they are read.

    raw = load_raw(find_source())

Nothing is repaired here: the 1048 mph wind is still in it. What each column means: `data/README.md`.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mlops_core.dataset import read_table
from mlops_core.digest import digest_file
from mlops_core.errors import BadData, NotFound

DIGESTS = "DIGESTS.json"
FLIGHTS = tuple(f"flights/2013-{month:02d}.parquet" for month in range(1, 13))
WEATHER, PLANES, AIRLINES, AIRPORTS = "weather_2013.csv.gz", "planes.csv.gz", "airlines.csv", "airports.csv"
FILES = (*FLIGHTS, WEATHER, PLANES, AIRLINES, AIRPORTS)
FIX = "Run `python data/build.py` or `git checkout -- data/`."


@dataclass(frozen=True, slots=True, eq=False)
class Raw:
    """The five tables as published: 336,776 flights, 26,115 airport hours of weather, 3,322 aircraft, names."""

    flights: pd.DataFrame
    weather: pd.DataFrame
    planes: pd.DataFrame
    airlines: pd.DataFrame
    airports: pd.DataFrame


def find_source() -> Path:
    """The folder of raw files: the environment's MLOPS_DATA, else `data/` beside the package.

    NotFound when neither is a folder.
    """
    named = os.environ.get("MLOPS_DATA")
    folder = Path(named).expanduser() if named else Path(__file__).resolve().parents[3] / "data"
    if not folder.is_dir():
        raise NotFound(
            f"the folder of raw flight data {folder} does not exist.",
            code="source.missing",
            fix="Set MLOPS_DATA to the folder `data` of the project, or run the project from its checkout.",
            folder=str(folder),
        )
    return folder


def _damaged(name: str, reason: str) -> BadData:
    return BadData(f"the data file {name} {reason}.", code="source.damaged", fix=FIX, file=name)


def known_digests(source: Path) -> dict[str, str]:
    """sha256 by file name, from the table beside the files; BadData when there is no such table or it is cut short."""
    try:
        table = json.loads((source / DIGESTS).read_text())
        return {name: str(table[name]["sha256"]) for name in FILES}
    except FileNotFoundError as error:
        raise _damaged(DIGESTS, f"is missing in {source}") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(DIGESTS, "is damaged") from error


def check_files(source: Path) -> dict[str, str]:
    """sha256 by name of every file, each equal to the table; BadData names the first file that is not."""
    known = known_digests(source)
    for name, digest in known.items():
        path = source / name
        if not path.is_file():
            raise _damaged(name, "is missing")
        try:
            found = digest_file(path)
        except OSError as error:
            raise _damaged(name, f"cannot be read ({error.strerror})") from error
        if found != digest:
            raise _damaged(name, "is damaged: its bytes are not the published ones")
    return known


def load_raw(source: Path) -> Raw:
    """Check and read the five tables.

    `weather.time_hour` becomes a UTC timestamp without a zone; whole numbers of the flights stay nullable `Int16`.
    Raises BadData when a file is missing or damaged.
    """
    check_files(source)
    weather = read_table(source / WEATHER)
    weather["time_hour"] = pd.to_datetime(weather["time_hour"], format="%Y-%m-%dT%H:%M:%SZ").astype("datetime64[us]")
    return Raw(
        flights=pd.concat([read_table(source / name) for name in FLIGHTS], ignore_index=True),
        weather=weather,
        planes=read_table(source / PLANES),
        airlines=read_table(source / AIRLINES),
        airports=read_table(source / AIRPORTS),
    )
