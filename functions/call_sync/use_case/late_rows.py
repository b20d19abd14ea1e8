"""Phone calls that agents' clients made after the call was logged: both end as one row."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import batched
from uuid import UUID

from functions.call_sync.decide.adoption import LOGGED_LATER, LoggedCall
from functions.call_sync.decide.fields import Written, call_id_in
from functions.call_sync.decide.news import Seen, waiting_of
from functions.call_sync.decide.outcome import Site
from functions.call_sync.decide.plans import Plan, adopted_later
from functions.call_sync.queries import rows_by_id
from functions.call_sync.use_case.adopting import logged_call
from functions.call_sync.use_case.handling import Handling
from functions.call_sync.use_case.worlds import CallSyncGateways
from shared.calls.ids import phone_call_id
from shared.dataverse.tables import PHONE_CALL, JsonRow, utc_moment
from shared.phone_numbers import e164

_MOST_REMEMBERED = 20_000
_MOST_CALLS = 100
"""Calls of one number that are looked at for a row: more than one has in a day."""
_ROWS_AT_ONCE = 500
_NUMBERS_AT_ONCE = 4
"""Whose calls are looked for in storage."""


class LateRows:
    """Remembers which rows of others were looked at, each in the version that it had then."""

    def __init__(self, worlds: CallSyncGateways) -> None:
        self._worlds = worlds
        self._looked_at: dict[str, str] = {}

    async def take_up(self, handling: Handling, site: Site, since: datetime) -> None:
        """Join the rows that were created since then to the calls that they are of. One request to Dataverse where
        there is none; without `CUSTOMER_ID_KEY` a call is not found by its number, and they stay."""
        rows = await handling.clients.rows_since(since)
        new = [row for row in rows if self._is_new(row) and not _stamp(row, site)]
        # Rows of one number stay together: which of them is which call hangs on all of them.
        new.sort(key=lambda row: str(row.get("phonenumber") or ""))
        for few in batched(new, _ROWS_AT_ONCE, strict=False):
            seen = await self._calls_near(few, site)
            is_joined = not seen or await self._join(handling, site, few, seen)
            if is_joined:
                self._remember(few)

    async def _calls_near(self, rows: Iterable[JsonRow], site: Site) -> dict[str, Seen]:
        """The calls of the past day with the numbers of these rows, by id."""
        key = self._worlds.search_key
        if key is None:
            return {}
        found: dict[str, Seen] = {}
        latest: dict[str, tuple[datetime, datetime]] = {}
        for row in rows:
            number = e164(str(row.get("phonenumber") or ""), site.region)
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
            for history in histories:
                seen = waiting_of(history.record, site, self._worlds.now())
                if seen is not None:
                    found[seen.call.id] = seen

        await asyncio.gather(*(look_for(number, *moments) for number, moments in latest.items()))
        return found

    async def _join(self, handling: Handling, site: Site, rows: Sequence[JsonRow], seen: Mapping[str, Seen]) -> bool:
        """Whether nobody was at work on the rows just then; else they have their turn again."""
        own = await self._own_rows(seen.values(), site)
        calls = [call for each in seen.values() if (call := self._as_logged(each, site, own)) is not None]
        adoptions = await handling.clients.adoptions(calls, rows, own)
        texts = handling.texts_with(await self._worlds.users.read_users(site.region)) if adoptions else handling.texts
        plans: list[Plan] = []
        for call_id, adoption in adoptions.items():
            row, written = own[call_id]
            planned = adopted_later(seen[call_id], adoption.decision, adoption.row, row, written, site, texts)
            if planned is not None:
                plans.append(planned)
        return not plans or not await handling.carry_out(plans)

    async def _own_rows(self, seen: Iterable[Seen], site: Site) -> dict[str, tuple[JsonRow, Written]]:
        """The rows of ours that are there, with what we last wrote to them, by call id."""
        written: dict[UUID, tuple[str, Written]] = {}
        for each in seen:
            key = each.written_before
            if key is None or key != phone_call_id(each.call.id) or each.before is None:
                continue  # adopted before: it has its one row
            try:
                written[key] = each.call.id, Written.from_bytes(each.before.written)
            except ValueError:
                continue
        if not written:
            return {}
        found = await self._worlds.dynamics.query_many(list(rows_by_id(site.rules, written)))
        rows = {UUID(str(row[PHONE_CALL.primary_id])): row for rows in found for row in rows}
        return {call_id: (rows[key], known) for key, (call_id, known) in written.items() if key in rows}

    def _as_logged(self, seen: Seen, site: Site, own: Mapping[str, tuple[JsonRow, Written]]) -> LoggedCall | None:
        """The call with the owner that its row had when we wrote it; None for one that has a client's row already."""
        known = own.get(seen.call.id)
        if known is None:
            return None
        return logged_call(seen.call, site, known[1].owner, gets_a_row=True)

    def _is_new(self, row: JsonRow) -> bool:
        return self._looked_at.get(str(row[PHONE_CALL.primary_id])) != str(row["@odata.etag"])

    def _remember(self, rows: Iterable[JsonRow]) -> None:
        for row in rows:
            self._looked_at[str(row[PHONE_CALL.primary_id])] = str(row["@odata.etag"])
        while len(self._looked_at) > _MOST_REMEMBERED:
            del self._looked_at[next(iter(self._looked_at))]


def _stamp(row: JsonRow, site: Site) -> str | None:
    column = site.rules.own_audit_column or "description"
    return call_id_in(str(row.get(column) or ""))
