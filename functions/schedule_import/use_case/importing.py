"""The story of a schedule file: read it, look at Dynamics, decide, weigh, write, report, archive."""

import asyncio
import hashlib
import logging
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack, nullcontext
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import islice
from typing import BinaryIO

from functions.schedule_import.containers import ARCHIVE, INBOX
from functions.schedule_import.decide import coverage, precedence
from functions.schedule_import.decide.agents import Matching, PlacedSegments, match_agents, place_segments
from functions.schedule_import.decide.delta import bookings_to_remove, choose_numbers, key_groups
from functions.schedule_import.decide.diff import Comparison, Difference
from functions.schedule_import.decide.edges import after_last_midnight, digests
from functions.schedule_import.decide.facts import Booking, Guid, ReferenceFacts, WantedBooking
from functions.schedule_import.decide.hold import Reason, plan_digest, weigh
from functions.schedule_import.decide.overlaps import count_overlaps, overlaps_in_file, overlaps_with_others
from functions.schedule_import.decide.precedence import ImportState, PastImport
from functions.schedule_import.decide.record_ids import mark_prefix
from functions.schedule_import.decide.scope import FileScope, file_scope, home_zone, protection, shift_days
from functions.schedule_import.decide.shift_days import Stretch, local_date, shift_starts
from functions.schedule_import.decide.undo import first_of_each, journal, removes
from functions.schedule_import.decide.wanted import (
    Wanted,
    canceled_status,
    first_column,
    shift_plan_name,
    want_bookings,
)
from functions.schedule_import.history import ImportHistory
from functions.schedule_import.profile import ScheduleProfile
from functions.schedule_import.reading.agents_csv import AgentDirectory
from functions.schedule_import.reading.reader import read_schedule
from functions.schedule_import.reading.records import FileContent
from functions.schedule_import.reading.segments import Issue, Reading, UnreadableFileError
from functions.schedule_import.report import MOST_LISTED, ImportReport
from functions.schedule_import.use_case import filing, looking, prerequisites
from functions.schedule_import.use_case.memory import LARGE_FILE, collector_paused, collector_resumes, give_back_memory
from functions.schedule_import.use_case.prerequisites import NotReadyError, UnknownProfileError
from functions.schedule_import.use_case.worlds import ImportGateways, InboxPath, archive_path, import_id
from functions.schedule_import.use_case.writing import Progress, Written, write_plan
from shared.dataverse.errors import DataverseError, DeniedError, UnavailableError
from shared.dataverse.meter import Meter, count_requests
from shared.dataverse.tables import SHIFT_BOOKING_SETUP_METADATA_ID
from shared.storage.errors import StorageError
from shared.storage.files import FetchedFile, FileChangedError, FileMissingError, FileTooLargeError
from shared.storage.leases import Lease, LeaseLostError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Why a file is imported: it arrived, or a person wants more than that."""

    force: bool = False
    """Compare with Dynamics even if the content was applied before."""
    approved: bool = False
    """A person has approved the plan for which the file is held."""
    again: PastImport | None = None
    """Take the archived file of this import instead of one in the inbox."""
    command: str = ""
    """The person's command, which is answered with a report of its own: `.approve`."""
    command_etag: str = ""
    """The version of the command's blob."""
    asked: datetime | None = None
    """When the person gave the command."""


ARRIVED = Order()

_SUMMED_UP = frozenset({"DELETED_IN_SOURCE", "CANCELLED", "UID_CONFLICT"})
"""Rows of which the reader tells once how many there are; each still stands in `skipped`."""


class _HeldError(Exception):
    """Nothing may be written until a person has decided; the file stays in the inbox."""

    def __init__(self, reasons: Sequence[Reason], digest: str) -> None:
        super().__init__("; ".join(reason.text for reason in reasons))
        self.reasons, self.digest = reasons, digest


class RejectedError(Exception):
    """The file cannot be imported as it is."""


