"""The story of a schedule file: fetch it, read it, plan, hold or write, report, archive."""

import hashlib
import logging
import tempfile
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import BinaryIO

from functions.schedule_import.containers import ARCHIVE, INBOX
from functions.schedule_import.decide import precedence
from functions.schedule_import.decide.precedence import ImportState, PastImport
from functions.schedule_import.decide.scope import home_zone
from functions.schedule_import.history import ImportHistory
from functions.schedule_import.profile import ScheduleProfile
from functions.schedule_import.reading.reader import read_schedule
from functions.schedule_import.reading.records import FileContent
from functions.schedule_import.reading.segments import Issue, Reading, UnreadableFileError
from functions.schedule_import.report import ImportReport
from functions.schedule_import.use_case import filing, prerequisites
from functions.schedule_import.use_case.applying import hold_or_write
from functions.schedule_import.use_case.covering import coverage_of
from functions.schedule_import.use_case.memory import give_back_memory
from functions.schedule_import.use_case.planning import let_go, make_plan
from functions.schedule_import.use_case.prerequisites import NotReadyError, UnknownProfileError
from functions.schedule_import.use_case.run import HeldError, Order, RejectedError, Run
from functions.schedule_import.use_case.worlds import ImportGateways, InboxPath, archive_path, import_id
from shared.dataverse.errors import DataverseError, DeniedError, UnavailableError
from shared.dataverse.meter import count_requests
from shared.long_work import aside, many_objects
from shared.storage.errors import StorageError
from shared.storage.files import FetchedFile, FileChangedError, FileMissingError, FileTooLargeError
from shared.storage.leases import Lease, LeaseLostError

_log = logging.getLogger(__name__)

_SUMMED_UP = frozenset({"DELETED_IN_SOURCE", "CANCELLED", "UID_CONFLICT"})
"""Rows of which the reader tells once how many there are; each still stands in `skipped`."""


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
        open_files.enter_context(many_objects())
        stream = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the stack
        open_files.push_async_callback(aside, stream.close)
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
) -> Run:
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
    return Run(inbox, order, gateways, lease, history, past, stream, fetched, report, this)


async def _is_done(run: Run) -> bool:
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


async def _fill_report(run: Run, open_files: AsyncExitStack) -> bool:
    """Read, decide, write; the report says what is done. False when the file waits for its marker.

    Raises UnavailableError and StorageError; the attempt is then remembered as failed.
    """
    report = run.report
    try:
        return await _read_decide_write(run, open_files)
    except (RejectedError, UnknownProfileError, UnreadableFileError) as error:
        report.status, report.reasons = "rejected", [str(error)]
        run.this = replace(run.this, state=ImportState.REJECTED)
    except HeldError as error:
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


async def _finish(run: Run) -> None:
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


async def _read_decide_write(run: Run, open_files: AsyncExitStack) -> bool:
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
    plan = None
    try:
        await aside(give_back_memory)
        reading = await aside(_read, run, profile)
        await aside(give_back_memory)
        plan = await make_plan(run, profile, directory, reading)
        await aside(give_back_memory)
        await hold_or_write(run, profile, reading, plan)
        run.report.coverage = await coverage_of(plan, run)
    finally:
        if plan is not None:
            await aside(let_go, plan)
        await aside(give_back_memory)
    return True


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _read(run: Run, profile: ScheduleProfile) -> Reading:
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
