"""The server without a browser: cookie, hosts, health, and every way to ask for a score wrongly."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route

from mlops_core.errors import NotFound
from mlops_core.serving import RequestLog, SchemaError
from mlops_core.workspace import Workspace
from pages.kit import api, server
from pages.kit.session import COOKIE

GOOD = "0123456789abcdef" * 2


async def page(_request: Any) -> HTMLResponse:
    return HTMLResponse("<h1>page</h1>")


async def cached(request: Any) -> HTMLResponse:
    return HTMLResponse("", status_code=304 if "if-none-match" in request.headers else 200)


async def data(_request: Any) -> JSONResponse:
    return JSONResponse({})


class Client:
    """A synchronous client of an ASGI app that never keeps cookies."""

    def __init__(self, app: Starlette, base_url: str = "http://localhost") -> None:
        self.app, self.base_url = app, base_url

    def request(self, method: str, path: str, **settings: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url=self.base_url) as client:
                return await client.request(method, path, **settings)

        with ThreadPoolExecutor(1) as own_thread:  # a browser test may have left a running loop in this one
            return own_thread.submit(anyio.run, ask).result()

    def get(self, path: str, **settings: Any) -> httpx.Response:
        return self.request("GET", path, **settings)

    def post(self, path: str, **settings: Any) -> httpx.Response:
        return self.request("POST", path, **settings)


@pytest.fixture
def client() -> Client:
    routes = [
        Route("/", page, methods=["GET", "POST"]),
        Route("/data", data),
        Route("/cached", cached),
        *server.routes(),
    ]
    return Client(Starlette(routes=routes, middleware=server.middleware()))


def test_a_page_brings_the_cookie_with_its_flags(client: Client) -> None:
    header = client.get("/").headers["set-cookie"]
    assert re.match(rf"^{COOKIE}=[0-9a-f]{{32}}; ", header)
    for flag in ("HttpOnly", "SameSite=Lax", "Path=/", "Max-Age="):
        assert flag in header
    assert "Secure" not in header


def test_https_makes_the_cookie_secure(client: Client) -> None:
    client.base_url = "https://localhost"
    assert "Secure" in client.get("/").headers["set-cookie"]


def test_a_valid_cookie_stays(client: Client) -> None:
    assert "set-cookie" not in client.get("/", headers={"cookie": f"{COOKIE}={GOOD}"}).headers


@pytest.mark.parametrize("forged", ["../../etc", "x" * 32, GOOD.upper(), GOOD + "0", GOOD[:-1], "", '"' + GOOD + "\\n"])
def test_a_forged_cookie_is_replaced(client: Client, forged: str) -> None:
    header = client.get("/", headers={"cookie": f"{COOKIE}={forged}"}).headers["set-cookie"]
    assert re.match(rf"^{COOKIE}=[0-9a-f]{{32}}; ", header)
    assert GOOD not in header


def test_only_pages_bring_a_cookie(client: Client) -> None:
    assert "set-cookie" not in client.get("/data").headers
    assert "set-cookie" not in client.get("/api/health").headers
    assert "set-cookie" not in client.post("/").headers


def test_a_page_from_the_cache_brings_the_cookie_too(client: Client) -> None:
    known = {"if-none-match": "x"}
    assert "set-cookie" in client.get("/cached", headers=known).headers
    assert client.get("/cached", headers={**known, "cookie": f"{COOKIE}={GOOD}"}).status_code == 304


def test_two_visitors_get_two_names(client: Client) -> None:
    names = set()
    for _ in range(20):
        names.add(client.get("/").headers["set-cookie"])
    assert len(names) == 20


@pytest.mark.parametrize("path", ["/", "/api/health"])
def test_a_foreign_host_is_refused(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr(server.st, "get_option", lambda name: ["localhost"] if name == "server.allowedHosts" else None)
    app = Starlette(routes=[Route("/", page), *server.routes()], middleware=server.middleware())
    assert Client(app, base_url="http://evil.example").get(path).status_code == 400
    assert Client(app, base_url="http://localhost").get(path).status_code == 200


def test_health(client: Client) -> None:
    body = client.get("/api/health").json()
    assert body["status"] == "ok"
    assert {"version", "uptime_s", "warm", "requests"} <= set(body)


def home_at(folder: Path) -> type:
    """A home of two tokens whose learners' folders lie in `folder`."""

    class Home:
        @classmethod
        def default(cls) -> Home:
            return cls()

        def learner(self, learner: str) -> Path:
            return folder / learner

        def workspace(self, learner: str) -> Workspace:
            return Workspace(folder / learner)

        def by_token(self, token: str) -> Workspace:
            if token not in ("secret", "empty"):
                raise NotFound("nobody's")
            return Workspace(folder / token)

    return Home


