"""Pipelines: run the six steps, change something, see what runs again; and a probe that must find nothing."""

import json
from dataclasses import asdict

import pandas as pd
import streamlit as st

from mlops_core import digest, params, pipeline, project, versions
from mlops_core.errors import MlopsError, NotFound
from mlops_core.pipeline import Run, StepPlan, StepRun
from pages.kit import blocks, charts, charts_pipelines, session
from pages.kit.blocks import Metric
from pages.kit.components.step_list import Row, step_list
from pages.kit.session import plain, t
from tutor.lesson import pipelines as lesson
from tutor.lesson.pipelines import Result
from tutor.simulation import noise

PAGE = "pipelines"
workspace = session.workspace()
look = charts.Look(session.dark())
lab = session.lab(PAGE)
LEAK = "dep_delay"
GROUPS = ("schedule", "weather", "aircraft", "congestion", "recent")

# -- change something ----------------------------------------------------------------------------------------------------


def change(**values: object) -> None:
    """Write dotted parameters (`__` for the dot) into params.yaml."""
    attempt(lambda: params.set_params(workspace.params, {key.replace("__", "."): v for key, v in values.items()}))


def attempt(action) -> None:
    """Do something with the workspace from a callback; an error is said on the page."""
    lab.pop("error", None)
    try:
        action()
    except MlopsError as error:
        lab["error"] = error


def value(name: str) -> object:
    """What a control was set to."""
    return st.session_state[f"pipelines.{name}"]


def undo() -> None:
    """The course's parameters, steps and data version."""
    course = project.template_of(workspace)
    lesson.restore(workspace, course)


def controls(now: dict) -> None:
    """Everything that can be changed, each control showing what the workspace holds."""
    known = [version.name for version in versions.log(workspace)]
    shown = {
        "data": versions.current(workspace).name,
        "kind": now["model"]["kind"],
        "rounds": now["model"]["max_iter"],
        "leaves": now["model"]["max_leaf_nodes"],
        "comment": lesson.commented((workspace.steps / f"{lesson.COMMENTED}.py").read_text(encoding="utf-8")),
        "groups": [group for group in GROUPS if group in now["features"]["groups"]],
        "leak": LEAK in now["features"]["extra"],
        "split": now["split"]["kind"],
        "seed": now["seed"],
    }
    for name, held in shown.items():
        st.session_state[f"pipelines.{name}"] = held
    st.subheader(t("pipelines.change"), anchor=False)
    st.markdown(t("pipelines.change_lead"))
    st.toggle(
        t("pipelines.comment"),
        key="pipelines.comment",
        on_change=lambda: attempt(lambda: lesson.set_comment(workspace, bool(value("comment")))),
    )
    st.slider(
        t("pipelines.leaves"),
        3,
        63,
        step=4,
        key="pipelines.leaves",
        on_change=lambda: change(model__max_leaf_nodes=value("leaves")),
    )
    st.selectbox(
        t("pipelines.data"),
        known,
        key="pipelines.data",
        on_change=lambda: attempt(lambda: versions.checkout(workspace, str(value("data")))),
    )
    st.toggle(
        t("pipelines.leak"),
        key="pipelines.leak",
        help=t("pipelines.leak_help"),
        on_change=lambda: change(features__extra=[LEAK] if value("leak") else []),
    )
    with st.expander(t("block.further")):
        st.selectbox(
            t("pipelines.kind"),
            ["boosting", "logistic", "dummy"],
            format_func=lambda kind: plain(f"pipelines.kind_{kind}"),
            key="pipelines.kind",
            on_change=lambda: change(model__kind=value("kind")),
        )
        st.slider(
            t("pipelines.rounds"),
            20,
            240,
            step=20,
            key="pipelines.rounds",
            on_change=lambda: change(model__max_iter=value("rounds")),
        )
        st.multiselect(
            t("pipelines.groups"),
            GROUPS,
            key="pipelines.groups",
            on_change=lambda: change(features__groups=value("groups")),
        )
        st.radio(
            t("pipelines.split"),
            ["time", "day"],
            format_func=lambda kind: plain(f"pipelines.split_{kind}"),
            key="pipelines.split",
            on_change=lambda: change(split__kind=value("split")),
        )
        st.number_input(
            t("pipelines.seed"), 0, 9999, step=1, key="pipelines.seed", on_change=lambda: change(seed=value("seed"))
        )
        changed = workspace.git("diff", "--", "params.yaml", "steps")
        st.markdown(f"**{t('pipelines.diff')}**")
        st.code(changed, language="diff") if changed else st.caption(t("pipelines.no_diff"))
    st.button(
        t("pipelines.undo"),
        type="tertiary",
        icon=":material/restart_alt:",
        key="pipelines.undo",
        on_click=lambda: attempt(undo),
    )


