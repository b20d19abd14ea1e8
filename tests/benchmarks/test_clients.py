"""Real client processes against a real simulator, with few rows."""

from collections.abc import Iterator

import pytest

from benchmarks.clients import OURS, PROBE, Client
from benchmarks.rows import BOOKINGS, bookings
from benchmarks.runs import run_client
from benchmarks.simulator import Simulator, running_simulator


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with running_simulator() as simulator:
        yield simulator


@pytest.mark.parametrize(
    ("client", "further"),
    [
        pytest.param(OURS, {}, id="ours"),
        pytest.param(PROBE, {"chunk": 100, "widths": [(0, 4)]}, id="the probe"),
    ],
)
def test_a_client_writes_the_bookings_and_tells_its_costs(
    simulator: Simulator, client: Client, further: dict[str, object]
) -> None:
    simulator.prepare(latencyMs=5, bulkRecordMs=0)
    started: list[bool] = []
    run = run_client(
        client, simulator, {"action": "write", "rows": 300, **further}, started=lambda: started.append(True)
    )
    landed = simulator.landed()
    assert (run.error, run.said["written"], landed.created, landed.updated) == ("", 300, 300, 0)
    assert started == [True]
    assert run.wall_s > 0.005
    assert 0 < run.cpu_s < 5
    assert 10 < run.peak_mb < 500
    assert 1 <= run.connections <= 52
    stored = {row["bookableresourcebookingid"] for row in simulator.rows(BOOKINGS)}
    assert stored == {row["bookableresourcebookingid"] for row in bookings(300)}


def test_a_bad_row_is_named_and_the_others_arrive(simulator: Simulator) -> None:
    simulator.prepare(latencyMs=0, bulkRecordMs=0)
    run = run_client(OURS, simulator, {"action": "write", "rows": 50, "bad": [7]})
    assert run.said["failed"] == [next(bookings(1, 7))["bookableresourcebookingid"]]
    assert simulator.landed().created == 49


def test_a_client_that_fails_says_why(simulator: Simulator) -> None:
    simulator.prepare()
    run = run_client(OURS, simulator, {"action": "write", "rows": -1, "bad": [0]})
    assert run.error.startswith("IndexError")


def test_a_process_without_a_result_is_an_error(simulator: Simulator) -> None:
    with pytest.raises(RuntimeError, match="ended with 1"):
        run_client(Client("none", "benchmarks.no_such_module", OURS.use, OURS.program), simulator, {"action": "write"})


def test_a_look_up_finds_its_customer_with_one_request(simulator: Simulator) -> None:
    simulator.prepare(latencyMs=0)
    simulator.control("rows", {"contacts": [{"lastname": "Caller", "mobilephone": "+358504100000"}]})
    job = {"action": "look_up", "numbers": ["+358504100000"], "region": "FI", "callers": 3, "asks": 2}
    run = run_client(OURS, simulator, job)
    assert (run.error, run.said["rows"], run.said["failures"], len(run.said["times_ms"])) == ("", 6, 0, 6)
    assert simulator.landed().requests == 9
    assert run.connections <= 3
