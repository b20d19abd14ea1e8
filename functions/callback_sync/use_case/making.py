"""Requests that are to be in Dynamics: written, read back, remembered, and then closed in Enreach.

The order makes a run repeatable wherever it is cut off: phone calls with their queue items, what was read back of them
into the ledger, the closing in Enreach, and that into the ledger. The key of each phone call is derived, so what was
written before the cut is there already.
"""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import batched
from uuid import UUID

from functions.callback_sync.decide.phone_calls import WAYS, creation, queueing
from functions.callback_sync.decide.requests import (
    Look,
    Request,
    closed_before,
    look,
    new_record,
    repeats_of,
)
from functions.callback_sync.decide.there import (
    QUEUE_GONE,
    Said,
    There,
    Verdict,
    refused,
    said_of,
    there_of,
    verdict,
)
from functions.callback_sync.queries import phone_calls_there, queue_items_of
from functions.callback_sync.use_case.closing import Closing
from functions.callback_sync.use_case.premises import Premises
from functions.callback_sync.use_case.repeats import note_repeats, open_calls
from functions.callback_sync.use_case.run import Run
from functions.callback_sync.use_case.worlds import CallbackGateways, Dynamics
from shared.callbacks.records import CallbackOutcome, CallbackRecord
from shared.customers.activities import Customer, matched_customer
from shared.customers.many import find_customers
from shared.dataverse.denied_sets import SetSender
from shared.dataverse.errors import (
    AlreadyExistsError,
    DataverseError,
    NotFoundError,
    RejectedError,
    UnavailableError,
)
from shared.dataverse.odata import ChangeSet
from shared.long_work import aside
from shared.storage.leases import Lease

REQUESTS_AT_ONCE = 5_000
"""Requests that are handled together."""

_GIVEN_UP = timedelta(days=7)
"""After so long a request that Enreach does not list any more is not waited for."""

_log = logging.getLogger(__name__)


async def read_there(dynamics: Dynamics, keys: Collection[UUID], *, queues: bool = True) -> There:
    """How these phone calls stand, and which are in a queue, if that is asked too: one request for some thousands."""
    if not keys:
        return There()
    calls, items = phone_calls_there(keys), queue_items_of(keys) if queues else []
    answers = await dynamics.query_packed([*calls, *items])
    rows = [row for part in answers[: len(calls)] for row in part]
    return there_of(rows, [row for part in answers[len(calls) :] for row in part])


