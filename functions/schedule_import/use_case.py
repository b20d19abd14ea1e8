"""The story of a dropped schedule file: read it, look at Dynamics, decide, write, report, archive."""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Protocol
from uuid import UUID

from functions.schedule_import import queries
from functions.schedule_import.containers import ARCHIVE, INBOX, REPORTS
from functions.schedule_import.decide.activities import activity
from functions.schedule_import.decide.agents import Placement, place_segments
from functions.schedule_import.decide.facts import BookingFacts, ReferenceFacts
from functions.schedule_import.decide.plan import (
    COMMITTED_NAME,
    ImportPlan,
    PlannedBooking,
    plan_import,
    shift_plan_name,
)
from functions.schedule_import.profile import (
    ProfileError,
    ScheduleProfile,
    SiteProfile,
    is_profile_name,
    resolve_profile,
)
from functions.schedule_import.reading.reader import read_schedule
from functions.schedule_import.reading.segments import Issue, Reading, Skip, UnreadableFileError
from functions.schedule_import.report import ImportReport
from shared.config_documents import Document, json_document
from shared.dataverse.bulk import WriteOutcome
from shared.dataverse.errors import DataverseError, DeniedError, UnavailableError
from shared.dataverse.meter import count_requests
from shared.dataverse.odata import Query
from shared.dataverse.tables import (
    BOOKABLE_RESOURCE,
    BOOKING,
    BOOKING_STATUS,
    SHIFT_ACTIVITY_TYPE,
    SHIFT_BOOKING_SETUP_METADATA_ID,
    SHIFT_PLAN,
    JsonRow,
    Table,
)
from shared.storage.files import FileChangedError, FileMissingError, FileTooLargeError, StoredFile

_log = logging.getLogger(__name__)


class ScheduleFiles(Protocol):
    """What this story needs of blob storage."""

    async def read(self, container: str, name: str, *, max_bytes: int) -> StoredFile: ...
    async def write(self, container: str, name: str, data: bytes, content_type: str) -> None: ...
    async def delete(self, container: str, name: str, *, etag: str) -> bool: ...


class Dynamics(Protocol):
    """What this story needs of Dataverse."""

    async def query_many(self, queries: Sequence[Query]) -> list[list[JsonRow]]: ...
    async def upsert_many(self, table: Table, rows: Sequence[JsonRow]) -> WriteOutcome: ...


class Documents(Protocol):
    """What this story needs of the configuration."""

    async def read[T](self, name: str, parse: Callable[[bytes], T]) -> Document[T]: ...


@dataclass(frozen=True, slots=True)
class ImportGateways:
    """The outside worlds of one import."""

    files: ScheduleFiles
    dynamics: Dynamics
    documents: Documents
    now: Callable[[], datetime]
    max_bytes: int


@dataclass(frozen=True, slots=True)
class _Inbox:
    """A file's place: `schedules/<profile>/<name>`."""

    path: str

    @property
    def profile(self) -> str:
        return self.path.partition("/")[0] if "/" in self.path else ""

    @property
    def name(self) -> str:
        return self.path.partition("/")[2] or self.path


class _RejectedError(Exception):
    """The file cannot be imported as it is."""


class _HeldError(Exception):
    """Nothing may be written until a person has mended something; the file stays in the inbox."""


async def import_schedule_file(path: str, gateways: ImportGateways) -> ImportReport | None:
    """Make Dynamics have what the file in the inbox says, and leave a report. `path` is `<profile>/<name>`.

    Repeating it, also after being killed anywhere, ends in the same bookings. Returns None when the file is gone
    or was overwritten meanwhile: its new version has an event of its own. Raises UnavailableError and StorageError
    when an outside world is out of reach; the event is then delivered again.
    """
    started = gateways.now()
    inbox = _Inbox(path)
    try:
        stored = await gateways.files.read(INBOX, path, max_bytes=gateways.max_bytes)
    except (FileMissingError, FileChangedError):
        _log.info("Schedule file %s is gone or was overwritten; nothing to do", path)
        return None
    except FileTooLargeError as error:
        report = ImportReport(
            file=inbox.name, profile=inbox.profile, import_id="", sha256="", status="rejected", reasons=[str(error)]
        )
        await _write_report(inbox, report, gateways)
        return report
    report = _empty_report(inbox, stored)
    with count_requests() as meter:
        await _import(inbox, stored, report, gateways)
    report.dataverse_requests = meter.requests
    report.seconds = (gateways.now() - started).total_seconds()
    await _write_report(inbox, report, gateways)
    if report.final:
        await _archive(inbox, stored, report, gateways)
    return report


