"""Start: one chart, one question; then the money, the map of sixteen practices, and fifty models."""

import pandas as pd
import streamlit as st

from mlops_core import fleet
from mlops_core.errors import MlopsError
from pages.kit import blocks, charts, charts_start, desk, session
from pages.kit.blocks import Metric
from pages.kit.charts_start import Tile, Words
from pages.kit.components.practice_map import Practice, PracticeRow, practice_map
from pages.kit.places import PLACES
from pages.kit.session import plain, t
from tutor import evidence
from tutor.desk import Money, Morning
from tutor.lesson import start as lesson
from tutor.lesson.start import DeskModel, DeskNumbers
from tutor.predictions import Prediction

workspace = session.workspace()
look = charts.Look(session.dark())


def board(morning: Morning) -> None:
    """What the desk saw at six in the morning."""
    words = Words(plain("start.chart_axis"), plain("start.chart_mark"))
    first, last = (f"{pd.Timestamp(day):%-d %B}" for day in (morning.days[0], morning.days[-1]))
    low, high, now = min(morning.predicted), max(morning.predicted), morning.predicted[-1]
    blocks.figure(
        charts_start.promised(morning, look, words),
        alt=plain("start.chart_alt", first=first, last=last, low=low, high=high, now=now),
        table=pd.DataFrame({t("start.column_day"): morning.days, t("start.column_predicted"): morning.predicted}),
        key="start.board",
        provenance="real",
        caption=t("start.chart"),
    )


def services(morning: Morning) -> None:
    """Everything that is watched, and that it is green."""
    service, (before, week) = morning.services, morning.board[-2:]
    green, orange = f":green[✓ {t('start.green')}]", f":orange[! {t('start.look')}]"
    rows = (
        ("answers", {"ms": service.answer_ms}, {}, True),
        ("scored", {"share": service.scored}, {}, service.scored == 1),
        ("weather", {"share": service.weather}, {}, service.weather > 0.95),
        (
            "drift",
            {"drifted": week.drifted, "columns": week.columns},
            {"before": before.drifted},
            week.drifted <= before.drifted,
        ),
    )
    blocks.metrics(
        [
            Metric(
                t(f"start.service_{name}"),
                plain(f"start.service_{name}_value", **values),
                f"{green if good else orange}  \n{t(f'start.service_{name}_note', **note)}",
            )
            for name, values, note, good in rows
        ]
    )


def what_came(money: Money) -> None:
    """The same days with their outcomes, and in money."""
    week, before = money.week, money.weeks[-3]
    end = pd.Timestamp(week.start) + pd.Timedelta(days=6)
    values = {"predicted": week.predicted, "disrupted": week.disrupted, "before": before.disrupted}
    blocks.figure(
        charts_start.weekly(
            money, look, Words(plain("start.weekly_axis"), plain("start.weekly_band"), plain("start.weekly_estimate"))
        ),
        alt=plain("start.weekly_alt", cost=week.cost, low=money.low, high=money.high, estimated=week.estimated),
        table=pd.DataFrame(
            {
                t("start.column_week"): [one.start for one in money.weeks],
                t("start.column_flights"): [one.flights for one in money.weeks],
                t("start.column_cost"): [one.cost for one in money.weeks],
                t("start.column_promised"): [one.estimated for one in money.weeks],
                t("start.column_idle"): [one.idle for one in money.weeks],
                t("start.column_drifted"): [one.drifted for one in money.weeks],
            }
        ),
        key="start.weekly",
        provenance="real",
        caption=t("start.weekly"),
    )
    both = Words(
        plain("start.chart_axis"),
        plain("start.chart_mark"),
        plain("start.came_predicted"),
        plain("start.came_disrupted"),
    )
    blocks.figure(
        charts_start.came(money, look, both, start=week.start, end=f"{end:%Y-%m-%d}"),
        alt=plain("start.came_alt", before_predicted=before.predicted, **values),
        table=pd.DataFrame(
            {
                t("start.column_day"): money.days,
                t("start.column_predicted"): money.predicted,
                t("start.column_disrupted"): money.disrupted,
                t("start.column_cost"): money.cost,
            }
        ),
        key="start.came",
        provenance="real",
        caption=t("start.came"),
    )


