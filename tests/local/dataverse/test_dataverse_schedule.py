"""The simulated server's time: planned from arrivals and costs, not from how fast the simulator itself is."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from local.dataverse.environment import Environment
from local.dataverse.schedule import Plan, Schedule


def ends(plan: Plan[int], slots: int) -> dict[int, float]:
    """Runs the plan to its end and returns when each request ended."""
    ended = dict(plan.settle(0, slots))
    while (release := plan.next_release()) is not None:
        ended.update(plan.settle(release, slots))
    return ended


@pytest.mark.parametrize(
    ("slots", "jobs", "expected"),
    [
        pytest.param(1, [(0, 1), (0, 1), (0, 1)], [1, 2, 3], id="one after the other"),
        pytest.param(2, [(0, 1), (0, 2), (0, 1)], [1, 2, 2], id="the earliest free slot"),
        pytest.param(1, [(1, 1), (0.2, 1)], [2.2, 1.2], id="in the order of the due times"),
        pytest.param(2, [(-3, 4), (-3, 4)], [1, 1], id="work that was done late ends in time"),
        pytest.param(1, [(-3, 2), (-3, 2)], [-1, 1], id="a slot that was freed in the past"),
        pytest.param(1, [(-1, 0), (-1, 0)], [-1, -1], id="nothing costs nothing"),
    ],
)
def test_requests_end_when_due_time_slots_and_cost_say(
    slots: int, jobs: list[tuple[float, float]], expected: list[float]
) -> None:
    plan: Plan[int] = Plan(0)
    plan.settle(-10, slots)
    for number, (due, cost) in enumerate(jobs):
        plan.add(due, cost, number)
    found = ends(plan, slots)
    assert [found[number] for number in range(len(jobs))] == pytest.approx(expected)


def test_new_slots_take_those_who_wait_and_surplus_slots_vanish() -> None:
    plan: Plan[int] = Plan(1)
    for number in range(4):
        plan.add(0, 4, number)
    assert plan.settle(0, 1) == [(0, 4)]
    assert plan.settle(1, 3) == [(1, 5), (2, 5)]
    assert plan.settle(4, 1) == []  # two are still at work
    assert plan.settle(5, 1) == [(3, 9)]
    assert plan.next_release() is None


async def test_the_plan_runs_on_the_clock_of_the_event_loop() -> None:
    environment = Environment(slots=1)
    schedule = Schedule(environment)
    loop = asyncio.get_running_loop()
    started = loop.time()
    waiting = [asyncio.ensure_future(schedule.spend(started, 0.1)) for _ in range(3)]
    await waiting[1]
    assert loop.time() - started >= 0.199
    environment.slots = 2
    schedule.settle()
    await waiting[2]
    assert loop.time() - started >= 0.299
    late = loop.time()
    await Schedule(environment).spend(late - 1, 0.9)  # its time is over already
    assert loop.time() - late < 0.5


def test_twenty_bulk_requests_at_once_take_no_longer_than_one(dataverse: Any) -> None:
    """Their records take the simulator itself some time, one request after the other; that is not the caller's."""
    dataverse.environment(latency_ms=50, bulk_record_ms=10)
    kind = {"@odata.type": "Microsoft.Dynamics.CRM.contact", "lastname": "A"}
    targets = {"Targets": [kind] * 100}

    def send(_: int) -> float:
        response = dataverse.send("POST", "contacts/Microsoft.Dynamics.CRM.UpsertMultiple", targets)
        assert response.status_code == 204
        return time.perf_counter()

    started = time.perf_counter()
    with ThreadPoolExecutor(20) as pool:
        ended = list(pool.map(send, range(20)))
    assert min(ended) - started >= 1.05
    assert max(ended) - started < 2 * 1.05
    assert dataverse.control("GET", "stats").json()["peakInFlight"] == 20


def test_the_peak_and_the_connections_are_counted_since_the_reset(dataverse: Any) -> None:
    dataverse.environment(latency_ms=100)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: dataverse.get("WhoAmI"), range(6)))
    stats = dataverse.control("GET", "stats").json()
    assert (stats["peakInFlight"], stats["connections"]) == (3, 3)
    dataverse.control("POST", "reset")
    dataverse.get("WhoAmI")
    stats = dataverse.control("GET", "stats").json()
    assert (stats["peakInFlight"], stats["connections"]) == (1, 1)


def test_the_hint_of_parallelism_can_be_absent(dataverse: Any) -> None:
    assert dataverse.get("WhoAmI").headers["x-ms-dop-hint"] == "52"
    dataverse.environment(dop_hint=0)
    assert "x-ms-dop-hint" not in dataverse.get("WhoAmI").headers
