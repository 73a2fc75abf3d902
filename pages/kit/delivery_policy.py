"""The policy on the screen: the thresholds of gates.yaml as numbers; what stands around them in the file stays."""

from __future__ import annotations

import streamlit as st

from mlops_core import gates
from mlops_core.digest import short
from mlops_core.errors import MlopsError
from pages.kit import blocks, session
from pages.kit.delivery_gates import PAGE
from pages.kit.session import t

EDITABLE = ("at_least", "margin", "p95_ms")
RANGES = {"at_least": (0.0, 1.0), "margin": (0.001, 1.0), "p95_ms": (0.1, 10_000.0)}


def thresholds() -> dict[tuple[str, str], float]:
    """The thresholds in gates.yaml that can be written here, by gate and setting."""
    policy = gates.load_policy(session.workspace().gates)
    return {
        (gate.name, name): gate.settings[name] for gate in policy.gates for name in EDITABLE if name in gate.settings
    }


def write_policy(changes: dict[tuple[str, str], str]) -> None:
    """Write the thresholds that differ into gates.yaml."""
    try:
        for (gate, setting), key in changes.items():
            value = float(st.session_state[key])
            if value != float(thresholds()[gate, setting]):
                gates.set_setting(session.workspace().gates, gate, setting, value)
    except MlopsError as error:
        session.lab(PAGE)["policy_error"] = error


def policy_editor() -> None:
    """The thresholds of gates.yaml as numbers; comments and order stay."""
    workspace = session.workspace()
    lab = session.lab(PAGE)
    st.markdown(t("delivery.policy_lead", digest=short(gates.load_policy(workspace.gates).digest)))
    keys: dict[tuple[str, str], str] = {}
    with st.form("delivery.policy", border=False):
        for (gate, setting), value in thresholds().items():
            low, high = RANGES[setting]
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
