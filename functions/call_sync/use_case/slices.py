"""A slice of time: what both feeds tell of it, and which of its calls have to be handled."""

import asyncio
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import datetime
from uuid import UUID

from functions.call_sync.decide.fields import call_id_in
from functions.call_sync.decide.moments import LONGEST_SLICE, sliced
from functions.call_sync.decide.news import There, is_of_changes, is_settled
from functions.call_sync.queries import keys_of_own_rows, rows_without_customer
from functions.call_sync.rules import CallSync
from functions.call_sync.use_case.handling import Handling
from functions.call_sync.use_case.run import Run
from functions.call_sync.use_case.worlds import CallSyncGateways
from shared.calls.call import Records, by_call
from shared.calls.ids import phone_call_id
from shared.calls.records import Glance, Outcome
from shared.dataverse.tables import PHONE_CALL
from shared.enreach.windows import By, Window
from shared.long_work import aside, many_objects

_MANY = 1_000


class Slices:
    """Takes slices of time in hand. It remembers nothing."""

    def __init__(self, worlds: CallSyncGateways) -> None:
        self._worlds = worlds

    async def take(self, run: Run, handling: Handling, window: Window, *, own_user: UUID | None = None) -> None:
        """`own_user` (the app in Dynamics): whether the phone calls are still there is looked at too."""
        calls, services = await asyncio.gather(
            self._worlds.enreach.calls(window), self._worlds.enreach.service_calls(window)
        )
        run.slices += 1
        run.unreadable += len(calls.unreadable) + len(services.unreadable)
        if not calls.items and not services.items:
            return
        # Its search through everything at the end costs more than a few objects do.
        with many_objects() if len(calls.items) > _MANY else nullcontext():
            news = await aside(by_call, calls.items, services.items)
            if window.by is By.CHANGE:
                await handling.handle(news)
                return
            for part, few in await aside(_parted, news, window):
                await handling.handle(*await self._worth_a_look(few, part, handling, own_user))

    async def _worth_a_look(
        self, news: Mapping[str, Records], window: Window, handling: Handling, own_user: UUID | None
    ) -> tuple[dict[str, Records], There | None]:
        """Those of the calls whose records have to be read, and what of them is in Dynamics.

        Most calls of a second look are settled: the ledger's glances say so, a thousand in a request.
        """
        # What began to ring before the window may have a leg in it.
        first = window.start - LONGEST_SLICE
        glances = await self._worlds.ledger.glance(first, window.end)
        there = None
        if own_user is not None:
            there = await self._there(handling.site.rules, own_user, Window(By.START, first, window.end), glances)
        return await aside(_unsettled, news, glances, there, handling, self._worlds.now()), there

    async def _there(self, rules: CallSync, own_user: UUID, window: Window, glances: Mapping[str, Glance]) -> There:
        """What Dynamics holds of calls that started then. One request, or one for each 5,000."""
        questions = [keys_of_own_rows(own_user, window.start, window.end)]
        if rules.unmatched_callers == "log":
            questions.append(rows_without_customer(rules, own_user, window.start, window.end))
        own, *others = await self._worlds.dynamics.query_many(questions)
        keys = {UUID(str(row[PHONE_CALL.primary_id])): row["_regardingobjectid_value"] for row in own}
        if not others:
            return There(frozenset(keys), glances=glances, since=window.start)
        column = rules.own_audit_column or "description"
        stamps = (call_id_in(str(row.get(column) or "")) for row in others[0])
        return There(
            frozenset(keys),
            frozenset(key for key, regarding in keys.items() if regarding is None),
            frozenset(stamp for stamp in stamps if stamp is not None),
            glances,
            window.start,
        )


def _parted(news: Mapping[str, Records], window: Window) -> list[tuple[Window, dict[str, Records]]]:
    """The calls by the slices of the window in which they started; of those without any, no slice."""
    parts = list(sliced(window))
    found: dict[int, dict[str, Records]] = {}
    for call_id, records in news.items():
        number = int((records.started - window.start) / LONGEST_SLICE)
        found.setdefault(min(max(number, 0), len(parts) - 1), {})[call_id] = records
    return [(parts[number], found[number]) for number in sorted(found)]


def _unsettled(
    news: Mapping[str, Records],
    glances: Mapping[str, Glance],
    there: There | None,
    handling: Handling,
    now: datetime,
) -> dict[str, Records]:
    def is_settled_here(call_id: str, records: Records) -> bool:
        known = glances.get(call_id)
        if known is None or not is_settled(known, records, handling.site, now, again=handling.again):
            return False
        if there is None:
            return True
        is_gone = known.done and known.outcome is Outcome.LOGGED and phone_call_id(call_id) not in there.keys
        return not is_gone and not there.lacks_customer(call_id)

    return {
        call_id: records
        for call_id, records in news.items()
        if not is_of_changes(records, handling.changes_read_until, now) and not is_settled_here(call_id, records)
    }
