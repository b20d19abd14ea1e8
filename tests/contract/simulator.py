"""The simulator of the contract tests, in a thread of this process, and a caller that sends requests as they are."""

import asyncio
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from typing import Any

import httpx
from aiohttp import web

from local.dataverse.application import build_app, build_runner
from local.dataverse.environment import Environment
from tests.contract.cases import UNSAID, Call, Row

ROOT = "/api/data/v9.2/"
STATUS_LINE = re.compile(r"HTTP/1\.1 (\d{3}) .+")


@dataclass(frozen=True)
class Answer:
    """A response, or one part of a batch response. `body` is JSON where it is JSON, else text."""

    status: int
    headers: Mapping[str, str]
    body: Any
    content_id: str | None = None
    nested: bool = False


@contextmanager
def served_simulator() -> Iterator[str]:
    """Serves a simulator on a free port and yields its origin."""
    loop = asyncio.new_event_loop()
    runner = build_runner(build_app())
    addresses: list[Any] = []
    started = threading.Event()

    async def start() -> None:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        addresses.extend(runner.addresses)
        started.set()

    def serve() -> None:
        loop.run_until_complete(start())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=serve)
    thread.start()
    assert started.wait(20)
    try:
        yield f"http://127.0.0.1:{addresses[0][1]}"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)


class Caller:
    """Sends the calls of a case, and speaks to the control surface."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self._http = httpx.Client(timeout=30, trust_env=False)

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def reset(self) -> None:
        """Returns to the seed and to the default environment."""
        self.control("environment", Environment().as_json())
        self.control("reset", {})

    def control(self, path: str, body: Any) -> None:
        """Changes something through the control surface."""
        response = self._http.post(f"{self.origin}/__sim/{path}", json=body)
        assert response.status_code == 200, response.text

    def rows(self, entity_set: str) -> dict[str, Row]:
        """Returns the stored rows by id."""
        response = self._http.get(f"{self.origin}/__sim/rows", params={"table": entity_set})
        assert response.status_code == 200, response.text
        return {next(iter(row.values())): row for row in response.json()}

    def written(self) -> Any:
        """Returns how many records were written, by kind and table."""
        return self._http.get(f"{self.origin}/__sim/stats").json()["recordsWritten"]

    def requests(self) -> int:
        """Returns how many requests have arrived."""
        return int(self._http.get(f"{self.origin}/__sim/stats").json()["requests"]["total"])

    def send(self, call: Call, brought: Mapping[str, str]) -> tuple[httpx.Response, Answer]:
        """Sends the call with its placeholders filled in."""
        path = filled(call.path, brought)
        url = path if path.startswith("http") else self.origin + (path if path.startswith("/") else ROOT + path)
        content: bytes | None = None
        headers = {"Authorization": "Bearer contract"}
        if isinstance(call.body, bytes):
            content = filled(call.body.decode("latin-1"), brought).encode("latin-1")
        elif call.body is not UNSAID:
            content = filled(json.dumps(call.body), {name: _escaped(value) for name, value in brought.items()}).encode()
            headers["Content-Type"] = "application/json"
        headers |= {"Prefer": call.prefer} if call.prefer else {}
        headers |= {name: filled(value, brought) for name, value in call.headers.items()}
        headers = {name: value for name, value in headers.items() if value != "(none)"}
        response = self._http.request(call.method, url, content=content, headers=headers)
        return response, Answer(response.status_code, response.headers, _body(response.text))


def filled(template: str, brought: Mapping[str, str]) -> str:
    """Puts what earlier answers brought into the placeholders."""
    for name, value in brought.items():
        template = template.replace(f"{{{name}}}", value)
    return template


def _escaped(value: str) -> str:
    return json.dumps(value)[1:-1]


def _body(content: str) -> Any:
    try:
        return json.loads(content) if content.strip() else None
    except ValueError:
        return content


def part_answers(response: httpx.Response) -> list[Answer]:
    """Returns the answers of a batch response in order, those of change sets marked as nested."""
    head = f"Content-Type: {response.headers['Content-Type']}\r\n\r\n".encode()
    return list(_answers(message_from_bytes(head + response.content), nested=False))


def _answers(message: Message, *, nested: bool) -> Iterator[Answer]:
    parts = message.get_payload()
    assert isinstance(parts, list), "the response is no multipart body"
    for part in parts:
        assert isinstance(part, Message)
        if part.is_multipart():
            yield from _answers(part, nested=True)
            continue
        assert part.get_content_type() == "application/http"
        payload = part.get_payload(decode=True)
        assert isinstance(payload, bytes)
        line, _, rest = payload.decode().lstrip().partition("\n")
        status = STATUS_LINE.fullmatch(line.strip())
        assert status is not None, line
        inner = message_from_bytes(rest.encode())
        body = inner.get_payload(decode=True)
        assert isinstance(body, bytes)
        yield Answer(int(status[1]), httpx.Headers(dict(inner.items())), _body(body.decode()), part["Content-ID"],
                     nested)  # fmt: skip