@dataclass(slots=True)
class _Run:
    """One file under work, and what is known of it so far."""

    inbox: InboxPath
    order: Order
    gateways: ImportGateways
    lease: Lease
    history: ImportHistory
    past: list[PastImport]
    stream: BinaryIO
    fetched: FetchedFile
    report: ImportReport
    this: PastImport
    meter: Meter = field(default_factory=Meter)
    profile: ScheduleProfile | None = None
    companion: tuple[InboxPath, FetchedFile, BinaryIO] | None = None
    journaled: bool = False

    @property
    def known(self) -> PastImport | None:
        """What is remembered of this import."""
        return next((one for one in self.past if one.import_id == self.this.import_id), None)

    @property
    def under_way(self) -> PastImport:
        """What is to be remembered until the import has its status. One that is done once more stays applied."""
        if (again := self.order.again) is None:
            return self.this
        return replace(again, attempts=self.this.attempts, changed=again.changed or self.this.changed)


async def import_file(inbox: InboxPath, order: Order, lease: Lease, gateways: ImportGateways) -> ImportReport | None:
    """Make Dynamics have what the file says, and leave a report; the caller holds the lease of its profile.

    Repeating it, also after being killed anywhere, ends in the same bookings. None when there is nothing to do: the
    file is gone, was overwritten meanwhile (its new version has an event of its own), was done before, or waits for
    its marker. Raises UnavailableError and StorageError when an outside world is out of reach.
    """
    started = gateways.now()
    container, path = INBOX, inbox.path
    if (again := order.again) is not None:
        container, path = ARCHIVE, archive_path(inbox.profile, again.import_id, again.file)
    async with AsyncExitStack() as open_files:
        stream = open_files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - closed by the stack
        try:
            fetched = await gateways.files.read_into(container, path, stream, max_bytes=gateways.max_bytes)
        except (FileMissingError, FileChangedError):
            _log.info("Schedule file %s is gone or was overwritten; nothing to do", inbox.path)
            return None
        except FileTooLargeError as error:
            return await _reject_oversized(inbox, error, gateways)
        history = ImportHistory(inbox.profile, gateways.tables, gateways.files)
        past = await history.imports()
        run = _run(inbox, order, lease, history, past, stream, fetched, gateways)
        if order.again is None and await _is_done(run):
            return None
        with count_requests() as run.meter:
            if not await _fill_report(run, open_files):
                return None
        run.report.dataverse_requests = run.meter.requests
        run.report.seconds = (gateways.now() - started).total_seconds()
        await _finish(run)
        return run.report


def _run(
    inbox: InboxPath,
    order: Order,
    lease: Lease,
    history: ImportHistory,
    past: list[PastImport],
    stream: BinaryIO,
    fetched: FetchedFile,
    gateways: ImportGateways,
) -> _Run:
    key = order.again.import_id if order.again else import_id(fetched.uploaded, fetched.etag)
    report = ImportReport(
        file=inbox.name, profile=inbox.profile, import_id=key, sha256=fetched.sha256, status="imported"
    )
    known = next((one for one in past if one.import_id == key), None)
    this = PastImport(
        import_id=key,
        state=ImportState.FAILED,
        file=inbox.name,
        sha256=fetched.sha256,
        sequence=lease.fence,
        age=known.age if known else fetched.uploaded,
        attempts=known.attempts + 1 if known else 1,
        plan_digest=known.plan_digest if known else "",
        settled=known.settled if known else 0,
        changed=known.changed if known else False,
        tried=gateways.now(),
        etag=fetched.etag,
        command=order.command_etag,
    )
    return _Run(inbox, order, gateways, lease, history, past, stream, fetched, report, this)


async def _is_done(run: _Run) -> bool:
    """Whether this very delivery has its status already; what was left undone of tidying up is done."""
    known = run.known
    if known is None or known.state in {ImportState.FAILED, ImportState.WAITING}:
        return False
    if known.state is ImportState.HELD:
        return not run.order.approved and not run.order.force
    if known.state in {ImportState.APPLIED, ImportState.REJECTED, ImportState.UNDONE}:
        if run.order.force and known.state is ImportState.APPLIED:
            return False
        await filing.archive(run.inbox, known.import_id, run.fetched.etag, run.gateways)
        await filing.leave_inbox(run.inbox, run.fetched.etag, run.gateways)
    return True


async def _reject_oversized(inbox: InboxPath, error: FileTooLargeError, gateways: ImportGateways) -> ImportReport:
    """A file that is not even looked at; it leaves the inbox all the same."""
    etag = await gateways.files.version(INBOX, inbox.path)
    key = f"{gateways.now():%Y%m%dT%H%M%SZ}-oversize"
    report = ImportReport(
        file=inbox.name, profile=inbox.profile, import_id=key, sha256="", status="rejected",
        reasons=[f"{error}; split it, or raise SCHEDULE_MAX_BYTES"],
    )  # fmt: skip
    await _reject_unread(inbox, report, etag, gateways)
    return report


