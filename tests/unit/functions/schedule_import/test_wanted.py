"""What a file wants: a booking for each row, what exists is used, what is missing is made, keys never change."""

import random
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid5

import pytest

from functions.schedule_import.decide.facts import ActivityType, BookingStatus, Resource, ShiftPlan
from functions.schedule_import.decide.record_ids import NS_BOOKING, booking_id, booking_mark, named_id, resource_id
from functions.schedule_import.decide.wanted import Wanted, canceled_status, shift_plan_name
from functions.schedule_import.reading.segments import Segment
from tests.unit.functions.schedule_import.planning import (
    ASA,
    CANCELED,
    CHAT,
    COMMITTED,
    CSV,
    LUNCH,
    MONDAY,
    REFERENCES,
    guid,
    in_profile,
    known,
    segment,
    wanted_of,
)

EMPTY = known(activity_types=(), statuses=())


def keys(*rows: Segment, profile: str = "switchboard-csv") -> dict[int, str]:
    wanted = wanted_of(rows, CSV.model_copy(update={"name": profile}))
    return {one.row: one.id for bookings in wanted.bookings.values() for one in bookings}


def codes(wanted: Wanted) -> list[str]:
    return [skip.code for skip in wanted.skipped]


# ----------------------------------------------------------------------------------------------------------- keys


def test_keys_do_not_depend_on_the_order_of_rows() -> None:
    rows = [segment(row=row, hours=hours) for row, hours in enumerate((3, 1, 2), 2)]
    rows += [segment(f"2027-01-1{row} 08:00", row=row, external_id="E7") for row in (9, 8)]
    shuffled = random.Random(7).sample(rows, len(rows))  # noqa: S311
    assert keys(*shuffled) == keys(*rows)
    assert len(set(keys(*rows).values())) == len(rows)


@pytest.mark.parametrize(
    ("row", "is_same"),
    [
        pytest.param(segment(row=99, plan="other", status="Booked", hours=3), True, id="other plan, status, length"),
        pytest.param(segment(activity="CHAT"), True, id="activity in capitals"),
        pytest.param(segment(agent="ASA"), True, id="agent in capitals"),
        pytest.param(segment("2027-01-11 10:00", zone="Europe/Helsinki"), True, id="the same instant in another zone"),
        pytest.param(segment(agent="anna"), False, id="another agent"),
        pytest.param(segment(activity="Lunch"), False, id="another activity"),
        pytest.param(segment("2027-01-11 08:01"), False, id="another start"),
        pytest.param(segment(external_id="E1"), False, id="an id of the source's own"),
    ],
)
def test_a_natural_key_is_agent_start_and_activity(row: Segment, is_same: bool) -> None:
    (key,) = keys(row._replace(row=2)).values()
    assert (key == keys(segment(row=2))[2]) is is_same


def test_the_profile_is_part_of_a_key() -> None:
    assert keys(segment())[2] != keys(segment(), profile="other")[2]


def test_a_sources_own_id_survives_a_move() -> None:
    there = keys(segment(external_id="E1"))
    assert there == keys(segment("2027-01-11 13:00", 2, external_id="E1", activity="Lunch"))


def test_equal_keys_are_counted_by_start_then_length() -> None:
    rows = [segment("2027-01-12 08:00", row=2, external_id="E1"), segment(row=3, external_id="E1")]
    assert keys(*rows) == {
        3: booking_id("switchboard-csv", ASA.id, "E1", 0),
        2: booking_id("switchboard-csv", ASA.id, "E1", 1),
    }
    same_start = keys(segment(row=2, hours=3), segment(row=3, hours=1))
    key = "2027-01-11T08:00:00Z|chat"
    assert same_start[3] == booking_id("switchboard-csv", ASA.id, key, 0)
    assert same_start[2] == booking_id("switchboard-csv", ASA.id, key, 1)


def test_a_meetings_id_is_shared_among_people() -> None:
    rows = [segment(row=2, external_id="E1"), segment(row=3, external_id="E1", agent="anna")]
    assert len(set(keys(*rows).values())) == 2


