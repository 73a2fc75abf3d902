"""Two trials on the screen: their difference day by day, and the learner's word on it.

compare_panel(finished(), holders(), revealed)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from mlops_core import experiments, release
from mlops_core.errors import MlopsError
from mlops_core.experiments import TrialComparison
from mlops_core.tracking import TrialRecord
from pages.kit import blocks, charts, charts_experiments, session
from pages.kit.experiments_trials import name_of
from pages.kit.session import plain, t
from tutor.lesson import experiments as lesson


def compared(run_a: str, run_b: str) -> TrialComparison:
    """Two trials on the flights both were judged on, at today's prices; a run itself never changes."""
    workspace = session.workspace()
    costs = release.costs_of(workspace)
    key = f"{workspace.root}:{run_a}:{run_b}:{costs}"
    return session.keep(
        "experiments.compare", key, lambda: experiments.compare_trials(workspace, run_a, run_b, costs=costs)
    )


def decide(run_a: str, run_b: str, said: str) -> None:
    """Write the learner's word into the ledger."""
    lesson.record_claim(session.workspace(), run_a, run_b, said)


def choose(logged: Sequence[TrialRecord]) -> tuple[str, str]:
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


def chosen_pair(logged: Sequence[TrialRecord]) -> TrialComparison | None:
    """The comparison of the two trials chosen, None (and why) when there is nothing to compare."""
    run_a, run_b = choose(logged) if len(logged) > 1 else ("", "")
    if len(logged) < 2:
        st.markdown(t("experiments.only_one"))
    elif run_a == run_b:
        st.markdown(t("experiments.same_trial"))
    else:
        try:
            return compared(run_a, run_b)
        except MlopsError as error:
            blocks.problem(error)
    return None


def days_picture(pair: TrialComparison) -> None:
    """The difference of every day, and the band of all days together."""
    workspace, look, difference = session.workspace(), charts.Look(session.dark()), pair.difference
    daily = experiments.daily_difference(workspace, pair.run_a, pair.run_b, costs=release.costs_of(workspace))
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


def word_on(pair: TrialComparison, said: lesson.Decisions | None) -> None:
    """The three words to choose from, and whether the one chosen agrees with the interval."""
    run_a, run_b = pair.run_a, pair.run_b
    words = {frozenset((claim.run_a, claim.run_b)): claim for claim in (said.claims if said else ())}
    claim = words.get(frozenset((run_a, run_b)))
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


def compare_panel(logged: Sequence[TrialRecord], held: Mapping[str, str], revealed: bool) -> None:
    """Choose two, see their days, say which is better; the mission follows once the prediction is answered."""
    text, picture = blocks.two_columns()
    with text:
        pair = chosen_pair(logged)
    if pair is None:
        return
    said = lesson.decisions(
        session.workspace(), lambda a, b: compared(a, b).difference, held["challenger"] or held["champion"]
    )
    with picture:
        days_picture(pair)
    with text:
        word_on(pair, said)
        if revealed:
            blocks.mission(lesson.FAIR, said)