class Making:
    """The requests of one run."""

    def __init__(self, worlds: CallbackGateways, premises: Premises, held: Lease, run: Run, stop: datetime) -> None:
        """`stop`: after this moment nothing further is begun; the next run goes on."""
        self._worlds = worlds
        self._premises = premises
        self._held = held
        self._run = run
        self._stop = stop
        self.closing = Closing(worlds, held, run, stop)
        self.touched: set[str] = set()
        """Requests that this run has handled."""
        self.to_follow: list[tuple[Request, CallbackRecord]] = []
        """Requests that Enreach closed while their phone calls may be open."""
        self.is_in_doubt = False
        """Whether something may not be as it was when lists and queues were last looked up."""
        self.made_since: datetime | None = None
        """When the first of the requests was made that came to Dynamics in this run."""

    @property
    def region(self) -> str | None:
        """Where numbers without a country code are at home."""
        return self._premises.matching.default_region

    async def take(self, requests: Iterable[Request]) -> bool:
        """Bring Dynamics, the ledger and Enreach to what these requests are, the oldest first; whether all are.

        Raises DataverseError, StorageError; then some of it is done, and the same call may be made again. What
        Dataverse refuses of one request costs none of the others.
        """
        in_order = sorted(requests, key=lambda each: (each.created, each.id))
        for few in batched(in_order, REQUESTS_AT_ONCE, strict=False):
            if self._worlds.now() >= self._stop:
                return False
            records = await self._worlds.ledger.read([each.id for each in few], fence=self._held.fence)
            await self._take([each for each in few if each.id not in self.touched], records)
        return True

    async def _take(self, requests: Sequence[Request], records: Mapping[str, CallbackRecord]) -> None:
        found = await aside(_sorted, requests, records, self._worlds.now())
        self.to_follow += found.follow
        self.touched |= {each.id for each in found.make} | {each.id for each, _ in found.follow}
        self.touched |= {each.callback_id for each in found.closed_before}
        await self.remember(found.closed_before)
        if not found.make:
            return
        made = await self._made(found.make, records)
        await self.remember(made)
        stays = {request.id for request in found.make if request.target.profile.stays_open}
        await self.closing.close([each for each in made if is_to_be_closed(each, stays_open=stays)])

    async def remember(self, records: Sequence[CallbackRecord]) -> None:
        """Write down what became of these."""
        if not records:
            return
        self._held.check()
        await self._worlds.ledger.write(records, fence=self._held.fence)
        self._run.count(records)

    async def give_up(self, missing: Sequence[CallbackRecord], now: datetime) -> None:
        """Of requests that are not in Dynamics and that Enreach does not list: those that have waited long are gone."""
        old = [each for each in missing if each.callback_id not in self.touched and now - each.created > _GIVEN_UP]
        reason = "it is not in Enreach any more, and never came to Dynamics"
        await self.remember(
            [replace(each, outcome=CallbackOutcome.FAILED, reason=reason, closed=True, updated=now) for each in old]
        )

    # --------------------------------------------------------------------------------------------- phone calls

    async def _made(self, requests: Sequence[Request], records: Mapping[str, CallbackRecord]) -> list[CallbackRecord]:
        own_user = await self._worlds.dynamics.own_user_id()
        first = min(each.created for each in requests)
        self.made_since = first if self.made_since is None else min(first, self.made_since)
        there_before, fresh = await aside(_parted, requests, records)
        repeats = await aside(repeats_of, fresh, await open_calls(self._worlds.dynamics, own_user, fresh))
        refusals = await self._created(repeats.heads, own_user)
        read = [*there_before, *(each for each in repeats.heads if each.id not in refusals)]
        there = await self._queued(read)
        now = self._worlds.now()
        tried = [*there_before, *repeats.heads]
        found = await aside(_judged, tried, {each.id for each in there_before}, refusals, there, now)
        if repeats.merged:
            open_now = {key for key in there.rows if verdict(key, there) is Verdict.SAFE}
            self._held.check()
            found += await note_repeats(self._worlds.dynamics, repeats.merged, open_now, repeats.heads, now)
        return found

    async def _created(self, requests: Sequence[Request], own_user: UUID) -> dict[str, Said]:
        """Create these phone calls with their queue items. Returns what is refused; what is there already is not."""
        customers = await self._customers(requests)
        self._held.check()
        errors: dict[str, DataverseError | None] = {}
        trying, way = list(requests), 0
        while trying:
            sets = await aside(_sets, trying, customers, own_user, way)
            sent = await SetSender(self._worlds.dynamics, "create callback").send(sets)
            errors |= {each.id: error for each, error in zip(trying, sent, strict=True)}
            way += 1
            trying = [each for each in trying if way < WAYS and _may_go_otherwise(errors[each.id])]
        return {each: self._refusal(error) for each, error in errors.items() if not _is_there(error)}

    def _refusal(self, error: DataverseError | None) -> Said:
        assert error is not None
        self.is_in_doubt = True
        if isinstance(error, NotFoundError):
            return QUEUE_GONE
        return refused(type(error).__name__, error.code)

    async def _queued(self, requests: Sequence[Request]) -> There:
        """Read these phone calls back; those that are in no queue are put there, and read once more."""
        dynamics = self._worlds.dynamics
        there = await read_there(dynamics, [each.phone_call_id for each in requests])
        missing = [each for each in requests if verdict(each.phone_call_id, there) is Verdict.NOT_QUEUED]
        if not missing:
            return there
        # Few: the queue was deleted just now, or an older tool made them.
        sets = [queueing(each.phone_call_id, each.target.queue_id, there.rows[each.phone_call_id]) for each in missing]
        self._held.check()
        errors = await SetSender(dynamics, "queue callback").send(sets)
        self.is_in_doubt |= any(error is not None for error in errors)
        again = await read_there(dynamics, [each.phone_call_id for each in missing])
        gone = {each.phone_call_id for each in missing} - again.rows.keys()
        rows = {key: row for key, row in {**there.rows, **again.rows}.items() if key not in gone}
        return There(rows, there.queued | again.queued)

    async def _customers(self, requests: Sequence[Request]) -> Mapping[str | None, Customer | None]:
        """Who has the numbers. Where that cannot be asked, nobody: nothing waits for a match."""
        numbers = {each.number for each in requests if each.number is not None}
        if not numbers:
            return {}
        try:
            found = await find_customers(
                self._worlds.dynamics, numbers, self._premises.matching, index=self._worlds.number_index
            )
        except UnavailableError:
            raise
        except DataverseError as error:
            _log.warning("Callback sync could not look for customers: %s", error)
            return {}
        return await aside(lambda: {number: matched_customer(match) for number, match in found.items()})


