"""Call sync with both simulators over HTTP: the phone calls that agents' own clients make of the same calls."""

import random
from datetime import timedelta
from typing import Any

import pytest

from functions.call_sync.use_case import late_rows
from shared.calls.ids import phone_call_id
from tests.integration.calls_site import NOON, CallsSite, Forgetful, guid

ANN, BEN_IN_DYNAMICS = guid("ann in Dynamics"), guid("ben in Dynamics")


def _stamps(site: CallsSite) -> list[str]:
    """The last lines of the phone calls that are there, as far as they name a call."""
    lines = (str(row["description"] or "").splitlines()[-1:] for row in site.phone_calls().values())
    return sorted(line[0].split()[2] for line in lines if line and line[0].startswith("CallId is"))


async def test_a_row_that_the_client_made_before_is_completed_and_not_doubled(site: CallsSite) -> None:
    contact = site.contact("Elina")
    row_id = site.client_row("row", ago=295, subject="Offer", description="She asked for an offer.")
    call = site.call("one")
    run = await site.tick()
    assert (run.outcomes, run.written) == ({"adopted": 1}, 1)
    assert list(site.phone_calls()) == [row_id]
    row = site.phone_calls()[row_id]
    assert (row["subject"], row["statecode"], row["statuscode"]) == ("Offer", 1, 4)
    assert (row["_regardingobjectid_value"], row["actualdurationminutes"]) == (contact, 2)
    text = row["description"].splitlines()
    assert text[0] == "She asked for an offer."
    assert text[-1].startswith(f"CallId is {call}")
    assert str((await site.record(call)).phone_call_id) == row_id
    again = await site.tick()
    assert (again.outcomes, again.written) == ({}, 0)


async def test_a_later_report_leaves_the_agents_words_where_they_are(site: CallsSite) -> None:
    site.contact("Elina")
    row_id = site.client_row("row", description="She asked for an offer.")
    site.call("one")
    await site.tick()
    site.call("one", ago=360, Duration=400, RecordingIds=[guid("a recording")])
    await site.tick()
    row = site.phone_calls()[row_id]
    assert row["description"].startswith("She asked for an offer.\n")
    assert row["actualdurationminutes"] == 7


NOT_OURS = [
    pytest.param({"phonenumber": "+358501111111"}, id="another number"),
    pytest.param({"directioncode": True}, id="the other direction"),
    pytest.param({"_ownerid_value": BEN_IN_DYNAMICS}, id="another owner"),
    pytest.param({"ago": 200}, id="another time"),
]


@pytest.mark.parametrize("other", NOT_OURS)
async def test_a_row_of_another_call_stays_as_it_is(site: CallsSite, other: dict[str, Any]) -> None:
    site.contact("Elina")
    row_id = site.client_row("row", **other)
    before = site.phone_calls()[row_id]
    site.call("one")
    run = await site.tick()
    assert run.outcomes == {"logged": 1}
    assert len(site.phone_calls()) == 2
    assert site.phone_calls()[row_id] == before


async def test_a_row_that_comes_later_gets_the_legs_with_the_names_of_the_agents(site: CallsSite) -> None:
    site.contact("Elina")
    site.call("one", ago=400, UserId=guid("ben"), UserName="ben@x.example", Duration=60)
    site.call("one", ago=300)
    await site.tick()
    row_id = site.client_row("row", ago=460, createdon=site.now().isoformat())
    await site.tick()
    lines = site.phone_calls()[row_id]["description"].splitlines()
    assert [line.partition(",")[0] for line in lines[:2]] == ["Leg 1: Ben", "Leg 2: Ann"]


