"""Which time a run looks at, and when the nightly one comes. What a timer says about itself is never read (facts on
reliability, F5 and A10): a run starts where our own checkpoint stands."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum

from shared.enreach.windows import By, Window

OVERLAP = timedelta(minutes=5)
"""How far before the checkpoint a run starts: a change may be seen later than it says."""
SAFETY = timedelta(seconds=30)
"""How far behind the clock a run ends: the clock of Enreach is another one."""
LONGEST_SLICE = timedelta(minutes=15)
LOOK_BACK_EVERY = timedelta(minutes=15)
GAP = timedelta(minutes=5)
"""A checkpoint so long behind says that runs were missed."""
DEBUG_DAYS = 45
"""`RunInDebugMode` (guide 1.5.3)."""
NIGHTLY = timedelta(hours=24)
"""What the nightly run looks at (guide 1.5.3)."""

FIRST_NIGHTLY = time(22, 0)
LAST_NIGHTLY = time(23, 30)
"""UTC (guide 1.5.3). Between the two a nightly run starts."""
_ROOM_AT_THE_END = timedelta(minutes=5)
"""Ticks that are left behind the latest moment, for an app that restarts just then."""


def slices(checkpoint: datetime | None, now: datetime, interval: timedelta) -> list[Window]:
    """What was changed since the checkpoint, in slices that follow each other; none while there is nothing to look at.

    Without a checkpoint, in the first run, the last `interval` (`ExecutionInterval`). Once a slice is written whole,
    its end is the new checkpoint.
    """
    start = now - interval if checkpoint is None else checkpoint - OVERLAP
    return list(_slices(By.CHANGE, start, now - SAFETY))


def look_back_due(last_done: datetime | None, checkpoint: datetime | None, now: datetime) -> bool:
    """Whether the look-back is to be walked: every 15 minutes, and after a gap. A moment in the future is of a clock
    that was wrong."""
    if last_done is None or checkpoint is None or last_done > now:
        return True
    if now - last_done >= LOOK_BACK_EVERY:
        return True
    return now - checkpoint >= GAP and last_done < checkpoint + GAP


def look_back(now: datetime, interval: timedelta) -> list[Window]:
    """What started within the last `interval` (`ExecutionInterval`), in slices: calls that Enreach reported late
    without saying that they changed."""
    return list(_slices(By.START, now - interval, now - SAFETY))


def debug_windows(now: datetime) -> list[Window]:
    """What started within the past 45 days, in windows of one request each (31 days at most); `sliced` cuts the work on
    what they give."""
    return Window(By.START, now - timedelta(days=DEBUG_DAYS), now).parts()


def nightly_slices(now: datetime) -> list[Window]:
    """What started within the past 24 hours, in slices."""
    return list(_slices(By.START, now - NIGHTLY, now - SAFETY))


def sliced(window: Window) -> Iterator[Window]:
    """The slices of a window, the earliest first."""
    return _slices(window.by, window.start, window.end)


def _slices(by: By, start: datetime, end: datetime) -> Iterator[Window]:
    while start < end:
        until = min(start + LONGEST_SLICE, end)
        yield Window(by, start, until)
        start = until


# ------------------------------------------------------------------------------------------------------ nights


class Turn(Enum):
    """What a tick of the nightly timer is for."""

    WAIT = "wait"
    NIGHT = "night"
    """The run of this night."""
    EXTRA = "extra"
    """A run that somebody asked for by hand, or that is past due. It does not count as the night's."""


def nightly_moment(site_id: str, day: date) -> datetime:
    """When the nightly run of this UTC day starts at this site: at some moment between 22:00 and 23:30, which differs
    by both, so that not all sites call at once. It is derived, so a restart neither repeats nor skips a run."""
    first = datetime.combine(day, FIRST_NIGHTLY, UTC)
    span = datetime.combine(day, LAST_NIGHTLY, UTC) - _ROOM_AT_THE_END - first
    digest = hashlib.sha256(f"{site_id}\0{day.isoformat()}".encode()).digest()
    return first + timedelta(seconds=int.from_bytes(digest[:8]) % int(span.total_seconds()))


def nightly_turn(now: datetime, site_id: str, last_done: date | None) -> Turn:
    """What a tick at this moment is for. `last_done` is the UTC day of the last night's run that came to its end.

    Between 22:00 and 23:30 UTC the derived moment decides, once a day. Until midnight a tick makes up for a run that
    did not come: a timer that ticks each minute of two hours ticks then too. At any other time the run was asked for.
    """
    now = now.astimezone(UTC)
    if now.time() < FIRST_NIGHTLY:
        return Turn.EXTRA
    is_done = last_done is not None and last_done >= now.date()
    return Turn.NIGHT if not is_done and now >= nightly_moment(site_id, now.date()) else Turn.WAIT
