"""What an import asks Dynamics, and what the answers mean. Pure: the use case sends these."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import get_args
from uuid import UUID

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
from functions.schedule_import.profile import Identity
from shared.dataverse.odata import Query, all_of
from shared.dataverse.tables import (
    ACTIVE,
    ASSIGNMENT_AVAILABLE,
    BOOKABLE_RESOURCE,
    BOOKING,
    BOOKING_SETUP_METADATA,
    BOOKING_STATUS,
    BOOKING_STATUS_COMMITTED,
    RESOURCE_TYPE_USER,
    SHIFT_ACTIVITY_TYPE,
    SHIFT_BOOKING_SETUP_METADATA_ID,
    SHIFT_PLAN,
    SYSTEM_USER,
    BookingColumn,
    BookingNavigation,
    BookingRead,
    JsonRow,
    SystemUserRead,
    utc_moment,
)

LONGEST_IDENTITY = 1024
"""systemuser.domainname has 1,024 characters, the other identities fewer: a longer value is nobody's."""

IDENTITY_COLUMNS: dict[Identity, SystemUserRead] = {
    "email": "internalemailaddress",
    "employeeid": "employeeid",
    "azureactivedirectoryobjectid": "azureactivedirectoryobjectid",
    "domainname": "domainname",
    "fullname": "fullname",
}

_GUID = re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_BOOKING_COLUMNS: tuple[BookingColumn, ...] = get_args(BookingColumn)
_BOOKING_LOOKUPS: dict[BookingNavigation, BookingRead] = {
    "Resource": "_resource_value",
    "BookingStatus": "_bookingstatus_value",
    "msdyn_shiftplan": "_msdyn_shiftplan_value",
    "msdyn_shiftactivitytype": "_msdyn_shiftactivitytype_value",
    "msdyn_BookingSetupMetadataId": "_msdyn_bookingsetupmetadataid_value",
}


def setup_metadata_query() -> Query:
    """The setup metadata row of shift bookings, which must exist."""
    table = BOOKING_SETUP_METADATA
    return Query(
        table=table,
        select=("_msdyn_defaultbookingcommittedstatus_value",),
        where=table.eq(table.primary_id, SHIFT_BOOKING_SETUP_METADATA_ID),
    )


def status_queries(names: Iterable[str]) -> list[Query]:
    """The booking statuses that mean Committed, and those of these names. A row may be in both answers."""
    table = BOOKING_STATUS
    active = table.eq("statecode", ACTIVE)
    conditions = [table.eq("status", BOOKING_STATUS_COMMITTED), *table.in_chunks("name", names)]
    return [Query(table=table, select=("name", "status"), where=all_of(active, one)) for one in conditions]


def user_queries(identity: Identity, values: Iterable[str]) -> list[Query]:
    """The users whose identity column has one of these values."""
    column = IDENTITY_COLUMNS[identity]
    if identity == "azureactivedirectoryobjectid":
        # Anything else in a comparison with a GUID column would refuse the whole query.
        values = [value for value in values if _GUID.fullmatch(value)]
    known = [value for value in values if len(value) <= LONGEST_IDENTITY]
    return [
        Query(table=SYSTEM_USER, select=("fullname", "isdisabled", column), where=condition)
        for condition in SYSTEM_USER.in_chunks(column, known)
    ]


def activity_type_queries(names: Iterable[str]) -> list[Query]:
    """The active shift activity types of these names."""
    table = SHIFT_ACTIVITY_TYPE
    active = table.eq("statecode", ACTIVE)
    return [
        Query(table=table, select=("msdyn_name", "msdyn_shiftassignmentstatus"), where=all_of(active, condition))
        for condition in table.in_chunks("msdyn_name", names)
    ]


def plan_queries(names: Iterable[str]) -> list[Query]:
    """The active shift plans of these names."""
    active = SHIFT_PLAN.eq("statecode", ACTIVE)
    return [
        Query(table=SHIFT_PLAN, select=("msdyn_name",), where=all_of(active, condition))
        for condition in SHIFT_PLAN.in_chunks("msdyn_name", names)
    ]