@pytest.mark.parametrize("hours", [0.1, 1, 23])
async def test_a_row_that_comes_later_becomes_the_call(site: CallsSite, hours: float) -> None:
    contact = site.contact("Elina")
    call = site.call("one")
    await site.tick()
    key = site.row_there(call)["activityid"]
    for _ in range(int(hours)):
        await site.tick(hours=1)
    site.turn(minutes=5)
    created = site.now().isoformat()
    row_id = site.client_row("row", ago=0, createdon=created, description="Typed later.", scheduledstart=None)
    run = await site.tick()
    assert (run.outcomes, run.written) == ({"merged": 1}, 1)
    assert list(site.phone_calls()) == [row_id]
    assert key != row_id
    row = site.phone_calls()[row_id]
    assert (row["statuscode"], row["_regardingobjectid_value"]) == (4, contact)
    assert row["description"].startswith("Typed later.\n")
    assert _stamps(site) == [call]
    again = await site.tick()
    assert (again.outcomes, again.written) == ({}, 0)
    night = await site.night(site.now().replace(hour=23, minute=40))
    assert (night.outcomes, night.written) == ({}, 0)


async def test_many_rows_that_come_late_all_become_their_calls(
    site: CallsSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late_rows, "_ROWS_AT_ONCE", 7)
    calls = []
    for number in range(30):
        site.contact(f"customer {number}", f"+3585012345{number:02d}")
        calls.append(site.call(f"call {number}", ANum=f"+3585012345{number:02d}"))
    await site.tick()
    for number in range(30):
        site.client_row(f"row {number}", ago=360, phonenumber=f"05012345{number:02d}", createdon=site.now().isoformat())
    run = await site.tick()
    assert run.outcomes == {"merged": 30}
    assert _stamps(site) == sorted(calls)
    assert len(site.phone_calls()) == 30


async def test_a_row_that_came_while_the_app_stood_still_becomes_its_call(site: CallsSite) -> None:
    site.contact("Elina")
    call = site.call("one")
    await site.tick()
    site.turn(minutes=10)
    row_id = site.client_row("row", ago=0, scheduledstart=None, createdon=site.now().isoformat())
    site.turn(hours=10)
    run = await site.process().every_minute()
    assert run.outcomes == {"merged": 1}
    assert list(site.phone_calls()) == [row_id]
    assert _stamps(site) == [call]


@pytest.mark.parametrize("settings", [{}, {"EnableAudit": False}])
async def test_an_audit_column_holds_the_stamp(site: CallsSite, settings: dict[str, Any]) -> None:
    site.add_text_column("phonecall", "new_audit", 200)
    site.contact("Elina")
    site.rules(AuditColumn="new_audit", **settings)
    row_id = site.client_row("row", description="Hers.")
    adopted, logged = site.call("one"), site.call("two", ago=1000)
    run = await site.tick()
    assert run.outcomes == {"adopted": 1, "logged": 1}
    rows = site.phone_calls()
    assert (rows[row_id]["description"], site.row_there(logged)["description"]) == ("Hers.", None)
    audits = {adopted: rows[row_id]["new_audit"], logged: site.row_there(logged)["new_audit"]}
    for call, text in audits.items():
        assert text.startswith(f"CallId is {call}")
        assert len(text) == (200 if not settings else len(f"CallId is {call}"))
    site.tables.empty()
    site.runs = site.process()
    await site.tick()
    assert site.phone_calls() == rows


async def test_a_run_cut_off_behind_the_joining_of_two_rows_knows_the_one_that_is_left(site: CallsSite) -> None:
    site.contact("Elina")
    call = site.call("one")
    await site.tick()
    row_id = site.client_row("row", ago=350, createdon=site.now().isoformat(), description="Hers.")
    site.turn(minutes=1)
    assert (await site.process(ledger=Forgetful(site.tables)).every_minute()).outcome == "failed"
    assert list(site.phone_calls()) == [row_id]
    site.runs = site.process()
    night = await site.night(site.now().replace(hour=23, minute=40))
    assert (night.outcomes, night.written) == ({"merged": 1}, 0)
    assert str((await site.record(call)).phone_call_id) == row_id
    site.turn(days=2)
    site.call("one", ago=300 + (site.now() - NOON).total_seconds(), Privacy="Private")
    await site.tick()
    assert (site.phone_calls(), await site.outcome(call)) == ({}, "removed-private")


