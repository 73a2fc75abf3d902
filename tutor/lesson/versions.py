"""Versions: what a digest names, and what a diff shows that no metric does.

The prediction really shuffles, writes, digests and trains. The mission holds the learner's reading of the weather (how
many hours too old, gusts times which factor) against the two tables themselves.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlops_core.dataset import Costs, Schema, write_parquet
from mlops_core.diff import Diff
from mlops_core.digest import digest_bytes, digest_frame, md5_file
from mlops_core.errors import BadData, BadInput
from mlops_core.models import model_bytes
from mlops_core.project import Template
from mlops_core.training import ModelSpec, evaluate, fit, predict
from tutor.missions import Mission, Outcome, right, wrong
from tutor.predictions import Answer, Prediction, options

BROKEN, MENDED = "v3", "v4"  # the version with the upstream error, and its repair
STEADY = ("temp", "dewp", "humid")  # observed every hour, so that an hour can be recognised by them
HOURS = range(-8, 9)
SHOWN_DAY, SHOWN_COLUMNS = 8, ("temp", "dewp", "pressure", "wind_speed", "wind_gust")
GUST, SPEED = "wind_gust", "wind_speed"
TOLERANCE = 0.005  # of the factor


# --- prediction: shuffle the rows -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Facts:
    """What one table is: MD5 of its file, digest of its content, and the model that comes of it."""

    md5: str
    digest: str
    model: str
    auc: float | None


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A table before and after something was done to it."""

    before: Facts
    after: Facts


Train = Callable[[pd.DataFrame], tuple[Any, float | None]]


def shuffled(frame: pd.DataFrame) -> pd.DataFrame:
    """The same rows in another order."""
    return frame.sample(frac=1, random_state=1).reset_index(drop=True)


