"""Change tracking: what changed in some tables since a delta link, or all of them and the first link."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any

from shared.clock import utc_now
from shared.dataverse.batches import Batches
from shared.dataverse.errors import ConflictError, DeltaExpiredError, NotFoundError, RejectedError, UnavailableError
from shared.dataverse.odata import Part, Query
from shared.dataverse.odata.changes import TRACKED_HEADERS, Changes, DeltaLink, read_changes, tracked_path
from shared.dataverse.pages import Trail
from shared.dataverse.sender import Sender
from shared.dataverse.tables import Table
from shared.dataverse.traffic import Kind
from shared.dataverse.transport import AnswerTooLargeError, TimedOutError

type Tracked = Query | DeltaLink


@dataclass(slots=True)
class _Reading:
    """One table's changes: the page that comes next (None after the last) and the way that led to it."""

    table: Table
    path: str | None
    trail: Trail
    by_link: bool


class ChangeReader:
    """Reads the changes of several tables side by side: the next page of each in one `$batch`."""

    def __init__(
        self,
        sender: Sender,
        batches: Batches,
        api_url: str,
        tracked: Sequence[Tracked],
        deadline: float | None = None,
    ) -> None:
        self._sender = sender
        self._batches = batches
        self._api = api_url
        self._tracked = tracked
        self._deadline = deadline

    async def pages(self) -> AsyncGenerator[Changes]:
        """The pages of all tables; those of one table follow each other and the last has its `then`."""
        readings = [_begin(each, self._api) for each in self._tracked]
        while waiting := [reading for reading in readings if reading.path is not None]:
            for reading, page in zip(waiting, await self._asked(waiting), strict=True):
                changes = read_changes(reading.table, page)
                reading.path = reading.trail.next_path(page)
                if changes.then is not None:
                    reading.trail.path_of(changes.then.url)
                self._sender.count_records(_operation(reading), len(changes.rows) + len(changes.deleted))
                yield changes

    async def _asked(self, readings: Sequence[_Reading]) -> list[Any]:
        # A single page that does not come in time is asked for again; several would take as long again.
        kind = Kind.PAGES if len(readings) > 1 else Kind.SINGLE
        parts = [Part("GET", reading.path or "", headers=TRACKED_HEADERS) for reading in readings]
        try:
            replies, _ = await self._batches.send(_operation(readings[0]), parts, deadline=self._deadline, kind=kind)
        except (TimedOutError, AnswerTooLargeError):
            if len(readings) == 1:
                raise
            return [page for reading in readings for page in await self._asked([reading])]
        for reading, reply in zip(readings, replies, strict=True):
            error = reply.error(utc_now())
            # Dataverse documents the code of an expired token, not its status: whatever is said against a link that
            # once was good, it will not be good again (0x80044352, "Web service error codes").
            if reading.by_link and isinstance(error, RejectedError | NotFoundError | ConflictError):
                raise DeltaExpiredError(
                    str(error), status=error.status, code=error.code, request_id=error.request_id, detail=error.detail
                )
            if error is not None:
                raise error
        return [reply.body for reply in replies]


def _begin(tracked: Tracked, api_url: str) -> _Reading:
    trail = Trail(api_url)
    if isinstance(tracked, DeltaLink):
        try:
            path = trail.path_of(tracked.url)
        except UnavailableError:
            # It was stored while the app worked with another environment.
            raise DeltaExpiredError("the delta link lies outside of the Dataverse environment") from None
        return _Reading(tracked.table, path, trail, by_link=True)
    return _Reading(tracked.table, tracked_path(tracked), trail, by_link=False)


def _operation(reading: _Reading) -> str:
    return f"changes {reading.table.logical_name}"
