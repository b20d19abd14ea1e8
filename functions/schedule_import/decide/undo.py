"""Undoing an import: every booking back to what it was before, as far as nobody has changed it since.

The journal of an import is written before the first booking is. It has a line for each booking that the import meant
to touch: what it was before, and a digest of what it was to become.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from functions.schedule_import.decide.diff import Difference
from functions.schedule_import.decide.facts import Booking, Guid, WantedBooking
from functions.schedule_import.decide.record_ids import mark_prefix
from shared.dataverse.tables import (
    ACTIVE,
    BOOKING,
    BOOKING_METHOD_MANUAL,
    BOOKING_TYPE_SOLID,
    SHIFT_BOOKING_SETUP_METADATA_ID,
    BookingColumn,
    BookingNavigation,
    JsonRow,
    utc_moment,
    utc_text,
)

_SETUP_METADATA = str(SHIFT_BOOKING_SETUP_METADATA_ID)
REMOVED = "removed"


class Touched(NamedTuple):
    """A line of a journal. `before` is None for a booking that the import made, `after` is `REMOVED` or a digest."""

    id: Guid
    before: Booking | None
    after: str


def journal(difference: Difference, removed_status: Guid | None) -> Iterator[Touched]:
    """What an import means to touch. `removed_status`: the status that removal sets; None where it deletes."""
    for wanted in difference.creates:
        yield Touched(wanted.id, None, digest(as_booking(wanted)))
    for wanted, found in difference.updates:
        yield Touched(wanted.id, found, digest(as_booking(wanted)))
    for _, found, _ in difference.removals:
        after = REMOVED if removed_status is None else digest(found._replace(status=removed_status))
        yield Touched(found.id, found, after)


def as_booking(wanted: WantedBooking) -> Booking:
    """A wanted booking as Dynamics will have it."""
    return Booking(
        wanted.id, wanted.name, wanted.start, wanted.end, wanted.minutes, wanted.mark, wanted.resource, wanted.status,
        wanted.plan, wanted.activity_type, _SETUP_METADATA, BOOKING_TYPE_SOLID, BOOKING_METHOD_MANUAL, True,
    )  # fmt: skip


def digest(booking: Booking) -> str:
    """What a booking says, in little room."""
    return hashlib.blake2b(json.dumps(_texts(booking)).encode(), digest_size=12).hexdigest()


def _texts(booking: Booking) -> list[Any]:
    return [utc_text(value) if isinstance(value, datetime) else value for value in booking]


def removes(touched: Touched, removed_status: Guid | None) -> bool:
    """Whether the import meant to remove this booking. `removed_status` as for `journal`."""
    if removed_status is None or touched.before is None:
        return touched.after == REMOVED
    return touched.after == digest(touched.before._replace(status=removed_status))


def journal_line(touched: Touched) -> str:
    """A line as it is stored: JSON."""
    before = None if touched.before is None else _texts(touched.before)
    # ASCII: a name may hold a character that ends a line elsewhere.
    return json.dumps([touched.id, before, touched.after], separators=(",", ":"))


def read_journal_line(line: str) -> Touched:
    """The line that `journal_line` wrote."""
    row_id, before, after = json.loads(line)
    if before is not None:
        values = Booking(*before)
        before = values._replace(start=utc_moment(values.start), end=utc_moment(values.end))  # type: ignore[arg-type]
    return Touched(row_id, before, after)


def first_of_each(attempts: Iterable[Iterable[Touched]]) -> dict[Guid, Touched]:
    """What an import touched over all its attempts: before as the first saw it, after as the last meant it."""
    touched: dict[Guid, Touched] = {}
    for attempt in attempts:
        for line in attempt:
            known = touched.get(line.id)
            touched[line.id] = line if known is None else known._replace(after=line.after)
    return touched


@dataclass(slots=True)
class Reversal:
    """What undoing writes: rows to restore, rows to remove; what is so already, and what stays because it was changed
    since."""

    restore: list[JsonRow] = field(default_factory=list)
    remove: list[Guid] = field(default_factory=list)
    unchanged: list[Guid] = field(default_factory=list)
    changed_since: list[Guid] = field(default_factory=list)


def reverse(touched: Mapping[Guid, Touched], found: Mapping[Guid, Booking], profile: str, *, newest: bool) -> Reversal:
    """Back to what it was. Of an import that is not the newest of its scope, only what nobody has changed since.

    A booking that carries another mark by now is no longer ours, and is left alone.
    """
    reversal = Reversal()
    prefix = mark_prefix(profile)
    for row_id, line in touched.items():
        current = found.get(row_id)
        if current == line.before:
            reversal.unchanged.append(row_id)
        elif not _ours_still(current, prefix) or not (newest or _is_as_left(current, line)):
            reversal.changed_since.append(row_id)
        elif line.before is None:
            reversal.remove.append(row_id)
        else:
            reversal.restore.append(booking_row(line.before, reactivate=current is not None and not current.active))
    return reversal


def _ours_still(current: Booking | None, prefix: str) -> bool:
    return current is None or current.mark.startswith(prefix)


def _is_as_left(current: Booking | None, line: Touched) -> bool:
    return (REMOVED if current is None else digest(current)) == line.after


def booking_row(booking: Booking, *, reactivate: bool = False) -> JsonRow:
    """The whole row as Dataverse takes it (import guide, step 6; `duration` is required by the table)."""
    binds: dict[BookingNavigation, str | None] = {
        "Resource": booking.resource,
        "BookingStatus": booking.status,
        "msdyn_shiftplan": booking.plan,
        "msdyn_shiftactivitytype": booking.activity_type,
        "msdyn_BookingSetupMetadataId": booking.setup_metadata,
    }
    columns: dict[BookingColumn, object] = {
        "name": booking.name,
        "starttime": booking.start,
        "endtime": booking.end,
        "duration": booking.minutes,
        "bookingtype": booking.booking_type,
        "msdyn_bookingmethod": booking.booking_method,
        "msdyn_externalbookingid": booking.mark,
    }
    if reactivate:
        columns["statecode"] = ACTIVE
    return BOOKING.row(booking.id, columns, {name: target for name, target in binds.items() if target is not None})
