"""The simulated server's time: planned from arrivals and costs, not from how fast the simulator itself is."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from local.dataverse.environment import Environment
from local.dataverse.schedule import Schedule


async def ends(schedule: Schedule, jobs: list[tuple[float, float]]) -> list[float]:
    """Returns when each (due, cost) ended, in seconds from now."""
    now = asyncio.get_running_loop().time()

    async def one(due: float, cost: float) -> float:
        await schedule.spend(now + due, cost)
        return asyncio.get_running_loop().time() - now

    return await asyncio.gather(*[one(due, cost) for due, cost in jobs])


@pytest.mark.parametrize(
    ("slots", "jobs", "expected"),
    [
        pytest.param(1, [(0, 0.1), (0, 0.1), (0, 0.1)], [0.1, 0.2, 0.3], id="one after the other"),
        pytest.param(2, [(0, 0.1), (0, 0.2), (0, 0.1)], [0.1, 0.2, 0.2], id="the earliest free slot"),
        pytest.param(1, [(0.1, 0.1), (0.02, 0.1)], [0.22, 0.12], id="in the order of the due times"),
        pytest.param(2, [(-0.3, 0.4), (-0.3, 0.4)], [0.1, 0.1], id="work that was done late ends in time"),
        pytest.param(1, [(-0.3, 0.2), (-0.3, 0.2)], [0.0, 0.1], id="a slot that was freed in the past"),
        pytest.param(1, [(-1, 0), (-1, 0)], [0.0, 0.0], id="nothing costs nothing"),
    ],
)
async def test_requests_end_when_due_time_slots_and_cost_say(
    slots: int, jobs: list[tuple[float, float]], expected: list[float]
) -> None:
    schedule = Schedule(Environment(slots=slots))
    in_order = sorted(range(len(jobs)), key=lambda each: jobs[each][0])
    measured = await ends(schedule, [jobs[each] for each in in_order])
    for each, end in zip(in_order, measured, strict=True):
        assert expected[each] - 0.002 <= end <= expected[each] + 0.05


async def test_new_slots_take_those_who_wait_and_surplus_slots_vanish() -> None:
    environment = Environment(slots=1)
    schedule = Schedule(environment)
    running = asyncio.ensure_future(ends(schedule, [(0, 0.2)] * 4))
    await asyncio.sleep(0.05)
    environment.slots = 4
    schedule.settle()
    assert max(await running) < 0.35  # 0.8 with one slot
    environment.slots = 1
    schedule.settle()
    assert max(await ends(schedule, [(0, 0.05)] * 3)) >= 0.148


def test_twenty_bulk_requests_at_once_take_no_longer_than_one(dataverse: Any) -> None:
    """Their records take the simulator itself some time, one request after the other; that is not the caller's."""
    dataverse.environment(latency_ms=50, bulk_record_ms=3)
    kind = {"@odata.type": "Microsoft.Dynamics.CRM.contact", "lastname": "A"}
    targets = {"Targets": [kind] * 100}

    def send(_: int) -> float:
        response = dataverse.send("POST", "contacts/Microsoft.Dynamics.CRM.UpsertMultiple", targets)
        assert response.status_code == 204
        return time.perf_counter()

    started = time.perf_counter()
    with ThreadPoolExecutor(20) as pool:
        ended = list(pool.map(send, range(20)))
    assert min(ended) - started >= 0.35
    assert max(ended) - started < 0.35 + 0.25
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