async def reject_unplaced(inbox: InboxPath, gateways: ImportGateways) -> ImportReport | None:
    """A file outside of every profile's folder: nobody can say how to read it."""
    try:
        etag = await gateways.files.version(INBOX, inbox.path)
    except FileMissingError:
        return None
    key = f"{gateways.now():%Y%m%dT%H%M%SZ}-unplaced"
    report = ImportReport(
        file=inbox.name, profile=inbox.profile, import_id=key, sha256="", status="rejected",
        reasons=[prerequisites.no_profile(inbox)],
    )  # fmt: skip
    await _reject_unread(inbox, report, etag, gateways)
    return report


async def _reject_unread(inbox: InboxPath, report: ImportReport, etag: str, gateways: ImportGateways) -> None:
    await filing.write_report(inbox, report, gateways)
    try:
        await filing.archive(inbox, report.import_id, etag, gateways)
    except (FileMissingError, FileChangedError):
        return
    await filing.leave_inbox(inbox, etag, gateways)


# ------------------------------------------------------------------------------------------------- the outcome


async def _fill_report(run: _Run, open_files: AsyncExitStack) -> bool:
    """Read, decide, write; the report says what is done. False when the file waits for its marker.

    Raises UnavailableError and StorageError; the attempt is then remembered as failed.
    """
    report = run.report
    try:
        return await _read_decide_write(run, open_files)
    except (RejectedError, UnknownProfileError, UnreadableFileError) as error:
        report.status, report.reasons = "rejected", [str(error)]
        run.this = replace(run.this, state=ImportState.REJECTED)
    except _HeldError as error:
        report.status, report.reasons = "held", [f"{reason.code}: {reason.text}" for reason in error.reasons]
        run.this = replace(run.this, state=ImportState.HELD, plan_digest=error.digest)
    except NotReadyError as error:
        report.status, report.reasons = "held", [str(error)]
        run.this = replace(run.this, state=ImportState.WAITING, reason=str(error))
    except LeaseLostError:
        # Another worker may have settled this import by now; what it remembers must stay.
        raise
    except (UnavailableError, StorageError) as error:
        await run.history.remember(replace(run.under_way, reason=f"{type(error).__name__}: {error}"))
        raise
    except DataverseError as error:
        # A right or a column that is missing there stops every row alike, and a repetition cannot help.
        report.status, report.reasons = "held", [_refusal(error)]
        run.this = replace(run.this, state=ImportState.WAITING, reason=_refusal(error))
    return True


def _refusal(error: DataverseError) -> str:
    advice = (
        "check the app's application user and its security role"
        if isinstance(error, DeniedError)
        else "check that the environment has workforce engagement (shift bookings) in a current version"
    )
    return f"Dynamics refused the import: {error.detail or error}; {advice}. The file is tried again by itself"


async def _finish(run: _Run) -> None:
    """Report, archive, memory, and the inbox last: killed in between, the next run finds what is missing."""
    gateways, inbox = run.gateways, run.inbox
    if run.order.again is None:
        if run.profile is not None:
            await filing.write_rejected_rows(inbox, run.stream, run.profile, run.report, gateways)
        await filing.write_report(inbox, run.report, gateways)
        if run.report.final:
            await filing.archive_imported(inbox, run.this.import_id, run.fetched.etag, run.stream, gateways)
    if run.order.command:
        # Before the memory says that it is done: killed in between, the command finds its answer there.
        await filing.write_report(inbox, run.report, gateways, command=run.order.command)
    settled = replace(run.this, settled=run.this.attempts)
    is_done_again = run.order.again is not None and settled.state is not ImportState.APPLIED
    await run.history.remember(run.under_way if is_done_again else settled)
    if run.order.again is None and run.report.final:
        await filing.leave_inbox(inbox, run.fetched.etag, gateways)
        if run.companion is not None:
            beside, fetched, _ = run.companion
            await filing.archive(beside, run.this.import_id, fetched.etag, gateways)
            await filing.leave_inbox(beside, fetched.etag, gateways)
        if run.profile is not None and run.profile.marker:
            await prerequisites.remove_marker(inbox, run.profile.marker, gateways.files)


