"""What a planner does with files, told through storage in memory and the Dataverse simulator."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from functions.schedule_import.containers import ARCHIVE, INBOX
from shared import retry
from shared.dataverse.client import DataverseClient
from tests.integration.site import SETUP_METADATA, Site, utc

ASA = "asa.lindqvist@nordic-care.example"
ZOE = "zoe.vanthoff@nordic-care.example"
PAIVI = "paivi.makela@nordic-care.example"
WEEK = "switchboard-csv/week.csv"
HEADER = "agent,start,end,activity,plan,status,external_id,time_zone"
FREE = {"maxRemovedShare": 1, "maxAgentsWithoutWorkTomorrow": 1000, "maxAssignableDropShare": 1}


def row(agent: str, day: int, hours: str, activity: str = "Chat", plan: str = "Team A", extra: str = "") -> str:
    start, end = hours.split("-")
    return f"{agent},2027-01-{day:02}T{start}:00,2027-01-{day:02}T{end}:00,{activity},{plan},,{extra},Europe/Helsinki"


def csv(*rows: str) -> str:
    return "\n".join([HEADER, *rows]) + "\n"


FULL = [row(agent, day, "08-16") for agent in (ASA, ZOE, PAIVI) for day in (11, 12, 13, 14, 15)]


@pytest.fixture(autouse=True)
def quick_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """How long a failure is waited for has tests of its own."""
    monkeypatch.setattr(retry, "_FIRST_BACKOFF", 0.01)


@pytest.fixture
async def site(dataverse: DataverseClient, simulator: str) -> AsyncIterator[Site]:
    made = Site(dataverse, simulator, utc("2027-01-10T12:00:00Z"))
    yield made
    made.close()


def times(site: Site) -> set[tuple[str, str]]:
    return {(one["name"], one["starttime"]) for one in site.bookings()}


async def test_a_file_becomes_bookings_and_a_changed_one_mirrors_the_change(site: Site) -> None:
    report = await site.deliver(WEEK, csv(*FULL))
    assert (report.status, report.created, report.skipped) == ("imported", 15, [])
    changed = [*FULL[:-1], row(PAIVI, 15, "09-17", "Work")]
    report = await site.deliver(WEEK, csv(*changed))
    assert (report.status, report.created, report.removed, report.unchanged) == ("imported", 1, 1, 14)
    assert ("Work", "2027-01-15T07:00:00Z") in times(site)
    assert len(site.bookings()) == 15


async def test_the_same_content_again_asks_dynamics_nothing(site: Site) -> None:
    await site.deliver(WEEK, csv(*FULL))
    report = await site.deliver(WEEK, csv(*FULL))
    assert (report.status, report.dataverse_requests) == ("unchanged", 0)
    assert await site.names(INBOX) == []


async def test_a_b_a_ends_as_a(site: Site) -> None:
    await site.deliver(WEEK, csv(*FULL))
    await site.deliver(WEEK, csv(*FULL[:-1], row(PAIVI, 15, "09-17")))
    before = await site.deliver(WEEK, csv(*FULL))
    assert (before.status, before.created, before.removed) == ("imported", 1, 1)
    assert ("Chat", "2027-01-15T06:00:00Z") in times(site)


async def test_bookings_of_others_survive_and_are_reported(site: Site) -> None:
    await site.deliver(WEEK, csv(*FULL))
    mine = site.bookings()[0]
    foreign = {
        "name": "By hand", "starttime": "2027-01-11T10:00:00Z", "endtime": "2027-01-11T11:00:00Z", "duration": 60,
        "bookingtype": 1, "Resource@odata.bind": f"/bookableresources({mine['_resource_value']})",
        "BookingStatus@odata.bind": f"/bookingstatuses({mine['_bookingstatus_value']})",
        "msdyn_shiftactivitytype@odata.bind": f"/msdyn_shiftactivitytypes({mine['_msdyn_shiftactivitytype_value']})",
        "msdyn_BookingSetupMetadataId@odata.bind": f"/msdyn_bookingsetupmetadatas({SETUP_METADATA})",
    }  # fmt: skip
    site.patch("bookableresourcebookings(7d7c7ba4-0000-4000-8000-000000000001)", foreign)
    site.tables.empty()
    report = await site.deliver(WEEK, csv(*FULL[:-1]))
    assert (report.status, report.removed) == ("imported", 1)
    assert any(one["name"] == "By hand" for one in site.bookings())
    assert any(issue.code == "OVERLAP" for issue in report.issues)


async def test_a_file_that_takes_too_much_is_held_until_it_is_approved(site: Site) -> None:
    await site.deliver(WEEK, csv(*FULL))
    held = await site.deliver(WEEK, csv(*FULL[:2], *FULL[5:7], *FULL[10:12]))
    # The file speaks for the first two days only: nothing of the others is touched.
    assert held.status == "unchanged", held.reasons
    await site.configure("schedule-profiles/switchboard-csv.json", {"extends": "switchboard-csv", "scope": {"days": 5}})
    held = await site.deliver(WEEK, csv(*FULL[:2], *FULL[5:7], *FULL[10:12]))
    assert held.status == "held"
    assert any("REMOVED_SHARE" in reason for reason in held.reasons)
    assert len(site.bookings()) == 15
    assert await site.names(INBOX) == [WEEK]
    assert await site.sweep() == 0
    approved = await site.command(f"{WEEK}.approve")
    assert (approved.status, approved.removed) == ("imported", 9)
    assert await site.names(INBOX) == []
    assert (await site.report(f"{WEEK}.approve"))["status"] == "imported"
    assert (await site.report(WEEK))["status"] == "imported"
    assert len(site.bookings()) == 6


async def test_an_approval_covers_only_the_plan_it_was_given_for(site: Site) -> None:
    await site.configure("schedule-profiles/switchboard-csv.json", {"extends": "switchboard-csv", "scope": {"days": 5}})
    await site.deliver(WEEK, csv(*FULL))
    await site.deliver(WEEK, csv(FULL[0], FULL[5], FULL[10]))
    one = next(booking for booking in site.bookings() if booking["starttime"] == "2027-01-13T06:00:00Z")
    site.delete(f"bookableresourcebookings({one['bookableresourcebookingid']})")
    again = await site.command(f"{WEEK}.approve")
    assert again.status == "held"
    assert any("PLAN_CHANGED" in reason for reason in again.reasons)
    assert len(site.bookings()) == 14
    done = await site.command(f"{WEEK}.approve")
    assert (done.status, done.removed) == ("imported", 11)


async def test_a_held_file_is_rejected_by_hand(site: Site) -> None:
    await site.configure("schedule-profiles/switchboard-csv.json", {"extends": "switchboard-csv", "scope": {"days": 5}})
    await site.deliver(WEEK, csv(*FULL))
    held = await site.deliver(WEEK, csv(FULL[0] + "", FULL[5], FULL[10]))
    rejected = await site.command(f"{WEEK}.reject")
    assert (held.status, rejected.status) == ("held", "rejected")
    assert await site.names(INBOX) == []
    assert f"switchboard-csv/{held.import_id}/week.csv" in await site.names(ARCHIVE)
    assert len(site.bookings()) == 15


async def test_undo_restores_what_was_before(site: Site) -> None:
    await site.deliver(WEEK, csv(*FULL))
    before = {one["bookableresourcebookingid"]: _said(one) for one in site.bookings()}
    changed = csv(*FULL[:-1], row(PAIVI, 15, "09-17"), row(ZOE, 15, "18-19", "Training"))
    await site.deliver(WEEK, changed)
    assert len(site.bookings()) == 16
    undone = await site.command(f"{WEEK}.undo")
    assert (undone.status, undone.updated, undone.removed) == ("undone", 1, 2)
    assert {one["bookableresourcebookingid"]: _said(one) for one in site.bookings()} == before
    again = await site.deliver(WEEK, changed)
    assert (again.status, again.created, again.removed) == ("imported", 2, 1)


def _said(booking: dict[str, Any]) -> dict[str, Any]:
    volatile = {"@odata.etag", "versionnumber", "createdon", "modifiedon"}
    return {key: value for key, value in booking.items() if key not in volatile}


async def test_force_puts_back_what_was_edited_by_hand(site: Site) -> None:
    await site.deliver(WEEK, csv(*FULL))
    one, other = site.bookings()[:2]
    site.patch(f"bookableresourcebookings({one['bookableresourcebookingid']})", {"name": "Edited"})
    site.delete(f"bookableresourcebookings({other['bookableresourcebookingid']})")
    forced = await site.command(f"{WEEK}.force")
    assert (forced.status, forced.created, forced.updated) == ("imported", 1, 1)
    assert len(site.bookings()) == 15
    assert not any(booking["name"] == "Edited" for booking in site.bookings())


async def test_a_file_is_forced_back_after_its_successor_was_undone(site: Site) -> None:
    await site.deliver("switchboard-csv/a.csv", csv(*FULL))
    await site.deliver("switchboard-csv/b.csv", csv(*FULL[:-1], row(PAIVI, 15, "09-17")))
    await site.command("switchboard-csv/b.csv.undo")
    assert ("Chat", "2027-01-15T06:00:00Z") in times(site)
    site.delete(f"bookableresourcebookings({site.bookings()[0]['bookableresourcebookingid']})")
    forced = await site.command("switchboard-csv/a.csv.force")
    assert (forced.status, forced.created, forced.unchanged) == ("imported", 1, 14)
    refused = await site.command("switchboard-csv/nobody.csv.force")
    assert refused.status == "rejected"


async def test_an_older_file_delivered_late_is_held(site: Site) -> None:
    await site.drop("switchboard-csv/old.csv", csv(*FULL))
    await site.deliver("switchboard-csv/new.csv", csv(*FULL[:-1], row(PAIVI, 15, "09-17")))
    late = await site.take_up("switchboard-csv/old.csv")
    assert late is not None
    assert late.status == "held"
    assert any("OLDER" in reason for reason in late.reasons)
    assert ("Chat", "2027-01-15T07:00:00Z") in times(site)


@pytest.mark.usefixtures("control")
async def test_the_sweep_imports_what_no_event_told(site: Site) -> None:
    await site.drop(WEEK, csv(*FULL))
    assert await site.sweep() == 1
    assert len(site.bookings()) == 15
    assert await site.sweep() == 0


async def test_an_outage_leaves_the_file_for_later(site: Site) -> None:
    from shared.dataverse.errors import UnavailableError

    site.break_down()
    await site.drop(WEEK, csv(*FULL))
    with pytest.raises(UnavailableError):
        await site.take_up(WEEK)
    site.recover()
    assert await site.sweep() == 1
    assert (await site.report(WEEK))["created"] == 15
