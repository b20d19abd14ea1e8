"""The difference: within its scope Dynamics equals the file exactly; outside nothing is touched."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.schedule_import.decide.precedence import ImportState
from functions.schedule_import.decide.shift_days import day_bounds
from functions.schedule_import.reading.segments import AgentDay, ProtectedDay, Segment
from tests.unit.functions.schedule_import.planning import (
    ANNA,
    ASA,
    BEN,
    CANCELED,
    HELSINKI,
    LUNCH,
    MONDAY,
    Calendar,
    Imported,
    at,
    booking,
    guid,
    in_profile,
    moved,
    said,
    segment,
)

WEEK = [segment(f"2027-01-{day} 08:00", 8, row=day) for day in range(11, 18)]
TUESDAY = MONDAY + timedelta(days=1)
SUNDAY_NIGHT = [segment("2027-01-17 22:00", 4, row=20), segment("2027-01-18 02:00", 4, row=21)]
NEXT_WEEK = moved(WEEK, 7)


def changes(made: Imported) -> tuple[int, int, int]:
    difference = made.difference
    return len(difference.creates), len(difference.updates), len(difference.removals)


def after(*deliveries: list[Segment], **how: Any) -> Calendar:
    calendar = Calendar(**how)
    for rows in deliveries:
        calendar.deliver(rows)
    return calendar


# ---------------------------------------------------------------------------------------------------- one file


def test_an_empty_calendar_gets_every_row_and_the_same_file_again_changes_nothing() -> None:
    calendar = after(WEEK)
    assert calendar.live() == said(WEEK)
    again = calendar.deliver(WEEK)
    assert changes(again) == (0, 0, 0)
    assert again.difference.unchanged == 7
    assert calendar.live() == said(WEEK)


def test_rows_that_are_gone_are_removed_new_ones_made_and_changed_ones_changed() -> None:
    calendar = after(WEEK)
    longer = WEEK[1]._replace(end=WEEK[1].end + timedelta(hours=1))
    edited = [longer, *WEEK[3:], segment("2027-01-11 08:00", 8, activity="Lunch")]
    assert changes(calendar.deliver(edited)) == (1, 1, 2)
    assert calendar.live() == said(edited)


@pytest.mark.parametrize(
    "drift",
    [
        {"name": "Edited"}, {"name": None}, {"start": at("2027-01-12 07:00")}, {"end": at("2027-01-12 17:00")},
        {"minutes": 1}, {"resource": guid(99)}, {"resource": None}, {"status": guid(99)}, {"status": CANCELED.id},
        {"plan": None}, {"activity_type": LUNCH.id}, {"setup_metadata": None}, {"booking_type": 2},
        {"booking_method": None}, {"mark": ""}, {"active": False}, {"start": at("2027-03-01 08:00")},
    ],
    ids=repr,
)  # fmt: skip
@pytest.mark.parametrize("external_id", ["", "E1"])
def test_whatever_was_edited_by_hand_is_put_back_and_nothing_else(drift: dict[str, object], external_id: str) -> None:
    rows = [one._replace(external_id=external_id and f"{external_id}-{one.row}") for one in WEEK]
    calendar = after(rows)
    expected = dict(calendar.bookings)
    edited = next(one.id for one in expected.values() if one.start == at("2027-01-12 08:00"))
    calendar.edit(edited, **drift)
    assert changes(calendar.deliver(rows)) == (0, 1, 0)
    assert calendar.bookings == expected


def test_a_deleted_booking_is_made_again_with_its_key() -> None:
    calendar = after(WEEK)
    expected = dict(calendar.bookings)
    calendar.bookings.popitem()
    assert changes(calendar.deliver(WEEK)) == (1, 0, 0)
    assert calendar.bookings == expected


@pytest.mark.parametrize("removal", ["delete", "cancel"])
def test_a_cancelled_shift_that_returns_is_committed_again(removal: str) -> None:
    calendar = after(WEEK, profile=in_profile(removal=removal))
    assert changes(calendar.deliver(WEEK[:6] + SUNDAY_NIGHT)) == (2, 0, 1)
    assert changes(calendar.deliver(WEEK)) == ((0, 1, 2) if removal == "cancel" else (1, 0, 2))
    assert calendar.live() == said(WEEK)
    assert changes(calendar.deliver(WEEK)) == (0, 0, 0)


def test_swapped_agents() -> None:
    rows = [*WEEK, *(one._replace(agent="anna", row=50 + one.row, activity="Lunch") for one in WEEK)]
    calendar = after(rows)
    swapped = [one._replace(agent={"asa": "anna", "anna": "asa"}[one.agent]) for one in rows]
    assert changes(calendar.deliver(swapped)) == (14, 0, 14)
    assert calendar.live() == said(swapped)


def test_an_agent_without_rows_ends_with_none_where_the_file_speaks_for_the_agent() -> None:
    calendar = after([*WEEK, *(one._replace(agent="anna") for one in WEEK)])
    calendar.deliver(WEEK)
    assert len(calendar.live(ANNA)) == 7, "a file that does not name an agent does not speak for her"
    calendar.deliver(WEEK, off=[AgentDay("anna", "email", MONDAY)])
    assert calendar.live(ANNA) == []
    assert calendar.live(ASA) == said(WEEK)


def test_agents_of_a_plan_are_in_scope_without_rows() -> None:
    calendar = after([*WEEK, *(one._replace(agent="anna") for one in WEEK)])
    calendar.deliver(WEEK, plan_agents=[ANNA.id])
    assert calendar.live(ANNA) == []


# --------------------------------------------------------------------------------------------- others' bookings


@pytest.mark.parametrize(
    ("mark", "is_ours"),
    [
        ("sb:switchboard-csv:x", True),
        ("SB:Switchboard-CSV:x", False),
        ("sb:switchboard-csv-2:x", False),
        ("sb:switchboard:x", False),
        ("sb:switchboard-csv", False),
        (" sb:switchboard-csv:x", False),
        ("x sb:switchboard-csv:x", False),
        ("", False),
    ],
)
@pytest.mark.parametrize("removal", ["delete", "cancel"])
def test_only_rows_of_the_profile_are_ever_removed(mark: str, is_ours: bool, removal: str) -> None:
    calendar = Calendar(profile=in_profile(removal=removal))
    calendar.put(booking("2027-01-13 18:00", 1, mark=mark, kind=LUNCH))
    made = calendar.deliver(WEEK)
    assert (len(made.difference.removals) == 1) is is_ours
    assert (guid(900) in calendar.bookings and calendar.bookings[guid(900)].status != CANCELED.id) is not is_ours
    assert [one.id for one in made.difference.foreign.get(ASA.id, ())] == ([] if is_ours else [guid(900)])


def test_cancelled_bookings_of_others_are_no_claims() -> None:
    calendar = Calendar()
    calendar.put(booking("2027-01-13 18:00", 1, mark="", status=CANCELED))
    assert calendar.deliver(WEEK).difference.foreign == {}


def test_bookings_of_agents_out_of_scope_and_without_a_known_resource_are_left_alone() -> None:
    calendar = Calendar()
    calendar.put(booking("2027-01-13 08:00", of=BEN), booking("2027-01-13 08:00", number=901)._replace(resource=None))
    assert changes(calendar.deliver(WEEK)) == (7, 0, 0)
    assert len(calendar.bookings) == 9


def test_a_booking_that_a_supervisor_gave_to_somebody_else_comes_back() -> None:
    calendar = after(WEEK)
    mine = next(iter(calendar.bookings))
    calendar.edit(mine, resource=booking(of=BEN).resource)
    made = calendar.deliver(WEEK)
    assert changes(made) == (0, 1, 0)
    assert made.difference.by_agent[BEN.id].lost == 480, "whoever had it loses it"
    assert calendar.live() == said(WEEK)


def test_a_cancelled_booking_is_not_removed_again_where_removal_cancels() -> None:
    calendar = Calendar(profile=in_profile(removal="cancel"))
    calendar.put(booking("2027-01-13 18:00", 1, status=CANCELED))
    assert changes(calendar.deliver(WEEK)) == (7, 0, 0)
    calendar.profile = in_profile(removal="delete")
    assert changes(calendar.deliver(WEEK)) == (0, 0, 1)


# ------------------------------------------------------------------------------------------------ edges of files


def test_weeks_do_not_touch_each_other() -> None:
    calendar = after(WEEK + SUNDAY_NIGHT, NEXT_WEEK)
    assert calendar.live() == said(WEEK + SUNDAY_NIGHT + NEXT_WEEK)
    fewer = NEXT_WEEK[:2] + NEXT_WEEK[4:]
    calendar.deliver(fewer)
    assert calendar.live() == said(WEEK + SUNDAY_NIGHT + fewer)


@pytest.mark.parametrize("remembers", [True, False])
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_end_of_a_night_shift_goes_with_its_beginning(remembers: bool, order: tuple[int, int]) -> None:
    """Whichever week came first, and without the memory of imports too."""
    rested = [segment("2027-01-18 17:00"), *NEXT_WEEK[1:]]
    weeks = [WEEK[:6] + SUNDAY_NIGHT, rested]
    calendar = after(*(weeks[place] for place in order), remembers=remembers)
    calendar.deliver(WEEK)
    assert calendar.live() == said(WEEK + rested)


def test_the_end_of_a_night_shift_goes_with_its_beginning_although_only_the_next_file_is_remembered() -> None:
    rested = [segment("2027-01-18 17:00"), *NEXT_WEEK[1:]]
    calendar = after(WEEK[:6] + SUNDAY_NIGHT)
    calendar.past.clear()
    calendar.deliver(rested)
    assert calendar.live() == said(WEEK[:6] + SUNDAY_NIGHT + rested)
    calendar.deliver(WEEK)
    assert calendar.live() == said(WEEK + rested)


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (0, 1, 0), (1, 0, 1)])
def test_a_file_that_begins_at_midnight_has_its_own_first_shift(order: tuple[int, ...]) -> None:
    """Layouts cut at midnight: 16:00-24:00 ends one file, 00:00-08:00 begins the next one."""
    weeks = [[*WEEK[:6], segment("2027-01-17 16:00", 8)], [segment("2027-01-18 00:00", 8), *NEXT_WEEK[1:]]]
    calendar = after(*(weeks[place] for place in order))
    assert calendar.live() == said(weeks[0] + weeks[1])
    without = [weeks[0], [*NEXT_WEEK[1:], segment("2027-01-18 12:00", 4, row=40)]]
    calendar.deliver(without[1])
    assert calendar.live() == said(without[0] + without[1]), "the next file takes its own first shift away"
    calendar.deliver([*WEEK[:6], segment("2027-01-17 08:00")])
    assert calendar.live() == said(WEEK[:6] + [segment("2027-01-17 08:00")] + without[1])


def test_a_file_that_begins_in_the_middle_of_a_week_leaves_the_night_before_alone() -> None:
    night = [segment("2027-01-13 22:00", 4, row=20), segment("2027-01-14 02:00", 4, row=21)]
    calendar = after(WEEK[:2] + night + WEEK[4:])
    calendar.deliver(WEEK[4:])
    assert calendar.live() == said(WEEK[:2] + night + WEEK[4:])
    calendar.deliver([segment("2027-01-15 08:00", row=15), segment("2027-01-14 12:00", 4, row=14)])
    assert [one[1] for one in calendar.live()] == [
        at(f"2027-01-{moment}")
        for moment in ("11 08:00", "12 08:00", "13 22:00", "14 02:00", "14 12:00", "15 08:00", "16 08:00", "17 08:00")
    ]


def test_a_night_shift_that_was_cancelled_and_returns_takes_nothing_of_the_next_file_with_it() -> None:
    """Without the memory of imports too, where the order of stretches decides."""
    next_week = [segment("2027-01-18 02:00", 4), *NEXT_WEEK[1:]]
    calendar = after(WEEK + SUNDAY_NIGHT[:1], WEEK, next_week, profile=in_profile(removal="cancel"), remembers=False)
    assert changes(calendar.deliver(WEEK + SUNDAY_NIGHT[:1])) == (0, 1, 0)
    assert calendar.live() == said(WEEK + SUNDAY_NIGHT[:1] + next_week)


def test_shift_dates_of_rows_decide_where_the_layout_has_them() -> None:
    """Sunday's shift begins at 23:30 on Saturday; the file that begins on Sunday has all of it."""
    sunday = date(2027, 1, 17)
    early = [
        segment("2027-01-16 23:30", 0.5, row=2, shift_date=sunday),
        segment("2027-01-17 00:00", 6, row=3, shift_date=sunday),
    ]
    calendar = after([one._replace(shift_date=one.start.date()) for one in WEEK[:6]])
    made = calendar.deliver(early)
    assert made.scope.days == (sunday, sunday)
    assert calendar.live() == said(WEEK[:6] + early)