def bill(money: Money) -> None:
    """The week in four numbers."""
    week, before = money.week, money.weeks[-3]
    ordinary = {"low": money.low, "high": money.high}
    blocks.metrics(
        [
            Metric(t("start.metric_extra"), f"{money.extra:,.0f}", t("start.metric_extra_note", flights=week.flights)),
            Metric(t("start.metric_cost"), f"{week.cost:.2f}", t("start.metric_cost_note", **ordinary)),
            Metric(t("start.metric_promised"), f"{week.estimated:.2f}", t("start.metric_promised_note")),
            Metric(
                t("start.metric_drift"),
                plain("start.service_drift_value", drifted=week.drifted, columns=week.columns),
                t("start.metric_drift_note", drifted_before=before.drifted),
            ),
        ]
    )
    st.markdown(t("start.why"), width=720)
    blocks.note(t("start.why_source"))


def practices() -> None:
    """The sixteen practices, lit from the workspace."""
    found = evidence.read_all(workspace)
    st.header(t("start.map"), anchor=False)
    lit = sum(one.lit for one in found.values())
    st.markdown(t("start.map_lead", lit=lit, total=len(found)))

    def practice(cell: evidence.Cell) -> Practice:
        seen = found[cell.code]
        word = plain("start.map_lit") if seen.lit else plain("start.map_dim")
        figure = plain(f"map16.{cell.code}.lit", **seen.values) if seen.lit else ""
        return Practice(cell.code, cell.page, plain(f"map16.{cell.code}.title"), seen.lit, word, figure)

    rows = [
        PracticeRow(plain(f"map16.{row}.title"), tuple(practice(cell) for cell in evidence.CELLS if cell.row == row))
        for row in evidence.ROWS
    ]
    wanted = practice_map(rows, label=plain("start.map_label"))
    if wanted:
        st.switch_page(next(place.file for place in PLACES if place.name == wanted))
    st.markdown(f"### {t('start.line')}")


def touched() -> tuple[str, ...]:
    """Steps that run after the training step's file was saved again, on a copy of this workspace."""
    from tutor.lesson.pipelines import scenario_key, touch

    return session.keep("pipelines.touch", scenario_key(workspace), lambda: touch(workspace))


def precheck(prediction: Prediction, context: object) -> None:
    """A question that is answered later: shown with its answer once the page that answers it was visited."""
    kept = session.progress().prediction(prediction)
    page = lesson.ANSWERED_ON[prediction.code]
    if kept is None or page in session.progress().visited():
        blocks.predict(prediction, context)
        return
    with st.container(border=True):
        st.markdown(f"**{t(f'predict.{prediction.code}.question')}**")
        said = plain(f"predict.{prediction.code}.option.{kept.option}")
        how = plain("predict.sure" if kept.sure else "predict.guess").lower()
        st.markdown(t("start.precheck_later", said=said, how=how, page=plain(f"page.{page}.title")))


def tile(name: str, model: DeskModel | None) -> Tile:
    """A desk as the grid shows it."""
    airport, _, carrier = name.partition("-")
    if model is None:
        return Tile(airport, carrier, "waiting", plain("start.tile_waiting"), plain("start.hover_waiting", lane=name))
    if model.cost is None or model.idle is None or model.flights is None:
        hover = plain("start.hover_failed", lane=name, step=model.failed, why=model.why)
        return Tile(airport, carrier, "failed", plain("start.tile_failed"), hover)
    auc = "–" if model.auc is None else f"{model.auc:.2f}"
    hover = plain(
        "start.hover_model",
        lane=name,
        cost=model.cost,
        idle=model.idle,
        auc=auc,
        n=model.flights,
        seconds=model.seconds,
    )
    return Tile(airport, carrier, model.state, plain("start.tile_model", cost=model.cost), hover)


def read_desk(run: fleet.Run) -> DeskModel:
    """What a lane's run left, read once a run."""
    return session.keep("start.desk", f"{workspace.root}:{run.lane}:{run.id}", lambda: DeskModel.of(workspace, run))


@st.fragment
def fifty(desks: tuple[str, ...]) -> None:
    """The same pipeline over every desk, live, and what that would take by hand."""
    st.markdown(t("start.fifty_lead", desks=len(desks)), width=720)
    lanes = lesson.lanes(desks)
    models = {run.lane: read_desk(run) for run in fleet.last(workspace, lanes)}
    pressed = st.button(
        t("start.fifty_run", desks=len(desks)),
        type="primary",
        icon=":material/play_arrow:",
        key="start.fifty",
    )
    progress = st.empty()
    left, right = st.columns([7, 5], gap="large")
    place = left.empty()
    if pressed:
        models = watch(desks, lanes, progress, place)
    with place.container():
        show_grid(desks, models)
    with right:
        effort(len(desks), models)
        failures(models)


