"""Writing many rows: chunks that follow the pace of the environment, and refused chunks taken apart to the bad rows."""

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import Any

from yarl import URL

from shared.clock import utc_now
from shared.dataverse import flow, odata
from shared.dataverse.batches import Batches
from shared.dataverse.errors import (
    AlreadyExistsError,
    DataverseError,
    DeniedError,
    NotFoundError,
    PayloadTooLargeError,
    ThrottledError,
    UnavailableError,
)
from shared.dataverse.meter import Meter, Wait, count_requests
from shared.dataverse.odata import Part
from shared.dataverse.row_source import Rows, RowSource
from shared.dataverse.sender import LONGEST_THROTTLING, ODATA_HEADERS, HttpRequest, Sender
from shared.dataverse.tables import JsonRow, Table
from shared.dataverse.traffic import Kind, Lane
from shared.dataverse.transport import Reply, TimedOutError
from shared.long_work import FEW, bite_if

_log = logging.getLogger(__name__)

_PARTS = 100
"""Parts of the first `$batch` of writes: each costs the server what a request of its own costs."""
_TIMEOUTS = 3
"""How often the same rows may run into a timeout, each time in smaller requests."""
_NO_SUCH_MESSAGE = "0x80060888"


class Write(Enum):
    """What becomes of each row."""

    UPSERT = "upsert"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


_MESSAGES = {Write.UPSERT: "UpsertMultiple", Write.UPDATE: "UpdateMultiple"}
_PART: dict[Write, Callable[[Table, JsonRow], Part]] = {
    Write.UPSERT: odata.upsert_part,
    Write.CREATE: odata.create_only_part,
    Write.UPDATE: odata.update_part,
    Write.DELETE: lambda table, row: odata.delete_part(table, row[table.primary_id]),
}
_DONE_BEFORE: dict[Write, type[DataverseError]] = {Write.CREATE: AlreadyExistsError, Write.DELETE: NotFoundError}


def _parts(table: Table, write: Write, rows: Iterable[JsonRow]) -> list[Part]:
    return [_PART[write](table, row) for row in rows]


@dataclass(frozen=True, slots=True)
class RowFailure:
    """A row that Dataverse refused, by its id, with the reason. It holds nothing else of its request."""

    row_id: str
    error: DataverseError


@dataclass(slots=True)
class WriteOutcome:
    """What became of many rows. Rows of one id that went in one request count as one."""

    written: int = 0
    done_before: list[str] = field(default_factory=list)
    """Ids of rows that needed nothing: there already when created, gone already when deleted. After an answer that
    got lost this includes rows that this very call wrote."""
    failures: list[RowFailure] = field(default_factory=list)

    @property
    def settled(self) -> int:
        """Rows of which is known what became of them."""
        return self.written + len(self.done_before) + len(self.failures)


type Progress = Callable[[int], None]
"""Told how many rows of a call are settled, whenever that are more, up to `WriteOutcome.settled` of its outcome."""


