"""Call sync with both simulators over HTTP: calls of which Enreach says something else later."""

from datetime import timedelta
from typing import Any

import pytest

from tests.integration.calls_site import NOON, QUEUE, CallsSite, Forgetful, guid

QUEUE_LEG: dict[str, Any] = {"CallTypeString": "ServiceCall", "QueueId": QUEUE["Id"], "QueueName": QUEUE["Name"]}
BEN: dict[str, Any] = {"UserId": guid("ben"), "UserName": "ben@x.example"}
ALL_ON: dict[str, Any] = {
    "ProcessServiceCalls": True, "ProcessServiceCallsUnanswered": True, "ProcessDirectCallsUnanswered": True,
}  # fmt: skip
ANN, BEN_IN_DYNAMICS = guid("ann in Dynamics"), guid("ben in Dynamics")


def _ringing(site: CallsSite) -> str:
    """A queue call that came a moment ago, and rings at ann's."""
    call = site.service_call("one", ago=40, AnswerTime=None, EndTime=None, UserId=None, Result=None)
    site.call("one", ago=40, EndResult=1, Duration=0, **QUEUE_LEG)
    return call


def _answered(site: CallsSite, *, ago: float) -> None:
    """The same call, which ben has talked on for two minutes."""
    arrived = site.now() - timedelta(seconds=ago)
    ended = (arrived + timedelta(seconds=130)).isoformat()
    answered = (arrived + timedelta(seconds=10)).isoformat()
    site.service_call("one", ago=ago, AnswerTime=answered, EndTime=ended, UserId=guid("ben"))
    site.call("one", ago=ago, Duration=120, **QUEUE_LEG, **BEN)


async def test_a_call_first_seen_ringing_ends_with_its_final_owner_duration_and_status(site: CallsSite) -> None:
    contact = site.contact("Elina")
    site.rules(**ALL_ON)
    call = _ringing(site)
    await site.tick()
    assert (site.row_there(call)["statecode"], site.row_there(call)["scheduledend"]) == (0, None)
    site.turn(minutes=3)
    _answered(site, ago=40 + 60 + 180)
    run = await site.tick()
    assert (run.outcomes, run.written) == ({"logged": 1}, 1)
    row = site.row_there(call)
    assert (row["statecode"], row["statuscode"], row["actualdurationminutes"]) == (1, 4, 2)
    assert row["_ownerid_value"] == BEN_IN_DYNAMICS
    assert site.parties(row["activityid"]) == {1: {contact}, 2: {BEN_IN_DYNAMICS}}
    assert (await site.tick()).written == 0


async def test_what_a_user_changed_in_between_stays(site: CallsSite) -> None:
    site.contact("Elina")
    other = site.contact("Matti", "+358501231231")
    site.rules(**ALL_ON)
    call = _ringing(site)
    await site.tick()
    key = site.row_there(call)["activityid"]
    site.edit(
        key, subject="Asked for an offer", **{"regardingobjectid_contact_phonecall@odata.bind": f"/contacts({other})"}
    )
    site.turn(minutes=3)
    _answered(site, ago=40 + 60 + 180)
    await site.tick()
    row = site.row_there(call)
    assert (row["subject"], row["_regardingobjectid_value"]) == ("Asked for an offer", other)
    assert (row["_ownerid_value"], row["statuscode"], row["actualdurationminutes"]) == (BEN_IN_DYNAMICS, 4, 2)


async def test_a_phone_call_that_came_under_a_case_stays_there(site: CallsSite) -> None:
    """Ticket creation puts it there while the call goes on, and the customer turns up later."""
    site.rules(**ALL_ON, UnmatchedCallers="log")
    call = _ringing(site)
    await site.tick()
    case, customer = guid("case"), site.contact("Elina")
    bind = {"customerid_contact@odata.bind": f"/contacts({customer})"}
    site.plant(incidents=[{"incidentid": case, "title": "Case", **bind}])
    key = site.row_there(call)["activityid"]
    site.edit(key, **{"regardingobjectid_incident_phonecall@odata.bind": f"/incidents({case})"})
    site.turn(minutes=3)
    _answered(site, ago=40 + 60 + 180)
    await site.tick()
    await site.night(site.now().replace(hour=23, minute=40))
    row = site.row_there(call)
    assert (row["_regardingobjectid_value"], row["statuscode"]) == (case, 4)


