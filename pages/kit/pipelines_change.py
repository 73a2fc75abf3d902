"""What a learner can change in the pipeline, each control showing what the workspace holds and writing it back at once.

controls(params.read_params(workspace.params))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from mlops_core import params, project, versions
from mlops_core.errors import MlopsError
from pages.kit import blocks, session
from pages.kit.session import plain, t
from tutor.lesson import pipelines as lesson

PAGE = "pipelines"
LEAK = "dep_delay"
GROUPS = ("schedule", "weather", "aircraft", "congestion", "recent")


def attempt(action: Callable[[], object]) -> None:
    """Do something with the workspace from a callback; an error is said on the page."""
    lab = session.lab(PAGE)
    lab.pop("error", None)
    try:
        action()
    except MlopsError as error:
        lab["error"] = error


def change(**values: object) -> None:
    """Write dotted parameters (`__` for the dot) into params.yaml."""
    dotted = {key.replace("__", "."): held for key, held in values.items()}
    attempt(lambda: params.set_params(session.workspace().params, dotted))


def value(name: str) -> object:
    """What a control was set to."""
    return st.session_state[f"pipelines.{name}"]


def undo() -> None:
    """The course's parameters, steps and data version."""
    workspace = session.workspace()
    course = project.template_of(workspace)
    lesson.restore(workspace, course)


def show_held(now: dict[str, Any]) -> None:
    """Put every control where the workspace has it."""
    workspace = session.workspace()
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


def controls(now: dict[str, Any]) -> None:
    """Everything that can be changed; what is changed rarely is folded away."""
    workspace = session.workspace()
    show_held(now)
    known = [version.name for version in versions.log(workspace)]
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
        rare_controls()
    st.button(
        t("pipelines.undo"),
        type="tertiary",
        icon=":material/restart_alt:",
        key="pipelines.undo",
        on_click=lambda: attempt(undo),
    )


def rare_controls() -> None:
    """The kind of model, its columns, split and seed; and everything changed so far, as Git sees it."""
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
    changed = session.workspace().git("diff", "--", "params.yaml", "steps")
    st.markdown(f"**{t('pipelines.diff')}**")
    if changed:
        st.code(changed, language="diff")
    else:
        blocks.note(t("pipelines.no_diff"))