# -- run it --------------------------------------------------------------------------------------------------------------


def rows_of(last: Run | None, plans: tuple[StepPlan, ...]) -> list[Row]:
    """The steps as the list shows them: what the last run did, and what a run would do now."""
    records = {step.step: step for step in last.steps} if last else {}
    planned = {one.step: one for one in plans}
    found = []
    for step in pipeline.load_pipeline(workspace).steps:
        record, one = records.get(step.name), planned.get(step.name)
        reads = plain("pipelines.reads", names=", ".join((*step.reads, *step.params)))
        plan = ""
        if one is not None and one.action == "run" and last is not None:
            plan = plain("pipelines.plan_run" if one.certain else "pipelines.plan_maybe", why=one.why)
        if record is None:
            found.append(Row(step.name, "todo", plain("pipelines.state_todo"), "", step.text, reads, plan))
            continue
        seconds = plain("pipelines.step_figure", seconds=record.seconds) if record.status in ("ran", "failed") else ""
        word = plain(f"pipelines.state_{record.status}")
        found.append(Row(step.name, record.status, word, seconds, record.why, reads, plan))
    return found


def run_now() -> None:
    """Run the pipeline and tell each step as it ends."""
    with st.status(t("pipelines.running"), expanded=True) as status:

        def tell(name: str, record: StepRun | None) -> None:
            if record is None:
                status.update(label=f"{t('pipelines.running')}: {name}", expanded=True)
                return
            words = t("pipelines.live", step=name, seconds=record.seconds, why=record.why)
            status.markdown(f"{blocks.badge(record.status)} {words}")

        try:
            pipeline.run(workspace, on_step=tell)
        except MlopsError as error:
            blocks.problem(error)
            return
    lab.pop("error", None)
    st.rerun()


def verdict_of(last: Run) -> str:
    """One sentence about the last run."""
    if last.failed is not None:
        return t("pipelines.run_failed", step=last.failed.step, seconds=last.seconds)
    if not last.changed:
        return t("pipelines.run_nothing", seconds=last.seconds)
    ran, steps = len(last.changed), len(last.steps)
    return t("pipelines.run_done", ran=ran, steps=steps, reused=steps - ran, seconds=last.seconds)


def stopped(last: Run) -> None:
    """What a failed step said, and the data version that mends it when validation stopped the run."""
    failed = last.failed
    if failed is None:
        return
    message = failed.log[-1] if failed.log else failed.why
    st.error(t("pipelines.stopped", step=failed.step, message=message), icon=":material/block:")
    cure = lesson.cure(workspace) if failed.step in ("validate", "features") else None
    if cure is None:
        return
    st.markdown(t("pipelines.mend_lead", version=cure))
    st.button(
        t("pipelines.mend", version=cure),
        type="primary",
        icon=":material/healing:",
        key="pipelines.mend",
        on_click=mend,
        args=(cure,),
    )


def mend(version: str) -> None:
    """Check out a good version; the run follows on the page."""
    attempt(lambda: versions.checkout(workspace, version))
    lab["run"] = "error" not in lab


def open_step(last: Run | None, name: str) -> None:
    """One step in full: its real source, what it reads, its output, key, log and why it ran."""
    step = pipeline.load_pipeline(workspace).step(name)
    record = next((one for one in last.steps if one.step == name), None) if last else None
    with st.container(border=True, key="pipelines-step"):
        st.subheader(t("pipelines.open_step", name=name), anchor=False)
        st.caption(step.text)
        facts = [(t("pipelines.inputs"), ", ".join(step.reads)), (t("pipelines.parameters"), ", ".join(step.params))]
        if record is not None:
            facts += [
                (t("pipelines.why"), record.why),
                (t("pipelines.log"), "; ".join(record.log)),
                (t("pipelines.key"), digest.short(record.key) if record.key else ""),
            ]
        for label, words in facts:
            st.markdown(f"**{label}**: {session.text.literal(words) if words else t('pipelines.none')}")
        if record is not None and record.output:
            line = t(
                "pipelines.output_line", name=f"reports/{step.filename}", size=record.bytes, digest=record.output[:8]
            )
            st.markdown(f"**{t('pipelines.output')}**: {line.replace(chr(92), '')}")
        st.code(step.source, language="python", wrap_lines=True)


# -- what it is worth ----------------------------------------------------------------------------------------------------


