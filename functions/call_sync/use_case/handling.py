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

from functions.call_sync.decide.adoption import Adopt
from functions.call_sync.decide.fields import Party, Texts
from functions.call_sync.decide.news import (
    Seen,
    There,
    found_in_dynamics,
    has_news,
    is_known_in_part,
    record_of,
    says_more,
    seen_of,
    without_row,
)
from functions.call_sync.decide.outcome import (
    Decision,
    Facts,
    Log,
    PresentRow,
    Site,
    decide,
    name_of,
    number_to_match,
    owner_of,
)
from functions.call_sync.decide.plans import Found, Plan, deleted_by_user, plan, present_row, written_ahead
from functions.call_sync.queries import keys_there, parties_of, rows_by_id
from functions.call_sync.use_case.adopting import Adoption, Clients, logged_call
from functions.call_sync.use_case.premises import Premises
from functions.call_sync.use_case.whole_calls import read_whole
from functions.call_sync.use_case.worlds import CallSyncGateways
from functions.call_sync.use_case.writing import failed, write
from shared.calls.call import NOTHING, Records
from shared.calls.ids import phone_call_id
from shared.calls.privacy import ticket_due
from shared.calls.records import CallRecord
from shared.calls.tickets import ticket_request
from shared.customers.many import find_customers
from shared.customers.matching import NOBODY
from shared.dataverse.tables import PHONE_CALL, JsonRow
from shared.long_work import aside
from shared.storage.leases import Lease
from shared.users.matching import UserMap

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
        self._matching = premises.matching
        self._held = held
        self.again = again
        self.changes_read_until: datetime | None = None
        """How far the feed of changes was read."""
        self.texts = premises.texts
        self.clients = Clients(worlds.dynamics, premises.site)
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
        keys = {call_id: phone_call_id(call_id) for call_id in await self._with_a_row(call.id for call in old)}
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
            plans = await self._planned(seen)
            seen = await self.carry_out(plans)
        at_work = {each.call.id for each in seen}
        reason = "its phone call, or whom it is regarding, was changed or went again and again"
        await self._remember([failed(each, reason) for each in plans if each.seen.call.id in at_work])

    async def _planned(self, seen: Sequence[Seen]) -> list[Plan]:
        rows = await self._rows_of(seen)
        seen = await self._with_rows_of_cut_off_runs(seen, rows)
        users = await self._worlds.users.read_users(self.site.region)
        decided = await self._decided(seen, rows, users)
        adoptions = await self._adoptions(seen, decided, users)
        parties = await self._parties_of(seen, rows)
        texts = self.texts_with(users)

        def planned() -> list[Plan]:
            found = (_found(each, rows, parties, adoptions.get(each.call.id)) for each in seen)
            return [
                plan(each, decided[each.call.id], known, self.site, texts, self._worlds.customer_key)
                for each, known in zip(seen, found, strict=True)
            ]

        return await aside(planned)

    def texts_with(self, users: UserMap) -> Texts:
        """The texts, with the names of the agents."""
        return replace(self.texts, name_of=lambda agent: name_of(agent, self.site, users))

    async def _with_rows_of_cut_off_runs(self, seen: Sequence[Seen], rows: dict[UUID, JsonRow]) -> list[Seen]:
        """The calls, some with another phone call than the ledger knows. What is found goes to `rows`."""
        gone = [each for each in seen if _is_gone(each, rows) and not each.is_deleted_by_user]
        if not gone:
            return list(seen)
        stamped = await self.clients.stamped([each.call for each in gone])
        rows |= {UUID(str(row[PHONE_CALL.primary_id])): row for row in stamped.values()}
        found = {
            each.call.id: without_row(
                each, UUID(str(stamped[each.call.id][PHONE_CALL.primary_id])) if each.call.id in stamped else None
            )
            for each in gone
        }
        return [found.get(each.call.id, each) for each in seen]

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
                [ticket_request(seen.call, self.site.region, self.texts.recording_url) for seen in due]
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

    # ------------------------------------------------------------------------------------------------- facts

    async def _rows_of(self, seen: Iterable[Seen]) -> dict[UUID, JsonRow]:
        """The phone calls that were written before and are still there, by key."""
        keys = [key for each in seen if (key := each.written_before) is not None]
        if not keys:
            return {}
        found = await self._worlds.dynamics.query_many(list(rows_by_id(self.site.rules, keys)))
        return {UUID(str(row[PHONE_CALL.primary_id])): row for rows in found for row in rows}

    async def _parties_of(self, seen: Iterable[Seen], rows: Mapping[UUID, JsonRow]) -> dict[UUID, tuple[Party, ...]]:
        """Who takes part in the phone calls that were written before."""
        keys = [key for each in seen if (key := each.written_before) in rows and key is not None]
        if not keys:
            return {}
        parties: dict[UUID, list[Party]] = {key: [] for key in keys}
        for found in await self._worlds.dynamics.query_many(list(parties_of(keys))):
            for row in found:
                party = int(row["participationtypemask"]), str(row.get("_partyid_value") or "")
                parties[UUID(str(row["_activityid_value"]))].append(party)
        return {key: tuple(found) for key, found in parties.items()}

    async def _decided(self, seen: Sequence[Seen], rows: Mapping[UUID, JsonRow], users: UserMap) -> dict[str, Decision]:
        present: dict[str, PresentRow | None] = {}
        asked: dict[str, str] = {}
        for each in seen:
            if _is_gone(each, rows):
                continue
            known = present[each.call.id] = present_row(each, rows)
            number = number_to_match(each.call, self.site, known)
            if number is not None:
                asked[each.call.id] = number
        matches = (
            await find_customers(
                self._worlds.dynamics,
                sorted(set(asked.values())),
                self._matching,
                own=self.site.own_numbers,
                index=self._worlds.number_index,
            )
            if asked
            else {}
        )

        def decide_one(each: Seen) -> Decision:
            if each.call.id not in present:
                return deleted_by_user()
            number = asked.get(each.call.id)
            facts = Facts(
                match=NOBODY if number is None else matches[number],
                owner=owner_of(each.call, self.site, users),
                row=present[each.call.id],
                before=each.before.outcome if each.before is not None else None,
            )
            return decide(each.call, self.site, facts)

        return await aside(lambda: {each.call.id: decide_one(each) for each in seen})

    async def _adoptions(
        self, seen: Sequence[Seen], decided: Mapping[str, Decision], users: UserMap
    ) -> dict[str, Adoption]:
        """The rows that agents' clients made of the calls that are to be logged."""
        new = [each for each in seen if each.written_before is None]
        logged = [each.call for each in new if isinstance(decided[each.call.id], Log)]
        if not logged:
            return {}
        calls = [
            logged_call(
                each.call,
                self.site,
                owner_of(each.call, self.site, users),
                gets_a_row=isinstance(decided[each.call.id], Log),
            )
            for each in new
        ]
        rows = await self.clients.rows_of(logged)
        found = await self.clients.adoptions([call for call in calls if call is not None], rows)
        doubled = await self._with_a_row(call_id for call_id, each in found.items() if isinstance(each.decision, Adopt))
        # Ours is there though the ledger does not know: both are joined when it does.
        return {call_id: each for call_id, each in found.items() if call_id not in doubled}

    async def _with_a_row(self, call_ids: Iterable[str]) -> set[str]:
        """Those of the calls that have a phone call of ours."""
        keys = {phone_call_id(call_id): call_id for call_id in call_ids}
        if not keys:
            return set()
        found = await self._worlds.dynamics.query_many(list(keys_there(keys)))
        return {keys[UUID(str(row[PHONE_CALL.primary_id]))] for rows in found for row in rows}


def _is_wanting(seen: Seen, there: There | None) -> bool:
    """Whether a phone call of ours was written before and is not there, or regards nobody."""
    key = seen.written_before
    if there is None or key is None:
        return False
    return (key == phone_call_id(seen.call.id) and key not in there.keys) or there.lacks_customer(seen.call.id)


def _is_gone(seen: Seen, rows: Mapping[UUID, JsonRow]) -> bool:
    """Whether somebody deleted its phone call, now or before."""
    key = seen.written_before
    return seen.is_deleted_by_user or (key is not None and key not in rows)


def _found(
    seen: Seen, rows: Mapping[UUID, JsonRow], parties: Mapping[UUID, tuple[Party, ...]], adoption: Adoption | None
) -> Found:
    found = Found() if adoption is None else Found(adoption=adoption.decision, client_row=adoption.row)
    key = seen.written_before
    return found if key is None else replace(found, row=rows.get(key), parties=parties.get(key))


def _is_ticket_due(seen: Seen, site: Site) -> bool:
    is_offered = seen.before is not None and seen.before.ticket_offered is not None
    return not is_offered and ticket_due(seen.call, site.privacy)