# --------------------------------------------------------------------------------------------------- the story


async def _read_decide_write(run: _Run, open_files: AsyncExitStack) -> bool:
    profile, document_digest = await prerequisites.profile(run.inbox, run.gateways.documents)
    run.profile = profile
    if (
        profile.marker
        and run.order.again is None
        and not await prerequisites.marker_is_there(run.inbox, profile.marker, run.gateways.files)
    ):
        _log.info("Schedule file %s waits for its marker", run.inbox.path)
        return False
    directory, directory_digest = await prerequisites.directory(profile, run.gateways.documents)
    run.companion = await prerequisites.companion(run.inbox, run.order.again, profile, run.gateways, open_files)
    content = run.fetched.sha256 + (run.companion[1].sha256 if run.companion else "")
    run.this = replace(run.this, sha256=content, profile_digest=_digest(document_digest + directory_digest))
    before = precedence.already_applied(content, run.this.profile_digest, run.past)
    if before is not None and not run.order.force and run.order.again is None:
        run.report.status = "unchanged"
        run.report.reasons = [f"the content is that of {before.file}, import {before.import_id}, which is in force"]
        run.report.rows, run.report.window = before.rows, before.window
        run.report.unchanged = before.bookings
        run.this = replace(
            before, import_id=run.this.import_id, file=run.inbox.name, sequence=run.this.sequence,
            age=run.this.age, attempts=run.this.attempts, changed=False, etag=run.this.etag, tried=run.this.tried,
        )  # fmt: skip
        return True
    # Reading and deciding are work for the processor. In a thread of their own they leave the event loop to the
    # other functions of the process, whose callers wait.
    is_large = run.fetched.size >= LARGE_FILE
    try:
        with collector_paused() if is_large else nullcontext():
            give_back_memory()
            reading = await asyncio.to_thread(_read, run, profile)
            give_back_memory()
            plan = await _plan(run, profile, directory, reading)
        give_back_memory()
        await _hold_or_write(run, profile, reading, plan)
        run.report.coverage = await asyncio.to_thread(_coverage, plan, mark_prefix(profile.name), run.gateways.now())
        del plan
    finally:
        if is_large:
            collector_resumes()
        give_back_memory()
    return True


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _read(run: _Run, profile: ScheduleProfile) -> Reading:
    """What the file says, entered into the report. Raises RejectedError when no row of it can be read."""
    report = run.report
    companion = run.companion
    run.stream.seek(0)
    reading = read_schedule(
        FileContent(run.inbox.name, run.stream),
        profile,
        FileContent(companion[0].name, companion[2]) if companion else None,
    )
    report.rows, report.segments = reading.rows, len(reading.segments)
    report.skipped += reading.skipped
    report.issues += reading.issues
    summed_up = {issue.code for issue in reading.issues} & _SUMMED_UP
    report.issues += [Issue(skip.code, skip.row) for skip in reading.skipped if skip.code not in summed_up]
    if reading.protected and not reading.segments and not reading.removed:
        raise RejectedError(f"none of the {reading.rows} rows can be read; see `skipped` for each")
    shape, first = precedence.shape(reading.segments, home_zone(reading, profile))
    run.this = replace(run.this, rows=reading.rows, shape=shape, first_day=first, stamp=reading.stamp)
    return reading


@dataclass(frozen=True, slots=True)
class _Plan:
    """What Dynamics shall have, beside what it has."""

    scope: FileScope
    references: ReferenceFacts
    wanted: Wanted
    difference: Difference


