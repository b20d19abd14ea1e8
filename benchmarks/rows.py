"""The bookings that every client writes, the same in every run. Standard library only: peers import it too."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

type Row = dict[str, Any]

BOOKINGS = "bookableresourcebookings"
BOOKING = "bookableresourcebooking"
BOOKING_ID = "bookableresourcebookingid"
RESOURCES = "bookableresources"
RESOURCE_COUNT = 50

_NAMESPACE = UUID("be4c0000-0000-4000-8000-000000000000")
# Rows that every simulated environment has (local/dataverse/seed.json; the import guide's setup metadata).
_COMMITTED = uuid5(UUID("5eed0000-0000-4000-8000-000000000000"), "bookingstatus:Committed")
_SETUP_METADATA = "4beb9fdb-48e9-453f-b008-5862ff902c5d"
_FIRST_SHIFT = datetime(2026, 11, 23, 6, tzinfo=UTC)


def resource_id(number: int) -> str:
    """The id of an agent's bookable resource."""
    return str(uuid5(_NAMESPACE, f"resource:{number}"))


def resources() -> list[Row]:
    """The agents whose bookings are written."""
    return [
        {"bookableresourceid": resource_id(number), "name": f"Agent {number}", "resourcetype": 3}
        for number in range(RESOURCE_COUNT)
    ]


def bookings(count: int, start: int = 0) -> Iterator[Row]:
    """That many bookings, each with an id of its own; other numbers give other bookings."""
    agents = [f"/bookableresources({resource_id(number)})" for number in range(RESOURCE_COUNT)]
    for number in range(start, start + count):
        begins = _FIRST_SHIFT + timedelta(minutes=15 * (number % 2000))
        yield {
            BOOKING_ID: str(uuid5(_NAMESPACE, f"booking:{number}")),
            "name": f"Morning shift {number}",
            "starttime": _text(begins),
            "endtime": _text(begins + timedelta(hours=8)),
            "duration": 480,
            "bookingtype": 1,
            "msdyn_bookingmethod": 690970003,
            "msdyn_externalbookingid": f"week48:{number}",
            "Resource@odata.bind": agents[number % RESOURCE_COUNT],
            "BookingStatus@odata.bind": f"/bookingstatuses({_COMMITTED})",
            "msdyn_BookingSetupMetadataId@odata.bind": f"/msdyn_bookingsetupmetadatas({_SETUP_METADATA})",
        }


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
