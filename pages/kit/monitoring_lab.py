"""The shift lab on the screen: controls in the address, presets, and what every watcher says about one state.

lab = shift_lab()
lab_panel(lab, revealed=blocks.predict(...))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd
import streamlit as st

from mlops_core import drift
from mlops_core.digest import digest_file
from mlops_core.project import Home, Template, template_of
from pages.kit import blocks, charts, session
from pages.kit import charts_monitoring as pictures
from pages.kit.session import plain, t
from tutor.lesson import monitoring as lesson
from tutor.simulation.shiftlab import DEFAULTS, LIMITS, SIZES, UNITS, LabState, Reading, ShiftLab

PAGE = "monitoring"
SEED = 1
FIRST = "temp"


def course() -> Template:
    """The course of this learner's workspace."""
    return template_of(session.workspace())


def data() -> str:
    """Names the course's files: part of the address of everything computed from them."""
    return digest_file(course().source() / "DIGESTS.json")


def look() -> charts.Look:
    """The colours of this browser's theme."""
    return charts.Look(session.dark())


def year() -> pd.DataFrame:
    """The feature table of the whole year, one for all learners."""
    return session.keep("monitoring.year", data(), lambda: Home.default().year(course()))


def shift_lab() -> ShiftLab:
    """The model world of the course, with a small model of its own: it needs no champion."""
    return session.keep(
        "monitoring.lab", f"{data()}:{SEED}", lambda: ShiftLab.build(year(), course().schema, course().costs, seed=SEED)
    )


def read(lab: ShiftLab, state: LabState) -> Reading:
    """What the lab says about a state, computed once."""
    return session.keep("monitoring.reading", f"{data()}:{SEED}:{state.key}", lambda: lab.read(state))


def presets(lab: ShiftLab) -> dict[str, LabState]:
    """Worlds worth a link; which column shows the point best is found by trying all."""

    def find() -> dict[str, LabState]:
        nothing = lab.read(LabState(lab.features[0], n=SIZES[0]))
        loudest = max(nothing.drift.columns, key=lambda column: column.statistic)
        return {
            "chance": LabState(loudest.column, n=SIZES[0]),
            "bug": LabState(lab.most_trusted(), unit="÷ 60"),
            "harmless": LabState(lab.least_used(), mean=2.0),
            "hidden": LabState(lab.most_trusted(), weight=-1.0),
        }

    return session.keep("monitoring.presets", f"{data()}:{SEED}", find)


def go_to(state: LabState) -> None:
    """Put every control where `state` has it; the address follows, so that it can be sent to somebody."""
    for name, value in asdict(state).items():
        if name != "label":
            st.session_state[f"{PAGE}.{name}"] = value


def preset_row(lab: ShiftLab) -> None:
    """Worlds in one click; the two that would solve the missions appear once the first one is done."""
    kept = session.progress().mission(lesson.DRIFT_WITHOUT_HARM)
    open_all = kept.solved or kept.solution_shown
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        for name, state in presets(lab).items():
            if open_all or name not in ("harmless", "hidden"):
                words = t(f"monitoring.preset.{name}", feature=state.feature)
                st.button(words, on_click=go_to, args=(state,), key=f"{PAGE}.preset.{name}")


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


def pick(name: str, choices: Sequence[str], key: str, at: int = 0) -> str:
    """A choice, in the address as well; what a tampered address asks for becomes the first choice."""
    chosen = st.selectbox(t(f"monitoring.control.{name}"), choices, at, key=key, bind="query-params")
    return chosen if chosen in choices else choices[at]


def controls(lab: ShiftLab) -> LabState:
    """Every control of the lab, held inside its limits."""
    feature = pick("feature", lab.features, f"{PAGE}.feature", lab.features.index(FIRST))
    blocks.note(course().schema.column(feature).text)
    values: dict[str, Any] = {}
    st.markdown(t("monitoring.control.world"))
    one, two = st.columns(2)
    labels = lab.labels(feature)
    with one:
        if labels:
            values["label"] = pick("label", labels, f"{PAGE}.label.{feature}")
        else:
            values["mean"] = slide("mean", 0.1, "%+.1f sd")
    with two:
        name = "label_share" if labels else "spread"
        values[name] = slide(name, 0.05, "%.2f") if labels else slide(name, 0.1, "× %.1f")
    st.markdown(t("monitoring.control.pipeline"))
    one, two = st.columns(2)
    with one:
        values["missing"] = slide("missing", 0.05, "%.2f")
    if not labels:
        with two:
            values["unit"] = pick("unit", tuple(UNITS), f"{PAGE}.unit")
    st.markdown(t("monitoring.control.concept"))
    one, two = st.columns(2)
    with one:
        values["weight"] = slide("weight", 0.1, "× %.1f")
        values["prior"] = slide("prior", 0.05, "× %.2f")
    with two:
        values["intercept"] = slide("intercept", 0.1, "%+.1f")
    st.markdown(t("monitoring.control.window"))
    one, two = st.columns(2)
    calm = LabState(feature)
    with one:
        values["n"] = st.select_slider(t("monitoring.control.n"), SIZES, calm.n, key=f"{PAGE}.n", bind="query-params")
    with two:
        values["bins"] = st.slider(
            t("monitoring.control.bins"), 2, 50, calm.bins, key=f"{PAGE}.bins", bind="query-params"
        )
    return LabState(feature, **values).clamped