class BulkWriter:
    """Writes rows of any number to one environment, and remembers what a row costs there."""

    def __init__(self, sender: Sender, batches: Batches, api_url: str) -> None:
        self._sender = sender
        self._batches = batches
        self._api = api_url
        self._paces: dict[str, flow.Pace] = {}
        self._without_message: set[tuple[str, Write]] = set()

    async def write(self, table: Table, rows: Rows, write: Write, progress: Progress | None = None) -> WriteOutcome:
        """Write every row. Raises UnavailableError or DeniedError when the write cannot go on.

        What was written by then stays, and the same call may be made again. What `progress` raises ends the call too.
        """
        load = _Load(self, table, write, RowSource(rows, table.primary_id), progress)
        with count_requests() as meter:
            try:
                async with asyncio.TaskGroup() as group:
                    await load.run(group)
            except BaseExceptionGroup as failed:
                # What the source of the rows raises comes out as it is too.
                first = first_error(failed)
            else:
                return load.outcome
            finally:
                self._log_load(meter, load.outcome)
        raise first

    def _log_load(self, meter: Meter, outcome: WriteOutcome) -> None:
        if meter.requests:
            counts = {
                **meter.as_json(),
                "refused": len(outcome.failures),
                "lanes": self._sender.traffic.width.lanes,
                "rows_a_request": {name: pace.rows for name, pace in self._paces.items()},
            }
            _log.info("Dataverse load %s", json.dumps(counts))

    def pace(self, operation: str, *, bulk: bool) -> flow.Pace:
        """What is known of this operation's cost, the same for all loads of the process."""
        key = f"{operation} {'in bulk' if bulk else 'one by one'}"
        if key not in self._paces:
            self._paces[key] = flow.Pace() if bulk else flow.Pace(first=_PARTS)
        return self._paces[key]

    def takes_message(self, table: Table, write: Write) -> bool:
        """Whether the table takes the bulk message, as its page says unless the environment said no."""
        return table.bulk and write in _MESSAGES and (table.logical_name, write) not in self._without_message

    async def ask_for_a_recommendation(self) -> None:
        """The quickest answer there is, for its `x-ms-dop-hint`: a large load of a fresh process needs it at once."""
        url = URL(self._api + "WhoAmI", encoded=True)
        await self._sender.send(HttpRequest("WhoAmI", "GET", url), _seconds)

    async def in_bulk(
        self, table: Table, write: Write, chunk: Sequence[JsonRow], lane: Lane | None, kind: Kind
    ) -> float:
        """One bulk message; the seconds that it took. All rows are written, or none and the error is raised."""
        operation = f"{write.value} {table.logical_name}"
        request = HttpRequest(
            operation,
            "POST",
            URL(self._api + odata.multiple_path(table, _MESSAGES[write]), encoded=True),
            await bite_if(len(chunk) > FEW, odata.multiple_body, table, chunk),
            {**ODATA_HEADERS, "Content-Type": "application/json"},
            records=len(chunk),
        )
        try:
            return await self._sender.send(request, _seconds, kind=kind, lane=lane)
        except DataverseError as error:
            if error.code == _NO_SUCH_MESSAGE:
                self._without_message.add((table.logical_name, write))
            raise

    async def one_by_one(
        self, table: Table, write: Write, chunk: Sequence[JsonRow], lane: Lane | None, kind: Kind
    ) -> tuple[list[DataverseError | None], float]:
        """One `$batch` with a request for each row: the refusal of each row, None where there is none; seconds."""
        operation = f"{write.value} {table.logical_name}"
        parts = await bite_if(len(chunk) > FEW, _parts, table, write, chunk)
        replies, seconds = await self._batches.send(operation, parts, kind=kind, lane=lane)
        now = utc_now()
        errors = [reply.error(now) for reply in replies]
        self._sender.count_records(operation, errors.count(None))
        return errors, seconds

    @property
    def sender(self) -> Sender:
        """Where the requests go."""
        return self._sender


