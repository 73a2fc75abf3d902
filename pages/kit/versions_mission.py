"""The mission on the screen: read from two versions of the weather what was wrong with the older one.

read_the_diff(known_versions())
"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.kit import blocks, charts_versions, session
from pages.kit.session import plain, t
from pages.kit.versions_tables import PAGE, Known, compared, course, facts_of, look, table
from tutor.lesson import versions as lesson


def read_the_diff(known: Known) -> None:
    """The learner's reading on the left, one day in both versions on the right; solved, what the clock and a model say."""
    lab = session.lab(PAGE)
    text, picture = blocks.two_columns()
    with picture:
        one_day(known)
    with text:
        st.markdown(t("versions.wrong_lead"))
        reading_form(known)
        outcome = blocks.mission(lesson.READ_DIFF, lab.get("reading"))
    if outcome.kind == "right":
        with picture:
            show_clock(lab["reading"])
            train_both(known)


@st.fragment
def one_day(known: Known) -> None:
    """The same flights of one day and airport in both versions."""
    old, new = known[lesson.BROKEN], known[lesson.MENDED]
    days, airports = table(old)[str(course().schema.day)], sorted(table(old)["origin"].unique())
    day, place, what = st.columns([4, 3, 4])
    date = day.date_input(
        t("versions.day"), days.min() + pd.Timedelta(days=lesson.SHOWN_DAY), key="versions.day",
        min_value=days.min(), max_value=days.max(),
    )  # fmt: skip
    airport = place.selectbox(t("versions.airport"), airports, key="versions.airport")
    column = what.selectbox(t("versions.column"), lesson.SHOWN_COLUMNS, key="versions.column")
    hourly = lesson.one_day(table(old), table(new), str(date), airport, column)
    unit = course().schema.column(column).unit
    blocks.figure(
        charts_versions.one_day(
            hourly.hours,
            hourly.old,
            hourly.new,
            look(),
            names=(old.name, new.name),
            value=f"{column} ({unit})",
            hour=plain("versions.hour"),
        ),
        alt=plain("versions.day_alt", column=column, airport=airport, day=str(date), hours=len(hourly.hours)),
        table=hourly.frame(),
        key="versions.one_day",
        provenance="injected",
        caption=t("versions.one_day", column=column, airport=airport),
    )


def reading_form(known: Known) -> None:
    """How many hours too old the weather was, and which factor the gusts are of the wind speed."""
    with st.form("versions.reading", border=False):
        shift = st.number_input(
            t("versions.hours"), lesson.HOURS[0], lesson.HOURS[-1], 0, 1, format="%d", key="versions.hours"
        )
        factor = st.number_input(t("versions.factor"), 0.0, 10.0, 1.0, 0.001, format="%.3f", key="versions.factor")
        if st.form_submit_button(t("versions.judge"), type="primary", key="versions.judge"):
            with st.spinner(t("versions.judging")):
                judge(known, int(shift or 0), float(factor or 0))


def judge(known: Known, hours: int, factor: float) -> None:
    """Hold the learner's reading against the two tables."""
    old, new = known[lesson.BROKEN], known[lesson.MENDED]
    key = f"{old.digest}:{new.digest}"
    clock = session.keep("versions.clock", key, lambda: lesson.read_clock(table(old), table(new)))
    session.lab(PAGE)["reading"] = lesson.Reading(hours, factor, clock, lesson.gust_factor(compared(old, new).diff))


def show_clock(reading: lesson.Reading) -> None:
    """How many airport hours each shift of the clock explains."""
    blocks.figure(
        charts_versions.clock(
            reading.clock.shares,
            reading.hours,
            look(),
            value=plain("versions.clock_value"),
            hours=plain("versions.clock_hours"),
        ),
        alt=plain("versions.clock_alt", best=reading.clock.best, share=reading.share),
        table=pd.DataFrame(reading.clock.shares.items(), columns=["hours", "share"]),
        key="versions.clock",
        provenance="real",
        caption=t("versions.clock"),
    )


def train_both(known: Known) -> None:
    """The same model on both versions: the metric hardly sees what the diff says."""
    lab = session.lab(PAGE)
    if st.button(t("versions.train_both"), key="versions.train_both") or lab.get("both"):
        lab["both"] = True
        with st.spinner(t("versions.training")):
            before, after = facts_of(known[lesson.BROKEN]), facts_of(known[lesson.MENDED])
        st.markdown(
            t("versions.metric_blind", old=lesson.BROKEN, new=lesson.MENDED, before=before.auc, after=after.auc)
        )
