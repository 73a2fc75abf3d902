"""The pipeline against a small project of three steps: what reruns, what is reused, what a failure leaves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_core.errors import BadInput, BadParameter, Busy, Damaged, NotFound, StepFailed
from mlops_core.params import read_params, set_params
from mlops_core.pipeline import DATASET, Pipeline, last_run, load_pipeline, plan, read_output, run, run_step
from mlops_core.stepcode import parse_step
from mlops_core.workspace import Workspace

STEPS = {
    "clean": '''
import pandas as pd
from mlops_core.pipeline import note

def clean(dataset: pd.DataFrame, *, rows: dict) -> pd.DataFrame:
    """Keep the large ones."""
    kept = dataset[dataset["x"] >= rows["least"]]
    note(f"{len(kept)} rows")
    return kept
''',
    "total": """
import pandas as pd

def total(clean: pd.DataFrame, *, scale: dict) -> dict[str, float]:
    return {"total": float(clean["x"].sum()) * scale["by"]}
""",
    "count": """
import pandas as pd

def count(clean: pd.DataFrame) -> dict[str, int]:
    return {"n": len(clean)}
""",
}
PARAMS = "# what to keep\nrows:\n  least: 2  # inclusive\nscale:\n  by: 10\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    ws = Workspace(tmp_path / "ws")
    ws.mlops.mkdir(parents=True)
    ws.steps.mkdir()
    ws.data.mkdir()
    for name, source in STEPS.items():
        (ws.steps / f"{name}.py").write_text(source)
    ws.params.write_text(PARAMS)
    pd.DataFrame({"x": [1, 2, 3]}).to_parquet(ws.data / "dataset.parquet")
    ws.git("init", "--quiet")
    ws.git("config", "user.name", "a")
    ws.git("config", "user.email", "a@b")
    return ws


def test_first_run_runs_all_in_order(workspace: Workspace) -> None:
    done = run(workspace)
    assert done.changed == ("clean", "count", "total")
    assert [step.why for step in done.steps] == ["it has not run yet"] * 3
    assert read_output(workspace, "total") == {"total": 50.0}
    assert done.step("clean").log == ("2 rows",)


def test_second_run_reuses_all(workspace: Workspace) -> None:
    first, second = run(workspace), run(workspace)
    assert second.changed == ()
    assert second.outputs == first.outputs
    assert {step.status for step in second.steps} == {"reused"}


@pytest.mark.parametrize(
    ("name", "value", "changed", "why"),
    [
        ("scale.by", 11, ("total",), "scale.by changed from 10 to 11"),
        ("rows.least", 3, ("clean", "count", "total"), "rows.least changed from 2 to 3"),
    ],
)
def test_a_parameter_reruns_what_reads_it(workspace, name, value, changed, why) -> None:
    run(workspace)
    set_params(workspace.params, {name: value})
    assert tuple(p.step for p in plan(workspace) if p.action == "run") == changed
    done = run(workspace)
    assert done.changed == changed
    assert done.step(changed[0]).why == why


def test_an_input_that_comes_out_the_same_stops_the_wave(workspace: Workspace) -> None:
    run(workspace)
    source = STEPS["clean"].replace('dataset["x"] >= rows["least"]', 'dataset["x"] > rows["least"] - 1')
    (workspace.steps / "clean.py").write_text(source)
    done = run(workspace)
    assert done.changed == ("clean",)
    assert done.step("clean").why == "its code changed"


@pytest.mark.parametrize("edit", ["# a comment\n", '"""A docstring."""\n', "\n\n\n"])
def test_a_comment_reruns_nothing(workspace: Workspace, edit: str) -> None:
    run(workspace)
    (workspace.steps / "total.py").write_text(edit + STEPS["total"])
    assert run(workspace).changed == ()


def test_going_back_is_free(workspace: Workspace) -> None:
    first = run(workspace)
    set_params(workspace.params, {"scale.by": 11})
    run(workspace)
    set_params(workspace.params, {"scale.by": 10})
    back = run(workspace)
    assert back.changed == ()
    assert back.outputs == first.outputs
    assert json.loads((workspace.reports / "total.json").read_text()) == {"total": 50.0}


def test_new_data_reruns_what_reads_it(workspace: Workspace) -> None:
    run(workspace)
    pd.DataFrame({"x": [1, 2, 3, 4]}).to_parquet(workspace.data / "dataset.parquet")
    assert run(workspace).changed == ("clean", "count", "total")
    assert read_output(workspace, "total") == {"total": 90.0}


def test_a_failure_keeps_what_came_before(workspace: Workspace) -> None:
    (workspace.steps / "count.py").write_text(STEPS["count"].replace("len(clean)", "len(clean) // 0"))
    (workspace.steps / "double.py").write_text("def double(count: dict) -> dict[str, int]:\n    return count\n")
    done = run(workspace)
    assert {s.step: s.status for s in done.steps} == {
        "clean": "ran", "count": "failed", "total": "ran", "double": "skipped"
    }  # fmt: skip
    assert done.failed is not None
    assert done.failed.log[-1].startswith("ZeroDivisionError")
    with pytest.raises(StepFailed, match="step count failed"):
        done.raise_if_failed()
    (workspace.steps / "count.py").write_text(STEPS["count"])
    assert run(workspace).changed == ("count", "double")


def test_a_lane_keeps_its_outputs_apart(workspace: Workspace) -> None:
    run(workspace)
    lane = run(workspace, overrides={"scale.by": 99}, lane="one")
    assert lane.changed == ("total",)
    assert read_output(workspace, "total", lane="one") == {"total": 495.0}
    assert read_output(workspace, "total") == {"total": 50.0}
    assert run(workspace).changed == ()


def test_last_run_is_what_ran(workspace: Workspace) -> None:
    assert last_run(workspace) is None
    done = run(workspace)
    again = last_run(workspace)
    assert again is not None
    assert json.dumps(again.to_dict()) == json.dumps(done.to_dict())


def test_only_a_run_that_changed_something_is_committed(workspace: Workspace) -> None:
    run(workspace)
    run(workspace)
    assert len(workspace.git("log", "--oneline").splitlines()) == 1
    set_params(workspace.params, {"scale.by": 12})
    run(workspace)
    assert workspace.git("log", "-1", "--format=%s").strip() == "Run total (scale.by changed from 10 to 12)"


def test_going_back_is_written_down_too(workspace: Workspace) -> None:
    run(workspace)
    lock = (workspace.root / "dvc.lock").read_text()
    for value in (12, 10):
        set_params(workspace.params, {"scale.by": value})
        run(workspace)
    assert (workspace.root / "dvc.lock").read_text() == lock
    assert "params.yaml" not in workspace.git("status", "--porcelain")
    assert workspace.git("log", "-1", "--format=%s").strip() == "Go back to outputs that were kept"


def test_a_damaged_output_is_never_served(workspace: Workspace) -> None:
    run(workspace)
    path = (workspace.reports / "clean.parquet").resolve()
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(Damaged, match="clean"):
        read_output(workspace, "clean")


def test_a_truncated_output_is_computed_again(workspace: Workspace) -> None:
    first = run(workspace)
    path = workspace.reports / "clean.parquet"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-10])
    assert run(workspace).changed == ("clean",)
    assert run(workspace).outputs == first.outputs


def test_one_writer(workspace: Workspace) -> None:
    with workspace.lock(), pytest.raises(Busy, match="in progress"):
        run(workspace)


def test_same_digests_in_another_process_and_place(workspace: Workspace, tmp_path: Path) -> None:
    mine = run(workspace).outputs
    code = (
        "import sys, json, pathlib; from mlops_core.pipeline import run; from mlops_core.workspace import Workspace\n"
        "import shutil; w = Workspace(pathlib.Path(sys.argv[1])); shutil.rmtree(w.mlops); w.mlops.mkdir()\n"
        "print(json.dumps(run(w).outputs))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "77", "TZ": "Asia/Tokyo", "PYTHONPATH": str(Path.cwd())}
    done = subprocess.run(
        [sys.executable, "-c", code, str(workspace.root)],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == mine


def test_step_alone_uses_what_lies_in_reports(workspace: Workspace) -> None:
    with pytest.raises(NotFound, match="clean"):
        run_step(workspace, "total")
    run_step(workspace, "clean")
    assert run_step(workspace, "total").status == "ran"
    assert run(workspace).changed == ("count",)


def test_real_dvc_agrees(workspace: Workspace, tmp_path: Path) -> None:
    (workspace.root / ".dvc").mkdir(exist_ok=True)
    (workspace.root / ".dvc" / "config").write_text("[core]\n    analytics = false\n")
    (workspace.root / ".gitignore").write_text("/reports/\n/data/\n/.mlops/\n/.dvc/cache\n/.dvc/tmp\n")
    run(workspace)
    environment = {
        **os.environ, "DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(tmp_path / "site"),
        "PYTHONPATH": str(Path.cwd()), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }  # fmt: skip

    def dvc(*words: str) -> str:
        command = [sys.executable, "-m", "dvc", *words]
        done = subprocess.run(command, cwd=workspace.root, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "up to date" in dvc("status")
    assert "up to date" in dvc("repro")
    set_params(workspace.params, {"scale.by": 11})
    status = dvc("status")
    assert "total:" in status
    assert "clean:" not in status
    printed = dvc("repro")
    assert "Running stage 'total'" in printed
    assert "Running stage 'clean'" not in printed
    assert run(workspace).changed == ()  # the lab reuses what DVC ran
    (workspace.steps / "total.py").write_text("# only a comment\n" + STEPS["total"])
    printed = dvc("repro")
    assert "Running stage 'code'" in printed
    assert "Running stage 'total'" not in printed


@pytest.mark.parametrize(
    ("sources", "words"),
    [
        ({"a": "def a(b: int) -> dict[str, int]: ..."}, "step a reads 'b', which no step produces"),
        (
            {"a": "def a(b: int) -> dict[str, int]: ...", "b": "def b(a: int) -> dict[str, int]: ..."},
            "circle: a → b → a",
        ),
        ({"dataset": "def dataset() -> dict[str, int]: ..."}, "'dataset' is produced twice"),
    ],
)
def test_bad_graphs_are_refused_by_name(sources: dict[str, str], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        Pipeline.of([parse_step(name, source) for name, source in sources.items()])


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def a(:\n  pass", "steps/a.py line 1"),
        ("def b() -> dict[str, int]: ...", "no function a"),
        ("def a(*rest) -> dict[str, int]: ...", "takes .args"),
        ("def a(dataset) -> int: ...", "returns int"),
        ("def a(dataset): ...", "returns nothing named"),
    ],
)
def test_bad_steps_are_refused_by_name(source: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        parse_step("a", source)


def test_a_missing_section_is_named(workspace: Workspace) -> None:
    workspace.params.write_text("rows:\n  least: 2\n")
    with pytest.raises(BadInput, match="takes parameter 'scale'"):
        run(workspace)


def test_an_output_of_the_wrong_kind_is_a_failed_step(workspace: Workspace) -> None:
    (workspace.steps / "count.py").write_text(STEPS["count"].replace('{"n": len(clean)}', "clean"))
    assert "is not a record" in run(workspace).step("count").log[-1]


def test_params_keep_their_comments(workspace: Workspace) -> None:
    set_params(workspace.params, {"rows.least": 7, "scale.by": 0.5})
    assert workspace.params.read_text() == "# what to keep\nrows:\n  least: 7  # inclusive\nscale:\n  by: 0.5\n"
    assert read_params(workspace.params) == {"rows": {"least": 7}, "scale": {"by": 0.5}}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rows.lest": 1}, "Did you mean rows.least"),
        ({"rows.least": "two"}, "it must be a number"),
        ({"x": 1}, "There are"),
    ],
)
def test_bad_parameters_are_named_and_nothing_is_written(workspace: Workspace, changes, words) -> None:
    with pytest.raises(BadParameter, match=words):
        set_params(workspace.params, changes)
    assert workspace.params.read_text() == PARAMS


def test_bad_yaml_names_the_line(workspace: Workspace) -> None:
    workspace.params.write_text("rows:\n  least: [1\nscale: 2\n")
    with pytest.raises(BadInput, match=r"params.yaml line 3"):
        read_params(workspace.params)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 12).flatmap(
        lambda n: st.tuples(st.permutations(range(n)), st.lists(st.integers(0, 99), max_size=30))
    )
)
def test_every_input_comes_before_its_reader(graph: tuple[list[int], list[int]]) -> None:
    order, draws = graph
    reads: dict[int, set[int]] = {node: set() for node in order}
    for at, draw in enumerate(draws):
        later = 1 + at % len(order)
        if later < len(order):
            reads[order[later]].add(order[draw % later])
    steps = [
        parse_step(
            f"s{node}", f"def s{node}({', '.join(f's{r}: int' for r in sorted(reads[node]))}) -> dict[str, int]: ..."
        )
        for node in sorted(order)
    ]
    seen = {DATASET}
    for step in Pipeline.of(steps).steps:
        assert set(step.reads) <= seen
        seen.add(step.name)
    assert len(seen) == len(order) + 1


def test_the_pipeline_of_a_workspace(workspace: Workspace) -> None:
    assert load_pipeline(workspace).edges == (("dataset", "clean"), ("clean", "count"), ("clean", "total"))
