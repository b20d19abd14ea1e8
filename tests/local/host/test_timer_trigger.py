"""Timers: the schedule, what counts as past due, and runs that do not overlap."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

import pytest
from azure.storage.blob.aio import BlobServiceClient

from local.host.bindings import Function
from local.host.errors import StartError
from local.host.execution import Executor
from local.host.protos import TypedData
from local.host.timer_trigger import Schedule, Status, TimerListener, status_at_start


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        pytest.param("0 */5 * * * *", "2026-03-29T00:58:20", "2026-03-29T01:00:00", id="every five minutes, in UTC"),
        pytest.param("15 * * * * *", "2026-01-01T00:00:15", "2026-01-01T00:01:15", id="never the moment itself"),
        pytest.param("*/5 * * * *", "2026-01-01T00:01:00", "2026-01-01T00:05:00", id="five fields"),
        pytest.param("0 0 0 13 * 5", "2026-01-01T00:00:00", "2026-02-13T00:00:00", id="day of month AND of week"),
        pytest.param("0 0 22 * * Mon-Fri", "2026-01-02T23:00:00", "2026-01-05T22:00:00", id="names of days"),
    ],
)
def test_the_next_occurrence_of_a_schedule(expression: str, after: str, expected: str) -> None:
    assert Schedule(expression).next(_utc(after)) == _utc(expected)


@pytest.mark.parametrize("expression", ["", "every minute", "* * * *", "0 0 0 1 1 * 2026", "61 * * * * *"])
def test_an_expression_that_is_none_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match="is not a valid cron expression"):
        Schedule(expression)


@pytest.mark.parametrize(
    ("expression", "frequent"),
    [("*/5 * * * * *", True), ("10,20 * * * * *", True), ("30 * * * * *", False), ("* 30 * * * *", False)],
)
def test_only_schedules_below_a_minute_have_no_monitor(expression: str, frequent: bool) -> None:
    assert Schedule(expression).is_frequent is frequent


HOURLY = Schedule("0 0 * * * *")
NOW = _utc("2026-05-05T12:30:00")


@pytest.mark.parametrize(
    ("last", "following", "expected_next", "past_due"),
    [
        pytest.param("2026-05-05T12:00:00", "2026-05-05T13:00:00", "2026-05-05T13:00:00", False, id="in time"),
        pytest.param("2026-05-05T10:00:00", "2026-05-05T11:00:00", "2026-05-05T11:00:00", True, id="a tick was missed"),
        pytest.param("2026-05-05T10:00:00", "2026-05-05T10:05:00", "2026-05-05T13:00:00", False, id="schedule changed"),
        pytest.param(None, "2026-05-05T11:00:00", "2026-05-05T13:00:00", False, id="it has never run"),
        pytest.param(None, None, "2026-05-05T13:00:00", False, id="no status yet"),
    ],
)
def test_past_due_at_start(last: str | None, following: str | None, expected_next: str, past_due: bool) -> None:
    stored = Status(_utc(last) if last else None, _utc(following), NOW) if following else None
    status = status_at_start(stored, HOURLY, NOW)
    assert status.next == _utc(expected_next)
    assert (status.next < NOW) is past_due


@pytest.mark.parametrize("last", [None, NOW])
def test_a_status_survives_the_blob(last: datetime | None) -> None:
    status = Status(last, NOW + timedelta(hours=1), NOW)
    assert Status.from_json(json.loads(json.dumps(status.to_json()))) == status


def test_a_bad_schedule_stops_the_start() -> None:
    trigger = {"type": "timerTrigger", "name": "timer", "schedule": "sometimes", "useMonitor": True}
    with pytest.raises(StartError, match="Function f: 'sometimes' is not a valid cron expression"):
        TimerListener(Function("f", "id", trigger, (), ()), cast(Executor, None), cast(BlobServiceClient, None), "id")


class SlowExecutor:
    """Each run takes longer than the time between two ticks."""

    def __init__(self, seconds: float) -> None:
        self.runs: list[tuple[float, float]] = []
        self.seen: list[dict[str, Any]] = []
        self._seconds = seconds

    async def run(self, _function: Function, data: TypedData, _metadata: object) -> SimpleNamespace:
        clock = asyncio.get_running_loop()
        started = clock.time()
        await asyncio.sleep(self._seconds)
        self.runs.append((started, clock.time()))
        self.seen.append(json.loads(data.json))
        return SimpleNamespace(succeeded=False)


async def test_runs_do_not_overlap_missed_ticks_collapse_and_failures_do_not_stop_the_schedule(azurite: Any) -> None:
    executor = SlowExecutor(1.3)
    trigger = {
        "type": "timerTrigger",
        "name": "t",
        "schedule": "* * * * * *",
        "useMonitor": True,
        "runOnStartup": False,
    }
    async with BlobServiceClient.from_connection_string(azurite.fresh_account()) as blobs:
        listener = TimerListener(Function("f", "id", trigger, (), ()), cast(Executor, executor), blobs, "id")
        stop = asyncio.Event()
        task = asyncio.create_task(listener.run(stop))
        async with asyncio.timeout(10):
            while len(executor.runs) < 2:  # noqa: ASYNC110 - the listener has no event for it
                await asyncio.sleep(0.05)
        stop.set()
        await task
    for (_started, ended), (started, _ended) in pairwise(executor.runs):
        assert 0 <= started - ended < 1.5, "the next tick, and not the one after it"
    assert executor.seen[0] == {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": None, "IsPastDue": False}


def test_a_timer_from_a_setting_ticks_every_second(host: Any, eventually: Any) -> None:
    lines = eventually(lambda: (found := host.journal("ticks"))[2:] and found)
    assert {line.split()[0] for line in lines} == {"False"}
    times = [float(line.split()[1]) for line in lines]
    gaps = sorted(later - earlier for earlier, later in pairwise(times))
    assert len({int(time) for time in times}) == len(times), "no second has two"
    assert gaps[len(gaps) // 2] < 1.6, "half of them at least: one tick may come late on a busy machine"


def test_a_failing_timer_ticks_on(start_host: Any, new_storage: Any, eventually: Any) -> None:
    host = start_host("scratch_app", new_storage(), {"TICK_FAILS": "yes"})
    eventually(lambda: len(host.journal("ticks")) >= 2)
    assert "Executed Functions.tick (Failed" in host.log


def test_run_on_startup_runs_at_every_start(host: Any, eventually: Any) -> None:
    eventually(lambda: host.journal("starts") == ["False"])


def test_a_missed_tick_runs_once_as_past_due_and_not_again_after_a_restart(
    start_host: Any, new_storage: Any, eventually: Any
) -> None:
    storage, identity = new_storage(), {"AzureFunctionsWebHost__hostid": "past-due"}
    last_year = datetime.now(UTC).replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    status = Status(last_year - timedelta(days=200), last_year, last_year - timedelta(days=200))
    blob_name = "timers/past-due/Host.Functions.yearly/status"
    storage.upload("azure-webjobs-hosts", blob_name, json.dumps(status.to_json()).encode())
    first = start_host("scratch_app", storage, identity)
    (line,) = eventually(lambda: first.journal("years"))
    assert json.loads(line)["past_due"] is True
    assert datetime.fromisoformat(json.loads(line)["status"]["Next"]) == last_year

    def stored() -> Status:
        return Status.from_json(json.loads(storage.read("azure-webjobs-hosts", blob_name)))

    # The status follows the run.
    eventually(lambda: stored().next.year == last_year.year + 1)
    assert first.stop() == 0
    second = start_host("scratch_app", storage, identity)
    assert second.client.post(f"{second.url}/admin/functions/yearly", json={"input": "ignored"}).status_code == 202
    lines = eventually(lambda: (found := second.journal("years"))[1:] and found)
    assert [json.loads(text)["past_due"] for text in lines] == [True, False], "the second run is the one by hand"