def test_the_end_of_a_shift_of_the_day_before_removes_nothing_of_that_day() -> None:
    sunday = date(2027, 1, 17)
    calendar = after(WEEK + SUNDAY_NIGHT)
    tail = segment("2027-01-18 02:00", 4, row=2, shift_date=sunday)
    made = calendar.deliver([tail, *(one._replace(shift_date=one.start.date()) for one in NEXT_WEEK)])
    assert made.scope.days == (date(2027, 1, 18), date(2027, 1, 24))
    assert calendar.live() == said(WEEK + SUNDAY_NIGHT + NEXT_WEEK)


def test_without_a_margin_a_file_that_begins_on_monday_takes_what_begins_on_monday() -> None:
    calendar = after(WEEK + SUNDAY_NIGHT[:1], profile=in_profile(scope={"marginHours": 0}))
    calendar.put(booking("2027-01-18 02:00", 4))
    calendar.deliver(NEXT_WEEK)
    assert calendar.live() == said(WEEK + SUNDAY_NIGHT[:1] + NEXT_WEEK)


@pytest.mark.parametrize("zone", [HELSINKI, "America/New_York", "Australia/Lord_Howe", "America/Santiago"])
def test_a_days_file_takes_exactly_its_local_day(zone: str) -> None:
    """Every day of the weeks with a clock change: bookings at its first and last minute are its own."""
    for first in (date(2027, 3, 8), date(2027, 3, 22), date(2027, 3, 29), date(2026, 10, 19), date(2026, 10, 26)):
        for day in (first + timedelta(days=number) for number in range(7)):
            start, end = day_bounds([day], ZoneInfo(zone))
            minute = timedelta(minutes=1)
            calendar = Calendar()
            calendar.put(
                booking(start - timedelta(hours=3), 0.1, number=901), booking(start, 0.1, number=902),
                booking(end - minute, 1 / 60, number=903), booking(end + timedelta(hours=3), 0.1, number=904),
            )  # fmt: skip
            calendar.deliver([segment(f"{day} 12:00", 1, zone=zone)])
            assert calendar.bookings.keys() & {guid(number) for number in range(901, 905)} == {guid(901), guid(904)}


