"""What the app asks of Enreach Cloud. Everything is read by `enreach.json` and answered as models.

    reading = await client.calls(Window.modified(since, until))
    reading.items, reading.unreadable

Each method raises EnreachError. An item that cannot be read costs only itself: it stands among `unreadable`.

Document and models are loaded with the first question: a caller on the phone does not wait for them at a cold start.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from shared.clock import utc_now
from shared.enreach import discovery, requests, values
from shared.enreach.credentials import Absence, Credentials, read_credentials
from shared.enreach.errors import ReplyTooLargeError, UnreadableReplyError
from shared.enreach.health import absence_finding, enreach_finding
from shared.enreach.replies import read_list, read_object
from shared.enreach.requests import Ask
from shared.enreach.sender import Sender
from shared.enreach.transport import Transport
from shared.enreach.windows import By, Window, within
from shared.health import Finding
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.enreach.document import EnreachDocument
    from shared.enreach.models import (
        CallbackList,
        CallbackRequest,
        CallEvent,
        EnreachQueue,
        EnreachUser,
        Reading,
        Recording,
        ServiceCall,
    )
    from shared.enreach.reading import Reader

USERS_SECONDS = 300.0
"""How long the list of users serves, where the API has to be told whose calls it should give."""

_log = logging.getLogger(__name__)

type DocumentSource = Callable[[], Awaitable[EnreachDocument]]
"""Gives the running `enreach.json`. Raises EnreachError where there is one that cannot be read."""


async def _defaults() -> EnreachDocument:
    from shared.enreach.document import EnreachDocument

    return EnreachDocument()


class EnreachClient:
    """Enreach Cloud for one API user. One instance a process; the first request opens the connections."""

    def __init__(self, sender: Sender, document: DocumentSource = _defaults) -> None:
        self._sender = sender
        self._document = document
        self._reader: tuple[EnreachDocument, Reader] | None = None
        self._users: tuple[float, tuple[str, ...]] | None = None

    @property
    def requests(self) -> Counter[str]:
        """HTTP requests by operation, repeated ones and discovery included, from the start of the process."""
        return self._sender.requests

    async def calls(self, window: Window, user_ids: Sequence[str] | None = None) -> Reading[CallEvent]:
        """The call events of a window, which may be longer than the API takes at once; of these users, or of all.

        Duplicates that the API gives stay; what changes while it is read may come twice.
        """
        document, reader = await self._read_by()
        if user_ids is None and document.user_ids_per_request:
            user_ids = await self._all_user_ids()
        if user_ids is None:
            groups: list[tuple[str, ...]] = [()]
        else:
            groups = requests.user_groups(user_ids, document.user_ids_per_request)
        parts = [
            await self._within(
                window,
                partial(requests.calls_within, document, user_ids=group),
                reader.calls,
                lambda event: event.started if window.by is By.START else event.modified_at,
            )
            for group in groups
        ]
        from shared.enreach.reading import joined

        return joined(parts)

    async def calls_of(self, call_id: str) -> Reading[CallEvent]:
        """The events of one call; empty where there are none. Raises ValueError for what is no id."""
        document, reader = await self._read_by()
        return await self._list(requests.calls_of(document, call_id), reader.calls)

    async def service_calls(self, window: Window) -> Reading[ServiceCall]:
        """The service calls of a window, which may be longer than the API takes at once; by arrival or by change."""
        document, reader = await self._read_by()
        return await self._within(
            window,
            lambda part: requests.service_calls_within(document, part),
            reader.service_calls,
            lambda call: call.arrived if window.by is By.START else call.modified_at,
        )

    async def users(self) -> Reading[EnreachUser]:
        """All users that the API user may see."""
        document, reader = await self._read_by()
        return await self._list(requests.users(document), reader.users)

    async def own_user(self) -> EnreachUser:
        """The API user."""
        document, reader = await self._read_by()

        def read(body: bytes, _: str) -> EnreachUser:
            reading = reader.users([read_object(body)])
            if not reading.items:
                raise UnreadableReplyError(f"Enreach's answer about the API user has {reading.unreadable[0].reason}")
            return reading.items[0]

        return await self._sender.send(requests.own_user(document), read)

    async def queues(self, only_for_user: str | None = None) -> Reading[EnreachQueue]:
        """All queues, or those that a user serves."""
        document, reader = await self._read_by()
        return await self._list(requests.queues(document, only_for_user), reader.queues)

    async def recording(self, recording_id: str) -> Recording:
        """Where a recording is. Raises NotFoundError for one that is gone, ValueError for what is no id."""
        document, _ = await self._read_by()
        from shared.enreach.models import Recording

        def read(body: bytes, address: str) -> Recording:
            found = {name.casefold(): value for name, value in read_object(body).items()}
            named = values.text(found.get("url"))
            if named is None:
                raise UnreadableReplyError("Enreach's answer about a recording has no URL")
            return Recording(recording_id, discovery.below(address, named))

        return await self._sender.send(requests.recording(document, recording_id), read)

    async def recordings_address(self) -> str:
        """What stands before the id of a recording in its address. Who opens it needs credentials of the API."""
        document, _ = await self._read_by()
        return await self._sender.address() + document.paths.recording.partition("{id}")[0]

    async def callback_lists(self) -> Reading[CallbackList]:
        """All lists of callback requests."""
        document, reader = await self._read_by()
        return await self._list(requests.callback_lists(document), reader.callback_lists)

    async def callbacks(
        self, window: Window | None = None, list_ids: Iterable[str] | None = None
    ) -> Reading[CallbackRequest]:
        """Callback requests changed within a window (None: at any time), of these lists (None: of all)."""
        document, reader = await self._read_by()
        lists = None if list_ids is None else tuple(list_ids)
        if window is None:
            return await self._list(requests.callbacks(document, None, lists), reader.callbacks)
        return await self._within(
            window,
            lambda part: requests.callbacks(document, part, lists),
            reader.callbacks,
            lambda request: request.modified_at,
        )

    async def close_callback(self, callback_id: str, note: str | None = None) -> None:
        """Close a callback request as done; once more does no harm. Raises NotFoundError for one that is gone."""
        document, _ = await self._read_by()
        await self._sender.send(requests.close_callback(document, callback_id, note), lambda _body, _address: None)

    async def health(self) -> Sequence[Finding]:
        """What the last request met. Costs no request."""
        return (enreach_finding(self._sender.failure, self._sender.since, utc_now()),)

    async def close(self) -> None:
        """Close the connections. A later request opens new ones."""
        await self._sender.close()

    async def _read_by(self) -> tuple[EnreachDocument, Reader]:
        if self._reader is None:
            # The first time it takes some 30 ms of the processor.
            await asyncio.to_thread(import_module, "shared.enreach.reading")
        document = await self._document()
        if self._reader is None or self._reader[0] is not document:
            from shared.enreach.reading import Reader

            self._reader = document, Reader(document)
        return self._reader

    async def _list[T](self, ask: Ask, read: Callable[[list[Any]], Reading[T]]) -> Reading[T]:
        return await self._sender.send(ask, lambda body, _address: read(read_list(body)))

    async def _within[T](
        self,
        window: Window,
        ask_of: Callable[[Window], Ask],
        read: Callable[[list[Any]], Reading[T]],
        moment: Callable[[T], datetime | None],
    ) -> Reading[T]:
        """All of a window in requests that the API takes, halved where an answer is too large."""
        readings: list[Reading[T]] = []
        waiting = window.parts()[::-1]
        while waiting:
            part = waiting.pop()
            try:
                reading = await self._list(ask_of(part), read)
            except ReplyTooLargeError:
                halves = part.halves()
                if not halves:
                    raise
                waiting += reversed(halves)
            else:
                readings.append(replace(reading, items=within(reading.items, part, moment)))
        from shared.enreach.reading import joined

        return joined(readings)

    async def _all_user_ids(self) -> tuple[str, ...]:
        now = asyncio.get_running_loop().time()
        if self._users is None or now >= self._users[0]:
            users = await self.users()
            self._users = now + USERS_SECONDS, tuple(user.id for user in users.items)
        return self._users[1]


def credentials_of(settings: Settings) -> Credentials | Absence:
    """Who the app is towards Enreach, or why it is nobody."""
    return read_credentials(settings.enreach_user, settings.enreach_secret_key)


async def check(settings: Settings, client: EnreachClient | None) -> Sequence[Finding]:
    """How Enreach is for an app with these settings. Costs no request."""
    if client is not None:
        return await client.health()
    found = credentials_of(settings)
    return (absence_finding(found),) if isinstance(found, Absence) else ()


def open_client(settings: Settings, document: DocumentSource = _defaults) -> EnreachClient | None:
    """The client of this process; None without credentials. No request is made yet."""
    found = credentials_of(settings)
    if isinstance(found, Absence):
        if not found.is_meant:
            _log.warning("%s", found.reason)
        return None
    return EnreachClient(Sender(Transport(), found, settings.enreach_discovery_url, settings.enreach_api_url), document)