def column_picture(reading: Reading) -> None:
    """The column that is moved: reference filled, current outlined."""
    shown, name = reading.histogram, reading.state.feature
    column = course().schema.column(name)
    blocks.figure(
        pictures.column(
            shown,
            look(),
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
    blocks.note(t("monitoring.missing", then=shown.missing_reference, now=shown.missing_current))


def drift_tables(reading: Reading) -> None:
    """Every column against the band of a calm window; the column that is moved, by every detector."""
    found, chance = reading.drift, reading.drift.alpha * len(reading.drift.names)
    words = {name: plain(f"monitoring.{name}") for name in ("band", "drifted", "stable")}
    blocks.figure(
        pictures.columns(found, look(), words=words, axis=plain("monitoring.psi_axis")),
        alt=plain("monitoring.columns_alt", drifted=len(found.drifted), columns=len(found.names)),
        table=told(found),
        key="monitoring.columns",
        provenance="model",
        caption=t("monitoring.columns", drifted=len(found.drifted), columns=len(found.names)),
    )
    blocks.note(t("monitoring.chance", chance=chance, columns=len(found.names)))
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
            look(),
            band=plain("monitoring.quality_band", rows=reading.state.n),
        ),
        alt=plain("monitoring.quality_alt", now=reading.model.auc or 0.0, before=reading.before.auc or 0.0,
                  cost=reading.model.cost_per_row),
        table=pd.DataFrame(table),
        key="monitoring.quality",
        provenance="model",
        caption=t("monitoring.quality"),
    )  # fmt: skip
    blocks.note(t("monitoring.gap", mean=reading.model.mean_score, rate=reading.model.rate, gap=reading.gap))


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
    preset_row(lab)
    numbers = st.container()
    left, right = blocks.two_columns()
    with left:
        state = controls(lab)
        label, icon = t("block.reset_panel"), ":material/restart_alt:"
        st.button(label, type="tertiary", icon=icon, on_click=go_to, args=(LabState(FIRST),), key=f"{PAGE}.reset")
    reading = read(lab, state)
    with numbers:
        figures(reading, revealed)
    with right:
        column_picture(reading)
        if revealed:
            quality_panel(reading)
        else:
            st.info(t("monitoring.quality_waits"), icon=":material/lock:")
        drift_tables(reading)
        blocks.code_that_ran(ShiftLab.read, ShiftLab._happen)
    if not revealed:
        return
    with left:
        blocks.mission(lesson.DRIFT_WITHOUT_HARM, tried(reading))
    st.subheader(t("monitoring.principle"), anchor=False)
    st.markdown(t("monitoring.principle_text"))
    with blocks.further(t("monitoring.further_lab")):
        lab_further(reading)


def tried(reading: Reading) -> Reading | None:
    """The reading, from the first shift of this session on; before that nothing was tried."""
    kept = session.lab(PAGE)
    kept["lab.touched"] = kept.get("lab.touched", False) or not reading.state.untouched
    return reading if kept["lab.touched"] else None


def lab_further(reading: Reading) -> None:
    """The second mission, and whether a probability means what it says."""
    blocks.mission(lesson.HARM_WITHOUT_DRIFT, tried(reading))
    blocks.figure(
        pictures.reliability(
            reading.calibration,
            look(),
            x=plain("monitoring.mean_score"),
            y=plain("monitoring.rate"),
            ideal=plain("monitoring.ideal"),
        ),
        alt=plain("monitoring.reliability_alt", error=reading.calibration.error),
        table=reading.calibration.frame(),
        key="monitoring.reliability",
        provenance="model",
        caption=t("monitoring.reliability"),
    )