def test_agents_in_several_zones_have_days_of_their_own() -> None:
    rows = [
        segment("2027-01-11 12:00", agent="asa", zone=HELSINKI),
        segment("2027-01-11 12:00", agent="anna", zone=HELSINKI),
        segment("2027-01-11 12:00", agent="ben", zone="America/New_York"),
    ]
    calendar = Calendar()
    calendar.put(
        booking("2027-01-10 23:00", 1, number=901, of=ASA, zone="UTC"),
        booking("2027-01-12 01:00", 1, number=902, of=ASA, zone="UTC"),
        booking("2027-01-10 23:00", 1, number=903, of=BEN, zone="UTC"),
        booking("2027-01-12 01:30", 1, number=904, of=BEN, zone="UTC"),
    )
    calendar.deliver(rows)
    assert calendar.bookings.keys() >= {guid(902), guid(903)}
    assert not calendar.bookings.keys() & {guid(901), guid(904)}


# ------------------------------------------------------------------------------------- ids that files share


def weekly(rows: list[Segment], external_id: str = "E7") -> list[Segment]:
    return [one._replace(external_id=external_id) for one in rows]


def test_a_week_does_not_take_the_bookings_of_another_week_that_has_the_same_id() -> None:
    """A source that uses one id in every week: each file keeps its own bookings, however often it comes."""
    weeks = [weekly(moved(WEEK[:3], 7 * number)) for number in range(4)]
    calendar = after(*weeks)
    assert calendar.live() == said(one for week in weeks for one in week)
    for number in (2, 0, 3, 1):
        assert changes(calendar.deliver(weeks[number])) == (0, 0, 0)
    weeks[1] = [weeks[1][0], *weekly([segment("2027-01-20 12:00", 2)])]
    weeks[2] = weekly(moved(WEEK[:5], 14))
    for number in (1, 2):
        calendar.deliver(weeks[number])
        assert changes(calendar.deliver(weeks[number])) == (0, 0, 0)
    assert calendar.live() == said(one for week in weeks for one in week)


