"""`make bench`: how fast, as ratios within one run, against a rival or the physical limit.

Every row is (what, ours, against, their seconds, ratio). Absolute seconds depend on the machine and are shown for orientation;
the ratio is the claim. Each side is run several times and the fastest counts. Progress goes to stderr.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd

from mlops_core import pipeline, project, versions
from mlops_core.diff import diff
from mlops_core.digest import md5_file
from mlops_core.drift import Reference, report
from mlops_core.loop import Loop
from mlops_core.params import set_params
from mlops_core.project import Home


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison: seconds of ours and of what it is held against."""

    what: str
    ours: float
    against: str
    theirs: float

    @property
    def ratio(self) -> float:
        """How many times longer the other side takes (below 1: we take longer)."""
        return self.theirs / self.ours


def fastest(work: Callable[[], object], repeats: int = 5) -> float:
    """Seconds of the fastest of several runs."""
    found = []
    for _ in range(repeats):
        clock = time.perf_counter()
        work()
        found.append(time.perf_counter() - clock)
    return min(found)


def dvc(folder: Path, *words: str) -> None:
    environment = {
        **os.environ,
        "DVC_NO_ANALYTICS": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    subprocess.run([sys.executable, "-m", "dvc", *words], cwd=folder, env=environment, check=True, capture_output=True)


def pipelines(home: Home, folder: Path) -> list[Row]:
    """A no-op rerun and a changed model parameter, beside DVC on the same workspace."""
    ws = project.create(folder / "pipeline", home=home)
    pipeline.run(ws).raise_if_failed()
    dvc(ws.root, "status")
    noop = fastest(lambda: pipeline.run(ws), 9)
    rows = [Row("pipeline, nothing changed", noop, "dvc repro (command)", fastest(lambda: dvc(ws.root, "repro"), 3))]
    leaves = iter(range(8, 31))

    def change() -> None:
        set_params(ws.params, {"model.max_leaf_nodes": next(leaves)})

    def ours() -> None:
        change()
        pipeline.run(ws)

    def theirs() -> None:
        change()
        dvc(ws.root, "repro")

    rows.append(Row("pipeline, model parameter changed", fastest(ours, 3), "dvc repro (command)", fastest(theirs, 2)))
    return rows


def tables(home: Home) -> list[Row]:
    """Reading the year, telling two versions apart, and drift, beside the work that cannot be avoided."""
    course = project.template("flights")
    year = home.year(course)
    cached = max((home.cache).rglob("*.parquet"), key=lambda path: path.stat().st_size)
    rows = [
        Row("year's features, from cache", fastest(lambda: home.year(course)), "pandas.read_parquet of that file",
            fastest(lambda: pd.read_parquet(cached))),
        Row("year's features, from raw files", fastest(lambda: course.year(course.source(), None), 2), "hashing the raw files",
            fastest(lambda: [md5_file(path) for path in course.source().glob("flights/*.parquet")])),
    ]  # fmt: skip
    old, new = (year[year["date"] < day].reset_index(drop=True) for day in ("2013-04-01", "2013-05-01"))
    key = list(course.schema.key)
    rows.append(Row("diff of 80k and 109k rows", fastest(lambda: diff(old, new, key), 3), "pandas merge on the key",
                    fastest(lambda: old.merge(new, on=key, how="outer", indicator=True), 3)))  # fmt: skip
    schema = course.schema
    reference, current = Reference.of(old, schema), year[year["date"] >= "2013-06-01"].head(10_000)
    report(reference, current, detectors=("psi",))
    numbers = [current[name].to_numpy(dtype=float) for name in schema.numeric]
    rows.append(Row("PSI of 19 columns, 10k rows, warm", fastest(lambda: report(reference, current, detectors=("psi",)), 20),
                    "one sort of the numeric columns", fastest(lambda: [np.sort(column) for column in numbers], 20)))  # fmt: skip
    return rows


def lives(home: Home, folder: Path) -> list[Row]:
    """A new learner's workspace beside making one from nothing, and a week of the loop beside a training."""
    course = project.template("flights")
    names = iter(range(1000))
    copied = fastest(lambda: project.create(folder / f"new{next(names)}", home=home))
    clock = time.perf_counter()
    Home(folder / "cold").prepared(course, course.source())
    rows = [Row("a new learner's workspace", copied, "making one from nothing", time.perf_counter() - clock)]
    ws = project.create(folder / "loop", home=home)
    clock = time.perf_counter()
    loop = Loop(ws, home.year(course))
    loop.begin()
    first = time.perf_counter() - clock
    loop.advance()
    rows.append(Row("one week of the loop", fastest(loop.advance, 2), "training, gating and promoting once", first))
    frame = versions.read(ws, "v5")
    written = folder / "plain.parquet"
    rows.append(Row("a data version of 80k rows", fastest(
        lambda: versions.commit(ws, frame, name=f"c{next(names)}", message="bench", lesson_date="2013-04-09"), 3),
        "writing the file alone", fastest(lambda: frame.to_parquet(written, compression="zstd"), 3)))  # fmt: skip
    return rows


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="mlops-bench-") as name:
        folder = Path(name)
        home = Home(folder / "home")
        course = project.template("flights")
        home.prepared(course, course.source())
        rows: list[Row] = []
        for part in (lambda: pipelines(home, folder), lambda: tables(home), lambda: lives(home, folder)):
            sys.stderr.write(".")
            sys.stderr.flush()
            rows += part()
    sys.stderr.write("\n")
    print("| what | seconds | against | seconds | ratio |\n|---|---:|---|---:|---:|")
    for row in rows:
        print(f"| {row.what} | {row.ours:.4f} | {row.against} | {row.theirs:.4f} | {row.ratio:.2g} |")


if __name__ == "__main__":
    main()
