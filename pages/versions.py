"""Versions: the history of the data, two versions compared, and what a diff says that no metric does."""

import pandas as pd
import streamlit as st

from mlops_core import pipeline, versions
from mlops_core.compare import Comparison, compare
from mlops_core.digest import digest_value, short
from mlops_core.errors import BadInput, MlopsError
from mlops_core.params import read_params
from mlops_core.pins import pins
from mlops_core.project import template_of
from mlops_core.release import costs_of
from mlops_core.training import spec_of
from mlops_core.versions import Version
from pages.kit import blocks, charts, charts_versions, session
from pages.kit.session import plain, t
from tutor.lesson import versions as lesson

PAGE = "versions"
workspace = session.workspace()
course = template_of(workspace)
look = charts.Look(session.dark())
lab = session.lab(PAGE)
stand = pins(workspace)
history = versions.log(workspace)
by_name = {version.name: version for version in history}


# What the page reads, each kept under the digest of what it is made from.


def table(version: Version) -> pd.DataFrame:
    return session.keep("versions.table", version.md5, lambda: versions.read(workspace, version.name))


def compared(old: Version, new: Version) -> Comparison:
    def work() -> Comparison:
        return compare(table(old), table(new), course.schema, check=course.check)

    return session.keep("versions.compare", f"{course.name}:{old.digest}:{new.digest}", work)


def facts_of(version: Version, shuffle: bool = False) -> lesson.Facts:
    model, seed, costs = (read_params(workspace.params)[name] for name in ("model", "seed", "costs"))
    train = lesson.trainer(
        course.schema, spec_of(model, ()), costs_of(workspace), seed=seed, rows=model["rows"] or None
    )
    key = digest_value([version.md5, shuffle, model, seed, costs])
    frame = table(version)
    return session.keep(
        "versions.facts", key, lambda: lesson.facts(lesson.shuffled(frame) if shuffle else frame, train)
    )


def shuffle_both() -> lesson.Rewritten:
    """The version that is checked out if it can be trained on, else the one the course starts from."""
    version = stand.data if stand.data and course.schema.target in table(stand.data) else by_name[course.start]
    with st.spinner(t("versions.shuffling")):
        return lesson.Rewritten(facts_of(version), facts_of(version, shuffle=True))


# --- where everything stands ------------------------------------------------------------------------------------------

blocks.section_head(PAGE)

model_meaning = t("versions.pin.no_model")
if stand.champion:
    word = "agree" if stand.agree else "differ"
    model_meaning = t(f"versions.pin.{word}", name=stand.trained_on or plain("versions.pin.unknown"))
blocks.metrics(
    [
        blocks.Metric(
            t("versions.pin.code"),
            stand.commit[:8],
            t("versions.pin.code_edited", files=", ".join(stand.edited))
            if stand.edited
            else t("versions.pin.code_clean"),
        ),
        blocks.Metric(
            t("versions.pin.data"),
            stand.data.name if stand.data else plain("versions.pin.none"),
            t("versions.pin.data_meaning", md5=stand.data.md5[:8]) if stand.data else t("versions.pin.no_data"),
        ),
        blocks.Metric(
            t("versions.pin.model"),
            plain("versions.pin.champion", version=stand.champion.version)
            if stand.champion
            else plain("versions.pin.none"),
            model_meaning,
        ),
        blocks.Metric(
            t("versions.pin.environment"),
            short(stand.environment),
            t("versions.pin.environment_meaning", **{k.replace("-", "_"): v for k, v in stand.libraries.items()}),
        ),
    ]
)
st.space("small")


# --- predict, beside the history --------------------------------------------------------------------------------------


def check_out() -> None:
    """Put the chosen version into data/; what a run would repeat is read from the pipeline's plan."""
    try:
        lab["checked"] = versions.checkout(workspace, st.session_state["versions.choice"]).name
    except MlopsError as error:
        lab["checkout_error"] = error


story, instrument = blocks.two_columns()
with story:
    st.markdown(t("versions.story", versions=len(history), rows=history[-1].rows))
    revealed = blocks.predict(lesson.SHUFFLE, shuffle_both)
    if revealed:
        st.markdown(t("versions.principle"))

