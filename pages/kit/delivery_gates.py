"""The candidate at the gates on the screen: choose a run, judge it, read every gate, promote what has passed.

candidate_panel()          # in the page's right column, once the pipeline has run
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from mlops_core import gates, pipeline, registry, release, tracking
from mlops_core.digest import short
from mlops_core.errors import MlopsError, Stale
from mlops_core.gates import KINDS, Verdict
from mlops_core.ledger import Ledger
from pages.kit import blocks, charts, charts_delivery, session
from pages.kit.session import plain, t
from pages.kit.steady import steady

PAGE = "delivery"


def look() -> charts.Look:
    """The colours of this browser's theme."""
    return charts.Look(session.dark())


def run_pipeline() -> None:
    """The six steps, then the model as a candidate."""
    workspace = session.workspace()
    pipeline.run(workspace).raise_if_failed()
    release.log_run(workspace)


def candidates() -> dict[str, str]:
    """Run id -> words: the challenger first, then the trials, newest first."""
    workspace = session.workspace()
    challenger = registry.challenger(workspace)
    found: dict[str, str] = {}
    if challenger is not None:
        found[challenger.run_id] = plain("delivery.challenger", version=challenger.version)
    for record in reversed(tracking.trials(workspace)):
        if record.status == "FINISHED":
            words = plain("delivery.trial", name=record.name, run=record.run_id[:6])
            found[record.run_id] = f"{found[record.run_id]} · {words}" if record.run_id in found else words
    return found


def judge(run_id: str) -> None:
    """Run the gates; the decision is kept with the policy and the champion it was made against."""
    workspace = session.workspace()
    lab = session.lab(PAGE)
    champion = registry.champion(workspace)
    try:
        decision = release.judge(workspace, run_id)
    except MlopsError as error:
        lab["gate_error"] = error
        return
    lab["judged"] = (run_id, decision, champion.version if champion else None)


def number(value: float | None, verdict: Verdict) -> str:
    """A verdict's number with the digits it deserves."""
    if value is None:
        return "–"
    value += 0.0  # never "-0"
    return f"{value:.0f}" if verdict.unit == "columns" or verdict.kind == "schema" else f"{value:.4g}"


def one_gate(verdict: Verdict) -> None:
    """One gate as a step: what was found, against what, on how many, why it matters, what to do."""
    icons = {"pass": "check_circle", "fail": "cancel", "inconclusive": "help", "skipped": "do_not_disturb_on"}
    colour = {"pass": "green", "fail": "red", "inconclusive": "orange", "skipped": "gray"}[verdict.outcome]
    label = f"{t('delivery.gate', name=verdict.gate)} :{colour}[**{t(f'verdict.{verdict.outcome}')}**]"
    with st.expander(label, icon=f":material/{icons[verdict.outcome]}:", key=f"delivery.gate.{verdict.gate}"):
        st.markdown(t("delivery.reason", text=verdict.reason))
        if verdict.value is not None:
            st.markdown(
                t(
                    "delivery.numbers", value=number(verdict.value, verdict), low=number(verdict.low, verdict),
                    high=number(verdict.high, verdict), threshold=number(verdict.threshold, verdict), n=verdict.n,
                    unit=verdict.unit, days=verdict.days, seconds=verdict.seconds,
                )
            )  # fmt: skip
        st.markdown(t("delivery.why", text=KINDS[verdict.kind].why))
        if verdict.fix:
            st.markdown(t("delivery.fix", text=verdict.fix))
        for part in verdict.parts:
            if part.value is not None:
                st.markdown(
                    t("delivery.part", name=part.name, value=part.value, low=part.low, high=part.high, n=part.n)
                )


