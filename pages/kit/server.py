"""The server around the pages: learner cookie, allowed hosts, warm-up before and behind the first page, script errors.

    app = App("pages/frame.py", lifespan=server.lifespan, middleware=server.middleware(), routes=server.routes(), ...)

The plain cell runner's process is a fresh interpreter, not a fork of this one, so it may start after threads have.
"""

from __future__ import annotations

import gc
import importlib
import logging
import secrets
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any

import anyio
import streamlit as st
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mlops_core.errors import MlopsError
from pages.kit import api
from pages.kit.session import COOKIE, LEARNER, cells, has_text, say_error, t

_YEAR = 365 * 24 * 3600
_FIRST = ("pandas", "plotly.graph_objects", "streamlit.elements.plotly_chart", "pages.kit.blocks", "pages.kit.stages")
_BEHIND = ("mlops_core.project", "sklearn.ensemble", "sklearn.linear_model", "mlflow.tracking", "mlflow.sklearn")
_CACHED = (b"if-none-match", b"if-modified-since")
_log = logging.getLogger("mlops.app")


class LearnerCookie:
    """Gives every browser that asks for a page a name of 32 hex digits; a value of any other form is replaced."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; add Set-Cookie when the answer is HTML and no valid cookie came."""
        if scope["type"] != "http" or LEARNER.match(learner_of(scope)):
            await self.app(scope, receive, send)
            return

        async def with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", []))
                kind = next((value for name, value in headers if name.lower() == b"content-type"), b"")
                if kind.startswith(b"text/html") and scope["method"] == "GET":
                    headers.append((b"set-cookie", _cookie(scope.get("scheme") == "https")))
                    message = {**message, "headers": headers}
            await send(message)

        # a page answered from the browser's cache (304) has no content type and would bring no cookie
        headers = [pair for pair in scope.get("headers", []) if pair[0] not in _CACHED]
        await self.app({**scope, "headers": headers}, receive, with_cookie)


def learner_of(scope: Scope) -> str:
    """The raw value of the learner cookie of a request, "" without one; check it before use."""
    jar: SimpleCookie = SimpleCookie()
    for name, value in scope.get("headers", []):
        if name == b"cookie":
            try:
                jar.load(value.decode("latin-1"))
            except CookieError:
                return ""
    return jar[COOKIE].value if COOKIE in jar else ""


def _cookie(secure: bool) -> bytes:
    parts = [f"{COOKIE}={secrets.token_hex(16)}", f"Max-Age={_YEAR}", "Path=/", "HttpOnly", "SameSite=Lax"]
    return "; ".join([*parts, "Secure"] if secure else parts).encode()


def middleware() -> list[Middleware]:
    """Allowed hosts for every request (Streamlit's own list guards the WebSocket only), then the cookie."""
    hosts = [str(host) for host in st.get_option("server.allowedHosts") or ["*"]]
    return [Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False), Middleware(LearnerCookie)]


@dataclass(slots=True)
class Warm:
    """How far the warm-up is; `done` names what is ready."""

    started: float = field(default_factory=time.monotonic)
    done: list[str] = field(default_factory=list)

    @property
    def uptime(self) -> float:
        """Seconds since the server began to start."""
        return time.monotonic() - self.started

    def first(self) -> None:
        """What the first page needs; it blocks the start."""
        for name in _FIRST:
            importlib.import_module(name)
        self.done.append("pages")

    def behind(self) -> None:
        """What the first clicks need; runs in a thread behind the first page."""
        from mlops_core import tracking
        from mlops_core.project import Home, template
        from pages.kit import desk

        course = template("flights")
        Home.default().prepared(course, course.source())
        self.done.append("workspace")
        desk.morning()
        self.done.append("morning")
        cells().start()
        self.done.append("cells")
        tracking.prepare_template()
        for name in _BEHIND:
            importlib.import_module(name)
        self.done.append("tracking")
        desk.money()
        self.done.append("money")
        Home.default().clean()
        gc.collect()
        gc.freeze()
        self.done.append("frozen")


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[dict[str, Any]]:
    """Warm up, serve, end the cells' process."""
    warm = Warm()
    await anyio.to_thread.run_sync(warm.first)
    threading.Thread(target=warm.behind, name="warm-up", daemon=True).start()
    api.STATE.warm = warm
    yield {"warm": warm}
    cells().close()


def routes() -> list[BaseRoute]:
    """The HTTP side of the app."""
    return api.routes()


def say_script_error(error: Exception) -> bool:
    """Show one sentence for what a page raised: a known error with its fix, an unknown one with an id that is logged."""
    if isinstance(error, MlopsError):
        st.error(say_error(error), icon=":material/report:")
        return True
    name = secrets.token_hex(4)
    _log.error("error %s on a page", name, exc_info=error)
    st.error(t("error.unexpected", id=name) if has_text("error.unexpected") else name, icon=":material/report:")
    return True
