"""Phone calls that agents' clients made after the call was logged: both end as one row."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import batched
from uuid import UUID

from functions.call_sync.decide.adoption import LOGGED_LATER, LoggedCall
from functions.call_sync.decide.fields import Written, call_id_in
from functions.call_sync.decide.news import Seen, waiting_of
from functions.call_sync.decide.outcome import Site, owner_of
from functions.call_sync.decide.plans import Plan, adopted_later
from functions.call_sync.queries import rows_by_id
from functions.call_sync.use_case.adopting import logged_call
from functions.call_sync.use_case.handling import Handling
from functions.call_sync.use_case.worlds import CallSyncGateways
from shared.calls.ids import phone_call_id
from shared.calls.records import Outcome
from shared.dataverse.tables import PHONE_CALL, JsonRow, utc_moment
from shared.phone_numbers import e164
from shared.users.matching import UserMap

_MOST_REMEMBERED = 20_000
_MOST_ALONE = 5_000
_MOST_CALLS = 100
"""Calls of one number that are looked at for a row: more than one has in a day."""
_ROWS_AT_ONCE = 500
_NUMBERS_AT_ONCE = 4
"""Whose calls are looked for in storage."""


class LateRows:
    """Remembers which rows of others were looked at, each in the version that it had then, and which stayed alone: what
    is said of the next one of the same number may tell whose they are."""

    def __init__(self, worlds: CallSyncGateways) -> None:
        self._worlds = worlds
        self._looked_at: dict[str, str] = {}
        self._alone: dict[str, JsonRow] = {}

    async def take_up(self, handling: Handling, site: Site, since: datetime) -> None:
        """Join the rows that were created since then to the calls that they are of. One request to Dataverse where
        there is none; without `CUSTOMER_ID_KEY` a call is not found by its number, and they stay."""
        rows = await handling.clients.rows_since(since)
        new = [row for row in rows if self._is_new(row) and not _stamp(row, site)]
        # Rows of one number stay together: which of them is which call hangs on all of them.
        new.sort(key=lambda row: str(row.get("phonenumber") or ""))
        for few in batched(new, _ROWS_AT_ONCE, strict=False):
            numbers = {_number(row, site) for row in few} - {None}
            others = [row for row in self._alone.values() if _number(row, site) in numbers]
            rows_near = {str(row[PHONE_CALL.primary_id]): row for row in (*others, *few)}
            seen = await self._calls_near(rows_near.values(), site)
            joined = await self._join(handling, site, [*rows_near.values()], seen) if seen else set()
            for key in rows_near:
                self._alone.pop(key, None)
            if joined is not None:
                self._remember(few, {key: row for key, row in rows_near.items() if key not in joined})

    async def _calls_near(self, rows: Iterable[JsonRow], site: Site) -> dict[str, Seen]:
        """The calls of the past day with the numbers of these rows, by id."""
        key = self._worlds.search_key
        if key is None:
            return {}
        found: dict[str, Seen] = {}
        latest: dict[str, tuple[datetime, datetime]] = {}
        for row in rows:
            number = _number(row, site)
            if number is not None:
                created = utc_moment(row["createdon"])
                first, last = latest.get(number, (created, created))
                latest[number] = min(first, created), max(last, created)
        gate = asyncio.Semaphore(_NUMBERS_AT_ONCE)

        async def look_for(number: str, first: datetime, last: datetime) -> None:
            until = last + timedelta(minutes=5)
            async with gate:
                histories = await self._worlds.ledger.find(
                    {key.number(number)}, first - LOGGED_LATER, until, _MOST_CALLS
                )
            for record in filter(None, (history.record for history in histories)):
                seen = waiting_of(record, site, self._worlds.now())
                if seen is not None:
                    found[seen.call.id] = seen

        await asyncio.gather(*(look_for(number, *moments) for number, moments in latest.items()))
        return found

    async def _join(
        self, handling: Handling, site: Site, rows: Sequence[JsonRow], seen: Mapping[str, Seen]
    ) -> set[str] | None:
        """The keys of the rows that were joined to calls; None where somebody was at work on one just then, and they
        have their turn again."""
        users = await self._worlds.users.read_users(site.region)
        own, theirs = await self._rows_of(seen.values(), site)
        calls = [call for each in seen.values() if (call := _as_logged(each, site, users, own, theirs)) is not None]
        adoptions = await handling.clients.adoptions(calls, [*rows, *theirs.values()], own)
        texts = handling.planning.texts_with(users)
        plans: list[Plan] = []
        joined: set[str] = set()
        for call_id, adoption in adoptions.items():
            if call_id not in own:
                continue  # it has its one row
            row, written = own[call_id]
            planned = adopted_later(seen[call_id], adoption.decision, adoption.row, row, written, site, texts)
            if planned is not None:
                plans.append(planned)
                joined.add(str(adoption.row[PHONE_CALL.primary_id]))
        return joined if not plans or not await handling.carry_out(plans) else None

    async def _rows_of(
        self, seen: Iterable[Seen], site: Site
    ) -> tuple[dict[str, tuple[JsonRow, Written]], dict[str, JsonRow]]:
        """The phone calls that these calls have, by call id: ours, with what we last wrote to them, and those of
        clients."""
        written: dict[UUID, tuple[str, Written]] = {}
        adopted: dict[UUID, str] = {}
        for each in seen:
            key, before = each.written_before, each.before
            if key is None or before is None:
                continue
            if key != phone_call_id(each.call.id):
                adopted[key] = each.call.id
                continue
            if before.outcome is Outcome.MERGED:
                continue  # the client's row was taken into ours
            try:
                written[key] = each.call.id, Written.from_bytes(before.written)
            except ValueError:
                continue
        if not written:
            return {}, {}
        found = await self._worlds.dynamics.query_many(list(rows_by_id(site.rules, [*written, *adopted])))
        rows = {UUID(str(row[PHONE_CALL.primary_id])): row for rows in found for row in rows}
        own = {call_id: (rows[key], known) for key, (call_id, known) in written.items() if key in rows}
        return own, {call_id: rows[key] for key, call_id in adopted.items() if key in rows}

    def _is_new(self, row: JsonRow) -> bool:
        return self._looked_at.get(str(row[PHONE_CALL.primary_id])) != str(row["@odata.etag"])

    def _remember(self, rows: Iterable[JsonRow], alone: Mapping[str, JsonRow]) -> None:
        for row in rows:
            self._looked_at[str(row[PHONE_CALL.primary_id])] = str(row["@odata.etag"])
        while len(self._looked_at) > _MOST_REMEMBERED:
            del self._looked_at[next(iter(self._looked_at))]
        self._alone |= alone
        while len(self._alone) > _MOST_ALONE:
            del self._alone[next(iter(self._alone))]


def _as_logged(
    seen: Seen,
    site: Site,
    users: UserMap,
    own: Mapping[str, tuple[JsonRow, Written]],
    theirs: Mapping[str, JsonRow],
) -> LoggedCall | None:
    """The call with the owner that its row has; one that was not logged with the user who made or took it, whose client
    may have made a row all the same. None for one whose row is none to be known by."""
    call_id = seen.call.id
    if call_id in own:
        return logged_call(seen.call, site, own[call_id][1].owner, gets_a_row=True)
    if call_id in theirs:
        return logged_call(seen.call, site, str(theirs[call_id].get("_ownerid_value") or "") or None, gets_a_row=True)
    if seen.written_before is not None:
        return None
    return logged_call(seen.call, site, owner_of(seen.call, site, users), gets_a_row=False)


def _number(row: JsonRow, site: Site) -> str | None:
    return e164(str(row.get("phonenumber") or ""), site.region)


def _stamp(row: JsonRow, site: Site) -> str | None:
    column = site.rules.own_audit_column or "description"
    return call_id_in(str(row.get(column) or ""))
