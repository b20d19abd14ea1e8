"""Call sync with both simulators over HTTP: which phone calls stand in Dynamics, and what it costs."""

from collections.abc import AsyncIterator

import pytest

from shared.calls.records import Outcome
from shared.dataverse.client import DataverseClient
from tests.integration.calls_site import CallsSite, guid
from tests.integration.enreach import Enreach, enreach_client


@pytest.fixture
async def site(dataverse: DataverseClient, simulator: str, enreach: Enreach) -> AsyncIterator[CallsSite]:
    client = enreach_client(enreach.address)
    site = CallsSite(dataverse, client, simulator, enreach.address)
    site.start()
    yield site
    site.close()
    await client.close()


async def test_an_answered_call_of_a_customer_becomes_a_completed_phone_call(site: CallsSite) -> None:
    contact = site.contact("Elina")
    call = site.call("one")
    run = await site.tick()
    assert (run.outcome, run.outcomes, run.written) == ("done", {"logged": 1}, 1)
    row = site.row_of(call)
    assert row is not None
    assert row["subject"] == "Incoming direct call"
    assert (row["statecode"], row["statuscode"], row["directioncode"]) == (1, 4, False)
    assert (row["_regardingobjectid_value"], row["_ownerid_value"]) == (contact, guid("ann in Dynamics"))
    assert (row["phonenumber"], row["actualdurationminutes"]) == ("+358507654321", 2)
    assert (await site.record(call)).outcome is Outcome.LOGGED


async def test_a_second_run_writes_nothing_and_asks_once(site: CallsSite) -> None:
    site.contact("Elina")
    site.call("one")
    await site.tick()
    before, rows = site.requests(), site.phone_calls()
    run = await site.tick()
    assert (run.outcome, run.written, run.outcomes) == ("done", 0, {})
    assert site.requests() - before <= 1
    assert site.phone_calls() == rows
