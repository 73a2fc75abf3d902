"""Loop: live the year week by week; what monitoring finds becomes the next data version, or a reason to wait."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from mlops_core import pipeline, registry
from mlops_core.bill import Bill, WeekBill, week_bill
from mlops_core.digest import digest_value
from mlops_core.errors import MlopsError
from mlops_core.ledger import Ledger
from mlops_core.loop import Entry, Loop
from mlops_core.models import model_bytes
from mlops_core.params import read_params
from mlops_core.pins import pins
from mlops_core.project import template_of
from mlops_core.reference import champion_baseline
from mlops_core.release import costs_of, latency
from mlops_core.renewal import renew
from mlops_core.training import spec_of
from pages.kit import blocks, charts, charts_loop, session
from pages.kit.session import plain, t
from pages.kit.steady import steady
from tutor.lesson import loop as lesson

PAGE = "loop"
ICONS = {"data": "database", "pipeline": "account_tree", "gate": "verified", "serve": "flight_takeoff"}
ICONS |= {"monitor": "monitor_heart", "decide": "psychology"}
SETTINGS = ("trigger", "cooldown_days", "holdout_days")
workspace = session.workspace()
course = template_of(workspace)
look = charts.Look(session.dark())
lab = session.lab(PAGE)
year = session.year()
ledger = Ledger(workspace)


def kept_policy() -> dict[str, object]:
    """What the learner has settled on; it survives a reload. Without a trigger nothing has been decided yet."""
    kept = session.progress().note("loop.policy")
    return json.loads(kept) if kept else {}


def keep_policy() -> None:
    chosen = {name: st.session_state[f"loop.{name}"] for name in SETTINGS}
    session.progress().note("loop.policy", json.dumps(chosen))


policy = kept_policy()
loop = Loop(workspace, year, retraining=lesson.retraining(policy))
story = loop.story()
champion = registry.champion(workspace)
moves = registry.history(workspace, "champion")


# What the page does and reads.


def sentence(entry: Entry) -> str:
    """One thing that happened: the icon of its stage, the day, its words."""
    day = f"{pd.Timestamp(entry.date):%-d %b}"
    return f":material/{ICONS.get(entry.stage, 'circle')}: {t('loop.entry', day=day, text=entry.text)}"


def baseline() -> object:
    """What is normal for the champion of this moment."""
    now = registry.champion(workspace)
    if now is None:
        return None
    key = digest_value([now.digest, now.data_id, read_params(workspace.params)["costs"]])
    return session.keep("loop.baseline", key, lambda: champion_baseline(workspace))


def live(weeks: int) -> None:
    """Begin (0) or live some weeks, telling what happens; a second click waits until they are whole."""
    with st.status(t("loop.living") if weeks else t("loop.beginning"), expanded=True) as status, steady() as say:
        telling = replace(loop, on_entry=lambda entry: say(lambda: status.markdown(sentence(entry))))
        try:
            if not weeks:
                telling.begin()
            for _ in range(weeks):
                if telling.next_week <= telling.last_day:
                    telling.advance(baseline())
        except MlopsError as error:
            lab["error"] = error
    st.rerun()


def bill() -> Bill:
    """What each week has cost, four ways; a week is reckoned once."""
    digests = {version.version: version.digest for version in registry.versions(workspace)}
    first = next(move.version for move in moves if move.version is not None)
    costs = read_params(workspace.params)["costs"]

    def reckon(week: Entry) -> WeekBill:
        facts = {name: week.values[name] for name in ("start", "end", "as_of", "champion")}
        key = digest_value([facts, digests[facts["champion"]], digests[first], costs, course.digest(course.source())])
        return session.keep("loop.bill", key, lambda: week_bill(workspace, year, facts, first=first))

    return Bill(tuple(reckon(week) for week in story.weeks))


def scenario() -> lesson.Relapse:
    """Three models on a feed that came in hours."""
    model, seed, costs = (read_params(workspace.params)[name] for name in ("model", "seed", "costs"))

    def train() -> lesson.Relapse:
        rows = model["rows"] or None
        return lesson.relapse(year, course.schema, spec_of(model, ()), costs_of(workspace), seed=seed, rows=rows)

    with st.spinner(t("loop.retraining")):
        return session.keep("loop.relapse", digest_value([model, seed, costs, course.digest(course.source())]), train)


def forget() -> None:
    """Ask before everything goes."""
    lab["asked"] = True


def begin_again() -> None:
    lab.clear()
    try:
        renew(workspace)
    except MlopsError as error:
        lab["error"] = error


# --- story and prediction ---------------------------------------------------------------------------------------------

blocks.section_head(PAGE)
if "error" in lab:
    blocks.problem(lab.pop("error"))

text, instrument = blocks.two_columns()
with text:
    st.markdown(t("loop.story", start=f"{pd.Timestamp(course.stream_start):%-d %B}", price=lesson.PRICE))
    if blocks.predict(lesson.RETRAIN, scenario):
        st.markdown(t("loop.principle"))


# --- begin, or live ---------------------------------------------------------------------------------------------------


def policy_controls() -> None:
    """Which alarm is an action; used from the next week on."""
    now = loop.retraining
    names, chosen = list(lesson.TRIGGERS), policy.get("trigger")
    st.radio(
        t("loop.policy"),
        names,
        index=names.index(chosen) if chosen in names else None,
        key="loop.trigger",
        on_change=keep_policy,
        format_func=lambda code: plain(f"loop.trigger.{code}"),
        horizontal=True,
    )
    with st.expander(t("loop.policy_more"), icon=":material/tune:"):
        left, right = st.columns(2)
        left.number_input(
            t("loop.cooldown_days"), 0, 364, now.cooldown_days, 7, key="loop.cooldown_days", on_change=keep_policy
        )
        right.number_input(
            t("loop.holdout_days"), 7, 84, now.holdout_days, 7, key="loop.holdout_days", on_change=keep_policy
        )
        blocks.note(t("loop.policy_help", price=lesson.PRICE))


with instrument:
    if champion is None or not story.entries:
        with st.container(border=True, key="loop.empty"):
            if champion is not None:
                st.markdown(t("loop.serving", version=champion.version))
            else:
                st.markdown(t("loop.kept_out") if story.of("loop.kept") else t("loop.empty"))
            if st.button(t("loop.begin"), type="primary", key=f"loop.begin.{len(story.entries)}"):
                live(0)
    else:
        over = loop.next_week > loop.last_day
        monday = f"{loop.next_week:%Y-%m-%d}"
        if story.weeks:
            blocks.figure(
                charts_loop.timeline(
                    story.weeks, moves, look, value=plain("loop.cost_axis"),
                    names=(plain("loop.normal"), plain("loop.cost"), plain("loop.alarm")),
                ),
                alt=plain(
                    "loop.timeline_alt",
                    weeks=len(story.weeks),
                    alarms=sum(bool(week.values["alarms"]) for week in story.weeks),
                    moves=len(moves),
                ),
                table=lesson.week_table(story.weeks),
                key="loop.timeline",
                provenance="real",
                caption=t("loop.timeline"),
            )  # fmt: skip
        else:
            st.markdown(t("loop.ready", version=champion.version, day=f"{loop.next_week:%-d %B}"))
        policy_controls()
        halted = over or not policy.get("trigger")
        with st.container(horizontal=True, vertical_alignment="center"):
            label = t("loop.week", day=f"{loop.next_week:%-d %b}")
            one = st.button(
                label, type="primary", icon=":material/skip_next:", key=f"loop.one.{monday}", disabled=halted
            )
            four = st.button(t("loop.four"), icon=":material/fast_forward:", key=f"loop.four.{monday}", disabled=halted)
        if halted:
            st.markdown(t("loop.over") if over else t("loop.decide_first"))
        if one or four:
            live(4 if four else 1)


# --- the week, the money, the mission ---------------------------------------------------------------------------------

if champion and story.weeks:
    last = story.weeks[-1]
    board = last.values
    st.header(t("loop.board", day=f"{pd.Timestamp(last.date):%-d %B}"), anchor=False)
    realised, estimated = board["realised"], board["estimated"]
    blocks.metrics(
        [
            blocks.Metric(t("loop.flights"), f"{board['rows']:,}", t("loop.flights_meaning", known=board["known"])),
            blocks.Metric(
                t("loop.realised"),
                f"{realised['cost_per_row']:.3f}" if realised else "–",
                t("loop.realised_meaning", low=board["expected"]["low"], high=board["expected"]["high"]),
            ),
            blocks.Metric(
                t("loop.estimated"),
                f"{estimated['cost_per_row']:.3f}" if estimated else "–",
                t("loop.estimated_meaning"),
            ),
            blocks.Metric(
                t("loop.drifted"),
                str(len(board["drifted"])),
                t("loop.drifted_meaning", columns=", ".join(board["drifted"][:4]) or plain("loop.none")),
            ),
            blocks.Metric(
                t("loop.champion"),
                f"v{champion.version}",
                t("loop.champion_meaning", digest=champion.digest[:8], moves=len(moves)),
            ),
        ]
    )
    told, money = blocks.two_columns()
    with told:
        st.subheader(t("loop.log"), anchor=False)
        with st.container(height=520, border=True, key="loop.log"):
            for group in lesson.by_week(story.entries):
                st.markdown("\n".join(f"- {sentence(entry)}" for entry in group))
    costs_so_far = bill()
    with money:
        st.subheader(t("loop.money"), anchor=False)
        blocks.figure(
            charts_loop.four_ways(
                costs_so_far, [plain(f"loop.way.{way}") for way in ("never", "always", "first", "desk")], look,
                value=plain("loop.cost_axis"),
            ),
            alt=plain(
                "loop.money_alt", desk=costs_so_far.per_row("desk"), first=costs_so_far.per_row("first"),
                never=costs_so_far.per_row("never"), always=costs_so_far.per_row("always"),
            ),
            table=costs_so_far.frame(),
            key="loop.money",
            provenance="real",
        )  # fmt: skip
        lived = lesson.Lived(story.entries, moves, ledger.versions(), ledger.events("gate"), costs_so_far)
        blocks.chip("simulated")
        st.markdown(
            t(
                "loop.budget",
                day=f"{pd.Timestamp(lesson.DEADLINE):%-d %B}",
                saved=lived.saved,
                retrainings=lived.retrainings,
                price=lived.price,
                budget=lived.budget,
            )
        )
        blocks.mission(lesson.FIVE_MINUTES, lived, price=lesson.PRICE, day=f"{pd.Timestamp(lesson.DEADLINE):%-d %B}")


# --- what stays -------------------------------------------------------------------------------------------------------


def measured() -> tuple[float, int]:
    """The champion's 95th percentile over calls of 100 rows (ms), and its bytes."""
    model = registry.load(workspace)
    rows = year.tail(1000)
    return float(np.percentile(latency(model, rows), 95)), len(model_bytes(model))


