"""Calls that are asked for whole, since nothing may be kept of them and a change tells one leg only.

Users class calls for 14 days (facts on Enreach, 9.1): when one leg turns Work, another one may still be private.
"""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from functions.call_sync.decide.moments import LONGEST_SLICE
from functions.call_sync.use_case.worlds import Enreach
from shared.calls.call import NOTHING, Records, by_call, merge
from shared.calls.records import CallRecord, Outcome
from shared.enreach.models import CallEvent, Reading
from shared.enreach.windows import Window

_AT_ONCE = 8
_WAS_PRIVATE = frozenset({Outcome.SKIPPED_PRIVATE, Outcome.REMOVED_PRIVATE})
"""Only legs have a class."""
_SOON = timedelta(minutes=2)
"""From the first leg to the queue."""


async def read_whole(
    enreach: Enreach, known: Mapping[str, Records], before: Mapping[str, CallRecord]
) -> dict[str, Records]:
    """What is known of these calls with all else that Enreach says of them, by canonical call id. `before` is what the
    ledger says of each. Raises EnreachError.

    A call of which a leg cannot be read, or which was private and has no legs, is missing: what kept it out may be what
    is not seen. A request for the legs of each call, and one for the service calls of each quarter of an hour in which
    one of them started: those cannot be asked for by call id.
    """
    gate = asyncio.Semaphore(_AT_ONCE)

    async def legs_of(call_id: str) -> Reading[CallEvent]:
        async with gate:
            return await enreach.calls_of(call_id)

    readings = dict(zip(known, await asyncio.gather(*map(legs_of, known)), strict=True))
    readable = {call_id: reading for call_id, reading in readings.items() if not reading.unreadable}
    legs = by_call((event for reading in readable.values() for event in reading.items), ())
    seen = {
        call_id: merge(legs.get(call_id, NOTHING), known[call_id])
        for call_id in readable
        if call_id in legs or before[call_id].outcome not in _WAS_PRIVATE
    }
    starts = [
        each for call_id, records in seen.items() for each in _starts(records, before[call_id]) if not records.service
    ]
    services = [call for window in _windows(starts) for call in (await enreach.service_calls(window)).items]
    queued = by_call((), services)
    whole = {call_id: merge(queued.get(call_id, NOTHING), records) for call_id, records in seen.items()}
    return {call_id: records for call_id, records in whole.items() if records != NOTHING}


def _starts(records: Records, before: CallRecord) -> Iterable[datetime]:
    # The first leg may come long after the queue took the call, which the ledger knows if it saw it.
    return (before.started,) if records == NOTHING else (before.started, records.started)


def _windows(starts: Iterable[datetime]) -> list[Window]:
    """The quarters of an hour in which calls arrived that started then, or soon after."""
    quarter = LONGEST_SLICE.total_seconds()
    moments = {each.timestamp() // quarter for start in starts for each in (start, start + _SOON)}
    opens = [datetime.fromtimestamp(moment * quarter, UTC) for moment in sorted(moments)]
    return [Window.started(start, start + LONGEST_SLICE) for start in opens]
