"""The queue `tickets`: sends requests, and fetches those that are too large for a message from their blobs."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import batched
from typing import Protocol

from shared.storage.errors import FileMissingError, FileTooLargeError
from shared.storage.files import StoredFile
from shared.ticket_request import (
    LARGEST_MESSAGE,
    LARGEST_REQUEST,
    BadTicketRequestError,
    TicketRequest,
    as_message,
    read_stored,
    reference_to,
    stored_as,
)

QUEUE = "tickets"
POISON_QUEUE = "tickets-poison"
"""Where the host puts what it gives up, too."""
CONTAINER = "ticket-bodies"

_AT_ONCE = 200
"""Requests that become JSON in one step: others of the event loop wait meanwhile."""


class MessageSender(Protocol):
    """What this module needs of queues; `shared.storage.messages.Messages` has it."""

    async def send_many(self, queue: str, bodies: Sequence[bytes]) -> None: ...


class CopySender(Protocol):
    """What sending a request again needs of queues; `shared.storage.messages.Messages` has it."""

    async def send(self, queue: str, body: bytes, *, delay: timedelta = ...) -> None: ...


class BodyWriter(Protocol):
    """What sending needs of blobs; `shared.storage.files.Files` has it."""

    async def write(self, container: str, name: str, data: bytes, content_type: str) -> None: ...


class BodyReader(Protocol):
    """What reading needs of blobs; `shared.storage.files.Files` has it."""

    async def read(self, container: str, name: str, *, max_bytes: int) -> StoredFile: ...


async def send_ticket_requests(messages: MessageSender, files: BodyWriter, requests: Iterable[TicketRequest]) -> None:
    """Put the requests into the queue, in any order; the blob of a large one is there before its message.

    Raises StorageError when some may not have been sent: repeat them all. Whoever reads the queue takes the same
    request twice for once.
    """
    for some in batched(requests, _AT_ONCE, strict=False):
        await messages.send_many(QUEUE, [await _message(files, request) for request in some])


async def send_copy(messages: CopySender, files: BodyWriter, request: TicketRequest, delay: timedelta) -> None:
    """Put a request into the queue, to come after this delay. After a StorageError it may have been sent or not."""
    await messages.send(QUEUE, await _message(files, request), delay=delay)


async def full_request(files: BodyReader, message: TicketRequest) -> TicketRequest:
    """The request itself, also where the message only names its blob.

    Raises BadTicketRequestError where the blob is missing (it was there before its message) or is not what it should
    be, and StorageError when storage does not answer.
    """
    if message.body is None:
        return message
    try:
        stored = await files.read(CONTAINER, message.body, max_bytes=LARGEST_REQUEST)
    except FileMissingError:
        raise BadTicketRequestError("body: there is no such blob") from None
    except FileTooLargeError as error:
        raise BadTicketRequestError(f"body: {error}") from None
    return read_stored(message, stored.data)


async def _message(files: BodyWriter, request: TicketRequest) -> bytes:
    message = as_message(request)
    if len(message) <= LARGEST_MESSAGE or request.body is not None:
        return message
    name, content = stored_as(request.sent_anew(None))
    # Over what may be there: it is the same, and its age begins anew.
    await files.write(CONTAINER, name, content, "application/json")
    return as_message(reference_to(request, name).sent_anew(request.delivery))