def is_to_be_closed(record: CallbackRecord, *, stays_open: Collection[str]) -> bool:
    """Whether the request is to be closed in Enreach now. `stays_open`: whose requests wait for the phone call."""
    if not record.done or record.closed:
        return False
    return not (record.outcome == "queued" and record.callback_id in stays_open)


def _parted(requests: Sequence[Request], records: Mapping[str, CallbackRecord]) -> tuple[list[Request], list[Request]]:
    """Those whose phone calls an earlier run read back, and the others."""
    there: list[Request] = []
    fresh: list[Request] = []
    for each in requests:
        record = records.get(each.id)
        is_there = record is not None and record.phone_call_id == each.phone_call_id
        (there if is_there else fresh).append(each)
    return there, fresh


@dataclass(frozen=True, slots=True)
class _Sorted:
    """Requests by what is to be done with them."""

    make: list[Request]
    closed_before: list[CallbackRecord]
    follow: list[tuple[Request, CallbackRecord]]


def _sorted(requests: Sequence[Request], records: Mapping[str, CallbackRecord], now: datetime) -> _Sorted:
    found = _Sorted([], [], [])
    for request in requests:
        record = records.get(request.id)
        match look(request, record):
            case Look.NOTHING:
                pass
            case Look.MAKE:
                found.make.append(request)
            case Look.CLOSED_BEFORE:
                found.closed_before.append(closed_before(request, now))
            case Look.FOLLOW:
                assert record is not None
                found.follow.append((request, record))
    return found


def _judged(
    requests: Sequence[Request],
    were_there: Collection[str],
    refusals: Mapping[str, Said],
    there: There,
    now: datetime,
) -> list[CallbackRecord]:
    """What becomes of these, by what was read back. `were_there`: an earlier run read their phone calls back."""
    found = []
    for each in requests:
        was_there = each.id in were_there
        said = refusals.get(each.id) or said_of(verdict(each.phone_call_id, there), was_there=was_there)
        key = each.phone_call_id if was_there or there.row(each.phone_call_id) is not None else None
        found.append(new_record(each, now, said.outcome, said.reason, phone_call_id=key, done=said.done))
    return found


def _sets(
    requests: Sequence[Request], customers: Mapping[str | None, Customer | None], own_user: UUID, way: int
) -> list[ChangeSet]:
    return [creation(each, customers.get(each.number), own_user, way) for each in requests]


def _is_there(error: DataverseError | None) -> bool:
    """Whether the phone call is there, so that it can be read back."""
    return error is None or isinstance(error, AlreadyExistsError)


def _may_go_otherwise(error: DataverseError | None) -> bool:
    """Whether something that the phone call names may be at fault: a party, or a row that has gone."""
    return isinstance(error, RejectedError | NotFoundError)