def test_a_key_never_changes_between_releases() -> None:
    assert keys(segment()) == {2: "d510b63f-b59d-5fb7-aec2-ed7ff9ba0d08"}
    assert keys(segment(external_id="E1")) == {2: "b9c0f5c6-c063-5ea9-a8c1-fe0cc878dab7"}


@pytest.mark.parametrize("key", ["E1", "ö😀", "", "a|b|1", "x" * 5000])
def test_a_booking_id_is_the_uuid_of_its_namespace(key: str) -> None:
    for position in range(40):
        expected = uuid5(NS_BOOKING, f"p|{ASA.id}|{key}|{position}")
        assert booking_id("p", ASA.id, key, position) == str(expected)


@pytest.mark.parametrize("external_id", ["", "E-1", "x" * 88, "x" * 89, "ö" * 88, "😀" * 44, "😀" * 45, "ö" * 200])
def test_a_mark_fits_its_column_and_names_the_profile(external_id: str) -> None:
    mark = booking_mark("nice-iex", external_id, "natural")
    assert mark.startswith("sb:nice-iex:")
    assert len(mark.encode("utf-16-le")) <= 200
    fits = bool(external_id) and len(external_id.encode("utf-16-le")) <= 2 * 88
    assert (mark == f"sb:nice-iex:{external_id}") is fits
    assert mark != booking_mark("nice-iex", external_id + "!", "natural!")


def test_numbers_of_a_delta_are_taken_as_given() -> None:
    from functions.schedule_import.decide.scope import file_scope
    from functions.schedule_import.decide.wanted import want_bookings
    from functions.schedule_import.reading.segments import Reading
    from tests.unit.functions.schedule_import.planning import RESOURCES, placed

    rows = [segment(row=2, external_id="E1"), segment("2027-01-12 08:00", row=3, external_id="E1")]
    there, matching = placed(rows)
    scope = file_scope(Reading(segments=rows, dropped_again=True), there, matching, CSV, uploaded=rows[0].start)
    wanted = want_bookings(there, REFERENCES, RESOURCES, scope, CSV, {(ASA.id, "E1"): [5, 2]})
    assert [one.id for one in wanted.bookings[ASA.id]] == [
        booking_id("switchboard-csv", ASA.id, "E1", 5),
        booking_id("switchboard-csv", ASA.id, "E1", 2),
    ]


# ------------------------------------------------------------------------------------------ what bookings point at


def test_an_empty_dynamics_gets_every_row_that_the_guide_lists() -> None:
    wanted = wanted_of([segment(zone="Europe/Helsinki")], references=EMPTY, resources=())
    new, (booking,) = wanted.references, wanted.bookings[ASA.id]
    assert new.statuses == {booking.status: {"bookingstatusid": booking.status, "name": "Committed", "status": 2}}
    assert new.activity_types == {
        booking.activity_type: {
            "msdyn_shiftactivitytypeid": booking.activity_type,
            "msdyn_name": "Chat",
            "msdyn_shiftassignmentstatus": 192350000,
        }
    }
    assert new.plans == {booking.plan: {"msdyn_shiftplanid": booking.plan, "msdyn_name": "switchboard-csv 2027-W02"}}
    assert new.resources == {
        booking.resource: {
            "bookableresourceid": booking.resource,
            "name": "Åsa Lindqvist",
            "resourcetype": 3,
            "timezone": 125,
            "msdyn_generatecalendarfromshift": True,
            "UserId@odata.bind": f"/systemusers({ASA.id})",
        }
    }
    assert (booking.row, booking.agent, booking.name, booking.assignable) == (2, "asa", "Chat", True)
    assert booking.minutes == 480
    assert wanted.plan_names == {booking.plan: "switchboard-csv 2027-W02"}


def test_rows_of_the_same_name_in_any_case_are_used_and_not_doubled() -> None:
    references = known(
        activity_types=(ActivityType(guid(35), "CHAT", assignable=True),),
        plans=(ShiftPlan(guid(45), "Switchboard-CSV 2027-w02"), ShiftPlan(guid(44), "switchboard-csv 2027-W02")),
    )
    wanted = wanted_of([segment(), segment("2027-01-12 08:00", row=3)], references=references)
    assert (wanted.references.activity_types, wanted.references.plans) == ({}, {})
    assert {(one.activity_type, one.plan) for one in wanted.bookings[ASA.id]} == {(guid(35), guid(44))}


