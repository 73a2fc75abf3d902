"""Experiments and delivery as a learner walks them: from no run at all to a champion that answers, and a policy that works."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page

from pages.kit.text import words
from tests.browser.helpers import axe, opened, settle

Visit = Callable[..., Page]
PATIENCE = 120_000


def own(findings: list[str]) -> list[str]:
    """Findings about the page itself: colours inside Streamlit's code blocks are Streamlit's."""
    return [finding for finding in findings if ".token" not in finding and "stCode" not in finding]


def press(page: Page, name: str, after: str) -> None:
    """Press a button and wait for the words that come of it."""
    page.get_by_role("button", name=name, exact=True).click()
    page.get_by_text(after).first.wait_for(timeout=PATIENCE)
    settle(page, PATIENCE)


def predict(page: Page, option: str) -> None:
    page.get_by_text(option, exact=True).click()
    settle(page)
    page.get_by_role("button", name=words("predict.commit_sure")).click()
    page.get_by_text(words("predict.yours")).wait_for(timeout=PATIENCE)
    settle(page, PATIENCE)


def test_from_no_run_to_a_champion_and_a_policy(visit: Visit) -> None:
    page = visit("/experiments")
    opened(page, "experiments")
    press(page, words("experiments.empty_run"), words("experiments.launch"))
    predict(page, words("predict.winners_lead.option.little"))
    page.get_by_text(words("predict.correct")).wait_for()
    press(page, words("experiments.run", trials=4), "3 new runs logged")
    press(page, words("experiments.word.neither"), words("experiments.agrees"))
    press(page, words("experiments.reproduce"), words("experiments.same"))
    press(page, words("experiments.nominate"), "Challenger: version")
    assert own(axe(page)) == []

    page.get_by_role("link", name=words("block.next", title="Delivery")).click()
    opened(page, "delivery")
    press(page, words("delivery.judge"), words("delivery.decision.pass"))
    press(page, words("delivery.promote"), words("delivery.answers"))
    predict(page, words("predict.equal_models.option.half"))
    page.get_by_text(words("predict.correct")).wait_for()
    page.get_by_text(words("delivery.rule.not_worse")).click()
    settle(page)
    for gate in ("inputs", "airports", "latency"):
        page.get_by_text(words(f"delivery.gate_{gate}"), exact=True).click()
        settle(page)
    press(page, words("delivery.put_through"), words("delivery.arena"))
    page.get_by_text(words("verdict.wrong")).wait_for()  # the margin is still too wide
    slider = page.get_by_role("slider", name=words("delivery.margin"))
    slider.focus()
    for _ in range(3):
        slider.press("ArrowLeft")
        settle(page)
    press(page, words("delivery.put_through"), words("mission.badge"))
    assert own(axe(page)) == []
