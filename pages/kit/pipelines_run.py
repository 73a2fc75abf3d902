"""The six steps on the screen: run them, what each did, what a run would do now and why, and one step in full.

steps_panel(pipeline.last_run(workspace))
"""

from __future__ import annotations

import streamlit as st

from mlops_core import digest, pipeline, versions
from mlops_core.errors import MlopsError
from mlops_core.pipeline import Run, StepPlan, StepRun
from pages.kit import blocks, session
from pages.kit.components.step_list import Row, step_list
from pages.kit.pipelines_change import PAGE, attempt
from pages.kit.session import plain, t
from pages.kit.text import literal
from tutor.lesson import pipelines as lesson


def steps_panel(last: Run | None) -> None:
    """The last run and the plan in a sentence each, the button, the list of steps, the step that is open."""
    lab = session.lab(PAGE)
    st.subheader(t("pipelines.steps"), anchor=False)
    if "error" in lab:
        blocks.problem(lab["error"])
    plans = planned()
    say_state(last, plans)
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


def planned() -> tuple[StepPlan, ...]:
    """What a run would do now; nothing, and the error in a sentence, when that cannot be said."""
    try:
        return pipeline.plan(session.workspace())
    except MlopsError as error:
        blocks.problem(error)
        return ()


def say_state(last: Run | None, plans: tuple[StepPlan, ...]) -> None:
    """What the last run did and how many steps a run would repeat."""
    if last is None:
        st.markdown(t("pipelines.empty", version=versions.current(session.workspace()).name))
        return
    st.markdown(verdict_of(last))
    todo = sum(one.action == "run" for one in plans)
    st.markdown(t("pipelines.planned", count=todo, steps=len(plans)) if todo else t("pipelines.planned_nothing"))


def verdict_of(last: Run) -> str:
    """One sentence about the last run."""
    if last.failed is not None:
        return t("pipelines.run_failed", step=last.failed.step, seconds=last.seconds)
    if not last.changed:
        return t("pipelines.run_nothing", seconds=last.seconds)
    ran, steps = len(last.changed), len(last.steps)
    return t("pipelines.run_done", ran=ran, steps=steps, reused=steps - ran, seconds=last.seconds)


def rows_of(last: Run | None, plans: tuple[StepPlan, ...]) -> list[Row]:
    """The steps as the list shows them: what the last run did, and what a run would do now."""
    records = {step.step: step for step in last.steps} if last else {}
    would = {one.step: one for one in plans}
    found = []
    for step in pipeline.load_pipeline(session.workspace()).steps:
        record, one = records.get(step.name), would.get(step.name)
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
            pipeline.run(session.workspace(), on_step=tell)
        except MlopsError as error:
            blocks.problem(error)
            return
    session.lab(PAGE).pop("error", None)
    st.rerun()


def stopped(last: Run) -> None:
    """What a failed step said, and the data version that mends it when validation stopped the run."""
    failed = last.failed
    if failed is None:
        return
    message = failed.log[-1] if failed.log else failed.why
    st.error(t("pipelines.stopped", step=failed.step, message=message), icon=":material/block:")
    cure = lesson.cure(session.workspace()) if failed.step in ("validate", "features") else None
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
    attempt(lambda: versions.checkout(session.workspace(), version))
    lab = session.lab(PAGE)
    lab["run"] = "error" not in lab


def open_step(last: Run | None, name: str) -> None:
    """One step in full: its real source, what it reads, its output, key, log and why it ran."""
    step = pipeline.load_pipeline(session.workspace()).step(name)
    record = next((one for one in last.steps if one.step == name), None) if last else None
    with st.container(border=True, key="pipelines-step"):
        st.subheader(t("pipelines.open_step", name=name), anchor=False)
        blocks.note(step.text)
        facts = [(t("pipelines.inputs"), ", ".join(step.reads)), (t("pipelines.parameters"), ", ".join(step.params))]
        if record is not None:
            facts += [
                (t("pipelines.why"), record.why),
                (t("pipelines.log"), "; ".join(record.log)),
                (t("pipelines.key"), digest.short(record.key) if record.key else ""),
            ]
        for label, words in facts:
            st.markdown(f"**{label}**: {literal(words) if words else t('pipelines.none')}")
        if record is not None and record.output:
            line = t(
                "pipelines.output_line", name=f"reports/{step.filename}", size=record.bytes, digest=record.output[:8]
            )
            st.markdown(f"**{t('pipelines.output')}**: {line.replace(chr(92), '')}")
        st.code(step.source, language="python", wrap_lines=True)
