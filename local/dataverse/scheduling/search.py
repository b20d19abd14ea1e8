"""The search for one requirement: its time slots, potential or not, and the resources behind them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from local.dataverse.bags import Bag, Reference
from local.dataverse.environment import Environment
from local.dataverse.scheduling.availability import Availability, Times, total_minutes
from local.dataverse.scheduling.intervals import Interval
from local.dataverse.scheduling.requests import Requirement, Settings, Specification, requirement_of
from local.dataverse.scheduling.resources import Resources
from local.dataverse.store import ID_SLOT, Row, Store

AVAILABLE, SCHEDULED, OFF = 0, 1, 2
AGNOSTIC, COMMON = 2, 1
FULL_CAPACITY = 1.0


class Search:
    """Answers msdyn_SearchResourceAvailability and its predecessor."""

    def __init__(self, store: Store, environment: Environment) -> None:
        self._store = store
        self._environment = environment
        self.resources = Resources(store)
        self.availability = Availability(store, environment)

    def run(self, values: Mapping[str, Any], settings: Settings, specification: Specification) -> dict[str, Any]:
        """Returns the output parameters for a requirement given by its columns. Members without a value are absent."""
        requirement = requirement_of(values, datetime.now(UTC), settings)
        rows = self.resources.qualified(requirement, specification, settings)
        limit = settings.most_resources or self._environment.search_resource_limit
        slots: list[Bag] = []
        found: list[Bag] = []
        for row in rows[:limit]:
            times = self.availability.times(row, requirement.window, settings)
            slots += self._slots(row, times, requirement, settings)
            found.append(Bag({"BookableResource": self.row_bag(row), "TotalAvailableTime": total_minutes(times.free)}))
        answer: dict[str, Any] = {"TimeSlots": slots, "Resources": found}
        answer["Related"] = Bag({"TimeSlots": [], "Resources": []})
        if len(rows) > limit:
            answer["Exceptions"] = Bag({"ResourcesTruncatedAt": limit})
        return answer

    def _slots(self, row: Row, times: Times, requirement: Requirement, settings: Settings) -> list[Bag]:
        kinds = ((AVAILABLE, times.free), (SCHEDULED, times.booked), (OFF, times.off))
        pieces = sorted((interval, kind) for kind, intervals in kinds for interval in intervals)
        resource = self.resource_bag(row, times)
        return [
            self._slot(interval, kind, resource, requirement, potential=_fits(interval, kind, requirement, settings))
            for interval, kind in pieces
        ]

    def _slot(self, interval: Interval, kind: int, resource: Bag, requirement: Requirement, *, potential: bool) -> Bag:
        members: dict[str, Any] = {
            "Id": uuid4(),
            "Type": kind,
            "StartTime": interval.start,
            "ArrivalTime": interval.start,  # without travel
            "EndTime": interval.end,
            "Effort": FULL_CAPACITY,
            "Potential": potential,
            "IsDuplicate": False,
            "AllowOverlapping": False,
            "Resource": resource,
            "Location": Bag({"WorkLocation": AGNOSTIC, "LocationSourceSlot": COMMON}),
        }
        if requirement.row_id is not None:
            members["ResourceRequirement"] = self.reference("msdyn_resourcerequirement", requirement.row_id)
        return Bag(members)

    def resource_bag(self, row: Row, times: Times) -> Bag:
        """Returns what a slot says about its resource."""
        value = self.resources.table.value
        members: dict[str, Any] = {
            "Resource": self.reference("bookableresource", row[ID_SLOT]),
            "ResourceType": value(row, "resourcetype"),
            "TotalAvailableTime": total_minutes(times.free),
            "Email": value(row, "msdyn_primaryemail"),
        }
        unit, calendar = value(row, "_msdyn_organizationalunit_value"), value(row, "_calendarid_value")
        members["OrganizationalUnit"] = unit and self.reference("msdyn_organizationalunit", unit)
        members["CalendarId"] = calendar and UUID(calendar)
        return Bag({name: member for name, member in members.items() if member is not None})

    def row_bag(self, row: Row) -> Bag:
        """Returns the resource as an entity."""
        name = self.resources.table.value(row, "name")
        return Bag({"bookableresourceid": UUID(row[ID_SLOT]), "name": name}, "bookableresource", row[ID_SLOT])

    def reference(self, table_name: str, row_id: str) -> Reference:
        """Returns a reference with the row's name."""
        table = self._store.by_name[table_name]
        row = table.rows.get(row_id)
        name = None if row is None else table.value(row, table.definition.primary_name)
        return Reference(table_name, row_id, name)


def _fits(interval: Interval, kind: int, requirement: Requirement, settings: Settings) -> bool:
    """Tells whether the requirement can be fulfilled there."""
    return (
        kind == AVAILABLE
        and (settings.shorter_slots or interval.minutes >= requirement.duration)
        and (settings.smaller_capacity or requirement.effort <= FULL_CAPACITY)
    )