async def _plan(run: _Run, profile: ScheduleProfile, directory: AgentDirectory, reading: Reading) -> _Plan:
    report, dynamics = run.report, run.gateways.dynamics
    keys = await asyncio.to_thread(looking.keys_of, reading, profile)
    references = await looking.look_up_references(keys, directory, dynamics)
    if not references.setup_metadata_present:
        raise NotReadyError(
            f"Dynamics has no booking setup metadata row {SHIFT_BOOKING_SETUP_METADATA_ID}: workforce engagement "
            "(shift bookings) is not installed in this environment; install it. The file is tried again by itself"
        )
    matching = match_agents(keys, references.users, directory)
    agent_column = first_column(profile.sources[0].fields.agent) or ""
    placed = await asyncio.to_thread(place_segments, reading.segments, matching, agent_column)
    members = await looking.look_up_plan_members(profile, dynamics)
    scope = await asyncio.to_thread(
        file_scope, reading, placed, matching, profile, uploaded=run.fetched.uploaded, plan_agents=members
    )
    reading.segments = []  # they are in `placed`, which gives them up one agent at a time
    report.skipped += placed.skipped
    report.issues += placed.issues
    report.agents = len(scope.agents)
    report.window = scope.window or await asyncio.to_thread(_span, placed)
    run.this = replace(run.this, window=report.window, agents=digests(scope.agents))
    return await _compared(run, profile, reading, placed, matching, scope, references)


def _span(placed: PlacedSegments) -> tuple[datetime, datetime] | None:
    """From the first start to the last end of the rows of a file that speaks for its rows only."""
    segments = [segment for mine in placed.by_user.values() for segment in mine]
    if not segments:
        return None
    return min(one.start for one in segments), max(one.end for one in segments)


async def _compared(
    run: _Run,
    profile: ScheduleProfile,
    reading: Reading,
    placed: PlacedSegments,
    matching: Matching,
    scope: FileScope,
    references: ReferenceFacts,
) -> _Plan:
    report, gateways = run.report, run.gateways
    names = await asyncio.to_thread(_plan_names, placed, scope, profile)
    look = await looking.look_up_plans_and_resources(references, names, scope.agents, gateways.dynamics)
    speaks_for_rows = scope.days is None
    numbers, removals = None, []
    if speaks_for_rows:
        groups = await asyncio.to_thread(key_groups, placed, reading.removed, matching)
        occupied = await looking.occupied_numbers(groups, profile.name, gateways.dynamics)
        numbers = {
            group: choose_numbers(segments, occupied.get(group, {}), profile, adding_only=reading.dropped_again)
            for group, segments in groups.items()
        }
        if not reading.dropped_again:
            removals = list(bookings_to_remove(reading.removed, matching, occupied))
    wanted = await asyncio.to_thread(want_bookings, placed, look.references, look.resources, scope, profile, numbers)
    report.skipped += wanted.skipped
    report.issues += wanted.issues
    users = {resource.id: resource.user_id for resource in look.resources}
    comparison = await asyncio.to_thread(
        Comparison,
        wanted.bookings,
        scope,
        profile.name,
        users=users,
        canceled=references.canceled_statuses(),
        assignable=references.assignable_types(),
        now=gateways.now(),
        cancels=profile.removal == "cancel",
        edges=precedence.spoken_for(run.past),
    )
    await looking.compare_with_bookings(comparison, scope, look.resources, gateways.dynamics)
    guard = protection(reading, wanted.unwritten_days, matching)
    difference = await asyncio.to_thread(comparison.result, guard)
    after = await asyncio.to_thread(lambda: digests(after_last_midnight(wanted.bookings, scope)))
    run.this = replace(run.this, after=after)
    _remove_marked(difference, removals, wanted, references, scope, cancels=profile.removal == "cancel")
    await asyncio.to_thread(_tell_overlaps, report, wanted, difference)
    return _Plan(scope, look.references, wanted, difference)


def _coverage(plan: _Plan, prefix: str, now: datetime) -> list[coverage.Gap | coverage.Blocked]:
    wanted, assignable = plan.wanted, plan.references.assignable_types()
    return [
        *coverage.gaps(wanted.bookings, wanted.plan_names, now),
        *coverage.blocked(wanted.bookings, plan.difference.foreign, assignable, prefix, now),
    ]


def _plan_names(placed: PlacedSegments, scope: FileScope, profile: ScheduleProfile) -> set[str]:
    said: set[tuple[str, str, str, date]] = set()
    for user, segments in placed.by_user.items():
        days = shift_days(segments, scope.zone_of(user), scope.margin)
        said.update((one.plan, one.team, one.site, day) for one, day in zip(segments, days, strict=True))
    return {shift_plan_name(*one, profile) for one in said}