def _empty_report(inbox: _Inbox, stored: StoredFile) -> ImportReport:
    digest = hashlib.sha256(stored.data).hexdigest()
    # The same delivery has the same id however often it is run: upload time and content make it.
    import_id = f"{stored.uploaded:%Y%m%dT%H%M%SZ}-{digest[:8]}"
    return ImportReport(file=inbox.name, profile=inbox.profile, import_id=import_id, sha256=digest, status="imported")


async def _import(inbox: _Inbox, stored: StoredFile, report: ImportReport, gateways: ImportGateways) -> None:
    """Fill the report; what it says is done. Raises UnavailableError and StorageError."""
    try:
        await _read_decide_write(inbox, stored, report, gateways)
    except (_RejectedError, UnreadableFileError) as error:
        report.status, report.reasons = "rejected", [str(error)]
    except _HeldError as error:
        report.status, report.reasons = "held", [str(error)]
    except UnavailableError:
        raise
    except DataverseError as error:
        # A right or a column that is missing there stops every row alike, and a repetition cannot help.
        report.status, report.reasons = "held", [_refusal(error)]


def _refusal(error: DataverseError) -> str:
    advice = (
        "check the app's application user and its security role"
        if isinstance(error, DeniedError)
        else "check that the environment has workforce engagement (shift bookings) in a current version"
    )
    return f"Dynamics refused the import: {error.detail or error}; {advice}, then drop the file again"


async def _read_decide_write(inbox: _Inbox, stored: StoredFile, report: ImportReport, gateways: ImportGateways) -> None:
    profile = await _profile(inbox, gateways)
    # Reading and deciding are work for the processor. In a thread of their own they leave the event loop to the
    # other functions of the process, whose callers wait.
    reading = await asyncio.to_thread(_read, stored.data, profile, report)
    references = await _look_up_references(reading, profile, gateways.dynamics)
    placement = await asyncio.to_thread(
        place_segments, reading.segments, references.users, profile=profile.name, agent_column=profile.fields.agent
    )
    existing = await _look_up_bookings(placement, gateways.dynamics)
    plan = await asyncio.to_thread(plan_import, placement.placed, references, existing, profile)
    report.skipped += [*placement.skipped, *plan.skipped]
    report.issues += [*placement.issues, *plan.issues]
    report.overlaps, report.agents, report.unchanged = plan.overlaps, len(plan.written_users), plan.unchanged
    _log.info(
        "Schedule file %s: %d rows, %d bookings to write, %d unchanged, %d rows skipped",
        inbox.path, report.rows, len(plan.bookings), plan.unchanged, len(report.skipped),
    )  # fmt: skip
    wrote_references = await _apply(plan, report, gateways.dynamics)
    if plan.unchanged and not plan.bookings and not wrote_references:
        report.status = "unchanged"


async def _profile(inbox: _Inbox, gateways: ImportGateways) -> ScheduleProfile:
    """The profile that the file's first folder names. Raises _RejectedError."""
    if not is_profile_name(inbox.profile):
        raise _RejectedError(
            f"the file's first folder must name a schedule profile, as in schedules/nice-iex/{inbox.name}; "
            f"{inbox.profile!r} does not"
        )
    document = await gateways.documents.read(f"schedule-profiles/{inbox.profile}.json", json_document(SiteProfile))
    if document.value is None and document.problem:
        raise _RejectedError(f"config/schedule-profiles/{inbox.profile}.json cannot be used: {document.problem}")
    try:
        return resolve_profile(inbox.profile, document.value)
    except ProfileError as error:
        raise _RejectedError(str(error)) from None


def _read(data: bytes, profile: ScheduleProfile, report: ImportReport) -> Reading:
    """What the file says, entered into the report. Raises _RejectedError when no row of it can be read."""
    reading = read_schedule(data, profile)
    report.rows, report.segments = reading.rows, len(reading.segments)
    report.skipped += reading.skipped
    report.issues += [*reading.issues, *(Issue(skip.code, skip.row) for skip in reading.skipped)]
    if not reading.segments:
        raise _RejectedError(f"none of the {reading.rows} rows can be read; see `skipped` for each")
    report.window = (
        min(segment.start for segment in reading.segments),
        max(segment.end for segment in reading.segments),
    )
    return reading


