"""Call sync with both simulators over HTTP: which time a run looks at, and what keeps it from looking."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.call_sync.decide.moments import nightly_moment
from functions.call_sync.rules import DOCUMENT
from functions.call_sync.use_case import night, running
from shared.config_documents import ConfigDocuments
from shared.storage.checkpoints import TABLE, Checkpoint
from shared.storage.leases import lease
from tests.integration.calls_site import CallsSite, guid
from tests.memory_storage import MemoryFiles

MATCHING = "customer-matching.json"
SLICE = timedelta(minutes=15, seconds=5)


class Slow:
    """Enreach, whose answers take so long by the site's clock."""

    def __init__(self, site: CallsSite, **each: float) -> None:
        self._site, self._each = site, each

    def __getattr__(self, name: str) -> Any:
        return getattr(self._site.enreach, name)

    async def calls(self, window: Any) -> Any:
        self._site.turn(**self._each)
        return await self._site.enreach.calls(window)


def _windows(site: CallsSite, *names: str) -> list[timedelta]:
    """How long the windows were in which calls were asked for, by these parameters."""
    spans = []
    for request in site.enreach_http.get("requests").json():
        parameters = request.get("query") or request.get("parameters") or {}
        if request["path"].endswith("/calls") and names[0] in parameters:
            start, end = (datetime.fromisoformat(str(parameters[name])).replace(tzinfo=UTC) for name in names)
            spans.append(end - start)
    return spans


# --------------------------------------------------------------------------------------------------------- windows


async def test_the_first_run_looks_back_as_far_as_the_interval(site: CallsSite) -> None:
    site.contact("Elina")
    site.rules(ExecutionInterval=60)
    inside = site.call("inside", ago=3000, ModifiedAt=(site.now() - timedelta(minutes=48)).isoformat())
    outside = site.call("outside", ago=4000, ModifiedAt=(site.now() - timedelta(minutes=64)).isoformat())
    run = await site.tick(seconds=1)
    assert run.outcomes == {"logged": 1}
    assert (site.row_of(inside) is not None, site.row_of(outside)) == (True, None)


async def test_three_days_of_outage_are_walked_in_slices(site: CallsSite) -> None:
    site.contact("Elina")
    await site.tick()
    calls = []
    for hour in range(0, 72, 3):
        site.turn(hours=3)
        calls.append(site.call(f"at {hour}", ago=100, ANum="+358507654321" if hour % 2 else "+358501111111"))
    site.enreach_http.post("reset", json={"keep": ["items", "clock", "faults"]}).raise_for_status()
    run = await site.tick()
    assert run.outcome == "done"
    assert run.outcomes == {"logged": 12, "no-match": 12}
    spans = _windows(site, "ModifiedAfter", "ModifiedBefore")
    assert len(spans) > 72 * 4
    assert max(spans) <= SLICE
    assert len(site.tickets) == 24
    assert (await site.tick()).outcomes == {}


@pytest.fixture
def short_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run takes 30 seconds: its lease is renewed by the time that really passes, not by the site's clock."""
    for module in (running, night):
        monkeypatch.setattr(module, "BUDGET", timedelta(seconds=30))


@pytest.mark.usefixtures("short_runs")
async def test_a_run_stops_when_its_time_is_over_and_the_next_goes_on(site: CallsSite) -> None:
    site.contact("Elina")
    await site.tick()
    site.turn(hours=6)
    calls = [site.call(f"{hour}", ago=3600 * hour, ModifiedAt=_ago(site, hours=hour)) for hour in range(1, 6)]
    slow = site.process(enreach=Slow(site, seconds=6))
    run = await slow.every_minute()
    assert (run.outcome, run.slices) == ("done", 5)
    assert sum(site.row_of(call) is not None for call in calls) == 1
    for _ in range(6):
        assert (await slow.every_minute()).outcome == "done"
    assert all(site.row_of(call) for call in calls)


def _ago(site: CallsSite, **ago: float) -> str:
    return (site.now() - timedelta(**ago)).isoformat()


async def test_the_look_back_finds_a_call_that_was_reported_late_as_if_it_were_old(site: CallsSite) -> None:
    site.contact("Elina")
    for _ in range(3):
        await site.tick(minutes=16)
    late = site.call("late", ago=3600, ModifiedAt=_ago(site, hours=1))
    run = await site.tick(minutes=1)
    assert run.outcomes == {}
    run = await site.tick(minutes=15)
    assert (run.outcomes, run.written) == ({"logged": 1}, 1)
    assert site.row_of(late) is not None
    spans = _windows(site, "StartTime", "EndTime")
    assert spans
    assert max(spans) <= SLICE


