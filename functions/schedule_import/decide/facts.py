"""What Dynamics holds, as far as an import needs to know. Ids are GUIDs in lower case, as Dataverse writes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from shared.dataverse.tables import (
    BOOKING_METHOD_MANUAL,
    BOOKING_STATUS_CANCELED,
    BOOKING_STATUS_COMMITTED,
    BOOKING_TYPE_SOLID,
    SHIFT_BOOKING_SETUP_METADATA_ID,
)

type Guid = str
_SETUP_METADATA = str(SHIFT_BOOKING_SETUP_METADATA_ID)


@dataclass(frozen=True, slots=True)
class User:
    """A Dynamics user (systemuser)."""

    id: Guid
    full_name: str
    disabled: bool


@dataclass(frozen=True, slots=True)
class Resource:
    """A bookable resource of a user. `shift_calendar` is msdyn_generatecalendarfromshift."""

    id: Guid
    user_id: Guid
    shift_calendar: bool
    active: bool


@dataclass(frozen=True, slots=True)
class ActivityType:
    """A shift activity type; `assignable` says that routing may assign work during it."""

    id: Guid
    name: str
    assignable: bool
    active: bool = True


@dataclass(frozen=True, slots=True)
class BookingStatus:
    """A booking status with the built-in status (1 Proposed, 2 Committed, 3 Canceled) that it maps to."""

    id: Guid
    name: str
    status: int
    active: bool = True


@dataclass(frozen=True, slots=True)
class ShiftPlan:
    """A shift plan."""

    id: Guid
    name: str


class Booking(NamedTuple):
    """One booking as Dynamics has it: every column that an import says something about."""

    id: Guid
    name: str | None
    start: datetime
    end: datetime
    minutes: int
    mark: str
    """msdyn_externalbookingid, empty where it has none."""
    resource: Guid | None
    status: Guid | None
    plan: Guid | None
    activity_type: Guid | None
    setup_metadata: Guid | None
    booking_type: int
    booking_method: int | None
    active: bool


class WantedBooking(NamedTuple):
    """One booking as the file wants it. `row` is the line that says so, `team` and `agent` its words."""

    row: int
    id: Guid
    user: Guid
    agent: str
    name: str
    start: datetime
    end: datetime
    mark: str
    resource: Guid
    status: Guid
    plan: Guid
    activity_type: Guid
    assignable: bool
    team: str

    @property
    def minutes(self) -> int:
        return round((self.end - self.start).total_seconds() / 60)

    def is_met_by(self, found: Booking) -> bool:
        """Whether the booking in Dynamics already says all of this."""
        return found[1:] == (
            self.name, self.start, self.end, self.minutes, self.mark, self.resource, self.status, self.plan,
            self.activity_type, _SETUP_METADATA, BOOKING_TYPE_SOLID, BOOKING_METHOD_MANUAL, True,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class ReferenceFacts:
    """What is found by name. Keys of `users` are an identity and its value in lower case."""

    setup_metadata_present: bool
    default_committed_status: Guid | None
    default_canceled_status: Guid | None
    users: Mapping[tuple[str, str], tuple[User, ...]]
    activity_types: tuple[ActivityType, ...]
    statuses: tuple[BookingStatus, ...]
    plans: tuple[ShiftPlan, ...]

    def canceled_statuses(self) -> frozenset[Guid]:
        """The booking statuses that stand for Canceled: their bookings take nobody's time."""
        return frozenset(status.id for status in self.statuses if status.status == BOOKING_STATUS_CANCELED)

    def committed_statuses(self) -> frozenset[Guid]:
        """The booking statuses that stand for Committed: routing looks at their bookings only."""
        return frozenset(status.id for status in self.statuses if status.status == BOOKING_STATUS_COMMITTED)

    def assignable_types(self) -> frozenset[Guid]:
        """The activity types during which routing may assign work."""
        return frozenset(kind.id for kind in self.activity_types if kind.assignable)
