"""What a file speaks for: agents x days, and what bad rows protect."""

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from functions.schedule_import.decide.agents import Matching, agent_key
from functions.schedule_import.decide.scope import Protection, booking_days, home_zone, protection
from functions.schedule_import.reading.segments import AgentDay, ProtectedDay, Reading, Segment
from tests.unit.functions.schedule_import.planning import (
    ANNA,
    ASA,
    BEN,
    CSV,
    HELSINKI,
    MONDAY,
    at,
    booking,
    in_profile,
    scope_of,
    segment,
)

SUNDAY = MONDAY - timedelta(days=1)
TUESDAY = MONDAY + timedelta(days=1)
LAST = MONDAY + timedelta(days=6)
NIGHT = [segment("2027-01-17 22:00", 4), segment("2027-01-18 02:00", 4)]


@pytest.mark.parametrize(
    ("rows", "days"),
    [
        pytest.param([segment("2027-01-11 08:00"), *NIGHT], (MONDAY, LAST), id="the last night shift has no next day"),
        pytest.param([segment("2027-01-17 22:00", 8)], (LAST, LAST), id="nor has one in a single row"),
        pytest.param([segment("2027-01-18 00:00", 8)], (LAST + timedelta(days=1),) * 2, id="a row at midnight has"),
        pytest.param(
            [segment("2027-01-11 00:00", 6, shift_date=SUNDAY), segment("2027-01-11 22:00")],
            (MONDAY, MONDAY),
            id="the end of Sunday's shift does not make a file speak for Sunday",
        ),
        pytest.param(
            [segment("2027-01-10 20:00", 6, shift_date=SUNDAY), segment("2027-01-11 22:00")],
            (SUNDAY, MONDAY),
            id="its beginning does",
        ),
        pytest.param([segment("2027-01-11 00:00", 6, shift_date=SUNDAY)], (SUNDAY, SUNDAY), id="nothing but an end"),
        pytest.param([segment(agent="nobody")], (MONDAY, MONDAY), id="days of unknown agents count"),
        pytest.param([], None, id="no row, no day"),
    ],
)
def test_the_dates_of_a_file_are_those_of_its_shifts(rows: list[Segment], days: tuple[date, date] | None) -> None:
    assert scope_of(rows).days == days


@pytest.mark.parametrize(
    ("rows", "days"),
    [
        pytest.param([], (MONDAY, LAST), id="no row at all"),
        pytest.param([segment("2027-01-13 08:00")], (MONDAY, LAST), id="rows inside"),
        pytest.param([segment("2027-01-18 08:00")], (MONDAY, LAST + timedelta(days=1)), id="a row after it"),
        pytest.param(
            [segment("2027-01-10 20:00", 3), segment("2027-01-10 23:00", 3)],
            (MONDAY, LAST),
            id="a shift that reaches into it",
        ),
        pytest.param([segment("2027-01-10 08:00", 8)], (SUNDAY, LAST), id="a shift before it"),
    ],
)
def test_a_document_may_declare_its_dates(rows: list[Segment], days: tuple[date, date]) -> None:
    assert scope_of(rows, window=(MONDAY, LAST)).days == days


def test_days_off_and_drafts_speak_for_their_agent_and_days() -> None:
    off = [AgentDay("asa", "email", TUESDAY), AgentDay("ben", "email", None)]
    scope = scope_of([segment(agent="anna")], days_without_work=off)
    assert scope.agents == {ASA.id, ANNA.id, BEN.id}
    assert scope.days == (MONDAY, TUESDAY)


def test_agents_are_those_of_the_rows_of_the_document_and_of_the_profile() -> None:
    profile = in_profile(scope={"agents": ["ANNA"]})
    scope = scope_of([segment(agent="asa")], profile, listed_agents=[("ben", "email")])
    assert scope.agents == {ASA.id, ANNA.id, BEN.id}
    assert scope_of([segment(agent="nobody")]).agents == frozenset()


@pytest.mark.parametrize(
    ("rows", "more", "days"),
    [
        pytest.param([segment("2027-01-12 08:00")], {}, (TUESDAY, TUESDAY + timedelta(days=27)), id="from the rows"),
        pytest.param([], {}, (date(2027, 1, 1), date(2027, 1, 28)), id="from the upload, where there is no row"),
        pytest.param([], {"stamp": at("2027-01-11 08:00")}, (MONDAY, MONDAY + timedelta(days=27)), id="from the stamp"),
        pytest.param([], {"window": (MONDAY, LAST)}, (MONDAY, MONDAY + timedelta(days=27)), id="from its own dates"),
    ],
)
def test_a_horizon_begins_with_the_files_first_date(
    rows: list[Segment], more: dict[str, Any], days: tuple[date, date]
) -> None:
    assert scope_of(rows, in_profile(scope={"days": 28}), **more).days == days


@pytest.mark.parametrize(
    ("profile", "more"),
    [
        pytest.param(in_profile(scope={"mode": "delta"}), {}, id="a delta"),
        pytest.param(CSV, {"dropped_again": True}, id="rejected rows that come again"),
    ],
)
def test_a_file_that_speaks_for_its_rows_speaks_for_no_day(profile: object, more: dict[str, Any]) -> None:
    scope = scope_of([segment()], profile, **more)  # type: ignore[arg-type]
    assert (scope.days, scope.window, scope.reach) == (None, None, None)
    assert scope.agents == {ASA.id}
    assert not scope.holds(ASA.id, MONDAY)


