"""What a person wants done with a file: approve or reject a held one, undo an import, force one.

A command is an empty blob beside the file's place in the inbox: `<name>.approve`, `.reject`, `.undo`, `.force`. Each is
answered in `<profile>/<name>.<command>.report.json` and then leaves the inbox. Carrying one out twice changes nothing.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Literal
from uuid import UUID

from functions.schedule_import.containers import INBOX
from functions.schedule_import.decide import precedence
from functions.schedule_import.decide.facts import Guid
from functions.schedule_import.decide.precedence import ImportState, PastImport
from functions.schedule_import.decide.undo import Reversal, Touched, first_of_each, reverse
from functions.schedule_import.history import ImportHistory
from functions.schedule_import.report import ImportReport
from functions.schedule_import.use_case import filing, looking
from functions.schedule_import.use_case.importing import import_file
from functions.schedule_import.use_case.run import Order
from functions.schedule_import.use_case.worlds import ImportGateways, InboxPath, import_id
from shared.dataverse.meter import count_requests
from shared.dataverse.tables import BOOKING
from shared.long_work import aside
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
    """Do what the command says and answer it. None when its blob is gone, or when it was carried out and answered
    before. Raises UnavailableError, StorageError.
    """
    try:
        blob = await gateways.files.read(INBOX, inbox.path, max_bytes=_LARGEST_COMMAND)
    except (FileMissingError, FileChangedError):
        return None
    except FileTooLargeError:
        refusal = _answer(inbox, target, "rejected", f"{inbox.name} is not empty, so it is no command; it stays here")
        await filing.write_report(inbox.beside(target), refusal, gateways, command=f".{command}")
        return refusal
    started = gateways.now()
    with count_requests() as meter:
        if command == "undo":
            outcome = await _undo(inbox, target, blob, lease, gateways)
        elif command == "reject":
            outcome = await _reject(inbox, target, blob, gateways)
        else:
            outcome = await _import_by_hand(command, inbox, target, blob, lease, gateways)
    answer, settle = outcome
    if answer is not None and settle is not None:
        answer.dataverse_requests = meter.requests
        answer.seconds = (gateways.now() - started).total_seconds()
        await filing.write_report(inbox.beside(target), answer, gateways, command=f".{command}")
        await settle()
    await gateways.files.delete(INBOX, inbox.path, etag=blob.etag)
    return answer


type _Outcome = tuple[ImportReport | None, Callable[[], Awaitable[None]] | None]
"""The answer (None where it was given before), and what is left to do once it is written: only then does the memory
say that the command was carried out, so that it is answered wherever it breaks off. None where all is written."""


async def _nothing() -> None:
    return


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
) -> _Outcome:
    order = Order(
        approved=command == "approve", force=command == "force", command=f".{command}", command_etag=blob.etag,
        asked=blob.uploaded,
    )  # fmt: skip
    report = await import_file(inbox.beside(target), order, lease, gateways)
    if report is not None:
        return report, None
    history = ImportHistory(inbox.profile, gateways.tables, gateways.files)
    past = await history.imports()
    if _was_done(blob, ImportState.APPLIED, past):
        return None, None
    if command == "approve":
        return _answer(inbox, target, "rejected", "there is no file of this name in the inbox to approve"), _nothing
    before = precedence.latest_of(target, past)
    if before is None:
        return _answer(inbox, target, "rejected", "no file or applied import of this name is known"), _nothing
    # What was undone since does not count: a person wants this file after all.
    files = [one for one in past if one.state is not ImportState.UNDO]
    if precedence.followed_by(before, files):
        return _answer(
            inbox, target, "rejected", "a later import speaks for the same agents and days; force that one instead"
        ), _nothing
    again = await import_file(inbox.beside(before.file), replace(order, again=before), lease, gateways)
    if again is not None:
        return again, None
    return _answer(inbox, target, "rejected", "the file is no longer in the archive; drop it again"), _nothing


def _was_done(blob: StoredFile, state: ImportState, past: list[PastImport]) -> bool:
    """Whether this very command has led to this state before."""
    return any(one.state is state and one.command == blob.etag for one in past)


# ------------------------------------------------------------------------------------------------------- reject


async def _reject(inbox: InboxPath, target: str, blob: StoredFile, gateways: ImportGateways) -> _Outcome:
    """Take a held file out of the inbox without writing any of it."""
    beside = inbox.beside(target)
    history = ImportHistory(inbox.profile, gateways.tables, gateways.files)
    past = await history.imports()
    try:
        etag = await gateways.files.version(INBOX, beside.path)
    except FileMissingError:
        if _was_done(blob, ImportState.REJECTED, past):
            return None, None
        return _answer(
            inbox, target, "rejected", "there is no file of this name in the inbox; nothing was done"
        ), _nothing
    answer = _answer(inbox, target, "rejected", "a person has rejected the file; nothing of it was written")
    mine = [one for one in past if one.file == target and one.etag == etag and one.state not in _WRITTEN]
    if mine:
        this = max(mine, key=lambda one: one.sequence)
    else:
        key = import_id(blob.uploaded, blob.etag)
        this = PastImport(import_id=key, state=ImportState.REJECTED, file=target, sha256="", age=blob.uploaded)
    answer.import_id, answer.sha256, answer.rows = this.import_id, this.sha256, this.rows
    await filing.write_report(beside, answer, gateways)
    await filing.archive(beside, answer.import_id, etag, gateways)

    async def settle() -> None:
        await history.remember(replace(this, state=ImportState.REJECTED, tried=gateways.now(), command=blob.etag))
        await filing.leave_inbox(beside, etag, gateways)

    return answer, settle


_WRITTEN = frozenset({ImportState.APPLIED, ImportState.UNDONE, ImportState.UNDO})


# --------------------------------------------------------------------------------------------------------- undo


async def _undo(inbox: InboxPath, target: str, blob: StoredFile, lease: Lease, gateways: ImportGateways) -> _Outcome:
    """Every booking that the import touched back to what it was before."""
    history = ImportHistory(inbox.profile, gateways.tables, gateways.files)
    past = await history.imports()
    mark = f"{import_id(blob.uploaded, blob.etag)}-undo"
    begun = next((one for one in past if one.import_id == mark), None)
    if begun is not None and begun.state is ImportState.UNDO:
        return None, None
    if begun is not None:
        undone = next((one for one in past if one.import_id == begun.reason), None)
    else:
        undone = precedence.latest_change(target, past)
    if undone is None:
        return _answer(
            inbox, target, "rejected", "no import of this name has changed anything, or it is forgotten"
        ), _nothing
    touched = await aside(first_of_each, await history.journals(undone.import_id))
    if not touched:
        return _answer(
            inbox, target, "rejected", f"what import {undone.import_id} touched is no longer known"
        ), _nothing
    this = PastImport(
        import_id=mark, state=ImportState.FAILED, file=undone.file, sha256="", sequence=lease.fence,
        age=blob.uploaded, window=undone.window, agents=undone.agents, reason=undone.import_id, tried=gateways.now(),
    )  # fmt: skip
    # Written down first: killed half-way, the next run undoes the same import, not the one before it.
    await history.remember(this)
    newest = not precedence.followed_by(undone, past)
    found = await looking.bookings_by_id(touched, gateways.dynamics)
    reversal = await aside(reverse, touched, found, inbox.profile, newest=newest)
    lease.check()
    answer = await _write_reversal(inbox, target, undone, reversal, gateways)
    lease.check()
    if begun is not None:
        _count_as_done(reversal, touched, answer)

    async def settle() -> None:
        await history.remember(replace(undone, state=ImportState.UNDONE))
        await history.remember(replace(this, state=ImportState.UNDO))

    return answer, settle


def _count_as_done(reversal: Reversal, touched: Mapping[Guid, Touched], answer: ImportReport) -> None:
    """What an attempt that broke off has put back counts too: the answer speaks of the command as a whole."""
    for row_id in reversal.unchanged:
        if touched[row_id].before is None:
            answer.removed += 1
        else:
            answer.updated += 1
    answer.unchanged = 0


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
    answer.unchanged = len(reversal.unchanged)
    if reversal.changed_since:
        answer.reasons.append(f"{len(reversal.changed_since)} bookings were changed since and stay as they are")
    if refused:
        answer.reasons.append(f"Dynamics refused {refused} bookings; they stay as they are")
    return answer
