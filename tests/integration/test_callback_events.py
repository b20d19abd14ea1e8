"""Events of Enreach's webhook: what they start, and what becomes of them when nobody can work."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from shared.dataverse.client import DataverseClient
from tests.integration.callbacks_site import CallbacksSite, callbacks_site, guid
from tests.integration.enreach import Enreach


@pytest.fixture
async def site(dataverse: DataverseClient, simulator: str, enreach: Enreach) -> AsyncIterator[CallbacksSite]:
    async with callbacks_site(dataverse, simulator, enreach.address) as site:
        site.profiles(
            site.profile(syncMethod="webhook"),
            site.profile(name="service", callbackList="Service", queue="Day desk"),
            site.profile(name="night", callbackList="Night", queue="Night desk", syncMethod="webhookWithPolling"),
        )
        yield site


def ask(site: CallbacksSite, name: str) -> list[str]:
    return [site.request(f"{name} {each}", Number="", ago=1, CallbackListId=guid(each))
            for each in ("Sales", "Service", "Night")]  # fmt: skip


async def test_the_timer_leaves_alone_what_events_are_for(site: CallbacksSite) -> None:
    webhook, *_ = ask(site, "a")
    await site.done()
    assert set(site.states().values()) == {"Open", "ClosedSuccessfully"}
    assert site.state(webhook) == "Open"


async def test_an_event_starts_a_run_of_the_profiles_that_listen(site: CallbacksSite) -> None:
    webhook, polling, both = ask(site, "a")
    events = site.events()
    await events.take()
    await events.settle()
    assert set(site.phone_calls()) == {webhook, both}
    assert site.state(polling) == "Open"


async def test_an_event_of_a_change_whose_clock_goes_before_ours(site: CallbacksSite) -> None:
    request = site.request("one", ago=-20)
    events = site.events()
    await events.take()
    await events.settle()
    assert set(site.phone_calls()) == {request}


async def test_an_event_that_nobody_answered_is_answered_by_the_next_tick(site: CallbacksSite) -> None:
    webhook, *_ = ask(site, "a")

    async def dies() -> None:
        raise RuntimeError("the process ends")

    events = site.events()
    events._run = dies
    await events.take()
    await events.settle()
    assert site.phone_calls() == {}
    await site.done()
    assert site.queue_items(webhook) == ["Callbacks"]
    later, *_ = ask(site, "b")
    await site.done()
    assert site.state(later) == "Open", "the event was answered once"


async def test_an_event_while_another_run_is_at_work(site: CallbacksSite) -> None:
    webhook, *_ = ask(site, "a")
    events = site.events(site.process())
    await site.tables.insert(
        "checkpoints", "lease", "callbacks",
        {"holder": "another", "seconds": 60.0, "fence": 1, "released": False, "token": "t"},
    )  # fmt: skip
    await events.take()
    await events.settle()
    assert site.phone_calls() == {}
    await site.done(minutes=2)
    assert site.queue_items(webhook) == ["Callbacks"]


async def test_a_burst_of_events_leads_to_few_runs(site: CallbacksSite) -> None:
    runs = 0

    async def run() -> None:
        nonlocal runs
        runs += 1
        await site.runs.on_event()

    events = site.events(pause_seconds=0.05)
    events._run = run
    for n in range(50):
        if n % 10 == 0:
            site.request(n, Number="", ago=1)
        await events.take()
    await events.settle()
    assert 1 <= runs <= 3
    assert len(site.phone_calls()) == 5


async def test_what_came_while_events_did_not_come_is_read_with_the_next_one(site: CallbacksSite) -> None:
    events = site.events()
    await events.take()
    await events.settle()
    request = site.request("one", ago=1)
    for _ in range(3):
        await site.done(hours=10)
    assert site.state(request) == "Open"
    await events.take()
    await events.settle()
    await site.assert_each_once([request])


async def test_the_first_event_reads_from_the_day_on_which_the_profile_was_written(site: CallbacksSite) -> None:
    await site.done()
    request = site.request("one", ago=1)
    await site.done(days=2)
    events = site.events()
    await events.take()
    await events.settle()
    assert site.queue_items(request) == ["Callbacks"]


async def test_an_event_for_a_profile_that_is_off_is_answered_when_it_is_on(site: CallbacksSite) -> None:
    site.delete(guid("queue Callbacks"), "queues")
    await site.done()
    request = site.request("one", ago=1)
    events = site.events()
    await events.take()
    await events.settle()
    await site.done(hours=3)
    assert site.state(request) == "Open"
    site.plant(queues=[{"queueid": guid("another"), "name": "Callbacks", "statecode": 0}])
    await site.done()
    await site.assert_each_once([request])


async def test_events_on_two_instances_beside_the_timer_make_everything_once(site: CallbacksSite) -> None:
    requests = [each for n in range(5) for each in ask(site, str(n))]
    instances = [site.events(site.process()) for _ in range(2)]
    site.turn(minutes=1)
    await asyncio.gather(*(each.take() for each in instances * 3), site.process().every_minute())
    await asyncio.gather(*(each.settle() for each in instances))
    for _ in range(2):
        await site.done()
    await site.assert_each_once(requests)
