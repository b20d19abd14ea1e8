"""An outage of eight days with a restart of the host each hour: nothing is lost, and nothing is poisoned."""

import asyncio
import random
from datetime import timedelta

import pytest

from shared.calls.ids import canonical_call_id
from shared.ticket_queue import QUEUE
from shared.ticket_request import TicketRequest, as_message
from tests.memory_storage import MemoryFiles
from tests.unit.functions.ticket_creation.ticket_host import Host, Site, SlowMessages, SlowTables, about, virtual_now
from tests.unit.shared.dataverse.virtual_time import play
from tests.unit.shared.tickets.tickets import call_id

HOURS = 8 * 24
BEFORE = 12
"""Requests at the beginning of the outage; of some there is a second message."""
EVERY = 6
"""Hours between further ones."""
ASKED = BEFORE + HOURS // EVERY
BROKEN, MALFORMED = 1_000, b'{"version": 1, "callId": "x", "startTime": "yesterday"}'
HOUR = timedelta(hours=1)


def request_of(number: int) -> TicketRequest:
    return TicketRequest(version=1, call_id=call_id(number), queue="Customer service")


async def outage(site: Site) -> int:
    """How many messages the queue held at most."""
    most = 0
    for number in range(BEFORE):
        for _ in range(1 + (number % 4 == 0)):
            await site.send(request_of(number))
    for hour in range(HOURS):
        host, until = Host(site), virtual_now() + HOUR
        if hour % EVERY == 0:
            await site.send(request_of(BEFORE + hour // EVERY))
        if hour == 20:
            await site.send(MALFORMED)
            await site.send(request_of(BROKEN))
        while virtual_now() < until:
            most = max(most, len(site.messages.queued(QUEUE)))
            await asyncio.sleep(about(60, 600))
        await host.kill_at_work()
    return most


async def story(seed: int) -> None:
    random.seed(seed)
    site = Site(SlowTables(virtual_now), SlowMessages(virtual_now), MemoryFiles(virtual_now), virtual_now)
    site.work.is_down = True
    site.work.refused[call_id(BROKEN)] = "configuration Sales: the queue refuses the case"
    most = await outage(site)
    # What no retry helps is parked at its first attempt; the others went on.
    parked = {each.call_id: each for each in await site.parking.parked()}
    assert {each: (row.code, row.attempts) for each, row in parked.items()} == {
        call_id(BROKEN): ("refused", 1),
        canonical_call_id("x"): ("malformed", 1),
    }
    assert sorted(site.poisoned()) == sorted([MALFORMED, as_message(request_of(BROKEN))])
    assert site.work.done == {}
    # One copy of each call; a few more after a restart, until their time comes and they are dropped.
    assert most <= ASKED + BEFORE
    assert (await site.ledger.waiting()).count == ASKED
    tries = [len(site.work.tries[call_id(number)]) for number in range(BEFORE)]
    assert min(tries) >= HOURS
    assert max(tries) <= 2 * HOURS

    site.work.is_down, recovered = False, virtual_now()
    hosts = [Host(site), Host(site)]
    # One more restart in the worst moment: what it held is hidden for ten minutes.
    await asyncio.sleep(2_700 - 1)
    await hosts.pop().kill()
    await asyncio.sleep(900)
    assert set(site.work.done) == {call_id(number) for number in range(ASKED)}
    assert max(site.work.done.values()) - recovered <= HOUR
    assert site.messages.queued(QUEUE) == []
    assert len(site.poisoned()) == 2
    await hosts.pop().kill()


@pytest.mark.parametrize("seed", [1])
def test_nothing_is_lost_or_poisoned_and_all_is_worked_off_within_an_hour(seed: int) -> None:
    play(story(seed))
