"""Sights that ask: predict before seeing, missions checked on live state. `tutor.progress` keeps what is answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages.kit.blocks.sights import note, verdict
from pages.kit.session import has_text, progress, t
from tutor.missions import Mission, Outcome
from tutor.predictions import Answer, Prediction
from tutor.progress import Committed, MissionState

CARD = 760  # pixels: about 70 characters a line; never wider than the column it stands in


def predict(prediction: Prediction, context: Any, **values: object) -> bool:
    """Ask, keep the first commitment, then show what happened and the answer to the chosen option.

    Args:
        prediction: texts under `predict.<code>.`: `question`, `option.<o>`, `reveal.<right o>`, `feedback.<chosen o>`.
        context: what `prediction.answer` needs, or a function that makes it; neither is used before the commitment.
        values: fill the placeholders of the question and the options.

    Returns:
        Whether the answer is revealed: only then may the page show what would give it away.
    """
    kept = progress().prediction(prediction)
    with st.container(border=True, width=CARD, key=f"predict-{prediction.code}"):
        note(f":material/psychology: {t('predict.title')}")
        st.markdown(f"**{t(f'predict.{prediction.code}.question', **values)}**")
        if kept is None:
            _ask(prediction, values)
            return False
        answer = prediction.reveal(context() if callable(context) else context)
        progress().reveal(prediction, answer)
        _tell(prediction, kept, answer, values)
    return True


def _ask(prediction: Prediction, values: Mapping[str, object]) -> None:
    code = prediction.code
    choice, refused = f"predict.{code}.choice", f"predict.{code}.refused"
    names = {option.code: t(f"predict.{code}.option.{option.code}", **values) for option in prediction.options}
    st.radio(
        t("predict.choose"),
        list(names),
        index=None,
        format_func=names.__getitem__,
        key=choice,
        on_change="ignore",
        label_visibility="collapsed",
    )

    def commit(sure: bool) -> None:
        option = st.session_state.get(choice)
        st.session_state[refused] = option is None
        if option is not None:
            progress().commit(prediction, option, sure=sure)

    with st.container(horizontal=True, vertical_alignment="center"):
        for name, sure in (("sure", True), ("guess", False)):
            st.button(
                t(f"predict.commit_{name}"),
                type="primary" if sure else "secondary",
                key=f"predict.{code}.{name}",
                on_click=commit,
                args=(sure,),
            )
    if st.session_state.get(refused):
        st.markdown(f":small[:orange[:material/info: {t('predict.pick')}]]")


def _tell(prediction: Prediction, kept: Committed, answer: Answer, values: Mapping[str, object]) -> None:
    code, right = prediction.code, kept.option == answer.option
    known = {**values, **answer.values}
    said = t(f"predict.{code}.option.{kept.option}", **values)
    st.markdown(f"{t('predict.yours')}: *{said}* ({t('predict.sure' if kept.sure else 'predict.guess').lower()})")
    verdict("right" if right else "wrong", t("predict.correct" if right else "predict.incorrect"))
    st.markdown(t(f"predict.{code}.reveal.{answer.option}", **known))
    st.markdown(t(f"predict.{code}.feedback.{kept.option}", **known))


def mission(task: Mission, state: Any, **values: object) -> Outcome:
    """Show a mission, judge the live state, keep the outcome; hints one by one, then the solution.

    Args:
        task: texts under `mission.<code>.`: `title`, `brief`, one a outcome code, `hint.1` to `hint.3`, `solution`.
        state: what the learner has brought about; None when nothing was tried.
        values: fill the placeholders of title, brief, hints and solution.
    """
    outcome = task.attempt(state)
    store = progress()
    kept = store.record(task, outcome) if outcome.kind != "not_attempted" else store.mission(task)
    with st.container(border=True, width=CARD, key=f"mission-{task.code}"):
        note(f":material/flag: {t('mission.title')}")
        st.subheader(t(f"mission.{task.code}.title", **values), anchor=False)
        st.markdown(t(f"mission.{task.code}.brief", **values))
        verdict(outcome.kind)
        st.markdown(_words(task, outcome))
        if kept.solved:
            medal = "badge" if kept.badge else "solved"
            st.markdown(
                f":small[:green[:material/{'military_tech' if kept.badge else 'task_alt'}: {t(f'mission.{medal}')}]]"
            )
        _help(task, kept, values)
    return outcome


def _words(task: Mission, outcome: Outcome) -> str:
    own = f"mission.{task.code}.{outcome.code}"
    if has_text(own):
        return t(own, **outcome.values)
    if outcome.kind == "crashed":
        return t("mission.crashed", message=str(outcome.values.get("message", outcome.code)))
    if outcome.code == outcome.kind:
        return t(f"mission.{outcome.kind}")
    return t(own)


def _help(task: Mission, kept: MissionState, values: Mapping[str, object]) -> None:
    count = len(task.hints)
    for hint in task.hints[: kept.hints]:
        number = t("mission.hint", number=hint.number, count=count)
        st.info(f"**{number}.** {t(hint.key, **values)}", icon=":material/lightbulb:")
    if kept.solution_shown:
        st.markdown(f"**{t('mission.solution_title')}**")
        st.markdown(t(f"mission.{task.code}.solution", **values))
    elif kept.hints < count:
        label, key = t("mission.hint", number=kept.hints + 1, count=count), f"mission.{task.code}.hint"
        st.button(label, type="tertiary", icon=":material/lightbulb:", key=key, on_click=_open_hint, args=(task,))
    else:
        if not kept.solved:
            note(t("mission.solution_cost"))
        label, key = t("mission.solution"), f"mission.{task.code}.solution"
        st.button(label, type="tertiary", icon=":material/visibility:", key=key, on_click=_show_solution, args=(task,))


def _open_hint(task: Mission) -> None:
    progress().open_hint(task)


def _show_solution(task: Mission) -> None:
    progress().show_solution(task)