def test_deactivated_types_and_statuses_are_not_bound() -> None:
    references = known(activity_types=(replace(CHAT, active=False),), statuses=(replace(COMMITTED, active=False),))
    (booking,) = wanted_of([segment()], references=references).bookings[ASA.id]
    assert booking.activity_type == named_id(UUID("5b0a6c1e-3f0e-5d63-9c39-2f4f1c7b8a03"), "chat")
    assert booking.status != COMMITTED.id


@pytest.mark.parametrize(
    ("resources", "used", "written"),
    [
        pytest.param([(7, True, True)], 7, [], id="opted in already"),
        pytest.param([(7, False, True)], 7, [7], id="gets the shift calendar"),
        pytest.param([(7, False, True), (8, True, True)], 8, [], id="of two the one that is opted in"),
        pytest.param([(9, True, True), (8, True, True)], 8, [], id="of two equal ones the first"),
        pytest.param([(7, True, False)], None, [None], id="a deactivated foreign one is not used"),
        pytest.param([], None, [None], id="none yet"),
    ],
)
def test_resources(resources: list[tuple[int, bool, bool]], used: int | None, written: list[int | None]) -> None:
    known = [Resource(guid(key), ASA.id, calendar, active) for key, calendar, active in resources]
    wanted = wanted_of([segment(), segment("2027-01-12 08:00", row=3)], resources=known)
    derived = resource_id(ASA.id)
    assert {one.resource for one in wanted.bookings[ASA.id]} == {guid(used) if used else derived}
    assert list(wanted.references.resources) == [guid(key) if key else derived for key in written]


def test_our_own_deactivated_resource_skips_its_rows_and_plans_nothing_for_them() -> None:
    derived = Resource(resource_id(ASA.id), ASA.id, shift_calendar=True, active=False)
    wanted = wanted_of([segment()], references=EMPTY, resources=[derived])
    assert codes(wanted) == ["INACTIVE_RESOURCE"]
    assert wanted.bookings[ASA.id] == []
    assert not any((wanted.references.activity_types, wanted.references.plans, wanted.references.statuses))
    assert wanted.unwritten_days == {(ASA.id, MONDAY)}


@pytest.mark.parametrize(
    ("word", "code", "assignable"),
    [
        pytest.param("Voice Queue", None, True, id="a common name that takes work"),
        pytest.param("LUNCH", None, False, id="a common name that does not, in capitals"),
        pytest.param("Elternzeit", "UNKNOWN_ACTIVITY", None, id="a word that nobody has mapped"),
        pytest.param("Urlaub", None, False, id="a word that the site has mapped"),
    ],
)
def test_assignability_of_a_new_type(word: str, code: str | None, assignable: bool | None) -> None:
    profile = in_profile(activities={"URLAUB": {"name": "Vacation", "assignable": False}})
    wanted = wanted_of([segment(activity=word)], profile, references=EMPTY)
    assert codes(wanted) == ([code] if code else [])
    statuses = [row["msdyn_shiftassignmentstatus"] for row in wanted.references.activity_types.values()]
    assert statuses == ([] if code else [192350000 if assignable else 192350001])


def test_a_refused_row_costs_no_other_and_protects_its_shifts_day() -> None:
    rows = [
        segment("2027-01-11 22:00", 4, row=2),
        segment("2027-01-12 02:00", 1, row=3, activity="Elternzeit"),
        segment("2027-01-12 03:00", 3, row=4),
    ]
    wanted = wanted_of(rows)
    assert [one.row for one in wanted.bookings[ASA.id]] == [2, 4]
    assert [(issue.code, issue.row, issue.value) for issue in wanted.issues] == [("UNKNOWN_ACTIVITY", 3, "Elternzeit")]
    assert wanted.skipped[0].column == "activity"
    assert wanted.unwritten_days == {(ASA.id, MONDAY)}


