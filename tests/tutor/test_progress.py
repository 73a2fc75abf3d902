"""Progress: the first commitment counts, badges are earned, nothing is lost by a kill, many tabs do not collide."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mlops_core.errors import BadParameter, Damaged
from tutor.missions import Mission, right, wrong
from tutor.predictions import Answer, Prediction, options
from tutor.progress import Progress

ASK = Prediction("ask", "start", 3, options("yes", "no"), answer=lambda _context: Answer("no"))
TASK = Mission("task", "pipelines", check=lambda _state: right())


@pytest.fixture
def store(tmp_path: Path) -> Progress:
    ticks = iter(range(1000))
    return Progress(tmp_path / ".mlops" / "progress.db", clock=lambda: float(next(ticks)))


def test_first_commitment_counts(store: Progress) -> None:
    assert store.prediction(ASK) is None
    first = store.commit(ASK, "yes", sure=True)
    again = store.commit(ASK, "no", sure=False)
    assert again == first
    assert (again.option, again.sure, again.belief, again.page) == ("yes", True, 3, "start")


def test_unknown_option_is_refused(store: Progress) -> None:
    with pytest.raises(BadParameter, match="no option 'maybe'"):
        store.commit(ASK, "maybe", sure=True)
    assert store.predictions() == ()


def test_reveal_tells_right_from_wrong(store: Progress) -> None:
    store.commit(ASK, "yes", sure=True)
    before = store.prediction(ASK)
    assert before is not None
    assert not before.revealed
    assert not before.correct
    store.reveal(ASK, Answer("no"))
    after = store.prediction(ASK)
    assert after is not None
    assert (after.revealed, after.correct) == (True, False)


def test_edited_question_starts_afresh(store: Progress) -> None:
    store.commit(ASK, "yes", sure=True)
    edited = Prediction("ask", "start", 3, options("yes", "no", "maybe"), answer=lambda _context: Answer("no"))
    assert store.prediction(edited) is None


def test_lessons_do_not_mix(store: Progress) -> None:
    store.commit(ASK, "yes", sure=True)
    assert Progress(store.path, lesson="other").prediction(ASK) is None


def test_badge_only_without_the_solution(store: Progress) -> None:
    assert store.mission(TASK).kind == "not_attempted"
    state = store.record(TASK, wrong("far"))
    assert (state.kind, state.outcome, state.tries, state.solved) == ("wrong", "far", 1, False)
    state = store.record(TASK, right())
    assert (state.solved, state.badge, state.tries) == (True, True, 2)
    helped = Mission("helped", "pipelines", check=lambda _state: right())
    store.show_solution(helped)
    state = store.record(helped, right())
    assert (state.solved, state.badge) == (True, False)


def test_same_outcome_on_a_rerun_is_no_new_try(store: Progress) -> None:
    for _rerun in range(3):
        store.record(TASK, wrong("far"))
    assert store.mission(TASK).tries == 1


def test_solved_stays_solved(store: Progress) -> None:
    store.record(TASK, right())
    store.show_solution(TASK)
    state = store.record(TASK, wrong("undone"))
    assert (state.solved, state.badge, state.kind) == (True, True, "wrong")


def test_hints_open_one_by_one_up_to_the_last(store: Progress) -> None:
    assert [store.open_hint(TASK) for _ in range(5)] == [1, 2, 3, 3, 3]


def test_visits_notes_and_reset(store: Progress) -> None:
    for page in ("versions", "start", "versions"):
        store.visit(page)
    assert store.visited() == ("versions", "start")
    assert store.note("speed") == ""
    assert store.note("speed", "slow") == "slow"
    store.commit(ASK, "yes", sure=False)
    store.record(TASK, right())
    store.reset("start")
    assert store.prediction(ASK) is None
    assert store.mission(TASK).solved
    store.reset()
    assert store.missions() == ()
    assert store.note("speed") == "slow"


def test_two_hundred_commits_from_eight_threads(store: Progress) -> None:
    questions = [
        Prediction(f"q{n}", "start", 1, options("a", "b"), answer=lambda _context: Answer("a")) for n in range(25)
    ]

    def work(option: str) -> None:
        for question in questions:
            Progress(store.path).commit(question, option, sure=True)

    threads = [threading.Thread(target=work, args=("ab"[n % 2],)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.predictions()) == 25


def test_a_kill_loses_nothing_that_was_committed(tmp_path: Path) -> None:
    path = tmp_path / "progress.db"
    program = (
        "import sys; from pathlib import Path; from tests.tutor.test_progress import ASK; from tutor.progress import Progress\n"
        "Progress(Path(sys.argv[1])).commit(ASK, 'no', sure=True); print('kept', flush=True); sys.stdin.read()"
    )
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline().strip() == b"kept"
        os.kill(child.pid, signal.SIGKILL)
    kept = Progress(path).prediction(ASK)
    assert kept is not None
    assert kept.option == "no"


def test_a_damaged_file_is_said_with_its_fix(tmp_path: Path) -> None:
    path = tmp_path / "progress.db"
    path.write_bytes(b"this is no database at all" * 100)
    with pytest.raises(Damaged, match=r"Move progress\.db away"):
        Progress(path).predictions()
