"""The board of the champion on the screen: the replayed year, one week as it was known then, four layers, a diagnosis."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
import streamlit as st
from sklearn.pipeline import Pipeline

from mlops_core import registry, release
from mlops_core.ledger import Ledger
from mlops_core.loop import Loop
from mlops_core.monitor import Baseline, MonitorPolicy, Window, replay, timeline
from mlops_core.project import Home
from mlops_core.reference import champion_baseline, champion_schema, unspoilt_champion
from mlops_core.registry import ModelVersion
from mlops_core.serving import RequestLog
from mlops_core.training import predict
from pages.kit import blocks, session
from pages.kit import charts_monitoring as pictures
from pages.kit.monitoring_lab import PAGE, course, data, look, year
from pages.kit.session import plain, t
from pages.kit.text import literal
from tutor.lesson import monitoring as lesson

DELAYS = (0, 7, 21)


def begin() -> None:
    """Train, gate and promote the first champion, saying each step."""
    with st.status(t("monitoring.beginning"), expanded=True):
        Loop(session.workspace(), year(), on_entry=lambda entry: st.write(literal(entry.text))).begin()


def made_of(champion: ModelVersion) -> str:
    """Names everything the board of a champion is computed from; a class that trained the same model shares it."""
    return f"{data()}:{champion.digest}:{champion.data_id}:{release.costs_of(session.workspace())}"


def watched() -> ModelVersion | None:
    """The champion whose board is shown: the newest one that has not seen the weeks, else the one that serves."""
    serving = registry.champion(session.workspace())
    if serving is None:
        return None
    moves = len(registry.history(session.workspace(), "champion"))
    key = f"{session.workspace().root}:{moves}:{serving.version}"
    return session.keep("monitoring.watched", key, lambda: unspoilt_champion(session.workspace())) or serving


def model_of(champion: ModelVersion) -> Pipeline:
    """The fitted model of a champion, its file checked."""
    return registry.load_version(session.workspace(), champion.version)


def baseline_of(champion: ModelVersion) -> Baseline:
    """What is normal for the champion."""
    return session.keep(
        "monitoring.baseline", made_of(champion), lambda: champion_baseline(session.workspace(), champion)
    )


def scores_of(champion: ModelVersion) -> npt.NDArray[np.float64]:
    """What the champion says about every row of the year, computed once for every delay."""
    return session.keep("monitoring.scores", made_of(champion), lambda: predict(model_of(champion), year()))


def readings_of(champion: ModelVersion, delay: int) -> tuple[Window, ...]:
    """The whole year as the board would have read it, week by week, each with what was known then."""

    def read_year() -> tuple[Window, ...]:
        schema, model = champion_schema(session.workspace(), champion), model_of(champion)
        policy, baseline = MonitorPolicy(settlement_days=delay), baseline_of(champion)
        first, last = course().stream_start, year()[str(course().schema.day)].max()
        return tuple(replay(year(), schema, model, baseline, policy, first, last, scores=scores_of(champion)))

    return session.keep("monitoring.replay", f"{made_of(champion)}:{delay}", read_year)


def latency_of(champion: ModelVersion) -> pd.Series:
    """Milliseconds of 60 real calls of the champion with 100 rows each, measured on this machine."""

    def measure() -> pd.Series:
        return pd.Series(release.latency(model_of(champion), year()))

    return session.keep("monitoring.latency", champion.digest, measure)


def note_watch(champion: ModelVersion) -> None:
    """Once a champion: somebody has looked at its board."""
    if session.progress().note("monitoring.watched") != champion.digest:
        session.progress().note("monitoring.watched", champion.digest)
        Ledger(session.workspace()).record("watched", f"version {champion.version}")


def choose_week(readings: tuple[Window, ...]) -> int:
    """The week to stand in, by slider (arrow keys) or step; the furlough week first."""
    weeks, key = [f"{window.start:%Y-%m-%d}" for window in readings], f"{PAGE}.week"
    if key not in st.query_params and st.session_state.get(key) not in weeks:
        st.session_state[key] = lesson.FURLOUGH

    def step(by: int) -> None:
        now = weeks.index(st.session_state[key])
        st.session_state[key] = weeks[min(max(now + by, 0), len(weeks) - 1)]

    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.button(t("monitoring.back"), icon=":material/chevron_left:", on_click=step, args=(-1,), key=f"{PAGE}.back")
        st.button(t("monitoring.forth"), icon=":material/chevron_right:", on_click=step, args=(1,), key=f"{PAGE}.forth")
        chosen = st.select_slider(t("monitoring.week"), weeks, key=key, bind="query-params")
    return weeks.index(chosen) if chosen in weeks else 0


def layers(window: Window, champion: ModelVersion, baseline: Baseline) -> None:
    """The same week in four layers: data, model, infrastructure, business."""
    metrics, requests, times = window.realised.metrics, RequestLog(session.workspace()).summary(), latency_of(champion)
    total = metrics.cost_per_row * metrics.n if metrics else 0.0
    blocks.metrics([
        blocks.Metric(t("monitoring.layer.data"), f"{len(window.drift.drifted)} / {len(window.drift.names)}",
                      t("monitoring.layer.data_means", score=window.score.statistic, line=window.score.null_band[1])),
        blocks.Metric(t("monitoring.layer.model"), f"{metrics.cost_per_row:.3f}" if metrics else "–",
                      t("monitoring.layer.model_means", known=window.known, rows=window.rows, high=baseline.cost.high)),
        blocks.Metric(t("monitoring.layer.infrastructure"), f"{times.quantile(0.95):.1f} ms",
                      t("monitoring.layer.served", calls=requests.count, errors=requests.errors)
                      if requests.count else t("monitoring.layer.unused")),
        blocks.Metric(t("monitoring.layer.business"), f"{total:,.0f}" if metrics else "–",
                      t("monitoring.layer.business_means", normal=baseline.cost.mean * window.rows)),
    ])  # fmt: skip


def alarm_list(window: Window) -> None:
    """What rang at the end of this week, each with its sentence."""
    if not window.alarms:
        blocks.verdict("stable", t("monitoring.no_alarm"))
    for alarm in window.alarms:
        said = literal(alarm.message)
        st.markdown(f"{blocks.badge('drifted', t(f'monitoring.alarm.{alarm.kind}'))} {said}")


def board_words() -> Mapping[str, str]:
    """The words on the pictures of the year."""
    names = ("normal", "estimated", "realised", "drifted", "score", "stable", "cost_axis", "drifted_axis", "score_axis")
    kinds = {f"alarm.{kind}": plain(f"monitoring.alarm.{kind}") for kind in pictures.KINDS}
    return {**{name: plain(f"monitoring.board.{name}") for name in names}, **kinds}


def diagnose(champion: ModelVersion, now: Window) -> None:
    """The furlough week: diagnosis asked before it is told; the alarm is open until then."""
    readings, baseline = readings_of(champion, 0), baseline_of(champion)
    case = lesson.incident(readings, baseline.cost)
    progress = session.progress()
    if now.start < case.week.start:
        return
    if not progress.note("monitoring.furlough"):
        progress.note("monitoring.furlough", "open")
        Ledger(session.workspace()).record("alarm", "furlough", lesson_date=lesson.FURLOUGH)
    metrics = case.week.realised.metrics
    told_now = blocks.predict(
        lesson.CAUSE, case, cost=metrics.cost_per_row if metrics else 0.0, high=baseline.cost.high
    )
    if told_now:
        st.markdown(t("monitoring.furlough_told"))
        if progress.note("monitoring.furlough") == "open":
            progress.note("monitoring.furlough", "closed")
            Ledger(session.workspace()).record("alarm_closed", "furlough", lesson_date=lesson.FURLOUGH)


@st.fragment
def board(champion: ModelVersion) -> None:
    """The board of one week, as it was known then."""
    delay = st.segmented_control(
        t("monitoring.delay"),
        DELAYS,
        default=0,
        key=f"{PAGE}.delay",
        bind="query-params",
        help=t("monitoring.delay_help"),
    )
    blocks.chip("simulated")
    with st.spinner(t("monitoring.replaying"), show_time=True):
        readings = readings_of(champion, delay if delay in DELAYS else 0)
        baseline = baseline_of(champion)
    at = choose_week(readings)
    window, words = readings[at], board_words()
    st.markdown(t("monitoring.knew", day=f"{window.as_of:%A, %-d %B, %H:%M}", known=window.known, rows=window.rows))
    layers(window, champion, baseline)
    alarm_list(window)
    picture = pictures.year(
        readings, at, lesson.known_then(readings[: at + 1]), baseline, look(), words=words,
        line=MonitorPolicy().input_share,
    )  # fmt: skip
    rang = sum(bool(past.alarms) for past in readings[: at + 1])
    blocks.figure(
        picture, alt=plain("monitoring.year_alt", weeks=at + 1, rang=rang), table=timeline(readings[: at + 1]),
        key="monitoring.year", provenance="real", caption=t("monitoring.year", weeks=at + 1, rang=rang),
    )  # fmt: skip
    diagnose(champion, window)
    drifted = pd.DataFrame(
        {
            f"{past.start:%Y-%m-%d}": [name in past.drift.drifted for name in past.drift.names]
            for past in readings[: at + 1]
        },
        index=list(window.drift.names),
    )
    blocks.figure(
        pictures.grid(readings, at, look(), words=words),
        alt=plain("monitoring.grid_alt", drifted=len(window.drift.drifted), columns=len(window.drift.names)),
        table=drifted, key="monitoring.grid", provenance="real", caption=t("monitoring.grid"),
    )  # fmt: skip
    blocks.code_that_ran(replay)
    cell()


CELL = """# `home`, `start` and `end` are given: the folder of all workspaces, the week chosen above
from pathlib import Path
from mlops_core import drift, project, versions

course = project.template_of(workspace)
year = project.Home(Path(home)).year(course)
week = year[year["date"].between(start, end)]
then = versions.read(workspace, course.start)          # January to March
schema = course.schema.only(then.columns)

report = drift.report(drift.Reference.of(then, schema), week, band="calendar")
print(len(report.drifted), "of", len(report.names), "columns have drifted")
report.frame()[["column", "statistic", "null_band", "drifted", "code"]]
"""


def cell() -> None:
    """The drift report of the chosen week against the first quarter."""
    first = pd.Timestamp(str(st.session_state.get(f"{PAGE}.week", lesson.FURLOUGH)))
    last = first + pd.Timedelta(days=6)
    values: dict[str, object] = {
        "home": str(Home.default().root),
        "start": f"{first:%Y-%m-%d}",
        "end": f"{last:%Y-%m-%d}",
    }
    blocks.code_cell(PAGE, CELL, variables=values)