def test_past_bookings_of_a_shared_id_stay_although_their_import_is_forgotten() -> None:
    calendar = after(weekly(WEEK))
    calendar.past.clear()
    calendar.now = at("2027-01-31 12:00")
    calendar.deliver(weekly(moved(WEEK, 28)))
    assert calendar.live() == said(weekly(WEEK) + weekly(moved(WEEK, 28)))


def test_a_shared_ids_booking_that_a_supervisor_moved_where_no_file_speaks_comes_back() -> None:
    calendar = after(weekly(WEEK))
    expected = dict(calendar.bookings)
    calendar.edit(next(iter(expected)), start=at("2027-02-20 08:00"), end=at("2027-02-20 16:00"))
    assert changes(calendar.deliver(weekly(WEEK))) == (0, 1, 0)
    assert calendar.bookings == expected


def test_without_memory_a_week_does_not_take_the_bookings_of_another_week_that_has_the_same_id() -> None:
    first, second = weekly(WEEK), weekly(NEXT_WEEK)
    calendar = after(first)
    calendar.past.clear()
    calendar.deliver(second)
    assert calendar.live() == said(first + second)
    changed = [*second[:3], *second[4:]]
    calendar.deliver(changed)
    assert calendar.live() == said(first + changed)


def test_a_shared_ids_booking_of_the_evening_before_stays_in_the_zone_of_its_agent() -> None:
    """In UTC it is of the day that the file speaks for in another zone, that of its other agent."""
    zone = "America/New_York"
    night = weekly([segment("2027-01-11 20:00", 3, zone=zone)])
    calendar = after(night)
    day = [
        *weekly([segment("2027-01-12 12:00", 2, zone=zone)]),
        segment("2027-01-12 12:00", agent="anna", zone=HELSINKI),
    ]
    calendar.deliver(day)
    assert calendar.live() == said(night + day)


