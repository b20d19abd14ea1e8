"""The plan into Dynamics: what bookings point at, then bookings to add and change, and removals last."""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from functions.schedule_import.decide.diff import Difference
from functions.schedule_import.decide.facts import Booking, Guid, WantedBooking
from functions.schedule_import.decide.undo import as_booking, booking_row
from functions.schedule_import.decide.wanted import References
from functions.schedule_import.reading.segments import Issue, Skip
from functions.schedule_import.use_case.worlds import Dynamics
from shared.dataverse.errors import DataverseError
from shared.dataverse.meter import Meter
from shared.dataverse.tables import (
    BOOKABLE_RESOURCE,
    BOOKING,
    BOOKING_STATUS,
    SHIFT_ACTIVITY_TYPE,
    SHIFT_PLAN,
    JsonRow,
)
from shared.long_work import aside

_log = logging.getLogger(__name__)

_TELL_EVERY_SECONDS = 5.0


@dataclass(slots=True)
class Written:
    """What became of a plan."""

    wrote_references: bool = False
    created: int = 0
    updated: int = 0
    removed: int = 0
    kept: int = 0
    """Removals that were left out, because a row of the same agent and day was refused."""
    skipped: list[Skip] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)


class Progress:
    """Tells the log how far a long write is, and checks on the way that it still may go on."""

    def __init__(
        self, name: str, total: int, now: Callable[[], datetime], check: Callable[[], None], meter: Meter
    ) -> None:
        self._name = name
        self._meter = meter
        self._total = total
        self._now = now
        self._check = check
        self._told = now()
        self._done = 0

    def passing[T](self, items: Iterable[T]) -> Iterator[T]:
        """The same items; every thousandth looks at the clock and at the lease."""
        for item in items:
            if self._done % 1000 == 0:
                self._look()
            self._done += 1
            yield item

    def _look(self) -> None:
        self._check()
        if (self._now() - self._told).total_seconds() >= _TELL_EVERY_SECONDS:
            self._told = self._now()
            _log.info(
                "Schedule file %s: %d of %d bookings (%d %%) on their way, %d Dataverse requests",
                self._name, self._done, self._total, 100 * self._done // max(1, self._total), self._meter.requests,
            )  # fmt: skip


async def write_references(references: References, dynamics: Dynamics) -> tuple[bool, dict[Guid, DataverseError]]:
    """Whether any row was written, and those that Dynamics refused."""
    wrote = False
    refused: dict[Guid, DataverseError] = {}
    for table, rows in (
        (BOOKING_STATUS, references.statuses),
        (SHIFT_ACTIVITY_TYPE, references.activity_types),
        (SHIFT_PLAN, references.plans),
        (BOOKABLE_RESOURCE, references.resources),
    ):
        if rows:
            outcome = await dynamics.upsert_many(table, list(rows.values()))
            wrote = wrote or outcome.written > 0
            refused |= {failure.row_id: failure.error for failure in outcome.failures}
    return wrote, refused


async def write_plan(
    difference: Difference,
    references: References,
    removed_status: tuple[Guid, JsonRow | None] | None,
    day_of: Callable[[WantedBooking], date],
    progress: Progress,
    dynamics: Dynamics,
) -> Written:
    """Adds and updates before removals, so that no agent is without bookings in between.

    `removed_status`: the status that removal sets, and its row where it is missing; None deletes. `day_of`: the day of
    a wanted booking; nothing of an agent and day is removed where a row was refused.
    """
    written = Written()
    if removed_status is not None and removed_status[1] is not None and difference.removals:
        references.statuses[removed_status[0]] = removed_status[1]
    written.wrote_references, missing = await write_references(references, dynamics)
    refused_days = await _write_bookings(difference, missing, day_of, progress, dynamics, written)
    await _remove(difference, removed_status[0] if removed_status else None, refused_days, progress, dynamics, written)
    return written


