"""Delivery: a candidate at the gates, a champion by compare-and-set, a policy that blocks the bad and passes the good."""

import json
from typing import Any
from urllib.parse import urlsplit

import pandas as pd
import streamlit as st

from mlops_core import exporting, gates, http, pipeline, registry, release, tracking
from mlops_core.digest import short
from mlops_core.errors import MlopsError, NotFound, Stale
from mlops_core.gates import KINDS, Verdict
from mlops_core.ledger import Ledger
from mlops_core.plain import plain as plain_value
from mlops_core.project import describe, template_of
from mlops_core.serving import SchemaError, Scorer, from_workspace
from pages.kit import blocks, charts, charts_delivery, session
from pages.kit.session import plain, t
from pages.kit.steady import steady
from tutor.lesson import delivery as lesson
from tutor.simulation import arena as arenas

PAGE = "delivery"
ASKED = ("carrier", "origin", "dest", "hour", "temp", "wind_speed", "precip", "visib")
MARGINS = (0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1)
EDITABLE = ("at_least", "margin", "p95_ms")
workspace = session.workspace()
course = template_of(workspace)
look = charts.Look(session.dark())
lab = session.lab(PAGE)


# --- what the page reads ----------------------------------------------------------------------------------------------


def arena() -> arenas.Arena:
    """The ten commits, made once on this machine."""

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
    return session.keep("delivery.coin", course.digest(course.source()), lambda: lesson.coin(arena()))


def run_pipeline() -> None:
    """The six steps, then the model as a candidate."""
    pipeline.run(workspace).raise_if_failed()
    release.log_run(workspace)


# --- the candidate at the gates ---------------------------------------------------------------------------------------


def candidates() -> dict[str, str]:
    """Run id -> words: the challenger first, then the trials, newest first."""
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
        charts_delivery.gates(decision, look, words=words, sides=(plain("delivery.worse"), plain("delivery.better"))),
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
                lab["promote_error"] = error
        st.rerun()


# --- the champion -----------------------------------------------------------------------------------------------------


def go_back(expect: int) -> None:
    """Give the alias back to the version before."""
    try:
        registry.rollback(workspace, expect=expect, reason=plain("delivery.rolled_back"))
    except MlopsError as error:
        lab["promote_error"] = error


def champion_card() -> registry.ModelVersion | None:
    """Who serves, since when, what came before, and the way back."""
    champion = registry.champion(workspace)
    if "promote_error" in lab:
        blocks.problem(lab.pop("promote_error"))
    moves = registry.history(workspace, "champion")
    with st.container(border=True, key="delivery-champion"):
        st.subheader(t("delivery.champion"), anchor=False)
        if champion is None:
            st.markdown(t("delivery.nobody"))
        else:
            st.markdown(
                t(
                    "delivery.card", version=champion.version, digest=short(champion.digest), run=champion.run_id[:8],
                    when=moves[-1].created.astimezone(), cost=champion.metrics.get("cost_per_row", float("nan")),
                )
            )  # fmt: skip
        if moves:
            line = {"promote": "delivery.move", "rollback": "delivery.move_back"}
            rows = [
                {
                    plain("delivery.head.when"): move.created.astimezone().replace(tzinfo=None),
                    plain("delivery.head.what"): plain(
                        line.get(move.kind, "delivery.move"), version=move.version or 0, previous=move.previous or 0
                    ),
                    plain("delivery.head.reason"): move.reason,
                }
                for move in moves[::-1]
            ]
            form = {plain("delivery.head.when"): st.column_config.DatetimeColumn(format="D MMM, HH:mm:ss")}
            blocks.table(
                pd.DataFrame(rows),
                alt=plain("delivery.history_alt", moves=len(moves)),
                key="delivery.history",
                column_config=form,
            )
        if champion is not None and champion.version is not None and len(moves) > 1:
            st.button(
                t("delivery.rollback"),
                key="delivery.rollback",
                icon=":material/undo:",
                on_click=go_back,
                args=(champion.version,),
            )
    return champion


