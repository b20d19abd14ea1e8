"""When a resource is free: its working time without the bookings that count."""

from dataclasses import dataclass, field
from datetime import datetime

from local.dataverse.environment import Environment
from local.dataverse.scheduling.intervals import Interval, cut, union, within, without, working_days
from local.dataverse.scheduling.requests import Settings
from local.dataverse.store import ID_SLOT, Row, Store

PROPOSED, COMMITTED, CANCELED = 1, 2, 3
SHIFT_AVAILABLE = 192350000


@dataclass
class Times:
    """The times of one resource inside a window."""

    free: list[Interval] = field(default_factory=list)
    booked: list[Interval] = field(default_factory=list)
    off: list[Interval] = field(default_factory=list)


class Availability:
    """Computes times from the rows of the store."""

    def __init__(self, store: Store, environment: Environment) -> None:
        self._environment = environment
        self._resources = store.by_name["bookableresource"]
        self._bookings = store.by_name["bookableresourcebooking"]
        self._statuses = store.by_name["bookingstatus"]
        self._activities = store.by_name["msdyn_shiftactivitytype"]

    def times(self, resource: Row, window: Interval, settings: Settings) -> Times:
        """Returns when the resource is free, booked and off."""
        bookings = self._active_bookings(resource)
        working, rest = self._working(resource, bookings, window)
        booked = [part for row in rest if (part := cut(self._interval(row), window)) is not None]
        blocking = [self._interval(row) for row in rest if self._blocks(row, settings)]
        return Times(without(working, blocking), sorted(booked), without([window], [*working, *booked]))

    def _active_bookings(self, resource: Row) -> list[Row]:
        table = self._bookings
        rows = [table.rows[each] for each in table.ids_where(table.slots["_resource_value"], resource[ID_SLOT])]
        return [row for row in rows if table.value(row, "statecode") == 0 and self._status(row) != CANCELED]

    def _status(self, row: Row) -> int:
        status = self._statuses.rows.get(self._bookings.value(row, "_bookingstatus_value"))
        return COMMITTED if status is None else int(self._statuses.value(status, "status"))

    def _working(self, resource: Row, bookings: list[Row], window: Interval) -> tuple[list[Interval], list[Row]]:
        """Returns the working time and the bookings that are not a part of it.

        The shifts of a resource whose calendar is generated from shifts are its working time (UNCONFIRMED, a switch).
        """
        environment = self._environment
        opted_in = self._resources.value(resource, "msdyn_generatecalendarfromshift") is True
        if not opted_in or environment.shift_calendar == "ignore":
            hours = (environment.working_start_hour, environment.working_end_hour)
            return working_days(window, *hours, weekend=environment.working_weekend), bookings
        shifts = [row for row in bookings if self._bookings.value(row, "_msdyn_shiftplan_value") is not None]
        rest = [row for row in bookings if self._bookings.value(row, "_msdyn_shiftplan_value") is None]
        present = [self._interval(row) for row in shifts if self._at_work(row)]
        absent = [self._interval(row) for row in shifts if not self._at_work(row)]
        return without(within(present, window), absent), rest

    def _at_work(self, row: Row) -> bool:
        activity = self._activities.rows.get(self._bookings.value(row, "_msdyn_shiftactivitytype_value"))
        if activity is None:
            return True
        return bool(self._activities.value(activity, "msdyn_shiftassignmentstatus") == SHIFT_AVAILABLE)

    def _blocks(self, row: Row, settings: Settings) -> bool:
        if settings.overlapping_bookings or self._bookings.value(row, "msdyn_allowoverlapping") is True:
            return False
        return not (settings.proposed_bookings and self._status(row) == PROPOSED)

    def _interval(self, row: Row) -> Interval:
        start, end = (self._bookings.value(row, name) for name in ("starttime", "endtime"))
        return Interval(datetime.fromisoformat(start), datetime.fromisoformat(end))


def total_minutes(intervals: list[Interval]) -> float:
    """Returns the sum of the lengths."""
    return sum(interval.minutes for interval in union(intervals))
