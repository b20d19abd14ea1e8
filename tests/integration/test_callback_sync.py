"""Callback sync against both simulators: what becomes of requests, one story a test."""

from collections.abc import AsyncIterator

import pytest

from shared.dataverse.client import DataverseClient
from tests.integration.callbacks_site import CALLER, CallbacksSite, guid, iso
from tests.integration.enreach import Enreach, enreach_client


@pytest.fixture
async def site(dataverse: DataverseClient, simulator: str, enreach: Enreach) -> AsyncIterator[CallbacksSite]:
    client = enreach_client(enreach.address)
    site = CallbacksSite(dataverse, client, simulator, enreach.address)
    site.start()
    yield site
    site.close()
    await client.close()


async def test_a_request_becomes_an_open_phone_call_in_the_queue(site: CallbacksSite) -> None:
    customer = site.contact("Elina")
    due = site.now().replace(hour=15)
    request = site.request("one", Number="358507654321", DueTime=iso(due), Note="About\nan invoice")
    run = await site.done()
    row = site.row(request)
    assert (row["subject"], row["phonenumber"], row["directioncode"]) == ("Callback request", CALLER, False)
    assert (row["statecode"], row["scheduledend"], row["_regardingobjectid_value"]) == (0, iso(due), customer)
    assert row["description"] == f"About\nan invoice\nCallback list: Sales\nCallbackId is {request}"
    assert site.parties(request) == {(1, customer, None), (2, row["_ownerid_value"], None)}
    assert site.queue_items(request) == ["Callbacks"]
    assert site.state(request) == "ClosedSuccessfully"
    record = await site.record(request)
    assert (record.outcome, record.done, record.closed, record.profile) == ("queued", True, True, "sales")
    assert (run.outcomes, run.closed, run.seen) == ({"queued": 1}, 1, 1)


async def test_a_second_run_does_nothing(site: CallbacksSite) -> None:
    request = site.request("one")
    await site.done()
    before = site.row(request)
    asked = site.dynamics_requests()
    run = await site.done()
    assert site.row(request) == before
    assert (run.outcomes, run.requests, site.dynamics_requests()) == ({}, 0, asked)
