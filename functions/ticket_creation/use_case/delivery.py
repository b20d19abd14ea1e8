"""A message of the queue `tickets`, until it is settled: done, to come again, or parked.

Whoever comes again is a copy with a growing delay. Of the copies of a call one goes on: the ledger's record of the call
holds their tokens, and a copy with another one is dropped. The record is written before the copy is sent, with the new
token and the one in hand: cut off anywhere, either the message in hand or its copy goes on, and where both do, the
first of them to be tried again leaves the other one behind. A message as its sender sent it is never dropped.

While the ledger does not answer, a copy takes over the token in hand. While queues do not take a copy, the message in
hand is kept by the host, which counts that; so one that comes for the third time is exchanged for a fresh copy first.
"""

import logging
import random
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol
from uuid import uuid4

from functions.ticket_creation.decide.delays import delay
from functions.ticket_creation.use_case.gathering import Gathering
from functions.ticket_creation.use_case.parking import Parking, Queues, RefusedMessage
from functions.ticket_creation.use_case.results import DONE, Later, Refused, Result
from shared.at_once import at_once
from shared.dataverse.errors import DataverseError
from shared.enreach.errors import EnreachError
from shared.storage.errors import StorageError
from shared.sync_runs import UnusableError
from shared.ticket_queue import BodyReader, BodyWriter, full_request, send_copy
from shared.ticket_request import BadTicketRequestError, Delivery, TicketRequest, read_message
from shared.tickets.records import TicketOutcome, TicketRecord

WORN_AT = 3
"""Deliveries from which on a message is exchanged for a copy. The host gives up at the fifth (host.json)."""
MALFORMED, UNEXPECTED = "malformed", "unexpected"
"""Codes of what is parked."""
_SENT_AT_ONCE = 16

_log = logging.getLogger(__name__)


class Work(Protocol):
    """`functions.ticket_creation.use_case.working.TicketWork` has it."""

    async def take(self, requests: Sequence[TicketRequest]) -> list[Result]: ...


class Records(Protocol):
    """`shared.tickets.ledger.TicketLedger` has it. Each method raises StorageError."""

    async def read(self, call_ids: Iterable[str]) -> Mapping[str, TicketRecord]: ...
    async def write(
        self, records: Collection[TicketRecord], *, before: Mapping[str, TicketRecord] | None = None
    ) -> None: ...


class Bodies(BodyReader, BodyWriter, Protocol):
    """`shared.storage.files.Files` has it."""


@dataclass(frozen=True, slots=True)
class _Message:
    body: bytes
    request: TicketRequest
    """As it stands in the queue: it may only name its blob."""
    full: TicketRequest
    """With what its blob holds, where it could be read."""
    verdict: Later | Refused | None = None
    """What becomes of it without being worked on."""

    @property
    def call_id(self) -> str:
        return self.request.call_id

    @property
    def attempts(self) -> int:
        """With this one."""
        return 1 if self.request.delivery is None else self.request.delivery.attempts + 1

    @property
    def token(self) -> str:
        """Empty: it is never dropped."""
        return "" if self.request.delivery is None else self.request.delivery.token

    def is_stale(self, record: TicketRecord | None) -> bool:
        if not self.token or record is None or not record.token:
            return False
        return self.token not in record.token.split()


type _Settled = StorageError | None
"""What keeps a message from being settled."""


