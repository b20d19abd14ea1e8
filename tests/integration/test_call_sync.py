"""Call sync with both simulators over HTTP: what becomes of each call, and what it costs."""

from datetime import timedelta
from typing import Any

import pytest

from shared.calls.records import Outcome
from shared.calls.search_keys import search_key
from shared.dataverse.errors import DeniedError
from tests.integration.calls_site import KEY, QUEUE, CallsSite, guid

WITHHELD: dict[str, Any] = {"ANum": "anonymous"}
QUEUE_LEG: dict[str, Any] = {"CallTypeString": "ServiceCall", "QueueId": QUEUE["Id"], "QueueName": QUEUE["Name"]}


async def test_an_answered_call_of_a_customer_becomes_a_completed_phone_call(site: CallsSite) -> None:
    contact = site.contact("Elina")
    call = site.call("one")
    run = await site.tick()
    assert (run.outcome, run.outcomes, run.written) == ("done", {"logged": 1}, 1)
    row = site.row_there(call)
    assert row["subject"] == "Incoming direct call"
    assert (row["statecode"], row["statuscode"], row["directioncode"]) == (1, 4, False)
    assert (row["_regardingobjectid_value"], row["_ownerid_value"]) == (contact, guid("ann in Dynamics"))
    assert (row["phonenumber"], row["actualdurationminutes"]) == ("+358507654321", 2)
    assert site.parties(row["activityid"]) == {1: {contact}, 2: {guid("ann in Dynamics")}}
    assert (await site.record(call)).outcome is Outcome.LOGGED


async def test_a_second_run_writes_nothing_and_asks_once(site: CallsSite) -> None:
    site.contact("Elina")
    site.call("one")
    await site.tick()
    before, rows = site.dynamics_requests(), site.phone_calls()
    run = await site.tick()
    assert (run.outcome, run.written, run.outcomes) == ("done", 0, {})
    assert site.dynamics_requests() - before <= 1
    assert site.phone_calls() == rows


async def test_a_call_that_a_user_made_is_made_and_from_the_user(site: CallsSite) -> None:
    contact = site.contact("Elina")
    call = site.call("out", Direction=1, ANum="+358985000001", BNum="0507654321")
    await site.tick()
    row = site.row_there(call)
    assert (row["subject"], row["statuscode"], row["directioncode"]) == ("Outgoing direct call", 2, True)
    assert site.parties(row["activityid"]) == {1: {guid("ann in Dynamics")}, 2: {contact}}


# ------------------------------------------------------------------------------------------------ no phone call

SKIPPED = [
    pytest.param({}, {"Privacy": "Private"}, "skipped-private", id="private"),
    pytest.param({}, {"Privacy": "Undefined"}, "skipped-private", id="not classed yet"),
    pytest.param({"NeverLogNumbers": ["050 7654321"]}, {}, "never-log", id="never-log customer"),
    pytest.param({"NeverLogNumbers": ["+358985000001"]}, {}, "never-log", id="never-log own number"),
    pytest.param({"CallDurationLimit": 96}, {}, "too-short", id="too short"),
    pytest.param({"ProcessDirectCalls": False}, {}, "switched-off", id="switched off"),
    pytest.param({}, {"EndResult": 1, "Duration": 0}, "switched-off", id="unanswered"),
    pytest.param({}, {"ANum": "+358501111111"}, "no-match", id="unknown"),
    pytest.param({}, WITHHELD, "no-match", id="withheld"),
    pytest.param({}, {"ANum": "+358400000002"}, "no-match", id="a colleague"),
    pytest.param({}, {"ANum": "+358509999999"}, "several-matches", id="several"),
]


@pytest.mark.parametrize(("rules", "call", "outcome"), SKIPPED)
async def test_a_call_without_a_phone_call_is_remembered_with_its_reason(
    site: CallsSite, rules: dict[str, Any], call: dict[str, Any], outcome: str
) -> None:
    site.contact("Elina")
    site.contact("one of two", "+358509999999")
    site.contact("two of two", "0509999999")
    site.rules(**rules)
    call_id = site.call("skipped", **call)
    run = await site.tick()
    assert (run.outcomes, run.written) == ({outcome: 1}, 0)
    assert site.row_of(call_id) is None
    history = await site.ledger.history(call_id.upper())
    assert history is not None
    assert history.record is not None
    assert (str(history.record.outcome), history.record.phone_call_id) == (outcome, None)
    assert history.record.reason
    assert "358" not in history.record.reason
    assert (history.record.legs == b"") is (outcome in {"skipped-private", "never-log"})
    again = await site.tick()
    assert (again.outcomes, again.written) == ({}, 0)


