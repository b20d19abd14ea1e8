"""What the events missed: every file in the inbox, broken imports, files that waited, poisoned events."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

from functions.schedule_import.containers import INBOX
from functions.schedule_import.decide import precedence
from functions.schedule_import.decide.precedence import ImportState, PastImport
from functions.schedule_import.history import ImportHistory, profiles_to_recheck, retention
from functions.schedule_import.profile import is_profile_name
from functions.schedule_import.report import ImportReport
from functions.schedule_import.use_case import commands, filing
from functions.schedule_import.use_case.importing import import_file
from functions.schedule_import.use_case.inbox import take_up, under_lease
from functions.schedule_import.use_case.run import Order
from functions.schedule_import.use_case.worlds import ImportGateways, InboxPath
from shared.dataverse.errors import UnavailableError
from shared.storage.errors import StorageError
from shared.storage.files import FileEntry, FileMissingError
from shared.storage.leases import Lease

_log = logging.getLogger(__name__)

BUDGET = timedelta(minutes=4)
"""A sweep takes up no further file after this time: the next one goes on (reliability.md A13)."""
_LONGEST_PAUSE = timedelta(hours=1)
_FIRST_PAUSE = timedelta(minutes=1)


async def sweep(gateways: ImportGateways) -> int:
    """Take up whatever lies in the inbox and is not settled; tells how many files and commands were.

    Never raises for one file's sake: it is tried again, after a pause that grows to an hour.
    """
    started = gateways.now()
    taken = 0
    entries = [entry async for entry in gateways.files.list(INBOX)]
    # Commands first: an approval must not wait behind a hundred files.
    entries.sort(key=lambda entry: (commands.parse(InboxPath(entry.name))[0] is None, entry.uploaded))
    known: dict[str, list[PastImport]] = {}
    for entry in entries:
        if gateways.now() - started >= BUDGET:
            break
        if await _rests(entry, known, gateways):
            continue
        taken += await _take_up(entry.name, gateways)
    for profile in await profiles_to_recheck(gateways.tables):
        if gateways.now() - started < BUDGET:
            await _guarded(f"profile {profile}", partial(_recheck, profile, gateways))
    return taken


async def _rests(entry: FileEntry, known: dict[str, list[PastImport]], gateways: ImportGateways) -> bool:
    """Whether this version of a file waits for a person, or was tried too short a while ago."""
    inbox = InboxPath(entry.name)
    if not is_profile_name(inbox.profile) or commands.parse(inbox)[0] is not None:
        return False
    if inbox.profile not in known:
        history = ImportHistory(inbox.profile, gateways.tables, gateways.files)
        known[inbox.profile] = await history.imports()
        await history.forget_before(retention(gateways.now()), known[inbox.profile])
    mine = [one for one in known[inbox.profile] if one.file == inbox.name and one.etag == entry.etag]
    now = gateways.now()
    return any(rests(one, now) for one in mine)


def rests(one: PastImport, now: datetime) -> bool:
    """A held file rests until a person speaks; one that failed or waits, for a pause that doubles up to an hour."""
    if one.state is ImportState.HELD:
        return True
    if one.state not in {ImportState.FAILED, ImportState.WAITING} or one.tried is None or one.attempts < 2:
        return False
    pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * (1 << min(one.attempts, 10)))
    return now - one.tried < pause


async def _take_up(path: str, gateways: ImportGateways) -> bool:
    report: ImportReport | None = await _guarded(f"schedule file {path}", partial(take_up, path, gateways))
    return report is not None


async def _guarded[T](what: str, work: Callable[[], Awaitable[T]]) -> T | None:
    try:
        return await work()
    except (UnavailableError, StorageError) as error:
        _log.warning("The sweep could not finish %s: %s", what, error)
        return None


async def _recheck(profile: str, gateways: ImportGateways) -> None:
    """Compare the newest files of a profile with Dynamics again, after two workers may have written at once."""
    history = ImportHistory(profile, gateways.tables, gateways.files)
    etag = await history.recheck_due(gateways.now())
    if etag is None:
        return
    past = await history.imports()
    in_force = [
        one for one in past if one.state is ImportState.APPLIED and not precedence.followed_by(one, past)
        and one.window is not None and one.window[1] > gateways.now()
    ]  # fmt: skip

    async def again(held: Lease, one: PastImport) -> ImportReport | None:
        return await import_file(InboxPath(f"{profile}/{one.file}"), Order(force=True, again=one), held, gateways)

    for one in sorted(in_force, key=lambda one: one.sequence):
        await under_lease(profile, gateways, partial(again, one=one))
    await history.recheck_done(etag)
    _log.info("Profile %s: %d files were compared with Dynamics again", profile, len(in_force))


async def settle_poison(path: str, gateways: ImportGateways) -> None:
    """An event that failed five times: say in the file's report why, and what happens now. The file stays.

    The reason is what the last attempt left in the memory of imports.
    """
    inbox = InboxPath(path)
    try:
        await gateways.files.version(INBOX, path)
    except FileMissingError:
        _log.info("Schedule file %s of a poisoned event is gone; nothing to tell", path)
        return
    history = ImportHistory(inbox.profile, gateways.tables, gateways.files)
    mine = [one for one in await history.imports() if one.file == inbox.name]
    latest = max(mine, key=lambda one: one.tried or datetime.min.replace(tzinfo=UTC), default=None)
    if latest is not None and latest.state is not ImportState.FAILED:
        return
    why = (latest.reason if latest else "") or "the process ended before it could say why; see the log"
    report = ImportReport(
        file=inbox.name, profile=inbox.profile, import_id=latest.import_id if latest else "",
        sha256=latest.sha256 if latest else "", status="held",
        reasons=[f"the import failed five times in a row: {why}. The file stays in the inbox and is tried again, at "
                 "least once an hour"],
    )  # fmt: skip
    await filing.write_report(inbox, report, gateways)


async def note_failure(path: str, error: Exception, gateways: ImportGateways) -> None:
    """Remember an error that nobody foresaw, so that the file's report can name it; its text may hold personal data
    and is not kept."""
    inbox = InboxPath(path)
    if not is_profile_name(inbox.profile):
        return
    history = ImportHistory(inbox.profile, gateways.tables, gateways.files)
    begun = [one for one in await history.imports() if one.file == inbox.name and one.state is ImportState.FAILED]
    if begun:
        latest = max(begun, key=lambda one: one.sequence)
        await history.remember(replace(latest, reason=f"an error of ours ({type(error).__name__}); see the log"))
