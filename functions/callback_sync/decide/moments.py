"""Which time a run looks at. Where it starts is our own checkpoint, never what a timer says about itself."""

from collections.abc import Hashable, Iterable
from datetime import datetime, timedelta

from shared.enreach.windows import Window

OVERLAP = timedelta(minutes=5)
"""How far before the checkpoint a run starts: a change may be seen later than it says."""
SAFETY = timedelta(seconds=30)
"""How far behind the clock the checkpoint stays: the clock of Enreach is another one."""
AHEAD = timedelta(minutes=1)
"""How far before the clock a run reads: an event comes right after its change, by a clock that may go before ours."""
_A_DAY = timedelta(days=1)
LONGEST_SLICE = timedelta(days=7)
"""Of one request to Enreach; what is handled at once is bounded by itself."""


def read_from(checkpoint: datetime | None, now: datetime, age: timedelta) -> datetime:
    """Where a profile's run starts: `callbackAge` ago, and never after what was last read (a three-day outage at an age
    of ten minutes loses nothing)."""
    return now - age if checkpoint is None else min(checkpoint - OVERLAP, now - age)


def first_checkpoint(now: datetime, age: timedelta) -> datetime:
    """The checkpoint of a list that a profile names for the first time: its first run, whenever that comes, starts
    `callbackAge` before now."""
    return now - age + OVERLAP


def slices(start: datetime, now: datetime) -> list[Window]:
    """What was changed from `start` on, in slices that follow each other."""
    found, end = [], now + AHEAD
    while start < end:
        until = min(start + LONGEST_SLICE, end)
        found.append(Window.modified(start, until))
        start = until
    return found


def reached(window: Window, now: datetime) -> datetime:
    """The checkpoint once a slice is in Dynamics whole."""
    return min(window.end, now - SAFETY)


def is_asked(asked: datetime | None, answered: datetime | None) -> bool:
    """Whether an event came that no run has answered yet."""
    return asked is not None and (answered is None or asked > answered)


def grouped[K: Hashable](starts: Iterable[tuple[K, datetime]]) -> dict[datetime, list[K]]:
    """Who reads from which moment on: those that read the same are asked for in one request."""
    found: dict[datetime, list[K]] = {}
    for each, start in starts:
        found.setdefault(start, []).append(each)
    return found


def tried_again_from(waiting: Iterable[datetime], now: datetime) -> datetime | None:
    """From which moment on requests are read again that are not in Dynamics yet, by when they were made; None while
    none is tried again. Those of the last day in each run, older ones every ten minutes."""
    due = [made for made in waiting if now - made < _A_DAY or now.minute % 10 == 0]
    return min(due) - OVERLAP if due else None