async def test_an_internal_call_makes_nobody(site: CallsSite) -> None:
    site.rules(UnmatchedCallers="contact")
    call = site.call("internal", ANum="+358400000002", BNum="+358985000001")
    shared: dict[str, Any] = {"ANum": "+358985000002", "BNum": "+358985000003"}
    both = site.call("both", Direction=1, **shared)
    site.call("both", UserId=guid("ben"), UserName="ben@x.example", **shared)
    before = site.count("contacts")
    run = await site.tick()
    assert run.outcomes == {"no-match": 2}
    assert site.count("contacts") == before
    assert {await site.outcome(call), await site.outcome(both)} == {"no-match"}


async def test_a_queue_call_of_several_customers_is_logged_open_and_without_one(site: CallsSite) -> None:
    site.contact("one of two")
    site.contact("two of two")
    site.rules(ProcessServiceCalls=True)
    call = site.service_call("queue")
    run = await site.tick()
    assert run.outcomes == {"logged": 1}
    row = site.row_there(call)
    assert (row["statecode"], row["statuscode"], row["_regardingobjectid_value"]) == (0, 1, None)
    assert (row["subject"], row["_ownerid_value"]) == ("Incoming queue call", guid("ann in Dynamics"))


async def test_several_customers_and_a_status_that_dynamics_lacks(site: CallsSite) -> None:
    site.contact("one of two")
    site.contact("two of two")
    site.rules(ProcessServiceCalls=True, MultipleMatchPhoneCallStatus=77)
    call = site.service_call("queue")
    run = await site.tick()
    assert run.outcomes == {"logged": 1}
    assert (site.row_there(call)["statecode"], site.row_there(call)["statuscode"]) == (1, 4)
    assert ("MultipleMatchPhoneCallStatus", "amber") in await site.findings()


@pytest.mark.parametrize("state", [0, 1])
async def test_several_customers_and_a_status_that_the_environment_added(site: CallsSite, state: int) -> None:
    site.add_status("phonecall", 100_000_001, state)
    site.contact("one of two")
    site.contact("two of two")
    site.rules(ProcessServiceCalls=True, MultipleMatchPhoneCallStatus=100_000_001)
    call = site.service_call("queue")
    await site.tick()
    assert (site.row_there(call)["statecode"], site.row_there(call)["statuscode"]) == (state, 100_000_001)
    assert "MultipleMatchPhoneCallStatus" not in dict(await site.findings())


async def test_pick_first_takes_the_same_one_in_each_run(site: CallsSite) -> None:
    site.contact("one of two")
    site.contact("two of two")
    site.matching(MultipleMatchesPickFirst=True)
    calls = [site.call("one"), site.call("two", ago=100)]
    await site.tick()
    calls.append(site.call("three", ago=50))
    await site.tick()
    assert len({site.row_there(call)["_regardingobjectid_value"] for call in calls} - {None}) == 1


async def test_unanswered_queue_calls_are_canceled_and_belong_to_the_default_assignee(site: CallsSite) -> None:
    contact = site.contact("Elina")
    site.rules(ProcessServiceCallsUnanswered=True)
    missed: dict[str, Any] = {"Result": "Unanswered", "AnswerTime": None, "UserId": None}
    call = site.service_call("missed", **missed)
    ring_all = [
        site.call(
            "missed", ago=290, UserId=guid(name), UserName=f"{name}@x.example", EndResult=1, Duration=0, **QUEUE_LEG
        )
        for name in ("ann", "ben")
    ]
    assert set(ring_all) == {call}
    run = await site.tick()
    assert run.outcomes == {"logged": 1}
    row = site.row_there(call)
    assert (row["statecode"], row["statuscode"], row["actualdurationminutes"]) == (2, 3, 0)
    assert (row["_ownerid_value"], row["_regardingobjectid_value"]) == (guid("api in Dynamics"), contact)


# ---------------------------------------------------------------------------------------------------- who owns it


async def test_a_mobile_call_belongs_to_the_user_with_the_mobile_number(site: CallsSite) -> None:
    site.contact("Elina")
    mobile: dict[str, Any] = {
        "UserId": None,
        "UserName": None,
        "Direction": 1,
        "ANum": "+358400000002",
        "BNum": "+358507654321",
    }
    call = site.call("mobile", **mobile)
    run = await site.tick()
    assert run.outcomes == {"logged": 1}
    assert site.row_there(call)["_ownerid_value"] == guid("ben in Dynamics")


NO_ASSIGNEE = [
    pytest.param(None, "is not set", id="unset"),
    pytest.param(guid("nobody"), "of nobody", id="unknown"),
    pytest.param("not an id", "of nobody", id="no id"),
    pytest.param(guid("gone"), "disabled", id="disabled"),
]


