"""What a person wants done with a file: approve or reject a held one, undo an import, force one.

A command is an empty blob beside the file's place in the inbox: `<name>.approve`, `.reject`, `.undo`, `.force`. Each is
answered in `<profile>/<name>.<command>.report.json` and then leaves the inbox. Carrying one out twice changes nothing.
"""

import logging
from dataclasses import replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from functions.schedule_import.containers import INBOX
from functions.schedule_import.decide import precedence
from functions.schedule_import.decide.precedence import ImportState, PastImport
from functions.schedule_import.decide.undo import Reversal, first_of_each, reverse
from functions.schedule_import.history import ImportHistory
from functions.schedule_import.report import ImportReport
from functions.schedule_import.use_case import filing, looking
from functions.schedule_import.use_case.importing import Order, import_file
from functions.schedule_import.use_case.worlds import ImportGateways, InboxPath, import_id
from shared.dataverse.meter import count_requests
from shared.dataverse.tables import BOOKING
from shared.storage.files import FileChangedError, FileMissingError, FileTooLargeError, StoredFile
from shared.storage.leases import Lease

_log = logging.getLogger(__name__)

type Command = Literal["approve", "reject", "undo", "force"]

COMMANDS: tuple[Command, ...] = ("approve", "reject", "undo", "force")
_LARGEST_COMMAND = 1024
"""Some tools cannot write an empty blob; more than a line is a file that happens to be named like a command."""


def parse(inbox: InboxPath) -> tuple[Command | None, str]:
    """The command that a blob's name stands for, and the file name or import id that it speaks of."""
    for command in COMMANDS:
        target = inbox.name.removesuffix(f".{command}")
        if target != inbox.name and target:
            return command, target
    return None, inbox.name


async def carry_out(
    command: Command, inbox: InboxPath, target: str, lease: Lease, gateways: ImportGateways
) -> ImportReport | None:
    """Do what the command says and answer it. None when its blob is gone. Raises UnavailableError, StorageError."""
    try:
        blob = await gateways.files.read(INBOX, inbox.path, max_bytes=_LARGEST_COMMAND)
    except (FileMissingError, FileChangedError):
        return None
    except FileTooLargeError:
        answer = _answer(inbox, target, "rejected", f"{inbox.name} is not empty, so it is no command; it stays here")
        await filing.write_report(inbox.beside(target), answer, gateways, command=f".{command}")
        return answer
    started = gateways.now()
    with count_requests() as meter:
        if command == "undo":
            answer = await _undo(inbox, target, blob, lease, gateways)
        elif command == "reject":
            answer = await _reject(inbox, target, gateways)
        else:
            answer = await _import_by_hand(command, inbox, target, blob, lease, gateways)
    answer.dataverse_requests = meter.requests
    answer.seconds = (gateways.now() - started).total_seconds()
    await filing.write_report(inbox.beside(target), answer, gateways, command=f".{command}")
    await gateways.files.delete(INBOX, inbox.path, etag=blob.etag)
    return answer


def _answer(
    inbox: InboxPath, target: str, status: Literal["rejected", "undone", "unchanged", "imported"], reason: str
) -> ImportReport:
    return ImportReport(
        file=target, profile=inbox.profile, import_id="", sha256="", status=status, reasons=[reason] if reason else []
    )


# ------------------------------------------------------------------------------------------------ approve, force


async def _import_by_hand(
    command: Literal["approve", "force"],
    inbox: InboxPath,
    target: str,
    blob: StoredFile,
    lease: Lease,
    gateways: ImportGateways,
) -> ImportReport:
    order = Order(approved=command == "approve", force=command == "force")
    report = await import_file(inbox.beside(target), order, lease, gateways)
    if report is not None:
        return report
    history = ImportHistory(inbox.profile, gateways.tables, gateways.files)
    past = await history.imports()
    if (done := _carried_out(target, blob.uploaded, past)) is not None:
        answer = _answer(inbox, target, "imported", "the command was carried out before")
        answer.import_id, answer.sha256, answer.rows = done.import_id, done.sha256, done.rows
        return answer
    if command == "approve":
        return _answer(inbox, target, "rejected", "there is no file of this name in the inbox to approve")
    before = precedence.latest_of(target, past)
    if before is None:
        return _answer(inbox, target, "rejected", "no file or applied import of this name is known")
    if precedence.followed_by(before, past):
        return _answer(
            inbox, target, "rejected", "a later import speaks for the same agents and days; force that one instead"
        )
    again = await import_file(inbox.beside(before.file), replace(order, again=before), lease, gateways)
    return again or _answer(inbox, target, "rejected", "the file is no longer in the archive; drop it again")


