"""The documents that people start from do what they say, with the simulator's seed: the local site's, and the one that
docs/ticket-creation.md begins with. Also what triggers look up beyond the request."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from functions.ticket_creation.rules import DOCUMENT, TicketTriggers
from functions.ticket_creation.use_case.results import DONE
from shared.dataverse.client import DataverseClient
from tests.integration.callbacks_site import CALLER, guid
from tests.integration.enreach import Enreach
from tests.integration.tickets_site import TicketsSite, tickets_site

ROOT = Path(__file__).parents[2]
ELINA = "+358504545641"


@pytest.fixture
async def site(dataverse: DataverseClient, simulator: str, enreach: Enreach) -> AsyncIterator[TicketsSite]:
    async with tickets_site(dataverse, simulator, enreach.address) as site:
        yield site


def use(site: TicketsSite, text: str) -> None:
    site.document(DOCUMENT, TicketTriggers, json.loads(text))


def queue(site: TicketsSite, name: str) -> dict[str, Any]:
    return next(row for row in site.rows("queues") if row["name"] == name)


async def test_the_local_sites_missed_calls_go_onto_one_case(site: TicketsSite) -> None:
    use(site, (ROOT / "local" / "config" / DOCUMENT).read_text("utf-8"))
    missed: dict[str, Any] = {"agentEmail": None, "durationSeconds": 0, "callerNumber": ELINA}
    assert (
        await site.take(
            site.request("one", ago=300, queue="support", callStatus="unanswered", **missed),
            site.request("two", ago=200, queue="Night", callStatus="overflow", **missed),
            site.request("other", queue="Support", callStatus="answered", callerNumber=ELINA),
            site.request("direct", queue=None, callStatus="unanswered", **missed),
        )
        == [DONE] * 4
    )
    case = site.case("one", "Missed call")
    assert case is not None
    assert case["title"] == "Missed call from Elina Korhonen"
    assert case["description"].startswith(f"Queue: support\nNumber: {ELINA}\nCalled at 2027-03-01 13:55")
    subjects = site.by_id("subjects", "subjectid")
    assert subjects[case["_subjectid_value"]]["title"] == "Call back"
    assert site.queue_items(case["incidentid"]) == [queue(site, "Support cases")["queueid"]]
    assert site.note("two", "Missed call") is not None
    site.assert_whole([case["incidentid"]], notes=1)
    assert [(await site.record(name)).outcome for name in ("other", "direct")] == ["no-trigger"] * 2
    assert await site.reasons() == {}


async def test_the_local_sites_vip_calls_reach_their_agent(site: TicketsSite) -> None:
    use(site, (ROOT / "local" / "config" / DOCUMENT).read_text("utf-8"))
    calls = [
        site.request("one", ago=300, queue="VIP support", callerNumber=ELINA),
        site.request("two", ago=100, queue="VIP support", callerNumber=ELINA, agentEmail="nobody@x.example"),
    ]
    assert await site.take(*calls) == [DONE, DONE]
    (key,) = site.cases().keys() - site.seeded_cases
    case = site.cases()[key]
    assert (case["title"], case["_ownerid_value"]) == ("VIP call from Elina Korhonen", guid("ann"))
    assert site.notification("one", "VIP case") is not None
    assert site.note("two", "VIP case") is not None
    # Without an agent the owner of the queue has it.
    assert await site.take(site.request("three", queue="VIP support", agentEmail=None, callerNumber=CALLER)) == [DONE]
    found = site.case("three", "VIP case")
    assert found is not None
    assert found["_ownerid_value"] == queue(site, "VIP support")["_ownerid_value"]


async def test_the_first_trigger_of_the_documentation(site: TicketsSite) -> None:
    (block,) = re.findall(r"```json\n(.*?)```", (ROOT / "docs" / "ticket-creation.md").read_text("utf-8"), re.DOTALL)
    use(site, block)
    assert await site.take(site.request("one", queue="Support", callStatus="overflow", agentEmail=None)) == [DONE]
    case = site.case("one", "Missed call")
    assert case is not None
    assert case["title"] == "Missed call from an unknown caller"
    assert site.queue_items(case["incidentid"]) == [queue(site, "Support cases")["queueid"]]


async def test_opening_hours_are_those_at_the_start_of_the_call(site: TicketsSite) -> None:
    hours = {"timeZone": "UTC", "weekly": {"mon-sun": ["11:00-11:30"]}}
    site.documents.texts["routing.json"] = json.dumps({"openingHours": {"Desk": hours}, "rules": []}).encode()
    site.triggers(
        {"name": "open", "configuration": "open",
         "all": [{"field": "openingHours", "operator": "equals", "value": "desk"}]},
        {"name": "closed", "configuration": "closed"},
        configurations={"open": {}, "closed": {}},
    )  # fmt: skip
    # It is noon.
    await site.take(site.request("early", ago=3601), site.request("in", ago=3600), site.request("late", ago=1800))
    assert [await site.outcomes(name) for name in ("early", "in", "late")] == [
        {"closed": "created"}, {"open": "created"}, {"closed": "created"},
    ]  # fmt: skip


async def test_triggers_by_what_the_caller_is(site: TicketsSite) -> None:
    kinds = ("contact", "account", "none")
    site.triggers(
        *({"name": kind, "configuration": kind,
           "all": [{"field": "callerMatch", "operator": "equals", "value": kind}]} for kind in kinds),
        configurations={kind: {"fallbackAccount": "Aurinko Energia Oy"} for kind in kinds},
    )  # fmt: skip
    await site.take(
        site.request("of a contact", callerNumber=ELINA),
        site.request("of an account", callerNumber="+35896221100"),
        site.request("of nobody", callerNumber=CALLER),
        site.request("withheld", callerNumber=None),
    )
    assert [[*await site.outcomes(name)] for name in ("of a contact", "of an account", "of nobody", "withheld")] == [
        ["contact"], ["account"], ["none"], ["none"],
    ]  # fmt: skip


async def test_health_names_a_trigger_that_nothing_can_fill(site: TicketsSite) -> None:
    asked = {"field": "outboundRoute", "operator": "equals", "value": "North"}
    north = {"name": "north", "configuration": "c", "all": [asked]}
    site.triggers(north, {"name": "always", "configuration": "d"}, configurations={"c": {}, "d": {}})
    assert await site.take(site.request("one")) == [DONE]
    assert await site.outcomes("one") == {"d": "created"}, "the others go on"
    (reason,) = (await site.reasons()).values()
    assert reason.startswith('trigger "north" of ticket-triggers.json asks for outboundRoute, which no source fills')
    site.triggers(north, configurations={"c": {}}, sources={"fields": {"outboundRoute": ["request"]}})
    assert await site.take(site.request("two", outboundRoute="north")) == [DONE]
    assert await site.outcomes("two") == {"c": "created"}
    assert await site.reasons() == {}
