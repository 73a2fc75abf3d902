"""The HTTP routes: health, and scoring a flight with the champion of a workspace.

    POST /api/w/<token>/predict      {"rows": [{"carrier": "B6", ...}]} -> {"answers": [{"probability": .31, ...}]}
    POST /api/predict                the same for the workspace of the caller's cookie

JSON only, a foreign Origin is refused; what an answer says is decided in `mlops_core.http`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from mlops_core import __version__
from mlops_core.errors import NotFound
from mlops_core.http import BODY_LIMIT, Reply, Service, refuse
from mlops_core.project import Home
from mlops_core.workspace import Workspace
from pages.kit.session import COOKIE, LEARNER


class Warmth(Protocol):
    """What health tells of the warm-up."""

    done: list[str]

    @property
    def uptime(self) -> float: ...


@dataclass(slots=True)
class State:
    """What the routes know of the server they run in."""

    warm: Warmth | None = None
    requests: int = 0
    refused: int = 0


STATE = State()


def routes() -> list[BaseRoute]:
    """All routes."""
    return [
        Route("/api/health", health, methods=["GET"]),
        Route("/api/predict", predict, methods=["POST"]),
        Route("/api/w/{token}/predict", predict, methods=["POST"]),
    ]


async def health(_request: Request) -> JSONResponse:
    """Whether the server is up, since when, what is warm, how many scoring requests it has seen."""
    warm = STATE.warm
    return JSONResponse(
        {
            "status": "ok",
            "version": __version__,
            "uptime_s": round(warm.uptime, 1) if warm else 0.0,
            "warm": list(warm.done) if warm else [],
            "requests": STATE.requests,
            "refused": STATE.refused,
        }
    )


async def predict(request: Request) -> JSONResponse:
    """Score the rows of the body with the champion of the workspace that is meant."""
    STATE.requests += 1
    reply = _turned_away(request)
    if reply is None:
        body = await _read_body(request)
        reply = await anyio.to_thread.run_sync(_score, request, body)
    STATE.refused += reply.status != 200
    return JSONResponse(dict(reply.body), status_code=reply.status)


def _turned_away(request: Request) -> Reply | None:
    """Refuse a request that another site's page sent, and what is not JSON, before its body is read."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        return refuse(403, "origin.foreign", "Requests from another site's pages are refused. Call from this address.")
    if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
        return refuse(415, "body.type", "Send JSON with `Content-Type: application/json`.")
    return None


async def _read_body(request: Request) -> bytes:
    """The body, cut one byte behind the limit: enough for `mlops_core.http` to say that it is too large."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > BODY_LIMIT:
            break
    return body[: BODY_LIMIT + 1]


def _score(request: Request, body: bytes) -> Reply:
    workspace = workspace_of(request)
    return _service(workspace).predict(body) if workspace else refuse(404, "workspace.missing", BOTH_WAYS)


@functools.lru_cache(maxsize=32)
def _service(workspace: Workspace) -> Service:
    return Service.of(workspace)


def workspace_of(request: Request) -> Workspace | None:
    """The workspace of the token in the address, else of the cookie; None when neither names one."""
    home, token = Home.default(), request.path_params.get("token")
    learner = request.cookies.get(COOKIE, "")
    try:
        if token is not None:
            return home.by_token(token)
        if LEARNER.match(learner) and (home.learner(learner) / ".mlops").is_dir():
            return home.workspace(learner)
    except NotFound:
        return None
    return None


BOTH_WAYS = (
    "No workspace is meant by this request. Open a page first and send its cookie with POST /api/predict, "
    "or use the address shown on the delivery page, POST /api/w/<token>/predict."
)
