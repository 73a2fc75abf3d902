"""The small server of `python -m mlops_core serve`, asked over a real socket."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from typing import Any

import pytest

from mlops_core import pipeline, project
from mlops_core.errors import BadParameter, NotFound
from mlops_core.http import Service, handler, serve_forever
from mlops_core.serving import RequestLog
from mlops_core.workspace import Workspace
from tests.conftest import Factory


@pytest.fixture
def served(trained_factory: Factory) -> Iterator[tuple[str, Workspace]]:
    ws = trained_factory()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler(Service.of(ws))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", ws
        server.shutdown()
        thread.join()


def ask(url: str, body: object = None, **headers: str) -> tuple[int, dict[str, Any]]:
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(
        url, data, {"Content-Type": "application/json", **headers} if data is not None else {}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def flight(ws: Workspace) -> dict[str, Any]:
    frame = pipeline.read_output(ws, "split")
    names = [name for name in project.template_of(ws).schema.features if name in frame]
    found: dict[str, Any] = json.loads(frame[names].iloc[[5]].to_json(orient="records"))[0]
    return found


def test_a_flight_is_scored_and_noted(served: tuple[str, Workspace]) -> None:
    url, ws = served
    status, body = ask(f"{url}/predict", {"rows": [flight(ws)]})
    assert status == 200
    assert 0 < body["answers"][0]["probability"] < 1
    assert [(c.rows, c.status) for c in RequestLog(ws).read()] == [(1, "ok")]
    status, health = ask(f"{url}/health")
    assert (status, health["champion"], health["requests"]) == (200, 1, 1)


def test_what_is_wrong_is_named(served: tuple[str, Workspace]) -> None:
    url, ws = served
    row = flight(ws)
    assert ask(f"{url}/predict", {**row, "hour": "noon"})[1]["error"]["column"] == "hour"
    assert ask(f"{url}/predict", b"{")[0] == 400
    assert ask(f"{url}/predict", row, Origin="http://evil.example")[0] == 403
    assert ask(f"{url}/predict", row, **{"Content-Type": "text/plain"})[0] == 415
    assert ask(f"{url}/predict", b" " * 300_000)[0] == 413
    assert ask(f"{url}/other", row)[0] == 404
    assert ask(f"{url}/other")[0] == 404


def test_many_at_once(served: tuple[str, Workspace]) -> None:
    url, ws = served
    row, statuses = flight(ws), []
    threads = [threading.Thread(target=lambda: statuses.append(ask(f"{url}/predict", row)[0])) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 16
    assert RequestLog(ws).summary().count == 16


def test_without_a_champion_it_does_not_start(workspace_factory: Factory) -> None:
    with pytest.raises(NotFound, match="no champion"):
        serve_forever(workspace_factory(), "127.0.0.1", 0, print)


def test_a_taken_port_is_named(trained_factory: Factory) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(BadParameter, match=f"port {port} .*Choose another"):
            serve_forever(trained_factory(), "127.0.0.1", port, print)


def test_the_command_serves_until_interrupted(trained_factory: Factory) -> None:
    ws = trained_factory()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlops_core", "serve", "--port", str(port), "--workspace", str(ws.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        for _ in range(600):
            try:
                status, _body = ask(f"http://127.0.0.1:{port}/health")
                break
            except urllib.error.URLError:
                assert server.poll() is None, server.communicate()[1]
                threading.Event().wait(0.1)
        assert status == 200
        server.send_signal(2)
        _out, err = server.communicate(timeout=30)
    assert (server.returncode, "Traceback" in err) == (130, False)
