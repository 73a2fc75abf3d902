"""The command line: one contract for every command, and the figures of the core in its answers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pandas as pd
import pytest

from mlops_core import pipeline, registry, versions
from mlops_core.cli import COMMANDS, SCHEMA_VERSION, build_parser, main
from mlops_core.workspace import Workspace
from tests.conftest import Factory

NAMES = [command.name for command in COMMANDS]
CONTRACT = (
    "init run step sweep experiments reproduce gate promote rollback drift diff monitor loop export serve doctor "
    "data-list data-log data-commit data-diff data-checkout data-branch data-merge data-tag data-bisect data-verify data-import"
)


def ask(capsys: pytest.CaptureFixture[str], ws: Workspace | None, *words: str) -> tuple[int, dict[str, Any]]:
    """Exit code and the one JSON object on stdout."""
    where = ["--workspace", str(ws.root)] if ws else []
    code = main([*words, *where, "--json"])
    body = json.loads(capsys.readouterr().out)
    assert body["schema_version"] == SCHEMA_VERSION
    assert ("result" in body) != ("error" in body)
    return code, body


def test_every_command_of_the_contract_is_there() -> None:
    assert sorted(name.replace(" ", "-") for name in NAMES) == sorted(CONTRACT.split())


@pytest.mark.parametrize("name", NAMES)
def test_help_shows_an_example_that_parses(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*name.split(), "--help"])
    text = capsys.readouterr().out
    assert ended.value.code == 0
    example = text.split("example:\n  python -m mlops_core ")[1].strip()
    assert example.startswith(name)
    import shlex

    assert build_parser().parse_args(shlex.split(example)).command.name == name


@pytest.mark.parametrize("words", [["nothing"], ["run", "--nothing"], ["data"], ["data", "checkout"], []])
def test_usage_errors_exit_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_a_usage_error_is_json_when_json_was_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["data", "checkout", "--json"])
    body = json.loads(capsys.readouterr().out)
    assert (ended.value.code, body["error"]["code"]) == (2, "cli.usage")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert ask(capsys, None, "init", str(tmp_path / "file"))[1]["error"]["code"] == "workspace.exists"
    assert ask(capsys, None, "init", str(tmp_path / "file" / "x"))[1]["error"]["code"] == "workspace.folder"


def test_without_a_workspace_it_says_run_init(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, body = ask(capsys, None, "run")
    assert (code, body["error"]["code"]) == (2, "workspace.missing")
    assert "init" in body["error"]["fix"]


def test_init_makes_one_and_the_nearest_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, body = ask(capsys, None, "init", str(tmp_path / "mine"))
    assert (code, body["result"]["versions"]) == (0, ["v1", "v2", "v3", "v4", "v5", "v6"])
    monkeypatch.chdir(tmp_path / "mine" / "steps")
    code, body = ask(capsys, None, "data", "list")
    assert [v["name"] for v in body["result"]["versions"]] == ["v1", "v2", "v3", "v4", "v5", "v6"]
    assert main(["init", str(tmp_path / "mine")]) == 2


def test_run_plan_and_reuse(workspace_factory: Factory, capsys: pytest.CaptureFixture[str]) -> None:
    ws = workspace_factory()
    code, body = ask(capsys, ws, "run")
    assert (code, {step["status"] for step in body["result"]["steps"]}) == (0, {"ran"})
    before = ws.params.read_text()
    code, body = ask(capsys, ws, "run", "--plan", "--set", "model.max_iter=40")
    assert [p["step"] for p in body["result"]["plan"] if p["action"] == "run"] == ["train", "evaluate"]
    assert ws.params.read_text() == before
    code, body = ask(capsys, ws, "run", "--set", "model.max_iter=40")
    assert [step["step"] for step in body["result"]["steps"] if step["status"] == "ran"] == ["train", "evaluate"]


def test_a_failing_run_exits_with_1_and_names_the_step(
    workspace_factory: Factory, capsys: pytest.CaptureFixture[str]
) -> None:
    ws = workspace_factory()
    assert ask(capsys, ws, "data", "checkout", "v4")[0] == 0
    code, body = ask(capsys, ws, "run")
    assert code == 1
    failed = [step for step in body["result"]["steps"] if step["status"] == "failed"]
    assert [step["step"] for step in failed] == ["validate"]
    assert "1048.36" in failed[0]["log"][-1]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["run", "--set", "model.depht=3"], "params.unknown"),
        (["run", "--set", "model.max_iter"], "cli.pair"),
        (["data", "checkout", "v9"], "version.unknown"),
        (["data", "tag", "../up", "v1"], "name.unsafe"),
        (["data", "diff", "v1", "nowhere.csv"], "version.unknown"),
        (["gate", "feed"], "run.unknown"),
        (["rollback"], "rollback.none"),
        (["export", "nothing"], "export.unknown"),
        (["monitor"], "champion.none"),
        (["sweep", "--over", "seed=1,2"], "sweep.name"),
        (["monitor", "--until", "yesterday"], "cli.day"),
        (["run", "--set", "model.max_iter=-5"], "model.range"),
        (["run", "--set", "costs.miss=0"], "costs.range"),
        (["data", "bisect", "v5", "v4", "--rule", "age.range"], "bisect.order"),
    ],
)
def test_bad_input_is_2_with_a_code_and_a_fix(
    workspace_factory: Factory, capsys: pytest.CaptureFixture[str], words: list[str], code: str
) -> None:
    ws = workspace_factory()
    before = ws.params.read_text()
    exit_code, body = ask(capsys, ws, *words)
    assert ws.params.read_text() == before
    assert (exit_code, body["error"]["code"]) == (2, code)
    assert body["error"]["message"]


def test_from_gate_to_champion_and_back(workspace_factory: Factory, capsys: pytest.CaptureFixture[str]) -> None:
    ws = workspace_factory()
    ask(capsys, ws, "run")
    code, body = ask(capsys, ws, "gate")
    assert (code, body["result"]["outcome"]) == (0, "pass")
    assert ask(capsys, ws, "promote", "--reason", "first")[0] == 0
    assert registry.history(ws)[-1].reason == "first"
    code, body = ask(capsys, ws, "gate")  # against itself nobody can tell
    assert (code, body["result"]["outcome"]) == (3, "inconclusive")
    assert ask(capsys, ws, "promote")[0] == 3
    code, body = ask(capsys, ws, "reproduce")
    assert (code, body["result"]["same"]) == (0, True)
    code, body = ask(capsys, ws, "experiments")
    assert [trial["data"] for trial in body["result"]["trials"]] == ["v5"]
    assert main(["gate", "--format", "junit", "--workspace", str(ws.root)]) == 3
    suite = ET.fromstring(capsys.readouterr().out)
    assert suite.get("failures") == "1"
    assert {case.get("name") for case in suite} >= {"absolute floor", "fast enough"}
    assert main(["gate", "--format", "github", "--workspace", str(ws.root)]) == 3
    assert "::error title=cheaper than the champion::inconclusive" in capsys.readouterr().out
    assert main(["gate", "--format", "md", "--workspace", str(ws.root)]) == 3
    assert "| absolute floor | pass |" in capsys.readouterr().out


def test_a_sweep_is_logged_and_a_lone_model_kind_too(
    trained_factory: Factory, capsys: pytest.CaptureFixture[str]
) -> None:
    ws = trained_factory()
    words = ["sweep", "--over", "model.kind=logistic,dummy", "--set", "model.rows=2000"]
    code, body = ask(capsys, ws, *words)
    assert (code, [t["kind"] for t in body["result"]["trials"]]) == (0, ["logistic", "dummy"])
    costs = {t["kind"]: t["cost_per_row"] for t in body["result"]["trials"]}
    assert costs["logistic"] < costs["dummy"]
    code, body = ask(capsys, ws, "reproduce", body["result"]["trials"][0]["run_id"])
    assert (code, body["result"]["same"]) == (0, True)


def test_data_commands(workspace_factory: Factory, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    ws = workspace_factory()
    code, body = ask(capsys, ws, "data", "diff", "v4", "v5")
    assert (code, body["result"]["rows_changed"]) == (1, 2)
    assert ask(capsys, ws, "diff", "v5", "v5")[0] == 0
    code, body = ask(capsys, ws, "data", "bisect", "v2", "v4", "--rule", "wind_speed.range")
    assert body["result"]["first_bad"] == "v3"
    frame = versions.read(ws, "v5").head(50)
    frame.to_csv(tmp_path / "mine.csv", index=False)
    code, body = ask(capsys, ws, "data", "import", str(tmp_path / "mine.csv"), "--name", "mine", "-m", "own")
    assert (code, body["result"]["rows"]) == (0, 50)
    frame.assign(dest="XXX").to_parquet(tmp_path / "two.parquet")
    code, body = ask(capsys, ws, "data", "commit", str(tmp_path / "two.parquet"), "--name", "two", "-m", "edited")
    assert (code, body["result"]["lesson_date"]) == (0, "2013-04-09")
    assert ask(capsys, ws, "data", "branch", "side", "v2")[0] == 0
    assert versions.current(ws).md5 == versions.log(ws)[1].md5
    assert ask(capsys, ws, "data", "verify")[1]["result"]["verified"][-1] in ("side", "two")
    code, body = ask(capsys, ws, "data", "merge", "v5", "v6", "--name", "both")
    assert (code, body["result"]["rows"]) == (0, 109_119)
    assert len(ask(capsys, ws, "data", "log")[1]["result"]["versions"]) == 10


def test_a_flipped_bit_exits_with_4(workspace_factory: Factory, capsys: pytest.CaptureFixture[str]) -> None:
    ws = workspace_factory()
    payload = ws.cache / versions.current(ws).md5[:2] / versions.current(ws).md5[2:]
    data = bytearray(payload.read_bytes())
    data[1000] ^= 1
    payload.unlink()  # the file is shared with other workspaces by a hard link
    payload.write_bytes(data)
    assert ask(capsys, ws, "data", "verify")[0] == 4
    code, body = ask(capsys, ws, "doctor")
    assert code == 4
    assert [c["name"] for c in body["result"]["checks"] if not c["ok"]] == ["integrity"]


def test_drift_says_1_when_there_is_drift(workspace_factory: Factory, capsys: pytest.CaptureFixture[str]) -> None:
    ws = workspace_factory()
    assert ask(capsys, ws, "drift", "v5", "v5")[0] == 0
    code, body = ask(capsys, ws, "drift", "v5", "v6")
    assert code == 1
    assert "temp" in body["result"]["drifted"]


def test_monitor_replays(trained_factory: Factory, capsys: pytest.CaptureFixture[str]) -> None:
    code, body = ask(capsys, trained_factory(), "monitor", "--from", "2013-04-15", "--until", "2013-04-28")
    alarms = [[alarm["kind"] for alarm in window["alarms"]] for window in body["result"]["windows"]]
    assert code == 1
    assert "realised" in alarms[1]
    assert "realised" not in alarms[0]


def test_export_writes_into_the_workspace(workspace_factory: Factory, capsys: pytest.CaptureFixture[str]) -> None:
    ws = workspace_factory()
    assert ask(capsys, ws, "export")[1]["result"]["exporters"] == ["conda", "docker", "github"]
    assert ask(capsys, ws, "export", "conda")[1]["result"]["written"] == ["conda.yaml"]
    assert f"scikit-learn=={__import__('sklearn').__version__}" in (ws.root / "conda.yaml").read_text()


def test_numbers_that_are_none_are_null(tmp_path: Path) -> None:
    from mlops_core.plain import plain

    assert plain({"a": float("inf"), "b": pd.Timestamp("2013-01-01")}) == {"a": None, "b": "2013-01-01 00:00:00"}


def test_an_interrupt_keeps_what_was_finished(workspace_factory: Factory) -> None:
    ws = workspace_factory()
    (ws.steps / "train.py").write_text(
        (ws.steps / "train.py")
        .read_text()
        .replace("    rows = split", "    import time; time.sleep(600)\n    rows = split")
    )
    command = [sys.executable, "-m", "mlops_core", "run", "--workspace", str(ws.root)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=dict(os.environ)) as running:
        while not (ws.reports / "split.parquet").exists():
            assert running.poll() is None
            threading.Event().wait(0.1)
        running.send_signal(signal.SIGINT)
        _out, err = running.communicate(timeout=60)
    assert (running.returncode, "Traceback" in err) == (130, False)
    again = [plan.step for plan in pipeline.plan(ws) if plan.action == "run"]
    assert again == ["train", "evaluate"]