@pytest.mark.parametrize(("assignee", "reason"), NO_ASSIGNEE)
async def test_without_an_assignee_calls_of_known_users_are_written_and_the_others_wait(
    site: CallsSite, assignee: str | None, reason: str
) -> None:
    site.user("gone", isdisabled=True)
    site.contact("Elina")
    site.rules(DefaultCrmAssignee=assignee)
    known = site.call("known")
    unknown = site.call("unknown", UserId=guid("stranger"), UserName="stranger@x.example")
    run = await site.tick()
    assert run.outcomes == {"logged": 1, "waiting": 1}
    assert site.row_of(known) is not None
    assert site.row_of(unknown) is None
    found = await site.finding("DefaultCrmAssignee")
    assert (found.status.value, reason in found.reason) == ("red", True)

    before = site.dynamics_requests()
    run = await site.tick()
    assert (run.outcomes, run.written) == ({}, 0)
    # The users are read in each run here, and each five minutes otherwise.
    assert site.dynamics_requests() - before <= 2

    site.turn(days=3)
    await site.tick()
    assert await site.outcome(unknown) == "waiting"
    site.rules()
    run = await site.tick()
    assert (run.outcomes, run.written) == ({"logged": 1}, 1)
    assert site.row_there(unknown)["_ownerid_value"] == guid("api in Dynamics")
    assert "DefaultCrmAssignee" not in dict(await site.findings())


# -------------------------------------------------------------------------------------------------------- failures


async def test_a_call_that_dynamics_refuses_costs_no_other_and_is_tried_again_at_night(site: CallsSite) -> None:
    site.contact("Elina")
    bad = site.call("bad")
    good = [site.call(f"good {number}", ago=400 + number) for number in range(5)]
    refusal = {"status": 400, "code": "0x80040265", "message": "a plug-in says no"}
    site.refuse(match={"method": "POST", "table": "phonecall", "body": bad}, scope="part", action=refusal)
    run = await site.tick()
    assert run.outcomes == {"logged": 5, "failed": 1}
    assert run.tickets == 6
    assert all(site.row_of(call) for call in good)
    assert "plug-in" not in (await site.record(bad)).reason
    site.forgive()
    run = await site.night(site.now().replace(hour=23, minute=40))
    assert (run.outcomes, run.written) == ({"logged": 1}, 1)
    assert site.row_of(bad) is not None


async def test_a_row_that_dynamics_does_not_allow_costs_no_other(site: CallsSite) -> None:
    """Such as one of a user who has no role there."""
    site.contact("Elina")
    bad = {site.call(f"bad {number}", ago=300 + number) for number in range(2)}
    good = [site.call(f"good {number}", ago=400 + number) for number in range(25)]
    for call in bad:
        denial = {"status": 403, "code": "0x80042f09", "message": "no roles"}
        site.refuse(match={"method": "POST", "table": "phonecall", "body": call}, scope="part", action=denial)
    run = await site.tick()
    assert run.outcomes == {"logged": 25, "failed": 2}
    assert all(site.row_of(call) for call in good)
    assert {await site.outcome(call) for call in bad} == {"failed"}


async def test_where_nothing_is_allowed_the_run_fails_and_goes_no_further(site: CallsSite) -> None:
    site.contact("Elina")
    calls = [site.call(f"{number}", ago=400 + number) for number in range(25)]
    denial = {"status": 403, "code": "0x80040220", "message": "no privilege"}
    site.refuse(match={"method": "POST", "table": "phonecall"}, scope="part", action=denial)
    with pytest.raises(DeniedError):
        await site.tick()
    assert await site.ledger.read(calls) == {}
    site.forgive()
    assert (await site.tick()).outcomes == {"logged": 25}


async def test_a_customer_who_is_deleted_meanwhile_is_nobodys(site: CallsSite) -> None:
    site.contact("Elina")
    call = site.call("one")
    gone = {"status": 404, "code": "0x80040217", "message": "contact does not exist"}
    site.refuse(match={"method": "POST", "table": "phonecall"}, scope="part", count=1, action=gone)
    run = await site.tick()
    assert run.outcomes == {"logged": 1}
    assert site.row_of(call) is not None


async def test_a_customer_whom_dynamics_refuses_fails_his_calls_alone(site: CallsSite) -> None:
    site.contact("Elina")
    site.rules(UnmatchedCallers="contact")
    refused, good = site.call("refused", ANum="+358501111111"), site.call("good")
    refusal = {"status": 400, "code": "0x80040265", "message": "a plug-in says no"}
    site.refuse(match={"method": "POST", "table": "contact"}, scope="part", action=refusal)
    run = await site.tick()
    assert run.outcomes == {"failed": 1, "logged": 1}
    assert (site.row_of(refused), site.row_of(good) is not None) == (None, True)


