"""The feed as a data structure: equal to a plain search, and quick with 100,000 events."""

import time
from collections.abc import Callable
from random import Random

import pytest

from local.enreach.feed import Bounds, Event, Feed

BOUNDS: dict[Bounds, Callable[[float, float, float], bool]] = {
    "closed": lambda start, moment, end: start <= moment <= end,
    "half-open": lambda start, moment, end: start <= moment < end,
    "open": lambda start, moment, end: start < moment < end,
}


def make(call: int, user: int, started: float, modified: float, body: bytes = b"{}") -> Event:
    return Event(body, f"call-{call}", f"user-{user}", started, modified)


def key(event: Event) -> tuple[str, str, float]:
    return event.call_id, event.user_id, event.started


@pytest.mark.parametrize("batch", [1, 7, 150, 500], ids=lambda size: f"{size} at a time")
@pytest.mark.parametrize("bounds", BOUNDS)
def test_windows_are_what_a_plain_search_finds(batch: int, bounds: Bounds) -> None:
    dice = Random(f"{batch}{bounds}")  # noqa: S311 - repeatable dice
    feed, plain = Feed(key), list[Event]()
    for _ in range(max(3, 1000 // batch)):
        new = [
            make(dice.randrange(300), dice.randrange(3), dice.randrange(20), dice.randrange(100), bytes([n % 256]))
            for n in range(batch)
        ]
        feed.plant(new)
        keys = {key(event) for event in new}
        plain = [event for event in plain if key(event) not in keys] + new
    assert len(feed) == len(plain)
    holds = BOUNDS[bounds]
    for start, end in ((0, 100), (10, 15), (7, 7), (90, 200)):
        expected = sorted((e.started, e.body) for e in plain if holds(start, e.started, end))
        assert sorted((e.started, e.body) for e in feed.started(start, end, bounds)) == expected
        moments = [e.modified for e in feed.modified(start, end, bounds)]
        assert moments == sorted(e.modified for e in plain if holds(start, e.modified, end))
    for call in range(300):
        expected_bodies = sorted(e.body for e in plain if e.call_id == f"call-{call}")
        assert sorted(e.body for e in feed.of_call(f"call-{call}")) == expected_bodies


def test_a_window_of_1000_of_100000_events_takes_a_few_milliseconds() -> None:
    feed = Feed(key)
    feed.plant(make(n, n % 500, n * 0.9, n) for n in range(100_000))

    def read() -> float:
        began = time.perf_counter()
        found = list(feed.modified(50_000, 50_999, "closed"))
        spent = time.perf_counter() - began
        assert len(found) == 1000
        return spent

    def change() -> float:
        began = time.perf_counter()
        feed.plant([make(70_000, 0, 63_000.0, 200_000)])
        return time.perf_counter() - began

    assert min(read() for _ in range(5)) < 0.005
    assert min(change() for _ in range(5)) < 0.005
    assert len(feed) == 100_000
