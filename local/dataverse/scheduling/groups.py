"""Requirement groups: proposals that give each requirement a resource of its own, and the bookings of one proposal.

"Search for resource availability and create bookings for requirement groups". Starts are proposed on a grid that the
environment sets; one proposal a start. Pages are numbered in the cookie.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from local.dataverse.bags import Bag, BagReader, utc_text
from local.dataverse.environment import Environment
from local.dataverse.errors import invalid_argument, row_does_not_exist
from local.dataverse.scheduling.availability import COMMITTED, Times
from local.dataverse.scheduling.intervals import Interval
from local.dataverse.scheduling.requests import (
    Requirement,
    Settings,
    Specification,
    chosen_ids,
    ids_in,
    refuse_unknown,
    requirement_of,
)
from local.dataverse.scheduling.search import AGNOSTIC, COMMON, FULL_CAPACITY, Search
from local.dataverse.session import Session
from local.dataverse.store import ID_SLOT, Row, Store
from local.dataverse.writes import Writer

REQUIREMENTS = "msdyn_resourcerequirement"
GROUPS = "msdyn_requirementgroup"
COOKIE = "<cookie page='{}'/>"
SOLID = 1


@dataclass(frozen=True)
class GroupSearch:
    """The settings of a search for a group."""

    settings: Settings
    specification: Specification
    page_size: int
    skip: int
    without_slots: bool


@dataclass(frozen=True)
class Proposal:
    """A start, and who would do what from then on: resource ids by requirement id."""

    start: datetime
    resources: Mapping[str, str]


class Groups:
    """Answers the two messages for requirement groups."""

    def __init__(self, store: Store, writer: Writer, environment: Environment, search: Search) -> None:
        self._store = store
        self._writer = writer
        self._environment = environment
        self._search = search

    def propose(self, group_id: str, asked: Mapping[str, Any], settings: Bag) -> dict[str, Any]:
        """Returns the output parameters of a search. `asked` overrides columns of each requirement."""
        group = read_group_search(settings, self._environment)
        requirements = self._requirements(group_id, asked, group.settings)
        times: dict[str, Times] = {}
        candidates = {str(each.row_id): self._candidates(each, group, times) for each in requirements}
        proposals = self._proposals(requirements, candidates, times)
        page = list(islice(proposals, group.skip, group.skip + group.page_size + 1))
        more = len(page) > group.page_size
        page = page[: group.page_size]
        paging: dict[str, Any] = {"MoreResults": more}
        if more:
            paging["PagingCookie"] = COOKIE.format(group.skip + group.page_size)
        durations = {str(each.row_id): each for each in requirements}
        return {
            "TimeSlots": [] if group.without_slots else self._slots(page, durations, times),
            "Requirements": [self._requirement_bag(each, candidates[str(each.row_id)]) for each in requirements],
            "ProposalResourceAssignmentSets": [_proposal_bag(each) for each in page],
            "PagingInfos": Bag(paging),
        }

    def _requirements(self, group_id: str, asked: Mapping[str, Any], settings: Settings) -> list[Requirement]:
        if group_id not in self._store.by_name[GROUPS].rows:
            raise row_does_not_exist(GROUPS, group_id)
        table = self._store.by_name[REQUIREMENTS]
        overrides = {name: value for name, value in asked.items() if value is not None}
        overrides.pop(table.definition.primary_id, None)
        now = datetime.now(UTC)
        rows = [table.rows[each] for each in table.ids_where(table.slots["_msdyn_requirementgroupid_value"], group_id)]
        requirements = []
        for row in sorted(rows, key=lambda row: (table.value(row, "msdyn_name") or "", row[ID_SLOT])):
            if table.value(row, "statecode") == 0 and table.value(row, "msdyn_istemplate") is not True:
                columns = {name: row[slot] for name, slot in table.slots.items()}
                requirements.append(requirement_of({**columns, **overrides}, now, settings))
        return requirements

    def _candidates(self, requirement: Requirement, group: GroupSearch, times: dict[str, Times]) -> list[Row]:
        rows = self._search.resources.qualified(requirement, group.specification, group.settings)
        for row in rows:
            if row[ID_SLOT] not in times:
                times[row[ID_SLOT]] = self._search.availability.times(row, requirement.window, group.settings)
        return rows

    def _proposals(
        self, requirements: list[Requirement], candidates: Mapping[str, list[Row]], times: Mapping[str, Times]
    ) -> Iterator[Proposal]:
        if not requirements:
            return
        start = max(each.window.start for each in requirements)
        end = min(each.window.end for each in requirements)
        step = timedelta(minutes=self._environment.proposal_step_min)
        while start < end:
            free = {
                str(each.row_id): [
                    row[ID_SLOT]
                    for row in candidates[str(each.row_id)]
                    if _is_free(times[row[ID_SLOT]], start, each, end)
                ]
                for each in requirements
            }
            chosen = assign(free)
            if chosen is not None:
                yield Proposal(start, chosen)
            start += step

    def _slots(
        self, page: list[Proposal], requirements: Mapping[str, Requirement], times: Mapping[str, Times]
    ) -> list[Bag]:
        return [
            Bag(
                {
                    "StartTime": proposal.start,
                    "EndTime": proposal.start + timedelta(minutes=requirements[requirement_id].duration),
                    "ArrivalTime": proposal.start,
                    "Effort": FULL_CAPACITY,
                    "IsDuplicate": False,
                    "Resource": self._search.resource_bag(self._resource(resource_id), times[resource_id]),
                    "Location": Bag({"WorkLocation": AGNOSTIC, "LocationSourceSlot": COMMON}),
                }
            )
            for proposal in page
            for requirement_id, resource_id in proposal.resources.items()
        ]

    def _resource(self, row_id: str) -> Row:
        return self._search.resources.table.rows[row_id]

    def _requirement_bag(self, requirement: Requirement, candidates: list[Row]) -> Bag:
        """How the list of references travels is UNCONFIRMED: here each lies in a bag as `Resource`."""
        references = [self._search.reference("bookableresource", row[ID_SLOT]) for row in candidates]
        return Bag(
            {
                "Requirement": self._search.reference(REQUIREMENTS, str(requirement.row_id)),
                "ConstraintBag": "<bag />",
                "Resources": [Bag({"Resource": reference}) for reference in references],
            }
        )

    def book(self, group_id: str, start: datetime, duration: int, assignments: list[Bag], session: Session) -> int:
        """Creates a booking for each assignment, all or none, and returns how many."""
        if group_id not in self._store.by_name[GROUPS].rows:
            raise row_does_not_exist(GROUPS, group_id)
        if duration < 1:
            raise invalid_argument("'Duration' must be at least 1 minute.")
        if not assignments:
            raise invalid_argument("'ResourceAssignments' is empty.")
        bookings = self._store.by_name["bookableresourcebooking"]
        with self._store.transaction():
            for assignment in assignments:
                body = self._booking(group_id, Interval(start, start + timedelta(minutes=duration)), assignment)
                self._writer.create(bookings, body, session)
        return len(assignments)

    def _booking(self, group_id: str, interval: Interval, assignment: Bag) -> dict[str, Any]:
        reader = BagReader(assignment, "ResourceAssignments")
        for name in ("RequirementId", "ResourceId"):
            reader.required(name)
        requirement_id, resource_id = str(reader.guid("RequirementId")), str(reader.guid("ResourceId"))
        effort, travel = reader.whole_number("Effort"), reader.whole_number("TravelTime")
        status_id = self._booking_status(reader.guid("BookingStatusId"))
        reader.refuse_others()
        requirements = self._store.by_name[REQUIREMENTS]
        requirement = requirements.rows.get(requirement_id)
        if requirement is None:
            raise row_does_not_exist(REQUIREMENTS, requirement_id)
        if requirements.value(requirement, "_msdyn_requirementgroupid_value") != group_id:
            raise invalid_argument(f"Requirement {requirement_id} does not belong to the group {group_id}.")
        resource = self._search.resources.table.rows.get(resource_id)
        if resource is None:
            raise row_does_not_exist("bookableresource", resource_id)
        self._refuse_overlap(resource, interval)
        body: dict[str, Any] = {
            "name": self._search.resources.table.value(resource, "name"),
            "starttime": utc_text(interval.start),
            "endtime": utc_text(interval.end),
            "duration": int(interval.minutes),
            "bookingtype": SOLID,
            "Resource@odata.bind": f"/bookableresources({resource_id})",
            "BookingStatus@odata.bind": f"/bookingstatuses({status_id})",
            "msdyn_ResourceRequirement@odata.bind": f"/msdyn_resourcerequirements({requirement_id})",
            "msdyn_requirementgroupid@odata.bind": f"/msdyn_requirementgroups({group_id})",
        }
        if effort is not None:
            body["msdyn_effort"] = effort
        if travel is not None:
            body["msdyn_estimatedtravelduration"] = travel
        return body

    def _booking_status(self, status_id: str | None) -> str:
        statuses = self._store.by_name["bookingstatus"]
        if status_id is None and self._environment.booking_status_id == "optional":
            for row in statuses.rows.values():
                if statuses.value(row, "status") == COMMITTED:
                    return str(row[ID_SLOT])
        if status_id is None:
            raise invalid_argument("The parameter 'BookingStatusId' of ResourceAssignments is missing.")
        if status_id not in statuses.rows:
            raise row_does_not_exist("bookingstatus", status_id)
        return status_id

    def _refuse_overlap(self, resource: Row, interval: Interval) -> None:
        """Whether the platform checks that the resource is still free is UNCONFIRMED, so it is a switch."""
        if self._environment.group_booking_overlap == "accept":
            return
        if self._search.availability.times(resource, interval, Settings()).booked:
            raise invalid_argument(f"The resource {resource[ID_SLOT]} is not free at {utc_text(interval.start)}.")


def read_group_search(bag: Bag, environment: Environment) -> GroupSearch:
    """Returns the settings of a search for a group. Some members differ in name from those for one requirement."""
    reader = BagReader(bag, "Settings")
    reader.flag("ConsiderAppointments")  # there are none in this simulator
    reader.whole_number("SortOrder")
    radius = reader.bag("MaxResourceTravelRadius")
    size = reader.whole_number("PageSize")
    if size is not None and not 1 <= size <= 5000:
        raise invalid_argument("'PageSize' of Settings is 1 to 5000.")
    settings = Settings(
        shorter_slots=reader.flag("ConsiderSlotsWithLessThanRequiredDuration"),
        overlapping_bookings=reader.flag("ConsiderSlotsWithOverlappingBooking"),
        proposed_bookings=reader.flag("ConsiderSlotsWithProposedBooking"),
        radius=0 if radius is None else BagReader(radius, "MaxResourceTravelRadius").number("Value") or 0,
    )
    must = chosen_ids(reader, "MustChooseFromResources", "value")
    required = frozenset(ids_in(reader.bags("RequiredResources"), "value")) or None
    units = chosen_ids(reader, "OrganizationUnits", "msdyn_organizationalunitid")
    search = GroupSearch(
        settings=settings,
        specification=Specification(
            must_choose=required & must if required and must else required or must,
            organizational_units=units,
        ),
        page_size=size or 20,
        skip=_skip(reader.text("PagingCookie")),
        without_slots=reader.flag("IgnoreTimeSlots"),
    )
    refuse_unknown(reader, environment)
    return search


def _skip(cookie: str | None) -> int:
    if not cookie:
        return 0
    before, after = COOKIE.split("{}")
    number = cookie.removeprefix(before).removesuffix(after)
    if not number.isdigit() or COOKIE.format(number) != cookie:
        raise invalid_argument("The 'PagingCookie' of Settings is not one that a search returned.")
    return int(number)


def _is_free(times: Times, start: datetime, requirement: Requirement, end: datetime) -> bool:
    stop = start + timedelta(minutes=max(1, requirement.duration))
    return stop <= end and any(free.covers(Interval(start, stop)) for free in times.free)


def _proposal_bag(proposal: Proposal) -> Bag:
    assignments = [
        Bag({"RequirementId": UUID(requirement_id), "ResourceId": UUID(resource_id)})
        for requirement_id, resource_id in proposal.resources.items()
    ]
    return Bag({"IntervalStart": proposal.start, "ProposalResourceAssignments": assignments})


def assign(candidates: Mapping[str, list[str]]) -> dict[str, str] | None:
    """Gives each requirement one of its candidates, none of them twice; None when that cannot be done."""
    holder: dict[str, str] = {}

    def place(requirement: str, seen: set[str]) -> bool:
        for resource in candidates[requirement]:
            if resource in seen:
                continue
            seen.add(resource)
            if resource not in holder or place(holder[resource], seen):
                holder[resource] = requirement
                return True
        return False

    if not all(place(requirement, set()) for requirement in candidates):
        return None
    chosen = {requirement: resource for resource, requirement in holder.items()}
    return {requirement: chosen[requirement] for requirement in candidates}
