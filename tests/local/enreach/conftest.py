"""One simulator for all tests of this folder, in a thread of its own, spoken to over HTTP; reset before each test."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from aiohttp import web

from local.enreach.application import build_app, build_runner
from local.enreach.environment import Environment
from local.enreach.seed import API_SECRET_KEY, API_USER


class Enreach:
    """A caller of the simulator: the API with the seeded API user's key, and the control surface."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.http = httpx.Client(base_url=origin, auth=(API_USER, API_SECRET_KEY), timeout=30)

    def get(self, path: str, headers: dict[str, str] | None = None, **parameters: str) -> httpx.Response:
        """GETs a path of the API."""
        return self.http.get(path, params=parameters or None, headers=headers)

    def items(self, path: str, headers: dict[str, str] | None = None, **parameters: str) -> list[dict[str, Any]]:
        """GETs a list that must be readable."""
        response = self.get(path, headers, **parameters)
        assert response.status_code == 200, response.text
        items: list[dict[str, Any]] = response.json()
        return items

    def control(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Sends a control request."""
        return self.http.request(method, f"/__sim/{path}", json=body)

    def accepted(self, path: str, body: Any) -> Any:
        """POSTs a control request that must be accepted."""
        response = self.control("POST", path, body)
        assert response.status_code == 200, response.text
        return response.json()

    def plant(self, kind: str, *items: dict[str, Any]) -> list[str]:
        """Plants items in one request and returns their ids."""
        ids: list[str] = self.accepted(kind, list(items))["ids"]
        return ids

    def environment(self, **settings: Any) -> None:
        """Changes switches, which must be accepted."""
        self.accepted("environment", settings)

    def stats(self) -> Any:
        """Returns the counts."""
        return self.control("GET", "stats").json()


@pytest.fixture(scope="session")
def simulator_origin() -> Iterator[str]:
    """Serves a simulator from a thread for the whole run."""
    loop = asyncio.new_event_loop()
    started = threading.Event()
    addresses: list[str] = []
    runner = build_runner(build_app())

    async def start() -> None:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        addresses.append(f"http://127.0.0.1:{runner.addresses[0][1]}")
        started.set()

    def serve() -> None:
        loop.run_until_complete(start())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=serve)
    thread.start()
    assert started.wait(10)
    yield addresses[0]
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)


@pytest.fixture(scope="session")
def caller(simulator_origin: str) -> Iterator[Enreach]:
    """Keeps one connection pool for the whole run."""
    enreach = Enreach(simulator_origin)
    yield enreach
    enreach.http.close()


@pytest.fixture
def enreach(caller: Enreach) -> Enreach:
    """Gives a test a freshly seeded simulator with default switches and the wall clock."""
    caller.control("POST", "environment", Environment().as_json())
    caller.control("POST", "reset")
    return caller


class Endpoint:
    """A customer's endpoint that remembers what came and answers as told."""

    def __init__(self) -> None:
        self.status, self.body, self.pause = 204, b"", threading.Event()
        self.pause.set()
        self.received: list[tuple[dict[str, str], Any]] = []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                endpoint.received.append((dict(self.headers), body))
                endpoint.pause.wait(5)
                self.send_response(endpoint.status)
                self.send_header("Content-Length", str(len(endpoint.body)))
                self.end_headers()
                self.wfile.write(endpoint.body)

            def log_message(self, *_: Any) -> None:
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    endpoint = Endpoint()
    thread = threading.Thread(target=endpoint.server.serve_forever)
    thread.start()
    yield endpoint
    endpoint.pause.set()
    endpoint.server.shutdown()
    endpoint.server.server_close()
    thread.join()