async def _write_bookings(
    difference: Difference,
    missing: dict[Guid, DataverseError],
    day_of: Callable[[WantedBooking], date],
    progress: Progress,
    dynamics: Dynamics,
    written: Written,
) -> set[tuple[Guid, date]]:
    """The agent-days of rows that Dynamics refused."""
    failed = await aside(_without_reference, difference, missing) if missing else {}
    if difference.creates or difference.updates:
        rows = (row for row in _rows(difference) if row["bookableresourcebookingid"] not in failed)
        outcome = await dynamics.upsert_many(BOOKING, progress.passing(rows))
        failed |= {failure.row_id: failure.error for failure in outcome.failures}
    written.created, written.updated = len(difference.creates), len(difference.updates)
    return await aside(_tell_failures, difference, failed, day_of, written) if failed else set()


def _without_reference(difference: Difference, missing: dict[Guid, DataverseError]) -> dict[Guid, DataverseError]:
    """The bookings that point at a row which Dynamics refused, and why it did."""
    return {
        wanted.id: missing[key]
        for wanted in _all_wanted(difference)
        for key in missing.keys() & {wanted.resource, wanted.status, wanted.plan, wanted.activity_type}
    }


def _tell_failures(
    difference: Difference,
    failed: dict[Guid, DataverseError],
    day_of: Callable[[WantedBooking], date],
    written: Written,
) -> set[tuple[Guid, date]]:
    """The agent-days of these bookings, which are told and not counted as written."""
    written.created -= sum(wanted.id in failed for wanted in difference.creates)
    written.updated -= sum(wanted.id in failed for wanted, _ in difference.updates)
    refused_days = set()
    for wanted in _all_wanted(difference):
        if (error := failed.get(wanted.id)) is not None:
            reason = f"Dynamics refused the row: {error.detail or error}"
            written.skipped.append(Skip(wanted.row, "REFUSED_BY_DYNAMICS", reason))
            written.issues.append(Issue("REFUSED_BY_DYNAMICS", wanted.row, agent=wanted.agent))
            refused_days.add((wanted.user, day_of(wanted)))
    return refused_days


def _all_wanted(difference: Difference) -> Iterator[WantedBooking]:
    yield from difference.creates
    for wanted, _ in difference.updates:
        yield wanted


def _rows(difference: Difference) -> Iterator[JsonRow]:
    """Rows are made as they leave: 400,000 of them are never in memory."""
    for wanted in difference.creates:
        yield booking_row(as_booking(wanted))
    for wanted, found in difference.updates:
        yield booking_row(as_booking(wanted), reactivate=not found.active)


def _leaving(difference: Difference, refused_days: set[tuple[Guid, date]]) -> list[Booking]:
    return [booking for user, booking, day in difference.removals if (user, day) not in refused_days]


async def _remove(
    difference: Difference,
    removed_status: Guid | None,
    refused_days: set[tuple[Guid, date]],
    progress: Progress,
    dynamics: Dynamics,
    written: Written,
) -> None:
    leaving = await aside(_leaving, difference, refused_days)
    written.kept = len(difference.removals) - len(leaving)
    if not leaving:
        return
    bookings: Iterator[Booking] = progress.passing(leaving)
    if removed_status is None:
        outcome = await dynamics.delete_many(BOOKING, (UUID(booking.id) for booking in bookings))
    else:
        rows = (BOOKING.row(booking.id, {}, {"BookingStatus": removed_status}) for booking in bookings)
        outcome = await dynamics.update_many(BOOKING, rows)
    refused = {failure.row_id: failure.error for failure in outcome.failures}
    written.removed = len(leaving) - len(refused)
    for error in refused.values():
        reason = f"Dynamics refused to remove a booking that the file no longer has: {error.detail or error}"
        written.skipped.append(Skip(0, "REFUSED_BY_DYNAMICS", reason))
        written.issues.append(Issue("REFUSED_BY_DYNAMICS", 0))