async def test_ours_stays_where_somebody_works_with_it(site: CallsSite) -> None:
    site.contact("Elina")
    call = site.call("one")
    await site.tick()
    key = site.row_there(call)["activityid"]
    site.edit(key, subject="Asked for an offer")
    site.client_row("row", ago=350, createdon=site.now().isoformat(), description="Typed later.")
    run = await site.tick()
    assert run.outcomes == {"merged": 1}
    assert list(site.phone_calls()) == [key]
    row = site.row_there(call)
    assert row["subject"] == "Asked for an offer"
    assert "Typed later." in row["description"]
    assert _stamps(site) == [call]
    assert (await site.tick()).written == 0


async def test_a_row_that_goes_while_it_is_taken_over_costs_the_call_nothing(site: CallsSite) -> None:
    site.contact("Elina")
    call = site.call("one")
    await site.tick()
    site.client_row("row", ago=350, createdon=site.now().isoformat())
    gone = {"status": 404, "code": "0x80040217", "message": "it does not exist"}
    site.refuse(match={"method": "PATCH", "body": guid("row")}, count=1, scope="part", action=gone)
    site.refuse(match={"method": "PATCH", "path": guid("row")}, count=1, scope="part", action=gone)
    await site.tick()
    assert await site.outcome(call) == "logged"
    assert site.row_of(call) is not None
    site.forgive()
    run = await site.tick()
    assert run.outcomes == {"merged": 1}


@pytest.mark.parametrize("rows", [1, 2])
async def test_redials_seconds_apart_stay_two(site: CallsSite, rows: int) -> None:
    site.contact("Elina")
    calls = [site.call("one", ago=300, Duration=3), site.call("two", ago=288)]
    for number in range(rows):
        site.client_row(f"row {number}", ago=287 + 12 * number)
    run = await site.tick()
    assert run.outcomes == ({"adopted": 2} if rows == 2 else {"adopted": 1, "logged": 1})
    assert len(site.phone_calls()) == 2
    assert _stamps(site) == sorted(calls)
    assert (await site.tick()).written == 0


async def test_redials_in_two_runs_with_rows_that_come_late_stay_two(site: CallsSite) -> None:
    site.contact("Elina")
    calls = [site.call("one", ago=300, Duration=3)]
    await site.tick()
    calls.append(site.call("two", ago=348))
    await site.tick()
    for number in range(2):
        site.client_row(f"row {number}", ago=420 - 12 * number, createdon=site.now().isoformat())
    await site.tick()
    await site.tick()
    assert len(site.phone_calls()) == 2
    assert _stamps(site) == sorted(calls)


async def test_a_row_logged_by_hand_is_known_when_the_other_call_has_its_own(site: CallsSite) -> None:
    site.contact("Elina")
    calls = [site.call("one", ago=300), site.call("two", ago=120)]
    await site.tick()
    by_hand = site.client_row("by hand", scheduledstart=None, createdon=site.now().isoformat(), description="By hand.")
    assert (await site.tick()).outcomes == {}
    site.client_row("two", ago=120 + 120, createdon=site.now().isoformat())
    await site.tick()
    await site.tick()
    assert _stamps(site) == sorted(calls)
    assert len(site.phone_calls()) == 2
    assert f"CallId is {calls[0]}" in site.phone_calls()[by_hand]["description"]


