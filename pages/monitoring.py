"""Monitoring: shift a world whose truth is known, then read the board of a year that really happened."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd
import streamlit as st

from mlops_core import drift, registry, release
from mlops_core.digest import digest_file
from mlops_core.ledger import Ledger
from mlops_core.loop import Loop
from mlops_core.monitor import Baseline, MonitorPolicy, Window, replay, timeline
from mlops_core.project import Home, template_of
from mlops_core.reference import champion_baseline, champion_schema
from mlops_core.registry import ModelVersion
from mlops_core.serving import RequestLog
from pages.kit import blocks, charts, session
from pages.kit import charts_monitoring as pictures
from pages.kit.session import plain, t
from tutor.lesson import monitoring as lesson
from tutor.simulation.shiftlab import DEFAULTS, LIMITS, SIZES, UNITS, LabState, Reading, ShiftLab

PAGE = "monitoring"
SEED = 1
FIRST = "temp"
DELAYS = (0, 7, 21)
workspace = session.workspace()
look = charts.Look(session.dark())
course = template_of(workspace)
data = digest_file(course.source() / "DIGESTS.json")


def year() -> pd.DataFrame:
    """The feature table of the whole year, one for all learners."""
    return session.keep("monitoring.year", data, lambda: Home.default().year(course))


# -- the shift lab -------------------------------------------------------------------------------------------------------


def shift_lab() -> ShiftLab:
    """The model world of the course, with a small model of its own: it needs no champion."""
    return session.keep(
        "monitoring.lab", f"{data}:{SEED}", lambda: ShiftLab.build(year(), course.schema, course.costs, seed=SEED)
    )


def read(lab: ShiftLab, state: LabState) -> Reading:
    """What the lab says about a state, computed once."""
    return session.keep("monitoring.reading", f"{data}:{SEED}:{state.key}", lambda: lab.read(state))


def presets(lab: ShiftLab) -> dict[str, LabState]:
    """Worlds worth a link; which column shows the point best is found by trying all."""

    def find() -> dict[str, LabState]:
        nothing = lab.read(LabState(lab.features[0], n=SIZES[0]))
        loudest = max(nothing.drift.columns, key=lambda column: column.statistic)
        return {
            "calm": LabState(FIRST),
            "chance": LabState(loudest.column, n=SIZES[0]),
            "bug": LabState(lab.most_trusted(), unit="per_60"),
            "harmless": LabState(lab.least_used(), mean=2.0),
            "hidden": LabState(lab.most_trusted(), weight=-1.0),
        }

    return session.keep("monitoring.presets", f"{data}:{SEED}", find)


def link(state: LabState) -> dict[str, str]:
    """The address of a state: what differs from the defaults."""
    calm = asdict(LabState(FIRST))
    return {f"{PAGE}.{name}": str(value) for name, value in asdict(state).items() if value != calm[name]}


def preset_links(lab: ShiftLab) -> None:
    """Presets as links; the two that would solve the missions appear once the first one is done."""
    kept = session.progress().mission(lesson.DRIFT_WITHOUT_HARM)
    open_all = kept.solved or kept.solution_shown
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="monitoring-presets"):
        for name, state in presets(lab).items():
            if open_all or name not in ("harmless", "hidden"):
                st.page_link(
                    "monitoring.py",
                    label=t(f"monitoring.preset.{name}", feature=state.feature),
                    query_params=link(state) or {f"{PAGE}.feature": state.feature},
                )


def slide(name: str, step: float, shape: str) -> float:
    """A slider for one setting of the lab, in the address as well."""
    low, high = LIMITS[name]
    return st.slider(
        t(f"monitoring.control.{name}"),
        low,
        high,
        DEFAULTS[name],
        step,
        format=shape,
        help=t(f"monitoring.control.{name}_help"),
        key=f"{PAGE}.{name}",
        bind="query-params",
    )


def controls(lab: ShiftLab) -> LabState:
    """Every control of the lab, held inside its limits."""
    feature = st.selectbox(
        t("monitoring.control.feature"),
        lab.features,
        lab.features.index(FIRST),
        format_func=lambda name: f"{name}: {course.schema.column(name).text}",
        key=f"{PAGE}.feature",
        bind="query-params",
    )
    feature = feature if feature in lab.features else FIRST
    values: dict[str, Any] = {}
    st.caption(t("monitoring.control.world"))
    if labels := lab.labels(feature):
        values["label"] = st.selectbox(
            t("monitoring.control.label"), labels, key=f"{PAGE}.label.{feature}", bind="query-params"
        )
        values["label_share"] = slide("label_share", 0.05, "%.2f")
    else:
        values["mean"] = slide("mean", 0.1, "%+.1f sd")
        values["spread"] = slide("spread", 0.1, "× %.1f")
    st.caption(t("monitoring.control.pipeline"))
    values["missing"] = slide("missing", 0.05, "%.2f")
    if not labels:
        values["unit"] = st.selectbox(
            t("monitoring.control.unit"),
            list(UNITS),
            format_func=lambda unit: t(f"monitoring.unit.{unit}"),
            key=f"{PAGE}.unit",
            bind="query-params",
        )
    st.caption(t("monitoring.control.concept"))
    values["weight"] = slide("weight", 0.1, "× %.1f")
    values["intercept"] = slide("intercept", 0.1, "%+.1f")
    values["prior"] = slide("prior", 0.05, "× %.2f")
    st.caption(t("monitoring.control.window"))
    values["n"] = st.select_slider(
        t("monitoring.control.n"), SIZES, LabState("").n, key=f"{PAGE}.n", bind="query-params"
    )
    values["bins"] = st.slider(
        t("monitoring.control.bins"), 2, 50, LabState("").bins, key=f"{PAGE}.bins", bind="query-params"
    )
    return LabState(feature, **values).clamped


def column_picture(reading: Reading) -> None:
    """The column that is moved: reference filled, current outlined."""
    shown, name = reading.histogram, reading.state.feature
    column = course.schema.column(name)
    blocks.figure(
        pictures.column(
            shown,
            look,
            names=(plain("monitoring.reference"), plain("monitoring.current")),
            value=plain("monitoring.share_of_rows"),
            title=f"{name} ({column.unit})" if column.unit else name,
        ),
        alt=plain("monitoring.column_alt", feature=name, psi=reading.input_psi, rows=reading.state.n),
        table=shown.frame(),
        key="monitoring.column",
        provenance="model",
        caption=t("monitoring.column", feature=name),
    )
    st.caption(t("monitoring.missing", then=shown.missing_reference, now=shown.missing_current))


def drift_tables(reading: Reading) -> None:
    """Every column against the band of a calm window; the column that is moved, by every detector."""
    found, chance = reading.drift, reading.drift.alpha * len(reading.drift.names)
    words = {name: plain(f"monitoring.{name}") for name in ("band", "drifted", "stable")}
    blocks.figure(
        pictures.columns(found, look, words=words, axis=plain("monitoring.psi_axis")),
        alt=plain("monitoring.columns_alt", drifted=len(found.drifted), columns=len(found.names)),
        table=told(found),
        key="monitoring.columns",
        provenance="model",
        caption=t("monitoring.columns", drifted=len(found.drifted), columns=len(found.names)),
    )
    st.caption(t("monitoring.chance", chance=chance, columns=len(found.names)))
    with st.expander(t("monitoring.by_detector", feature=reading.state.feature)):
        blocks.table(told(reading.detectors), alt=plain("monitoring.detectors_alt"), key="monitoring.detectors")


def told(report: drift.DriftReport) -> pd.DataFrame:
    """A drift report in words: statistic, the band of a calm window, verdict."""
    names = {True: f"▲ {plain('monitoring.drifted')}", False: f"● {plain('monitoring.stable')}"}
    frame = report.frame()
    band = [f"{low:.4f} – {high:.4f}" for low, high in frame["null_band"]]
    columns = {
        "column": frame["column"],
        "detector": frame["detector"],
        "statistic": frame["statistic"].round(4),
        "band": band,
        "missing": frame["missing_current"].round(3),
        "verdict": [names[bool(drifted)] for drifted in frame["drifted"]],
    }
    return pd.DataFrame({plain(f"monitoring.head.{name}"): values for name, values in columns.items()})


def quality_panel(reading: Reading) -> None:
    """What the model did, what was expected without labels, what the truth itself would have done."""
    who = [plain(f"monitoring.who.{name}") for name in ("model", "estimated", "oracle")]
    aucs = (reading.model.auc, reading.estimated.auc, reading.oracle.auc)
    costs = (reading.model.cost_per_row, reading.estimated.cost_per_row, reading.oracle.cost_per_row)
    rates = (reading.model.mean_score, reading.estimated.rate, reading.oracle.mean_score)
    table = {"": who, "AUC": aucs, plain("monitoring.cost"): costs, plain("monitoring.mean_probability"): rates}
    blocks.figure(
        pictures.quality(
            (
                ("AUC", tuple(zip(who, aucs, strict=True)), reading.auc_band),
                (plain("monitoring.cost"), tuple(zip(who, costs, strict=True)), reading.cost_band),
            ),
            look,
            band=plain("monitoring.quality_band", rows=reading.state.n),
        ),
        alt=plain("monitoring.quality_alt", now=reading.model.auc or 0.0, before=reading.before.auc or 0.0,
                  cost=reading.model.cost_per_row),
        table=pd.DataFrame(table),
        key="monitoring.quality",
        provenance="model",
        caption=t("monitoring.quality"),
    )  # fmt: skip
    st.caption(t("monitoring.gap", mean=reading.model.mean_score, rate=reading.model.rate, gap=reading.gap))


def figures(reading: Reading, revealed: bool) -> None:
    """Four numbers, in the order in which a monitor learns them."""
    loss = reading.auc_loss
    calm = [plain("monitoring.drifted" if moved else "monitoring.stable") for moved in
            (reading.drift.column(reading.state.feature).drifted, reading.score.drifted)]  # fmt: skip
    row = [
        blocks.Metric(t("monitoring.input_psi"), f"{reading.input_psi:.3f}",
                      t("monitoring.line", word=calm[0], line=reading.drift.column(reading.state.feature).null_band[1])),
        blocks.Metric(t("monitoring.score_psi"), f"{reading.score.statistic:.4f}",
                      t("monitoring.line", word=calm[1], line=reading.score.null_band[1])),
    ]  # fmt: skip
    if revealed and loss is not None:
        row.append(blocks.Metric(t("monitoring.auc_loss"), f"{loss:+.3f}", t("monitoring.auc_loss_means")))
        more = reading.cost_added
        row.append(blocks.Metric(t("monitoring.cost_more"), f"{more:+.3f}", t("monitoring.cost_more_means")))
    blocks.metrics(row)


@st.fragment
def lab_panel(lab: ShiftLab, revealed: bool) -> None:
    """Controls on the left, what everybody sees on the right, the missions below: all from one reading."""
    preset_links(lab)
    left, right = blocks.two_columns()
    with left:
        state = controls(lab)
        blocks.reset_panel(PAGE, *(f"{PAGE}.{name}" for name in asdict(state)))
    reading = read(lab, state)
    with right:
        figures(reading, revealed)
        column_picture(reading)
        if revealed:
            quality_panel(reading)
        else:
            st.info(t("monitoring.quality_waits"), icon=":material/lock:")
        drift_tables(reading)
        blocks.code_that_ran(ShiftLab.read, ShiftLab._happen)
    touched = session.lab(PAGE)
    touched["lab.touched"] = touched.get("lab.touched", False) or not state.untouched
    if revealed:
        st.subheader(t("monitoring.principle"), anchor=False)
        st.markdown(t("monitoring.principle_text"))
        tried = reading if touched["lab.touched"] else None
        blocks.mission(lesson.DRIFT_WITHOUT_HARM, tried)
        with blocks.further(t("monitoring.further_lab")):
            blocks.mission(lesson.HARM_WITHOUT_DRIFT, tried)
            blocks.figure(
                pictures.reliability(
                    reading.calibration, look, x=plain("monitoring.mean_score"), y=plain("monitoring.rate"),
                    ideal=plain("monitoring.ideal"),
                ),
                alt=plain("monitoring.reliability_alt", error=reading.calibration.error),
                table=reading.calibration.frame(), key="monitoring.reliability", provenance="model",
                caption=t("monitoring.reliability"),
            )  # fmt: skip


# -- the year ------------------------------------------------------------------------------------------------------------


def begin() -> None:
    """Train, gate and promote the first champion, saying each step."""
    with st.status(t("monitoring.beginning"), expanded=True):
        Loop(workspace, year(), on_entry=lambda entry: st.write(session.text.literal(entry.text))).begin()


def baseline_of(champion: ModelVersion) -> Baseline:
    """What is normal for the champion."""
    return session.keep(
        "monitoring.baseline", f"{workspace.root}:{champion.digest}", lambda: champion_baseline(workspace)
    )


def readings_of(champion: ModelVersion, delay: int) -> tuple[Window, ...]:
    """The whole year as the board would have read it, week by week, each with what was known then."""

    def read_year() -> tuple[Window, ...]:
        schema, model = champion_schema(workspace, champion), registry.load(workspace)
        policy = MonitorPolicy(settlement_days=delay)
        last = year()[str(course.schema.day)].max()
        return tuple(replay(year(), schema, model, baseline_of(champion), policy, course.stream_start, last))

    return session.keep("monitoring.replay", f"{data}:{workspace.root}:{champion.digest}:{delay}", read_year)


def latency_of(champion: ModelVersion) -> pd.Series:
    """Milliseconds of 60 real calls of the champion with 100 rows each, measured on this machine."""

    def measure() -> pd.Series:
        return pd.Series(release.latency(registry.load(workspace), year()))

    return session.keep("monitoring.latency", champion.digest, measure)


def note_watch(champion: ModelVersion) -> None:
    """Once a champion: somebody has looked at its board."""
    if session.progress().note("monitoring.watched") != champion.digest:
        session.progress().note("monitoring.watched", champion.digest)
        Ledger(workspace).record("watched", f"version {champion.version}")


def choose_week(readings: tuple[Window, ...]) -> int:
    """The week to stand in, by slider (arrow keys) or step."""
    weeks = [f"{window.start:%Y-%m-%d}" for window in readings]
    key = f"{PAGE}.week"
    at = st.session_state.get(key)
    now = weeks.index(at) if at in weeks else weeks.index(lesson.FURLOUGH)

    def step(by: int) -> None:
        st.session_state[key] = weeks[min(max(now + by, 0), len(weeks) - 1)]

    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.button(t("monitoring.back"), icon=":material/chevron_left:", on_click=step, args=(-1,), key=f"{PAGE}.back")
        st.button(t("monitoring.forth"), icon=":material/chevron_right:", on_click=step, args=(1,), key=f"{PAGE}.forth")
        chosen = st.select_slider(
            t("monitoring.week"),
            weeks,
            weeks[now],
            format_func=lambda week: f"{pd.Timestamp(week):%-d %b}",
            key=key,
            bind="query-params",
        )
    return weeks.index(chosen) if chosen in weeks else now


def layers(window: Window, champion: ModelVersion, baseline: Baseline) -> None:
    """The same week in four layers: data, model, infrastructure, business."""
    metrics, requests, times = window.realised.metrics, RequestLog(workspace).summary(), latency_of(champion)
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
        said = session.text.literal(alarm.message)
        st.markdown(f"{blocks.badge('drifted', t(f'monitoring.alarm.{alarm.kind}'))} {said}")


def board_words() -> Mapping[str, str]:
    """The words on the pictures of the year."""
    names = ("normal", "estimated", "realised", "drifted", "score", "stable", "cost_axis", "drifted_axis", "score_axis")
    kinds = {kind: plain(f"monitoring.alarm.{kind}") for kind in pictures.KINDS}
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
        Ledger(workspace).record("alarm", "furlough", lesson_date=lesson.FURLOUGH)
    metrics = case.week.realised.metrics
    told_now = blocks.predict(
        lesson.CAUSE, case, cost=metrics.cost_per_row if metrics else 0.0, high=baseline.cost.high
    )
    if told_now:
        st.markdown(t("monitoring.furlough_told"))
        if progress.note("monitoring.furlough") == "open":
            progress.note("monitoring.furlough", "closed")
            Ledger(workspace).record("alarm_closed", "furlough", lesson_date=lesson.FURLOUGH)


@st.fragment
def board(champion: ModelVersion) -> None:
    """The board of one week, as it was known then."""
    delay = st.segmented_control(
        t("monitoring.delay"),
        DELAYS,
        default=0,
        format_func=lambda days: t("monitoring.days", days=days),
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
        readings, at, lesson.known_then(readings[: at + 1]), baseline, look, words=words,
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
        pictures.grid(readings, at, look, words=words),
        alt=plain("monitoring.grid_alt", drifted=len(window.drift.drifted), columns=len(window.drift.names)),
        table=drifted, key="monitoring.grid", provenance="real", caption=t("monitoring.grid"),
    )  # fmt: skip
    blocks.code_that_ran(replay)


CELL = """from pathlib import Path
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


blocks.section_head(PAGE)
with st.spinner(t("monitoring.building"), show_time=True):
    instrument = shift_lab()
    least = session.keep("monitoring.least", f"{data}:{SEED}", lambda: lesson.irrelevant_state(instrument))
st.header(t("monitoring.lab"), anchor=False)
answered = blocks.predict(lesson.IRRELEVANT, lambda: read(instrument, least), feature=least.feature)
lab_panel(instrument, answered)

st.header(t("monitoring.the_year"), anchor=False)
st.markdown(t("monitoring.the_year_text"))
serving = registry.champion(workspace)
if serving is None:
    blocks.empty_state(t("monitoring.no_champion"), t("monitoring.make_champion"), begin, key="monitoring.champion",
                       doing=t("monitoring.beginning"))  # fmt: skip
else:
    board(serving)
    note_watch(serving)
cell()
with blocks.further():
    st.markdown(t("monitoring.further"))
blocks.next_stage(PAGE)