async def test_a_run_cut_off_behind_the_first_write_leaves_no_call_open(site: CallsSite) -> None:
    site.contact("Elina")
    site.rules(**ALL_ON)
    call = _ringing(site)
    held = site.tables.copy_of(site.now)
    await site.tick()
    assert site.row_there(call)["statecode"] == 0
    # What the run remembered is gone; what it wrote to Dynamics is not.
    site.tables = held
    site.runs = site.process()
    site.turn(minutes=3)
    _answered(site, ago=40 + 60 + 180)
    run = await site.tick()
    assert run.outcomes == {"logged": 1}
    row = site.row_there(call)
    assert (row["statecode"], row["statuscode"], row["_ownerid_value"]) == (1, 4, BEN_IN_DYNAMICS)
    assert len(site.phone_calls()) == 1


async def test_a_run_cut_off_behind_a_later_write_keeps_neither_from_following_nor_users_from_editing(
    site: CallsSite,
) -> None:
    site.contact("Elina")
    site.rules(**ALL_ON)
    call = _ringing(site)
    await site.tick()
    site.edit(site.row_there(call)["activityid"], subject="Mine")
    site.turn(minutes=3)
    _answered(site, ago=40 + 60 + 180)
    site.turn(minutes=1)
    assert (await site.process(ledger=Forgetful(site.tables)).every_minute()).outcome == "failed"
    assert site.row_there(call)["actualdurationminutes"] == 2
    site.runs = site.process()
    site.service_call("one", ago=40 + 60 + 180 + 60, EndTime=site.now().isoformat(), UserId=guid("ben"))
    await site.tick(minutes=2)
    row = site.row_there(call)
    assert (row["actualdurationminutes"], row["_ownerid_value"]) == (6, BEN_IN_DYNAMICS)
    assert (row["subject"], row["statuscode"]) == ("Mine", 4)
    assert (await site.tick()).written == 0


async def test_a_run_cut_off_behind_a_removal_does_not_pass_for_a_users_deletion(site: CallsSite) -> None:
    site.contact("Elina")
    call = site.call("one")
    await site.tick()
    site.call("one", ago=360, Privacy="Private")
    site.turn(minutes=1)
    assert (await site.process(ledger=Forgetful(site.tables)).every_minute()).outcome == "failed"
    assert site.row_of(call) is None
    site.runs = site.process()
    await site.tick(minutes=2)
    record = await site.record(call)
    assert (str(record.outcome), record.phone_call_id, record.legs) == ("removed-private", None, b"")
    site.call("one", ago=540, Privacy="Work")
    await site.tick()
    assert (await site.outcome(call), site.row_of(call) is not None) == ("logged", True)


async def test_a_user_who_was_there_before_the_run_that_follows_keeps_the_row(site: CallsSite) -> None:
    site.contact("Elina")
    call = site.call("one")
    held = site.tables.copy_of(site.now)
    await site.tick()
    later = (site.now() + timedelta(days=400)).isoformat()
    site.edit(site.row_there(call)["activityid"], subject="Mine", modifiedon=later)
    site.tables = held
    site.runs = site.process()
    before = site.phone_calls()
    await site.tick()
    assert site.phone_calls() == before
    assert await site.outcome(call) == "logged"


@pytest.mark.parametrize("ledger_is_there", [True, False])
async def test_a_phone_call_that_a_user_deleted_does_not_come_back(site: CallsSite, *, ledger_is_there: bool) -> None:
    site.contact("Elina")
    call = site.call("one")
    await site.tick()
    site.delete(site.row_there(call)["activityid"])
    if ledger_is_there:
        site.call("one", ago=360, RecordingIds=[guid("a recording")])
        run = await site.tick()
        assert run.outcomes == {"deleted-by-user": 1}
    run = await site.night(site.now().replace(hour=23, minute=40))
    assert (run.outcomes, run.written) == ({} if ledger_is_there else {"deleted-by-user": 1}, 0)
    await site.tick(minutes=1)
    assert site.row_of(call) is None
    assert await site.outcome(call) == "deleted-by-user"


async def test_doubles_and_late_reports_change_nothing_more(site: CallsSite) -> None:
    site.contact("Elina")
    stamp = (site.now() - timedelta(minutes=2)).isoformat()
    call = site.call("one", ModifiedAt=stamp)
    await site.tick()
    rows = site.phone_calls()
    site.call("one", ago=360, ModifiedAt=stamp)
    site.turn(hours=1)
    late = site.call("late", ago=3 * 3600)
    run = await site.tick()
    assert (run.outcomes, run.written) == ({"logged": 1}, 1)
    assert rows[site.row_there(call)["activityid"]] == site.row_there(call)
    assert site.row_of(late) is not None


