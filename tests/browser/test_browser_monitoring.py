"""Monitoring as a learner walks it: predict, shift by keyboard, win the mission; then the board of the year."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from pages.kit.text import words
from tests.browser.helpers import axe, opened, settle

LAB = "/monitoring?monitoring.feature=distance&monitoring.mean=1.9"


def metric(page: Page, key: str):
    return page.get_by_test_id("stMetric").filter(has_text=words(key)).get_by_test_id("stMetricValue")


def commit(page: Page, code: str, option: str) -> None:
    card = page.locator(f".st-key-predict-{code}")
    card.get_by_text(words(f"predict.{code}.option.{option}"), exact=True).click()
    card.get_by_role("button", name=words("predict.commit_sure")).click()
    card.get_by_text(words("predict.yours")).wait_for()
    settle(page)


def test_a_link_opens_a_shifted_world_and_the_arrow_keys_move_it(visit) -> None:
    page = visit(LAB)
    opened(page, "monitoring")
    psi, loss = metric(page, "monitoring.input_psi"), metric(page, "monitoring.auc_loss")
    before = psi.inner_text()
    assert float(before) > 1
    expect(loss).to_have_count(0)
    commit(page, "irrelevant_shift", "falls")
    expect(loss).to_have_count(1)
    mission = page.locator(".st-key-mission-drift_without_harm")
    expect(mission).to_contain_text(words("mission.badge"))
    page.locator(".st-key-monitoring-mean input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    expect(psi).not_to_have_text(before)
    expect(page).to_have_url(re.compile(r"monitoring\.mean=2(\.0)?(&|$)"))
    page.get_by_role("button", name=words("block.reset_panel")).click()
    expect(page).not_to_have_url(re.compile(r"monitoring\.mean"))
    settle(page)
    assert axe(page) == []


def test_a_tampered_link_is_clamped(visit) -> None:
    page = visit("/monitoring?monitoring.feature=altitude&monitoring.mean=1e9&monitoring.n=7&monitoring.unit=furlong")
    opened(page, "monitoring")
    expect(metric(page, "monitoring.input_psi")).to_have_count(1)


@pytest.mark.slow
def test_one_click_makes_a_champion_and_the_weeks_can_be_stepped(visit) -> None:
    page = visit("/monitoring", width=390, dark=True)
    opened(page, "monitoring")
    page.get_by_role("button", name=words("monitoring.make_champion")).click()
    page.get_by_text("Monday, 29 April").wait_for(timeout=120_000)
    settle(page)
    cost = metric(page, "monitoring.layer.model")
    before = cost.inner_text()
    page.get_by_role("button", name=words("monitoring.forth")).click()
    page.get_by_text("Monday, 6 May").wait_for()
    settle(page)
    assert cost.inner_text() != before
    commit(page, "furlough_cause", "world")
    expect(page.get_by_text("air controllers")).to_be_visible()
    page.get_by_role("button", name=words("cell.allow")).click()
    page.get_by_role("button", name=words("cell.run"), exact=True).click()
    printed = page.get_by_test_id("stCode").filter(has_text=re.compile(r"\d+ of \d+ columns have drifted"))
    expect(printed).to_be_visible(timeout=60_000)
    page.reload()
    page.get_by_text("Monday, 6 May").wait_for(timeout=60_000)
    settle(page)
    assert axe(page) == []
