"""The noise probe on the screen: a pipeline fed with coin flips must find nothing.

probe()
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Literal

import pandas as pd
import streamlit as st

from pages.kit import blocks, charts, charts_pipelines, session
from pages.kit.session import plain, t
from tutor.lesson import pipelines as lesson
from tutor.simulation import noise

SELECTORS: list[Literal["before", "inside"]] = ["before", "inside"]
SPLITS: list[Literal["rows", "days"]] = ["rows", "days"]
FOLDS, FLIPS = [3, 5, 10], [3, 6, 12, 20]


def probe_of(settings: noise.Settings) -> noise.Probe:
    """The probe with these settings, thrown once."""
    return session.keep("pipelines.probe", json.dumps(asdict(settings)), lambda: noise.probe(settings))


def settings_of(first: noise.Settings) -> noise.Settings:
    """The controls, beginning with the settings that were thrown last."""
    selector = st.radio(
        t("pipelines.selector"),
        SELECTORS,
        index=SELECTORS.index(first.selector),
        format_func=lambda one: plain(f"pipelines.selector_{one}"),
        key="pipelines.selector",
    )
    split = st.radio(
        t("pipelines.probe_split"),
        SPLITS,
        index=SPLITS.index(first.split),
        format_func=lambda one: plain(f"pipelines.probe_split_{one}"),
        key="pipelines.probe_split",
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        folds = st.selectbox(t("pipelines.folds"), FOLDS, index=FOLDS.index(first.folds), key="pipelines.folds")
        flips = st.selectbox(t("pipelines.flips"), FLIPS, index=FLIPS.index(first.flips), key="pipelines.flips")
        seed = st.number_input(t("pipelines.seed"), 0, 999, first.seed, key="pipelines.probe_seed")
    return noise.Settings(selector, split, folds, flips, int(seed))


@st.fragment
def probe() -> None:
    """Controls, the result and the mission on it; the last settings that were run survive a reload."""
    kept = session.progress().note("pipelines.probe")
    done = noise.Settings(**json.loads(kept)) if kept else None
    left, right = blocks.two_columns()
    with left:
        settings = settings_of(done or noise.Settings())
        if st.button(t("pipelines.throw"), type="primary", icon=":material/casino:", key="pipelines.throw"):
            with st.spinner(t("pipelines.throwing")):
                probe_of(settings)
            session.progress().note("pipelines.probe", json.dumps(asdict(settings)))
            done = settings
    found = probe_of(done) if done else None
    with right:
        if found is not None:
            throws(found)
            if done != settings:
                st.caption(f":orange[{t('pipelines.probe_stale')}]")
        blocks.mission(lesson.PROBE, found, widest=lesson.WIDEST)
        blocks.code_that_ran(noise.cross_validated, noise.throw)


def throws(found: noise.Probe) -> None:
    """Every throw, their mean and its interval."""
    numbers = {"mean": found.mean, "low": found.low, "high": found.high, "flips": len(found.aucs)}
    blocks.figure(
        charts_pipelines.probe(
            found, charts.Look(session.dark()), plain("pipelines.probe_axis"), plain("pipelines.probe_truth")
        ),
        alt=plain("pipelines.probe_alt", **numbers),
        table=pd.DataFrame(
            {
                t("pipelines.column_throw"): range(1, len(found.aucs) + 1),
                t("pipelines.column_auc"): found.aucs,
            }
        ),
        key="pipelines.probe_picture",
        provenance="model",
    )
    st.markdown(t("pipelines.probe_said", **numbers))