def test_a_type_that_exists_keeps_its_assignment_status_and_the_conflict_is_reported_once() -> None:
    references = known(activity_types=(ActivityType(guid(35), "Chat", assignable=False),))
    wanted = wanted_of([segment(), segment("2027-01-12 08:00", row=3, activity="CHAT")], references=references)
    assert [one.assignable for one in wanted.bookings[ASA.id]] == [False, False]
    assert [(issue.code, issue.value) for issue in wanted.issues] == [("ASSIGNABILITY_CONFLICT", "Chat")]


def test_a_word_that_dynamics_knows_needs_no_map() -> None:
    references = known(activity_types=(ActivityType(guid(35), "Elternzeit", assignable=False),))
    assert len(wanted_of([segment(activity="elternzeit")], references=references).bookings[ASA.id]) == 1


@pytest.mark.parametrize(
    ("named", "statuses", "default", "used"),
    [
        pytest.param("", [(20, "Committed", 2), (21, "Booked", 2)], 21, 21, id="the environment's default"),
        pytest.param("", [(20, "Other", 2), (21, "committed", 2)], None, 21, id="one called Committed"),
        pytest.param("", [(22, "In Progress", 2), (21, "Scheduled", 2)], None, 21, id="any, always the same"),
        pytest.param("", [(20, "Other", 2), (21, "Hold", 1)], 21, 20, id="a default that is none"),
        pytest.param("booked", [(20, "Committed", 2), (21, "BOOKED", 2)], 20, 21, id="the name in the row, any case"),
        pytest.param("Booked", [(20, "Booked", 3), (21, "Booked", 2)], None, 21, id="of one name the committed one"),
        pytest.param("New", [(20, "Committed", 2)], 20, None, id="a new name"),
    ],
)
def test_booking_status(
    named: str, statuses: list[tuple[int, str, int]], default: int | None, used: int | None
) -> None:
    references = known(
        default_committed_status=guid(default) if default else None,
        statuses=tuple(BookingStatus(guid(key), name, status) for key, name, status in statuses),
    )
    wanted = wanted_of([segment(status=named)], references=references)
    (booking,) = wanted.bookings[ASA.id]
    if used is None:
        assert wanted.references.statuses == {
            booking.status: {"bookingstatusid": booking.status, "name": named, "status": 2}
        }
    else:
        assert (booking.status, wanted.references.statuses) == (guid(used), {})


def test_a_profiles_default_status_stands_for_rows_that_name_none() -> None:
    wanted = wanted_of([segment(), segment("2027-01-12 08:00", row=3, status="Booked")], in_profile(defaultStatus="Ok"))
    names = {row["name"] for row in wanted.references.statuses.values()}
    assert names == {"Ok", "Booked"}


def test_a_status_that_does_not_stand_for_committed_is_never_bound() -> None:
    references = known(statuses=(BookingStatus(guid(29), "Hold", 1), COMMITTED))
    rows = [segment("2027-01-12 08:00", row=row, status=status) for row, status in ((2, "hold"), (3, ""))]
    wanted = wanted_of([rows[0], rows[1]._replace(activity="Lunch")], references=references)
    assert [(skip.row, skip.code, skip.column) for skip in wanted.skipped] == [(2, "STATUS_CONFLICT", "status")]
    assert [one.row for one in wanted.bookings[ASA.id]] == [3]


@pytest.mark.parametrize(
    ("statuses", "default", "used"),
    [
        pytest.param([COMMITTED], None, None, id="none: one is made"),
        pytest.param([CANCELED, replace(CANCELED, id=guid(19), name="Cancelled")], None, 21, id="called Canceled"),
        pytest.param([CANCELED, replace(CANCELED, id=guid(19), name="Cancelled")], 19, 19, id="the default"),
        pytest.param([replace(CANCELED, active=False)], 21, None, id="not a deactivated one"),
    ],
)
def test_the_status_of_removed_bookings(statuses: list[BookingStatus], default: int | None, used: int | None) -> None:
    references = known(statuses=tuple(statuses), default_canceled_status=guid(default) if default else None)
    key, row = canceled_status(references)
    if used is None:
        assert row == {"bookingstatusid": key, "name": "Canceled", "status": 3}
    else:
        assert (key, row) == (guid(used), None)