def resource_queries(user_ids: Iterable[UUID]) -> list[Query]:
    """The bookable resources of these users, deactivated ones too."""
    table = BOOKABLE_RESOURCE
    of_users = table.eq("resourcetype", RESOURCE_TYPE_USER)
    select = ("_userid_value", "msdyn_generatecalendarfromshift", "statecode")
    return [
        Query(table=table, select=select, where=all_of(of_users, condition))
        for condition in table.in_chunks("_userid_value", user_ids)
    ]


def booking_queries(booking_ids: Iterable[UUID]) -> list[Query]:
    """The bookings with these keys."""
    select = (*_BOOKING_COLUMNS, *_BOOKING_LOOKUPS.values())
    return [
        Query(table=BOOKING, select=select, where=condition)
        for condition in BOOKING.in_chunks(BOOKING.primary_id, booking_ids)
    ]


# ---------------------------------------------------------------------------------------------------- answers


def reference_facts(
    identity: Identity,
    *,
    metadata: Sequence[JsonRow],
    statuses: Sequence[JsonRow],
    users: Sequence[JsonRow],
    activity_types: Sequence[JsonRow],
    plans: Sequence[JsonRow],
) -> ReferenceFacts:
    """The answers to the first look, typed."""
    return ReferenceFacts(
        setup_metadata_present=bool(metadata),
        default_committed_status=_guid(metadata[0].get("_msdyn_defaultbookingcommittedstatus_value"))
        if metadata
        else None,
        users=_users(IDENTITY_COLUMNS[identity], users),
        activity_types=tuple(
            ActivityType(
                UUID(row[SHIFT_ACTIVITY_TYPE.primary_id]),
                row["msdyn_name"] or "",
                row["msdyn_shiftassignmentstatus"] == ASSIGNMENT_AVAILABLE,
            )
            for row in activity_types
        ),
        statuses=tuple(
            {BookingStatus(UUID(row[BOOKING_STATUS.primary_id]), row["name"] or "", row["status"]) for row in statuses}
        ),
        plans=tuple(ShiftPlan(UUID(row[SHIFT_PLAN.primary_id]), row["msdyn_name"] or "") for row in plans),
    )


def _users(column: str, rows: Sequence[JsonRow]) -> dict[str, tuple[User, ...]]:
    found: defaultdict[str, dict[UUID, User]] = defaultdict(dict)
    for row in rows:
        user = User(UUID(row[SYSTEM_USER.primary_id]), row["fullname"] or "", bool(row["isdisabled"]))
        found[str(row[column] or "").strip().casefold()][user.id] = user
    return {value: tuple(users.values()) for value, users in found.items()}


def booking_facts(resources: Sequence[JsonRow], bookings: Sequence[JsonRow]) -> BookingFacts:
    """The answers to the second look, typed."""
    return BookingFacts(
        resources=tuple(
            Resource(
                UUID(row[BOOKABLE_RESOURCE.primary_id]),
                UUID(row["_userid_value"]),
                bool(row["msdyn_generatecalendarfromshift"]),
                row["statecode"] == ACTIVE,
            )
            for row in resources
        ),
        bookings={UUID(row[BOOKING.primary_id]): _booking(row) for row in bookings},
    )


def _booking(row: JsonRow) -> Booking:
    target = {navigation: _guid(row[value_property]) for navigation, value_property in _BOOKING_LOOKUPS.items()}
    return Booking(
        name=row["name"],
        start=utc_moment(row["starttime"]),
        end=utc_moment(row["endtime"]),
        minutes=row["duration"],
        external_booking_id=row["msdyn_externalbookingid"],
        resource=target["Resource"],
        status=target["BookingStatus"],
        plan=target["msdyn_shiftplan"],
        activity_type=target["msdyn_shiftactivitytype"],
        setup_metadata=target["msdyn_BookingSetupMetadataId"],
        booking_type=row["bookingtype"],
        booking_method=row["msdyn_bookingmethod"],
        active=row["statecode"] == ACTIVE,
    )


def _guid(text: str | None) -> UUID | None:
    return UUID(text) if text else None
