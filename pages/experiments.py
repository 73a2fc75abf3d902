"""Experiments: launch runs, tell a better model from a lucky one, run one again, name a challenger."""

from typing import Any

import pandas as pd
import streamlit as st

from mlops_core import experiments, pipeline, registry, release, tracking, trials
from mlops_core.digest import digest_value, short
from mlops_core.errors import MlopsError
from mlops_core.experiments import TrialComparison
from mlops_core.params import read_params
from mlops_core.project import template_of
from mlops_core.tracking import TrialRecord
from pages.kit import blocks, charts, charts_experiments, session
from pages.kit.session import plain, t
from pages.kit.steady import steady
from tutor.lesson import experiments as lesson

PAGE = "experiments"
MOST = 12
GRID: dict[str, tuple[float, ...]] = {
    "max_leaf_nodes": (7, 15, 31, 63), "learning_rate": (0.03, 0.06, 0.1, 0.2), "max_iter": (30, 60, 120, 200)
}  # fmt: skip
workspace = session.workspace()
course = template_of(workspace)
look = charts.Look(session.dark())
lab = session.lab(PAGE)


# --- what the page reads ----------------------------------------------------------------------------------------------


def finished() -> tuple[TrialRecord, ...]:
    """Every trial that ended well, newest first."""
    return tuple(record for record in tracking.trials(workspace) if record.status == "FINISHED")[::-1]


def compared(run_a: str, run_b: str) -> TrialComparison:
    """Two trials on the flights both were judged on, at today's prices; a run itself never changes."""
    costs = release.costs_of(workspace)
    key = f"{workspace.root}:{run_a}:{run_b}:{costs}"
    return session.keep(
        "experiments.compare", key, lambda: experiments.compare_trials(workspace, run_a, run_b, costs=costs)
    )


def name_of(record: TrialRecord) -> str:
    """A trial in one line: name, cost, start of its id."""
    return plain(
        "experiments.trial",
        name=record.name,
        cost=record.metrics.get("cost_per_row", float("nan")),
        run=record.run_id[:6],
    )


def run_pipeline() -> None:
    """The six steps, then the model as the first trial of the list."""
    pipeline.run(workspace).raise_if_failed()
    release.log_run(workspace)


def lottery() -> lesson.Lottery:
    """Fifty runs, fitted once on this machine for the rows of this split."""
    outputs = last.outputs
    key = digest_value([outputs["split"], outputs["ingest"], read_params(workspace.params)["costs"]])

    def work() -> lesson.Lottery:
        bar = st.progress(0.0, plain("experiments.fitting", run=0, runs=lesson.SEEDS))

        def on_run(run: int) -> None:
            say(lambda: bar.progress(run / lesson.SEEDS, plain("experiments.fitting", run=run, runs=lesson.SEEDS)))

        with steady() as say:
            found = lesson.lottery(
                release.training_rows(workspace),
                release.held_out(workspace),
                course.schema,
                release.costs_of(workspace),
                on_run=on_run,
            )
        bar.empty()
        return found

    return session.keep("experiments.lottery", key, work)


# --- launch -----------------------------------------------------------------------------------------------------------


def asked() -> tuple[list[dict[str, Any]], int]:
    """The grids that the controls ask for, and how many trials that makes."""
    kinds = st.multiselect(
        t("experiments.kinds"), ["boosting", "logistic", "dummy"], ["boosting", "logistic"], key="experiments.kinds"
    )
    values: dict[str, list[float]] = {}
    columns = st.columns(3)
    for column, (name, choices) in zip(columns, GRID.items(), strict=True):
        default = [read_params(workspace.params)["model"][name]]
        offered = sorted({*choices, *default})
        values[name] = column.multiselect(name, offered, default, key=f"experiments.{name}")
    seeds = st.slider(t("experiments.seeds"), 1, 5, 2, key="experiments.seeds")
    grids: list[dict[str, Any]] = []
    if "boosting" in kinds and all(values.values()):
        grids.append({"model.kind": ["boosting"], **{f"model.{name}": chosen for name, chosen in values.items()}})
    grids += [{"model.kind": [kind]} for kind in kinds if kind != "boosting"]
    return grids, seeds * sum(len(trials.combinations(grid)) for grid in grids)