@pytest.mark.usefixtures("short_runs")
async def test_a_long_look_back_is_done_in_parts(site: CallsSite) -> None:
    site.contact("Elina")
    site.rules(ExecutionInterval=600)
    await site.tick()
    late = site.call("late", ago=600, ModifiedAt=_ago(site, hours=1))
    site.turn(minutes=15)
    slow = site.process(enreach=Slow(site, seconds=2))
    slices = [(await slow.every_minute()).slices for _ in range(4)]
    assert max(slices) <= 15
    assert sum(slices) >= 40
    assert site.row_of(late) is not None


async def test_debug_mode_reads_45_days_and_writes_nothing_the_second_time(site: CallsSite) -> None:
    site.contact("Elina")
    old = [site.call(f"{days}", ago=86400 * days, ModifiedAt=_ago(site, days=days)) for days in (2, 14, 30, 32, 44)]
    older = site.call("older", ago=86400 * 46, ModifiedAt=_ago(site, days=46))
    await site.tick()
    assert not any(site.row_of(call) for call in old)
    site.rules(RunInDebugMode=True)
    run = await site.tick()
    assert (run.outcomes, run.written) == ({"logged": 5}, 5)
    assert all(site.row_of(call) for call in old)
    assert site.row_of(older) is None
    assert max(_windows(site, "StartTime", "EndTime")) <= timedelta(days=31)
    before, reads = site.phone_calls(), site.dynamics_requests()
    run = await site.tick()
    assert (run.outcomes, run.written) == ({}, 0)
    assert site.phone_calls() == before
    assert site.dynamics_requests() - reads <= 1


# ---------------------------------------------------------------------------------------------------------- leases


async def test_another_run_under_way_leaves_this_one_nothing_to_do(site: CallsSite) -> None:
    site.turn_to(site.now().replace(hour=23, minute=40))
    call = site.call("one")
    async with lease(site.tables, TABLE, "lease", "calls", holder="another", seconds=60):
        assert (await site.runs.every_minute()).outcome == "busy"
        assert (await site.runs.at_night()).outcome == "busy"
    assert await site.ledger.read([call]) == {}
    assert (await site.tick()).outcome == "done"
    assert (await site.runs.at_night()).outcome == "done"


async def test_two_runs_at_once_write_once(site: CallsSite) -> None:
    site.contact("Elina")
    site.call("one")
    site.turn(minutes=1)
    runs = await asyncio.gather(*(site.process().every_minute() for _ in range(4)))
    assert sorted(run.outcome for run in runs) == ["busy", "busy", "busy", "done"]
    assert len(site.phone_calls()) == 1


async def test_a_run_that_was_succeeded_moves_nothing(site: CallsSite) -> None:
    await site.tick()
    progress = Checkpoint(site.tables, "calls")
    stood = await progress.read()
    assert stood is not None
    await progress.advance(stood, fence=99)
    run = await site.tick()
    assert (run.outcome, "StaleFenceError" in run.reason) == ("failed", True)
    assert await progress.read() == stood


async def test_ticks_of_the_night_that_are_for_nothing_take_no_lease(site: CallsSite) -> None:
    site.turn_to(site.now().replace(hour=22, minute=0))
    moment = nightly_moment("test", site.now().date())
    assert site.now() < moment
    async with lease(site.tables, TABLE, "lease", "calls", holder="another", seconds=60):
        assert (await site.runs.at_night()).outcome == "idle"


# ---------------------------------------------------------------------------------------------------------- nights


async def test_the_night_runs_once_at_its_moment(site: CallsSite) -> None:
    moment = nightly_moment("test", site.now().date())
    outcomes = []
    for minute in range(-1, 3):
        run = await site.night(moment.replace(second=0) + timedelta(minutes=1 + minute))
        outcomes.append(run.outcome)
    assert outcomes == ["idle", "done", "idle", "idle"]
    assert (await site.process().at_night()).outcome == "idle"
    tomorrow = nightly_moment("test", site.now().date() + timedelta(days=1))
    assert (await site.night(tomorrow - timedelta(seconds=1))).outcome == "idle"
    assert (await site.night(tomorrow + timedelta(seconds=59))).outcome == "done"


async def test_a_run_by_day_runs_at_once_and_does_not_count(site: CallsSite) -> None:
    run = await site.night(site.now().replace(hour=15))
    assert (run.outcome, run.slices) == ("done", 96)
    run = await site.night(site.now().replace(hour=23, minute=40))
    assert (run.outcome, run.slices) == ("done", 96)


async def test_each_night_looks_at_the_whole_day_before_it(site: CallsSite) -> None:
    """However the moments of two nights lie: a call just before the first one has its second look in the second."""
    start = site.now()
    days = [start + timedelta(days=number) for number in range(60)]
    moments = [nightly_moment("test", day.date()) for day in days]
    first = next(number for number in range(59) if moments[number].time() > (moments[number + 1]).time())
    site.turn_to(moments[first] - timedelta(minutes=2))
    call = site.call("one", ago=120)
    await site.tick()
    assert (await site.night(moments[first] + timedelta(minutes=1))).outcome == "done"
    assert await site.outcome(call) == "no-match"
    site.contact("Elina")
    run = await site.night(moments[first + 1] + timedelta(minutes=1))
    assert run.outcomes == {"logged": 1}


