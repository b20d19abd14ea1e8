"""The simulator's own clock: it can stand still, run at another time, or go wrong by some seconds."""

import time
from typing import Any

from local.enreach.moments import iso_z, read_moment

KEYS = frozenset({"now", "offsetS", "running"})


class Clock:
    """The wall clock, unless told otherwise. Moments are seconds since 1970."""

    def __init__(self) -> None:
        self._offset_s = 0.0
        self._stopped_at: float | None = None

    def now(self) -> float:
        """Returns the moment it is for the simulator."""
        return time.time() + self._offset_s if self._stopped_at is None else self._stopped_at

    def change(self, changes: Any) -> None:
        """Sets `now` (a moment, or null for the wall clock), `offsetS` (seconds beside the wall clock), `running`.

        Raises ValueError and changes nothing when it is not understood.
        """
        if not isinstance(changes, dict) or not changes or not changes.keys() <= KEYS:
            raise ValueError(f"The clock takes {', '.join(sorted(KEYS))}.")
        if {"now", "offsetS"} <= changes.keys():
            raise ValueError("The clock takes 'now' or 'offsetS', not both.")
        running = changes.get("running", True)
        offset = changes.get("offsetS", self._offset_s if self._stopped_at is None else self.now() - time.time())
        if not isinstance(running, bool) or isinstance(offset, bool) or not isinstance(offset, int | float):
            raise ValueError("'running' is true or false, 'offsetS' a number.")
        if "now" in changes:
            offset = _offset_of(changes["now"])
        self._offset_s = offset
        self._stopped_at = None
        if not running:
            self._stopped_at = read_moment(changes.get("now")) or self.now()

    def reset(self) -> None:
        """Returns to the wall clock."""
        self._offset_s, self._stopped_at = 0.0, None

    def as_json(self) -> dict[str, Any]:
        """Returns what the clock shows."""
        return {"now": iso_z(self.now()), "running": self._stopped_at is None}


def _offset_of(now: Any) -> float:
    if now is None:
        return 0.0
    moment = read_moment(now)
    if moment is None:
        raise ValueError("'now' is a moment such as 2026-03-02T08:00:00Z, or null.")
    return moment - time.time()
