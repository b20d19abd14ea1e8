"""Limits and tallies, second by second."""

import timeit
from itertools import count

import pytest

from shared.rate_limit import KeyedLimit, Tally, TokenBucket

# Per second, burst; then at which second how many try, and how many of them may.
BUCKETS = [
    pytest.param(10, 20, [(0, 30, 20)], id="a burst, and no more"),
    pytest.param(10, 20, [(0, 20, 20), (0, 1, 0), (1, 30, 10), (1.5, 30, 5)], id="what a second brings"),
    pytest.param(10, 20, [(0, 20, 20), (60, 30, 20)], id="a rest brings no more than the burst"),
    pytest.param(8, 16, [(0, 16, 16), *((n / 8, 1, 1) for n in range(1, 50))], id="the rate itself, for ever"),
    pytest.param(10, 20, [(0, 20, 20), (0.05, 9, 0), (0.1, 9, 1)], id="who is refused takes nothing"),
    pytest.param(0.5, 1, [(0, 2, 1), (1, 1, 0), (2, 2, 1)], id="less than one a second"),
]


@pytest.mark.parametrize(("per_second", "burst", "steps"), BUCKETS)
def test_a_bucket(per_second: float, burst: float, steps: list[tuple[float, int, int]]) -> None:
    bucket = TokenBucket(per_second, burst)
    for now, tries, allowed in steps:
        assert sum(bucket.take(now) for _ in range(tries)) == allowed, now


def served(limit: KeyedLimit, rates: dict[str, int], seconds: int) -> dict[str, int]:
    """How many of each key are let through when so many a second come, evenly, with the bursts used up before."""
    for key in rates:
        while limit.allows(key, 0.0):
            pass
    through = dict.fromkeys(rates, 0)
    for step in range(1, 1000 * seconds + 1):
        for key, rate in rates.items():
            for _ in range(rate * step // 1000 - rate * (step - 1) // 1000):
                through[key] += limit.allows(key, step / 1000)
    return {key: round(number / seconds) for key, number in through.items()}


KEYS = [
    pytest.param({"current": 250, "next": 0}, {"current": 250, "next": 0}, id="below the limit nothing is refused"),
    pytest.param({"current": 900, "next": 0}, {"current": 500, "next": 0}, id="one key, over its share"),
    pytest.param(
        {"current": 5000, "next": 250}, {"current": 500, "next": 250}, id="a flood leaves the other its calls"
    ),
    pytest.param({"current": 400, "next": 400}, {"current": 400, "next": 400}, id="both, within what all may do"),
]


@pytest.mark.parametrize(("rates", "expected"), KEYS)
def test_a_limit_of_two_keys(rates: dict[str, int], expected: dict[str, int]) -> None:
    through = served(KeyedLimit(rates, 500), rates, 10)
    assert through == pytest.approx(expected, abs=5)


def test_all_keys_together_have_a_limit_too() -> None:
    through = served(KeyedLimit(("current", "next"), 500), {"current": 5000, "next": 5000}, 10)
    assert sum(through.values()) == pytest.approx(800, abs=5)
    assert min(through.values()) > 290


def test_the_burst_is_two_seconds_worth_and_one_at_least() -> None:
    limit = KeyedLimit(["key"], 2)
    assert [limit.allows("key", 0) for _ in range(5)] == [True] * 4 + [False]
    slow = KeyedLimit(["key"], 0.1)
    assert [slow.allows("key", now) for now in (0, 1, 10)] == [True, False, True]


TALLIES = [
    pytest.param([(100, 1)], id="the first is told at once"),
    pytest.param([(100, 1), (101, 0), (159, 0), (160, 3)], id="the next ones together, a minute later"),
    pytest.param([(100, 1), (500, 1), (501, 0)], id="a rare one by itself"),
]


@pytest.mark.parametrize("steps", TALLIES)
def test_a_tally(steps: list[tuple[float, int]]) -> None:
    tally = Tally(60)
    assert [tally.add(now) for now, _ in steps] == [told for _, told in steps]


def test_a_limit_costs_microseconds() -> None:
    limit, clock = KeyedLimit(("current", "next"), 500), count()
    seconds = min(timeit.repeat(lambda: limit.allows("current", next(clock) / 1000), number=10_000, repeat=5))
    assert seconds / 10_000 < 50e-6