def results(last: Run, before: Run | None) -> None:
    """Numbers of the last run, its calibration, its cost by airport, its seconds."""
    found = session.keep("pipelines.result", f"{workspace.root}:{last.id}", lambda: Result.of(workspace, last))
    metrics, cost = found.metrics, found.cost
    st.header(t("pipelines.results"), anchor=False)
    st.markdown(t("pipelines.results_lead", n=metrics["n"], days=cost.days))
    leak = LEAK in last.params["features"]["extra"]
    blocks.metrics(
        [
            Metric(
                t("pipelines.auc"),
                f"{metrics['auc']:.3f}",
                t("pipelines.auc_leak" if leak else "pipelines.auc_note"),
            ),
            Metric(t("pipelines.cost"), f"{cost.mean:.3f}", t("pipelines.cost_note", low=cost.low, high=cost.high)),
            Metric(t("pipelines.rate"), f"{metrics['rate']:.1%}", t("pipelines.rate_note", mean=metrics["mean_score"])),
            Metric(
                t("pipelines.flagged"),
                f"{metrics['flagged']:.1%}",
                t("pipelines.flagged_note", threshold=metrics["threshold"]),
            ),
        ]
    )
    if leak:
        st.warning(t("pipelines.leak_warning", auc=metrics["auc"]), icon=":material/warning:")
    left, right = st.columns(2, gap="large")
    with left:
        means = {plain("pipelines.all_flights"): cost, **found.airports}
        words = ", ".join(f"{name} {mean.mean:.3f} ({mean.low:.3f} to {mean.high:.3f})" for name, mean in means.items())
        table = {
            t("pipelines.column_airport"): list(means),
            t("pipelines.column_cost"): [mean.mean for mean in means.values()],
            t("pipelines.column_low"): [mean.low for mean in means.values()],
            t("pipelines.column_high"): [mean.high for mean in means.values()],
            t("pipelines.column_days"): [mean.days for mean in means.values()],
        }
        blocks.figure(
            charts_pipelines.costs(means, look, plain("pipelines.cost")),
            alt=plain("pipelines.airports_alt", costs=words),
            table=pd.DataFrame(table),
            key="pipelines.airports",
            provenance="real",
            caption=t("pipelines.airports"),
        )
    with right:
        bins = found.calibration
        first, final = bins.iloc[0], bins.iloc[-1]
        blocks.figure(
            charts_pipelines.calibration(
                bins, look, plain("pipelines.calibration_score"), plain("pipelines.calibration_rate")
            ),
            alt=plain(
                "pipelines.calibration_alt",
                bins=len(bins),
                low=first["mean_score"],
                low_rate=first["rate"],
                high=final["mean_score"],
                high_rate=final["rate"],
            ),
            table=bins,
            key="pipelines.calibration",
            provenance="real",
            caption=t("pipelines.calibration"),
        )
    times(last, before)


def times(last: Run, before: Run | None) -> None:
    """Seconds of this run beside the one before."""
    both = {plain("pipelines.this_run"): last}
    if before is not None:
        both = {plain("pipelines.run_before"): before, **both}
    spent = {name: said(run) for name, run in both.items()}
    earlier = plain("pipelines.times_before", before=said(before)) if before else ""
    table = pd.DataFrame(
        {
            t("pipelines.column_step"): [step.step for step in last.steps],
            t("pipelines.column_status"): [t(f"pipelines.state_{step.status}") for step in last.steps],
            **{name: [round(step.seconds, 2) for step in run.steps] for name, run in both.items()},
        }
    )
    blocks.figure(
        charts_pipelines.seconds(both, look, plain("pipelines.times_axis")),
        alt=plain("pipelines.times_alt", now=spent[plain("pipelines.this_run")], before=earlier),
        table=table,
        key="pipelines.times",
        caption=t("pipelines.times"),
    )


def said(run: Run) -> str:
    """The steps of a run in words."""
    return ", ".join(
        f"{step.step} {plain(f'pipelines.state_{step.status}')}"
        + (f" {step.seconds:.2f} s" if step.status == "ran" else "")
        for step in run.steps
    )


# -- the probe -----------------------------------------------------------------------------------------------------------


def probe_of(settings: noise.Settings) -> noise.Probe:
    """The probe with these settings, thrown once."""
    return session.keep("pipelines.probe", json.dumps(asdict(settings)), lambda: noise.probe(settings))