@pytest.mark.parametrize(
    ("plan", "team", "site", "pattern", "name"),
    [
        pytest.param("Week 2", "T", "S", "{profile} {isoWeek}", "Week 2", id="the row's own"),
        pytest.param("", "", "", "{profile} {isoWeek}", "switchboard-csv 2026-W53", id="the ISO week and its year"),
        pytest.param("", "Team A", "Turku", "{site} / {team}", "Turku / Team A", id="team and site"),
        pytest.param("", "", "Turku", "{team} {site}", "Turku", id="without a team no blank remains"),
        pytest.param("", "", "", "{team}", "switchboard-csv", id="never empty"),
        pytest.param("", "{site}", "Turku", "{site} {team}", "Turku {site}", id="a value is no pattern"),
        pytest.param("x" * 150, "", "", "{team}", "x" * 100, id="cut to its column"),
        pytest.param("", "😀" * 60, "", "{team}", "😀" * 50, id="cut between characters"),
    ],
)
def test_the_plan_of_a_row(plan: str, team: str, site: str, pattern: str, name: str) -> None:
    day = MONDAY - timedelta(days=10)
    assert shift_plan_name(plan, team, site, day, CSV.model_copy(update={"plan": pattern})) == name


def test_a_night_shift_has_one_plan_over_the_end_of_a_week() -> None:
    rows = [segment("2027-01-17 22:00", 4), segment("2027-01-18 02:00", 4, row=3)]
    assert len(wanted_of(rows).references.plans) == 1


@pytest.mark.parametrize(
    ("activity", "hours", "skipped"),
    [
        pytest.param("Chat", 25, False, id="a whole day of 25 hours"),
        pytest.param("Chat", 25.1, True, id="work over more than a day"),
        pytest.param("Lunch", 31 * 24, False, id="a month off"),
        pytest.param("Lunch", 32 * 24, True, id="more than a month off"),
    ],
)
def test_length(activity: str, hours: float, skipped: bool) -> None:
    assert codes(wanted_of([segment(hours=hours, activity=activity)])) == (["TOO_LONG"] if skipped else [])


def test_rows_beyond_a_fixed_horizon_are_reported_and_not_written() -> None:
    rows = [segment(f"2027-01-{day} 22:00", row=day) for day in (11, 17, 18)]
    rows.append(segment("2027-01-18 06:00", 1, row=9))
    wanted = wanted_of(rows, in_profile(scope={"days": 7}))
    assert [(skip.row, skip.code) for skip in wanted.skipped] == [(18, "OUTSIDE_SCOPE")]
    assert [one.row for one in wanted.bookings[ASA.id]] == [11, 17, 9], "the last night shift is whole"


@pytest.mark.parametrize(
    ("profile_zone", "row_zone", "index"),
    [(None, "US/Eastern", 35), ("Europe/Helsinki", "US/Eastern", 125), ("Europe/Berlin", "", 110), (None, "", 92)],
)
def test_a_new_resource_has_the_time_zone_of_its_profile(profile_zone: str | None, row_zone: str, index: int) -> None:
    profile = CSV.model_copy(update={"time_zone": profile_zone})
    row = segment()._replace(time_zone=row_zone)
    (made,) = wanted_of([row], profile, resources=()).references.resources.values()
    assert made["timezone"] == index


@pytest.mark.parametrize(
    ("name", "cut"),
    [("x" * 101, "x" * 100), ("😀" * 60, "😀" * 50), ("a" + "😀" * 60, "a" + "😀" * 49), ("", "asa")],
)
def test_a_resource_name_is_cut_to_its_column_without_breaking_a_character(name: str, cut: str) -> None:
    references = known(users={("email", "asa"): (replace(ASA, full_name=name),)})
    (made,) = wanted_of([segment()], references=references, resources=()).references.resources.values()
    assert made["name"] == cut


def test_rows_of_one_word_in_two_spellings_make_one_type() -> None:
    rows = [segment(activity="work"), segment("2027-01-12 08:00", row=3, activity="WORK")]
    wanted = wanted_of(rows, references=known(activity_types=(LUNCH,)))
    assert len(wanted.references.activity_types) == 1
    assert len({one.activity_type for one in wanted.bookings[ASA.id]}) == 1