def decided(run_id: str) -> None:
    """The decision of this session, or what the ledger kept of an earlier one."""
    workspace = session.workspace()
    lab = session.lab(PAGE)
    policy = gates.load_policy(workspace.gates)
    if "judged" in lab and lab["judged"][0] == run_id:
        _, decision, against = lab["judged"]
        if decision.policy_digest != policy.digest:
            st.warning(t("delivery.moved", old=short(decision.policy_digest), new=short(policy.digest)))
        show(decision)
        if decision.policy_digest == policy.digest:
            promotion(run_id, decision, against)
        return
    earlier = [event for event in Ledger(workspace).events("gate") if event.subject == run_id]
    if not earlier:
        st.markdown(t("delivery.not_judged", gates=len(policy.gates), digest=short(policy.digest)))
        return
    kept = earlier[-1].detail
    outcomes: Any = kept["verdicts"]
    st.markdown(t("delivery.earlier", digest=short(str(kept["policy"])), when=earlier[-1].created.astimezone()))
    st.markdown(
        " ".join(blocks.badge(outcome, f"{name}: {t(f'verdict.{outcome}')}") for name, outcome in outcomes.items())
    )


def show(decision: gates.Decision) -> None:
    """The decision in a word, every gate on one scale, every gate in a step."""
    blocks.verdict(decision.outcome, t(f"delivery.decision.{decision.outcome}"))
    words = {
        v.gate: plain("delivery.line", gate=v.gate, value=number(v.value, v), threshold=number(v.threshold, v))
        if v.value is not None
        else plain("delivery.line_skipped", gate=v.gate, word=plain(f"verdict.{v.outcome}"))
        for v in decision.verdicts
    }
    blocks.figure(
        charts_delivery.gates(decision, look(), words=words, sides=(plain("delivery.worse"), plain("delivery.better"))),
        alt=plain(
            "delivery.gates_alt", gates=len(decision.verdicts), outcome=decision.outcome,
            blocking=", ".join(v.gate for v in decision.blocking) or "-",
        ),
        table=decision.frame()[["gate", "outcome", "value", "low", "high", "threshold", "n", "unit", "days", "reason"]],
        key="delivery.gates",
        provenance="real",
        caption=t("delivery.gates"),
    )  # fmt: skip
    blocks.note(t("delivery.policy_of", digest=short(decision.policy_digest)))
    for verdict in decision.verdicts:
        one_gate(verdict)


def promotion(run_id: str, decision: gates.Decision, against: int | None) -> None:
    """Promote what has passed, if the champion is still the one it was judged against."""
    workspace = session.workspace()
    champion = registry.champion(workspace)
    if champion is not None and champion.run_id == run_id:
        blocks.verdict("pass", t("delivery.is_champion", version=champion.version))
        return
    if not decision.passed:
        st.markdown(t("delivery.stays"))
        return
    reason = st.text_input(t("delivery.reason_input"), key="delivery.reason", max_chars=120)
    if st.button(t("delivery.promote"), type="primary", key="delivery.promote", icon=":material/publish:"):
        with st.spinner(t("delivery.promoting")), steady():
            try:
                now = champion.version if champion else None
                if now != against:
                    raise Stale(plain("delivery.stale"), code="alias.stale", fix=plain("delivery.stale_fix"))
                release.release(workspace, run_id, decision, reason=str(reason or ""))
            except MlopsError as error:
                session.lab(PAGE)["promote_error"] = error
        st.rerun()


def candidate_panel() -> None:
    """Choose a run, put it through the gates, see the decision."""
    st.subheader(t("delivery.candidate"), anchor=False)
    offered = candidates()
    if not offered:
        blocks.empty_state(
            t("delivery.unlogged"), t("delivery.log"), lambda: release.log_run(session.workspace()), key="delivery.log"
        )
        return
    if st.session_state.get("delivery.run") not in offered:
        st.session_state["delivery.run"] = next(iter(offered))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        run_id = str(
            st.selectbox(
                t("delivery.choose"), list(offered), format_func=offered.__getitem__, key="delivery.run", width=420
            )
        )
        if st.button(t("delivery.judge"), type="primary", key="delivery.judge", icon=":material/verified:"):
            with st.spinner(t("delivery.judging")), steady():
                judge(run_id)
    lab = session.lab(PAGE)
    if "gate_error" in lab:
        blocks.problem(lab.pop("gate_error"))
    decided(run_id)
