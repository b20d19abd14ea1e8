"""What an import asks Dynamics, and what the answers mean. Pure: the use case sends these."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import batched
from typing import get_args

from functions.schedule_import.decide.agents import agent_key
from functions.schedule_import.decide.facts import (
    ActivityType,
    Booking,
    BookingStatus,
    Guid,
    ReferenceFacts,
    Resource,
    ShiftPlan,
    User,
)
from functions.schedule_import.reading.agents_csv import AgentKey
from shared.dataverse.odata import Query, all_of
from shared.dataverse.tables import (
    ACTIVE,
    ASSIGNMENT_AVAILABLE,
    BOOKABLE_RESOURCE,
    BOOKING,
    BOOKING_SETUP_METADATA,
    BOOKING_STATUS,
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

IDENTITY_COLUMNS: dict[str, SystemUserRead] = {
    "email": "internalemailaddress",
    "employeeid": "employeeid",
    "azureactivedirectoryobjectid": "azureactivedirectoryobjectid",
    "domainname": "domainname",
    "fullname": "fullname",
}

_KEYS_AT_ONCE = 5_000
_GUID = re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_BOOKING_LOOKUPS: dict[BookingNavigation, BookingRead] = {
    "Resource": "_resource_value",
    "BookingStatus": "_bookingstatus_value",
    "msdyn_shiftplan": "_msdyn_shiftplan_value",
    "msdyn_shiftactivitytype": "_msdyn_shiftactivitytype_value",
    "msdyn_BookingSetupMetadataId": "_msdyn_bookingsetupmetadataid_value",
}
_BOOKING_SELECT: tuple[BookingRead, ...] = (*get_args(BookingColumn), *_BOOKING_LOOKUPS.values())


def setup_metadata_query() -> Query:
    """The setup metadata row of shift bookings, which must exist."""
    table = BOOKING_SETUP_METADATA
    return Query(
        table=table,
        select=("_msdyn_defaultbookingcommittedstatus_value", "_msdyn_defaultbookingcanceledstatus_value"),
        where=table.eq(table.primary_id, SHIFT_BOOKING_SETUP_METADATA_ID),
    )


def status_query() -> Query:
    """All booking statuses; deactivated ones tell what existing bookings mean."""
    return Query(table=BOOKING_STATUS, select=("name", "status", "statecode"))


def activity_type_query() -> Query:
    """All shift activity types; deactivated ones tell what existing bookings mean."""
    return Query(table=SHIFT_ACTIVITY_TYPE, select=("msdyn_name", "msdyn_shiftassignmentstatus", "statecode"))


def user_queries(keys: Iterable[AgentKey]) -> dict[str, list[Query]]:
    """By identity, the users who have one of its values."""
    values: defaultdict[str, list[str]] = defaultdict(list)
    for identity, value in sorted(keys):
        # Anything else in a comparison with a GUID column would refuse the whole query.
        usable = identity != "azureactivedirectoryobjectid" or _GUID.fullmatch(value)
        if usable and 0 < len(value) <= LONGEST_IDENTITY:
            values[identity].append(value)
    return {
        identity: [
            Query(table=SYSTEM_USER, select=("fullname", "isdisabled", IDENTITY_COLUMNS[identity]), where=condition)
            for condition in SYSTEM_USER.in_chunks(IDENTITY_COLUMNS[identity], some)
        ]
        for identity, some in values.items()
    }


def user_name_queries(user_ids: Iterable[Guid]) -> list[Query]:
    """The names of these users."""
    table = SYSTEM_USER
    return [
        Query(table=table, select=("fullname", "internalemailaddress"), where=condition)
        for condition in table.in_chunks(table.primary_id, user_ids)
    ]


def plan_queries(names: Iterable[str]) -> list[Query]:
    """The active shift plans of these names."""
    active = SHIFT_PLAN.eq("statecode", ACTIVE)
    return [
        Query(table=SHIFT_PLAN, select=("msdyn_name",), where=all_of(active, condition))
        for condition in SHIFT_PLAN.in_chunks("msdyn_name", names)
    ]


def plan_name_queries(plan_ids: Iterable[Guid]) -> list[Query]:
    """The names of these shift plans."""
    return [
        Query(table=SHIFT_PLAN, select=("msdyn_name",), where=condition)
        for condition in SHIFT_PLAN.in_chunks("msdyn_shiftplanid", plan_ids)
    ]


def resource_queries(user_ids: Iterable[Guid]) -> list[Query]:
    """The bookable resources of these users, deactivated ones too."""
    table = BOOKABLE_RESOURCE
    of_users = table.eq("resourcetype", RESOURCE_TYPE_USER)
    select = ("_userid_value", "msdyn_generatecalendarfromshift", "statecode")
    return [
        Query(table=table, select=select, where=all_of(of_users, condition))
        for condition in table.in_chunks("_userid_value", user_ids)
    ]


def resource_user_queries(resource_ids: Iterable[Guid]) -> list[Query]:
    """The users behind these bookable resources."""
    return [
        Query(table=BOOKABLE_RESOURCE, select=("_userid_value",), where=condition)
        for condition in BOOKABLE_RESOURCE.in_chunks(BOOKABLE_RESOURCE.primary_id, resource_ids)
    ]


def scope_queries(resource_ids: Iterable[Guid], reach: tuple[datetime, datetime]) -> Iterator[Query]:
    """The shift bookings of these resources that touch the time between two instants, whoever made them."""
    there = all_of(
        BOOKING.eq("_msdyn_bookingsetupmetadataid_value", SHIFT_BOOKING_SETUP_METADATA_ID),
        BOOKING.lt("starttime", reach[1]),
        BOOKING.ge("endtime", reach[0]),
    )
    for condition in BOOKING.in_chunks("_resource_value", resource_ids):
        yield Query(table=BOOKING, select=_BOOKING_SELECT, where=all_of(there, condition))


def booking_queries(booking_ids: Iterable[Guid]) -> Iterator[Query]:
    """The bookings with these keys."""
    # Some at a time: the first question must not wait until 400,000 keys are made ready, nor must anybody else.
    for some in batched(booking_ids, _KEYS_AT_ONCE, strict=False):
        for condition in BOOKING.in_chunks(BOOKING.primary_id, some):
            yield Query(table=BOOKING, select=_BOOKING_SELECT, where=condition)


def plan_time_query(plan_id: Guid, start: datetime, end: datetime) -> Query:
    """The shift bookings of a plan that touch the time between two instants, whoever made them."""
    there = all_of(
        BOOKING.eq("_msdyn_bookingsetupmetadataid_value", SHIFT_BOOKING_SETUP_METADATA_ID),
        BOOKING.eq("_msdyn_shiftplan_value", plan_id),
        BOOKING.lt("starttime", end),
        BOOKING.ge("endtime", start),
    )
    return Query(table=BOOKING, select=_BOOKING_SELECT, where=there)


def plan_member_query(plan_id: Guid) -> Query:
    """The bookings in a shift plan: whose they are, and who made them."""
    condition = BOOKING.eq("_msdyn_shiftplan_value", plan_id)
    return Query(table=BOOKING, select=("_resource_value", "msdyn_externalbookingid"), where=condition)


# ---------------------------------------------------------------------------------------------------- answers


def reference_facts(
    *,
    metadata: Sequence[JsonRow],
    statuses: Sequence[JsonRow],
    users: Mapping[str, Sequence[JsonRow]],
    activity_types: Sequence[JsonRow],
    plans: Sequence[JsonRow] = (),
) -> ReferenceFacts:
    """The answers to the first look, typed. `users` by identity."""
    setup = metadata[0] if metadata else {}
    return ReferenceFacts(
        setup_metadata_present=bool(metadata),
        default_committed_status=setup.get("_msdyn_defaultbookingcommittedstatus_value"),
        default_canceled_status=setup.get("_msdyn_defaultbookingcanceledstatus_value"),
        users=_users(users),
        activity_types=tuple(
            ActivityType(
                row[SHIFT_ACTIVITY_TYPE.primary_id],
                row["msdyn_name"] or "",
                row["msdyn_shiftassignmentstatus"] == ASSIGNMENT_AVAILABLE,
                row["statecode"] == ACTIVE,
            )
            for row in activity_types
        ),
        statuses=tuple(
            BookingStatus(row[BOOKING_STATUS.primary_id], row["name"] or "", row["status"], row["statecode"] == ACTIVE)
            for row in statuses
        ),
        plans=shift_plans(plans),
    )


def shift_plans(rows: Iterable[JsonRow]) -> tuple[ShiftPlan, ...]:
    """Shift plans, typed."""
    return tuple(ShiftPlan(row[SHIFT_PLAN.primary_id], row["msdyn_name"] or "") for row in rows)


def _users(rows: Mapping[str, Sequence[JsonRow]]) -> dict[AgentKey, tuple[User, ...]]:
    found: defaultdict[AgentKey, dict[Guid, User]] = defaultdict(dict)
    for identity, some in rows.items():
        column = IDENTITY_COLUMNS[identity]
        for row in some:
            user = User(row[SYSTEM_USER.primary_id], row["fullname"] or "", bool(row["isdisabled"]))
            found[agent_key(identity, str(row[column] or ""))][user.id] = user
    return {key: tuple(users.values()) for key, users in found.items()}


def resources(rows: Iterable[JsonRow]) -> tuple[Resource, ...]:
    """Bookable resources of users, typed."""
    return tuple(
        Resource(
            row[BOOKABLE_RESOURCE.primary_id],
            row["_userid_value"],
            bool(row["msdyn_generatecalendarfromshift"]),
            row["statecode"] == ACTIVE,
        )
        for row in rows
    )


def booking(row: JsonRow) -> Booking:
    """A booking, typed."""
    return Booking(
        row["bookableresourcebookingid"],
        row["name"],
        _moment(row["starttime"]),
        _moment(row["endtime"]),
        row["duration"],
        row["msdyn_externalbookingid"] or "",
        row["_resource_value"],
        row["_bookingstatus_value"],
        row["_msdyn_shiftplan_value"],
        row["_msdyn_shiftactivitytype_value"],
        row["_msdyn_bookingsetupmetadataid_value"],
        row["bookingtype"],
        row["msdyn_bookingmethod"],
        row["statecode"] == ACTIVE,
    )


@lru_cache(maxsize=20_000)
def _moment(text: str) -> datetime:
    """Thousands of agents begin and end at the same instants."""
    return utc_moment(text)