async def _look_up_references(reading: Reading, profile: ScheduleProfile, dynamics: Dynamics) -> ReferenceFacts:
    """The first look at Dynamics. Raises _HeldError when shift bookings are not set up there."""
    segments = reading.segments
    words = {segment.activity for segment in segments}
    named_statuses = {segment.status for segment in segments if segment.status}
    asked: dict[str, list[Query]] = {
        "metadata": [queries.setup_metadata_query()],
        "statuses": queries.status_queries(named_statuses | {profile.default_status or COMMITTED_NAME}),
        "users": queries.user_queries(profile.identity, {segment.agent for segment in segments}),
        "activity_types": queries.activity_type_queries({activity(word, profile).name for word in words}),
        "plans": queries.plan_queries({shift_plan_name(segment, profile) for segment in segments}),
    }
    answers = await _ask(asked, dynamics)
    facts = queries.reference_facts(profile.identity, **answers)
    if not facts.setup_metadata_present:
        raise _HeldError(
            f"Dynamics has no booking setup metadata row {SHIFT_BOOKING_SETUP_METADATA_ID}: workforce engagement "
            "(shift bookings) is not installed in this environment; install it, then drop the file again"
        )
    return facts


async def _look_up_bookings(placement: Placement, dynamics: Dynamics) -> BookingFacts:
    """The second look at Dynamics: resources of the matched users, bookings under the keys of this file."""
    asked = {
        "resources": queries.resource_queries({item.user.id for item in placement.placed}),
        "bookings": queries.booking_queries({item.booking_id for item in placement.placed}),
    }
    return queries.booking_facts(**await _ask(asked, dynamics))


async def _ask(asked: Mapping[str, list[Query]], dynamics: Dynamics) -> dict[str, list[JsonRow]]:
    """All answers to several questions, which together travel in as few requests as they fit in."""
    answers = iter(await dynamics.query_many([query for group in asked.values() for query in group]))
    return {name: [row for _ in group for row in next(answers)] for name, group in asked.items()}


async def _apply(plan: ImportPlan, report: ImportReport, dynamics: Dynamics) -> bool:
    """Write the plan: what bookings point at, then the bookings. Tells whether a reference row was written."""
    missing: dict[UUID, DataverseError] = {}
    wrote_references = False
    for table, rows in (
        (BOOKING_STATUS, plan.statuses),
        (SHIFT_ACTIVITY_TYPE, plan.activity_types),
        (SHIFT_PLAN, plan.plans),
        (BOOKABLE_RESOURCE, plan.resources),
    ):
        if rows:
            outcome = await dynamics.upsert_many(table, list(rows.values()))
            wrote_references = wrote_references or outcome.written > 0
            missing |= {UUID(failure.row_id): failure.error for failure in outcome.failures}
    writable = []
    for booking in plan.bookings:
        if missing.keys() & booking.needs:
            _refuse(report, booking, missing[next(key for key in booking.needs if key in missing)])
        else:
            writable.append(booking)
    await _write_bookings(writable, report, dynamics)
    return wrote_references


async def _write_bookings(bookings: Sequence[PlannedBooking], report: ImportReport, dynamics: Dynamics) -> None:
    if not bookings:
        return
    outcome = await dynamics.upsert_many(BOOKING, [booking.body for booking in bookings])
    refused = {UUID(failure.row_id): failure.error for failure in outcome.failures}
    for booking in bookings:
        if booking.booking_id in refused:
            _refuse(report, booking, refused[booking.booking_id])
        elif booking.is_new:
            report.created += 1
        else:
            report.updated += 1


def _refuse(report: ImportReport, booking: PlannedBooking, error: DataverseError) -> None:
    reason = f"Dynamics refused the row: {error.detail or error}"
    report.skipped.append(Skip(booking.row, "REFUSED_BY_DYNAMICS", reason))
    report.issues.append(Issue("REFUSED_BY_DYNAMICS", booking.row))


async def _write_report(inbox: _Inbox, report: ImportReport, gateways: ImportGateways) -> None:
    await gateways.files.write(REPORTS, f"{inbox.path}.report.json", report.json_bytes(), "application/json")
    level = logging.WARNING if report.status in {"held", "rejected"} else logging.INFO
    _log.log(
        level,
        "Schedule file %s is %s: %d created, %d updated, %d unchanged, %d skipped; %d Dataverse requests, %.1f s",
        inbox.path, report.status, report.created, report.updated, report.unchanged, len(report.skipped),
        report.dataverse_requests, report.seconds,
    )  # fmt: skip


async def _archive(inbox: _Inbox, stored: StoredFile, report: ImportReport, gateways: ImportGateways) -> None:
    """Move the file out of the inbox, unless a newer version has taken its place."""
    folder = PurePosixPath(inbox.profile) / report.import_id
    await gateways.files.write(ARCHIVE, str(folder / inbox.name), stored.data, "application/octet-stream")
    if not await gateways.files.delete(INBOX, inbox.path, etag=stored.etag):
        _log.info("Schedule file %s is no longer the version that was imported; what is there now stays", inbox.path)
