"""Callback sync whatever is true of what no document says: the switches of both simulators, and other names in
`enreach.json`."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.dataverse.client import DataverseClient
from tests.integration.callbacks_site import CALLER, CallbacksSite, callbacks_site, guid, iso
from tests.integration.enreach import Enreach

OF_ENREACH: list[dict[str, Any]] = [
    {"date_style": "iso"}, {"date_style": "ms-date"}, {"date_style": "by-header"}, {"id_style": "upper"},
    {"id_style": "braces"}, {"plus_sign": "dropped"}, {"order": "descending"}, {"window_bounds": "open"},
    {"window_bounds": "half-open"}, {"closed_callback_change": "refuse"}, {"error_body": "empty"}, {"silo": "silo02"},
]  # fmt: skip
OF_DYNAMICS: list[dict[str, Any]] = [
    {"queued_twice": "add"}, {"queued_twice": "refuse"}, {"missing_bind_status": 400}, {"patch_parties": "refuse"},
    {"changeset_error_wrapped": True}, {"unresolved_parties": "refuse"}, {"delete_queue_with_items": "refuse"},
]  # fmt: skip


@pytest.fixture
async def site(dataverse: DataverseClient, simulator: str, enreach: Enreach) -> AsyncIterator[CallbacksSite]:
    async with callbacks_site(dataverse, simulator, enreach.address) as site:
        yield site


async def tell_a_day(site: CallbacksSite) -> None:
    """A day with everything in it."""
    everything = {"mergeRepeats": True, "expire": True, "expireAfterHours": 2, "completeWhenReached": True}
    site.profiles(
        site.profile(**everything),
        site.profile(name="service", callbackList="Service", queue="Day desk", closeInEnreach="whenCompleted"),
    )
    customer = site.contact("Elina")
    first = site.request("first", ago=100, DueTime=iso(site.now()))
    repeat = site.request("repeat", ago=50)
    withheld = site.request("withheld", Number="", DueTime=iso(site.now()))
    reached = site.request("reached", Number="+358501111111", ago=90)
    stays = site.request("stays", Number="+358502222222", CallbackListId=guid("Service"))
    await site.done()
    assert site.row(first)["_regardingobjectid_value"] == customer
    assert site.row(first)["phonenumber"] == CALLER
    assert set(site.phone_calls()) == {first, withheld, reached, stays}
    assert [site.queue_items(each) for each in (first, withheld, reached)] == [["Callbacks"]] * 3
    assert (site.queue_items(stays), len(site.notes(first))) == (["Day desk"], 1)
    assert [site.state(each) for each in (first, repeat, withheld, reached, stays)] == ["ClosedSuccessfully"] * 4 + [
        "Open"
    ]
    site.call("call", BNum="+358501111111", ago=5)
    site.edit(stays, statecode=1, statuscode=4)
    await site.done()
    assert (site.row(reached)["statecode"], site.state(stays)) == (1, "ClosedSuccessfully")
    await site.done(hours=3)
    assert [site.row(each)["statecode"] for each in (first, withheld)] == [2, 2]
    outcomes = {each: await site.outcome(each) for each in (first, repeat, withheld, reached, stays)}
    assert outcomes == {
        first: ("expired", True), repeat: ("merged", True), withheld: ("expired", True), reached: ("reached", True),
        stays: ("completed", True),
    }  # fmt: skip
    assert await site.reasons() == {}


@pytest.mark.parametrize("switches", OF_ENREACH, ids=str)
async def test_what_is_not_known_of_enreach(site: CallbacksSite, enreach: Enreach, switches: dict[str, Any]) -> None:
    enreach.switch(**switches)
    await tell_a_day(site)


@pytest.mark.parametrize("switches", OF_DYNAMICS, ids=str)
async def test_what_is_not_known_of_dynamics(site: CallbacksSite, switches: dict[str, Any]) -> None:
    site.switch(**switches)
    await tell_a_day(site)


NAMES = {
    "paths": {"callbacks": "/cbr", "callback": "/cbr/{id}", "callbackLists": "/lists-of-callbacks"},
    "fields": {"callbacks": {"id": ["RequestId"], "listId": ["ListId"], "number": ["Phone"], "state": ["Handling"]}},
    "values": {"callbackStates": {"open": ["New"], "closedSuccessfully": ["Done"], "expired": ["TooLate"]}},
}


async def test_other_names_in_enreach_json(dataverse: DataverseClient, simulator: str, enreach: Enreach) -> None:
    names = {"Id": "RequestId", "CallbackListId": "ListId", "Number": "Phone", "State": "Handling"}
    async with callbacks_site(dataverse, simulator, enreach.address, document=json.dumps(NAMES)) as site:
        enreach.switch(
            paths={"/callbacks": "/cbr", "/callbacks/{id}": "/cbr/{id}", "/callbacks/lists": "/lists-of-callbacks"},
            field_names={"callbacks": names},
            field_values={"callbacks": {"State": {"Open": "New", "ClosedSuccessfully": "Done", "Expired": "TooLate"}}},
        )
        await tell_a_day(site)


@pytest.mark.parametrize("queued_twice", ["move", "add", "refuse"])
async def test_a_phone_call_of_ours_without_a_queue_item_gets_one(site: CallbacksSite, queued_twice: str) -> None:
    """As an older tool or a torn restore leaves it."""
    site.switch(queued_twice=queued_twice)
    request = site.request("one", Number="")
    await site.done()
    for row in site.rows("queueitems"):
        site.delete(row["queueitemid"], "queueitems")
    item = site.item(request)
    site.enreach_http.post("callbacks", json=[{**item, "State": "Open", "ModifiedAt": iso(site.now())}])
    for partition in [place for place in site.tables._partitions if place[0] == "idempotency"]:
        site.tables._partitions.pop(partition)
    site.runs = site.process()
    await site.done()
    await site.assert_each_once([request])


@pytest.mark.parametrize("loses", ["before", "after"])
@pytest.mark.parametrize("queued_twice", ["move", "add", "refuse"])
async def test_an_answer_that_is_lost_makes_no_second_queue_item(
    site: CallbacksSite, queued_twice: str, loses: str
) -> None:
    site.switch(queued_twice=queued_twice)
    site.refuse(match={"path": "$batch", "body": "AddToQueue"}, action={"drop": loses}, nth=[1, 3])
    requests = [site.request(n, Number="") for n in range(3)]
    await site.done()
    assert [rule["hits"] for rule in site.dynamics_http.get("faults").json()] == [1]
    await site.assert_each_once(requests)
