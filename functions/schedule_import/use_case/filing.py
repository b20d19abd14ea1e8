"""Reports, rejected rows and the archive: what stays behind of a file."""

import logging
from collections.abc import Iterable
from typing import BinaryIO

from functions.schedule_import.containers import ARCHIVE, INBOX, REPORTS
from functions.schedule_import.profile import ScheduleProfile
from functions.schedule_import.reading.records import FileContent
from functions.schedule_import.reading.rejected import write_rejected
from functions.schedule_import.reading.segments import Skip
from functions.schedule_import.report import ImportReport
from functions.schedule_import.use_case.worlds import ImportGateways, InboxPath, archive_path
from shared.long_work import aside
from shared.storage.files import FileChangedError, FileMissingError

_log = logging.getLogger(__name__)

_NOTHING_TO_MEND = frozenset(
    {"DUPLICATE", "NOT_COMMITTED", "DELETED_IN_SOURCE", "CANCELLED", "NO_SHIFT", "OPEN_SHIFT", "OUTSIDE_SCOPE"}
)
"""Rows that were left out because they say so themselves; a planner has nothing to correct."""


async def write_report(inbox: InboxPath, report: ImportReport, gateways: ImportGateways, *, command: str = "") -> None:
    """Leave the report where planners look, and its figures in the log."""
    data = await aside(report.json_bytes)
    await gateways.files.write(REPORTS, f"{inbox.path}{command}.report.json", data, "application/json")
    level = logging.WARNING if report.status in {"held", "rejected"} else logging.INFO
    _log.log(
        level,
        "Schedule file %s%s is %s: %d created, %d updated, %d removed, %d unchanged, %d skipped; "
        "%d Dataverse requests, %.1f s",
        inbox.path, command, report.status, report.created, report.updated, report.removed, report.unchanged,
        len(report.skipped), report.dataverse_requests, report.seconds,
    )  # fmt: skip


async def write_rejected_rows(
    inbox: InboxPath, stream: BinaryIO, profile: ScheduleProfile, report: ImportReport, gateways: ImportGateways
) -> None:
    """The rows that were left out, in the file's own layout with a reason each, to be mended and dropped again."""
    reasons = await aside(_reasons, report.skipped)
    if not reasons:
        return
    written = await aside(write_rejected, FileContent(inbox.name, stream), profile, reasons)
    if written is not None:
        data, content_type = written
        await gateways.files.write(REPORTS, rejected_path(inbox), data, content_type)


def _reasons(skipped: Iterable[Skip]) -> dict[int, str]:
    """By row, everything that has to be mended."""
    said: dict[int, dict[str, None]] = {}
    for skip in skipped:
        if skip.code not in _NOTHING_TO_MEND:
            reason = f"{skip.column}: {skip.reason}" if skip.column else skip.reason
            said.setdefault(skip.row, {})[reason] = None
    return {row: "; ".join(of_row) for row, of_row in said.items()}


def rejected_path(inbox: InboxPath) -> str:
    """`<profile>/<name>.rejected.<own extension>`."""
    _, dot, extension = inbox.name.rpartition(".")
    return f"{inbox.path}.rejected{dot}{extension}" if dot else f"{inbox.path}.rejected"


def is_left_out_for_good(code: str) -> bool:
    """Whether a row of this code needs nobody to mend it."""
    return code in _NOTHING_TO_MEND


async def archive(inbox: InboxPath, import_id: str, etag: str, gateways: ImportGateways) -> None:
    """Keep this version of the file for good. It stays in the inbox until `leave_inbox`."""
    await gateways.files.copy(INBOX, inbox.path, ARCHIVE, archive_path(inbox.profile, import_id, inbox.name), etag=etag)


async def archive_imported(
    inbox: InboxPath, import_id: str, etag: str, stream: BinaryIO, gateways: ImportGateways
) -> None:
    """Keep what was imported for good, also when a newer version of the file, or nothing, has taken its place."""
    try:
        await archive(inbox, import_id, etag, gateways)
    except (FileMissingError, FileChangedError):
        stream.seek(0)
        path = archive_path(inbox.profile, import_id, inbox.name)
        await gateways.files.write(ARCHIVE, path, await aside(stream.read), "application/octet-stream")


async def leave_inbox(inbox: InboxPath, etag: str, gateways: ImportGateways) -> None:
    """Take the file out of the inbox, unless a newer version has taken its place."""
    if not await gateways.files.delete(INBOX, inbox.path, etag=etag):
        _log.info("Schedule file %s is no longer the version that was imported; what is there now stays", inbox.path)
