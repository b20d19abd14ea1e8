"""Calls that are asked for whole, since nothing may be kept of them and a change tells one leg only.

Users class calls for 14 days (facts on Enreach, 9.1): when one leg turns Work, another one may still be private.
"""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from functions.call_sync.decide.calls import NOTHING, Records, by_call, merge
from functions.call_sync.decide.moments import LONGEST_SLICE
from functions.call_sync.use_case.worlds import Enreach
from shared.enreach.models import CallEvent, Reading
from shared.enreach.windows import Window

_AT_ONCE = 8
_SOON = timedelta(minutes=2)
"""From the first leg to the queue."""


async def read_whole(enreach: Enreach, known: Mapping[str, Records]) -> dict[str, Records]:
    """All that Enreach says of these calls, by canonical call id. Raises EnreachError.

    A request for the legs of each call, and one for the service calls of each quarter of an hour in which one of them
    started: those cannot be asked for by call id.
    """
    gate = asyncio.Semaphore(_AT_ONCE)

    async def legs_of(call_id: str) -> Reading[CallEvent]:
        async with gate:
            return await enreach.calls_of(call_id)

    legs = await asyncio.gather(*map(legs_of, known))
    events = [event for reading in legs for event in reading.items]
    found = by_call(events, ())
    starts = (
        merge(records, found.get(call_id, NOTHING)).started
        for call_id, records in known.items()
        if records.service is None and (records != NOTHING or call_id in found)
    )
    services = [call for window in _windows(starts) for call in (await enreach.service_calls(window)).items]
    whole = by_call(events, services)
    return {call_id: whole[call_id] for call_id in known if call_id in whole}


def _windows(starts: Iterable[datetime]) -> list[Window]:
    """The quarters of an hour in which calls arrived that started then, or soon after."""
    quarter = LONGEST_SLICE.total_seconds()
    moments = {each.timestamp() // quarter for start in starts for each in (start, start + _SOON)}
    opens = [datetime.fromtimestamp(moment * quarter, UTC) for moment in sorted(moments)]
    return [Window.started(start, start + LONGEST_SLICE) for start in opens]
