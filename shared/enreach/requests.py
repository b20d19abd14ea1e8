"""What is asked of the API: methods, paths and queries, by the names of a document. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import batched
from typing import TYPE_CHECKING

from yarl import URL

from shared.enreach.values import identifier
from shared.enreach.windows import By, Window

if TYPE_CHECKING:
    from shared.enreach.document import EnreachDocument

MAX_LIST_BYTES = 32 * 1024 * 1024
"""Some 50,000 call events: 10,000 agents make about 14,000 within 15 minutes."""
MAX_OBJECT_BYTES = 1024 * 1024
_MOST_IDS = 50
"""Ids in a query: some 2 kB, which every web server takes."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. `operation` names it in counts; nothing of `path`, `query` and `body` may reach a log.

    `names_one`: it is about one thing, which may be gone; otherwise a 404 says that the API itself is not there.
    """

    operation: str
    path: str = field(repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    method: str = "GET"
    body: bytes | None = field(default=None, repr=False)
    max_bytes: int = MAX_LIST_BYTES
    names_one: bool = False

    def url(self, address: str) -> URL:
        """Where it goes, below the API's address."""
        url = URL(address + self.path)
        return url.with_query(self.query) if self.query else url


def users(document: EnreachDocument) -> Ask:
    """All users that the API user may see."""
    return Ask("users", document.paths.users)


def own_user(document: EnreachDocument) -> Ask:
    """The API user."""
    return Ask("own user", document.paths.own_user, max_bytes=MAX_OBJECT_BYTES)


def queues(document: EnreachDocument, only_for_user: str | None) -> Ask:
    """All queues, or those that a user serves."""
    return Ask("queues", document.paths.queues, {} if only_for_user is None else {"OnlyForUser": _id(only_for_user)})


def calls_within(document: EnreachDocument, window: Window, user_ids: Sequence[str]) -> Ask:
    """The call events of a window, of these users where any are named."""
    query = window.parameters() | ({"UserIDs": ",".join(map(_id, user_ids))} if user_ids else {})
    return Ask("calls", document.paths.calls, query)


def calls_of(document: EnreachDocument, call_id: str) -> Ask:
    """The events of one call."""
    return Ask("calls", document.paths.calls, {"CallId": _id(call_id)})


def service_calls_within(document: EnreachDocument, window: Window) -> Ask:
    """The service calls of a window."""
    return Ask("service calls", document.paths.service_calls, window.parameters())


def recording(document: EnreachDocument, recording_id: str) -> Ask:
    """Where a recording is."""
    path = document.paths.recording.replace("{id}", _id(recording_id))
    return Ask("recording", path, max_bytes=MAX_OBJECT_BYTES, names_one=True)


def callback_lists(document: EnreachDocument) -> Ask:
    """The lists of callback requests."""
    return Ask("callback lists", document.paths.callback_lists)


def callbacks(document: EnreachDocument, window: Window | None, list_ids: Iterable[str] | None) -> Ask:
    """Callback requests of some lists (None: all), changed within a window (None: at any time).

    Raises ValueError for a window by start, which the API is not assumed to have.
    """
    names = document.callback_parameters
    query = {}
    if list_ids is not None:
        query[names.list_ids] = ",".join(map(_id, list_ids))
    if window is not None:
        if window.by is not By.CHANGE:
            raise ValueError("callback requests are found by their change only")
        after, before = window.parameters().values()
        query |= {names.modified_after: after, names.modified_before: before}
    return Ask("callbacks", document.paths.callbacks, query)


def close_callback(document: EnreachDocument, callback_id: str, note: str | None) -> Ask:
    """Close a callback request as done. Sent twice it does no harm."""
    fields = document.fields_.callbacks
    body = {fields.state[0]: document.values.callback_states.closed_successfully[0]}
    if note is not None:
        body[fields.note[0]] = note
    path = document.paths.callback.replace("{id}", _id(callback_id))
    return Ask("close callback", path, {}, "PUT", json.dumps(body).encode(), MAX_OBJECT_BYTES, names_one=True)


def user_groups(user_ids: Iterable[str], at_once: int) -> list[tuple[str, ...]]:
    """The ids, none twice, in groups for one request each; where `at_once` is 0, in groups that a URL can hold."""
    return list(batched(dict.fromkeys(user_ids), at_once or _MOST_IDS, strict=False))


def _id(text: str) -> str:
    """An id as we write it. Raises ValueError for anything that could be more than an id, such as a path."""
    known = identifier(text)
    if known is None or set(known) <= {"."}:
        raise ValueError("this is no Enreach id")
    return known