with instrument:
    now = stand.data.name if stand.data else ""
    blocks.figure(
        charts_versions.history_graph(
            history,
            now,
            look,
            {
                v.name: plain(
                    "versions.row",
                    rows=v.rows,
                    columns=v.columns,
                    megabytes=v.bytes / 1e6,
                    digest=short(v.digest),
                )
                for v in history
            },
        ),
        alt=plain("versions.graph_alt", count=len(history), names=", ".join(by_name), now=now or "-"),
        table=pd.DataFrame([v.to_dict() for v in history[::-1]])[
            ["name", "message", "lesson_date", "rows", "columns", "bytes", "md5", "digest"]
        ],
        key="versions.graph",
        provenance="real",
        caption=t("versions.graph"),
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        names = list(by_name)[::-1]
        if st.session_state.get("versions.choice") not in names:
            st.session_state["versions.choice"] = now or names[0]
        st.selectbox(t("versions.choose"), names, key="versions.choice", width=260)
        st.button(t("versions.checkout"), key="versions.checkout", on_click=check_out, icon=":material/move_down:")
    if "checkout_error" in lab:
        blocks.problem(lab.pop("checkout_error"))
    elif lab.get("checked") == now and now:
        again = [step.step for step in pipeline.plan(workspace) if step.action == "run"]
        words = "versions.checked" if again else "versions.checked_reuse"
        st.markdown(t(words, name=now, steps=", ".join(again), commit=stand.commit[:8]))


# --- compare ----------------------------------------------------------------------------------------------------------

st.header(t("versions.compare"), anchor=False)


@st.fragment
def comparison() -> None:
    """Two select boxes, one comparison: rows, cells, promises, drift."""
    names = list(by_name)
    for key, name in (("versions.old", lesson.BROKEN), ("versions.new", lesson.MENDED)):
        if st.session_state.get(key) not in names:
            st.session_state[key] = name
    left, right = blocks.two_columns()
    with left:
        one, two = st.columns(2)
        old = by_name[one.selectbox(t("versions.older"), names, key="versions.old", persist_state="session")]
        new = by_name[two.selectbox(t("versions.newer"), names, key="versions.new", persist_state="session")]
        with st.spinner(t("versions.comparing")):
            found = compared(old, new)
        rows = found.diff
        with st.container(horizontal=True):
            for word, count in (
                ("added", rows.rows_added),
                ("removed", rows.rows_removed),
                ("changed", rows.rows_changed),
            ):
                st.metric(t(f"versions.rows_{word}"), f"{count:,}", width=140)
        for line in found.story:
            if line.code not in ("cells", "rows"):
                st.markdown(f"- {t('versions.line', text=line.text)}")
        for version, report in ((old, found.old), (new, found.new)):
            blocking = sum(finding.severity == "block" for finding in report.failed)
            word = t("versions.keeps", name=version.name) if report.passed else t(
                "versions.breaks", name=version.name, count=blocking
            )  # fmt: skip
            blocks.verdict("pass" if report.passed else "fail", word)
        drifted = found.drift.drifted if found.drift else ()
        watched = len(found.drift.names) if found.drift else 0
        words = t("versions.drift", drifted=len(drifted), watched=watched)
        blocks.verdict("drifted" if drifted else "stable", words)
    with right:
        if not rows.cells:
            st.markdown(t("versions.no_cells", old=old.name, new=new.name))
            if rows.added_examples:
                st.markdown(t("versions.row_examples", rows="; ".join(rows.added_examples)))
            return
        most = rows.cells[0]
        provenance = "injected" if lesson.BROKEN in (old.name, new.name) else "real"
        blocks.figure(
            charts_versions.changed_cells(rows, look, value=plain("versions.share_axis")),
            alt=plain(
                "versions.cells_alt",
                old=old.name,
                new=new.name,
                columns=len(rows.cells),
                column=most.column,
                share=most.share,
            ),
            table=rows.frame(),
            key="versions.cells",
            provenance=provenance,
            caption=t("versions.cells", old=old.name, new=new.name),
        )
        examples = pd.DataFrame(
            [
                {"column": cell.column, "row": example.row, old.name: example.old, f"{new.name} ": example.new}
                for cell in rows.cells
                for example in cell.examples[:1]
            ]
        )
        with st.expander(t("versions.examples")):
            blocks.table(examples, alt=plain("versions.examples_alt"), key="versions.examples")
    blocks.code_that_ran(compare)


comparison()


# --- the mission: read the diff ---------------------------------------------------------------------------------------


def judge(hours: int, factor: float) -> None:
    """Hold the learner's reading against the two tables."""
    old, new = by_name[lesson.BROKEN], by_name[lesson.MENDED]
    key = f"{old.digest}:{new.digest}"
    clock = session.keep("versions.clock", key, lambda: lesson.read_clock(table(old), table(new)))
    lab["reading"] = lesson.Reading(hours, factor, clock, lesson.gust_factor(compared(old, new).diff))


@st.fragment
def one_day() -> None:
    """The same flights of one day and airport in both versions."""
    old, new = by_name[lesson.BROKEN], by_name[lesson.MENDED]
    days, airports = table(old)[str(course.schema.day)], sorted(table(old)["origin"].unique())
    day, place, what = st.columns([4, 3, 4])
    date = day.date_input(
        t("versions.day"), days.min() + pd.Timedelta(days=lesson.SHOWN_DAY), key="versions.day",
        min_value=days.min(), max_value=days.max(),
    )  # fmt: skip
    airport = place.selectbox(t("versions.airport"), airports, key="versions.airport")
    column = what.selectbox(t("versions.column"), lesson.SHOWN_COLUMNS, key="versions.column")
    hourly = lesson.one_day(table(old), table(new), str(date), airport, column)
    unit = course.schema.column(column).unit
    blocks.figure(
        charts_versions.one_day(
            hourly.hours,
            hourly.old,
            hourly.new,
            look,
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


if revealed:
    st.header(t("versions.wrong"), anchor=False)
    text, picture = blocks.two_columns()
    with picture:
        one_day()
    with text:
        st.markdown(t("versions.wrong_lead"))
        with st.form("versions.reading", border=False):
            shift = st.number_input(
                t("versions.hours"), lesson.HOURS[0], lesson.HOURS[-1], 0, 1, format="%+d", key="versions.hours"
            )
            factor = st.number_input(t("versions.factor"), 0.0, 10.0, 1.0, 0.001, format="%.3f", key="versions.factor")
            if st.form_submit_button(t("versions.judge"), type="primary", key="versions.judge"):
                with st.spinner(t("versions.judging")):
                    judge(int(shift or 0), float(factor or 0))
        outcome = blocks.mission(lesson.READ_DIFF, lab.get("reading"))
    if outcome.kind == "right":
        reading: lesson.Reading = lab["reading"]
        with picture:
            blocks.figure(
                charts_versions.clock(
                    reading.clock.shares,
                    reading.hours,
                    look,
                    value=plain("versions.clock_value"),
                    hours=plain("versions.clock_hours"),
                ),
                alt=plain("versions.clock_alt", best=reading.clock.best, share=reading.share),
                table=pd.DataFrame(reading.clock.shares.items(), columns=["hours", "share"]),
                key="versions.clock",
                provenance="real",
                caption=t("versions.clock"),
            )
            if st.button(t("versions.train_both"), key="versions.train_both") or lab.get("both"):
                lab["both"] = True
                with st.spinner(t("versions.training")):
                    before, after = facts_of(by_name[lesson.BROKEN]), facts_of(by_name[lesson.MENDED])
                st.markdown(
                    t("versions.metric_blind", old=lesson.BROKEN, new=lesson.MENDED, before=before.auc, after=after.auc)
                )


# --- a version of one's own -------------------------------------------------------------------------------------------


def append_week() -> None:
    """Commit the checked-out version and the week after it; compare the two from now on."""
    name, base = str(st.session_state["versions.name"]), stand.data
    try:
        if base is None:
            raise BadInput("no data version is checked out.", code="version.none", fix="Check one out.")
        frame, end = lesson.next_week(table(base), session.year(), course)
        made = versions.commit(
            workspace, frame, name=name, message=f"{base.name} and the week to {end}", lesson_date=end
        )
    except MlopsError as error:
        lab["commit_error"] = error
        return
    st.session_state.update({"versions.old": base.name, "versions.new": made.name, "versions.choice": made.name})
    st.session_state.pop("versions.name", None)
    lab["made"] = made.name


st.header(t("versions.make"), anchor=False)
with st.container(width=760):
    keeps = stand.data and session.keep(
        "versions.check", stand.data.digest, lambda: course.check(table(stand.data)).passed
    )
    if not stand.data or not keeps:
        st.markdown(t("versions.make_refused", name=now))
    else:
        st.markdown(t("versions.make_lead", name=now))
        last = table(stand.data)[str(course.schema.day)].max() + pd.Timedelta(days=7)
        st.session_state.setdefault("versions.name", f"week-{last:%Y-%m-%d}")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.text_input(t("versions.name"), key="versions.name", max_chars=80, width=320)
            st.button(t("versions.commit"), key="versions.commit", on_click=append_week, icon=":material/add_circle:")
    if "commit_error" in lab:
        blocks.problem(lab.pop("commit_error"))
    elif now and lab.get("made") == now:
        made = by_name[lab["made"]]
        st.markdown(t("versions.made", name=made.name, rows=made.rows, digest=short(made.digest), commit=made.id[:8]))


# --- the code, and further --------------------------------------------------------------------------------------------

blocks.code_cell(PAGE, lesson.CELL)

with blocks.further():
    st.markdown(t("versions.cell_lead"))
    if st.button(t("versions.cell_try"), key="versions.cell_try") or "cell" in lab:
        base = by_name[lesson.MENDED]
        lab["cell"] = session.keep("versions.cell", base.md5, lambda: lesson.warmer_by_one(table(base)))
        cost = lab["cell"]
        blocks.metrics(
            [
                blocks.Metric(t("versions.cell_needed"), "8", t("versions.cell_needed_meaning")),
                blocks.Metric(t("versions.cell_stored"), f"{cost.stored:,}", t("versions.cell_stored_meaning")),
                blocks.Metric(
                    t("versions.cell_same"), f"{cost.same / cost.before:.0%}", t("versions.cell_same_meaning")
                ),
            ]
        )
    st.markdown(t("versions.other_tools"))
    blocks.reset_panel(PAGE, "versions.old", "versions.new", "versions.day", "versions.airport", "versions.column")

blocks.next_stage(PAGE)