def launch(grids: list[dict[str, Any]], total: int) -> None:
    """Train what is not logged yet, one line a trial; a second click changes nothing."""
    seeds, done = int(st.session_state["experiments.seeds"]), 0
    with st.status(t("experiments.launching", trials=total), expanded=True) as status, steady() as say:

        def on_trial(trial: experiments.Trial) -> None:
            nonlocal done
            done += 1
            words = t(
                "experiments.trial_done", kind=str(trial.params["kind"]), seed=trial.params["seed"],
                cost=trial.metrics.cost_per_row, auc=trial.metrics.auc or 0.5,
            )  # fmt: skip
            say(lambda: st.markdown(words))

        try:
            with workspace.lock():
                for grid in grids:
                    trials.sweep(workspace, grid, seeds=seeds, reuse=True, on_trial=on_trial)
        except MlopsError as error:
            trouble = error
            say(lambda: blocks.problem(trouble))
            say(lambda: status.update(state="error"))
            return
        lab["launched"] = (done, total)
    for key in ("experiments.a", "experiments.b", "experiments.chosen") if done else ():
        st.session_state.pop(key, None)  # begin with the cheapest again
    st.rerun()  # the map, the table and the choices know the new runs


def launcher() -> None:
    """Controls, the count, the button."""
    st.subheader(t("experiments.launch"), anchor=False)
    grids, total = asked()
    if not 1 <= total <= MOST:
        blocks.note(t("experiments.too_many", trials=total, most=MOST))
    pressed = st.button(
        t("experiments.run", trials=total), type="primary", icon=":material/play_arrow:", key="experiments.run",
        disabled=not 1 <= total <= MOST,
    )  # fmt: skip
    if pressed:
        lab.pop("launched", None)
        launch(grids, total)
    elif "launched" in lab:
        done, total = lab["launched"]
        blocks.verdict("ran", t("experiments.launched", done=done, reused=total - done))


# --- the page ---------------------------------------------------------------------------------------------------------

blocks.section_head(PAGE)
last = pipeline.last_run(workspace)
if last is None or not last.passed:
    blocks.empty_state(
        t("experiments.empty"),
        t("experiments.empty_run"),
        run_pipeline,
        key="experiments.first",
        doing=t("experiments.empty_doing"),
    )
    blocks.next_stage(PAGE)
    st.stop()

story, instrument = blocks.two_columns()
with story:
    st.markdown(t("experiments.story"))
    revealed = blocks.predict(lesson.WINNER, lottery, runs=lesson.SEEDS, flights=lesson.FEW)
    if revealed:
        st.markdown(t("experiments.principle"))
with instrument:
    if revealed:
        found = lottery()
        blocks.figure(
            charts_experiments.lottery(
                found.few.tolist(),
                found.rest.tolist(),
                found.winner,
                look,
                names=(
                    plain("experiments.few", flights=found.flights),
                    plain("experiments.others", flights=found.others),
                ),
                value=plain("experiments.cost"),
                words=plain("experiments.place", place=found.place, runs=len(found.few)),
            ),
            alt=plain(
                "experiments.lottery_alt",
                runs=len(found.few),
                flights=found.flights,
                kept=found.kept,
                place=found.place,
            ),
            table=found.frame(),
            key="experiments.lottery",
            provenance="real",
            caption=t("experiments.lottery", flights=found.flights),
        )
        blocks.code_that_ran(lesson.lottery, lesson.draw)
    launcher()


# --- all trials -------------------------------------------------------------------------------------------------------

st.header(t("experiments.all"), anchor=False)
logged = finished()
if not logged:
    st.markdown(t("experiments.none"))
    blocks.next_stage(PAGE)
    st.stop()
holders = {alias: getattr(registry.holder(workspace, alias), "run_id", "") for alias in ("champion", "challenger")}


