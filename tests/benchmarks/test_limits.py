"""The computed limits, against sums that can be done by hand."""

import pytest

from benchmarks.limits import even_chunk, queueing_limit_s, refusing_limit_s

CONSTANT = [
    pytest.param(20_000, 2, 52, 0.060 + 40 / 52, id="large: one request for each place"),
    pytest.param(20_000, 25, 5, 0.060 + 500 / 5, id="slow"),
]


@pytest.mark.parametrize(("records", "record_ms", "width", "seconds"), CONSTANT)
def test_a_queue_costs_one_latency_and_the_work(records: int, record_ms: float, width: int, seconds: float) -> None:
    assert queueing_limit_s(records, record_ms, 60, [(0, width)]) == pytest.approx(seconds)


def test_a_refusing_environment_costs_a_latency_for_each_round_of_requests() -> None:
    assert refusing_limit_s(20_000, 2, 60, [(0, 10)]) == pytest.approx(2 * 0.060 + 4)
    assert refusing_limit_s(20_000, 2, 60, [(0, 52)]) == pytest.approx(0.060 + 40 / 52)


@pytest.mark.parametrize(
    ("widths", "seconds"),
    [
        pytest.param([(0, 10), (1.06, 20)], 0.06 + 1 + 30 / 20, id="wider after one second of work"),
        pytest.param([(0, 10), (1.06, 5)], 0.06 + 1 + 30 / 5, id="narrower"),
        pytest.param([(0, 10), (9.0, 1)], 0.06 + 4, id="the change comes too late to count"),
        pytest.param([(0, 10), (0.01, 20)], 0.06 + 2, id="the change comes within the first latency"),
    ],
)
def test_a_width_that_changes(widths: list[tuple[float, int]], seconds: float) -> None:
    assert queueing_limit_s(20_000, 2, 60, widths) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("records", "width", "rounds", "chunk"),
    [(20_000, 52, 1, 385), (20_000, 52, 2, 193), (20_000, 10, 1, 1000), (20_000, 5, 1, 1000), (100, 52, 1, 2)],
)
def test_chunks_divide_evenly_and_stay_below_the_cap(records: int, width: int, rounds: int, chunk: int) -> None:
    assert even_chunk(records, width, rounds) == chunk
