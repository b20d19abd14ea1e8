"""What belongs to a file before it can be read: its profile, the directory of agents, marker and companion files."""

import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import PurePosixPath
from typing import BinaryIO

from functions.schedule_import.containers import ARCHIVE, INBOX
from functions.schedule_import.decide.precedence import PastImport
from functions.schedule_import.profile import (
    ProfileError,
    ScheduleProfile,
    SiteProfile,
    is_profile_name,
    resolve_profile,
)
from functions.schedule_import.reading.agents_csv import NO_DIRECTORY, AgentDirectory, read_agents
from functions.schedule_import.reading.companion import other_half
from functions.schedule_import.reading.rejected_cells import is_rejected_file
from functions.schedule_import.use_case.worlds import (
    Documents,
    ImportGateways,
    InboxPath,
    ScheduleFiles,
    archive_path,
)
from shared.config_documents import BadDocumentError, json_document
from shared.storage.files import FetchedFile, FileMissingError

AGENTS_DOCUMENT = "agents.csv"


class UnknownProfileError(Exception):
    """The file's folder names no profile."""


class NotReadyError(Exception):
    """Something has to be mended first; the file stays in the inbox and is tried again."""


def no_profile(inbox: InboxPath) -> str:
    """What a person reads about a file whose folder cannot name a profile."""
    return (
        f"the file's first folder must name a schedule profile, as in schedules/nice-iex/{inbox.name}; "
        f"{inbox.profile!r} does not"
    )


async def profile(inbox: InboxPath, documents: Documents) -> tuple[ScheduleProfile, str]:
    """The profile that the file's first folder names, and a text that changes whenever it does.

    Raises UnknownProfileError, NotReadyError where the site's document cannot be used.
    """
    if not is_profile_name(inbox.profile):
        raise UnknownProfileError(no_profile(inbox))
    document = await documents.read(f"schedule-profiles/{inbox.profile}.json", json_document(SiteProfile))
    if document.value is None and document.problem:
        raise NotReadyError(
            f"config/schedule-profiles/{inbox.profile}.json cannot be used: {document.problem}; mend it, and the file "
            "is tried again by itself"
        )
    try:
        found = resolve_profile(inbox.profile, document.value)
    except ProfileError as error:
        raise UnknownProfileError(str(error)) from None
    return found, found.model_dump_json()


async def directory(found: ScheduleProfile, documents: Documents) -> tuple[AgentDirectory, str]:
    """The directory of agents where the profile needs one, and a text that changes whenever it does.

    Raises NotReadyError where it lacks the profile's scheme.
    """
    needed = found.schemes()
    if not needed:
        return NO_DIRECTORY, ""
    document = await documents.read(AGENTS_DOCUMENT, _parse)
    if document.value is None and not document.problem and found.identity not in needed:
        return NO_DIRECTORY, ""
    if document.value is None:
        raise NotReadyError(
            f"agents of {found.name} are known by {', '.join(sorted(needed))}, for which config/agents.csv is needed: "
            f"{document.problem or 'there is none'}; add it, and the file is tried again by itself"
        )
    # A scheme that only stands in for another column may be missing, as may the document: its values find nobody.
    if found.identity in needed and found.identity not in document.value.schemes:
        raise NotReadyError(
            f"config/agents.csv has no column {found.identity}, by which {found.name} knows its agents; add it, and "
            "the file is tried again by itself"
        )
    return document.value, document.etag or ""


def _parse(data: bytes) -> AgentDirectory:
    try:
        return read_agents(data)
    except ValueError as error:
        raise BadDocumentError(str(error)) from None


# ------------------------------------------------------------------------------------------- files beside a file


def marker_names(name: str, suffix: str) -> tuple[str, str]:
    """The names that a file's marker may have: `week.csv.done` or `week.done`."""
    return name + suffix, str(PurePosixPath(name).with_suffix("")) + suffix


async def marker_is_there(inbox: InboxPath, suffix: str, files: ScheduleFiles) -> bool:
    """Whether the marker that says "complete" lies beside the file."""
    return bool([found async for found in _markers(inbox, suffix, files)])


async def remove_marker(inbox: InboxPath, suffix: str, files: ScheduleFiles) -> None:
    """Take the marker away with its file: the next file of this name waits for one of its own."""
    async for path, etag in _markers(inbox, suffix, files):
        await files.delete(INBOX, path, etag=etag)


async def _markers(inbox: InboxPath, suffix: str, files: ScheduleFiles) -> AsyncIterator[tuple[str, str]]:
    for name in marker_names(inbox.name, suffix):
        path = inbox.beside(name).path
        try:
            yield path, await files.version(INBOX, path)
        except FileMissingError:
            continue


async def companion(
    inbox: InboxPath,
    again: PastImport | None,
    found: ScheduleProfile,
    gateways: ImportGateways,
    open_files: AsyncExitStack,
) -> tuple[InboxPath, FetchedFile, BinaryIO] | None:
    """The second file of a profile that reads two, open for reading. Raises NotReadyError while it is missing."""
    if found.companion is None:
        return None
    name = companion_name(inbox.name, found)
    if not name:
        raise NotReadyError(
            f"{found.name} reads two files, whose names have {found.companion.primary!r} and "
            f"{found.companion.companion!r}; {inbox.name} has neither: reject it, and send both under such names"
        )
    beside = inbox.beside(name)
    stream = open_files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - closed by the stack
    container, path = INBOX, beside.path
    if again is not None:
        container, path = ARCHIVE, archive_path(inbox.profile, again.import_id, beside.name)
    if again is None and is_rejected_file(inbox.name):
        await _bring_back(beside, gateways)
    try:
        fetched = await gateways.files.read_into(container, path, stream, max_bytes=gateways.max_bytes)
    except FileMissingError:
        raise NotReadyError(f"the file waits for its companion {beside.name}") from None
    stream.seek(0)
    return beside, fetched, stream


async def _bring_back(beside: InboxPath, gateways: ImportGateways) -> None:
    """Put the second file of an import beside its mended rows, if nobody has: they come back without it."""
    async for entry in gateways.files.list(INBOX, beside.path):
        if entry.name == beside.path:
            return
    original = re.sub(r"(?:\.rejected\.\w+)+$", "", beside.name)
    # A file of this name may have been imported often; import ids begin with their time.
    newest = None
    async for entry in gateways.files.list(ARCHIVE, f"{beside.profile}/"):
        if entry.name.split("/", 2)[2:] == [original]:
            newest = entry
    if newest is not None:
        await gateways.files.copy(ARCHIVE, newest.name, INBOX, beside.path, etag=newest.etag)


def companion_name(name: str, found: ScheduleProfile) -> str:
    """The name of a file's companion."""
    if found.companion is None:
        return ""
    return other_half(name, found.companion.primary, found.companion.companion) or ""


def primary_name(name: str, found: ScheduleProfile) -> str | None:
    """The name of the file that this one is the companion of; None for a file that is none."""
    if found.companion is None:
        return None
    return other_half(name, found.companion.companion, found.companion.primary)