NIGHT = [segment("2027-01-11 20:00", 4), *weekly([segment("2027-01-12 00:00", 3)])]
"""Its end has an id that the source shares."""


@pytest.mark.parametrize("remembers", [True, False])
def test_a_shared_ids_end_of_a_night_shift_is_no_row_of_the_next_day(remembers: bool) -> None:
    calendar = after(NIGHT, remembers=remembers)
    day = weekly([segment("2027-01-12 12:00", 2)])
    calendar.deliver(day)
    assert calendar.live() == said(NIGHT + day)
    later = weekly([segment("2027-01-12 13:00", 2), segment("2027-01-12 16:00", 2)])
    calendar.deliver(later)
    assert calendar.live() == said(NIGHT + later)


def test_a_shared_ids_end_of_a_night_shift_goes_with_it_although_a_longer_file_placed_it() -> None:
    day = [segment("2027-01-12 12:00", 2)]
    calendar = after(NIGHT + day)
    calendar.deliver(changed := weekly([segment("2027-01-11 08:00", 2)]))
    assert calendar.live() == said(changed + day)


def test_the_end_of_a_night_shift_that_undo_has_restored_is_no_shift_of_the_next_day() -> None:
    day = [segment("2027-01-12 12:00", 2)]
    calendar = after(NIGHT + day)
    restored = dict(calendar.bookings)
    calendar.deliver([segment("2027-01-11 08:00", 2)])
    undone = calendar.past.pop()
    calendar.past.append(replace(undone, state=ImportState.UNDO, after=b"", changed=False))
    calendar.bookings = restored
    calendar.deliver(changed := [segment("2027-01-12 13:00", 2)])
    assert calendar.live() == said(NIGHT + changed)


def test_a_night_shifts_end_is_changed_although_the_next_file_speaks_for_its_day() -> None:
    night = [one._replace(external_id=f"N{one.row}") for one in SUNDAY_NIGHT]
    calendar = after(WEEK[:6] + night, NEXT_WEEK)
    shorter = [night[0], night[1]._replace(end=night[1].end - timedelta(hours=1))]
    assert changes(calendar.deliver(WEEK[:6] + shorter)) == (0, 1, 0)
    assert calendar.live() == said(WEEK[:6] + shorter + NEXT_WEEK)