def test_the_window_spans_the_days_of_all_zones_and_the_reach_its_night_shifts() -> None:
    rows = [
        segment("2027-01-11 08:00", agent="asa", zone=HELSINKI),
        segment("2027-01-11 08:00", agent="anna", zone=HELSINKI),
        segment("2027-01-11 08:00", agent="ben", zone="America/New_York"),
    ]
    scope = scope_of(rows)
    assert scope.zone == HELSINKI
    assert scope.zones == {BEN.id: "America/New_York"}
    assert scope.zone_of(BEN.id) == ZoneInfo("America/New_York")
    assert scope.window == (at("2027-01-10 22:00"), at("2027-01-12 05:00"))
    assert scope.reach == (at("2027-01-10 06:00"), at("2027-01-12 21:00"))


def test_an_agents_days_are_read_in_the_zone_of_the_agents_rows() -> None:
    """Although the profile has another one: a row's own zone comes first when it is read."""
    profile = in_profile(timeZone=HELSINKI)
    rows = [segment("2027-01-11 22:00", zone="America/New_York")]
    assert scope_of(rows, profile).days == (MONDAY, MONDAY)
    assert scope_of(rows, profile).zones == {ASA.id: "America/New_York"}


@pytest.mark.parametrize(
    ("zones", "home"),
    [
        ([HELSINKI, "Europe/Berlin", HELSINKI], HELSINKI),
        (["Europe/Berlin", HELSINKI], "Europe/Berlin"),
        (["", HELSINKI], HELSINKI),
        ([""], "UTC"),
        ([], "UTC"),
    ],
)
def test_the_sites_zone_is_the_one_of_most_rows(zones: list[str], home: str) -> None:
    rows = [segment()._replace(time_zone=zone) for zone in zones]
    assert home_zone(Reading(segments=rows), CSV) == home
    assert home_zone(Reading(segments=rows), in_profile(timeZone="Asia/Tokyo")) == "Asia/Tokyo"


@pytest.mark.parametrize(
    ("zone", "hours"), [(HELSINKI, 23), ("America/New_York", 24), ("Australia/Lord_Howe", 24), ("UTC", 24)]
)
def test_the_window_of_a_short_day_is_short(zone: str, hours: float) -> None:
    window = scope_of([segment("2027-03-28 12:00", zone=zone)]).window
    assert window is not None
    assert window[1] - window[0] == timedelta(hours=hours)


def test_bookings_are_shifts_as_rows_are() -> None:
    there = [booking("2027-01-11 22:00", 4), booking("2027-01-12 02:00", 4), booking("2027-01-12 22:00", 4)]
    assert booking_days(there, ZoneInfo("UTC"), timedelta(hours=16)) == [MONDAY, MONDAY, TUESDAY]
    assert booking_days(there, ZoneInfo("UTC"), timedelta()) == [MONDAY, TUESDAY, TUESDAY]


KEY = agent_key("email", "asa")


@pytest.mark.parametrize(
    ("item", "matching", "covered"),
    [
        pytest.param(ProtectedDay(None, "email", None), Matching(), "everybody", id="nobody can say whose row it is"),
        pytest.param(ProtectedDay(None, "email", MONDAY), Matching(), "everybody", id="not even with a day"),
        pytest.param(ProtectedDay("ASA", "email", MONDAY), Matching({KEY: ASA}), "day", id="an agent's day"),
        pytest.param(ProtectedDay("asa", "email", None), Matching({KEY: ASA}), "agent", id="an agent, some day"),
        pytest.param(
            ProtectedDay("asa", "email", MONDAY), Matching(candidates={KEY: (ASA, ANNA)}), "both", id="one of two"
        ),
        pytest.param(ProtectedDay("asa", "email", MONDAY), Matching(), "nobody", id="somebody whom nobody knows"),
    ],
)
def test_what_a_bad_row_protects(item: ProtectedDay, matching: Matching, covered: str) -> None:
    guard = protection(Reading(protected=[item]), (), matching)
    pairs = {
        (name, day) for name, someone in (("asa", ASA), ("anna", ANNA), ("ben", BEN)) for day in (MONDAY, TUESDAY)
        if guard.covers(someone.id, day)
    }  # fmt: skip
    assert (
        pairs
        == {
            "everybody": {(name, day) for name in ("asa", "anna", "ben") for day in (MONDAY, TUESDAY)},
            "day": {("asa", MONDAY)},
            "agent": {("asa", MONDAY), ("asa", TUESDAY)},
            "both": {(name, day) for name in ("asa", "anna") for day in (MONDAY, TUESDAY)},
            "nobody": set(),
        }[covered]
    )


def test_a_readable_row_of_an_ambiguous_agent_protects_everybody_whom_it_may_mean() -> None:
    guard = protection(Reading(), (), Matching(candidates={KEY: (ASA, ANNA)}))
    assert guard.covers(ASA.id, MONDAY)
    assert guard.covers(ANNA.id, TUESDAY)
    assert not guard.covers(BEN.id, MONDAY)


def test_rows_that_cannot_be_written_protect_their_day() -> None:
    guard = protection(Reading(), [(ASA.id, MONDAY)], Matching())
    assert (guard.covers(ASA.id, MONDAY), guard.covers(ASA.id, TUESDAY)) == (True, False)
    assert not Protection().covers(ASA.id, MONDAY)
