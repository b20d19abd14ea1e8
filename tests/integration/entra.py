"""Entra's token endpoint (TLS) and an App Service identity endpoint, answering what a test tells them to."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from local.dataverse.certificate import server_context

IDENTITY_HEADER = "identity-header-of-the-host"


@dataclass
class Answer:
    """`body` is JSON unless it is a text; `drop` closes the connection without a word."""

    body: Any = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False

    async def give(self, request: web.Request) -> web.StreamResponse:
        if self.drop:
            assert request.transport is not None
            request.transport.abort()
        if isinstance(self.body, str):
            return web.Response(text=self.body, status=self.status, headers=self.headers, content_type="text/html")
        return web.json_response(self.body, status=self.status, headers=self.headers)


def refusal(code: int, error: str, text: str) -> Answer:
    """As Entra words it."""
    description = f"AADSTS{code}: {text} Trace ID: 255d1aef-8c98-452f-ac51-23d051240864 Timestamp: 2026-11-21 02:02:12Z"
    content = {"error": error, "error_description": description, "error_codes": [code]}
    return Answer(content, 401 if error == "invalid_client" else 400)


@dataclass
class Entra:
    """Gives `answers` in turn and good tokens after them. Keeps what it was asked."""

    url: str = ""
    identity_url: str = ""
    trust: str = ""
    answers: list[Answer] = field(default_factory=list)
    identity_answers: list[Answer] = field(default_factory=list)
    identity_delay: float = 0
    asked: list[dict[str, str]] = field(default_factory=list)
    identity_asked: list[dict[str, str]] = field(default_factory=list)

    async def token(self, request: web.Request) -> web.StreamResponse:
        self.asked.append({"path": request.path, **{key: str(value) for key, value in (await request.post()).items()}})
        if self.answers:
            return await self.answers.pop(0).give(request)
        token = {"token_type": "Bearer", "expires_in": 3600, "access_token": f"token-{len(self.asked)}"}
        return web.json_response(token)

    async def identity_token(self, request: web.Request) -> web.StreamResponse:
        self.identity_asked.append({**request.query, "header": request.headers.get("X-IDENTITY-HEADER", "")})
        await asyncio.sleep(self.identity_delay)
        if self.identity_answers:
            return await self.identity_answers.pop(0).give(request)
        resource, number = request.query["resource"], len(self.identity_asked)
        token = {"access_token": f"identity-{number}", "expires_on": "4102444800", "resource": resource}
        return web.json_response({**token, "token_type": "Bearer", "client_id": request.query.get("client_id", "")})


@asynccontextmanager
async def running_entra(folder: Path) -> AsyncIterator[Entra]:
    """Serves on free ports of this machine. `trust` is the file of the certificate that a caller has to trust."""
    entra = Entra()
    app = web.Application()
    app.router.add_post("/{tenant}/oauth2/v2.0/token", entra.token)
    app.router.add_get("/msi/token", entra.identity_token)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_context()).start()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        tls_port, port = (address[1] for address in runner.addresses)
        entra.url, entra.identity_url = f"https://127.0.0.1:{tls_port}", f"http://127.0.0.1:{port}/msi/token"
        entra.trust = await asyncio.to_thread(trust_file, folder, tls_port)
        yield entra
    finally:
        await runner.cleanup()


def trust_file(folder: Path, port: int) -> str:
    """The certificate that a server on this machine shows, as a file to trust."""
    path = folder / f"{port}.pem"
    path.write_text(ssl.get_server_certificate(("127.0.0.1", port)))
    return str(path)
