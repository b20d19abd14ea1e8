"""Timer triggers: NCRONTAB in UTC, one run at a time, a status blob that knows what was missed while the host was off.

The rules of the status blob are those of ScheduleMonitor.CheckPastDueAsync in azure-webjobs-sdk-extensions.
"""

import asyncio
import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.blob.aio import BlobClient, BlobServiceClient
from croniter import croniter

from local.host.bindings import Function
from local.host.errors import StartError
from local.host.execution import Executor
from local.host.polling import pause
from local.host.protos import TypedData
from local.host.storage import HOST_CONTAINER
from local.host.typed_data import as_json

logger = logging.getLogger(__name__)

_LONGEST_SLEEP = 30.0  # the wall clock is read again at least this often: a laptop may have slept


@dataclass(frozen=True)
class Schedule:
    """An NCRONTAB expression: six fields with seconds first, or five without."""

    expression: str

    def __post_init__(self) -> None:
        if len(self.expression.split()) not in (5, 6) or not croniter.is_valid(
            self.expression, second_at_beginning=True
        ):
            raise ValueError(f"'{self.expression}' is not a valid cron expression.")

    def next(self, after: datetime) -> datetime:
        # NCRONTAB takes day of month AND day of week, where cron takes either (day_or).
        moments = croniter(self.expression, after, second_at_beginning=True, day_or=False)
        following: datetime = moments.get_next(datetime)
        return following

    @property
    def is_frequent(self) -> bool:
        """More often than once a minute all day: such a timer has no monitor.

        TimerSchedule.ShouldDisableScheduleMonitor of azure-webjobs-sdk-extensions.
        """
        fields = self.expression.split()
        if len(fields) == 5 or any(field != "*" for field in fields[1:]):
            return False
        first = self.next(datetime.now(UTC))
        return (self.next(first) - first).total_seconds() < 60


@dataclass(frozen=True)
class Status:
    """What the status blob holds. `last` is None as long as the timer has not run."""

    last: datetime | None
    next: datetime
    updated: datetime

    def to_json(self) -> dict[str, str]:
        last = self.last or datetime.min.replace(tzinfo=UTC)
        return {"Last": last.isoformat(), "Next": self.next.isoformat(), "LastUpdated": self.updated.isoformat()}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Status":
        last, following, updated = (_moment(document[name]) for name in ("Last", "Next", "LastUpdated"))
        return cls(None if last.year == 1 else last, following, updated)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def status_at_start(stored: Status | None, schedule: Schedule, now: datetime) -> Status:
    """The status to go on with: the stored one, or one that fits the schedule when that is new or was changed."""
    if stored is None:
        return Status(None, schedule.next(now), now)
    expected = schedule.next(stored.last or now)
    if stored.next == expected:
        return stored
    return Status(None, schedule.next(now) if expected < now else expected, now)


class TimerListener:
    def __init__(self, function: Function, executor: Executor, blobs: BlobServiceClient, host_id: str) -> None:
        try:
            self._schedule = Schedule(function.trigger["schedule"])
        except ValueError as error:
            raise StartError(f"Function {function.name}: {error}") from error
        self._function = function
        self._executor = executor
        self._monitored = bool(function.trigger["useMonitor"]) and not self._schedule.is_frequent
        name = f"timers/{host_id}/Host.Functions.{function.name}/status"
        self._blob: BlobClient = blobs.get_blob_client(HOST_CONTAINER, name)

    async def run(self, stop: asyncio.Event) -> None:
        """The function has run at every tick until `stop`; ticks that passed during a run collapse into one."""
        status = await self._start_status()
        if status is not None and status.next < datetime.now(UTC):
            await self._fire(datetime.now(UTC), past_due=True)
        elif self._function.trigger["runOnStartup"]:
            await self._fire(datetime.now(UTC))
        while not stop.is_set():
            tick = self._schedule.next(datetime.now(UTC))
            while not stop.is_set() and (remaining := (tick - datetime.now(UTC)).total_seconds()) > 0:
                await pause(stop, min(remaining, _LONGEST_SLEEP))
            if not stop.is_set():
                await self._fire(tick)

    async def run_by_hand(self) -> None:
        """The function ran once, now; the schedule and its status are as before."""
        await self._executor.run(self._function, self._timer_info(await self._read_status(), past_due=False), {})

    async def _fire(self, moment: datetime, *, past_due: bool = False) -> None:
        data = self._timer_info(await self._read_status(), past_due=past_due)
        await self._executor.run(self._function, data, {"TimerTrigger": TypedData(string=moment.isoformat())})
        if self._monitored:
            await self._write_status(Status(moment, self._schedule.next(moment), datetime.now(UTC)))

    def _timer_info(self, status: Status | None, *, past_due: bool) -> TypedData:
        return as_json(
            {
                "Schedule": {"AdjustForDST": True},
                "ScheduleStatus": status.to_json() if status else None,
                "IsPastDue": past_due,
            }
        )

    async def _start_status(self) -> Status | None:
        if not self._monitored:
            return None
        stored = await self._read_status()
        status = status_at_start(stored, self._schedule, datetime.now(UTC))
        if status != stored:
            await self._write_status(status)
        return status

    async def _read_status(self) -> Status | None:
        if not self._monitored:
            return None
        try:
            content = await (await self._blob.download_blob()).readall()
            return Status.from_json(json.loads(content))
        except ResourceNotFoundError:
            return None
        except (AzureError, ValueError, KeyError) as error:
            logger.warning("Timer %s: its status cannot be read: %s", self._function.name, error)
            return None

    async def _write_status(self, status: Status) -> None:
        try:
            await self._blob.upload_blob(json.dumps(status.to_json()), overwrite=True)
        except AzureError as error:  # best effort, as in the real host: the function itself ran
            logger.warning("Timer %s: its status cannot be written: %s", self._function.name, error)