# -------------------------------------------------------------------------------------------------- privacy


async def test_a_call_that_turns_private_is_removed(site: CallsSite) -> None:
    site.contact("Elina")
    call = site.call("one")
    await site.tick()
    assert (await site.record(call)).found_by
    site.turn(days=5)
    site.call("one", ago=5 * 86400 + 360, Privacy="Private")
    run = await site.tick()
    assert run.outcomes == {"removed-private": 1}
    assert site.row_of(call) is None
    record = await site.record(call)
    assert (record.legs, record.written, record.found_by, record.phone_call_id) == (b"", b"", frozenset(), None)
    assert (await site.tick()).outcomes == {}


async def test_a_call_that_turns_private_is_blanked_where_the_site_wants_so(site: CallsSite) -> None:
    contact = site.contact("Elina")
    site.rules(WhenTurnedPrivate="blank")
    call = site.call("one")
    await site.tick()
    key = site.row_there(call)["activityid"]
    site.call("one", ago=360, Privacy="Private")
    run = await site.tick()
    assert run.outcomes == {"removed-private": 1}
    row = site.row_there(call)
    assert (row["phonenumber"], row["_regardingobjectid_value"], row["subject"]) == (None, None, "Call")
    assert row["description"] == f"CallId is {call}"
    assert site.parties(key) == {1: set(), 2: {ANN}}
    assert "358" not in str({name: value for name, value in row.items() if name != "versionnumber"})
    assert (await site.tick()).outcomes == {}

    site.call("one", ago=480, Privacy="Work")
    run = await site.tick()
    assert run.outcomes == {"logged": 1}
    row = site.row_there(call)
    assert (row["phonenumber"], row["_regardingobjectid_value"]) == ("+358507654321", contact)
    assert (row["subject"], row["statuscode"], row["actualdurationminutes"]) == ("Incoming direct call", 4, 2)
    assert site.parties(key) == {1: {contact}, 2: {ANN}}


@pytest.mark.parametrize("first", ["Private", "Undefined"])
async def test_a_call_that_turns_work_is_written(site: CallsSite, first: str) -> None:
    contact = site.contact("Elina")
    call = site.call("one", Privacy=first)
    await site.tick()
    assert site.tickets == []
    site.turn(days=3)
    site.call("one", ago=3 * 86400 + 360, Privacy="Work")
    run = await site.tick()
    assert (run.outcomes, run.tickets) == ({"logged": 1}, 1)
    assert site.row_there(call)["_regardingobjectid_value"] == contact


async def test_a_removed_call_that_turns_work_again_is_written_again(site: CallsSite) -> None:
    site.contact("Elina")
    call = site.call("one")
    await site.tick()
    site.call("one", ago=360, Privacy="Private")
    await site.tick()
    site.call("one", ago=420, Privacy="Work")
    run = await site.tick()
    assert (run.outcomes, len(site.tickets)) == ({"logged": 1}, 1)
    assert site.row_of(call) is not None


async def test_one_leg_that_turns_work_leaves_a_call_out_whose_other_leg_is_private(site: CallsSite) -> None:
    site.contact("Elina")
    call = site.call("one", Privacy="Private")
    site.call("one", ago=200, Privacy="Undefined", **BEN)
    await site.tick()
    site.turn(hours=1)
    site.call("one", ago=200 + 3660, Privacy="Work", **BEN)
    await site.tick()
    assert (site.row_of(call), await site.outcome(call)) == (None, "skipped-private")
    site.turn(hours=1)
    site.call("one", ago=300 + 7320, Privacy="Work")
    await site.tick()
    assert (await site.outcome(call), site.row_there(call)["_ownerid_value"]) == ("logged", BEN_IN_DYNAMICS)
    assert "Leg 2" in site.row_there(call)["description"]


async def test_a_leg_that_cannot_be_read_keeps_a_private_call_out(site: CallsSite) -> None:
    site.contact("Elina")
    call = site.call("one", Privacy="Private")
    site.call("one", ago=200, Privacy="Undefined", **BEN)
    await site.tick()
    site.turn(hours=1)
    site.call("one", ago=200 + 3660, Privacy="Work", **BEN)
    site.call("one", ago=300 + 3660, Privacy="Private", Duration="long", ModifiedAt="2027-01-01T00:00:00Z")
    await site.tick()
    assert (site.row_of(call), await site.outcome(call)) == (None, "skipped-private")