@pytest.fixture
def scoring(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Any]:
    """A scorer and a home of the test's own; returns what was asked of the scorer."""
    asked: list[Any] = []

    def score(rows: list[dict[str, Any]]) -> list[Any]:
        asked.append(rows)
        if rows[0].get("hour") == "noon":
            raise SchemaError(
                "hour is 'noon'.", column="hour", row=0, value="noon", code="row.type", fix="Send a number."
            )
        return [SimpleNamespace(to_dict=lambda: {"probability": 0.25}) for _row in rows]

    def open_scorer(workspace: Workspace) -> Any:
        if workspace.root.name == "empty":
            raise NotFound("There is no champion yet.", code="alias.none", fix="Promote a model first.")
        return SimpleNamespace(score=score, version="3")

    monkeypatch.setattr(api, "open_scorer", open_scorer)
    monkeypatch.setattr("mlops_core.project.Home", home_at(tmp_path))
    for name in (GOOD, "secret", "empty"):
        (tmp_path / name / ".mlops").mkdir(parents=True)
    return asked


ROW = {"hour": 6}


def test_the_token_names_the_workspace(client: Client, scoring: list[Any]) -> None:
    answer = client.post("/api/w/secret/predict", json={"rows": [ROW, ROW]})
    assert (answer.status_code, answer.json()) == (200, {"answers": [{"probability": 0.25}] * 2})
    assert scoring == [[ROW, ROW]]


def test_one_row_may_come_alone_and_the_cookie_names_the_workspace(client: Client, scoring: list[Any]) -> None:
    answer = client.post("/api/predict", json=ROW, headers={"cookie": f"{COOKIE}={GOOD}"})
    assert answer.status_code == 200
    assert scoring == [[ROW]]


@pytest.mark.parametrize("cookie", ["", f"{COOKIE}={'f' * 32}", f"{COOKIE}=../../etc"])
@pytest.mark.usefixtures("scoring")
def test_no_workspace_names_both_ways(client: Client, cookie: str) -> None:
    answer = client.post("/api/predict", json=ROW, headers={"cookie": cookie})
    assert answer.status_code == 404
    assert "/api/w/<token>/predict" in answer.json()["error"]["message"]
    assert "cookie" in answer.json()["error"]["message"]


@pytest.mark.usefixtures("scoring")
def test_wrong_token(client: Client) -> None:
    assert client.post("/api/w/guess/predict", json=ROW).status_code == 404


@pytest.mark.usefixtures("scoring")
def test_schema_error_names_the_column(client: Client) -> None:
    answer = client.post("/api/w/secret/predict", json={"hour": "noon"})
    assert answer.status_code == 422
    message = "hour is 'noon'. Send a number."
    assert answer.json()["error"] == {"code": "row.type", "message": message, "column": "hour", "row": 0}


@pytest.mark.usefixtures("scoring")
def test_calls_are_logged_with_their_outcome(client: Client, tmp_path: Path) -> None:
    client.post("/api/w/secret/predict", json={"rows": [ROW, ROW]})
    client.post("/api/w/secret/predict", json={"hour": "noon"})
    client.post("/api/w/empty/predict", json=ROW)
    calls = RequestLog(Workspace(tmp_path / "secret")).read()
    assert [(call.version, call.rows, call.status) for call in calls] == [("3", 2, "ok"), ("3", 1, "row.type")]
    assert [call.status for call in RequestLog(Workspace(tmp_path / "empty")).read()] == ["alias.none"]


@pytest.mark.usefixtures("scoring")
def test_no_champion_yet(client: Client) -> None:
    answer = client.post("/api/w/empty/predict", json=ROW)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "alias.none")


@pytest.mark.parametrize(("origin", "status"), [("http://evil.example", 403), ("null", 403), ("http://localhost", 200)])
@pytest.mark.usefixtures("scoring")
def test_foreign_origin(client: Client, origin: str, status: int) -> None:
    assert client.post("/api/w/secret/predict", json=ROW, headers={"origin": origin}).status_code == status


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{}", "text/plain", 415),
        (b"hour=6", "application/x-www-form-urlencoded", 415),
        (b"{no json", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[]", "application/json", 422),
        (b'{"rows": 3}', "application/json", 422),
        (b"[1, 2]", "application/json", 422),
        (json.dumps([ROW] * (api.ROW_LIMIT + 1)).encode(), "application/json", 413),
        (b" " * (api.BODY_LIMIT + 1), "application/json", 413),
    ],
)
def test_bodies_that_are_refused(client: Client, scoring: list[Any], body: bytes, kind: str, status: int) -> None:
    answer = client.post("/api/w/secret/predict", content=body, headers={"content-type": kind})
    assert answer.status_code == status
    assert answer.json()["error"]["message"]
    assert scoring == []


def test_at_the_limit_rows_are_taken(client: Client, scoring: list[Any]) -> None:
    assert client.post("/api/w/secret/predict", json=[ROW] * api.ROW_LIMIT).status_code == 200
    assert len(scoring[0]) == api.ROW_LIMIT
