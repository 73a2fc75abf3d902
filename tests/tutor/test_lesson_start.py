"""Start: the answer follows the money, the waiting questions follow their scenarios, evidence follows the workspace."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlops_core import fleet, pipeline
from mlops_core.ledger import Ledger
from mlops_core.params import overlay, read_params
from mlops_core.project import Home, template
from mlops_core.serving import RequestLog
from mlops_core.training import fit, spec_of
from mlops_core.workspace import Workspace
from tutor import desk, evidence
from tutor.desk import Board, Money, Retrained, Week
from tutor.lesson import start as lesson
from tutor.lesson.start import DESK_ALL_RIGHT, DeskNumbers

FEW = {"model.rows": 3000, "model.max_iter": 15}


def week(start: str, cost: float, drifted: int = 2) -> Week:
    return Week(start, 1000, drifted, 18, 0.2, 0.2, 0.5, cost, 0.6)


def money(cost: float = 1.0, *, drifted_cost: float = 0.5, low: float = 0.02) -> Money:
    weeks = (week("2013-04-15", 0.5), week(desk.MORNING, cost), week("2013-04-29", drifted_cost, drifted=9))
    retrained = Retrained(28, 0.6, 0.5, low + 0.05, low, low + 0.1)
    return Money((), (), (), (), weeks, 0.5, 0.4, 0.7, 13, retrained)


@pytest.mark.parametrize(
    ("up", "cost", "right"),
    [(1.0, 1.0, "no_model"), (1.0, 0.69, "yes"), (0.9, 1.0, "no_service"), (1.0, 0.3, "yes")],
)
def test_the_desk_is_judged_by_its_money(up: float, cost: float, right: str) -> None:
    answer = DESK_ALL_RIGHT.reveal(DeskNumbers.of(money(cost), up))
    assert answer.option == right
    assert answer.values["extra"] == pytest.approx((cost - 0.5) * 1000)


@pytest.mark.parametrize(
    ("changed", "right"), [((), "nothing"), (("train",), "train"), (("train", "evaluate"), "train_on")]
)
def test_touched_follows_the_steps_that_ran(changed: tuple[str, ...], right: str) -> None:
    assert lesson.TOUCHED.reveal(changed).option == right


@pytest.mark.parametrize(("cost", "right"), [(0.5, "within"), (0.8, "above"), (0.3, "below")])
def test_drifted_follows_the_cost_of_the_week_that_drifted_most(cost: float, right: str) -> None:
    answer = lesson.DRIFTED.reveal(money(drifted_cost=cost))
    assert (answer.option, answer.values["drifted"]) == (right, 9)


@pytest.mark.parametrize(("low", "right"), [(0.02, "dearer"), (-0.05, "equal"), (-0.2, "cheaper")])
def test_retrained_follows_the_interval(low: float, right: str) -> None:
    assert lesson.RETRAINED.reveal(money(low=low)).option == right


def test_every_waiting_question_names_a_page() -> None:
    from pages.kit.places import PLACES

    assert set(lesson.ANSWERED_ON) == {item.code for item in (lesson.TOUCHED, lesson.DRIFTED, lesson.RETRAINED)}
    assert set(lesson.ANSWERED_ON.values()) <= {place.name for place in PLACES}


# -- the story -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def year(home: Home):
    return home.year(template("flights"))


@pytest.fixture(scope="module")
def few_params() -> dict:
    return overlay(read_params(template("flights").folder / "params.yaml"), FEW)


@pytest.fixture(scope="module")
def few(year, few_params) -> Money:
    return desk.tell_money(template("flights"), year, few_params)


def test_the_furlough_week_is_dear_and_nothing_said_so(few: Money) -> None:
    before = few.weeks[-3]
    assert few.week.start == desk.MORNING
    assert few.week.cost > few.high > before.cost
    assert few.week.estimated < before.estimated
    assert few.week.disrupted > 1.5 * few.week.predicted
    assert few.extra == pytest.approx((few.week.cost - few.normal) * few.week.flights)


def test_the_furlough_week_drifts_no_more_than_the_week_before(year, few_params, few: Money) -> None:
    morning = desk.tell_morning(template("flights"), year, few_params)
    assert [one.start for one in morning.board] == [one.start for one in few.weeks[:4]]
    assert [one.drifted for one in morning.board] == [one.drifted for one in few.weeks[:4]]
    assert few.week.drifted <= few.weeks[-3].drifted
    assert morning.days[-1] == "2013-04-21"
    assert len(morning.desks) == 35
    assert morning.services.scored == 1.0


def test_the_morning_knows_no_outcome(year, few_params, home: Home) -> None:
    late = year["date"] >= "2013-03-25"
    other = year.assign(disrupted=year["disrupted"].where(~late, 1 - year["disrupted"]))
    told = [desk.tell_morning(template("flights"), frame, few_params) for frame in (year, other)]
    assert told[0].predicted == told[1].predicted
    assert told[0].board == told[1].board


def test_the_money_follows_the_outcomes(year, few_params, few: Money) -> None:
    spared = (year["date"] >= desk.MORNING) & (year["flight"] % 4 > 0)
    calm = year.assign(disrupted=year["disrupted"].where(~spared, 0))
    told = desk.tell_money(template("flights"), calm, few_params)
    assert told.week.cost < few.week.cost
    assert told.high == few.high
    assert DESK_ALL_RIGHT.reveal(DeskNumbers.of(told, 1.0)).option == "yes"


def test_the_desks_model_is_the_pipelines_model(year, few_params, workspace_factory) -> None:
    from mlops_core.models import model_bytes

    workspace: Workspace = workspace_factory()
    pipeline.run(workspace, overrides=FEW).raise_if_failed()
    course = template("flights")
    ours = desk._Desk.open(course, year, few_params).model
    assert model_bytes(ours) == model_bytes(pipeline.read_output(workspace, "train"))
    past = course.history(year, course.stream_start, "2014-02-01")
    other = fit(past, course.schema, spec_of(few_params["model"], ["hour", "temp"]), seed=13)
    assert model_bytes(other) != model_bytes(ours)


def test_the_story_is_kept_and_its_key_follows_the_parameters(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    told = []
    board = (Board("2013-04-15", 1, 0, 18),)
    story = desk.Morning(("2013-04-21",), (0.1,), board, desk.Services(1.0, 1.0, 1.0), ("EWR-UA",))
    monkeypatch.setattr(desk, "tell_morning", lambda *_: told.append(1) or story)
    first = desk.morning(home, {"seed": 901})
    again = desk.morning(home, {"seed": 901})
    assert (first, again, len(told)) == (story, story, 1)
    desk.morning(home, {"seed": 902})
    assert len(told) == 2


# -- evidence ------------------------------------------------------------------------------------------------------------


def lit(workspace: Workspace) -> set[str]:
    return {code for code, one in evidence.read_all(workspace).items() if one.lit}


def test_sixteen_cells_in_four_rows() -> None:
    assert [cell.row for cell in evidence.CELLS] == [row for row in evidence.ROWS for _ in range(4)]
    assert len({cell.code for cell in evidence.CELLS}) == 16


def test_a_new_workspace_shows_what_is_there_from_the_start(workspace_factory) -> None:
    assert lit(workspace_factory()) == {"versioning.code", "versioning.data", "versioning.environment"}


def test_nothing_is_lit_without_a_workspace(tmp_path) -> None:
    assert lit(Workspace(tmp_path)) == set()


def test_each_piece_of_work_lights_its_cells(trained_factory) -> None:
    workspace = trained_factory()
    begun = lit(workspace)
    assert {
        "automation.validate",
        "automation.train",
        "automation.deploy",
        "versioning.models",
        "continuous.integration",
        "continuous.deployment",
    } <= begun
    assert not begun & {"continuous.training", "continuous.monitoring", "monitoring.infrastructure"}
    RequestLog(workspace).append(version="1", rows=1, ms=3.0)
    assert lit(workspace) - begun == {"monitoring.infrastructure"}
    values = {"realised": {"cost_per_row": 0.5}}
    Ledger(workspace).record("loop", "monitor", lesson_date="2013-04-07", code="loop.week", text="", values=values)
    new = {"continuous.monitoring", "monitoring.drift", "monitoring.performance", "monitoring.business"}
    assert lit(workspace) - begun == {"monitoring.infrastructure", *new}
    Ledger(workspace).record(
        "loop", "decide", lesson_date="2013-04-07", code="loop.decide", text="", values={"action": "wait"}
    )
    assert "automation.retrain" not in lit(workspace)
    Ledger(workspace).record(
        "loop", "decide", lesson_date="2013-04-07", code="loop.decide", text="", values={"action": "retrain"}
    )
    assert "automation.retrain" in lit(workspace)


# -- fifty models --------------------------------------------------------------------------------------------------------


def test_a_failing_desk_stops_nobody_and_shared_steps_run_once(workspace_factory) -> None:
    workspace = workspace_factory()
    lanes = {name: {**one, **FEW} for name, one in lesson.lanes(["LGA-OO", "EWR-UA"]).items()}
    seen: list[str] = []
    runs = fleet.run(workspace, lanes, on_run=lambda run: seen.append(run.lane))
    models = [lesson.DeskModel.of(workspace, run) for run in runs]
    assert seen == ["LGA-OO", "EWR-UA"]
    assert [model.state == "failed" for model in models] == [True, False]
    assert models[0].failed == "split"
    assert "1 flight" in models[0].why
    assert runs[1].changed == ("split", "train", "evaluate")
    assert fleet.last(workspace, lanes) == runs
    assert [run.changed for run in fleet.run(workspace, lanes)] == [(), ()]


def test_a_desk_pays_when_it_is_cheaper_than_offering_nothing() -> None:
    model = lesson.DeskModel("EWR-UA", 0.1, True, flights=10, auc=0.7, cost=0.4, idle=0.5)
    assert model.state == "pays"
    assert replace(model, cost=0.5).state == "idle"
    assert replace(model, cost=None).state == "failed"
