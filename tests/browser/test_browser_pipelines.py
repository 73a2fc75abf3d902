"""The pipelines page as a learner uses it: predict, run, change, break, mend, repair the probe."""

from __future__ import annotations

from playwright.sync_api import Page, TimeoutError, expect

from tests.browser.helpers import axe, opened, settle


def run(page: Page, words: str) -> None:
    page.get_by_role("button", name="Run the pipeline").click()
    page.get_by_text(words).first.wait_for(timeout=90_000)
    settle(page)


def choose(page: Page, box: str, option: str) -> None:
    """Pick an option; a list that a late rerun has closed again is opened again."""
    for _ in range(5):
        page.get_by_role("combobox", name=box).click()
        try:
            page.get_by_role("option", name=option).click(timeout=3000)
        except TimeoutError:
            page.keyboard.press("Escape")
            settle(page)
        else:
            return
    raise AssertionError(f"{box} never offered {option}")


def test_predict_run_change_break_and_mend(visit) -> None:
    page: Page = visit("/pipelines")
    opened(page, "pipelines")
    page.get_by_text("All six: two files have changed").click()
    page.get_by_role("button", name="It is a guess").click()
    page.get_by_text("of six steps ran").wait_for(timeout=90_000)
    settle(page)
    run(page, "6 of 6 steps ran, 0 reused")
    assert axe(page) == []

    page.locator(".st-key-pipelines-leaves input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_text("2 of 6 steps would run now").wait_for()
    run(page, "2 of 6 steps ran, 4 reused")

    page.locator("button[data-step=train]").click()
    expect(page.get_by_role("heading", name="Step train")).to_be_visible()
    settle(page)

    choose(page, "Data version", "v4")
    page.get_by_text("of 6 steps would run now").wait_for()
    settle(page)
    run(page, "validate stopped the run.")
    page.get_by_role("button", name="Check out v5 and run again").click()
    page.get_by_role("heading", name="What the run is worth").wait_for(timeout=90_000)
    settle(page)

    page.reload()
    opened(page, "pipelines")
    expect(page.get_by_role("heading", name="What the run is worth")).to_be_visible()


def test_the_probe_on_a_phone(visit) -> None:
    page: Page = visit("/pipelines", width=390)
    opened(page, "pipelines")
    page.get_by_text("train and evaluate", exact=True).click()
    page.get_by_role("button", name="I am sure").click()
    page.get_by_role("button", name="Run the probe").wait_for(timeout=90_000)
    settle(page)
    page.get_by_role("button", name="Run the probe").click()
    page.get_by_text("still something out of nothing").wait_for(timeout=30_000)
    page.get_by_text("inside each training fold").click()
    page.get_by_text("whole days").click()
    settle(page)
    page.get_by_role("button", name="Run the probe").click()
    page.get_by_text("as it should be").wait_for(timeout=30_000)
    settle(page)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    assert axe(page) == []
