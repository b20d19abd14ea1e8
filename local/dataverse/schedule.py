"""When the simulated server works: a plan in virtual time, so that the simulator's own speed costs the caller nothing.

A request is due one latency after it arrived, starts at the later of that moment and the one at which a server slot
became free, and ends when its cost is spent. The real work is done when the event loop gets there; the answer goes out
at the planned end, or when the work is done if that is later.
"""

import asyncio
from heapq import heapify, heappop, heappush
from itertools import count

from local.dataverse.environment import Environment

type Waiting = tuple[float, int, float, asyncio.Future[float]]


class Schedule:
    """Hands the server slots to requests in the order in which they are due. Moments are event-loop seconds."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._free_since: list[float] = [0.0] * environment.slots
        self._busy_until: list[float] = []
        self._waiting: list[Waiting] = []
        self._numbers = count()
        self._turn = asyncio.Lock()
        self._alarm: asyncio.TimerHandle | None = None

    @property
    def turn(self) -> asyncio.Lock:
        """The right to do real work: one request at a time, so that the loop can read and answer in between."""
        return self._turn

    async def sleep_until(self, moment: float) -> None:
        """Returns at the moment, or at once when it has passed."""
        remaining = moment - asyncio.get_running_loop().time()
        if remaining > 0:
            await asyncio.sleep(remaining)

    async def spend(self, due: float, cost_s: float) -> None:
        """Returns when a request that was due then and costs so much has ended."""
        end: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        heappush(self._waiting, (due, next(self._numbers), cost_s, end))
        self.settle()
        await self.sleep_until(await end)

    def settle(self) -> None:
        """Gives slots whose work has ended to those who wait. Call it when the number of slots has changed, too."""
        now = asyncio.get_running_loop().time()
        self._release(now)
        self._resize(now)
        while self._waiting and self._free_since:
            due, _, cost_s, end = heappop(self._waiting)
            start = max(due, heappop(self._free_since))
            heappush(self._busy_until, start + cost_s)
            if not end.done():  # its caller may have gone away
                end.set_result(start + cost_s)
            self._release(now)
            self._resize(now)
        self._set_alarm()

    def _release(self, now: float) -> None:
        while self._busy_until and self._busy_until[0] <= now:
            heappush(self._free_since, heappop(self._busy_until))

    def _resize(self, now: float) -> None:
        """New slots are free from now on; slots that are too many vanish as soon as they are free."""
        excess = len(self._free_since) + len(self._busy_until) - self._environment.slots
        if excess < 0:
            self._free_since += [now] * -excess
            heapify(self._free_since)
        elif excess > 0 and self._free_since:
            self._free_since = sorted(self._free_since)[: max(0, len(self._free_since) - excess)]

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if self._waiting and self._busy_until:
            self._alarm = asyncio.get_running_loop().call_at(self._busy_until[0], self.settle)
