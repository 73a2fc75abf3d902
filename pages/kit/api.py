"""The HTTP routes: health, and scoring a flight with the champion of a workspace.

    POST /api/w/<token>/predict      {"rows": [{"carrier": "B6", ...}]} -> {"answers": [{"probability": .31, ...}]}
    POST /api/predict                the same for the workspace of the caller's cookie

JSON only, a foreign Origin is refused, a row that does not fit the schema is 422 with the column named.
"""

from __future__ import annotations

import functools
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from mlops_core import __version__
from mlops_core.errors import BadInput, MlopsError, NotFound
from mlops_core.workspace import Workspace
from pages.kit.session import COOKIE, LEARNER

if TYPE_CHECKING:
    from mlops_core.serving import Scorer

BODY_LIMIT = 256 * 1024
ROW_LIMIT = 1000


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


class Refused(Exception):
    """An answer other than 200: status, code, sentence, and for a schema error the column."""

    def __init__(self, status: int, code: str, message: str, **more: object) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"code": code, "message": message, **more}}


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
    try:
        check_origin(request)
        rows = read_rows(await read_body(request))
        answers = await anyio.to_thread.run_sync(score, request, rows)
    except Refused as refused:
        STATE.refused += 1
        return JSONResponse(refused.body, status_code=refused.status)
    return JSONResponse({"answers": answers})


def check_origin(request: Request) -> None:
    """Refuse a request that another site's page sent."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise Refused(403, "origin.foreign", "Requests from another site's pages are refused. Call from this address.")


async def read_body(request: Request) -> bytes:
    """The body, JSON by its content type, at most BODY_LIMIT bytes."""
    if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
        raise Refused(415, "body.type", "Send JSON with `Content-Type: application/json`.")
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > BODY_LIMIT:
            raise Refused(
                413, "body.size", f"The body is larger than {BODY_LIMIT // 1024} KB. Send fewer rows at once."
            )
    return body


def read_rows(body: bytes) -> list[dict[str, Any]]:
    """The rows of `{"rows": [...]}`, or of one row alone."""
    try:
        content = json.loads(body)
    except ValueError as error:
        raise Refused(400, "body.json", f"The body is not JSON: {error}.") from error
    rows = content.get("rows", [content]) if isinstance(content, dict) else content
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise Refused(422, "body.rows", 'Send {"rows": [{column: value, ...}, ...]} with at least one row.')
    if len(rows) > ROW_LIMIT:
        raise Refused(413, "body.rows", f"{len(rows)} rows; at most {ROW_LIMIT} at once.")
    return rows


def workspace_of(request: Request) -> Workspace:
    """The workspace of the token in the address, else of the cookie; 404 names both ways."""
    from mlops_core.project import Home

    home, token = Home.default(), request.path_params.get("token")
    try:
        if token is not None:
            return home.by_token(token)
        learner = request.cookies.get(COOKIE, "")
        if LEARNER.match(learner) and (home.learner(learner) / ".mlops").is_dir():
            return home.workspace(learner)
    except NotFound as error:
        raise Refused(404, "workspace.missing", _BOTH_WAYS) from error
    raise Refused(404, "workspace.missing", _BOTH_WAYS)


_BOTH_WAYS = (
    "No workspace is meant by this request. Open a page first and send its cookie with POST /api/predict, "
    "or use the address shown on the delivery page, POST /api/w/<token>/predict."
)


def score(request: Request, rows: list[dict[str, Any]]) -> list[dict[str, object]]:
    """Answers of the champion, noted in the workspace's request log; every refusal says what to change."""
    from mlops_core.serving import RequestLog

    workspace, begun = workspace_of(request), time.perf_counter()
    version, status = "", "ok"
    try:
        scorer = open_scorer(workspace)
        version = scorer.version
        return [answer.to_dict() for answer in scorer.score(rows)]
    except MlopsError as error:
        status = error.code
        raise _refused(error) from error
    finally:
        ms = (time.perf_counter() - begun) * 1000
        RequestLog(workspace).append(version=version, rows=len(rows), ms=ms, status=status)


def _refused(error: MlopsError) -> Refused:
    """The HTTP answer to an error of the core: 422 with the column for a row, 409 without a champion, 500 for damage."""
    from mlops_core.serving import SchemaError

    if isinstance(error, SchemaError):
        return Refused(422, error.code, str(error), column=error.column, row=error.row)
    status = 409 if isinstance(error, NotFound) else 422 if isinstance(error, BadInput) else 500
    return Refused(status, error.code, str(error))


def open_scorer(workspace: Workspace) -> Scorer:
    """The champion's scorer, loaded once for each digest that the ledger names. NotFound without a champion."""
    from mlops_core import registry

    holder = registry.holder(workspace, "champion")
    return _scorer(workspace, holder.digest if holder else "")


@functools.lru_cache(maxsize=32)
def _scorer(workspace: Workspace, _digest: str) -> Scorer:
    from mlops_core import project, serving

    course = project.template_of(workspace)
    return serving.from_workspace(workspace, course.schema, course.costs.threshold)