@pytest.mark.parametrize("seed", range(5))
async def test_each_call_ends_as_one_row_however_calls_and_rows_come(site: CallsSite, seed: int) -> None:
    """Redials of one number, each with a row of the client's, which shows before or after the call is reported."""
    dice = random.Random(seed)  # noqa: S311 - repeatable dice
    site.contact("Elina")
    begin, started, calls = site.now(), 0.0, dict[int, str]()
    count = dice.randint(2, 6)
    arrivals: list[tuple[float, int, float, int | None]] = []
    for number in range(count):
        started += dice.choice([6, 12, 25, 70, 400])
        talk = dice.choice([3, 20, 60])
        arrivals.append((started + talk + dice.choice([5, 40, 200]), number, started, talk))
        told = started + dice.uniform(-10, 10)
        shown = dice.choice([told + 5, started + talk + 10, started + dice.uniform(60, 4000)])
        arrivals.append((max(shown, 0), number, told, None))
        started += talk
    for moment, number, start, duration in sorted(arrivals, key=lambda each: each[0]):
        while (site.now() - begin).total_seconds() + 60 < moment:
            await site.tick()
        site.turn_to(max(begin + timedelta(seconds=moment), site.now()))
        ago = (site.now() - begin).total_seconds() - start
        if duration is not None:
            calls[number] = site.call(f"call {number}", ago=ago, Duration=duration)
        else:
            site.client_row(f"row {number}", ago=ago, createdon=site.now().isoformat(), description=f"Typed {number}.")
    for _ in range(10):
        await site.tick()
    assert _stamps(site) == sorted(calls.values())
    texts = [str(row["description"]) for row in site.phone_calls().values()]
    assert len(texts) == count
    assert sorted(text.splitlines()[0] for text in texts) == [f"Typed {number}." for number in range(count)]
    night = await site.night(site.now().replace(hour=23, minute=40))
    assert (night.outcomes, night.written) == ({}, 0)


async def test_a_stamped_row_is_found_with_our_tables_emptied(site: CallsSite) -> None:
    site.contact("Elina")
    row_id = site.client_row("row")
    call = site.call("one")
    await site.tick()
    rows = site.phone_calls()
    site.tables.empty()
    site.runs = site.process()
    run = await site.tick()
    assert run.outcomes == {"adopted": 1}
    assert site.phone_calls() == rows
    assert str((await site.record(call)).phone_call_id) == row_id
    night = await site.night(site.now().replace(hour=23, minute=40))
    assert (night.outcomes, night.written) == ({}, 0)


async def test_a_call_adopted_while_it_rang_is_completed_though_the_run_was_cut_off(site: CallsSite) -> None:
    site.contact("Elina")
    row_id = site.client_row("row", ago=40)
    site.call("one", ago=40, Duration=0)
    held = site.tables.copy_of(site.now)
    run = await site.tick()
    assert run.outcomes == {"adopted": 1}
    site.tables = held
    site.runs = site.process()
    site.call("one", ago=100, Duration=50)
    await site.tick()
    assert list(site.phone_calls()) == [row_id]
    assert site.phone_calls()[row_id]["statuscode"] == 4


async def test_with_our_tables_emptied_a_row_that_came_meanwhile_makes_no_second_one(site: CallsSite) -> None:
    site.contact("Elina")
    call = site.call("one")
    await site.tick()
    site.tables.empty()
    site.runs = site.process()
    site.client_row("row", ago=350, createdon=site.now().isoformat())
    await site.tick()
    await site.tick()
    assert len(site.phone_calls()) == 1
    assert _stamps(site) == [call]


# ----------------------------------------------------------------------------------------------- unmatched callers

UNKNOWN: dict[str, Any] = {"ANum": "+358501111111"}


async def test_an_unknown_caller_is_logged_by_night_once_the_contact_is_there(site: CallsSite) -> None:
    call = site.call("one", **UNKNOWN)
    await site.tick()
    contact = site.contact("Elina", "050 111 1111")
    await site.tick(minutes=16)
    assert await site.outcome(call) == "no-match"
    run = await site.night(site.now().replace(hour=23, minute=40))
    assert (run.outcomes, run.written, run.tickets) == ({"logged": 1}, 1, 0)
    assert site.row_there(call)["_regardingobjectid_value"] == contact
    run = await site.night(site.now().replace(hour=23, minute=50))
    assert (run.outcome, run.written) == ("idle", 0)


