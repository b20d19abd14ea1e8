"""What became of phone calls and requests since: completed, deleted, expired, reached."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from functions.callback_sync.decide.moments import OVERLAP, SAFETY
from functions.callback_sync.decide.phone_calls import CANCELED, COMPLETED, State, callback_id_in, ending
from functions.callback_sync.decide.profiles import Target
from functions.callback_sync.decide.reached import reached_numbers, was_reached
from functions.callback_sync.decide.requests import Request
from functions.callback_sync.decide.there import DELETED, ENDED, Follow, Verdict, follow, verdict
from functions.callback_sync.queries import open_calls_due_before, open_calls_of_numbers
from functions.callback_sync.use_case.making import Making, is_to_be_closed, read_there
from functions.callback_sync.use_case.premises import Premises
from functions.callback_sync.use_case.worlds import CallbackGateways
from shared.callbacks.records import CallbackOutcome, CallbackRecord
from shared.dataverse.denied_sets import SetSender
from shared.dataverse.tables import PHONE_CALL_OPEN, JsonRow
from shared.enreach.models import CallbackState
from shared.enreach.windows import Window
from shared.long_work import aside
from shared.storage.checkpoints import Checkpoint
from shared.storage.leases import Lease

LONGEST_LOOK = timedelta(days=7)
"""How far back calls are read that may have reached somebody."""


@dataclass(frozen=True, slots=True)
class _End:
    """A phone call that is to be ended, and what is remembered then."""

    key: UUID
    state: State
    record: CallbackRecord


class Following:
    """What one run does besides the requests that Enreach tells of."""

    def __init__(self, worlds: CallbackGateways, premises: Premises, held: Lease, making: Making) -> None:
        self._worlds = worlds
        self._premises = premises
        self._held = held
        self._making = making
        self._calls_read = Checkpoint(worlds.tables, "callbacks-calls")

    # -------------------------------------------------------------------------------------------- as in Enreach

    async def closed_in_enreach(self, found: Sequence[tuple[Request, CallbackRecord]]) -> None:
        """Requests that somebody closed in Enreach, or that expired there: nothing is left to do there, and their phone
        calls follow. Raises DataverseError, StorageError."""
        ends: list[_End] = []
        settled: list[CallbackRecord] = []
        for request, record in found:
            profile = request.target.profile
            is_expired = request.state is CallbackState.EXPIRED
            outcome = record.outcome if record.done else CallbackOutcome.CLOSED_BEFORE
            reason = "it was closed in Enreach"
            settled_record = replace(self._changed(record, outcome, reason), closed=True, done=True)
            if record.done and record.outcome is not CallbackOutcome.QUEUED:
                # What became of it is known: only that it is closed was not.
                settled.append(replace(record, closed=True, updated=self._worlds.now()))
                continue
            what = follow(request.state, stays_open=profile.stays_open, expire=profile.expire)
            if what is Follow.NOTHING or record.phone_call_id is None:
                settled.append(settled_record)
                continue
            outcome = CallbackOutcome.EXPIRED if is_expired else CallbackOutcome.COMPLETED
            reason = "it expired in Enreach" if is_expired else reason
            state = CANCELED if what is Follow.CANCEL else COMPLETED
            record_then = replace(self._changed(record, outcome, reason), closed=True, done=True)
            ends.append(_End(record.phone_call_id, state, record_then))
        settled += await self._ended(ends)
        await self._making.remember(settled)

    # ------------------------------------------------------------------------------------------- as in Dynamics

    async def unfinished(self, records: Sequence[CallbackRecord]) -> None:
        """Requests that are in Dynamics and not closed in Enreach: those whose phone call was completed, canceled or
        deleted, and those whose closing failed, are closed now. Raises DataverseError, StorageError."""
        found = ((each, self._premises.profile_of(each)) for each in records if each.done)
        profiles = {each.callback_id: (each, profile) for each, profile in found if profile is not None}
        done = [each for each, _ in profiles.values()]
        waits = {
            each.callback_id
            for each, profile in profiles.values()
            if profile.stays_open and each.outcome is CallbackOutcome.QUEUED
        }
        keys = {each.phone_call_id for each in done if each.callback_id in waits and each.phone_call_id is not None}
        there = await read_there(self._worlds.dynamics, keys, queues=False)
        ended: list[CallbackRecord] = []
        to_close: list[CallbackRecord] = []
        for each in done:
            if each.callback_id not in waits or each.phone_call_id is None:
                to_close.append(each)
                continue
            now = verdict(each.phone_call_id, there)
            if now in {Verdict.GONE, Verdict.ENDED}:
                said = DELETED if now is Verdict.GONE else ENDED
                ended.append(self._changed(each, said.outcome, said.reason))
        await self._making.remember(ended)
        await self._making.closing.close([*to_close, *ended])

    # ------------------------------------------------------------------------------------------------- hygiene

    async def expire(self) -> None:
        """Cancel phone calls that were due too long ago, where the profile says `expire`. One request to Dynamics while
        there are none. Raises DataverseError, StorageError."""
        targets = [each for each in self._premises.resolved.targets if each.profile.expire]
        if not targets:
            return
        own_user, now = await self._worlds.dynamics.own_user_id(), self._worlds.now()
        questions = [
            open_calls_due_before(own_user, each.queue_id, now - timedelta(hours=each.profile.expire_after_hours))
            for each in targets
        ]
        answers = await self._worlds.dynamics.query_many(questions)
        rows = [(row, target) for part, target in zip(answers, targets, strict=True) for row in part]
        await self._end(rows, CANCELED, CallbackOutcome.EXPIRED, "its due time passed too long ago")

    async def reached(self, made_since: datetime | None) -> None:
        """Complete phone calls of callers whom somebody reached, where the profile says `completeWhenReached`.

        `made_since`: when the first request was made that came to Dynamics in this run: its caller may have been
        reached before. Raises EnreachError, DataverseError, StorageError.
        """
        targets = [each for each in self._premises.resolved.targets if each.profile.complete_when_reached]
        if not targets:
            return
        now, region = self._worlds.now(), self._making.region
        checkpoint = await self._calls_read.read()
        oldest = now - max(each.profile.age for each in targets) if checkpoint is None else checkpoint - OVERLAP
        start = max(min(oldest, made_since or oldest), now - LONGEST_LOOK)
        calls = await self._worlds.enreach.calls(Window.modified(start, now))
        reached = await aside(reached_numbers, calls.items, region)
        if reached:
            await self._end_reached(targets, reached)
        await self._calls_read.advance(now - SAFETY, self._held.fence)

    async def _end_reached(self, targets: Sequence[Target], reached: Mapping[str, datetime]) -> None:
        own_user = await self._worlds.dynamics.own_user_id()
        by_queue: dict[UUID, list[Target]] = {}
        for each in targets:
            by_queue.setdefault(each.queue_id, []).append(each)
        rows: list[tuple[JsonRow, Target]] = []
        for queue_id, of_queue in by_queue.items():
            answers = await self._worlds.dynamics.query_packed(open_calls_of_numbers(own_user, {queue_id}, reached))
            rows += [(row, target) for part in answers for row in part for target in of_queue]

        def was_since(record: CallbackRecord, row: JsonRow) -> bool:
            return was_reached(row["phonenumber"], record.created, reached, self._making.region)

        await self._end(rows, COMPLETED, CallbackOutcome.REACHED, "somebody reached the caller", only=was_since)

    async def _end(
        self,
        rows: Sequence[tuple[JsonRow, Target]],
        state: State,
        outcome: CallbackOutcome,
        reason: str,
        *,
        only: Callable[[CallbackRecord, JsonRow], bool] = lambda _record, _row: True,
    ) -> None:
        """End these phone calls, as far as they are of these profiles, and close their requests."""
        wanted = {(callback_id_in(row.get("description")), target.profile.name): row for row, target in rows}
        ids = {callback_id for callback_id, _ in wanted if callback_id is not None}
        if not ids:
            return
        records = await self._worlds.ledger.read(ids, fence=self._held.fence)
        ends = [
            _End(record.phone_call_id, state, self._changed(record, outcome, reason))
            for record in records.values()
            if record.done
            and record.phone_call_id is not None
            and (profile := self._premises.profile_of(record)) is not None
            and (row := wanted.get((record.callback_id, profile.name))) is not None
            and only(record, row)
        ]
        ended = await self._ended(ends)
        await self._making.remember(ended)
        await self._making.closing.close([each for each in ended if is_to_be_closed(each, stays_open=())])

    async def _ended(self, ends: Sequence[_End]) -> list[CallbackRecord]:
        """End these phone calls, and return the records of those that are ended. What a user ended is left alone; what
        somebody is at work on is tried with the next run."""
        if not ends:
            return []
        there = await read_there(self._worlds.dynamics, {each.key for each in ends}, queues=False)
        found: list[CallbackRecord] = []
        still: list[tuple[_End, JsonRow]] = []
        for each in ends:
            row = there.row(each.key)
            if row is not None and row["statecode"] == PHONE_CALL_OPEN:
                still.append((each, row))
            else:
                said = DELETED if row is None else ENDED
                found.append(self._changed(each.record, said.outcome, said.reason))
        self._held.check()
        sets = [ending(each.key, each.state, row) for each, row in still]
        errors = await SetSender(self._worlds.dynamics, "end callback").send(sets)
        return found + [each.record for (each, _), error in zip(still, errors, strict=True) if error is None]

    def _changed(self, record: CallbackRecord, outcome: CallbackOutcome, reason: str) -> CallbackRecord:
        return replace(record, outcome=outcome, reason=reason, updated=self._worlds.now())
