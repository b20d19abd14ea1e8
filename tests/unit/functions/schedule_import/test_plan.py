"""The plan of an import: what exists is used, what is missing is made, nothing that is right is written again."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from functions.schedule_import.decide.agents import PlacedSegment, place_segments
from functions.schedule_import.decide.facts import (
    ActivityType,
    Booking,
    BookingFacts,
    BookingStatus,
    ReferenceFacts,
    Resource,
    ShiftPlan,
    User,
)
from functions.schedule_import.decide.plan import ImportPlan, plan_import
from functions.schedule_import.profile import ScheduleProfile, builtin_profile
from functions.schedule_import.reading.segments import Segment

ASA = User(UUID(int=1), "Åsa Lindqvist", disabled=False)
METADATA = "/msdyn_bookingsetupmetadatas(4beb9fdb-48e9-453f-b008-5862ff902c5d)"
COMMITTED = BookingStatus(UUID(int=20), "Committed", 2)
NOTHING = ReferenceFacts(True, None, {}, (), (COMMITTED,), ())
NO_BOOKINGS = BookingFacts((), {})
CSV = builtin_profile("switchboard-csv")
EIGHT = datetime(2027, 1, 11, 8, tzinfo=UTC)


def placed(*segments: Segment) -> list[PlacedSegment]:
    return place_segments(segments, {"asa": (ASA,)}, profile="switchboard-csv", agent_column="agent").placed


def segment(row: int = 2, hours: float = 8, **more: str) -> Segment:
    said = {"activity": "Chat", "time_zone": "Europe/Helsinki"} | more
    start = EIGHT + timedelta(days=row)
    return Segment(
        row=row, agent="asa", start=start, end=start + timedelta(hours=hours), shift_date=date(2027, 1, 11), **said
    )  # fmt: skip


def plan(
    *segments: Segment,
    references: ReferenceFacts = NOTHING,
    existing: BookingFacts = NO_BOOKINGS,
    profile: ScheduleProfile = CSV,
) -> ImportPlan:
    return plan_import(placed(*segments or (segment(),)), references, existing, profile)


def stored(result: ImportPlan) -> dict[UUID, Booking]:
    """The bookings as a later look at Dynamics finds them."""

    def target(body: Mapping[str, str], navigation: str) -> UUID:
        return UUID(body[f"{navigation}@odata.bind"].partition("(")[2].rstrip(")"))

    return {
        item.booking_id: Booking(
            name=item.body["name"],
            start=datetime.fromisoformat(item.body["starttime"]),
            end=datetime.fromisoformat(item.body["endtime"]),
            minutes=item.body["duration"],
            external_booking_id=item.body["msdyn_externalbookingid"],
            resource=target(item.body, "Resource"),
            status=target(item.body, "BookingStatus"),
            plan=target(item.body, "msdyn_shiftplan"),
            activity_type=target(item.body, "msdyn_shiftactivitytype"),
        )
        for item in result.bookings
    }  # fmt: skip


def known_references() -> ReferenceFacts:
    return replace(
        NOTHING,
        activity_types=(ActivityType(UUID(int=30), "CHAT", assignable=True),),
        plans=(ShiftPlan(UUID(int=40), "Switchboard-CSV 2027-w02"),),
    )


def test_an_empty_dynamics_gets_every_row_that_the_guide_lists() -> None:
    result = plan()
    (activity_type,), (shift_plan,), (resource,), (booking,) = (
        result.activity_types.values(), result.plans.values(), result.resources.values(), result.bookings,
    )  # fmt: skip
    assert activity_type["msdyn_name"] == "Chat"
    assert activity_type["msdyn_shiftassignmentstatus"] == 192350000
    assert shift_plan["msdyn_name"] == "switchboard-csv 2027-W02"
    assert {key: value for key, value in resource.items() if key != "bookableresourceid"} == {
        "name": "Åsa Lindqvist",
        "resourcetype": 3,
        "timezone": 125,
        "msdyn_generatecalendarfromshift": True,
        "UserId@odata.bind": f"/systemusers({ASA.id})",
    }
    assert booking.body == {
        "bookableresourcebookingid": str(booking.booking_id),
        "name": "Chat",
        "starttime": "2027-01-13T08:00:00Z",
        "endtime": "2027-01-13T16:00:00Z",
        "duration": 480,
        "bookingtype": 1,
        "msdyn_bookingmethod": 690970003,
        "msdyn_externalbookingid": booking.body["msdyn_externalbookingid"],
        "Resource@odata.bind": f"/bookableresources({resource['bookableresourceid']})",
        "BookingStatus@odata.bind": f"/bookingstatuses({COMMITTED.id})",
        "msdyn_shiftplan@odata.bind": f"/msdyn_shiftplans({shift_plan['msdyn_shiftplanid']})",
        "msdyn_shiftactivitytype@odata.bind": (
            f"/msdyn_shiftactivitytypes({activity_type['msdyn_shiftactivitytypeid']})"
        ),
        "msdyn_BookingSetupMetadataId@odata.bind": METADATA,
    }
    assert booking.is_new
    assert result.statuses == {}


def test_rows_of_the_same_name_in_any_case_are_used_and_not_doubled() -> None:
    result = plan(references=known_references())
    assert (result.activity_types, result.plans) == ({}, {})
    (booking,) = stored(result).values()
    assert (booking.activity_type, booking.plan) == (UUID(int=30), UUID(int=40))


def test_what_is_right_already_is_not_written_again() -> None:
    first = plan(segment(2), segment(3))
    resource = Resource(next(iter(first.resources)), ASA.id, shift_calendar=True, active=True)
    again = plan(segment(2), segment(3), existing=BookingFacts((resource,), stored(first)))
    assert (again.bookings, again.unchanged, again.resources) == ([], 2, {})


@pytest.mark.parametrize(
    "drift",
    [
        {"name": "Edited"}, {"start": EIGHT}, {"end": EIGHT}, {"minutes": 1}, {"resource": UUID(int=99)},
        {"status": UUID(int=99)}, {"plan": None}, {"activity_type": UUID(int=99)}, {"setup_metadata": None},
        {"booking_type": 2}, {"booking_method": None}, {"external_booking_id": None}, {"active": False},
    ],
    ids=lambda drift: next(iter(drift)),
)  # fmt: skip
def test_whatever_was_edited_is_put_back_and_nothing_else(drift: dict[str, object]) -> None:
    first = plan(segment(2), segment(3))
    bookings = stored(first)
    edited = first.bookings[0].booking_id
    bookings[edited] = replace(bookings[edited], **drift)  # type: ignore[arg-type]
    again = plan(segment(2), segment(3), existing=BookingFacts((), bookings))
    assert [(item.booking_id, item.is_new) for item in again.bookings] == [(edited, False)]
    assert ("statecode" in again.bookings[0].body) == ("active" in drift)


@pytest.mark.parametrize(
    ("resources", "used", "written"),
    [
        pytest.param([(7, True, True)], 7, [], id="opted in already"),
        pytest.param([(7, False, True)], 7, [7], id="gets the shift calendar"),
        pytest.param([(7, False, True), (8, True, True)], 8, [], id="of two the one that is opted in"),
        pytest.param([(7, True, False)], None, [None], id="a deactivated foreign one is not used"),
    ],
)
def test_resources(resources: list[tuple[int, bool, bool]], used: int | None, written: list[int | None]) -> None:
    known = tuple(Resource(UUID(int=key), ASA.id, calendar, active) for key, calendar, active in resources)
    result = plan(existing=BookingFacts(known, {}))
    derived = next(iter(plan().resources))
    (booking,) = stored(result).values()
    assert booking.resource == (UUID(int=used) if used else derived)
    assert list(result.resources) == [UUID(int=key) if key else derived for key in written]


def test_our_own_deactivated_resource_skips_its_rows_and_plans_nothing_for_them() -> None:
    derived = next(iter(plan().resources))
    result = plan(existing=BookingFacts((Resource(derived, ASA.id, True, active=False),), {}))
    assert [skip.code for skip in result.skipped] == ["INACTIVE_RESOURCE"]
    assert (result.bookings, result.activity_types, result.plans) == ([], {}, {})


@pytest.mark.parametrize(
    ("word", "code", "assignable"),
    [
        pytest.param("Voice Queue", None, True, id="a common name that takes work"),
        pytest.param("LUNCH", None, False, id="a common name that does not, in capitals"),
        pytest.param("Elternzeit", "UNKNOWN_ACTIVITY", None, id="a word that nobody has mapped"),
    ],
)
def test_assignability_of_a_new_type(word: str, code: str | None, assignable: bool | None) -> None:
    result = plan(segment(activity=word))
    assert [skip.code for skip in result.skipped] == ([code] if code else [])
    statuses = [row["msdyn_shiftassignmentstatus"] for row in result.activity_types.values()]
    assert statuses == ([] if code else [192350000 if assignable else 192350001])


def test_a_type_that_exists_keeps_its_assignment_status_and_the_conflict_is_reported_once() -> None:
    known = replace(NOTHING, activity_types=(ActivityType(UUID(int=30), "Chat", assignable=False),))
    result = plan(segment(2), segment(3), references=known)
    assert (len(result.bookings), result.activity_types) == (2, {})
    assert [(issue.code, issue.value) for issue in result.issues] == [("ASSIGNABILITY_CONFLICT", "Chat")]


def test_a_word_that_dynamics_knows_needs_no_map() -> None:
    known = replace(NOTHING, activity_types=(ActivityType(UUID(int=30), "Elternzeit", assignable=False),))
    assert len(plan(segment(activity="elternzeit"), references=known).bookings) == 1


@pytest.mark.parametrize(
    ("named", "known", "default", "used"),
    [
        pytest.param("", [(20, "Committed", 2), (21, "Booked", 2)], 21, 21, id="the environment's default"),
        pytest.param("", [(20, "Other", 2), (21, "committed", 2)], None, 21, id="one called Committed"),
        pytest.param("", [(22, "In Progress", 2), (21, "Scheduled", 2)], None, 21, id="any, always the same"),
        pytest.param("booked", [(20, "Committed", 2), (21, "BOOKED", 2)], 20, 21, id="the name in the row, any case"),
        pytest.param("New", [(20, "Committed", 2)], 20, None, id="a new name"),
    ],
)
def test_booking_status(named: str, known: list[tuple[int, str, int]], default: int | None, used: int | None) -> None:
    facts = replace(
        NOTHING,
        default_committed_status=UUID(int=default) if default else None,
        statuses=tuple(BookingStatus(UUID(int=key), name, status) for key, name, status in known),
    )
    result = plan(segment(status=named), references=facts)
    (booking,) = stored(result).values()
    if used is None:
        (row,) = result.statuses.values()
        assert (row["name"], row["status"], row["bookingstatusid"]) == (named, 2, str(booking.status))
    else:
        assert (booking.status, result.statuses) == (UUID(int=used), {})


def test_a_status_that_does_not_stand_for_committed_is_never_bound() -> None:
    facts = replace(NOTHING, statuses=(BookingStatus(UUID(int=21), "Hold", 1), COMMITTED))
    result = plan(segment(2, status="hold"), segment(3), references=facts)
    assert [(skip.row, skip.code) for skip in result.skipped] == [(2, "STATUS_CONFLICT")]
    assert [item.row for item in result.bookings] == [3]


@pytest.mark.parametrize(
    ("activity", "hours", "skipped"),
    [
        pytest.param("Chat", 25, False, id="a whole day of 25 hours"),
        pytest.param("Chat", 26, True, id="work over more than a day"),
        pytest.param("Vacation", 14 * 24, False, id="a fortnight off"),
        pytest.param("Vacation", 32 * 24, True, id="more than a month off"),
    ],
)
def test_length(activity: str, hours: float, skipped: bool) -> None:
    result = plan(segment(hours=hours, activity=activity))
    assert [skip.code for skip in result.skipped] == (["TOO_LONG"] if skipped else [])


def test_overlapping_rows_are_written_as_given_and_every_pair_is_reported() -> None:
    rows = [
        replace(segment(row), start=EIGHT + timedelta(hours=hour), end=EIGHT + timedelta(hours=end))
        for row, hour, end in ((2, 0, 8), (3, 1, 2), (4, 2, 3), (5, 8, 9))
    ]
    result = plan(*rows)
    assert len(result.bookings) == 4
    assert [overlap.rows for overlap in result.overlaps] == [(2, 3), (2, 4)]
    assert [(issue.code, issue.row) for issue in result.issues] == [("OVERLAP", 3), ("OVERLAP", 4)]


@pytest.mark.parametrize(
    ("name", "cut"), [("x" * 101, "x" * 100), ("😀" * 60, "😀" * 50), ("a" + "😀" * 60, "a" + "😀" * 49)]
)
def test_a_resource_name_is_cut_to_its_column_without_breaking_a_character(name: str, cut: str) -> None:
    users = {"asa": (replace(ASA, full_name=name),)}
    items = place_segments([segment()], users, profile="p", agent_column="a").placed
    (row,) = plan_import(items, NOTHING, NO_BOOKINGS, CSV).resources.values()
    assert row["name"] == cut


@pytest.mark.parametrize(
    ("profile_zone", "row_zone", "index"),
    [(None, "US/Eastern", 35), ("Europe/Helsinki", "US/Eastern", 125), ("Europe/Berlin", "", 110), (None, "", 92)],
)
def test_a_new_resource_has_the_time_zone_of_its_profile(profile_zone: str | None, row_zone: str, index: int) -> None:
    profile = CSV.model_copy(update={"time_zone": profile_zone})
    (row,) = plan(segment(time_zone=row_zone), profile=profile).resources.values()
    assert row["timezone"] == index