@st.fragment
def probe() -> None:
    """Controls, the result and the mission on it; the last settings that were run survive a reload."""
    kept = session.progress().note("pipelines.probe")
    done = noise.Settings(**json.loads(kept)) if kept else None
    first = done or noise.Settings()
    left, right = blocks.two_columns()
    with left:
        selector = st.radio(
            t("pipelines.selector"),
            ["before", "inside"],
            index=["before", "inside"].index(first.selector),
            format_func=lambda one: plain(f"pipelines.selector_{one}"),
            key="pipelines.selector",
        )
        split = st.radio(
            t("pipelines.probe_split"),
            ["rows", "days"],
            index=["rows", "days"].index(first.split),
            format_func=lambda one: plain(f"pipelines.probe_split_{one}"),
            key="pipelines.probe_split",
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            folds = st.selectbox(
                t("pipelines.folds"), [3, 5, 10], index=[3, 5, 10].index(first.folds), key="pipelines.folds"
            )
            flips = st.selectbox(
                t("pipelines.flips"), [3, 6, 12, 20], index=[3, 6, 12, 20].index(first.flips), key="pipelines.flips"
            )
            seed = st.number_input(t("pipelines.seed"), 0, 999, first.seed, key="pipelines.probe_seed")
        settings = noise.Settings(selector, split, folds, flips, int(seed))
        if st.button(t("pipelines.throw"), type="primary", icon=":material/casino:", key="pipelines.throw"):
            with st.spinner(t("pipelines.throwing")):
                probe_of(settings)
            session.progress().note("pipelines.probe", json.dumps(asdict(settings)))
            done = settings
    found = probe_of(done) if done else None
    with right:
        if found is not None:
            numbers = {"mean": found.mean, "low": found.low, "high": found.high, "flips": len(found.aucs)}
            blocks.figure(
                charts_pipelines.probe(found, look, plain("pipelines.probe_axis"), plain("pipelines.probe_truth")),
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
            if done != settings:
                st.caption(f":orange[{t('pipelines.probe_stale')}]")
        blocks.mission(lesson.PROBE, found, widest=lesson.WIDEST)
        blocks.code_that_ran(noise.cross_validated, noise.throw)


# -- the page ------------------------------------------------------------------------------------------------------------

blocks.section_head(PAGE)
last = pipeline.last_run(workspace)
committed = session.progress().prediction(lesson.WHICH) is not None
now = params.read_params(workspace.params)

story, instrument = blocks.two_columns()
with story:
    with st.spinner(t("pipelines.running")):
        revealed = blocks.predict(
            lesson.WHICH,
            lambda: session.keep(
                "pipelines.which", lesson.scenario_key(workspace), lambda: lesson.after_comment_and_leaves(workspace)
            ),
        )
    if revealed:
        controls(now)
    else:
        st.caption(t("pipelines.planned_dim"))
with instrument:
    st.subheader(t("pipelines.steps"), anchor=False)
    if "error" in lab:
        blocks.problem(lab["error"])
    plans = ()
    try:
        plans = pipeline.plan(workspace)
    except MlopsError as error:
        blocks.problem(error)
    if last is None:
        st.markdown(t("pipelines.empty", version=versions.current(workspace).name))
    else:
        st.markdown(verdict_of(last))
        todo = sum(one.action == "run" for one in plans)
        st.markdown(t("pipelines.planned", count=todo, steps=len(plans)) if todo else t("pipelines.planned_nothing"))
    pressed = st.button(t("pipelines.run"), type="primary", icon=":material/play_arrow:", key="pipelines.run")
    if pressed or lab.pop("run", False):
        run_now()
    if last is not None:
        stopped(last)
    chosen = step_list(rows_of(last, plans), current=lab.get("open", ""), label=plain("pipelines.steps_label"))
    if chosen is not None:
        lab["open"] = "" if lab.get("open") == chosen else chosen
        st.rerun()
    if lab.get("open"):
        open_step(last, lab["open"])

if revealed:
    st.markdown(t("pipelines.principle"), width=760)
if last is not None and last.passed:
    history = pipeline.runs(workspace)
    try:
        results(last, history[-2] if len(history) > 1 else None)
    except NotFound as error:
        blocks.problem(error)
if revealed:
    st.header(t("pipelines.probe"), anchor=False)
    st.markdown(
        t("pipelines.probe_lead", days=noise.DAYS, flights=noise.FLIGHTS, columns=noise.COLUMNS, best=noise.BEST),
        width=760,
    )
    probe()
    blocks.code_cell(
        PAGE,
        "from mlops_core import pipeline\n\n"
        'for step in pipeline.plan(workspace, {"model.max_leaf_nodes": 31}):\n'
        '    print(step.step, step.action, step.why, sep=" | ")\n',
    )
    with blocks.further():
        st.markdown(t("pipelines.further_digest"))
        st.markdown(f"**{t('pipelines.further_git')}**")
        st.code(workspace.git("log", "--oneline", "-12"), language=None)
        st.markdown(f"**{t('pipelines.further_dvc')}**")
        st.code((workspace.root / "dvc.yaml").read_text(encoding="utf-8"), language="yaml")
blocks.next_stage(PAGE)
