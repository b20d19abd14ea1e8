"""The control surface of the Enreach simulator, and clients of ours that speak to it."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from local.enreach.seed import API_SECRET_KEY, API_USER
from shared.config_documents import json_document
from shared.enreach.client import EnreachClient
from shared.enreach.credentials import Credentials
from shared.enreach.document import EnreachDocument
from shared.enreach.sender import PATIENCE_SECONDS, Sender
from shared.enreach.transport import Transport

API_CREDENTIALS = Credentials(API_USER, API_SECRET_KEY)


class Enreach:
    """What a test says to the simulator, and what it asks of it."""

    def __init__(self, address: str, http: httpx.Client) -> None:
        self.address = address
        self._http = http

    def sent(self, path: str, body: Any) -> Any:
        """POSTs a control request, which must be accepted."""
        response = self._http.post(f"/__sim/{path}", json=body)
        assert response.status_code == 200, response.text
        return response.json()

    def switch(self, **settings: Any) -> None:
        """Changes switches."""
        self.sent("environment", settings)

    def plant(self, kind: str, *items: dict[str, Any]) -> list[str]:
        """Plants items in one request and returns their ids."""
        ids: list[str] = self.sent(kind, list(items))["ids"]
        return ids

    def fault(self, **rule: Any) -> None:
        """Adds one fault rule."""
        self.sent("faults", [rule])

    def mend(self) -> None:
        """Takes every fault away."""
        self._http.delete("/__sim/faults").raise_for_status()

    def requests(self, path: str = "") -> list[dict[str, Any]]:
        """The requests so far, the oldest first, of those whose path begins so."""
        asked: list[dict[str, Any]] = self._http.get("/__sim/requests").json()
        return [request for request in asked if request["path"].startswith(path)]

    def items(self, kind: str) -> list[dict[str, Any]]:
        """All items of a kind as the simulator holds them."""
        items: list[dict[str, Any]] = self._http.get(f"/__sim/{kind}").json()
        return items


class Pauses:
    """Takes the place of `asyncio.sleep`: remembers how long it should have slept."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def enreach_client(
    address: str,
    *,
    document: str = "{}",
    credentials: Credentials = API_CREDENTIALS,
    api_url: str | None = None,
    sleep: Callable[[float], Awaitable[None]] | None = None,
    silent: float = 5.0,
    whole: float = 10.0,
    patience: float = PATIENCE_SECONDS,
) -> EnreachClient:
    """A client that discovers its API at `address` and does not sleep, unless told otherwise."""
    parsed = json_document(EnreachDocument)(document.encode())

    async def running_document() -> EnreachDocument:
        return parsed

    sender = Sender(
        Transport(silent=silent, whole=whole),
        credentials,
        address,
        api_url,
        patience=patience,
        sleep=sleep or Pauses(),
    )
    return EnreachClient(sender, running_document)