@pytest.mark.parametrize("touched", [False, True])
async def test_a_call_logged_anyway_gets_its_customer_by_night(site: CallsSite, *, touched: bool) -> None:
    site.rules(UnmatchedCallers="log")
    call = site.call("one", **UNKNOWN)
    await site.tick()
    row = site.row_there(call)
    assert (row["_regardingobjectid_value"], row["statuscode"]) == (None, 4)
    assert site.parties(row["activityid"]) == {1: set(), 2: {ANN}}
    other = site.contact("Matti", "+358501231231")
    contact = site.contact("Elina", "050 111 1111")
    if touched:
        site.edit(row["activityid"], **{"regardingobjectid_contact_phonecall@odata.bind": f"/contacts({other})"})
    run = await site.night(site.now().replace(hour=23, minute=40))
    assert run.written == (0 if touched else 1)
    assert site.row_there(call)["_regardingobjectid_value"] == (other if touched else contact)
    if not touched:
        assert site.parties(row["activityid"]) == {1: {contact}, 2: {ANN}}
    night = await site.night(site.now().replace(day=2, hour=22, minute=0))
    night = await site.night(site.now().replace(day=2, hour=23, minute=40))
    assert (night.outcomes, night.written) == ({}, 0)


async def test_an_adopted_call_logged_anyway_gets_its_customer_by_night(site: CallsSite) -> None:
    site.rules(UnmatchedCallers="log")
    row_id = site.client_row("row", phonenumber="+358501111111")
    site.call("one", **UNKNOWN)
    await site.tick()
    contact = site.contact("Elina", "050 111 1111")
    run = await site.night(site.now().replace(hour=23, minute=40))
    assert run.written == 1
    assert site.phone_calls()[row_id]["_regardingobjectid_value"] == contact


@pytest.mark.parametrize(("kind", "table"), [("contact", "contacts"), ("lead", "leads")])
async def test_somebody_is_made_for_a_number_once(site: CallsSite, kind: str, table: str) -> None:
    site.rules(UnmatchedCallers=kind)
    before = site.count(table)
    calls = [site.call("one", **UNKNOWN), site.call("two", ago=200, ANum="050 1111111")]
    run = await site.tick()
    assert (run.outcomes, site.count(table)) == ({"logged": 2}, before + 1)
    calls.append(site.call("three", ago=100, **UNKNOWN))
    await site.tick()
    site.tables.empty()
    site.runs = site.process()
    calls.append(site.call("four", ago=90, **UNKNOWN))
    await site.tick()
    assert site.count(table) == before + 1
    assert len(site.phone_calls()) == 4
    assert len({site.row_there(call)["_regardingobjectid_value"] for call in calls} - {None}) == 1


@pytest.mark.parametrize("kind", ["contact", "lead"])
async def test_nobody_is_made_for_withheld_internal_and_own_numbers(site: CallsSite, kind: str) -> None:
    site.rules(UnmatchedCallers=kind)
    site.matching(ownNumbers=["+358985000099"])
    before = site.count("contacts") + site.count("leads")
    withheld = site.call("withheld", ANum="")
    site.call("colleague", ANum="+358400000002")
    site.call("queue", ANum="+358985000000")
    site.call("own", ANum="+358985000099")
    site.call("private", Privacy="Private", **UNKNOWN)
    goes_on = site.call("goes on", ago=60, Duration=0, ANum="+358501112222")
    run = await site.tick()
    assert run.outcomes == {"logged": 1, "no-match": 4, "skipped-private": 1}
    assert site.count("contacts") + site.count("leads") == before
    assert site.row_there(withheld)["_regardingobjectid_value"] is None
    assert (site.row_of(goes_on), str(phone_call_id(goes_on)) in site.phone_calls()) == (None, False)