def listing() -> pd.DataFrame:
    """Every trial in a line; of the parameters only those in which the trials differ."""
    own = {name for record in logged for name in record.params} - {"features", "kind", "seed"}
    values = {name: {str(record.params[name]) for record in logged if name in record.params} for name in own}
    differing = [name for name in sorted(own) if len(values[name]) > 1]
    lines = []
    for record in logged:
        marks = [plain(f"experiments.mark_{alias}") for alias, run in holders.items() if run == record.run_id]
        given = [f"{name}={record.params[name]}" for name in differing if record.params.get(name) is not None]
        lines.append(
            {
                "alias": " ".join(marks),
                "name": record.name,
                "kind": record.params.get("kind"),
                "params": ", ".join(given),
                "seed": record.params.get("seed"),
                "cost": record.metrics.get("cost_per_row"),
                "auc": record.metrics.get("auc"),
                "brier": record.metrics.get("brier"),
                "data": record.tags.get("mlops.data.name", ""),
                "when": record.created.astimezone().replace(tzinfo=None),
                "run": record.run_id[:8],
            }
        )
    return pd.DataFrame(lines)


def heads() -> dict[str, Any]:
    """Words and formats of the columns."""
    form = {"cost": "%.4f", "auc": "%.4f", "brier": "%.4f"}
    names = ("alias", "name", "kind", "params", "seed", "data", "run")
    columns: dict[str, Any] = {name: st.column_config.Column(t(f"experiments.head.{name}")) for name in names}
    for name, shape in form.items():
        columns[name] = st.column_config.NumberColumn(t(f"experiments.head.{name}"), format=shape)
    columns["alias"] = st.column_config.Column(t("experiments.head.alias"), width="medium")
    columns["params"] = st.column_config.Column(t("experiments.head.params"), width="medium")
    columns["when"] = st.column_config.DatetimeColumn(t("experiments.head.when"), format="D MMM, HH:mm")
    return columns


cheapest = min(logged, key=lambda record: record.metrics.get("cost_per_row", float("inf")))
st.markdown(t("experiments.count", trials=len(logged), name=cheapest.name, cost=cheapest.metrics["cost_per_row"]))
blocks.table(
    listing(), alt=plain("experiments.table_alt", trials=len(logged)), key="experiments.table", column_config=heads()
)
with st.expander(t("experiments.mlflow"), icon=":material/terminal:"):
    st.markdown(t("experiments.mlflow_lead"))
    st.code(f"mlflow server --backend-store-uri sqlite:///{workspace.mlflow_db}", language=None)


# --- compare two ------------------------------------------------------------------------------------------------------

st.header(t("experiments.compare"), anchor=False)


def decide(run_a: str, run_b: str, said: str) -> None:
    """Write the learner's word into the ledger."""
    lesson.record_claim(workspace, run_a, run_b, said)


def again(run_id: str) -> None:
    """Train a run again and note whether the same file came of it."""
    try:
        done = trials.reproduce(workspace, run_id)
    except MlopsError as error:
        lab["again_error"] = error
        return
    lab["again"] = done
    lesson.record_reproduction(workspace, run_id, done.same)


def nominate(run_id: str) -> None:
    """Register the run's model and point the alias challenger at it."""
    try:
        release.nominate(workspace, run_id, reason=plain("experiments.nominated"))
    except MlopsError as error:
        lab["alias_error"] = error


def choose() -> tuple[str, str]:
    """Two trials; the two cheapest to begin with."""
    by_run = {record.run_id: record for record in logged}
    ranked = sorted(by_run, key=lambda run: by_run[run].metrics.get("cost_per_row", float("inf")))
    chosen: list[str] = []
    for key in ("experiments.a", "experiments.b"):
        if st.session_state.get(key) not in by_run:
            st.session_state[key] = next(run for run in ranked if run not in chosen)
        run = st.selectbox(
            t(key), list(by_run), format_func=lambda run: name_of(by_run[run]), key=key, persist_state="session"
        )
        chosen.append(str(run))
    return chosen[0], chosen[1]