def watch(desks: tuple[str, ...], lanes: dict, progress, place) -> dict[str, DeskModel]:
    """Run every lane and draw each tile as it comes."""
    done: dict[str, DeskModel] = {}

    def show(run: fleet.Run) -> None:
        done[run.lane] = read_desk(run)
        words = plain("start.fifty_running", done=len(done), desks=len(desks), lane=run.lane)
        progress.progress(len(done) / len(desks), words)
        tiles = [tile(name, done.get(name)) for name in desks]
        place.plotly_chart(charts_start.grid(tiles, look), theme=None, config=charts.CONFIG, alt=words)

    try:
        fleet.run(workspace, lanes, on_run=show)
    except MlopsError as error:
        blocks.problem(error)
    progress.empty()
    return done


def show_grid(desks: tuple[str, ...], models: dict[str, DeskModel]) -> None:
    """The grid as it stands, with its table twin."""
    tiles = [tile(name, models.get(name)) for name in desks]
    counts = {state: sum(one.state == state for one in tiles) for state in charts_start.STATES}
    blocks.figure(
        charts_start.grid(tiles, look),
        alt=plain("start.fifty_alt", desks=len(desks), **counts),
        table=pd.DataFrame([as_row(name, models.get(name)) for name in desks]),
        key="start.grid",
        provenance="real",
        caption=t("start.fifty_caption"),
    )
    blocks.note(t("start.fifty_legend", rounds=lesson.ROUNDS))


def as_row(name: str, model: DeskModel | None) -> dict[str, object]:
    """One line of the grid's table."""
    seen = model or DeskModel(name, 0.0, False)
    return {
        t("start.column_desk"): name,
        t("start.column_state"): t(f"start.state_{seen.state if model else 'waiting'}"),
        t("start.column_cost"): seen.cost,
        t("start.column_cost_idle"): seen.idle,
        t("start.column_auc"): seen.auc,
        t("start.column_held_out"): seen.flights,
        t("start.column_seconds"): round(seen.seconds, 2),
        t("start.column_why"): seen.why,
    }


def effort(desks: int, models: dict[str, DeskModel]) -> None:
    """Minutes of a person against minutes of one command."""
    minutes = st.slider(t("start.fifty_minutes"), 5, 120, 30, step=5, key="start.minutes")
    if not models:
        return
    seconds = sum(model.seconds for model in models.values())
    failed = sum(model.state == "failed" for model in models.values())
    trained = sum(model.trained for model in models.values())
    values = {"desks": desks, "passed": len(models) - failed, "failed": failed, "ran": trained, "seconds": seconds}
    st.markdown(t("start.fifty_done", **values))
    hand = desks * minutes
    words = Words("", first=plain("start.fifty_hand"), second=plain("start.fifty_command"))
    blocks.figure(
        charts_start.seconds_of(desks, minutes, seconds, look, words),
        alt=plain("start.fifty_effort_alt", hand=hand, command=seconds / 60),
        key="start.effort",
        caption=t("start.fifty_effort", desks=desks),
    )


def failures(models: dict[str, DeskModel]) -> None:
    """Which desks have no model, and what stopped them."""
    failed = [model for model in models.values() if model.state == "failed"]
    if failed:
        st.markdown(f"**{t('start.fifty_failed')}**")
        for model in failed:
            st.markdown(f"{blocks.badge('failed', model.lane)} {model.failed}: {model.why}")


blocks.section_head("start")
with st.spinner(t("start.loading")):
    morning = desk.morning()
committed = session.progress().prediction(lesson.DESK_ALL_RIGHT) is not None
if committed:
    with st.spinner(t("start.counting")):
        money = desk.money()

instrument, question = st.columns([7, 5], gap="large")
with instrument:
    if committed:
        what_came(money)
    else:
        board(morning)
with question:
    blocks.predict(lesson.DESK_ALL_RIGHT, lambda: DeskNumbers.of(money, morning.services.up))
    if not committed:
        services(morning)

if committed:
    st.header(t("start.unfolded"), anchor=False)
    bill(money)
    practices()
    st.header(t("start.precheck"), anchor=False)
    st.markdown(t("start.precheck_lead"))
    items = ((lesson.TOUCHED, touched), (lesson.DRIFTED, money), (lesson.RETRAINED, money))
    for column, (item, known) in zip(st.columns(len(items), gap="medium"), items, strict=True):
        with column:
            precheck(item, known)
    st.header(t("start.fifty"), anchor=False)
    fifty(morning.desks)
    blocks.next_stage("start")