async def test_a_queue_call_that_waited_long_is_a_queue_call_when_it_turns_work(site: CallsSite) -> None:
    site.contact("Elina")
    site.rules(ProcessServiceCalls=True)
    call = site.service_call("one", ago=3000)
    site.call("one", ago=300, Privacy="Undefined", **QUEUE_LEG)
    await site.tick()
    site.turn(hours=5)
    site.call("one", ago=300 + 5 * 3600 + 60, Privacy="Work")
    await site.tick()
    row = site.row_there(call)
    assert (row["subject"], row["scheduledstart"]) == ("Incoming queue call", "2027-03-01T11:10:00Z")


async def test_the_queue_alone_does_not_bring_a_private_call_back(site: CallsSite) -> None:
    site.contact("Elina")
    site.rules(**ALL_ON)
    call = site.service_call("one")
    site.call("one", ago=290, Privacy="Private", **QUEUE_LEG)
    await site.tick()
    site.turn(hours=1)
    site.service_call("one", ago=300 + 3660)
    await site.tick()
    assert (site.row_of(call), await site.outcome(call), site.tickets) == (None, "skipped-private", [])


async def test_a_queue_call_that_turns_work_is_a_queue_call(site: CallsSite) -> None:
    site.contact("Elina")
    site.rules(ProcessServiceCalls=True)
    call = site.service_call("one")
    site.call("one", ago=290, Privacy="Undefined")
    await site.tick()
    assert site.row_of(call) is None
    site.turn(hours=5)
    site.call("one", ago=290 + 5 * 3600 + 60, Privacy="Work")
    await site.tick()
    assert site.row_there(call)["subject"] == "Incoming queue call"


async def test_a_private_call_is_removed_though_the_ledger_lost_it(site: CallsSite) -> None:
    site.contact("Elina")
    call = site.call("one")
    await site.tick()
    site.tables.empty()
    site.runs = site.process()
    site.call("one", ago=360, Privacy="Private")
    await site.tick()
    run = await site.night(site.now().replace(hour=23, minute=40))
    assert run.outcomes == {"removed-private": 1}
    assert site.row_of(call) is None


@pytest.mark.parametrize("is_adopted", [False, True])
async def test_an_old_call_that_turns_private_is_removed_though_the_ledger_lost_it(
    site: CallsSite, *, is_adopted: bool
) -> None:
    site.contact("Elina")
    if is_adopted:
        site.client_row("row")
    call = site.call("one")
    await site.tick()
    assert len(site.phone_calls()) == 1
    site.tables.empty()
    site.runs = site.process()
    site.turn(days=10)
    await site.tick()
    site.call("one", ago=300 + (site.now() - NOON).total_seconds(), Privacy="Private")
    run = await site.tick()
    assert run.outcomes == {"removed-private": 1}
    assert (site.phone_calls(), await site.outcome(call)) == ({}, "removed-private")


async def test_a_phone_call_that_dynamics_does_not_let_go_is_tried_again(site: CallsSite) -> None:
    site.contact("Elina")
    call = site.call("one")
    await site.tick()
    refusal = {"status": 400, "code": "0x80040265", "message": "a plug-in says no"}
    site.refuse(match={"method": "DELETE", "table": "phonecall"}, scope="part", action=refusal)
    site.call("one", ago=360, Privacy="Private")
    run = await site.tick()
    assert set(run.outcomes) == {"waiting"}
    for _ in range(3):
        await site.tick(hours=20)
    assert (await site.outcome(call), (await site.record(call)).legs) == ("waiting", b"")
    site.forgive()
    run = await site.tick()
    assert run.outcomes == {"removed-private": 1}
    assert site.row_of(call) is None
    assert (await site.tick()).outcomes == {}


async def test_a_number_that_is_put_on_the_never_log_list_takes_later_reports_away(site: CallsSite) -> None:
    site.contact("Elina")
    call = site.call("one")
    await site.tick()
    site.rules(NeverLogNumbers=["+358 50 765 4321"])
    site.call("one", ago=360)
    run = await site.tick()
    assert run.outcomes == {"never-log": 1}
    assert site.row_of(call) is None
    assert (await site.record(call)).legs == b""