# --------------------------------------------------------------------------------------------------- protection


@pytest.mark.parametrize(
    ("item", "stay"),
    [
        pytest.param(ProtectedDay("asa", "email", TUESDAY), {12}, id="a day"),
        pytest.param(ProtectedDay("asa", "email", None), set(range(11, 17)), id="an agent"),
        pytest.param(ProtectedDay("anna", "email", TUESDAY), set(), id="somebody else's day"),
        pytest.param(ProtectedDay(None, "email", None), set(range(11, 17)), id="whose, nobody can say"),
    ],
)
def test_a_bad_row_protects_its_agent_day(item: ProtectedDay, stay: set[int]) -> None:
    calendar = after(WEEK)
    made = calendar.deliver([WEEK[6], segment(row=40, activity="Lunch")], protected=[item])
    assert {one[1].day for one in calendar.live() if one[3] == "Chat"} == {17, *stay}
    assert made.difference.protected == len(stay)


def test_a_bad_rows_day_has_no_stretch_that_followed_a_cancelled_one() -> None:
    night, morning = segment("2027-01-12 22:00", 4, row=20), segment("2027-01-13 02:00", 4, row=21)
    edges = [WEEK[0], WEEK[6]]
    calendar = after([*edges, night], [*edges, morning], profile=in_profile(removal="cancel"))
    calendar.deliver([*edges, night], protected=[ProtectedDay("asa", "email", TUESDAY)])
    assert calendar.live() == said([*edges, night])


@pytest.mark.parametrize("day", [TUESDAY, TUESDAY + timedelta(days=1)])
def test_a_bad_row_after_midnight_protects_by_its_shifts_day_and_by_its_own(day: date) -> None:
    night = [segment("2027-01-12 22:00", 4, row=20), segment("2027-01-13 02:00", 4, row=21)]
    calendar = after([WEEK[0], *night, WEEK[6]])
    calendar.deliver([WEEK[0], night[0], WEEK[6]], protected=[ProtectedDay("asa", "email", day)])
    assert calendar.live() == said([WEEK[0], *night, WEEK[6]])


def test_a_bad_row_of_the_next_day_does_not_keep_a_night_shift() -> None:
    night = segment("2027-01-12 22:00", 8, row=20)
    calendar = after([WEEK[0], night, WEEK[6]])
    calendar.deliver([WEEK[0], WEEK[6]], protected=[ProtectedDay("asa", "email", TUESDAY + timedelta(days=1))])
    assert calendar.live() == said([WEEK[0], WEEK[6]])


def test_a_row_that_cannot_be_written_protects_its_day() -> None:
    calendar = after(WEEK)
    calendar.deliver([WEEK[0]._replace(activity="Elternzeit"), *WEEK[2:]])
    assert calendar.live() == said([WEEK[0], *WEEK[2:]])


# ---------------------------------------------------------------------------------------------------- weighing


def test_time_that_other_rows_cover_is_not_lost() -> None:
    calendar = after(WEEK)
    parts = [
        part
        for one in WEEK
        for part in (one._replace(end=one.start + timedelta(hours=4)), segment(one.start + timedelta(hours=4), 4))
    ]
    made = calendar.compare([*parts[:-1], parts[-1]._replace(activity="Lunch")])
    assert made.difference.total.lost == 0
    assert made.difference.total.assignable_lost == 4 * 60
    assert made.difference.total.minutes == 7 * 8 * 60


@pytest.mark.parametrize(
    ("rows", "lost"),
    [
        pytest.param([segment("2027-01-11 08:00", 6)], 120, id="shorter"),
        pytest.param([segment("2027-01-11 09:00", 6)], 120, id="from both sides"),
        pytest.param([segment("2027-01-11 07:00", 10)], 0, id="longer"),
        pytest.param([segment("2027-01-11 10:00", 1), segment("2027-01-11 13:00", 1)], 360, id="two holes and ends"),
        pytest.param([segment("2027-01-11 08:00", 3), segment("2027-01-11 09:00", 7)], 0, id="overlapping"),
        pytest.param([segment("2027-01-11 16:00", 6)], 480, id="right after it"),
    ],
)
def test_lost_minutes(rows: list[Segment], lost: float) -> None:
    calendar = after([WEEK[0]])
    assert calendar.compare(rows).difference.total.lost == lost


