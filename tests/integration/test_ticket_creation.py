"""Ticket creation against both simulators: what becomes of requests, one story a test."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from functions.ticket_creation.use_case.results import DONE, Later, Refused
from shared.calls.records import CallRecord, Outcome
from shared.dataverse.client import DataverseClient
from tests.integration.callbacks_site import CALLER, guid, iso
from tests.integration.enreach import Enreach
from tests.integration.tickets_site import AGENT, TicketsSite, key_of, tickets_site


@pytest.fixture
async def site(dataverse: DataverseClient, simulator: str, enreach: Enreach) -> AsyncIterator[TicketsSite]:
    async with tickets_site(dataverse, simulator, enreach.address) as site:
        yield site


async def test_a_call_becomes_a_case_for_the_agent_who_took_it(site: TicketsSite) -> None:
    customer = site.contact("Elina")
    call = site.phone_call("one", **{"regardingobjectid_contact_phonecall@odata.bind": f"/contacts({customer})"})
    site.configuration(
        title="${queue}: ${customerName}", description="Call of ${duration} on ${startTime}", caseType="Problem",
        priority="High", queue="case desk", notifyAgent=True,
    )  # fmt: skip
    assert await site.take(site.request("one", agentEmail="ANN@X.Example")) == [DONE]
    case = site.case("one")
    assert case is not None
    assert (case["title"], case["description"]) == ("Sales: Elina", "Call of 0:30 on 2027-03-01 11:58")
    assert (case["casetypecode"], case["prioritycode"], case["caseorigincode"]) == (2, 1, 1)
    assert (case["_customerid_value"], case["_ownerid_value"]) == (customer, guid("ann"))
    assert site.queue_items(case["incidentid"]) == [guid("queue")]
    assert site.regarding("one") == case["incidentid"]
    link = f"https://contoso.crm4.dynamics.com/main.aspx?pagetype=entityrecord&etn=incident&id={case['incidentid']}"
    told = site.notification("one")
    assert told is not None
    assert (told["title"], told["_ownerid_value"]) == ("Sales: Elina", guid("ann"))
    assert json.loads(told["data"])["actions"][0]["data"]["url"] == link
    record = await site.record("one")
    assert (record.outcome, record.done, record.tickets[0].link) == ("created", True, link)
    assert not record.tickets[0].phone_call_pending
    assert call in {row["activityid"] for row in site.rows("phonecalls")}


async def test_the_same_request_again_asks_dynamics_nothing(site: TicketsSite) -> None:
    await site.take(site.request("one"))
    asked = site.dynamics_requests()
    assert await site.take(site.request("one"), site.request("one")) == [DONE, DONE]
    assert site.dynamics_requests() == asked
    assert len(site.rows("annotations")) == 0


async def test_a_case_that_a_user_deleted_stays_deleted(site: TicketsSite) -> None:
    await site.take(site.request("one"))
    site.delete(str(key_of("one")), "incidents")
    await site.take(site.request("one"))
    assert site.case("one") is None


async def test_with_our_tables_lost_nothing_is_doubled(site: TicketsSite) -> None:
    site.configuration(queue="Case desk", notifyAgent=True)
    await site.take(site.request("one"))
    site.tables.empty()
    assert await site.take(site.request("one")) == [DONE]
    site.assert_whole([str(key_of("one"))], notes=0)
    assert await site.outcomes("one") == {"c": "created"}


async def test_an_unknown_caller_becomes_a_contact_with_the_number_in_e164(site: TicketsSite) -> None:
    site.configuration(contactFirstName="Caller of ${queue}", contactLastName="${customerNumber}")
    await site.take(site.request("one", callerNumber="050 7654321"))
    case = site.case("one")
    assert case is not None
    contact = site.by_id("contacts", "contactid")[case["_customerid_value"]]
    assert (contact["telephone1"], contact["firstname"]) == (CALLER, "Caller of Sales")
    await site.take(site.request("two"))
    assert site.case("two") is not None
    assert sum(row["telephone1"] == CALLER for row in site.rows("contacts")) == 1


@pytest.mark.parametrize(
    ("rules", "keys", "whose", "outcome"),
    [
        pytest.param({"unknownCaller": "noCase"}, {}, None, "no-case", id="no case of an unknown caller"),
        pytest.param(
            {"unknownCaller": "fallbackAccount", "fallbackAccount": "fallback"}, {}, "fallback", "created",
            id="the fallback account of an unknown caller",
        ),
        pytest.param({}, {"callerNumber": None}, None, "no-case", id="a withheld number is nobody"),
        pytest.param(
            {"fallbackAccount": "FB-1"}, {"callerNumber": None}, "fallback", "created",
            id="a withheld number is the fallback account, found by its number",
        ),
        pytest.param({}, {"callerNumber": "+358985000001"}, None, "no-case", id="our own number is nobody's"),
        pytest.param(
            {}, {"variables": {"email": "Mail@X.Example"}}, "mail", "created", id="by e-mail"
        ),
        pytest.param({"severalMatches": "noCase"}, {"callerNumber": "+358501110000"}, None, "no-case", id="several"),
        pytest.param({}, {"callerNumber": "+358501110000"}, "several", "created", id="the first of several"),
    ],
)  # fmt: skip
async def test_whose_case_it_is(
    site: TicketsSite, rules: dict[str, Any], keys: dict[str, Any], whose: str | None, outcome: str
) -> None:
    site.account("fallback", accountnumber="FB-1")
    site.contact("mail", "", emailaddress1="mail@x.example")
    several = {site.contact("a", "+358501110000"), site.contact("b", "+358501110000")}
    site.configuration(**rules)
    assert await site.take(site.request("one", **keys)) == [DONE]
    case = site.case("one")
    assert await site.outcomes("one") == {"c": outcome}
    if whose is None:
        assert case is None
    else:
        assert case is not None
        assert case["_customerid_value"] in (several if whose == "several" else {guid(whose)})


@pytest.mark.parametrize(
    ("rules", "agent", "owner"),
    [
        pytest.param({"fallbackOwner": "deputy@x.example"}, "nobody@x.example", "deputy", id="the fallback user"),
        pytest.param({"fallbackOwner": "deputy@x.example"}, "gone@x.example", "deputy", id="a disabled agent"),
        pytest.param({"fallbackOwner": "deputy@x.example"}, None, "deputy", id="no agent"),
        pytest.param({"fallbackOwner": "queueOwner", "queue": "Owned"}, None, "deputy", id="the queue's owner"),
        pytest.param({"fallbackOwner": "deputy@x.example"}, AGENT, "ann", id="the agent"),
        pytest.param({}, "nobody@x.example", None, id="the app's own user"),
    ],
)
async def test_who_owns_the_case(
    site: TicketsSite, rules: dict[str, object], agent: str | None, owner: str | None
) -> None:
    site.user("deputy", "deputy@x.example")
    site.user("gone", "gone@x.example", isdisabled=True)
    queue = {"queueid": guid("owned"), "name": "Owned", "queueviewtype": 0, "statecode": 0}
    site.plant(queues=[queue | {"ownerid@odata.bind": f"/systemusers({guid('deputy')})"}])
    site.configuration(**rules)
    await site.take(site.request("one", agentEmail=agent))
    case = site.case("one")
    assert case is not None
    wanted = guid(owner) if owner is not None else str(await site.dataverse.own_user_id())
    assert case["_ownerid_value"] == wanted


# --------------------------------------------------------------------------------------------------- attaching


async def test_a_call_goes_onto_the_newest_open_case_of_its_customer(site: TicketsSite) -> None:
    customer = site.contact("Elina")
    site.open_case("old", customer, createdon="2027-01-01T00:00:00Z")
    site.open_case("new", customer, createdon="2027-02-01T00:00:00Z")
    site.open_case("closed", customer, createdon="2027-02-20T00:00:00Z", statecode=1, statuscode=5)
    site.phone_call("one")
    site.configuration(attach={"policy": "newestOpenCase"}, title="Call", description="They called")
    await site.take(site.request("one"))
    note = site.note("one")
    assert note is not None
    assert (note["_objectid_value"], note["subject"], note["notetext"]) == (guid("new"), "Call", "They called")
    assert site.regarding("one") == guid("new")
    assert site.case("one") is None
    assert await site.outcomes("one") == {"c": "appended"}


async def test_the_first_of_several_calls_opens_the_case(site: TicketsSite) -> None:
    site.configuration(attach={"policy": "newestOpenCase"}, queue="Case desk")
    requests = [site.request(name, ago=ago) for name, ago in (("two", 60), ("one", 90), ("three", 30))]
    assert await site.take(*requests) == [DONE] * 3
    case = site.case("one")
    assert case is not None
    assert {site.note(name)["_objectid_value"] for name in ("two", "three")} == {case["incidentid"]}  # type: ignore[index]
    site.assert_whole([case["incidentid"]], notes=2)


async def test_repeated_missed_calls_of_a_number_go_onto_one_case_within_the_hours(site: TicketsSite) -> None:
    site.configuration(attach={"policy": "missedCallCase", "withinHours": 4})
    await site.take(site.request("one"))
    site.turn(hours=3)
    await site.take(site.request("two"), site.request("another number", callerNumber="+358501111111"))
    site.turn(hours=2)
    await site.take(site.request("three"))
    assert (site.note("two") or {})["_objectid_value"] == str(key_of("one"))
    assert site.case("another number") is not None
    assert site.case("three") is not None, "the hours are over"


async def test_a_group_may_hold_missed_calls_of_days(site: TicketsSite) -> None:
    site.configuration(attach={"policy": "missedCallCase", "withinHours": 4})
    hours = {"a": 30, "b": 28, "c": 20, "d": 19, "e": 2}
    requests = [site.request(name, ago=3600.0 * ago) for name, ago in hours.items()]
    assert await site.take(*requests) == [DONE] * 5
    opened = {name for name in hours if site.case(name) is not None}
    assert opened == {"a", "c", "e"}
    assert {name: (site.note(name) or {}).get("_objectid_value") for name in ("b", "d")} == {
        "b": str(key_of("a")),
        "d": str(key_of("c")),
    }


async def test_a_missed_call_case_that_was_resolved_takes_no_further_calls(site: TicketsSite) -> None:
    site.configuration(attach={"policy": "missedCallCase"})
    await site.take(site.request("one"))
    site.plant(incidents=[{"incidentid": str(key_of("one")), "statecode": 1, "statuscode": 5}])
    await site.take(site.request("two"))
    assert site.case("two") is not None


async def test_missed_calls_find_their_case_with_our_tables_lost(site: TicketsSite) -> None:
    site.configuration(attach={"policy": "missedCallCase"})
    # Rows of the simulator are dated by its own clock.
    from shared.clock import utc_now

    site.turn(seconds=(utc_now() - site.now()).total_seconds())
    await site.take(site.request("one"))
    site.tables.empty()
    await site.take(site.request("two"))
    assert (site.note("two") or {})["_objectid_value"] == str(key_of("one"))


# ------------------------------------------------------------------------------------------- what stands in the way


async def test_what_dataverse_refuses_of_one_costs_none_of_the_others(site: TicketsSite) -> None:
    site.configuration(title="Call of ${variables.name|nobody}", queue="Case desk")
    refusal = {"status": 400, "code": "0x80040265", "message": "A plug-in refuses it"}
    site.refuse(match={"path": "incidents", "body": "Call of Mallory"}, action=refusal, scope="part")
    requests = [site.request(name, variables={"name": name}) for name in ("Mallory", "Elina", "Kaisa")]
    refused, *others = await site.take(*requests)
    assert isinstance(refused, Refused)
    assert (refused.code, "RejectedError 0x80040265" in refused.reason) == ("rejected", True)
    assert "plug-in" not in refused.reason, "what Dataverse says may hold what the call says"
    assert others == [DONE, DONE]
    site.assert_whole([str(key_of("Elina")), str(key_of("Kaisa"))], notes=0)
    record = await site.record("Mallory")
    assert (record.outcome, record.done) == ("parked", False)


async def test_a_configuration_that_names_what_is_not_there_is_off_and_told_of(site: TicketsSite) -> None:
    site.configuration(columns={"prioritycode2": 1})
    assert await site.take(site.request("one")) == [Later("configuration c: the case has no column prioritycode2")]
    assert (await site.reasons())["ticket configuration c"] == "the case has no column prioritycode2; its requests wait"
    site.configuration()
    assert await site.take(site.request("one")) == [DONE]
    assert "ticket configuration c" not in await site.reasons()


async def test_an_agent_who_may_own_no_cases_leaves_them_to_the_fallback(site: TicketsSite) -> None:
    site.user("deputy", "deputy@x.example")
    site.phone_call("one")
    site.configuration(fallbackOwner="deputy@x.example")
    denial = {"status": 403, "code": "0x80040220"}
    site.refuse(match={"path": "incidents", "body": guid("ann")}, action=denial, scope="part")
    assert await site.take(site.request("one")) == [DONE]
    assert (site.case("one") or {})["_ownerid_value"] == guid("deputy")
    assert "does not let the agent own it" in (await site.record("one")).reason
    await site.catch_up()
    assert site.regarding("one") == str(key_of("one"))


async def test_an_app_without_the_right_to_make_cases_waits(site: TicketsSite) -> None:
    site.refuse(
        match={"path": "incidents", "method": "POST"}, action={"status": 403, "code": "0x80040220"}, scope="part"
    )
    (result,) = await site.take(site.request("one"))
    assert isinstance(result, Later)
    site.forgive()
    assert await site.take(site.request("one")) == [DONE]


async def test_a_phone_call_that_changes_just_then_comes_under_the_case_later(site: TicketsSite) -> None:
    site.phone_call("one")
    site.configuration(queue="Case desk")
    site.refuse(match={"method": "PATCH", "path": "phonecalls"}, action={"status": 412, "code": "0x80060882"},
                scope="part", count=1)  # fmt: skip
    assert await site.take(site.request("one")) == [DONE]
    site.assert_whole([str(key_of("one"))], notes=0)
    assert (await site.record("one")).is_pending
    assert await site.catch_up() == 1
    assert site.regarding("one") == str(key_of("one"))


async def test_an_agent_who_cannot_be_notified_has_the_case_all_the_same(site: TicketsSite) -> None:
    site.configuration(notifyAgent=True)
    site.refuse(match={"path": "appnotifications"}, action={"status": 403, "code": "0x80040220"}, scope="part")
    assert await site.take(site.request("one")) == [DONE]
    assert site.case("one") is not None


async def test_a_value_that_does_not_fit_parks_this_request_alone(site: TicketsSite) -> None:
    site.add_columns("incident", new_score={"type": "Integer"})
    site.configuration(columns={"new_score": "${variables.score|0}"})
    bad, good = await site.take(
        site.request("one", variables={"score": "high"}), site.request("two", variables={"score": "7"})
    )
    assert bad == Refused("value", "configuration c: column new_score takes a whole number")
    assert good == DONE
    assert (site.case("two") or {})["new_score"] == 7
    assert (await site.record("one")).outcome == "parked"


async def test_a_queue_that_is_not_there_has_requests_wait_until_somebody_makes_it(site: TicketsSite) -> None:
    site.configuration(queue="Night desk")
    (result,) = await site.take(site.request("one"))
    assert result == Later("configuration c: its queue is not in Dynamics")
    assert (await site.record("one")).outcome == "waiting"
    site.plant(queues=[{"queueid": guid("night"), "name": "Night desk", "queueviewtype": 0, "statecode": 0}])
    assert await site.take(site.request("one")) == [DONE]
    assert site.queue_items(str(key_of("one"))) == [guid("night")]


async def test_no_trigger_no_case_and_why(site: TicketsSite) -> None:
    condition = {"field": "queue", "operator": "equals", "value": "Service"}
    site.triggers({"name": "service", "all": [condition], "configuration": "c"})
    assert await site.take(site.request("one")) == [DONE]
    assert ((await site.record("one")).outcome, site.case("one")) == ("no-trigger", None)
    await site.take(site.request("one", queue="service"))
    assert site.case("one") is not None, "the request says more now"


async def test_all_triggers_that_match_make_a_case_each(site: TicketsSite) -> None:
    site.triggers(
        {"name": "a", "configuration": "first"}, {"name": "b", "configuration": "second"},
        match="all", configurations={"first": {}, "second": {}},
    )  # fmt: skip
    site.phone_call("one")
    await site.take(site.request("one"))
    assert site.case("one", "first") is not None
    assert site.case("one", "second") is not None
    assert await site.outcomes("one") == {"first": "created", "second": "created"}


async def test_each_configuration_has_its_own_way_with_several_customers(site: TicketsSite) -> None:
    for name in ("a", "b"):
        site.contact(name)
    site.triggers(
        {"name": "a", "configuration": "first"}, {"name": "b", "configuration": "none"},
        match="all", configurations={"first": {"severalMatches": "first"}, "none": {"severalMatches": "noCase"}},
    )  # fmt: skip
    await site.take(site.request("one"))
    assert await site.outcomes("one") == {"first": "created", "none": "no-case"}
    assert site.case("one", "none") is None


async def test_of_one_call_a_later_trigger_goes_onto_the_case_of_an_earlier_one(site: TicketsSite) -> None:
    site.triggers(
        {"name": "a", "configuration": "z opens"}, {"name": "b", "configuration": "a goes onto it"},
        match="all", configurations={"z opens": {}, "a goes onto it": {"attach": {"policy": "newestOpenCase"}}},
    )  # fmt: skip
    await site.take(site.request("one"))
    assert await site.outcomes("one") == {"z opens": "created", "a goes onto it": "appended"}
    assert (site.note("one", "a goes onto it") or {})["_objectid_value"] == str(key_of("one", "z opens"))


async def test_a_trigger_may_ask_who_the_caller_is(site: TicketsSite) -> None:
    condition = {"field": "callerMatch", "operator": "in", "value": ["contact", "account"]}
    site.triggers({"name": "known", "all": [condition], "configuration": "c"})
    site.contact("Elina")
    await site.take(site.request("known"), site.request("unknown", callerNumber="+358501111111"))
    assert site.case("known") is not None
    assert site.case("unknown") is None


# --------------------------------------------------------------------------------------------------- compact, calls


async def test_a_compact_request_is_filled_by_enreach(site: TicketsSite) -> None:
    started = iso(site.now())
    site.enreach_calls(
        {"CallId": guid("one"), "UserId": guid("ann"), "UserName": AGENT, "ANum": CALLER, "BNum": "+358985000001",
         "TimeStamp": started, "ModifiedAt": started, "Duration": 30, "Direction": 0, "EndResult": 0,
         "CallTypeString": "DirectCall", "Privacy": "Work"}
    )  # fmt: skip
    site.configuration(title="${customerNumber} for ${agentName}")
    compact = site.request("one").model_copy(update=dict.fromkeys(
        ("direction", "queue", "call_status", "agent_email", "caller_number", "called_number", "start_time",
         "duration_seconds")
    ))  # fmt: skip
    assert compact.is_compact
    site.turn(minutes=5)
    assert await site.take(compact) == [DONE]
    case = site.case("one")
    assert case is not None
    assert case["title"].startswith(CALLER)
    unknown = compact.model_copy(update={"call_id": guid("unknown")})
    (result,) = await site.take(unknown)
    assert isinstance(result, Later)


async def test_a_phone_call_that_comes_later_comes_under_the_case(site: TicketsSite) -> None:
    customer = site.contact("Elina")
    await site.take(site.request("one"))
    assert (await site.record("one")).is_pending
    assert await site.catch_up() == 0
    site.phone_call("one", **{"regardingobjectid_contact_phonecall@odata.bind": f"/contacts({customer})"})
    assert await site.catch_up() == 1
    assert site.regarding("one") == str(key_of("one"))
    assert not (await site.record("one")).is_pending


async def test_a_call_that_is_not_logged_is_not_waited_for(site: TicketsSite) -> None:
    await site.take(site.request("one"))
    now = site.now()
    record = CallRecord(
        call_id=guid("one"), outcome=Outcome.SWITCHED_OFF, reason="", started=now, first_seen=now, updated=now
    )
    await site.calls.write([record])
    assert await site.catch_up() == 1
    assert not (await site.record("one")).is_pending
    await site.calls.write([replace(record, call_id=guid("two"))])
    await site.take(site.request("two"))
    assert not (await site.record("two")).is_pending


async def test_a_phone_call_of_an_agents_client_comes_under_the_case(site: TicketsSite) -> None:
    now, key = site.now(), UUID(guid("client's row"))
    site.plant(phonecalls=[{"activityid": str(key), "subject": "From the client"}])
    record = CallRecord(
        call_id=guid("one"), outcome=Outcome.ADOPTED, reason="", started=now, first_seen=now, updated=now,
        phone_call_id=key,
    )  # fmt: skip
    await site.calls.write([record])
    await site.take(site.request("one"))
    row = site.by_id("phonecalls", "activityid")[str(key)]
    assert row["_regardingobjectid_value"] == str(key_of("one"))


async def test_what_a_user_made_a_phone_call_regard_stays(site: TicketsSite) -> None:
    other = site.open_case("other", site.contact("somebody", "+358509999999"))
    site.phone_call("one", **{"regardingobjectid_incident_phonecall@odata.bind": f"/incidents({other})"})
    await site.take(site.request("one"))
    assert site.case("one") is not None
    assert site.regarding("one") == other


async def test_the_case_stands_by_the_call_and_is_found_by_number_and_agent(site: TicketsSite) -> None:
    await site.take(site.request("one"))
    history = await site.calls.history(guid("one"))
    assert history is not None
    assert [case.id for case in history.cases] == [key_of("one")]


async def test_nothing_personal_stands_in_logs_tables_reasons_or_health(
    site: TicketsSite, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    canaries = ("7654321", "Kanarialintu", "kanaria@x.example", "ann@x.example")
    site.contact("Kanarialintu", emailaddress1="kanaria@x.example")
    site.contact("Another Kanarialintu")
    site.add_columns("incident", new_score={"type": "Integer"})
    said = {"name": "Kanarialintu", "email": "kanaria@x.example"}
    refusal = {"status": 400, "code": "0x80040265", "message": "Kanarialintu +358507654321 is refused"}
    for rules in (
        {"title": "Call of ${customerName} ${customerNumber}", "notifyAgent": True},
        {"attach": {"policy": "missedCallCase"}, "description": "${email}"},
        {"attach": {"policy": "newestOpenCase"}, "severalMatches": "noCase"},
        {"columns": {"new_score": "${name}"}},
        {"queue": "Kanarialintu's desk"},
    ):
        site.configuration(**rules)
        for number, name in enumerate(("one", "two")):
            if number:
                site.refuse(match={"path": "incidents", "method": "POST"}, action=refusal, scope="part")
            await site.take(site.request(f"{name} {sorted(rules)}", variables=said))
        site.forgive()
        await site.catch_up()
        told = [*caplog.messages, *(record.exc_text or "" for record in caplog.records), str(await site.reasons())]
        rows = str(site.tables.rows("idempotency"))
        assert not [canary for canary in canaries if any(canary in text for text in (*told, rows))], rules
