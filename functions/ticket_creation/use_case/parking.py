"""Messages that no retry helps: the queue `tickets-poison`, with the reason of each in the ledger, and the way back.

Parking: the record first, then the message into the poison queue, then the original is done. So whatever stands in the
poison queue through us has its reason from the first moment on, and a message that was cut off in between is still in
`tickets` and parks itself again. What that leaves twice in the poison queue is one message by its digest.

Re-driving: the record first again (the number of re-drives, and since when it is away), then the message into
`tickets`, then it is removed. A re-drive that was cut off leaves the message in the poison queue, maybe in `tickets`
too, where the same request twice counts once; `tending` sees that the record says so again.
"""

import asyncio
import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from shared.at_once import at_once
from shared.calls.ids import canonical_call_id
from shared.storage.messages import ReceivedMessage
from shared.ticket_queue import POISON_QUEUE, QUEUE
from shared.ticket_request import BadTicketRequestError, as_message, read_message
from shared.tickets.records import ParkedMessage

GIVEN_UP = "given-up"
"""The code of messages that the host put there: their workers were stopped again and again, or never began."""
HIDDEN = timedelta(seconds=60)
"""How long a message of the poison queue is ours once we got it."""
MOST = 1_000
"""Messages that one call sends back."""
BUDGET = timedelta(seconds=30)
_AT_ONCE = 8


class Queues(Protocol):
    """What parking needs of queues; `shared.storage.messages.Messages` has it."""

    async def send(self, queue: str, body: bytes, *, delay: timedelta = ...) -> None: ...
    async def receive(self, queue: str, *, hidden: timedelta) -> Sequence[ReceivedMessage]: ...
    async def delete(self, queue: str, message: ReceivedMessage) -> bool: ...
    async def count(self, queue: str) -> int: ...


class ParkedRows(Protocol):
    """What parking needs of the ledger; `shared.tickets.ledger.TicketLedger` has it."""

    async def parked(self, most: int | None = None) -> list[ParkedMessage]: ...
    async def parked_one(self, digest: str) -> ParkedMessage | None: ...
    async def park(self, parked: Collection[ParkedMessage]) -> None: ...


class Clock(Protocol):
    """Says what time it is, in UTC."""

    def __call__(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class RefusedMessage:
    """A message to be parked, as it came, and why."""

    body: bytes
    code: str
    reason: str
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Redriven:
    """What a re-drive did."""

    sent: int
    """Messages that are back in the queue `tickets`."""
    left: int
    """About how many the poison queue still holds."""


def plain(body: bytes) -> bytes:
    """A message as it is parked: unchanged, but for what we ourselves added to a copy."""
    try:
        request = read_message(body)
    except BadTicketRequestError:
        return body
    return body if request.delivery is None else as_message(request.sent_anew(None))


def digest_of(body: bytes) -> str:
    """The SHA-256 of a plain message, in hex."""
    return hashlib.sha256(body).hexdigest()


def call_of(body: bytes) -> str | None:
    """The canonical id of the call that a message is about, also where the rest of it cannot be understood."""
    try:
        message = json.loads(body)
        call_id = message["callId"] if isinstance(message, dict) else None
        return canonical_call_id(call_id) if isinstance(call_id, str) else None
    except (ValueError, KeyError, RecursionError):
        return None


def given_up(body: bytes, now: datetime) -> ParkedMessage:
    """The record of a message that the host put into the poison queue."""
    return ParkedMessage(
        digest=digest_of(body),
        code=GIVEN_UP,
        reason="its worker was stopped again and again before it came to an end, or could not read it at all",
        call_id=call_of(body),
        parked_at=now,
    )


class Parking:
    """The poison queue and its records. Each call raises StorageError, and may then be repeated."""

    def __init__(self, rows: ParkedRows, queues: Queues, now: Clock) -> None:
        self._rows = rows
        self._queues = queues
        self._now = now

    async def park(self, messages: Iterable[RefusedMessage]) -> None:
        """Put these where a person looks at them."""
        refused = {digest_of(body): (body, each) for each in messages for body in [plain(each.body)]}
        known = await self.known(refused)
        now = self._now()
        await self._rows.park(
            [
                ParkedMessage(
                    digest=digest,
                    code=each.code,
                    reason=each.reason,
                    call_id=call_of(body),
                    parked_at=now,
                    attempts=each.attempts,
                    redrives=known[digest].redrives if digest in known else 0,
                )
                for digest, (body, each) in refused.items()
            ]
        )

        async def send(body: bytes) -> None:
            await self._queues.send(POISON_QUEUE, body)

        await at_once(_AT_ONCE, [body for body, _ in refused.values()], send)

    async def parked(self, most: int | None = None) -> list[ParkedMessage]:
        """What stands in the poison queue, the newest first."""
        found = [each for each in await self._rows.parked() if each.is_parked]
        return sorted(found, key=lambda each: (each.parked_at, each.digest), reverse=True)[:most]

    async def redrive(self, call_id: str | None = None, *, most: int = MOST, budget: timedelta = BUDGET) -> Redriven:
        """Send what is parked back to the queue `tickets`: all, or what is about this call (a canonical id).

        `most` messages, and for as long as `budget`: what is left, the next call takes. What comes back stays.
        """
        loop = asyncio.get_running_loop()
        until, sent = loop.time() + budget.total_seconds(), set[str]()
        while len(sent) < most and loop.time() < until:
            page = await self._queues.receive(POISON_QUEUE, hidden=HIDDEN)
            if not page:
                break
            wanted = [each for each in page if call_id is None or call_of(each.body) == call_id]
            await self.send_back(wanted[: most - len(sent)], sent)
        return Redriven(len(sent), await self._queues.count(POISON_QUEUE))

    async def send_back(self, messages: Sequence[ReceivedMessage], sent: set[str]) -> None:
        """Send these messages of the poison queue back. `sent` holds the digests of what was sent already."""
        bodies = {digest_of(body): body for each in messages for body in [plain(each.body)]}
        known, now = await self.known(bodies), self._now()
        fresh = {digest: body for digest, body in bodies.items() if digest not in sent}
        records = [known[digest] if digest in known else given_up(body, now) for digest, body in fresh.items()]
        await self._rows.park([replace(each, redrives=each.redrives + 1, redriven_at=now) for each in records])

        async def send(body: bytes) -> None:
            await self._queues.send(QUEUE, body)

        await at_once(_AT_ONCE, fresh.values(), send)

        async def remove(message: ReceivedMessage) -> None:
            digest = digest_of(plain(message.body))
            # Of what was sent before, this is either the same once more, or it came back: then it stays.
            if digest in fresh or (digest in known and not known[digest].is_parked):
                await self._queues.delete(POISON_QUEUE, message)

        await at_once(_AT_ONCE, messages, remove)
        sent.update(fresh)

    async def known(self, digests: Iterable[str]) -> Mapping[str, ParkedMessage]:
        """What the ledger has of these."""
        found: dict[str, ParkedMessage] = {}

        async def ask(digest: str) -> None:
            parked = await self._rows.parked_one(digest)
            if parked is not None:
                found[digest] = parked

        await at_once(_AT_ONCE, digests, ask)
        return found