def test_tallies_of_agents_and_plans_add_up_to_the_total() -> None:
    rows = [*WEEK, *(one._replace(agent="anna", plan="north") for one in WEEK)]
    calendar = after(rows)
    found = calendar.compare(rows[:10]).difference
    assert found.by_agent[ASA.id].lost == 0
    assert found.by_agent[ANNA.id].lost == 4 * 480
    assert {tally.lost for tally in found.by_plan.values()} == {0, 4 * 480}
    for part in (found.by_agent, found.by_plan):
        assert sum(tally.minutes for tally in part.values()) == found.total.minutes == 14 * 480
        assert sum(tally.bookings for tally in part.values()) == found.total.bookings == 14


NOW = datetime(2027, 1, 11, 12, tzinfo=ZoneInfo("UTC"))
ON_TUESDAY = segment("2027-01-12 08:00", row=12)


@pytest.mark.parametrize(
    ("before", "rows", "losers"),
    [
        pytest.param([ON_TUESDAY], [], 1, id="nothing left"),
        pytest.param([ON_TUESDAY], [segment("2027-01-12 08:00", 8, activity="Lunch")], 1, id="nothing assignable"),
        pytest.param([ON_TUESDAY], [segment("2027-01-12 18:00", 1)], 0, id="an hour is left"),
        pytest.param([ON_TUESDAY], [segment("2027-01-11 22:00", 3)], 0, id="the end of tonight's shift"),
        pytest.param([ON_TUESDAY], [segment("2027-01-11 22:00", 2)], 1, id="tonight's shift ends at midnight"),
        pytest.param([segment("2027-01-12 08:00", activity="Lunch")], [], 0, id="there was no work"),
        pytest.param([segment("2027-01-13 08:00")], [], 0, id="the day after"),
        pytest.param([], [ON_TUESDAY], 0, id="nothing was there"),
    ],
)
def test_agents_without_work_tomorrow(before: list[Segment], rows: list[Segment], losers: int) -> None:
    ends = [segment("2027-01-11 08:00", 1, row=2), segment("2027-01-14 08:00", 1, row=3)]
    calendar = after([*ends, *before], now=NOW)
    assert len(calendar.compare([*ends, *rows]).difference.without_work_tomorrow) == losers


@pytest.mark.parametrize(
    ("other", "losers"),
    [
        pytest.param(booking("2027-01-12 08:00", mark=""), 0, id="somebody else's work"),
        pytest.param(booking("2027-01-12 08:00", mark="", kind=LUNCH), 1, id="somebody else's break"),
        pytest.param(booking("2027-01-12 08:00", mark="", status=CANCELED), 1, id="cancelled work"),
    ],
)
def test_work_of_others_is_work_too(other: Any, losers: int) -> None:
    calendar = after([WEEK[0], ON_TUESDAY, WEEK[3]], now=NOW)
    calendar.put(other)
    assert len(calendar.compare([WEEK[0], WEEK[3]]).difference.without_work_tomorrow) == losers


def test_work_that_bad_rows_keep_is_work_too() -> None:
    calendar = after([WEEK[0], ON_TUESDAY, segment("2027-01-12 17:00", 1), WEEK[3]], now=NOW)
    made = calendar.compare([WEEK[0], WEEK[3]], protected=[ProtectedDay("asa", "email", TUESDAY)])
    assert made.difference.without_work_tomorrow == set()


def test_tomorrow_is_the_agents_own() -> None:
    """At 23:00 UTC it is Tuesday in Helsinki already, and Monday in New York."""
    rows = [segment(f"2027-01-{day} 12:00", agent=agent, zone=zone, row=row)
            for row, (agent, zone) in enumerate([("asa", HELSINKI), ("anna", HELSINKI), ("ben", "America/New_York")])
            for day in (11, 12, 13, 14)]  # fmt: skip
    calendar = after(rows, now=at("2027-01-11 23:00"))

    def losers_without(day: int) -> set[str]:
        return calendar.compare(one for one in rows if one.start.day != day).difference.without_work_tomorrow

    assert losers_without(12) == {BEN.id}
    assert losers_without(13) == {ASA.id, ANNA.id}


