"""One simulator for all tests of this folder, in a thread of its own, spoken to over HTTP; reset before each test."""

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from aiohttp import web

from local.dataverse.application import build_app, build_runner
from local.dataverse.environment import Environment

ROOT = "/api/data/v9.2/"
PART = re.compile(rb"HTTP/1\.1 (\d{3}) [^\r]*\r\n(.*?)\r\n\r\n(.*?)\r\n--", re.DOTALL)


@dataclass(frozen=True)
class PartAnswer:
    """One answer out of a batch response."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def code(self) -> str:
        return str(self.body["error"]["code"]) if self.status >= 400 else ""


class Dataverse:
    """A caller of the simulator: the Web API, `$batch` and the control surface."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.http = httpx.Client(base_url=origin + ROOT, headers={"Authorization": "Bearer test"}, timeout=30)

    def get(self, path: str, prefer: str = "", headers: dict[str, str] | None = None, **options: str) -> httpx.Response:
        """GETs a path; `filter="..."` becomes `$filter=...`, properly encoded."""
        parameters = {f"${name}": value for name, value in options.items()}
        return self.http.get(path, params=parameters or None, headers=_headers(prefer, headers))

    def rows(self, path: str, **options: str) -> list[dict[str, Any]]:
        """GETs a collection that must be readable and returns its rows."""
        response = self.get(path, "", None, **options)
        assert response.status_code == 200, response.text
        rows: list[dict[str, Any]] = response.json()["value"]
        return rows

    def send(
        self, method: str, path: str, body: Any = None, prefer: str = "", headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """Sends a request with a JSON body, or with none."""
        content = None if body is None else json.dumps(body)
        sent = {"Content-Type": "application/json", **_headers(prefer, headers)}
        return self.http.request(method, path, content=content, headers=sent)

    def create(self, entity_set: str, body: dict[str, Any]) -> str:
        """Creates a row that must be accepted and returns its id."""
        response = self.send("POST", entity_set, body)
        assert response.status_code == 204, response.text
        return response.headers["OData-EntityId"].rpartition("(")[2].rstrip(")")

    def control(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Sends a control request."""
        return self.http.request(method, f"{self.origin}/__sim/{path}", json=body)

    def environment(self, **settings: Any) -> None:
        """Changes settings of the environment, which must be accepted."""
        response = self.control("POST", "environment", settings)
        assert response.status_code == 200, response.text

    def batch(self, body: str, prefer: str = "", boundary: str = "b") -> httpx.Response:
        """Sends a batch body."""
        headers = {"Content-Type": f"multipart/mixed; boundary={boundary}", **_headers(prefer, None)}
        return self.http.post("$batch", content=body.encode(), headers=headers)

    @staticmethod
    def part(method: str, path: str, body: Any = None, content_id: str = "", headers: str = "") -> str:
        """Returns one part of a batch without its boundary."""
        return batch_part(method, path, body, content_id, headers)

    def run_batch(self, parts: list[str], prefer: str = "") -> tuple[httpx.Response, list[PartAnswer]]:
        """Sends the parts and returns the response as a whole and the answers in it."""
        response = self.batch(batch_body(parts), prefer)
        return response, part_answers(response)

    @staticmethod
    def change_set(parts: list[str], boundary: str = "c") -> str:
        """Returns a part that is a change set."""
        return f"Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n{batch_body(parts, boundary)}"

    def creates(self, entity_set: str, bodies: list[dict[str, Any]]) -> list[PartAnswer]:
        """Creates rows in batches, going on after errors, and returns an answer each."""
        answers: list[PartAnswer] = []
        for start in range(0, len(bodies), 1000):
            parts = [batch_part("POST", entity_set, body) for body in bodies[start : start + 1000]]
            answers += part_answers(self.batch(batch_body(parts), "odata.continue-on-error"))
        assert len(answers) == len(bodies)
        return answers


def _headers(prefer: str, headers: dict[str, str] | None) -> dict[str, str]:
    return {**({"Prefer": prefer} if prefer else {}), **(headers or {})}


def batch_part(method: str, path: str, body: Any = None, content_id: str = "", headers: str = "") -> str:
    """Returns one part of a batch without its boundary."""
    content = f"Content-ID: {content_id}\r\n" if content_id else ""
    return (
        f"Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n{content}\r\n"
        f"{method} {path if path.startswith(('/', '$', 'http')) else ROOT + path} HTTP/1.1\r\n"
        f"Content-Type: application/json; type=entry\r\n{headers}\r\n"
        f"{'' if body is None else json.dumps(body)}\r\n"
    )


def batch_body(parts: list[str], boundary: str = "b") -> str:
    """Returns a multipart body."""
    return "".join(f"--{boundary}\r\n{part}" for part in parts) + f"--{boundary}--\r\n"


def part_answers(response: httpx.Response) -> list[PartAnswer]:
    """Returns the answers inside a batch response, those of change sets too."""
    answers = []
    for match in PART.finditer(response.content):
        lines = match[2].decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        body = match[3].strip()
        answers.append(PartAnswer(int(match[1]), headers, json.loads(body) if body else None))
    return answers


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
def caller(simulator_origin: str) -> Iterator[Dataverse]:
    """Keeps one connection pool for the whole run."""
    dataverse = Dataverse(simulator_origin)
    yield dataverse
    dataverse.http.close()


@pytest.fixture
def dataverse(caller: Dataverse) -> Dataverse:
    """Gives a test a freshly seeded simulator with default settings."""
    caller.control("POST", "environment", Environment().as_json())
    caller.control("POST", "reset")
    return caller
