"""Scoring over HTTP: what a request means, apart from any web framework, and a small server of the standard library.

    POST /predict   {"rows": [{"carrier": "B6", ...}]}  ->  200 {"answers": [{"probability": 0.31, ...}]}
    GET  /health    200 {"status": "ok", ...}

A row that does not fit the schema is 422 with the column named, a missing champion 409, damage 500. Every call is in the
workspace's request log. `python -m mlops_core serve` is this server; the app's routes use `Service` behind its own.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from mlops_core import registry
from mlops_core.dataset import Schema
from mlops_core.errors import BadInput, BadParameter, MlopsError, NotFound
from mlops_core.plain import plain
from mlops_core.project import template_of
from mlops_core.serving import RequestLog, SchemaError, Scorer, from_workspace
from mlops_core.workspace import Workspace

BODY_LIMIT = 256 * 1024
ROW_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer: status and JSON body."""

    status: int
    body: Mapping[str, Any]


class BadRequest(BadInput):
    """A body that is not what the route takes; `status` is the HTTP status to answer with."""

    def __init__(self, status: int, code: str, message: str, fix: str) -> None:
        super().__init__(message, code=code, fix=fix)
        self.status = status


def refuse(status: int, code: str, message: str, **more: object) -> Reply:
    """The answer to a request that is turned away."""
    return Reply(status, {"error": {"code": code, "message": message, **more}})


def reply_to(error: MlopsError) -> Reply:
    """The answer to an error: the body's own status, 422 with the column for a row, 409 without a champion, 500 for damage."""
    if isinstance(error, BadRequest):
        return refuse(error.status, error.code, str(error))
    if isinstance(error, SchemaError):
        return refuse(422, error.code, str(error), column=error.column, row=error.row)
    status = 409 if isinstance(error, NotFound) else 422 if isinstance(error, BadInput) else 500
    return refuse(status, error.code, str(error))


def read_rows(body: bytes) -> list[dict[str, Any]]:
    """The rows of `{"rows": [...]}`, of a list, or of one row alone. Raises BadRequest.

    >>> read_rows(b'{"carrier": "B6"}')
    [{'carrier': 'B6'}]
    """
    if len(body) > BODY_LIMIT:
        size = f"The body is larger than {BODY_LIMIT // 1024} KB."
        raise BadRequest(413, "body.size", size, "Send fewer rows at once.")
    try:
        content = json.loads(body)
    except ValueError as error:
        raise BadRequest(400, "body.json", f"The body is not JSON: {error}.", "Send a JSON object.") from error
    rows = content.get("rows", [content]) if isinstance(content, dict) else content
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise BadRequest(422, "body.rows", "There are no rows.", 'Send {"rows": [{column: value, ...}, ...]}.')
    if len(rows) > ROW_LIMIT:
        raise BadRequest(413, "body.rows", f"{len(rows)} rows.", f"Send at most {ROW_LIMIT} at once.")
    return rows


@dataclass(slots=True)
class Service:
    """The champion of one workspace, loaded once for each digest that the ledger names."""

    workspace: Workspace
    schema: Schema
    threshold: float
    _scorers: dict[str, Scorer] = field(default_factory=dict)
    _loading: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, workspace: Workspace) -> Service:
        """A service with the schema and the prices of the workspace's course."""
        course = template_of(workspace)
        return cls(workspace, course.schema, course.costs.threshold)

    def scorer(self) -> Scorer:
        """The champion's scorer; NotFound without a champion, Damaged when its file is not what the ledger names."""
        holder = registry.holder(self.workspace, "champion")
        digest = holder.digest if holder else ""
        with self._loading:
            if digest not in self._scorers:
                self._scorers = {digest: from_workspace(self.workspace, self.schema, self.threshold)}
            return self._scorers[digest]

    def predict(self, body: bytes) -> Reply:
        """Answer one request and note it in the request log."""
        begun, version, status, count = time.perf_counter(), "", "ok", 0
        try:
            rows = read_rows(body)
            count = len(rows)
            scorer = self.scorer()
            version = scorer.version
            return Reply(200, {"answers": [answer.to_dict() for answer in scorer.score(rows)]})
        except MlopsError as error:
            status = error.code
            return reply_to(error)
        finally:
            ms = (time.perf_counter() - begun) * 1000
            RequestLog(self.workspace).append(version=version, rows=count, ms=ms, status=status)

    def health(self) -> Reply:
        """Whether there is a champion, and how the last calls went."""
        champion = registry.champion(self.workspace)
        summary = RequestLog(self.workspace).summary()
        body = {"status": "ok" if champion else "no champion", "champion": champion.version if champion else None,
                "requests": summary.count, "p50_ms": summary.p50_ms, "p95_ms": summary.p95_ms}  # fmt: skip
        return Reply(200 if champion else 503, {name: plain(value) for name, value in body.items()})


def handler(service: Service) -> type[BaseHTTPRequestHandler]:
    """A request handler for this service."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def _send(self, reply: Reply) -> None:
            data = json.dumps(reply.body).encode()
            self.send_response(reply.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self) -> None:
            found = self.path.split("?")[0] == "/health"
            self._send(service.health() if found else refuse(404, "path.unknown", "There are /health and /predict."))

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not length.isdecimal() or int(length) > BODY_LIMIT:
                self.close_connection = True
                self._send(refuse(413, "body.size", f"Send a body of at most {BODY_LIMIT // 1024} KB with its length."))
                return
            body = self.rfile.read(int(length))
            if self.headers.get("Origin") is not None:
                self._send(refuse(403, "origin.foreign", "Requests from web pages are refused."))
            elif self.headers.get("Content-Type", "").split(";")[0].strip() != "application/json":
                self._send(refuse(415, "body.type", "Send JSON with Content-Type: application/json."))
            elif self.path.split("?")[0] == "/predict":
                self._send(service.predict(body))
            else:
                self._send(refuse(404, "path.unknown", "There are /health and /predict."))

        def log_message(self, format: str, *args: object) -> None:
            """The request log has it already."""

    return Handler


def serve_forever(workspace: Workspace, host: str, port: int, on_ready: Callable[[str], None]) -> None:
    """Serve until interrupted. BadParameter when the port is taken or may not be used."""
    service = Service.of(workspace)
    service.scorer()
    try:
        server = ThreadingHTTPServer((host, port), handler(service))
    except (OSError, OverflowError) as error:
        raise BadParameter(
            f"port {port} on {host} cannot be used ({error}).",
            code="port.taken",
            fix="Choose another with --port.",
            port=port,
        ) from error
    with server:
        on_ready(f"http://{host}:{server.server_port}/predict")
        server.serve_forever()
