"""Thousands of requests in one run, of three profiles and both sync methods: requests grow by thousands."""

from collections.abc import AsyncIterator

import pytest

from functions.callback_sync.use_case.events import asked_checkpoint
from shared.dataverse.client import DataverseClient
from tests.integration.callbacks_site import CallbacksSite, callbacks_site, guid
from tests.integration.enreach import Enreach

MANY = 10_000
LISTS = ("Sales", "Service", "Night")


@pytest.fixture
async def site(dataverse: DataverseClient, simulator: str, enreach: Enreach) -> AsyncIterator[CallbacksSite]:
    async with callbacks_site(dataverse, simulator, enreach.address) as site:
        yield site


def three_profiles(site: CallbacksSite) -> None:
    site.profiles(
        site.profile(),
        site.profile(name="service", callbackList="Service", queue="Day desk", syncMethod="webhook"),
        site.profile(name="night", callbackList="Night", queue="Night desk", syncMethod="webhookWithPolling"),
    )


def ask(site: CallbacksSite, count: int, first: int = 0) -> list[str]:
    return site.requests_of(
        (n, {"Number": f"+35850{n:07}", "CallbackListId": guid(LISTS[n % 3])}) for n in range(first, first + count)
    )


@pytest.mark.long(25)
@pytest.mark.timeout(300)
async def test_ten_thousand_requests_in_one_run(site: CallbacksSite) -> None:
    three_profiles(site)
    few = ask(site, 300)
    await asked_checkpoint(site.tables).advance(site.now(), 0)
    run = await site.done()
    assert run.outcomes == {"queued": 300}
    assert run.requests <= 10
    requests = ask(site, MANY, first=1_000)
    await asked_checkpoint(site.tables).advance(site.now(), 0)
    asked = site.enreach_requests()
    run = await site.done()
    assert (run.outcomes, run.closed) == ({"queued": MANY}, MANY)
    # Of each thousand 5 write phone calls with their queue items, some 3.5 ask whose numbers they are; 2 read all back.
    assert run.requests <= 10 * MANY / 1_000
    assert site.enreach_requests() - asked <= MANY + 5
    await site.assert_each_once([*few, *requests])
    run = await site.done()
    assert (run.outcomes, run.requests) == ({}, 0)
    print(f"\n{MANY} requests: {run.milliseconds} ms")  # noqa: T201 - for who asks (-s)
