"""Files and commands at the edge of what is sensible, hostile values, and what an import costs in requests."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from functions.schedule_import.containers import ARCHIVE, INBOX
from shared.dataverse.client import DataverseClient
from tests.integration.site import Site, utc

HEADER = "agent,start,end,activity,plan,status,external_id,time_zone"
WEEK = "switchboard-csv/week.csv"
TIMES = "2027-01-11T08:00Z,2027-01-11T12:00Z"
GOOD = f"asa.lindqvist@nordic-care.example,{TIMES},Chat,Team A,,,"
OTHER = GOOD.replace("asa.lindqvist", "zoe.vanthoff")
AGENTS = ("asa.lindqvist", "zoe.vanthoff", "paivi.makela", "jurgen.weiss", "siobhan.oneill", "lukasz.wojcik",
          "anna.virtanen", "anna.virtanen2")  # fmt: skip


@pytest.fixture
async def site(dataverse: DataverseClient, simulator: str) -> AsyncIterator[Site]:
    made = Site(dataverse, simulator, utc("2027-01-10T12:00:00Z"))
    yield made
    made.close()


def csv(*rows: str) -> str:
    return "\n".join([HEADER, *rows]) + "\n"


def quarters(days: int) -> str:
    """A row for each quarter of an hour, of eight agents."""
    rows = []
    for number in range(96 * days):
        start = datetime(2027, 1, 11, tzinfo=UTC) + timedelta(minutes=15 * number)
        end = start + timedelta(minutes=15)
        said = f"{start:%Y-%m-%dT%H:%MZ},{end:%Y-%m-%dT%H:%MZ},{'Chat' if number % 3 else 'Break'},Team A,,,"
        rows += [f"{agent}@nordic-care.example,{said}" for agent in AGENTS]
    return csv(*rows)


# ----------------------------------------------------------------------------------------------- hostile values


@pytest.mark.parametrize(
    ("rows", "codes"),
    [
        pytest.param([f"{'ä' * 30_000},{TIMES},Chat,,,,"], {"UNKNOWN_AGENT"}, id="an agent of 30,000 characters"),
        pytest.param([f"{'😀' * 500}{n},{TIMES},Chat,,,," for n in range(300)], {"UNKNOWN_AGENT"}, id="long agents"),
        pytest.param(
            [f"x,{TIMES},{'語' * 95}{n},,,," for n in range(400)], {"UNKNOWN_AGENT"}, id="400 long activity names"
        ),
        pytest.param(
            [f"x,{TIMES},Chat,{'語' * 95}{n},{'語' * 95}{n},," for n in range(400)],
            {"UNKNOWN_AGENT"},
            id="400 long plans and statuses",
        ),
    ],
)
async def test_values_beyond_every_column_cost_their_own_rows_only(
    site: Site, rows: list[str], codes: set[str]
) -> None:
    report = await site.deliver("switchboard-csv/long.csv", csv(*rows, GOOD))
    assert (report.status, report.created, report.reasons) == ("imported", 1, [])
    assert {skip.code for skip in report.skipped} <= codes | {"DUPLICATE"}
    assert len(report.skipped) == len(rows)


# ------------------------------------------------------------------------------------------ files nobody can take


async def test_a_file_above_the_limit_is_rejected_unread(site: Site) -> None:
    await site.drop(WEEK, csv(*[GOOD] * 100))
    report = await site.take_up(WEEK, max_bytes=1000)
    assert report is not None
    assert (report.status, report.dataverse_requests) == ("rejected", 0)
    assert "1000" in report.reasons[0].replace(",", "")
    assert await site.names(INBOX) == []
    assert [name for name in await site.names(ARCHIVE) if name.endswith("/week.csv")]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        pytest.param("", "rejected", id="0 bytes"),
        pytest.param("\n\n", "rejected", id="empty lines"),
        pytest.param(csv(), "held", id="a header and no rows"),
        pytest.param(HEADER, "held", id="a header without its line end"),
        pytest.param("agent;from;to\nx;1;2\n", "rejected", id="another layout"),
        pytest.param(csv(GOOD)[:-30], "rejected", id="cut in the middle of a row"),
    ],
)
async def test_an_empty_or_broken_file_changes_nothing(site: Site, content: str, status: str) -> None:
    await site.deliver(WEEK, csv(GOOD, OTHER))
    before = site.bookings()
    report = await site.deliver(WEEK, content)
    assert (report.status, bool(report.reasons)) == (status, True)
    assert site.bookings() == before
    assert await site.names(INBOX) == ([WEEK] if status == "held" else [])


@pytest.mark.parametrize("path", ["week.csv", "No Profile/week.csv", "no-such-profile/week.csv", "../week.csv"])
async def test_a_file_outside_of_every_profile_is_rejected_with_a_report(site: Site, path: str) -> None:
    report = await site.deliver(path, csv(GOOD))
    assert report.status == "rejected"
    assert (await site.report(path))["reasons"]
    assert (site.bookings(), await site.names(INBOX)) == ([], [])
    assert await site.sweep() == 0


# ----------------------------------------------------------------------------------------------------- commands


@pytest.mark.parametrize("command", ["approve", "reject", "undo", "force"])
async def test_a_command_about_an_unknown_file_is_answered_and_changes_nothing(site: Site, command: str) -> None:
    await site.deliver(WEEK, csv(GOOD))
    before = site.bookings()
    answer = await site.command(f"switchboard-csv/nobody.csv.{command}")
    assert (answer.status, len(answer.reasons)) == ("rejected", 1)
    assert (await site.report(f"switchboard-csv/nobody.csv.{command}"))["status"] == "rejected"
    assert (site.bookings(), await site.names(INBOX)) == (before, [])


@pytest.mark.parametrize("command", ["approve", "reject", "undo", "force"])
async def test_a_file_that_is_only_named_like_a_command_is_none(site: Site, command: str) -> None:
    await site.deliver(WEEK, csv(GOOD))
    before = site.bookings()
    answer = await site.deliver(f"{WEEK}.{command}", csv(*[GOOD] * 50))
    assert answer.status == "rejected"
    assert "not empty" in answer.reasons[0]
    assert site.bookings() == before


async def test_a_command_may_hold_a_line(site: Site) -> None:
    await site.deliver(WEEK, csv(GOOD))
    assert (await site.deliver(f"{WEEK}.undo", "please\r\n")).status == "undone"
    assert site.bookings() == []


async def test_an_undone_import_cannot_be_undone_again(site: Site) -> None:
    await site.deliver(WEEK, csv(GOOD))
    await site.command(f"{WEEK}.undo")
    assert (await site.command(f"{WEEK}.undo")).status == "rejected"


async def test_an_import_is_undone_by_its_id(site: Site) -> None:
    first = await site.deliver(WEEK, csv(GOOD))
    await site.deliver(WEEK, csv(GOOD, OTHER))
    # Of an import that is not the newest only what nobody has changed since; nobody has.
    undone = await site.command(f"switchboard-csv/{first.import_id}.undo")
    assert (undone.status, undone.removed) == ("undone", 1)
    assert len(site.bookings()) == 1


# ------------------------------------------------------------------------------------------------------- costs


async def test_two_files_of_a_profile_at_once_wait_for_each_other(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.storage.leases._LONGEST_POLL_SECONDS", 0.05)
    paths = [f"switchboard-csv/{name}.csv" for name in ("a", "b", "c")]
    for path, agent in zip(paths, AGENTS, strict=False):
        await site.drop(path, csv(GOOD.replace("asa.lindqvist", agent)))
    reports = await asyncio.gather(*(site.take_up(path, lease_wait=20.0) for path in paths))
    assert [report.status for report in reports if report] == ["imported"] * 3
    assert len(site.bookings()) == 3


async def test_a_file_that_finds_another_under_work_is_left_to_the_sweep(site: Site) -> None:
    paths = [f"switchboard-csv/{name}.csv" for name in ("a", "b")]
    for path, agent in zip(paths, AGENTS, strict=False):
        await site.drop(path, csv(GOOD.replace("asa.lindqvist", agent)))
    reports = await asyncio.gather(*(site.take_up(path) for path in paths))
    assert [report is None for report in reports].count(True) == 1
    assert await site.sweep() == 1
    assert len(site.bookings()) == 2


async def test_requests_grow_with_thousands_of_rows(site: Site) -> None:
    content = quarters(26)
    first = await site.deliver(WEEK, content)
    assert (first.status, first.created, first.skipped) == ("imported", 19_968, [])
    assert first.dataverse_requests <= 60
    again = await site.deliver(WEEK, content)
    assert (again.status, again.dataverse_requests) == ("unchanged", 0)
    before = site.requests()["recordsWritten"]
    forced = await site.command(f"{WEEK}.force")
    assert (forced.status, forced.unchanged) == ("unchanged", 19_968)
    assert forced.dataverse_requests <= 30
    assert site.requests()["recordsWritten"] == before
