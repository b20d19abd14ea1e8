"""What Dynamics holds, as far as an import needs to know."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.dataverse.tables import (
    ACTIVE,
    BOOKING,
    BOOKING_METHOD_MANUAL,
    BOOKING_TYPE_SOLID,
    SHIFT_BOOKING_SETUP_METADATA_ID,
    BookingColumn,
    BookingNavigation,
    JsonRow,
)


@dataclass(frozen=True, slots=True)
class User:
    """A Dynamics user (systemuser)."""

    id: UUID
    full_name: str
    disabled: bool


@dataclass(frozen=True, slots=True)
class Resource:
    """A bookable resource of a user. `shift_calendar` is msdyn_generatecalendarfromshift."""

    id: UUID
    user_id: UUID
    shift_calendar: bool
    active: bool


@dataclass(frozen=True, slots=True)
class ActivityType:
    """A shift activity type; `assignable` says that routing may assign work during it."""

    id: UUID
    name: str
    assignable: bool


@dataclass(frozen=True, slots=True)
class BookingStatus:
    """A booking status with the built-in status (1 Proposed, 2 Committed, 3 Canceled) that it maps to."""

    id: UUID
    name: str
    status: int


@dataclass(frozen=True, slots=True)
class ShiftPlan:
    """A shift plan."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Booking:
    """Everything that an import says about one booking; two equal ones need no write."""

    name: str | None
    start: datetime
    end: datetime
    minutes: int
    external_booking_id: str | None
    resource: UUID | None
    status: UUID | None
    plan: UUID | None
    activity_type: UUID | None
    setup_metadata: UUID | None = SHIFT_BOOKING_SETUP_METADATA_ID
    booking_type: int = BOOKING_TYPE_SOLID
    booking_method: int | None = BOOKING_METHOD_MANUAL
    active: bool = True

    def row(self, booking_id: UUID, *, reactivate: bool = False) -> JsonRow:
        """The whole row as Dataverse takes it (import guide, step 6; `duration` is required by the table)."""
        binds: dict[BookingNavigation, UUID | None] = {
            "Resource": self.resource,
            "BookingStatus": self.status,
            "msdyn_shiftplan": self.plan,
            "msdyn_shiftactivitytype": self.activity_type,
            "msdyn_BookingSetupMetadataId": self.setup_metadata,
        }
        columns: dict[BookingColumn, object] = {
            "name": self.name,
            "starttime": self.start,
            "endtime": self.end,
            "duration": self.minutes,
            "bookingtype": self.booking_type,
            "msdyn_bookingmethod": self.booking_method,
            "msdyn_externalbookingid": self.external_booking_id,
        }
        if reactivate:
            columns["statecode"] = ACTIVE
        return BOOKING.row(booking_id, columns, {nav: target for nav, target in binds.items() if target is not None})


@dataclass(frozen=True, slots=True)
class ReferenceFacts:
    """The first look: everything that is found by name. Keys of `users` are identities in lower case."""

    setup_metadata_present: bool
    default_committed_status: UUID | None
    users: Mapping[str, tuple[User, ...]]
    activity_types: tuple[ActivityType, ...]
    statuses: tuple[BookingStatus, ...]
    plans: tuple[ShiftPlan, ...]


@dataclass(frozen=True, slots=True)
class BookingFacts:
    """The second look: what the matched agents have already."""

    resources: tuple[Resource, ...]
    bookings: Mapping[UUID, Booking]
