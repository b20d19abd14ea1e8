"""The events of one feed, found by call id and, through sorted indexes, by start and by modification."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import inf
from typing import Literal

type Bounds = Literal["closed", "half-open", "open"]
# So many changes are put into a sorted index one by one; more of them are sorted in at once.
FEW = 200


@dataclass(frozen=True, slots=True)
class Event:
    """One item as it is answered, and what it is found by. Moments are seconds since 1970."""

    body: bytes
    call_id: str
    user_id: str
    started: float
    modified: float


class TimedIndex:
    """Numbers in the order of their moments."""

    def __init__(self) -> None:
        self._entries: list[tuple[float, int]] = []

    def change(self, gone: list[tuple[float, int]], new: list[tuple[float, int]]) -> None:
        """Takes entries out and puts others in."""
        if len(gone) > FEW:
            leaving = set(gone)
            self._entries = [entry for entry in self._entries if entry not in leaving]
        else:
            for entry in gone:
                del self._entries[bisect_left(self._entries, entry)]
        if len(new) > FEW:
            self._entries = sorted(self._entries + new)
        else:
            for entry in new:
                insort(self._entries, entry)

    def between(self, start: float, end: float, bounds: Bounds) -> Iterator[int]:
        """Yields the numbers of a window in ascending order; `bounds` says which of its ends belong to it."""
        first = (
            bisect_right(self._entries, (start, inf)) if bounds == "open" else bisect_left(self._entries, (start, -1))
        )
        last = bisect_right(self._entries, (end, inf)) if bounds == "closed" else bisect_left(self._entries, (end, -1))
        return (number for _, number in self._entries[first:last])


class Feed:
    """All events of `/calls` or of `/servicecall`."""

    def __init__(self, key: Callable[[Event], object]) -> None:
        self._key = key
        self._events: dict[int, Event] = {}
        self._by_call: dict[str, list[int]] = {}
        self._by_start = TimedIndex()
        self._by_change = TimedIndex()
        self._next = 0

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[Event]:
        return iter(self._events.values())

    def plant(self, events: Iterable[Event]) -> None:
        """Adds events; those of earlier calls with a key that comes again give way, doubles within this call stay."""
        arriving = list(events)
        gone = self._take_out({self._key(event) for event in arriving}, {event.call_id for event in arriving})
        new = list(enumerate(arriving, self._next))
        self._next += len(new)
        self._events.update(new)
        for number, event in new:
            self._by_call.setdefault(event.call_id, []).append(number)
        self._by_start.change([(e.started, n) for n, e in gone], [(e.started, n) for n, e in new])
        self._by_change.change([(e.modified, n) for n, e in gone], [(e.modified, n) for n, e in new])

    def _take_out(self, keys: set[object], call_ids: set[str]) -> list[tuple[int, Event]]:
        gone = []
        for call_id in call_ids:
            numbers = self._by_call.get(call_id, [])
            leaving = [number for number in numbers if self._key(self._events[number]) in keys]
            gone += [(number, self._events.pop(number)) for number in leaving]
            if leaving:
                self._by_call[call_id] = [number for number in numbers if number not in leaving]
        return gone

    def of_call(self, call_id: str) -> Iterator[Event]:
        """Yields the events of a call, whose id is canonical, in the order in which they came."""
        return (self._events[number] for number in self._by_call.get(call_id, ()))

    def started(self, start: float, end: float, bounds: Bounds) -> Iterator[Event]:
        """Yields the events that started in a window, by their start."""
        return (self._events[number] for number in self._by_start.between(start, end, bounds))

    def modified(self, start: float, end: float, bounds: Bounds) -> Iterator[Event]:
        """Yields the events that were last modified in a window, by that moment."""
        return (self._events[number] for number in self._by_change.between(start, end, bounds))