class _Load:
    """One call: takes rows from the source as lanes come free, and collects what became of them."""

    def __init__(
        self, writer: BulkWriter, table: Table, write: Write, source: RowSource, report: Progress | None
    ) -> None:
        self.outcome = WriteOutcome()
        self._writer = writer
        self._table = table
        self._action = write
        self._source = source
        self._report = report
        self._traffic = writer.sender.traffic
        self._sent = 0
        self._progress = asyncio.get_running_loop().time()
        self._chunks: dict[int, tuple[float, int]] = {}

    async def run(self, group: asyncio.TaskGroup) -> None:
        """Send chunk after chunk until the source has no more rows and none can come back."""
        while await self._source.has_rows():
            lane = await self._lane()
            try:
                size, remaining = self._size(), self._source.remaining
                chunk = await self._source.take(size)
            except BaseException:
                self._traffic.leave(lane)
                raise
            if not chunk:
                self._traffic.leave(lane)
                continue
            large = len(chunk) == size if remaining is None else remaining >= flow.Pace.PILOT_FROM
            if large and self._sent == 0 and not self._traffic.known:
                group.create_task(self._writer.ask_for_a_recommendation())
            self._sent += 1
            number, now = self._sent, asyncio.get_running_loop().time()
            self._chunks[number] = (now, len(chunk))
            task = group.create_task(self._land(number, chunk, lane))
            # A task that is cancelled before its first step never gets to leave its lane.
            task.add_done_callback(partial(self._leave, lane))
            # Lanes that are free all at once would be filled in one long step, in which no caller is answered.
            await asyncio.sleep(0)

    def _leave(self, lane: Lane, _: asyncio.Task[None]) -> None:
        self._traffic.leave(lane)

    async def _lane(self) -> Lane:
        """A lane for a new chunk. That all are taken is the rule; what counts as a wait is a pause."""
        pause = self._traffic.pause_left
        lane = await self._traffic.enter(Kind.BULK)
        self._writer.sender.count_wait(f"{self._action.value} {self._table.logical_name}", Wait.THROTTLED, pause)
        return lane

    def _size(self) -> int:
        now = asyncio.get_running_loop().time()
        under_way = [(rows, now - since) for since, rows in self._chunks.values()]
        load = flow.Load(self._traffic.width.goal, self._traffic.width.recommended, self._sent, under_way)
        return self._pace().size(self._source.remaining, load, self._traffic.round_trip)

    def _pace(self, *, in_bulk: bool = True) -> flow.Pace:
        return self._writer.pace(
            f"{self._action.value} {self._table.logical_name}",
            bulk=in_bulk and self._writer.takes_message(self._table, self._action),
        )

    async def _land(self, number: int, chunk: list[JsonRow], lane: Lane) -> None:
        back: Sequence[JsonRow] = ()
        try:
            await self._write(chunk, lane, Kind.BULK)
        except ThrottledError:
            # Nothing of the chunk was done. Its rows join the others again, and are shared out by what is let in.
            if self._throttled_too_long():
                raise
            back = chunk
        else:
            self._progress = asyncio.get_running_loop().time()
        finally:
            del self._chunks[number]
            self._source.landed(chunk, back)

    def _throttled_too_long(self) -> bool:
        return asyncio.get_running_loop().time() - self._progress > LONGEST_THROTTLING

    async def _write(
        self,
        chunk: Sequence[JsonRow],
        lane: Lane | None = None,
        kind: Kind = Kind.REPEATED_BULK,
        timeouts: int = 0,
        *,
        in_bulk: bool = True,
    ) -> None:
        """Write a chunk to the end: taken apart when it is too large, too slow or refused."""
        error: DataverseError | None = None
        try:
            if in_bulk and self._writer.takes_message(self._table, self._action):
                error = await self._in_bulk(chunk, lane, kind)
            else:
                await self._one_by_one(chunk, lane, kind)
        except TimedOutError:
            self._pace(in_bulk=in_bulk).too_much(len(chunk))
            if len(chunk) == 1 or timeouts >= _TIMEOUTS:
                raise
            await self._halves(chunk, partial(self._write, timeouts=timeouts + 1, in_bulk=in_bulk))
            return
        except PayloadTooLargeError as too_large:
            error = too_large
        if isinstance(error, PayloadTooLargeError) and len(chunk) > 1:
            self._pace(in_bulk=in_bulk).too_much(len(chunk))
            await self._halves(chunk, partial(self._write, in_bulk=in_bulk))
        elif error is not None and not self._writer.takes_message(self._table, self._action) and in_bulk:
            await self._write(chunk, in_bulk=False)
        elif error is not None:
            await self._bisect(chunk, error)

    async def _halves(
        self, chunk: Sequence[JsonRow], write: Callable[[Sequence[JsonRow]], Coroutine[Any, Any, None]]
    ) -> None:
        middle = len(chunk) // 2
        await _side_by_side(write(chunk[:middle]), write(chunk[middle:]))

    async def _in_bulk(
        self, chunk: Sequence[JsonRow], lane: Lane | None = None, kind: Kind = Kind.REPEATED_BULK
    ) -> DataverseError | None:
        """None when written, the error when Dataverse refuses the chunk."""
        pace = self._pace()
        try:
            seconds = await self._writer.in_bulk(self._table, self._action, chunk, lane, kind)
        except (UnavailableError, DeniedError):
            raise
        except DataverseError as error:
            return error
        self._learn(pace, len(chunk), seconds)
        self.outcome.written += len(chunk)
        self._tell_progress()
        return None

    def _learn(self, pace: flow.Pace, rows: int, seconds: float) -> None:
        traffic = self._traffic
        round_trip = min(traffic.round_trip, seconds / 2)
        pace.answered(rows, seconds, round_trip)
        now = asyncio.get_running_loop().time()
        traffic.width.prove(now)
        traffic.width.queued(now, seconds, pace.expected(rows, round_trip) or seconds)

    async def _bisect(self, chunk: Sequence[JsonRow], error: DataverseError) -> None:
        """A bulk message on a standard table is all or nothing ("Bulk operation messages"): find the bad rows.

        One bad row is found by halving. Where both halves are refused there are several, perhaps all of the same
        cause: then each row is asked about by itself, inside two requests.
        """
        if len(chunk) == 1:
            self._fail(chunk[0], error)
            self._tell_progress()
            return
        middle = len(chunk) // 2
        halves = (chunk[:middle], chunk[middle:])
        errors = await _side_by_side(*(self._half(half) for half in halves))
        several = all(errors)
        for half, refusal in zip(halves, errors, strict=True):
            if refusal is not None:
                again = self._write(half, in_bulk=False) if several and len(half) > 1 else self._bisect(half, refusal)
                await again

    async def _half(self, chunk: Sequence[JsonRow]) -> DataverseError | None:
        try:
            return await self._in_bulk(chunk)
        except TimedOutError:
            await self._write(chunk, timeouts=1)
            return None

    async def _one_by_one(
        self, chunk: Sequence[JsonRow], lane: Lane | None = None, kind: Kind = Kind.REPEATED_BULK
    ) -> None:
        pace = self._writer.pace(f"{self._action.value} {self._table.logical_name}", bulk=False)
        errors, seconds = await self._writer.one_by_one(self._table, self._action, chunk, lane, kind)
        self._learn(pace, len(chunk), seconds)
        denied = next((error for error in errors if isinstance(error, DeniedError)), None)
        if denied is not None:
            raise denied
        done_before = _DONE_BEFORE.get(self._action)
        for row, error in zip(chunk, errors, strict=True):
            if error is None:
                self.outcome.written += 1
            elif done_before is not None and isinstance(error, done_before):
                self.outcome.done_before.append(row[self._table.primary_id])
            else:
                self._fail(row, error)
        self._tell_progress()

    def _tell_progress(self) -> None:
        if self._report is not None:
            self._report(self.outcome.settled)

    def _fail(self, row: JsonRow, error: DataverseError) -> None:
        # Its traceback would keep the request with all its rows.
        self.outcome.failures.append(RowFailure(row[self._table.primary_id], error.with_traceback(None)))


async def _side_by_side[T](*works: Coroutine[Any, Any, T]) -> list[T]:
    """The results of all; the first failure ends the others."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work) for work in works]
    return [task.result() for task in tasks]


def _seconds(reply: Reply, seconds: float) -> float:
    """A bulk message is answered with a status; UpsertMultiple and UpdateMultiple have no body to read."""
    return seconds


def first_error(group: BaseExceptionGroup[BaseException]) -> BaseException:
    first = group.exceptions[0]
    return first_error(first) if isinstance(first, BaseExceptionGroup) else first
