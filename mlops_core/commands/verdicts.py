"""A decision in the words of other tools: JUnit XML, GitHub's workflow commands, Markdown."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from mlops_core.gates import Decision, Verdict


def _failed(verdict: Verdict) -> bool:
    return verdict.outcome in ("fail", "inconclusive")


def junit(decision: Decision) -> str:
    """One test case a gate; a warning that fails is a skipped case with its reason."""
    blocking = [v for v in decision.verdicts if _failed(v) and v.severity == "block"]
    suite = ET.Element("testsuite", name="gates", tests=str(len(decision.verdicts)), failures=str(len(blocking)))
    for verdict in decision.verdicts:
        case = ET.SubElement(suite, "testcase", classname="gates", name=verdict.gate, time=f"{verdict.seconds:.3f}")
        if verdict in blocking:
            ET.SubElement(case, "failure", message=verdict.reason, type=verdict.outcome).text = verdict.fix
        elif verdict.outcome != "pass":
            ET.SubElement(case, "skipped", message=verdict.reason)
    return ET.tostring(suite, encoding="unicode", xml_declaration=True)


def github(decision: Decision) -> str:
    """Annotations that GitHub Actions shows beside the run."""
    words = {"fail": "error", "inconclusive": "error", "skipped": "notice", "pass": "notice"}
    lines = []
    for verdict in decision.verdicts:
        kind = "warning" if _failed(verdict) and verdict.severity != "block" else words[verdict.outcome]
        text = verdict.reason.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        lines.append(f"::{kind} title={verdict.gate}::{verdict.outcome}: {text}")
    return "\n".join(lines)


def markdown(decision: Decision) -> str:
    """A table for a pull request."""
    head = f"**Gates: {decision.outcome}**\n\n| gate | outcome | value | threshold | reason |\n|---|---|---|---|---|"
    rows = [
        f"| {v.gate} | {v.outcome} | {_cell(v.value)} | {_cell(v.threshold)} | {v.reason.replace('|', '/')} |"
        for v in decision.verdicts
    ]
    return "\n".join([head, *rows])


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def render(decision: Decision, style: str) -> str:
    """The decision in one of the styles "junit", "github", "md"."""
    return {"junit": junit, "github": github, "md": markdown}[style](decision)
