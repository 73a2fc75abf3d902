"""The first five minutes as a learner has them: a question, the money, the map, fifty models."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.helpers import axe, opened, settle


def test_the_first_five_minutes(visit) -> None:
    page: Page = visit("/")
    opened(page, "start")
    expect(page.get_by_text("22 April, 06:00. All systems green. Is the desk all right?")).to_be_visible()
    assert page.get_by_role("navigation", name="The loop of the model's life").count() == 0
    assert axe(page) == []

    page.get_by_text("Yes: everything that is measured is green").click()
    page.get_by_role("button", name="I am sure").click()
    page.get_by_role("heading", name="The money appears").wait_for(timeout=90_000)
    settle(page)
    expect(page.get_by_text("It happened otherwise.")).to_be_visible()
    cells = page.get_by_role("navigation", name="Sixteen practices in four rows").get_by_role("button")
    assert cells.count() == 16
    assert axe(page) == []

    page.get_by_role("button", name="Run all 35 desks").click()
    page.get_by_text("of 35 desks have a model").wait_for(timeout=120_000)
    settle(page)
    expect(page.get_by_text("LGA-OO")).to_be_visible()

    page.reload()
    page.get_by_text("of 35 desks have a model").wait_for(timeout=60_000)
    settle(page)
    cells.filter(has_text="Data drift").click()
    opened(page, "monitoring")


def test_start_on_a_phone_in_the_dark(visit) -> None:
    page: Page = visit("/", width=390, dark=True)
    opened(page, "start")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    assert axe(page) == []
