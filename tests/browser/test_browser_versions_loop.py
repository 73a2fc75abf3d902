"""Versions and loop as a learner meets them, in Chromium: two short journeys."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from pages.kit.text import words
from tests.browser.conftest import Visit
from tests.browser.helpers import axe, opened, settle

PATIENCE = 120_000


def own(findings: list[str]) -> list[str]:
    """Findings about the page itself: colours inside Streamlit's code blocks are Streamlit's."""
    return [finding for finding in findings if ".token" not in finding and "stCode" not in finding]


def predict(page: Page, option: str, after: str) -> None:
    page.get_by_text(option).click()
    settle(page)
    page.get_by_role("button", name=words("predict.commit_sure")).click()
    page.get_by_text(after).first.wait_for(timeout=PATIENCE)
    settle(page)


def test_versions_from_the_prediction_to_a_version_of_ones_own(visit: Visit) -> None:
    page = visit("/versions")
    opened(page, "versions")
    predict(page, words("predict.shuffle_rows.option.all"), words("mission.read_diff.title"))
    page.get_by_label(words("versions.hours")).fill("5")
    page.get_by_label(words("versions.factor")).fill("1.151")
    page.get_by_label(words("versions.factor")).press("Tab")
    page.get_by_role("button", name=words("versions.judge")).click()
    page.get_by_text(words("mission.badge")).wait_for(timeout=PATIENCE)
    settle(page)
    page.get_by_role("button", name=words("versions.commit")).click()
    expect(page.get_by_text("is made and checked out")).to_be_visible(timeout=PATIENCE)
    settle(page)
    assert own(axe(page)) == []


def test_loop_from_nothing_to_a_lived_week(visit: Visit) -> None:
    page = visit("/loop")
    opened(page, "loop")
    page.get_by_role("button", name=words("loop.begin")).click()
    week = page.get_by_role("button", name=words("loop.week", day="1 Apr"))
    week.wait_for(timeout=PATIENCE)
    settle(page)
    expect(week).to_be_disabled()
    page.locator(".stRadio").get_by_text(words("loop.trigger.money"), exact=True).click()
    expect(week).to_be_enabled(timeout=PATIENCE)
    week.dblclick()
    page.get_by_role("button", name=words("loop.week", day="8 Apr")).wait_for(timeout=PATIENCE)
    settle(page)
    expect(page.get_by_role("heading", name=words("loop.board", day="7 April"))).to_be_visible()
    page.reload()
    opened(page, "loop")
    expect(page.get_by_role("heading", name=words("loop.board", day="7 April"))).to_be_visible()
    assert own(axe(page)) == []