# --- the policy -------------------------------------------------------------------------------------------------------


def write_policy(changes: dict[tuple[str, str], str]) -> None:
    """Write the thresholds that differ into gates.yaml."""
    try:
        for (gate, setting), key in changes.items():
            value = float(st.session_state[key])
            if value != float(_settings()[gate, setting]):
                gates.set_setting(workspace.gates, gate, setting, value)
    except MlopsError as error:
        lab["policy_error"] = error


def _settings() -> dict[tuple[str, str], float]:
    policy = gates.load_policy(workspace.gates)
    return {
        (gate.name, name): gate.settings[name] for gate in policy.gates for name in EDITABLE if name in gate.settings
    }


def policy_editor() -> None:
    """The thresholds of gates.yaml as numbers; comments and order stay."""
    st.markdown(t("delivery.policy_lead", digest=short(gates.load_policy(workspace.gates).digest)))
    keys: dict[tuple[str, str], str] = {}
    with st.form("delivery.policy", border=False):
        for (gate, setting), value in _settings().items():
            low, high = KINDS_RANGE[setting]
            keys[gate, setting] = f"delivery.policy.{gate}.{setting}"
            st.number_input(
                t("delivery.setting", gate=gate, setting=setting), low, high, float(value), key=keys[gate, setting],
                format="%.3f",
            )  # fmt: skip
        st.form_submit_button(t("delivery.write"), key="delivery.write", on_click=write_policy, args=(keys,))
    if "policy_error" in lab:
        blocks.problem(lab.pop("policy_error"))
    with st.expander("gates.yaml", icon=":material/description:"):
        st.code(workspace.gates.read_text(encoding="utf-8"), language=None)


KINDS_RANGE = {"at_least": (0.0, 1.0), "margin": (0.001, 1.0), "p95_ms": (0.1, 10_000.0)}


# --- the champion answers ---------------------------------------------------------------------------------------------


def scorer_of(champion: registry.ModelVersion) -> Scorer:
    """The champion's scorer, loaded once for its digest."""
    key = f"{workspace.root}:{champion.version}:{champion.digest}"
    costs = release.costs_of(workspace)
    return session.keep("delivery.scorer", key, lambda: from_workspace(workspace, course.schema, costs.threshold))