def facts(frame: pd.DataFrame, train: Train) -> Facts:
    """Write the table, digest it, train on it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.parquet"
        write_parquet(frame, path)
        md5 = md5_file(path)
    model, auc = train(frame)
    return Facts(md5, digest_frame(frame), digest_bytes(model_bytes(model)), auc)


def trainer(schema: Schema, spec: ModelSpec, costs: Costs, *, seed: int, rows: int | None) -> Train:
    """A function that trains on the first two thirds of a table's days and returns the model and its AUC on the rest."""

    def train(frame: pd.DataFrame) -> tuple[Any, float | None]:
        days = frame[str(schema.day)]
        known = pd.Series(days.unique()).sort_values()
        early = days < known.iloc[len(known) * 2 // 3]
        late = frame[~early]
        model = fit(frame[early], schema.only(str(name) for name in frame.columns), spec, seed=seed, rows=rows)
        return model, evaluate(late[str(schema.target)].to_numpy(), predict(model, late), costs).auc

    return train


def rewrite(
    frame: pd.DataFrame,
    train: Train,
    change: Callable[[pd.DataFrame], pd.DataFrame] = shuffled,
) -> Rewritten:
    """What the table was, and what it is after `change`."""
    return Rewritten(facts(frame, train), facts(change(frame), train))


def shuffle_answer(found: Rewritten) -> Answer:
    """Which of the three moved: the bytes, the content, the quality."""
    old, new = found.before, found.after
    values = {
        "md5_before": old.md5[:8], "md5_after": new.md5[:8], "digest_before": old.digest[:8],
        "digest_after": new.digest[:8], "auc_before": old.auc, "auc_after": new.auc,
        "model_before": old.model[:8], "model_after": new.model[:8],
    }  # fmt: skip
    if (old.model, old.auc) != (new.model, new.auc):
        return Answer("all", values)
    if old.digest != new.digest:
        return Answer("digests", values)
    return Answer("bytes" if old.md5 != new.md5 else "none", values)


SHUFFLE = Prediction(
    "shuffle_rows", "versions", belief=14, options=options("none", "bytes", "digests", "all"), answer=shuffle_answer
)


# --- mission: read the diff -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Clock:
    """`shares[h]`: share of airport hours in which the old table shows the weather of `h` hours before the new one's.

    `days[h]`: days on which `h` explains most. Without any hour to compare both are empty.
    """

    shares: Mapping[int, float]
    days: Mapping[int, int]

    @property
    def best(self) -> int:
        """The shift that explains most airport hours."""
        return max(self.shares, key=lambda hours: self.shares[hours])

    @property
    def second(self) -> int:
        """The shift that rules on the second most days (0 when one shift rules them all)."""
        others = {hours: count for hours, count in self.days.items() if hours != self.best}
        return max(others, key=lambda hours: others[hours]) if others else 0


def _hourly(frame: pd.DataFrame, place: str, moment: str) -> pd.Series:
    """One word an airport and hour (hours since 1970): its weather, written out."""
    table = frame[[place, moment, *STEADY]].dropna()
    hours = table[moment].to_numpy().astype("datetime64[h]").astype("int64")
    codes = pd.MultiIndex.from_arrays([table[place].astype(str), hours], names=["place", "hour"])
    words = pd.util.hash_pandas_object(table[list(STEADY)], index=False)
    series: pd.Series = pd.Series(words.to_numpy(), index=codes)
    return series[~series.index.duplicated()]


def read_clock(old: pd.DataFrame, new: pd.DataFrame, *, place: str = "origin", moment: str = "sched_utc") -> Clock:
    """Try every shift from -8 to 8 hours: in which share of airport hours does the old weather equal the new one then?

    Only hours that both tables know are compared; raises BadData when there is none.
    """
    before, after = _hourly(old, place, moment), _hourly(new, place, moment)
    places, hours = (before.index.get_level_values(name).to_numpy() for name in ("place", "hour"))
    hits: dict[int, pd.Series] = {}
    for shift in HOURS:
        found = after.reindex(pd.MultiIndex.from_arrays([places, hours - shift]))
        there = found.notna().to_numpy()
        day = hours[there] // 24
        hits[shift] = pd.Series(found.to_numpy()[there] == before.to_numpy()[there], index=day)
    if not any(len(hit) for hit in hits.values()):
        raise BadData("the two versions share no hour with weather.", code="clock.hours", fix="Compare v3 and v4.")
    daily = pd.DataFrame({shift: hit.groupby(level=0).mean() for shift, hit in hits.items()}).dropna(how="all")
    ruling = daily.idxmax(axis=1).value_counts()
    shares = {shift: float(hit.mean()) if len(hit) else 0.0 for shift, hit in hits.items()}
    return Clock(shares, {int(str(shift)): int(count) for shift, count in ruling.items()})


def gust_factor(found: Diff) -> float:
    """The constant by which the old table's gusts are its wind speeds; BadData when they are no such copy."""
    for copy in found.copies:
        if copy.side == "old" and {copy.column, copy.of} == {GUST, SPEED}:
            return copy.ratio if copy.column == GUST else 1 / copy.ratio
    raise BadData("the gusts of the older version are no copy of the wind speed.", code="gust.copy")


@dataclass(frozen=True, slots=True)
class Reading:
    """The learner's reading of the diff, and what the tables say: `hours` older weather, gusts `factor` times speed."""

    hours: int
    factor: float
    clock: Clock
    true_factor: float

    @property
    def share(self) -> float:
        """Share of airport hours that the learner's shift explains."""
        return self.clock.shares.get(self.hours, 0.0)


def diff_check(reading: Reading) -> Outcome:
    """Both right, or which one is not, and in which way."""
    clock, factor = reading.hours == reading.clock.best, abs(reading.factor - reading.true_factor) <= TOLERANCE
    values: dict[str, Any] = {
        "hours": reading.hours, "share": reading.share, "factor": reading.factor, "best": reading.clock.best,
        "top": reading.clock.shares[reading.clock.best], "second": reading.clock.second,
        "days": reading.clock.days.get(reading.clock.best, 0), "other_days": reading.clock.days.get(reading.clock.second, 0),
        "true_factor": reading.true_factor, "off": abs(reading.factor / reading.true_factor - 1),
    }  # fmt: skip
    if clock:
        return right(**values) if factor else wrong("factor", **values)
    if reading.hours == -reading.clock.best:
        return wrong("sign", **values)
    if reading.hours == reading.clock.second != 0:
        return wrong("half_year", **values)
    return wrong("clock" if factor else "both", **values)


READ_DIFF = Mission("read_diff", "versions", check=diff_check)


# --- further: what one cell costs -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CellCost:
    """One cell changed: bytes of the file before and after, and bytes at the same place that are still the same."""

    before: int
    after: int
    same: int

    @property
    def stored(self) -> int:
        """Bytes that the cache grows by: it keeps whole files."""
        return self.after


def _bytes(frame: pd.DataFrame) -> npt.NDArray[np.uint8]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.parquet"
        write_parquet(frame, path)
        return np.frombuffer(path.read_bytes(), dtype=np.uint8)


def cell_cost(frame: pd.DataFrame, column: str, row: int, value: float) -> CellCost:
    """Write the table, change one cell, write it again."""
    changed = frame.copy(deep=False)
    changed[column] = frame[column].where(np.arange(len(frame)) != row, value)
    old, new = _bytes(frame), _bytes(changed)
    shared = min(len(old), len(new))
    return CellCost(len(old), len(new), int((old[:shared] == new[:shared]).sum()))


def warmer_by_one(frame: pd.DataFrame) -> CellCost:
    """The price of one degree in the middle row."""
    row = len(frame) // 2
    value = frame[STEADY[0]].iloc[row]
    return cell_cost(frame, STEADY[0], row, 1.0 if pd.isna(value) else float(value) + 1)


# --- what the page shows ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Day:
    """One column on one day at one airport in two versions, by scheduled hour; None where nothing was observed."""

    column: str
    hours: tuple[int, ...]
    old: tuple[float | None, ...]
    new: tuple[float | None, ...]

    def frame(self) -> pd.DataFrame:
        """The three columns."""
        return pd.DataFrame({"hour": self.hours, "old": self.old, "new": self.new})


def one_day(old: pd.DataFrame, new: pd.DataFrame, day: str, airport: str, column: str) -> Day:
    """What both versions say of the flights of one day and airport (weather is the same for all flights of an hour)."""

    def hourly(frame: pd.DataFrame) -> pd.Series:
        rows = frame[(frame["date"] == pd.Timestamp(day)) & (frame["origin"] == airport)]
        return rows.groupby("hour")[column].first()

    both = pd.concat([hourly(old), hourly(new)], axis=1, keys=["old", "new"]).sort_index()
    series = [tuple(None if pd.isna(value) else float(value) for value in both[side]) for side in ("old", "new")]
    return Day(column, tuple(int(hour) for hour in both.index), series[0], series[1])


def next_week(frame: pd.DataFrame, year: pd.DataFrame, course: Template) -> tuple[pd.DataFrame, str]:
    """The table and the seven days after its last one, in its own columns, as known on the noon (UTC) after; that day.

    Raises BadInput when the year has no such week.
    """
    day = str(course.schema.day)
    last = frame[day].max()
    end = last + pd.Timedelta(days=7)
    if end > year[day].max():
        raise BadInput("the year has no further whole week.", code="version.over", fix="Check out an older version.")
    known_by = end + pd.Timedelta(days=1, hours=12)
    known = course.history(year, f"{end + pd.Timedelta(days=1):%Y-%m-%d}", known_by.isoformat())
    fresh = known.loc[known[day] > last, list(frame.columns)]
    return pd.concat([frame, fresh], ignore_index=True), f"{end:%Y-%m-%d}"


CELL = f"""\
from mlops_core import versions
from mlops_core.diff import diff

old = versions.read(workspace, "{BROKEN}")
new = versions.read(workspace, "{MENDED}")
found = diff(old, new, ["date", "carrier", "flight", "origin"])

show(found.copies)
found.frame()
"""
