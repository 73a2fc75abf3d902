"""The frame in a real browser: deep links, loop map, phone, themes, fonts, cookie, HTTP."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request

import pytest
from playwright.sync_api import expect

from pages.kit.places import PLACES
from pages.kit.session import COOKIE
from pages.kit.text import words
from tests.browser.helpers import Server, axe, opened, settle
from tutor.lesson import tasks

NAMES = [place.name for place in PLACES]
MAP = ".st-key-loop_map nav"
STAGES = [name for name in NAMES if name != "start"]


def path_of(name: str) -> str:
    return "/" if name == "start" else f"/{name}"


def title(name: str) -> str:
    return words(f"page.{name}.title")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_each_page_as_the_first_request_of_a_fresh_server(fresh: Server, visit, name: str) -> None:
    page = visit(path_of(name), url=fresh.url)
    opened(page, name)
    for other in NAMES:
        expect(page.get_by_test_id("stTopNavLinkContainer").filter(has_text=title(other))).to_have_count(1)


def test_the_map_leads_to_every_page_and_marks_it(visit) -> None:
    page = visit("/pipelines")
    opened(page, "pipelines")
    for name in [*STAGES[1:], STAGES[0]]:
        page.locator(f"{MAP} button[data-page={name}]").click()
        opened(page, name)
        assert page.url.endswith(path_of(name))
        marked = page.locator(f"{MAP} button[aria-current=page]")
        expect(marked).to_have_count(1)
        expect(marked).to_have_attribute("data-page", name)


def test_the_map_by_keyboard(visit) -> None:
    page = visit("/pipelines")
    opened(page, "pipelines")
    page.locator(f"{MAP} button[data-page=pipelines]").focus()
    focused = "() => document.activeElement.shadowRoot?.activeElement?.dataset.page"
    walked = []
    for key in ("ArrowRight", "ArrowLeft", "ArrowLeft", "ArrowRight", "End", "Home", "Tab", "Tab"):
        page.keyboard.press(key)
        walked.append(page.evaluate(focused))
    assert walked == [
        "experiments", "pipelines", "loop", "pipelines", "loop", "pipelines", "experiments", "delivery",
    ]  # fmt: skip
    page.keyboard.press("Enter")
    opened(page, "delivery")


def test_the_map_tells_state_and_figure(visit, server: Server) -> None:
    page = visit("/pipelines")
    opened(page, "pipelines")
    versions = page.locator(f"{MAP} button[data-page=versions]")
    expect(versions).to_have_accessible_name(
        re.compile(rf"^{title('versions')} {words('map.done')} \w+ · [\d,]+ rows$")
    )
    expect(page.locator(f"{MAP} button[data-page=loop]")).to_have_accessible_name(
        f"{title('loop')} {words('map.todo')}"
    )


def test_the_first_answer_unfolds_the_map_and_survives_a_reload(visit) -> None:
    page = visit("/")
    opened(page, "start")
    expect(page.locator(MAP)).to_have_count(0)
    first = tasks("start").predictions[0]
    card = page.locator(f".st-key-predict-{first.code}")
    card.get_by_text(words(f"predict.{first.code}.option.{first.options[1].code}")).click()
    card.get_by_role("button", name=words("predict.commit_sure")).click()
    expect(page.locator(MAP)).to_have_count(1, timeout=20_000)
    expect(card.get_by_text(words("predict.yours"))).to_be_visible(timeout=60_000)  # the answer is computed
    page.reload()
    opened(page, "start")
    expect(card.get_by_text(words("predict.yours"))).to_be_visible(timeout=60_000)  # the answer is computed
    expect(card.get_by_role("radio")).to_have_count(0)


@pytest.mark.parametrize("name", NAMES)
def test_a_phone_never_scrolls_sideways(visit, name: str) -> None:
    page = visit(path_of(name), width=390)
    opened(page, name)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    main = page.get_by_test_id("stMain")
    assert main.evaluate("element => element.scrollWidth <= element.clientWidth")
    if name != "start":
        boxes = [page.locator(f"{MAP} button[data-page={stage}]").bounding_box() for stage in STAGES]
        assert all(box and box["x"] >= 0 and box["x"] + box["width"] <= 390 and box["height"] >= 44 for box in boxes)
        tops = [round(box["y"]) for box in boxes if box]
        assert tops[0] == tops[1] == tops[2] < tops[3] == tops[4] == tops[5]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing_serious(visit, width: int, dark: bool) -> None:
    for name in ("start", "pipelines"):
        page = visit(path_of(name), width=width, dark=dark)
        opened(page, name)
        assert axe(page) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_paper_and_ink_follow_the_theme(visit, dark: bool) -> None:
    page = visit("/", dark=dark)
    opened(page, "start")
    paper, ink = page.get_by_test_id("stApp").evaluate(
        "element => [getComputedStyle(element).backgroundColor, getComputedStyle(element).color]"
    )
    assert paper == ("rgb(18, 23, 28)" if dark else "rgb(251, 251, 249)")
    assert ink == ("rgb(230, 233, 236)" if dark else "rgb(29, 35, 39)")


def test_fonts_come_from_the_house(visit, server: Server) -> None:
    page = visit("/")
    opened(page, "start")
    assert page.evaluate("() => document.fonts.ready.then(() => document.fonts.check('16px Inter'))")
    loaded = page.evaluate("() => [...document.fonts].filter(f => f.status === 'loaded').map(f => f.family)")
    assert "Inter" in {family.strip("'\"") for family in loaded}
    for name in ("inter-latin-wght-normal", "inter-latin-wght-italic", "jetbrains-mono-latin-wght-normal"):
        with urllib.request.urlopen(f"{server.url}/app/static/{name}.woff2") as answer:
            assert answer.headers["content-type"] == "font/woff2"
            assert answer.read(4) == b"wOF2"


def test_two_browsers_never_share_a_workspace(visit, server: Server) -> None:
    names = []
    for _ in range(2):
        page = visit("/")
        opened(page, "start")
        cookie = next(cookie for cookie in page.context.cookies() if cookie["name"] == COOKIE)
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
        assert page.evaluate("document.cookie").find(COOKIE) == -1
        names.append(cookie["value"])
    assert len(set(names)) == 2
    assert all((server.home / "learners" / name / ".mlops").is_dir() for name in names)


def test_two_tabs_and_a_reload_share_one(visit, server: Server) -> None:
    page = visit("/")
    opened(page, "start")
    before = page.context.cookies()
    second = visit("/versions", context=page.context)
    opened(second, "versions")
    page.reload()
    opened(page, "start")
    mine = [cookie["value"] for cookie in page.context.cookies() if cookie["name"] == COOKIE]
    assert mine == [cookie["value"] for cookie in before if cookie["name"] == COOKIE]


def test_a_forged_cookie_makes_no_folder(visit, server: Server) -> None:
    page = visit("/")
    opened(page, "start")
    learners = {path.name for path in (server.home / "learners").iterdir()}
    page.context.clear_cookies()
    page.context.add_cookies([{"name": COOKIE, "value": "..%2F..%2Fescape", "url": server.url}])
    page.goto(server.url)
    opened(page, "start")
    grown = {path.name for path in (server.home / "learners").iterdir()} - learners
    assert len(grown) == 1
    assert re.match(r"^[0-9a-f]{32}$", grown.pop())


def test_the_cell_runs_after_one_yes(visit) -> None:
    page = visit("/versions")
    opened(page, "versions")
    page.get_by_role("button", name=words("cell.allow")).click()
    box = page.get_by_label(words("cell.label"))
    box.fill("print('said')\n2 ** 10")
    page.get_by_role("button", name=words("cell.run"), exact=True).click()
    expect(page.get_by_text("1024")).to_be_visible()
    settle(page)


def ask(server: Server, path: str, body: object = None, **headers: str) -> tuple[int, dict]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        server.url + path, data=data, headers={"content-type": "application/json", **headers}
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"{}") if "json" in error.headers["content-type"] else {}


def test_http_beside_the_pages(server: Server) -> None:
    status, body = ask(server, "/api/health")
    assert (status, body["status"]) == (200, "ok")
    assert ask(server, "/api/predict", {"rows": [{}]})[0] == 404
    assert ask(server, "/api/predict", {"rows": [{}]}, origin="http://evil.example")[0] == 403
    for path in ("/", "/api/health", "/_stcore/health"):
        assert ask(server, path, host="evil.example")[0] == 400