if champion and len(story.weeks) >= lesson.CLOSING:
    st.header(t("loop.closing"), anchor=False)
    stand, run = pins(workspace), pipeline.last_run(workspace)
    gates = [event.detail["outcome"] for event in ledger.events("gate")]
    harmed = [week for week in story.weeks if any(a["kind"] == "realised" for a in week.values["alarms"])]
    drifting = [week for week in story.weeks if week.values["drifted"]]
    replies = [reply for reply in lesson.answered(story.entries) if reply.days is not None]
    numbers = {
        "automate": {
            "reused": sum(step.status == "reused" for step in run.steps) if run else 0,
            "steps": len(run.steps) if run else 0,
            "entries": len(story.entries),
            "weeks": len(story.weeks),
        },
        "pin": {
            "commit": stand.commit[:8],
            "data": stand.data.name if stand.data else "–",
            "model": champion.version,
            "environment": stand.environment[:8],
        },
        "gate": {"judged": len(gates), "passed": gates.count("pass"), "stopped": len(gates) - gates.count("pass")},
        "drift": {"drifting": len(drifting), "weeks": len(story.weeks), "harmed": len(harmed)},
        "diagnose": {"retrainings": lived.retrainings, "moves": max(0, len(moves) - 1)},
        "close": {
            "days": replies[0].days if replies else 0,
            "saved": costs_so_far.saved("first"),
            "replies": len(replies),
        },
    }
    with st.container(width=900):
        for number, (name, values) in enumerate(numbers.items(), start=1):
            st.markdown(f"{number}. {t(f'loop.takeaway.{name}', **values)}")
    speed, size = session.keep("loop.measured", champion.digest, measured)
    st.subheader(t("loop.after"), anchor=False)
    blocks.metrics(
        [
            blocks.Metric(t("loop.p95"), f"{speed:.0f} ms", t("loop.p95_meaning")),
            blocks.Metric(t("loop.bytes"), f"{size:,}", t("loop.bytes_meaning")),
        ]
    )
    with st.container(width=760):
        st.markdown(t("loop.next_lesson"))


# --- code, further, begin again ---------------------------------------------------------------------------------------

blocks.code_cell(PAGE, lesson.CELL)

with blocks.further():
    st.markdown(t("loop.further"))
    blocks.code_that_ran(Loop.advance, Loop._act, Loop._retrain)
    if lab.get("asked"):
        st.warning(t("loop.reset_warning"), icon=":material/warning:")
        with st.container(horizontal=True):
            st.button(t("loop.reset_yes"), type="primary", key="loop.reset_yes", on_click=begin_again)
            st.button(t("loop.reset_no"), key="loop.reset_no", on_click=lab.clear)
    else:
        st.button(t("loop.reset"), icon=":material/restart_alt:", key="loop.reset_year", on_click=forget)

blocks.next_stage(PAGE)