class TicketDelivery:
    """The messages of one process."""

    def __init__(
        self,
        work: Work,
        records: Records,
        queues: Queues,
        bodies: Bodies,
        parking: Parking,
        now: Callable[[], datetime],
        *,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._work = work
        self._records = records
        self._queues = queues
        self._bodies = bodies
        self._parking = parking
        self._now = now
        self._chance = chance
        self.groups = Gathering(self._settle)

    async def deliver(self, body: bytes, dequeued: int) -> None:
        """Returns when the message may go. `dequeued` says how often anybody got it.

        Raises StorageError where it can neither be settled nor parked now: the host then keeps it.
        """
        try:
            request = read_message(body)
        except BadTicketRequestError as error:
            _log.warning("A ticket request is malformed and parked: %s", error)
            await self._parking.park([RefusedMessage(body, MALFORMED, str(error))])
            return
        problem = await self.groups.add(await self._filled(body, request, is_worn=dequeued >= WORN_AT))
        if problem is not None:
            raise problem

    async def _filled(self, body: bytes, request: TicketRequest, *, is_worn: bool) -> _Message:
        if is_worn:
            return _Message(body, request, request, Later("its worker was stopped before it came to an end"))
        try:
            return _Message(body, request, (await full_request(self._bodies, request)).sent_anew(None))
        except BadTicketRequestError as error:
            _log.warning("A ticket request is malformed and parked: %s", error)
            return _Message(body, request, request, Refused(MALFORMED, str(error)))
        except StorageError as error:
            return _Message(body, request, request, _later(error))

    # --------------------------------------------------------------------------------------------- groups

    async def _settle(self, messages: Sequence[_Message]) -> list[_Settled]:
        try:
            return await self._settled(messages)
        except Exception as error:  # noqa: BLE001 - as of the work: a row that cannot be read is one call's alone
            if len(messages) == 1:
                _log.error("A ticket request cannot be settled: %s", type(error).__name__)
                return [await self._parked_alone(messages[0], type(error).__name__)]
        half = len(messages) // 2
        return [*await self._settle(messages[:half]), *await self._settle(messages[half:])]

    async def _parked_alone(self, message: _Message, reason: str) -> _Settled:
        try:
            await self._parking.park([RefusedMessage(message.body, UNEXPECTED, reason, message.attempts)])
        except StorageError as error:
            return error
        return None

    async def _settled(self, messages: Sequence[_Message]) -> list[_Settled]:
        records: Mapping[str, TicketRecord] | None
        try:
            records = await self._records.read([each.call_id for each in messages if each.token])
        except StorageError as error:
            results: list[Result] = [_later(error)] * len(messages)
        else:
            results = await self._results(messages, records)
        outcomes = [*zip(messages, results, strict=True)]
        again = [(each, result) for each, result in outcomes if isinstance(result, Later)]
        refused = [(each, result) for each, result in outcomes if isinstance(result, Refused)]
        failed = await self._park(refused) | await self._send_again(again)
        return [failed.get(id(each)) for each in messages]

    async def _results(self, messages: Sequence[_Message], records: Mapping[str, TicketRecord]) -> list[Result]:
        results: dict[int, Result] = {}
        taken: list[tuple[int, TicketRequest]] = []
        for place, each in enumerate(messages):
            if each.is_stale(records.get(each.call_id)):
                results[place] = DONE
            elif each.verdict is not None:
                results[place] = each.verdict
            else:
                taken.append((place, each.full))
        found = await self._taken([request for _, request in taken]) if taken else []
        results.update(zip((place for place, _ in taken), found, strict=True))
        return [results[place] for place in range(len(messages))]

    async def _taken(self, requests: Sequence[TicketRequest]) -> list[Result]:
        try:
            return await self._work.take(requests)
        except (UnusableError, DataverseError, EnreachError, StorageError) as error:
            _log.warning("%d ticket requests come later: %s", len(requests), _later(error).reason)
            return [_later(error)] * len(requests)
        except Exception as error:  # noqa: BLE001 - one request that cannot be worked on costs none of the others
            if len(requests) == 1:
                _log.error("A ticket request cannot be worked on: %s", type(error).__name__)
                return [Refused(UNEXPECTED, type(error).__name__)]
        half = len(requests) // 2
        return [*await self._taken(requests[:half]), *await self._taken(requests[half:])]

    # ------------------------------------------------------------------------------------------- settling

    async def _park(self, refused: Sequence[tuple[_Message, Refused]]) -> dict[int, StorageError]:
        """What keeps messages from being parked, by the message."""
        if not refused:
            return {}
        try:
            known = await self._records.read([each.call_id for each, _ in refused])
            ends = {
                each.call_id: self._record(
                    each, known.get(each.call_id), TicketOutcome.PARKED, f"{result.code}: {result.reason}"
                )
                for each, result in refused
                if not _is_parked(known.get(each.call_id))
            }
            await self._records.write(ends.values(), before=known)
            await self._parking.park(
                RefusedMessage(each.body, result.code, result.reason, each.attempts) for each, result in refused
            )
        except StorageError as error:
            return {id(each): error for each, _ in refused}
        return {}

    async def _send_again(self, again: Sequence[tuple[_Message, Later]]) -> dict[int, StorageError]:
        """What keeps messages from being sent again, by the message."""
        failed: dict[int, StorageError] = {}

        async def send(copy: _Copy) -> None:
            try:
                await send_copy(self._queues, self._bodies, copy.request, max(copy.due - self._now(), timedelta(0)))
            except StorageError as error:
                failed.update({id(each): error for each in copy.of})

        await at_once(_SENT_AT_ONCE, await self._copies(again), send)
        return failed

    async def _copies(self, again: Sequence[tuple[_Message, Later]]) -> "list[_Copy]":
        """What is to be sent: one for each call, as the ledger then says."""
        if not again:
            return []
        copies, by_call = list[_Copy](), defaultdict[str, list[tuple[_Message, Later]]](list)
        for each, result in again:
            by_call[each.call_id].append((each, result))
        try:
            known, records = await self._records.read(by_call), list[TicketRecord]()
            for call_id, same in by_call.items():
                # The one that says more, of those that were tried most.
                first, later = max(same, key=lambda one: (not one[0].request.is_compact, one[0].attempts))
                copy = self._copy(first, later, uuid4().hex, [each for each, _ in same])
                copies.append(copy)
                tokens = dict.fromkeys([copy.token, *(each.token for each, _ in same if each.token)])
                record = self._record(first, known.get(call_id), TicketOutcome.WAITING, later.reason)
                records.append(replace(record, token=" ".join(tokens), due=copy.due))
            await self._records.write(records, before=known)
        except StorageError:
            return [self._copy(each, later, each.token, [each]) for each, later in again]
        return copies

    def _copy(self, message: _Message, later: Later, token: str, of: Sequence[_Message]) -> "_Copy":
        now, before = self._now(), message.request.delivery
        since = now if before is None else before.since
        delivery = Delivery(attempts=message.attempts, since=since, token=token)
        due = now + delay(message.attempts, self._chance(), later.longest)
        return _Copy(message.request.sent_anew(delivery), due, token, of)

    def _record(
        self, message: _Message, known: TicketRecord | None, outcome: TicketOutcome, reason: str
    ) -> TicketRecord:
        now = self._now()
        if known is None:
            known = TicketRecord(
                call_id=message.call_id,
                outcome=outcome,
                reason=reason,
                first_seen=now,
                updated=now,
                started=message.request.start_time,
            )
        elif not known.done:
            # What is done stays so: another message of the same call came to its end.
            known = replace(known, outcome=outcome, reason=reason, updated=now, due=None)
        return replace(known, attempts=message.attempts)


@dataclass(frozen=True, slots=True)
class _Copy:
    request: TicketRequest
    due: datetime
    token: str
    of: Sequence[_Message]
    """The messages that it takes the place of."""


def _later(error: Exception) -> Later:
    # Their texts hold nothing personal; those of other exceptions may.
    return Later(str(error) if isinstance(error, UnusableError) else f"{type(error).__name__}: {error}")


def _is_parked(record: TicketRecord | None) -> bool:
    return record is not None and (record.done or record.outcome is TicketOutcome.PARKED)
