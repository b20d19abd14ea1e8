"""The process's traffic with one environment: who may send now. All limits are shared, so one 429 slows everybody.

Calls in the order of their patience: a caller with a deadline first, then other single requests, then the pages of
large reads, then bulk requests that go again, then new bulk requests.
"""

import asyncio
import heapq
from dataclasses import dataclass
from enum import IntEnum
from itertools import count

from shared.dataverse import flow
from shared.dataverse.errors import ThrottledError

LONGEST_PAUSE = 300.0
"""Seconds. The service protection window is five minutes, so no answer can ask for more in good faith."""
_URGENT_MEMORY = 60.0
"""Seconds for which lanes stay free for callers with a deadline after there were some."""
_MOST_RESERVED = 8
_UNKNOWN_ROUND_TRIP = 0.1
_QUICKEST_REFUSAL = 0.03
"""Seconds."""


class Kind(IntEnum):
    """Why a request is sent; the lower goes first."""

    URGENT = 0
    SINGLE = 1
    PAGES = 2
    """Several pages in one. They never wait for a lane of a bulk load, whose rows may come from them."""
    REPEATED_BULK = 3
    BULK = 4


@dataclass(slots=True)
class Lane:
    """A place among the requests under way, from `Traffic.enter` to `Traffic.leave`."""

    kind: Kind
    since: float
    left: bool = False


class Traffic:
    """Lanes, the pause after a 429, and the round trip as measured. One instance for all requests of the process."""

    def __init__(self) -> None:
        self.width = flow.Width()
        self.breaker = flow.Breaker()
        self.round_trip = _UNKNOWN_ROUND_TRIP
        self.under_way = 0
        self.bulk_under_way = 0
        self.refusal_time = _UNKNOWN_ROUND_TRIP
        self.known = False
        """Whether any answer came: with one, the round trip and the recommended width are known."""
        self._paused_until = 0.0
        self._waiting: list[tuple[Kind, int, asyncio.Future[None]]] = []
        self._order = count()
        self._urgent = 0
        self._reserved = 0
        self._reserved_until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._admission: asyncio.Handle | None = None

    async def enter(self, kind: Kind) -> Lane:
        """A lane, as soon as there is one for this kind. Give it back with `leave`."""
        if self._admission is not None:
            self._admit()  # who waits goes before who comes now
        now = _now()
        if not (self._open(kind, now) and (not self._waiting or kind < self._waiting[0][0])):
            free = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (kind, next(self._order), free))
            self._admit()
            try:
                await free
            except asyncio.CancelledError:
                if free.done() and not free.cancelled():
                    self._vacate(kind)
                raise
            now = _now()
        else:
            self._occupy(kind, now)
        return Lane(kind, now)

    def leave(self, lane: Lane) -> None:
        """The request of this lane is answered or lost, or never left. Said twice it counts once."""
        if not lane.left:
            lane.left = True
            self._vacate(lane.kind)

    def measured(self, seconds: float) -> None:
        """A request took so long: the quickest one tells the round trip."""
        self.round_trip = min(self.round_trip, seconds) if self.known else seconds
        self.known = True

    def connected(self, seconds: float) -> None:
        """A connection took so long to open, which is at least a round trip: a refusal takes no longer."""
        before, self.refusal_time = self.refusal_time, min(self.refusal_time, max(_QUICKEST_REFUSAL, seconds))
        if self.refusal_time < before:
            self.width.hasten(before - self.refusal_time)
            self._admit()

    def pause(self, error: ThrottledError) -> None:
        """Nobody sends until the answer's Retry-After is over. Called after the refused request has left its lane."""
        now = _now()
        wait = min(error.retry_after, LONGEST_PAUSE)
        self._paused_until = max(self._paused_until, now + wait)
        # Refused with none of ours under way: that says nothing of the width.
        if error.code == flow.CONCURRENCY_CODE and self.under_way > 0:
            self.width.refused(now, self.under_way, flow.named_limit(error.detail), wait)
        else:
            self.width.exhausted(now, wait, self.refusal_time)

    @property
    def pause_left(self) -> float:
        """Seconds until requests may leave again."""
        return max(0.0, self._paused_until - _now())

    # ------------------------------------------------------------------------------------------------ lanes

    def _open(self, kind: Kind, now: float) -> bool:
        if now < self._paused_until:
            return False
        width = self.width
        if kind < Kind.REPEATED_BULK:
            if self.under_way < width.ceiling:
                return True
            width.grow(now, self.refusal_time)
            return self.under_way < width.ceiling
        if width.burst_ends(now, self.refusal_time) is not None:
            return False
        reserved = 0 if self._urgent == 0 and now > self._reserved_until else self._reserved
        if self.under_way < width.lanes - reserved:
            return True
        width.used(now, self.refusal_time)
        width.grow(now, self.refusal_time)
        # However many lanes callers want, a bulk load never stands still.
        return self.under_way < width.lanes - reserved or (self.bulk_under_way == 0 and self.under_way < width.ceiling)

    def _occupy(self, kind: Kind, now: float) -> None:
        self.under_way += 1
        if kind >= Kind.REPEATED_BULK:
            self.bulk_under_way += 1
            self.width.left()
        elif kind is Kind.URGENT:
            self._urgent += 1
            fresh = now > self._reserved_until
            self._reserved = min(_MOST_RESERVED, max(0 if fresh else self._reserved, self._urgent))
            self._reserved_until = now + _URGENT_MEMORY

    def _vacate(self, kind: Kind) -> None:
        self.under_way -= 1
        if kind >= Kind.REPEATED_BULK:
            self.bulk_under_way -= 1
        elif kind is Kind.URGENT:
            self._urgent -= 1
        if self._waiting and self._admission is None:
            # Not at once: the answer may say that everybody has to pause, or that there are more lanes.
            self._admission = asyncio.get_running_loop().call_soon(self._admit)

    def _admit(self) -> None:
        """Let in whoever may go now, and look again when a pause ends or the width may grow."""
        if self._admission is not None:
            self._admission.cancel()
            self._admission = None
        now = _now()
        while self._waiting:
            kind, _, free = self._waiting[0]
            if free.done():
                heapq.heappop(self._waiting)
            elif self._open(kind, now):
                heapq.heappop(self._waiting)
                self._occupy(kind, now)
                free.set_result(None)
            else:
                self._look_again(now)
                return

    def _look_again(self, now: float) -> None:
        if now < self._paused_until:
            moment: float | None = self._paused_until
        else:
            moment = self.width.burst_ends(now, self.refusal_time) or self.width.grow_at
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if moment is not None:
            self._timer = asyncio.get_running_loop().call_at(max(moment, now + 0.001), self._admit)


def _now() -> float:
    return asyncio.get_running_loop().time()