def _carried_out(target: str, asked: datetime, past: list[PastImport]) -> PastImport | None:
    """The import that this command led to before, if it was killed between that and its answer."""
    done = (
        one
        for one in past
        if one.state is ImportState.APPLIED and target in {one.file, one.import_id} and one.tried and one.tried >= asked
    )
    return next(done, None)


# ------------------------------------------------------------------------------------------------------- reject


async def _reject(inbox: InboxPath, target: str, gateways: ImportGateways) -> ImportReport:
    """Take a held file out of the inbox without writing any of it."""
    beside = inbox.beside(target)
    history = ImportHistory(inbox.profile, gateways.tables, gateways.files)
    waiting = [
        one
        for one in await history.imports()
        if one.file == target and one.state in {ImportState.HELD, ImportState.WAITING, ImportState.FAILED}
    ]
    try:
        etag = await gateways.files.version(INBOX, beside.path)
    except FileMissingError:
        return _answer(inbox, target, "rejected", "there is no file of this name in the inbox; nothing was done")
    answer = _answer(inbox, target, "rejected", "a person has rejected the file; nothing of it was written")
    if waiting:
        latest = max(waiting, key=lambda one: one.sequence)
        answer.import_id, answer.sha256, answer.rows = latest.import_id, latest.sha256, latest.rows
    else:
        answer.import_id = f"{gateways.now():%Y%m%dT%H%M%SZ}-rejected"
    await filing.write_report(beside, answer, gateways)
    await filing.archive(beside, answer.import_id, etag, gateways)
    for one in waiting:
        await history.remember(replace(one, state=ImportState.REJECTED))
    await filing.leave_inbox(beside, etag, gateways)
    return answer


# --------------------------------------------------------------------------------------------------------- undo


async def _undo(
    inbox: InboxPath, target: str, blob: StoredFile, lease: Lease, gateways: ImportGateways
) -> ImportReport:
    """Every booking that the import touched back to what it was before."""
    history = ImportHistory(inbox.profile, gateways.tables, gateways.files)
    past = await history.imports()
    mark = f"{import_id(blob.uploaded, blob.etag)}-undo"
    begun = next((one for one in past if one.import_id == mark), None)
    if begun is not None and begun.state is ImportState.UNDO:
        return _answer(inbox, target, "undone", f"import {begun.reason} was undone by this command before")
    wanted = begun.reason if begun else target
    undone = precedence.latest_change(wanted, past)
    if undone is None:
        return _answer(inbox, target, "rejected", "no import of this name has changed anything, or it is forgotten")
    touched = first_of_each(await history.journals(undone.import_id))
    if not touched:
        return _answer(inbox, target, "rejected", f"what import {undone.import_id} touched is no longer known")
    this = PastImport(
        import_id=mark, state=ImportState.FAILED, file=undone.file, sha256="", sequence=lease.fence,
        age=blob.uploaded, window=undone.window, agents=undone.agents, reason=undone.import_id, tried=gateways.now(),
    )  # fmt: skip
    # Written down first: killed half-way, the next run undoes the same import, not the one before it.
    await history.remember(this)
    newest = not precedence.followed_by(undone, past)
    found = await looking.bookings_by_id(touched, gateways.dynamics)
    reversal = reverse(touched, found, inbox.profile, newest=newest)
    lease.check()
    answer = await _write_reversal(inbox, target, undone, reversal, gateways)
    await history.remember(replace(undone, state=ImportState.UNDONE))
    await history.remember(replace(this, state=ImportState.UNDO))
    return answer


async def _write_reversal(
    inbox: InboxPath, target: str, undone: PastImport, reversal: Reversal, gateways: ImportGateways
) -> ImportReport:
    answer = _answer(inbox, target, "undone", "")
    answer.import_id, answer.sha256, answer.window = undone.import_id, undone.sha256, undone.window
    refused = 0
    if reversal.restore:
        outcome = await gateways.dynamics.upsert_many(BOOKING, reversal.restore)
        refused += len(outcome.failures)
        answer.updated = len(reversal.restore) - len(outcome.failures)
    if reversal.remove:
        outcome = await gateways.dynamics.delete_many(BOOKING, map(UUID, reversal.remove))
        refused += len(outcome.failures)
        answer.removed = len(reversal.remove) - len(outcome.failures)
    answer.unchanged = reversal.unchanged
    if reversal.changed_since:
        answer.reasons.append(f"{len(reversal.changed_since)} bookings were changed since and stay as they are")
    if refused:
        answer.reasons.append(f"Dynamics refused {refused} bookings; they stay as they are")
    return answer
