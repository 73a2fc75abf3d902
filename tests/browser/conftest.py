"""Real Chromium against the real server. Each test also asserts a quiet console and no request off this machine."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

from pages.kit.places import PLACES
from tests.browser.helpers import FLAGS, Server, chromium, serving

# Streamlit asks for these beside the page's own path on a deep link; it falls back to the root by itself.
_TWO_404 = re.compile(
    rf"^http://127\.0\.0\.1:\d+/({'|'.join(p.path for p in PLACES if p.path)})/_stcore/(health|host-config)$"
)

Visit = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium()
    if path is None:
        pytest.fail("no Chromium found: `apt-get install chromium`, or set CHROMIUM to its path")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the tests that do not mind each other: every visit is a new learner."""
    with serving(tmp_path_factory.mktemp("server")) as running:
        yield running


class Watch:
    """What pages of one test said on the console and asked of the network."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        self.foreign: list[str] = []
        self.pages: list[Page] = []

    def follow(self, page: Page) -> None:
        self.pages.append(page)
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.errors.append(f"page error: {error}"))
        page.on("request", self._asked)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not _TWO_404.match(message.location.get("url", "")):
            self.errors.append(f"{message.text} {message.location.get('url', '')}")

    def _asked(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.hostname != "127.0.0.1":
            self.foreign.append(request.url)

    def check(self) -> None:
        exceptions = [page.url for page in self.pages if not page.is_closed() and page.locator(".stException").count()]
        assert (self.errors, self.foreign, exceptions) == ([], [], [])


@pytest.fixture
def watch() -> Iterator[Watch]:
    watching = Watch()
    yield watching
    watching.check()


@pytest.fixture
def visit(browser: Browser, server: Server, watch: Watch) -> Iterator[Visit]:
    """`visit("/pipelines", width=390, dark=True, url=...)`: a page of a new browser profile, watched."""
    contexts: list[BrowserContext] = []

    def open_page(
        path: str = "/",
        *,
        width: int = 1440,
        dark: bool = False,
        url: str = "",
        context: BrowserContext | None = None,
    ) -> Page:
        if context is None:
            context = browser.new_context(
                viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light"
            )
            contexts.append(context)
        page = context.new_page()
        watch.follow(page)
        page.goto((url or server.url) + path)
        return page

    yield open_page
    watch.check()
    for context in contexts:
        context.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Server]:
    """A server nobody has asked anything yet."""
    with serving(tmp_path) as running:
        yield running
