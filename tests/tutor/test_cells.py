"""The plain cell runner: results come back as data, limits hold, nothing survives, nothing of the app is seen."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tutor.cells import CellContext, CellLimits, CellResult, CellRunner, level
from tutor.cells.protocol import HEADER, pack, read_output, unpack

LIMITS = CellLimits(cpu_s=2, wall_s=6.0, memory_mb=2048, text_kb=4, outputs=3, rows=5)


@pytest.fixture(scope="module")
def runner() -> Iterator[CellRunner]:
    with CellRunner(LIMITS) as started:
        started.run("1", CellContext(Path.cwd()))  # the first run waits for the imports
        yield started


@pytest.fixture
def run(runner: CellRunner, tmp_path: Path) -> object:
    return lambda source, **variables: runner.run(source, CellContext(tmp_path, variables))


def text(result: CellResult) -> str:
    return result.outputs[0].text


def test_last_expression_and_print(run) -> None:
    result = run("print('hello')\nx = 20\nx + 1")
    assert (result.status, result.text, text(result)) == ("ok", "hello\n", "21")


def test_none_is_not_shown_and_strings_are_plain(run) -> None:
    assert run("None").outputs == ()
    assert text(run("'a\\nb'")) == "a\nb"


def test_variables_and_workspace(run, tmp_path: Path) -> None:
    assert text(run("(week, str(workspace.root))", week=3)) == repr((3, str(tmp_path)))


def test_a_frame_becomes_a_table_with_its_size(run) -> None:
    result = run("import pandas as pd\npd.DataFrame({'a': range(9), 'b': [1.5, None] + ['x'] * 7})")
    table = result.outputs[0].table
    assert table.columns == ("a", "b")
    assert table.total == 9
    assert len(table.rows) == 5
    assert table.rows[:2] == ((0, 1.5), (1, None))


def test_a_meaningful_index_is_shown(run) -> None:
    result = run("import pandas as pd\npd.Series([1, 2], index=['JFK', 'LGA'], name='n')")
    assert result.outputs[0].table.rows == (("JFK", 1), ("LGA", 2))


def test_a_figure_comes_as_json(run) -> None:
    result = run("import plotly.graph_objects as go\nfig = go.Figure(go.Bar(y=[1, 3]))\nfig")
    assert result.outputs[0].kind == "figure"
    import plotly.io

    assert tuple(plotly.io.from_json(result.outputs[0].text).data[0].y) == (1, 3)


def test_show_adds_outputs_up_to_the_limit(run) -> None:
    assert [output.text for output in run("for n in range(9): show(n)").outputs] == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("source", "line", "words"),
    [
        ("x = 1\n1 / 0", 2, "ZeroDivisionError"),
        ("x = (", 1, "SyntaxError"),
        ("import numpy as np\nnp.ones(2) @ np.ones(3)", 2, "ValueError"),
    ],
)
def test_errors_name_the_line(run, source: str, line: int, words: str) -> None:
    result = run(source)
    assert result.status == "error"
    assert result.error.line == line
    assert words in result.error.text
    assert "child.py" not in result.error.text


def test_output_before_an_error_is_kept(run) -> None:
    result = run("print('before')\nshow(1)\n1/0")
    assert (result.text, text(result)) == ("before\n", "1")


def test_exit_is_no_error(run) -> None:
    assert run("import sys\nprint('bye')\nsys.exit(3)").status == "ok"


def test_an_endless_loop_is_killed_by_its_cpu_limit(run) -> None:
    result = run("import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass")
    assert result.status == "killed"
    assert result.seconds < 5


def test_waiting_is_stopped_by_the_wall_limit(tmp_path: Path) -> None:
    with CellRunner(CellLimits(wall_s=1.0)) as quick:
        quick.run("1", CellContext(tmp_path))
        results = [quick.run("import threading\nthreading.Event().wait()", CellContext(tmp_path)) for _ in range(2)]
    assert [result.status for result in results] == ["timeout", "timeout"]


def test_memory_hog(run) -> None:
    result = run("x = bytearray(3 << 30)")
    assert result.status == "error"
    assert "MemoryError" in result.error.text


def test_file_hog(run) -> None:
    result = run("open('big', 'wb').write(b'x' * (40 << 20))")
    assert result.status in ("error", "killed")


def test_output_flood_is_cut(run) -> None:
    result = run("print('x' * 100_000)")
    assert result.truncated
    assert len(result.text) == LIMITS.text_kb * 1024


def test_children_do_not_survive(run, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    source = f"""import os, signal
pid = os.fork()
if pid == 0:
    signal.pause()