def real_flight(scorer: Scorer) -> dict[str, Any]:
    """The flight in the middle of the first day of the stream, as the model reads it."""
    year = session.year()
    rows = year[year[str(course.schema.day)] == pd.Timestamp(course.stream_start)]
    row = rows.iloc[len(rows) // 2]
    return {name: plain_value(row[name]) for name in scorer.features}


@st.fragment
def answers(champion: registry.ModelVersion) -> None:
    """One flight, changed at will; the answer, the same over HTTP, and what a bad row gets."""
    scorer = scorer_of(champion)
    flight = real_flight(scorer)
    left, right = blocks.two_columns()
    with left:
        shown = [name for name in ASKED if name in flight]
        columns = st.columns(2)
        for at, name in enumerate(shown):
            flight[name] = ask(columns[at % 2], name, flight[name])
        try:
            answer = scorer.score([flight])[0]
        except MlopsError as error:
            blocks.problem(error)
            return
        word = "delivery.flagged" if answer.flagged else "delivery.not_flagged"
        blocks.metrics(
            [blocks.Metric(t("delivery.probability"), f"{answer.probability:.1%}", t(word, threshold=answer.threshold))]
        )
        if answer.unseen:
            blocks.note(t("delivery.unseen", columns=", ".join(answer.unseen)))
    with right:
        token, place = describe(workspace)["token"], urlsplit(str(st.context.url or ""))
        base = f"{place.scheme}://{place.netloc}" if place.scheme in ("http", "https") else "http://127.0.0.1:8501"
        body = json.dumps({"rows": [flight]}).replace("'", "")
        st.markdown(t("delivery.http"))
        st.code(
            f"curl -s {base}/api/w/{token}/predict \\\n  -H 'Content-Type: application/json' \\\n  -d '{body}'",
            language=None, wrap_lines=True,
        )  # fmt: skip
        st.code(json.dumps({"answers": [answer.to_dict()]}, indent=1), language=None, wrap_lines=True)
        wrong = {("temperature" if name == "temp" else name): value for name, value in flight.items()}
        try:
            scorer.score([wrong])
        except SchemaError as error:
            reply = http.reply_to(error)
            st.markdown(t("delivery.refused", status=reply.status, column=error.column))
            st.code(json.dumps(dict(reply.body), indent=1), language=None, wrap_lines=True)


def ask(place: Any, name: str, value: Any) -> Any:
    """A field for one column, with the range the schema promises."""
    column, key = course.schema.column(name), f"delivery.flight.{name}"
    label = f"{name} ({column.unit})" if column.unit else name
    if column.kind == "category":
        return place.text_input(label, str(value), key=key, max_chars=10)
    if column.integer:
        return place.number_input(label, value=int(value or 0), step=1, key=key)
    return place.number_input(label, value=float(value or 0.0), key=key)


# --- the arena --------------------------------------------------------------------------------------------------------


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
            commits, passed, look, names=names, truth=truth, value=plain("delivery.above"),
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


def the_arena() -> None:
    """Controls, mission, result."""
    st.header(t("delivery.arena_title"), anchor=False)
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


# --- the page ---------------------------------------------------------------------------------------------------------

blocks.section_head(PAGE)
last = pipeline.last_run(workspace)
if last is None or not last.passed:
    blocks.empty_state(
        t("delivery.empty"),
        t("delivery.empty_run"),
        run_pipeline,
        key="delivery.first",
        doing=t("delivery.empty_doing"),
    )
    blocks.next_stage(PAGE)
    st.stop()

story, instrument = blocks.two_columns()
with story:
    st.markdown(t("delivery.story"))
    revealed = blocks.predict(lesson.EQUAL, coin)
    if revealed:
        found = coin()
        blocks.figure(
            charts_delivery.shares(
                [plain("delivery.naive"), plain("delivery.proven")], [found.naive, found.proven], look,
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
with instrument:
    st.subheader(t("delivery.candidate"), anchor=False)
    offered = candidates()
    if not offered:
        blocks.empty_state(
            t("delivery.unlogged"), t("delivery.log"), lambda: release.log_run(workspace), key="delivery.log"
        )
    else:
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
        if "gate_error" in lab:
            blocks.problem(lab.pop("gate_error"))
        decided(run_id)

st.header(t("delivery.serving"), anchor=False)
left, right = blocks.two_columns()
with left:
    champion = champion_card()
with right:
    st.subheader(t("delivery.policy"), anchor=False)
    policy_editor()
if champion is not None:
    st.header(t("delivery.answers"), anchor=False)
    try:
        answers(champion)
    except NotFound as error:
        blocks.problem(error)

if revealed:
    the_arena()

st.header(t("delivery.four"), anchor=False)
left, right = blocks.two_columns()
with left:
    st.markdown(t("delivery.four_lines"))
with right:
    st.markdown(t("delivery.export_lead"))
    known = exporting.exporters()
    if not known:
        st.markdown(t("delivery.export_none"))
    with st.container(horizontal=True):
        for name in sorted(known):
            if st.button(t("delivery.export", name=name), key=f"delivery.export.{name}", icon=":material/file_export:"):
                try:
                    lab["exported"] = exporting.write(workspace, name)
                except MlopsError as error:
                    blocks.problem(error)
    for path in lab.get("exported", ()):
        with st.expander(path, icon=":material/description:"):
            st.code((workspace.root / path).read_text(encoding="utf-8"), language=None)

blocks.code_cell(PAGE, lesson.CELL)
with blocks.further():
    st.markdown(t("delivery.further"))
blocks.next_stage(PAGE)