text, picture = blocks.two_columns()
ready = False
with text:
    run_a, run_b = choose() if len(logged) > 1 else ("", "")
    if len(logged) < 2:
        st.markdown(t("experiments.only_one"))
    elif run_a == run_b:
        st.markdown(t("experiments.same_trial"))
    else:
        try:
            pair, ready = compared(run_a, run_b), True
        except MlopsError as error:
            blocks.problem(error)
if ready:
    said = lesson.decisions(
        workspace, lambda a, b: compared(a, b).difference, holders["challenger"] or holders["champion"]
    )
    words = {frozenset((claim.run_a, claim.run_b)): claim for claim in (said.claims if said else ())}
    claim = words.get(frozenset((run_a, run_b)))
    difference = pair.difference
    with picture:
        daily = experiments.daily_difference(workspace, run_a, run_b, costs=release.costs_of(workspace))
        blocks.figure(
            charts_experiments.days(
                daily["day"].tolist(),
                daily["difference"].tolist(),
                (difference.low, difference.mean, difference.high),
                look,
                value=plain("experiments.difference"),
                words=plain("experiments.band", mean=difference.mean, low=difference.low, high=difference.high),
            ),
            alt=plain(
                "experiments.days_alt",
                days=difference.days,
                mean=difference.mean,
                low=difference.low,
                high=difference.high,
            ),
            table=daily,
            key="experiments.days",
            provenance="real",
            caption=t("experiments.days", days=difference.days, flights=difference.n),
        )
        blocks.note(t("experiments.days_note", effect=difference.design_effect))
        blocks.code_that_ran(experiments.daily_difference, experiments.compare_trials)
    with text:
        st.markdown(t("experiments.means", a=pair.cost_a, b=pair.cost_b))
        st.markdown(t("experiments.say"))
        with st.container(horizontal=True):
            for word in lesson.WORDS:
                chosen = claim is not None and claim.about(run_a) == word
                st.button(
                    t(f"experiments.word.{word}"),
                    key=f"experiments.word.{word}",
                    type="primary" if chosen else "secondary",
                    on_click=decide,
                    args=(run_a, run_b, word),
                )
        if claim is not None:
            agrees = claim.said == claim.truth
            blocks.verdict("right" if agrees else "wrong", t("experiments.agrees" if agrees else "experiments.differs"))
        if revealed:
            blocks.mission(lesson.FAIR, said)


# --- run it again, name it --------------------------------------------------------------------------------------------

st.header(t("experiments.again"), anchor=False)
left, right = blocks.two_columns()
with left:
    st.markdown(t("experiments.again_lead"))
with right:
    runs = {record.run_id: record for record in logged}
    if st.session_state.get("experiments.chosen") not in runs:
        st.session_state["experiments.chosen"] = cheapest.run_id
    chosen_run = str(
        st.selectbox(
            t("experiments.chosen"), list(runs), format_func=lambda run: name_of(runs[run]), key="experiments.chosen"
        )
    )
    with st.container(horizontal=True):
        if st.button(t("experiments.reproduce"), key="experiments.reproduce", icon=":material/replay:"):
            with st.spinner(t("experiments.reproducing")):
                again(chosen_run)
            st.rerun()
        if st.button(t("experiments.nominate"), key="experiments.nominate", icon=":material/flag:"):
            with st.spinner(t("experiments.nominating")):
                nominate(chosen_run)
            st.rerun()
    for key in ("again_error", "alias_error"):
        if key in lab:
            blocks.problem(lab.pop(key))
    if "again" in lab:
        done = lab["again"]
        blocks.verdict("pass" if done.same else "fail", t("experiments.same" if done.same else "experiments.other"))
        st.markdown(
            t(
                "experiments.digests", run=done.run_id[:8], new=short(done.digest), old=short(done.expected),
                seconds=done.seconds,
            )
        )  # fmt: skip
    holder = registry.challenger(workspace)
    if holder is not None:
        st.markdown(
            t("experiments.challenger", version=holder.version, run=holder.run_id[:8], digest=short(holder.digest))
        )

blocks.code_cell(PAGE, lesson.CELL)
with blocks.further():
    st.markdown(t("experiments.further"))
blocks.next_stage(PAGE)