def _remove_marked(
    difference: Difference,
    removals: Sequence[tuple[Guid, Booking, object]],
    wanted: Wanted,
    references: ReferenceFacts,
    scope: FileScope,
    *,
    cancels: bool,
) -> None:
    """Rows of a delta that say "deleted" take their booking away, unless another row of the file keeps it."""
    if not removals:
        return
    kept = {booking.id for bookings in wanted.bookings.values() for booking in bookings}
    canceled = references.canceled_statuses()
    for user, booking, _ in removals:
        if booking.id not in kept and not (cancels and booking.status in canceled):
            difference.removals.append((user, booking, local_date(booking.start, scope.zone_of(user))))
            kept.add(booking.id)


def _tell_overlaps(report: ImportReport, wanted: Wanted, difference: Difference) -> None:
    report.overlaps_found = count_overlaps(wanted.bookings)
    for overlap in islice(overlaps_in_file(wanted.bookings), MOST_LISTED):
        report.overlaps.append(overlap)
        later = max(overlap, key=lambda claim: claim.row or 0)
        other = min(overlap, key=lambda claim: claim.row or 0)
        report.issues.append(Issue("OVERLAP", later.row or 0, agent=later.agent, value=f"row {other.row}"))
    for overlap, booking, _ in overlaps_with_others(wanted.bookings, difference.foreign):
        report.overlaps_found += 1
        if len(report.overlaps) < MOST_LISTED:
            report.overlaps.append(overlap)
            report.issues.append(
                Issue("OVERLAP", booking.row, agent=booking.agent, value="a booking of another source")
            )


async def _hold_or_write(run: _Run, profile: ScheduleProfile, reading: Reading, plan: _Plan) -> None:
    report = run.report
    scope, references, wanted, difference = plan.scope, plan.references, plan.wanted, plan.difference
    reasons = await _reasons_to_wait(run, profile, reading, scope, wanted, difference)
    if reasons:
        digest = await asyncio.to_thread(plan_digest, difference)
        if not _is_approved(run, digest):
            if run.order.approved:
                reasons.append(
                    Reason("PLAN_CHANGED", "what would be written is no longer what was approved; look again")
                )
            report.unchanged = difference.unchanged
            raise _HeldError([Reason("PLAN", _figures(difference)), *reasons], digest)
    run.lease.check()
    written = await _write(run, profile, references, wanted, difference, scope)
    # Frozen for longer than the lease, it may have written over a newer file's bookings.
    run.lease.check()
    report.unchanged, report.protected = difference.unchanged, difference.protected + written.kept
    await _add_earlier_attempts(run, canceled_status(references)[0] if profile.removal == "cancel" else None)
    report.skipped += written.skipped
    report.issues += written.issues
    changed = bool(written.created or written.updated or written.removed)
    has_done = report.created or report.updated or report.removed or difference.changes or written.wrote_references
    if difference.unchanged and not has_done:
        report.status = "unchanged"
    run.this = replace(
        run.this,
        state=ImportState.APPLIED,
        changed=changed or run.this.changed,
        clean=all(filing.is_left_out_for_good(skip.code) for skip in report.skipped),
        bookings=sum(map(len, wanted.bookings.values())),
        plan_digest="",
    )


def _is_approved(run: _Run, digest: str) -> bool:
    """Whether a person has approved this very plan, or one whose writing broke off."""
    known = run.known
    if not run.order.approved or known is None:
        return False
    if known.state is ImportState.FAILED and known.changed:
        return True
    # Held by the very command that is repeated now: nobody has seen these figures yet.
    unseen = run.order.asked and known.tried and known.tried.replace(microsecond=0) > run.order.asked
    return digest == known.plan_digest and not unseen


def _figures(difference: Difference) -> str:
    """The plan in one line, as a person weighs it."""
    return (
        f"+{len(difference.creates)} bookings, ~{len(difference.updates)} changed, -{len(difference.removals)} of "
        f"{difference.total.bookings}; {len(difference.without_work_tomorrow)} agents would have no work tomorrow"
    )