@pytest.mark.usefixtures("short_runs")
async def test_a_night_that_takes_long_goes_on_with_the_next_tick_and_follows_new_calls(site: CallsSite) -> None:
    site.contact("Elina")
    moment = nightly_moment("test", site.now().date())
    missed = [site.call(f"{hour}", ago=3600 * hour, ModifiedAt=_ago(site, hours=hour)) for hour in range(3, 11)]
    site.turn_to(moment - timedelta(minutes=1))
    site.runs = site.process(enreach=Slow(site, seconds=1.5))
    await site.runs.every_minute()
    site.turn_to(moment + timedelta(minutes=2))
    fresh = site.call("fresh", ago=60)
    outcomes = [await site.runs.at_night()]
    while outcomes[-1].reason:
        site.turn(minutes=1)
        outcomes.append(await site.runs.at_night())
    assert {run.outcome for run in outcomes} == {"done"}
    assert len(outcomes) > 3
    assert all(site.row_of(call) for call in missed)
    assert site.row_of(fresh) is not None
    assert sum(run.outcomes.get("logged", 0) for run in outcomes) == len(missed)


async def test_the_ledger_forgets_after_sixty_days(site: CallsSite) -> None:
    call = site.call("one")
    await site.tick()
    progress = Checkpoint(site.tables, "calls")
    for days in (59, 2):
        assert await site.ledger.history(call) is not None
        moment = site.now().replace(hour=23, minute=40) + timedelta(days=days)
        await progress.advance(moment, fence=1)
        await site.night(moment)
    assert await site.ledger.history(call) is None


# ------------------------------------------------------------------------------------------------------- documents

BROKEN = [
    pytest.param(DOCUMENT, b"{", id="rules"),
    pytest.param(DOCUMENT, b'{"NumbersToCut": 2}', id="a key of the other document"),
    pytest.param(MATCHING, b"[]", id="matching"),
]
GOOD = {
    DOCUMENT: json.dumps({"DefaultCrmAssignee": guid("api"), "IncomingDirectCallSubject": "Good"}).encode(),
    MATCHING: json.dumps({"defaultRegion": "FI", "MultipleMatchesPickFirst": True}).encode(),
}


def _written(files: MemoryFiles) -> Callable[[str, bytes], Any]:
    return lambda name, data: files.write("config", name, data, "application/json")


@pytest.mark.parametrize(("name", "text"), BROKEN)
async def test_a_document_broken_at_the_first_start_stops_all_of_it(site: CallsSite, name: str, text: bytes) -> None:
    files = MemoryFiles(site.now)
    write = _written(files)
    site.contact("Elina")
    site.runs = site.process(documents=ConfigDocuments(files, check_every=0))
    for good in (DOCUMENT, MATCHING):
        await write(good, GOOD[good])
    await write(name, text)
    call = site.call("one")
    run = await site.tick()
    assert (run.outcome, name in run.reason, run.written) == ("failed", True, 0)
    assert await site.ledger.read([call]) == {}
    assert "red" in {status for _, status in await site.findings()}
    await write(name, GOOD[name])
    run = await site.tick()
    assert (run.outcome, run.outcomes) == ("done", {"logged": 1})


@pytest.mark.parametrize(("name", "text"), BROKEN)
async def test_a_document_broken_later_leaves_the_last_good_one(site: CallsSite, name: str, text: bytes) -> None:
    files = MemoryFiles(site.now)
    write = _written(files)
    site.contact("Elina")
    site.contact("Matti")
    site.runs = site.process(documents=ConfigDocuments(files, check_every=0))
    for good in (DOCUMENT, MATCHING):
        await write(good, GOOD[good])
    await site.tick()
    await write(name, text)
    call = site.call("one")
    run = await site.tick()
    assert run.outcomes == {"logged": 1}
    assert site.row_there(call)["subject"] == "Good"


async def test_an_audit_column_that_dynamics_lacks_stops_all_of_it(site: CallsSite) -> None:
    site.contact("Elina")
    site.rules(AuditColumn="new_nowhere")
    call = site.call("one")
    run = await site.tick()
    assert (run.outcome, "AuditColumn" in run.reason) == ("failed", True)
    assert ("call sync", "red") in await site.findings()
    site.rules()
    assert (await site.tick()).outcomes == {"logged": 1}
    assert site.row_of(call) is not None


async def test_health_says_how_far_behind_it_is(site: CallsSite) -> None:
    assert ("call sync", "amber") in await site.findings()
    await site.tick()
    assert ("call sync", "green") in await site.findings()
    site.turn(minutes=7)
    assert ("call sync", "amber") in await site.findings()
    site.turn(minutes=20)
    assert ("call sync", "red") in await site.findings()
