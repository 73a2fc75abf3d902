"""The server without a browser: cookie, hosts, health, and every way to ask for a score wrongly."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route

from mlops_core import pipeline, project, registry, release
from mlops_core.http import BODY_LIMIT, ROW_LIMIT
from mlops_core.serving import RequestLog
from mlops_core.training import predict
from mlops_core.workspace import Workspace
from pages.kit import server
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


@pytest.fixture
def desk(trained_factory: Callable[[], Workspace], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Workspace:
    """A home with one learner, whose champion serves."""
    monkeypatch.setenv("MLOPS_HOME", str(tmp_path / "home"))
    made = trained_factory()
    (tmp_path / "home" / "learners").mkdir(parents=True)
    made.root.rename(tmp_path / "home" / "learners" / GOOD)
    return project.open_workspace(tmp_path / "home" / "learners" / GOOD)


@pytest.fixture
def row(desk: Workspace) -> dict[str, Any]:
    """A real flight as a caller would send it."""
    frame = pipeline.read_output(desk, "split")
    features = [name for name in project.template_of(desk).schema.features if name in frame]
    found: dict[str, Any] = json.loads(frame[features].iloc[[0]].to_json(orient="records"))[0]
    return found


def url(desk: Workspace) -> str:
    return f"/api/w/{project.describe(desk)['token']}/predict"


def test_the_token_names_the_workspace(client: Client, desk: Workspace, row: dict[str, Any]) -> None:
    answer = client.post(url(desk), json={"rows": [row, row]})
    assert answer.status_code == 200, answer.json()
    frame = pipeline.read_output(desk, "split").head(1)
    expected = predict(registry.load(desk), frame)[0]
    got = answer.json()["answers"]
    assert [a["probability"] for a in got] == pytest.approx([expected, expected])
    assert got[0]["flagged"] is bool(expected >= got[0]["threshold"])
    assert got[0]["model_version"] == "1"


def test_one_row_may_come_alone_and_the_cookie_names_the_workspace(
    client: Client, desk: Workspace, row: dict[str, Any]
) -> None:
    answer = client.post("/api/predict", json=row, headers={"cookie": f"{COOKIE}={GOOD}"})
    assert answer.status_code == 200, answer.json()
    assert [call.rows for call in RequestLog(desk).read()] == [1]


@pytest.mark.parametrize("cookie", ["", f"{COOKIE}={'f' * 32}", f"{COOKIE}=../../etc"])
def test_no_workspace_names_both_ways(client: Client, desk: Workspace, cookie: str) -> None:
    answer = client.post("/api/predict", json={"hour": 6}, headers={"cookie": cookie})
    assert answer.status_code == 404
    assert "/api/w/<token>/predict" in answer.json()["error"]["message"]
    assert "cookie" in answer.json()["error"]["message"]


def test_wrong_token(client: Client, desk: Workspace) -> None:
    assert client.post("/api/w/guess/predict", json={"hour": 6}).status_code == 404


@pytest.mark.parametrize(
    ("change", "column"),
    [({"hour": "noon"}, "hour"), ({"hour": 25}, "hour"), ({"wind_speed": 1048.4}, "wind_speed"), ({"heor": 1}, "heor")],
)
def test_schema_error_names_the_column(
    client: Client, desk: Workspace, row: dict[str, Any], change: dict[str, Any], column: str
) -> None:
    answer = client.post(url(desk), json={**row, **change})
    error = answer.json()["error"]
    assert (answer.status_code, error["column"], error["row"]) == (422, column, 0)
    assert column in error["message"]


def test_calls_are_logged_with_their_outcome(client: Client, desk: Workspace, row: dict[str, Any]) -> None:
    client.post(url(desk), json={"rows": [row, row]})
    client.post(url(desk), json={**row, "hour": "noon"})
    client.post(url(desk), content=b"{no json", headers={"content-type": "application/json"})
    calls = RequestLog(desk).read()
    assert [(call.version, call.rows) for call in calls] == [("1", 2), ("1", 1), ("", 0)]
    assert [call.status for call in calls][::2] == ["ok", "body.json"]


def test_no_champion_yet(client: Client, home: project.Home) -> None:
    new = home.workspace("d" * 32)
    answer = client.post(url(new), json={"hour": 6})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "alias.none")


def test_a_rollback_is_served_at_once(client: Client, desk: Workspace, row: dict[str, Any]) -> None:
    params = desk.params.read_text().replace("max_leaf_nodes: 15", "max_leaf_nodes: 7")
    desk.params.write_text(params)
    pipeline.run(desk).raise_if_failed()
    version = registry.register(desk, release.log_run(desk), desk.reports / "train.skops").version
    registry.promote(desk, version, expect=1, reason="try", lesson_date="2013-04-01")
    second = client.post(url(desk), json=row).json()["answers"][0]
    registry.rollback(desk, reason="back", lesson_date="2013-04-01")
    first = client.post(url(desk), json=row).json()["answers"][0]
    assert (second["model_version"], first["model_version"]) == ("2", "1")
    assert second["probability"] != first["probability"]


@pytest.mark.parametrize(("origin", "status"), [("http://evil.example", 403), ("null", 403), ("http://localhost", 200)])
def test_foreign_origin(client: Client, desk: Workspace, row: dict[str, Any], origin: str, status: int) -> None:
    assert client.post(url(desk), json=row, headers={"origin": origin}).status_code == status


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
        (json.dumps([{"hour": 6}] * (ROW_LIMIT + 1)).encode(), "application/json", 413),
        (b" " * (BODY_LIMIT + 1), "application/json", 413),
    ],
)
def test_bodies_that_are_refused(client: Client, desk: Workspace, body: bytes, kind: str, status: int) -> None:
    answer = client.post(url(desk), content=body, headers={"content-type": kind})
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


def test_at_the_limit_rows_are_taken(client: Client, desk: Workspace, row: dict[str, Any]) -> None:
    answer = client.post(url(desk), json=[row] * ROW_LIMIT)
    assert (answer.status_code, len(answer.json()["answers"])) == (200, ROW_LIMIT)