async def _reasons_to_wait(
    run: _Run,
    profile: ScheduleProfile,
    reading: Reading,
    scope: FileScope,
    wanted: Wanted,
    difference: Difference,
) -> list[Reason]:
    """Everything that a person should look at before this is written; nothing for files that only add, and for what
    was weighed before."""
    again = run.order.again
    if again is not None and (again.sha256, again.profile_digest) == (run.this.sha256, run.this.profile_digest):
        return []
    if scope.days is None and (profile.scope.mode == "delta" or reading.dropped_again):
        newer = precedence.overruled_by(run.this, run.past) if not reading.dropped_again else None
        return [precedence.older_reason(newer)] if newer else []
    reasons = []
    if not reading.rows:
        reasons.append(Reason("EMPTY_FILE", "the file has a header and no rows; an empty schedule needs an approval"))
    if (newer := precedence.overruled_by(run.this, run.past)) is not None:
        reasons.append(precedence.older_reason(newer))
    if (moved := precedence.displaced(run.this, run.past, profile, run.gateways.now())) is not None:
        reasons.append(moved)
    # Where Dynamics has nothing of these agents and days there is nothing that a cut file could take away.
    before = precedence.perhaps_cut(run.this, run.past, profile) if difference.total.bookings else None
    if before is not None and await _is_cut(run, before):
        reasons.append(precedence.cut_reason(run.this, before))
    plans = await looking.plan_names(difference.by_plan.keys() - {""} - wanted.plan_names.keys(), run.gateways.dynamics)
    agents = {user: bookings[0].agent for user, bookings in wanted.bookings.items() if bookings}
    return reasons + weigh(difference, profile.hold, agent_names=agents, plan_names=wanted.plan_names | plans)


async def _is_cut(run: _Run, before: PastImport) -> bool:
    """Whether the file is the beginning of the archived file of an import."""
    with tempfile.TemporaryFile() as old:
        path = archive_path(run.inbox.profile, before.import_id, before.file)
        try:
            await run.gateways.files.read_into(ARCHIVE, path, old, max_bytes=run.gateways.max_bytes)
        except (FileMissingError, FileChangedError, FileTooLargeError):
            return False
        old.seek(0)
        run.stream.seek(0)
        return await asyncio.to_thread(precedence.is_beginning, run.stream, old)


async def _write(
    run: _Run,
    profile: ScheduleProfile,
    references: ReferenceFacts,
    wanted: Wanted,
    difference: Difference,
    scope: FileScope,
) -> Written:
    """Journal, then write. The report has what the import did over all its attempts."""
    removal = canceled_status(references) if profile.removal == "cancel" else None
    if difference.changes:
        # Written down before the first booking is: what was there can be restored wherever this breaks off.
        run.this = replace(run.this, changed=True)
        await run.history.remember(run.under_way)
        lines = journal(difference, removal[0] if removal else None)
        await run.history.write_journal(run.this.import_id, run.this.attempts, lines)
        run.journaled = True
    progress = Progress(run.inbox.path, difference.changes, run.gateways.now, run.lease.check, run.meter)
    written = await write_plan(
        difference, wanted.references, removal, _day_of(wanted, scope), progress, run.gateways.dynamics
    )
    report = run.report
    report.created, report.updated, report.removed = written.created, written.updated, written.removed
    return written


def _day_of(wanted: Wanted, scope: FileScope) -> "DayOf":
    return DayOf(wanted, scope)


class DayOf:
    """The shift's day of a wanted booking."""

    def __init__(self, wanted: Wanted, scope: FileScope) -> None:
        self._wanted = wanted
        self._scope = scope

    def __call__(self, booking: WantedBooking) -> date:
        mine = self._wanted.bookings[booking.user]
        starts = shift_starts([Stretch(one.start, one.end) for one in mine], self._scope.margin)
        start = next(start for one, start in zip(mine, starts, strict=True) if one.id == booking.id)
        return local_date(start, self._scope.zone_of(booking.user))


async def _add_earlier_attempts(run: _Run, removed_status: Guid | None) -> None:
    """What attempts that broke off have written counts too: the report speaks of the import as a whole."""
    if run.this.attempts <= run.this.settled + 1:
        return
    attempts = await run.history.journals(run.this.import_id, after=run.this.settled)
    earlier = attempts[:-1] if run.journaled else attempts
    last = {line.id for line in attempts[-1]} if run.journaled else set()
    report = run.report
    for line in first_of_each(earlier).values():
        if line.id in last:
            continue
        if removes(line, removed_status):
            report.removed += 1
            continue
        # It was found as the file wants it, because an earlier attempt has made it so.
        report.unchanged -= 1
        if line.before is None:
            report.created += 1
        else:
            report.updated += 1