# ------------------------------------------------------------------------------------------------------ property

ROWS = st.lists(
    st.builds(
        lambda agent, day, hour, length, activity, external_id, plan, zone: segment(
            f"2027-03-{day} {hour:02}:00", length, agent=agent, activity=activity, external_id=external_id, plan=plan,
            zone=zone,
        ),
        st.sampled_from(["asa", "anna", "ben", "ASA"]),
        st.integers(25, 30),
        st.sampled_from([0, 2, 3, 8, 16, 20, 22]),
        st.sampled_from([0.5, 2, 4, 8, 10]),
        st.sampled_from(["Chat", "CHAT", "Lunch"]),
        st.sampled_from(["", "", "E1", "E2", "E3"]),
        st.sampled_from(["", "", "north"]),
        st.just(HELSINKI),
    ),
    max_size=14,
)  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(
    deliveries=st.lists(ROWS, min_size=1, max_size=5), removal=st.sampled_from(["delete", "cancel"]), seed=st.randoms()
)
def test_after_any_edits_the_scope_is_what_the_last_file_says(
    deliveries: list[list[Segment]], removal: str, seed: Any
) -> None:
    profile = in_profile(removal=removal, scope={"days": 8, "agents": ["asa", "anna", "ben"]})
    calendar = Calendar(profile=profile)
    others = [
        booking(f"2027-03-{day} 07:00", number=number + day, of=one, mark=mark)
        for day in (24, 26, 28) for number, one, mark in ((910, ASA, ""), (950, BEN, "sb:other:x"))
    ]  # fmt: skip
    calendar.put(*others)
    # One row pins the first day, so that every file speaks for the same ones.
    first = segment("2027-03-25 12:00", 1, agent="anna", zone=HELSINKI, external_id="first")
    for rows in deliveries:
        numbered = [one._replace(row=number) for number, one in enumerate([first, *rows], 2)]
        calendar.deliver(numbered)
        distinct = {(one.agent.casefold(), one.start, one.end, one.activity.casefold()) for one in numbered}
        found = sorted((name, start, end, activity.casefold()) for name, start, end, activity in calendar.live())
        foreign = [("asa" if one.mark == "" else "ben", one.start, one.end, "chat") for one in others]
        assert found == sorted([*distinct, *foreign])
        assert all(calendar.bookings[one.id] == one for one in others)
        seed.shuffle(numbered)
        again = [one._replace(row=number) for number, one in enumerate(numbered, 2)]
        assert changes(calendar.deliver(again)) == (0, 0, 0), "the order of rows does not matter"


@settings(max_examples=120, deadline=None)
@given(
    weeks=st.tuples(ROWS, ROWS),
    order=st.lists(st.integers(0, 1), min_size=1, max_size=5),
    edits=st.lists(ROWS, min_size=5, max_size=5),
)
def test_two_weeks_in_any_order_end_as_their_last_files(
    weeks: tuple[list[Segment], list[Segment]], order: list[int], edits: list[list[Segment]]
) -> None:
    """Night shifts at the edge, shifts at midnight and shared ids included; every file speaks for its six days."""
    calendar = Calendar(profile=in_profile(scope={"days": 6, "agents": ["asa", "anna", "ben"]}))
    latest: dict[int, list[Segment]] = {}
    for number, week in enumerate([*order, 0, 1]):
        rows = edits[number] if number < len(edits) else weeks[week]
        pin = segment("2027-03-25 12:00", 1, agent="anna", zone=HELSINKI, external_id="first")
        file = [one._replace(row=place) for place, one in enumerate(moved([pin, *rows], 6 * week), 2)]
        calendar.deliver(file)
        latest[week] = file
        expected = {
            (one.agent.casefold(), one.start, one.end, one.activity.casefold(), week)
            for week, file in latest.items() for one in file
        }  # fmt: skip
        found = sorted((name, start, end, activity.casefold()) for name, start, end, activity in calendar.live())
        shared = {one[:4] for one in expected}
        assert sorted(set(found)) == sorted(shared)