async def test_an_event_that_cannot_be_read_costs_only_itself(site: CallsSite) -> None:
    site.contact("Elina")
    site.call("bad", TimeStamp="yesterday")
    good = site.call("good")
    run = await site.tick()
    assert (run.outcome, run.unreadable >= 1, run.outcomes) == ("done", True, {"logged": 1})
    assert site.row_of(good) is not None


# --------------------------------------------------------------------------------------------------------- tickets


async def test_a_call_is_offered_once_when_it_has_ended(site: CallsSite) -> None:
    site.contact("Elina")
    site.rules(NeverLogNumbers=["+358501112222"], CallDurationLimit=50)
    wanted = {
        site.call("logged"),
        site.call("unmatched", ANum="+358501111111"),
        site.call("short", Duration=5),
        site.service_call("switched off"),
    }
    site.call("private", Privacy="Private")
    site.call("never", ANum="+358501112222")
    goes_on = site.call("goes on", ago=60, Duration=0)
    run = await site.tick()
    assert run.tickets == 4
    assert {ticket.call_id for ticket in site.tickets} == wanted
    site.call("goes on", ago=120, Duration=100)
    run = await site.tick(minutes=1)
    assert [ticket.call_id for ticket in site.tickets[4:]] == [goes_on]
    await site.tick(minutes=16)
    await site.night(site.now().replace(hour=23, minute=40))
    assert len(site.tickets) == 5


async def test_a_run_cut_off_behind_the_offer_offers_the_same_again(site: CallsSite) -> None:
    site.contact("Elina")
    call = site.call("one")

    class CutOffError(Exception):
        pass

    async def offer(requests: object) -> None:
        site.tickets.extend(requests)  # type: ignore[arg-type]
        raise CutOffError

    site.turn(minutes=1)
    with pytest.raises(CutOffError):
        await site.process(offer_tickets=offer).every_minute()
    site.turn(minutes=2)
    run = await site.tick()
    assert (run.outcomes, run.tickets) == ({"logged": 1}, 1)
    assert [ticket.call_id for ticket in site.tickets] == [call, call]
    assert site.tickets[0] == site.tickets[1]


# ------------------------------------------------------------------------------------------------------ same calls


async def test_a_call_is_found_by_its_numbers_and_its_agents(site: CallsSite) -> None:
    site.contact("Elina")
    call = site.call("one")
    site.call("one", ago=200, UserId=guid("ben"), UserName="Ben@x.example")
    await site.tick()
    key = search_key(KEY)
    assert key is not None
    since, until = site.now() - timedelta(days=1), site.now()
    for each in (key.number("+358507654321"), key.agent(guid("ann")), key.agent("ben@x.example")):
        found = await site.ledger.find({each}, since, until, 10)
        assert [(known.call_id, known.record and str(known.record.outcome)) for known in found] == [(call, "logged")]
    site.call("one", ago=360, Privacy="Private")
    await site.tick()
    assert await site.ledger.find({key.number("+358507654321")}, since, until, 10) == []


async def test_ids_in_any_spelling_are_one_call(site: CallsSite) -> None:
    site.contact("Elina")
    site.rules(ProcessServiceCalls=True)
    call = site.service_call("one", CallId="{" + guid("one").upper() + "}")
    site.call("one", ago=290, CallId=guid("one").upper(), **QUEUE_LEG)
    run = await site.tick()
    assert (run.outcomes, run.written) == ({"logged": 1}, 1)
    assert len([row for row in site.phone_calls().values() if row["phonenumber"] == "+358507654321"]) == 1
    assert site.row_there(call)["subject"] == "Incoming queue call"


async def test_ring_all_is_one_row_of_who_answered(site: CallsSite) -> None:
    site.contact("Elina")
    site.rules(ProcessServiceCalls=True)
    call = site.service_call("one", UserId=guid("ben"))
    site.call("one", ago=295, EndResult=1, Duration=0, **QUEUE_LEG)
    site.call("one", ago=295, UserId=guid("ben"), UserName="ben@x.example", Duration=90, **QUEUE_LEG)
    run = await site.tick()
    assert (run.outcomes, run.written, len(site.tickets)) == ({"logged": 1}, 1, 1)
    assert site.row_there(call)["_ownerid_value"] == guid("ben in Dynamics")


async def test_a_transfer_is_one_row_with_its_legs_of_who_had_it_last(site: CallsSite) -> None:
    site.contact("Elina")
    call = site.call("one", Duration=60)
    site.call("one", ago=230, UserId=guid("ben"), UserName="ben@x.example", Duration=120)
    await site.tick()
    row = site.row_there(call)
    assert (row["_ownerid_value"], row["actualdurationminutes"]) == (guid("ben in Dynamics"), 3)
    lines = row["description"].splitlines()
    assert [line.partition(":")[0] for line in lines[:2]] == ["Leg 1", "Leg 2"]
    assert lines[-1].startswith(f"CallId is {call}")
