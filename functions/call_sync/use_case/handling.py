"""Some thousand calls from what Enreach says to what stands in Dynamics and in the ledger.

The order of the writes is what makes a run repeatable wherever it is cut off: customers who are made, then phone calls,
then tickets, then the ledger, and last, by the caller, the checkpoint. What was written before the cut is found by its
derived key or by its stamp.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import batched
from uuid import UUID

from functions.call_sync.decide.news import (
    Seen,
    There,
    found_in_dynamics,
    has_news,
    is_known_in_part,
    record_of,
    says_more,
    seen_of,
)
from functions.call_sync.decide.outcome import (
    Site,
)
from functions.call_sync.decide.plans import Plan, written_ahead
from functions.call_sync.use_case.adopting import Clients
from functions.call_sync.use_case.planning import Planning
from functions.call_sync.use_case.premises import Premises
from functions.call_sync.use_case.whole_calls import read_whole
from functions.call_sync.use_case.worlds import CallSyncGateways
from functions.call_sync.use_case.writing import failed, write
from shared.calls.call import NOTHING, Records
from shared.calls.ids import phone_call_id
from shared.calls.privacy import ticket_due
from shared.calls.records import CallRecord
from shared.calls.tickets import ticket_request
from shared.dataverse.tables import PHONE_CALL
from shared.long_work import aside
from shared.storage.leases import Lease

CALLS_AT_ONCE = 5_000
"""Calls that are handled together: so many are a minute of 10,000 agents, and some 40 MB."""
_NEW = timedelta(hours=1)
"""By then Enreach has told of nearly every call."""
_ROUNDS = 3
"""How often a call is planned anew on whose rows somebody is at work."""


class Handling:
    """The calls of one run."""

    def __init__(
        self,
        worlds: CallSyncGateways,
        premises: Premises,
        held: Lease,
        *,
        again: bool = False,
    ) -> None:
        """`again`: calls that have no phone call are decided anew, as in the nightly run."""
        self._worlds = worlds
        self.site = premises.site
        self._held = held
        self.again = again
        self.changes_read_until: datetime | None = None
        """How far the feed of changes was read."""
        self._recordings_url = premises.texts.recording_url
        self.clients = Clients(worlds.dynamics, premises.site)
        self.planning = Planning(worlds, premises, self.clients)
        self.outcomes: Counter[str] = Counter()
        self.rows_written = 0
        self.tickets = 0

    async def handle(self, news: Mapping[str, Records], there: There | None = None) -> None:
        """Bring Dynamics and the ledger to what these records say, by canonical call id.

        `there` is what is in Dynamics; None where nobody looked. Raises DataverseError, EnreachError, StorageError;
        then some of it is done, and the same call may be made again.
        """
        for few in batched(sorted(news), CALLS_AT_ONCE, strict=False):
            records = await self._worlds.ledger.read(few, fence=self._held.fence)
            part = await self._made_whole({call_id: news[call_id] for call_id in few}, records)
            if there is not None and (lost := [each for each in records.values() if there.is_out_of_sight(each)]):
                self._held.check()
                await self._worlds.ledger.write(lost, fence=self._held.fence)
            seen = await aside(self._look, part, records, self._worlds.now(), there)
            await self.settle(await self._with_lost_rows(seen))

    async def _made_whole(self, news: dict[str, Records], records: Mapping[str, CallRecord]) -> dict[str, Records]:
        """The records with all that Enreach says of those calls of which a part is known."""
        now = self._worlds.now()
        parts = {
            call_id for call_id, new in news.items() if is_known_in_part(new, records.get(call_id), self.site, now)
        }
        if not parts:
            return news
        whole = await read_whole(self._worlds.enreach, {call_id: news[call_id] for call_id in parts}, records)
        return {call_id: new for call_id, new in news.items() if call_id not in parts} | whole

    def _look(
        self,
        news: Mapping[str, Records],
        records: Mapping[str, CallRecord],
        now: datetime,
        there: There | None,
    ) -> list[Seen]:
        """Those of the calls that have news, the earliest first."""
        every = (seen_of(new, records.get(call_id), self.site, now, there) for call_id, new in news.items())
        found = [seen for seen in every if has_news(seen, self.site, again=self.again) or _is_wanting(seen, there)]
        return sorted(found, key=lambda seen: (seen.call.started, seen.call.id))

    async def _with_lost_rows(self, seen: list[Seen]) -> list[Seen]:
        """Calls of which nothing may be kept are as good as never seen, but for those that are old: the ledger may have
        lost what was written of them, and that must go."""
        now = self._worlds.now()
        old = [each.call for each in seen if each.before is None and not each.legs and now - each.call.started > _NEW]
        if not old:
            return seen
        keys = {call_id: phone_call_id(call_id) for call_id in await self.planning.with_a_row(call.id for call in old)}
        stamped = await self.clients.stamped(old)
        keys |= {call_id: UUID(str(row[PHONE_CALL.primary_id])) for call_id, row in stamped.items()}
        return [
            replace(each, before=replace(found_in_dynamics(each.call, now), phone_call_id=keys[each.call.id]))
            if each.call.id in keys
            else each
            for each in seen
        ]

    async def take_away(self, waiting: Iterable[CallRecord]) -> None:
        """Try once more to take away the phone calls of these calls, of which nothing may be kept: Enreach is asked
        what they were."""
        records = {record.call_id: record for record in waiting}
        if records:
            whole = await read_whole(self._worlds.enreach, {call_id: NOTHING for call_id in records}, records)
            await self.settle(self._look(whole, records, self._worlds.now(), None))

    async def settle(self, seen: Sequence[Seen]) -> None:
        """Decide on these calls, and carry it out."""
        for _ in range(_ROUNDS):
            if not seen:
                return
            plans = await self.planning.planned(seen)
            seen = await self.carry_out(plans)
        at_work = {each.call.id for each in seen}
        reason = "its phone call, or whom it is regarding, was changed or went again and again"
        await self._remember([failed(each, reason) for each in plans if each.seen.call.id in at_work])

    async def carry_out(self, plans: Sequence[Plan]) -> list[Seen]:
        """Write what is planned, offer the tickets, and remember both. Returns what has to be planned anew."""
        self._held.check()
        ahead = [record for each in plans if (record := written_ahead(each)) is not None]
        if ahead:
            await self._worlds.ledger.write_ahead(ahead, fence=self._held.fence)
            self._held.check()
        written = await write(self._worlds.dynamics, plans, self._worlds.now())
        self.rows_written += written.sets
        await self._remember(written.done)
        return written.again

    async def _remember(self, done: Sequence[Plan]) -> None:
        """Offer the tickets, then write down what became of these calls."""
        if not done:
            return
        now = self._worlds.now()
        due = [each.seen for each in done if _is_ticket_due(each.seen, self.site)]
        if due:
            self._held.check()
            await self._worlds.offer_tickets(
                [ticket_request(seen.call, self.site.region, self._recordings_url) for seen in due]
            )
            self.tickets += len(due)
        offered = {seen.call.id for seen in due}
        every = [self._record(each, now, is_offered=each.seen.call.id in offered) for each in done]
        before = {each.seen.call.id: known for each in done if (known := each.seen.in_ledger) is not None}
        records = [record for record in every if says_more(record, before.get(record.call_id))]
        self._held.check()
        await self._worlds.ledger.write(records, before=before, fence=self._held.fence)
        self.outcomes.update(str(each.outcome) for each in done)

    def _record(self, each: Plan, now: datetime, *, is_offered: bool) -> CallRecord:
        before = each.seen.before
        return record_of(
            each.seen,
            self.site,
            self._worlds.search_key,
            now,
            outcome=each.outcome,
            reason=each.reason,
            phone_call_id=each.key,
            written=each.written,
            ticket_offered=now if is_offered else before.ticket_offered if before is not None else None,
        )


def _is_wanting(seen: Seen, there: There | None) -> bool:
    """Whether a phone call of ours was written before and is not there, or regards nobody."""
    key = seen.written_before
    if there is None or key is None:
        return False
    return (key == phone_call_id(seen.call.id) and key not in there.keys) or there.lacks_customer(seen.call.id)


def _is_ticket_due(seen: Seen, site: Site) -> bool:
    is_offered = seen.before is not None and seen.before.ticket_offered is not None
    return not is_offered and ticket_due(seen.call, site.privacy)