open({str(note)!r}, "w").write(str(pid))
pid"""
    assert run(source).status == "ok"
    status = Path(f"/proc/{note.read_text()}/status")

    def lives() -> bool:
        try:
            return "State:\tZ" not in status.read_text()
        except (FileNotFoundError, ProcessLookupError):
            return False

    for _ in range(100):  # a kill takes a moment to arrive
        if not lives():
            break
        threading.Event().wait(0.02)
    assert not lives()


def test_cells_share_nothing(run) -> None:
    run("import builtins\nbuiltins.leak = 1")
    assert run("leak").status == "error"


def test_the_environment_is_bare(run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "hush")
    with CellRunner(LIMITS) as fresh:
        result = fresh.run("import os\nsorted(os.environ)", CellContext(tmp_path))
    assert "SECRET" not in text(result)
    assert "OMP_NUM_THREADS" in text(result)


def test_scratch_folder_is_removed(run) -> None:
    folder = Path(text(run("import os\nopen('note.txt', 'w').write('x')\nos.getcwd()")))
    assert "mlops-cell-" in folder.name
    assert not folder.exists()


def test_a_dead_zygote_is_replaced(tmp_path: Path) -> None:
    with CellRunner(LIMITS) as fragile:
        fragile.run("1", CellContext(tmp_path))
        assert fragile._process is not None
        fragile._process.kill()
        fragile._process.wait()
        assert text(fragile.run("2", CellContext(tmp_path))) == "2"


def test_eight_at_once_all_answer(run) -> None:
    answers: list[str] = []
    threads = [threading.Thread(target=lambda n=n: answers.append(text(run(f"{n} * {n}")))) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(int, answers)) == [n * n for n in range(8)]


def test_a_source_too_long_is_refused(run) -> None:
    assert "longer than 64 KB" in run("#" * 70_000).error.text


def test_forged_frames_are_dropped() -> None:
    assert list(unpack(b"\x00\x00\x00\x02{}" + b"\xff\xff\xff\xff", 100)) == [{}]
    assert list(unpack(HEADER.pack(3) + b"abc", 100)) == []
    assert list(unpack(pack({"a": "x" * 200}), 100)) == []
    assert read_output({"kind": "table", "body": {"columns": ["a"], "rows": [[1, 2]], "total": 1}}, LIMITS) is None
    assert read_output({"kind": "table", "body": {"columns": ["a"], "rows": [[1]] * 9, "total": 1}}, LIMITS) is None
    assert read_output({"kind": "text", "body": 3}, LIMITS) is None
    nested = read_output({"kind": "table", "body": {"columns": ["a"], "rows": [[[1]]], "total": 1}}, LIMITS)
    assert nested is not None
    assert nested.table is not None
    assert nested.table.rows == (("[1]",),)


@pytest.mark.parametrize(
    ("address", "wanted", "name", "reason"),
    [
        ("127.0.0.1", "", "basic", ""),
        ("localhost", "basic", "basic", ""),
        ("::1", "", "basic", ""),
        ("127.0.0.1", "off", "off", "off_env"),
        ("", "basic", "off", "off_address"),
        ("0.0.0.0", "", "off", "off_address"),
        ("192.168.1.7", "basic", "off", "off_address"),
    ],
)
def test_level(address: str, wanted: str, name: str, reason: str) -> None:
    found = level(address, wanted)
    assert (found.name, found.reason) == (name, reason)


def test_no_process_is_left_behind(tmp_path: Path) -> None:
    one = CellRunner(LIMITS)
    one.start()
    assert one._process is not None
    pid = one._process.pid
    one.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
