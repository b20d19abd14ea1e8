"""Call sync with both simulators over HTTP: what the night mends, and what thousands of calls cost."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.calls.ids import phone_call_id
from shared.calls.layout import TABLE
from shared.dataverse.tables import PHONE_CALL
from tests.integration.calls_site import CallsSite, guid


def _number(of: int) -> str:
    return f"+35850{of:07d}"


def _calls(site: CallsSite, numbers: Sequence[int], *, spread: timedelta, **fields: Any) -> list[str]:
    """Answered calls of these customers, evenly over this time until five minutes ago. Returns their ids."""
    latest = site.now() - timedelta(minutes=5)
    events = []
    for place, number in enumerate(numbers):
        started = latest - spread * (place / len(numbers))
        user = fields.get("users", ["ann"])[place % len(fields.get("users", ["ann"]))]
        events.append({
            "CallId": guid(f"call {number}"), "UserId": guid(user), "UserName": f"{user}@x.example",
            "ANum": _number(number), "BNum": "+358985000001", "TimeStamp": started.isoformat(),
            "Duration": 95, "Direction": 0, "EndResult": 0, "CallTypeString": "DirectCall", "Privacy": "Work",
        })  # fmt: skip
    site.enreach_http.post("calls", json=events).raise_for_status()
    return [str(event["CallId"]) for event in events]


def _contacts(site: CallsSite, numbers: Sequence[int]) -> None:
    site.plant(
        contacts=[
            {"contactid": guid(f"contact {each}"), "lastname": f"C{each}", "mobilephone": _number(each)}
            for each in numbers
        ]
    )


async def test_the_night_mends_exactly_what_is_missing(site: CallsSite) -> None:
    known, strangers = range(1_500), range(5_000, 5_500)
    _contacts(site, known)
    calls = _calls(site, [*known, *strangers], spread=timedelta(hours=20))
    run = await site.tick()
    assert run.outcomes == {"logged": 1_500, "no-match": 500}
    whole = site.phone_calls()

    # A thousand were claimed and never committed, fifty were deleted by users, and half of the table is lost.
    claimed, deleted = calls[:1_000], calls[1_000:1_050]
    records = await site.ledger.read(claimed)
    await site.ledger.write([replace(record, done=False, written=b"") for record in records.values()], before=records)
    gone = await site.dataverse.delete_many(PHONE_CALL, [phone_call_id(call) for call in (*claimed, *deleted)])
    assert gone.written == 1_050
    dice = random.Random(6)  # noqa: S311 - repeatable dice
    kept = set(deleted)
    rows = site.tables.rows(TABLE)
    lost = [place for place in rows if not any(call in place[1] for call in kept) and dice.random() < 0.5]
    site.tables.lose(TABLE, lost)
    _contacts(site, strangers)
    site.runs = site.process()

    reads = site.dynamics_requests()
    run = await site.night(site.now().replace(hour=23, minute=40) - timedelta(hours=8))
    assert (run.outcome, run.written) == ("done", 1_500)
    after = site.phone_calls()
    wanted = set(whole) - {str(phone_call_id(call)) for call in deleted}
    assert set(after) == wanted | {str(phone_call_id(call)) for call in calls[1_500:]}
    assert all(after[key] == whole[key] for key in wanted - {str(phone_call_id(call)) for call in claimed})
    assert {await site.outcome(call) for call in deleted} == {"deleted-by-user"}
    assert site.dynamics_requests() - reads <= 400
    assert run.tickets <= 1_800  # of what the table had lost

    reads, tickets = site.dynamics_requests(), len(site.tickets)
    run = await site.night(site.now() + timedelta(minutes=1))
    assert (run.outcome, run.outcomes, run.written, len(site.tickets)) == ("done", {}, 0, tickets)
    assert site.dynamics_requests() - reads <= 96 + 1
    assert site.phone_calls() == after


async def test_runs_without_new_calls_cost_a_request_at_most(site: CallsSite) -> None:
    _contacts(site, range(50))
    _calls(site, range(100), spread=timedelta(minutes=100))
    await site.tick()
    for _ in range(40):
        before = site.dynamics_requests()
        run = await site.tick()
        assert (run.outcome, run.outcomes, run.written) == ("done", {}, 0)
        assert (site.dynamics_requests() - before <= 1, run.requests <= 1) == (True, True)
    site.turn_to(site.now().replace(hour=22, minute=0))
    before = site.dynamics_requests()
    assert (await site.runs.at_night()).outcome == "idle"
    assert site.dynamics_requests() == before


@pytest.mark.long(10)
async def test_five_thousand_calls_at_once_cost_sixty_requests_at_most(site: CallsSite) -> None:
    users = [f"agent {number}" for number in range(200)]
    site.enreach_http.post("users", json=[{"Id": guid(user), "UserName": f"{user}@x.example"} for user in users])
    site.plant(
        systemusers=[
            {"systemuserid": guid(f"{user} in Dynamics"), "fullname": user, "internalemailaddress": f"{user}@x.example",
             "isdisabled": False}
            for user in users
        ]
    )  # fmt: skip
    _contacts(site, range(3_000))
    site.rules(
        ProcessServiceCalls=True, ProcessServiceCallsUnanswered=True, ProcessDirectCallsUnanswered=True,
        UnmatchedCallers="contact", WriteRecordingLink=True,
    )  # fmt: skip
    await site.tick()
    calls = _calls(site, range(5_000), spread=timedelta(minutes=10), users=users)
    before = site.dynamics_requests()
    run = await site.tick()
    assert (run.outcomes, run.tickets) == ({"logged": 5_000}, 5_000)
    requests = site.dynamics_requests() - before
    assert requests <= 60
    assert run.requests == requests
    rows = site.phone_calls()
    assert set(rows) == {str(phone_call_id(call)) for call in calls}
    assert all(row["statuscode"] == 4 and row["_regardingobjectid_value"] for row in rows.values())
    before = site.dynamics_requests()
    run = await site.tick()
    assert (run.outcomes, run.written) == ({}, 0)
    assert site.dynamics_requests() - before <= 1
