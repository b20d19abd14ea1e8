"""Tickets of one customer made by several workers at once, and workers that are killed anywhere."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from functions.ticket_creation.use_case.results import DONE, Later
from shared.dataverse.client import DataverseClient
from shared.dataverse.credentials import TokenCache
from tests.integration.callbacks_site import CALLER, guid
from tests.integration.enreach import Enreach
from tests.integration.struck import Fate, Killed, Moment, Struck
from tests.integration.tickets_site import TicketsSite, key_of, tickets_site
from tests.integration.tokens import Tokens

RACERS = 32
MOMENTS: list[Moment] = ["before", "half", "after"]


@pytest.fixture
async def site(dataverse: DataverseClient, simulator: str, enreach: Enreach) -> AsyncIterator[TicketsSite]:
    async with tickets_site(dataverse, simulator, enreach.address) as site:
        site.configuration(attach={"policy": "newestOpenCase"}, queue="Case desk", notifyAgent=True)
        yield site


async def settled(site: TicketsSite, names: range, **rules: Any) -> None:
    """Every request has come again until it was done."""
    for _ in range(10):
        results = await site.take(*(site.request(name, ago=100 - name) for name in names))
        if results == [DONE] * len(names):
            return
        site.turn(minutes=1)
    raise AssertionError("requests still wait")


def assert_one_of_each(site: TicketsSite, calls: int) -> None:
    """One contact, one case, one queue item; each other call one note; each call one notification."""
    contacts = [row for row in site.rows("contacts") if row["telephone1"] == CALLER]
    assert len(contacts) == 1
    cases = site.cases().keys() - site.seeded_cases
    assert len(cases) == 1
    site.assert_whole(cases, notes=calls - 1)
    notes = Counter(row["_objectid_value"] for row in site.rows("annotations"))
    assert notes[next(iter(cases))] == calls - 1
    assert len(site.rows("appnotifications")) == calls


@pytest.mark.parametrize("policy", ["newestOpenCase", "missedCallCase"])
async def test_first_calls_of_one_unknown_number_in_32_workers_make_one_contact_and_one_case(
    site: TicketsSite, simulator: str, tokens: Tokens, policy: str
) -> None:
    site.configuration(attach={"policy": policy}, queue="Case desk", notifyAgent=True)
    for name in range(RACERS):
        site.phone_call(name)
    clients = [DataverseClient(simulator, TokenCache(tokens.fetch)) for _ in range(RACERS)]
    workers = [site.process(dynamics=client) for client in clients]
    taken = await asyncio.gather(
        *(work.take([site.request(name, ago=100 - name)]) for name, work in enumerate(workers))
    )
    for client in clients:
        await client.close()
    results = [result for (result,) in taken]
    assert all(result == DONE or isinstance(result, Later) for result in results)
    assert DONE in results
    await settled(site, range(RACERS))
    assert_one_of_each(site, RACERS)
    (case,) = site.cases().keys() - site.seeded_cases
    assert {site.regarding(name) for name in range(RACERS)} == {case}


async def test_one_call_in_several_workers_makes_one_case(site: TicketsSite, simulator: str, tokens: Tokens) -> None:
    workers = [site.process() for _ in range(8)]
    taken = await asyncio.gather(*(work.take([site.request("one")]) for work in workers))
    assert all(result == DONE or isinstance(result, Later) for (result,) in taken)
    await site.take(site.request("one"))
    site.assert_whole([str(key_of("one"))], notes=0)
    assert len(site.rows("appnotifications")) == 1


def phase(name: str, arguments: Any) -> str:
    """What a step is for: the operation of a write, else the method."""
    return str(arguments[0]) if name == "write_sets" else name


async def steps(site: TicketsSite) -> Counter[str]:
    fate = Fate()
    await mortal(site, fate).take([site.request(name, ago=100 - name) for name in range(3)])
    return fate.steps


def mortal(site: TicketsSite, fate: Fate) -> Any:
    """A process that dies at its fate."""
    struck = {
        "dynamics": Struck(site.dataverse, fate, phase),
        "ledger": Struck(site.ledger, fate, lambda name, _: f"ledger {name}"),
        "slots": Struck(site.worlds().slots, fate, lambda name, _: f"slots {name}"),
        "calls": Struck(site.calls, fate, lambda name, _: f"calls {name}"),
    }
    return site.process(**struck)


KILLS = [
    (step, at, moment)
    for step, most in {
        "query_packed": 4, "create contact": 1, "create case": 1, "append to case": 1, "notify agent": 1,
        "slots claim": 2, "calls link_cases": 1, "ledger write": 1,
    }.items()
    for at in range(1, most + 1)
    for moment in MOMENTS
]  # fmt: skip


async def test_the_kills_strike_every_kind_of_step(site: TicketsSite) -> None:
    found = await steps(site)
    known = {step for step, _, _ in KILLS} | {"columns", "ledger read", "calls read", "pages"}
    assert found.keys() <= known
    assert {step for step, _, _ in KILLS} <= found.keys()


@pytest.mark.parametrize(("step", "at", "moment"), KILLS)
async def test_a_process_killed_anywhere_ends_as_if_it_had_not_been(
    site: TicketsSite, step: str, at: int, moment: Moment
) -> None:
    # Of the last call nothing is known but its request.
    for name in range(2):
        site.phone_call(name)
    fate = Fate(step, at, moment)
    with pytest.raises(Killed):
        await mortal(site, fate).take([site.request(name, ago=100 - name) for name in range(3)])
    site.work = site.process()
    site.turn(minutes=10)
    await settled(site, range(3))
    assert_one_of_each(site, 3)
    (case,) = site.cases().keys() - site.seeded_cases
    while await site.catch_up():
        pass
    assert {site.regarding(name) for name in range(2)} == {case}
    history = await site.calls.history(guid(2))
    assert history is not None
    assert [str(each.id) for each in history.cases] == [case]
    for name in range(3):
        assert [str(each.case_id) for each in (await site.record(name)).tickets] == [case]
