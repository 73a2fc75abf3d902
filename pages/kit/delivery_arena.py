"""The arena on the screen: ten commits whose truth is known, two gates for equal models, and a policy of one's own.

revealed = blocks.predict(lesson.EQUAL, coin)
arena_panel()
"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from mlops_core import gates
from mlops_core.project import template_of
from pages.kit import blocks, charts_delivery, session
from pages.kit.delivery_gates import PAGE, look
from pages.kit.session import plain, t
from pages.kit.steady import steady
from tutor.lesson import delivery as lesson
from tutor.simulation import arena as arenas

MARGINS = (0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1)


def arena() -> arenas.Arena:
    """The ten commits, made once on this machine."""
    course = template_of(session.workspace())

    def work() -> arenas.Arena:
        bar, done = st.progress(0.0, plain("delivery.building")), list[str]()

        def on_commit(code: str) -> None:
            done.append(code)
            words = plain("delivery.built", name=plain(f"delivery.commit.{code}"))
            say(lambda: bar.progress(len(done) / len(arenas.CODES), words))

        with steady() as say:
            found = arenas.build(session.year(), course.schema, course.costs, on_commit=on_commit)
        bar.empty()
        return found

    return session.keep("delivery.arena", course.digest(course.source()), work)


def coin() -> lesson.Coin:
    """Two equally good models at two gates."""
    course = template_of(session.workspace())
    return session.keep("delivery.coin", course.digest(course.source()), lambda: lesson.coin(arena()))


def coin_picture() -> None:
    """How often each of the two gates promotes a model that is no better, after the prediction."""
    found = coin()
    blocks.figure(
        charts_delivery.shares(
            [plain("delivery.naive"), plain("delivery.proven")], [found.naive, found.proven], look(),
            value=plain("delivery.share"), promised=lesson.TWO_RULES.gates[1].settings["alpha"],
        ),
        alt=plain("delivery.shares_alt", naive=found.naive, proven=found.proven, draws=found.draws),
        table=pd.DataFrame({"rule": [lesson.NAIVE, lesson.PROVEN], "share": [found.naive, found.proven]}),
        key="delivery.shares",
        provenance="real",
        caption=t("delivery.shares", draws=found.draws),
    )  # fmt: skip
    st.markdown(t("delivery.principle"))
    blocks.code_that_ran(gates.shares, lesson.coin)


def settings() -> lesson.Settings:
    """The policy that the learner writes, from the controls."""
    names = {rule: t(f"delivery.rule.{rule}") for rule in lesson.RULES}
    rule = st.radio(t("delivery.rule_label"), lesson.RULES, 1, format_func=names.__getitem__, key="delivery.rule")
    calm = lesson.Settings()
    margin, slack, budget, least = calm.margin, calm.airport_margin, calm.p95_ms, calm.at_least
    if rule == "not_worse":
        margin = st.select_slider(t("delivery.margin"), MARGINS, margin, key="delivery.margin", persist_state="session")
    st.markdown(f"**{t('delivery.others_on')}**")
    inputs = st.toggle(t("delivery.gate_inputs"), False, key="delivery.on.inputs")
    airports = st.toggle(t("delivery.gate_airports"), False, key="delivery.on.airports")
    if airports:
        slack = st.number_input(
            t("delivery.airport_margin"), 0.002, 0.2, slack, 0.005, format="%.3f", key="delivery.slack"
        )
    fast = st.toggle(t("delivery.gate_latency"), False, key="delivery.on.latency")
    if fast:
        budget = st.number_input(t("delivery.budget"), 1.0, 2000.0, budget, 10.0, key="delivery.budget")
    floor = st.toggle(t("delivery.gate_floor"), False, key="delivery.on.floor")
    if floor:
        least = st.number_input(t("delivery.at_least"), 0.5, 0.99, least, 0.01, key="delivery.least")
    return lesson.Settings(
        rule=str(rule), margin=float(margin), inputs=inputs, airports=airports, airport_margin=float(slack), latency=fast,
        p95_ms=float(budget), floor=floor, at_least=float(least),
    )  # fmt: skip


def arena_result(done: lesson.Trialled) -> None:
    """Every commit: what it truly costs, whether it went live, which gate stopped it."""
    commits, score = arena().commits, done.score
    passed = [score is None or score.decisions[commit.code].passed for commit in commits]
    names = [plain(f"delivery.commit.{commit.code}") for commit in commits]
    truth = [plain(f"delivery.truth.{commit.truth}") for commit in commits]
    stops = [lesson.stopped_by(score.decisions[commit.code].verdicts) if score else "" for commit in commits]
    table = pd.DataFrame(
        {
            plain("delivery.head.commit"): names,
            plain("delivery.head.truth"): truth,
            plain("delivery.head.live"): [plain("delivery.live" if live else "delivery.out") for live in passed],
            plain("delivery.head.stopped"): stops,
            plain("delivery.head.above"): [round(commit.above, 4) for commit in commits],
            plain("delivery.head.shown"): [len(commit.evidence.frame) for commit in commits],
        }
    )
    blocks.figure(
        charts_delivery.arena(
            commits, passed, look(), names=names, truth=truth, value=plain("delivery.above"),
            words=(plain("delivery.live"), plain("delivery.out")),
        ),
        alt=plain(
            "delivery.arena_alt", commits=done.commits, passed_bad=done.passed_bad, bad=done.bad,
            blocked_good=done.blocked_good, good=done.good,
        ),
        table=table,
        key="delivery.arena",
        provenance="injected",
        caption=t("delivery.arena"),
    )  # fmt: skip
    with st.expander(t("delivery.arena_policy"), icon=":material/description:"):
        st.code(done.settings.text(), language=None)


def arena_panel() -> None:
    """Controls, mission, result."""
    lab = session.lab(PAGE)
    names = {code: plain(f"delivery.commit.{code}") for code in arenas.CODES}
    left, right = blocks.two_columns()
    with left:
        st.markdown(t("delivery.arena_lead", commits=len(arenas.CODES)))
        wanted = settings()
        if st.button(
            t("delivery.put_through"), type="primary", key="delivery.put_through", icon=":material/play_arrow:"
        ):
            with st.spinner(t("delivery.putting")):
                lab["arena"] = lesson.put_through(arena(), wanted, names)
    done: lesson.Trialled | None = lab.get("arena")
    with right:
        if done is not None:
            if done.settings != wanted:
                blocks.note(t("delivery.arena_stale"))
            arena_result(done)
        blocks.mission(lesson.ARENA, done)
