"""What lies in the inbox: a schedule file, its marker or companion, or a person's command about one."""

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

from functions.schedule_import.containers import INBOX
from functions.schedule_import.history import ImportHistory, lease_place
from functions.schedule_import.profile import ScheduleProfile, is_profile_name
from functions.schedule_import.report import ImportReport
from functions.schedule_import.use_case import commands, prerequisites
from functions.schedule_import.use_case.importing import import_file, reject_unplaced
from functions.schedule_import.use_case.run import ARRIVED
from functions.schedule_import.use_case.worlds import ImportGateways, InboxPath
from shared.storage.leases import Lease, LeaseBusyError, LeaseLostError, lease

_log = logging.getLogger(__name__)


async def take_up(path: str, gateways: ImportGateways) -> ImportReport | None:
    """Do what the blob at this path of the inbox asks for; `path` is `<profile>/<name>`.

    None when there is nothing to do now: it is gone, done before, waits for another file, or another file of its
    profile is under work for long (the sweep takes it up). Raises UnavailableError and StorageError when an outside
    world is out of reach; the event is then delivered again.
    """
    inbox = InboxPath(path)
    if not is_profile_name(inbox.profile):
        return await reject_unplaced(inbox, gateways)
    command, target = commands.parse(inbox)
    if command is None:
        return await _take_up_file(inbox, gateways)
    return await under_lease(
        inbox.profile, gateways, lambda held: commands.carry_out(command, inbox, target, held, gateways)
    )


async def _take_up_file(inbox: InboxPath, gateways: ImportGateways) -> ImportReport | None:
    inbox = await _meant_file(inbox, gateways)
    return await under_lease(inbox.profile, gateways, lambda held: import_file(inbox, ARRIVED, held, gateways))


async def _meant_file(inbox: InboxPath, gateways: ImportGateways) -> InboxPath:
    """The schedule file that a marker or a companion belongs to; any other file is meant itself."""
    profile = await _profile(inbox, gateways)
    if profile is None:
        return inbox
    if (primary := prerequisites.primary_name(inbox.name, profile)) is not None:
        return inbox.beside(primary)
    if profile.marker and inbox.name.endswith(profile.marker):
        stem = inbox.name.removesuffix(profile.marker)
        async for entry in gateways.files.list(INBOX, f"{inbox.profile}/{stem}"):
            found = InboxPath(entry.name)
            if inbox.name in prerequisites.marker_names(found.name, profile.marker):
                return found
    return inbox


async def _profile(inbox: InboxPath, gateways: ImportGateways) -> ScheduleProfile | None:
    """The profile, as far as it can be had; what is wrong with it is told when the file is imported."""
    try:
        found, _ = await prerequisites.profile(inbox, gateways.documents)
    except (prerequisites.UnknownProfileError, prerequisites.NotReadyError):
        return None
    return found


async def under_lease[T](profile: str, gateways: ImportGateways, work: Callable[[Lease], Awaitable[T]]) -> T | None:
    """Files of one profile one at a time, so that the newest of them has the last word.

    None when another one takes longer than this one may wait. A worker that was frozen may write after it has lost
    its lease: then the newest files are compared with Dynamics once more, later.
    """
    history = ImportHistory(profile, gateways.tables, gateways.files)
    table, partition, row = lease_place(profile)
    try:
        async with lease(
            gateways.tables, table, partition, row, holder="schedule import", seconds=gateways.lease_seconds,
            now=gateways.now, wait=gateways.lease_wait,
        ) as held:  # fmt: skip
            if held.taken_over:
                await history.ask_for_recheck(gateways.now() + timedelta(seconds=2 * gateways.lease_seconds))
            return await work(held)
    except LeaseBusyError:
        _log.info("Another file of profile %s is under work; the next sweep takes this one up", profile)
        return None
    except LeaseLostError:
        await history.ask_for_recheck(gateways.now())
        raise
