"""When the simulated server works: a plan in virtual time, so that the simulator's own speed costs the caller nothing.

A request is due one latency after it arrived, starts at the later of that moment and the one at which a server slot
became free, and ends when its cost is spent. The real work is done when the event loop gets there; the answer goes out
at the planned end, or when the work is done if that is later.
"""

import asyncio
from heapq import heapify, heappop, heappush
from itertools import count

from local.dataverse.environment import Environment


class Plan[Ticket]:
    """Hands slots to requests in the order in which they are due. Moments are seconds on any clock."""

    def __init__(self, slots: int) -> None:
        self._free_since: list[float] = [0.0] * slots
        self._busy_until: list[float] = []
        self._waiting: list[tuple[float, int, float, Ticket]] = []
        self._numbers = count()

    def add(self, due: float, cost: float, ticket: Ticket) -> None:
        """Lets a request wait for a slot."""
        heappush(self._waiting, (due, next(self._numbers), cost, ticket))

    def settle(self, now: float, slots: int) -> list[tuple[Ticket, float]]:
        """Gives slots that are free by now to those who wait, and returns who got one and when their work ends."""
        started: list[tuple[Ticket, float]] = []
        self._release(now, slots)
        while self._waiting and self._free_since:
            due, _, cost, ticket = heappop(self._waiting)
            end = max(due, heappop(self._free_since)) + cost
            heappush(self._busy_until, end)
            started.append((ticket, end))
            self._release(now, slots)
        return started

    def next_release(self) -> float | None:
        """Returns when a slot becomes free for those who still wait."""
        return self._busy_until[0] if self._waiting and self._busy_until else None

    def _release(self, now: float, slots: int) -> None:
        """New slots are free from now on; slots that are too many vanish as soon as they are free."""
        while self._busy_until and self._busy_until[0] <= now:
            heappush(self._free_since, heappop(self._busy_until))
        excess = len(self._free_since) + len(self._busy_until) - slots
        if excess < 0:
            self._free_since += [now] * -excess
            heapify(self._free_since)
        elif excess > 0 and self._free_since:
            self._free_since = sorted(self._free_since)[: max(0, len(self._free_since) - excess)]


class Schedule:
    """The plan on the clock of the event loop."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._plan: Plan[asyncio.Future[float]] = Plan(environment.slots)
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
        self._plan.add(due, cost_s, end)
        self.settle()
        await self.sleep_until(await end)

    def settle(self) -> None:
        """Brings the plan up to now. Call it when the number of slots has changed, too."""
        loop = asyncio.get_running_loop()
        for waiting, end in self._plan.settle(loop.time(), self._environment.slots):
            if not waiting.done():  # its caller may have gone away
                waiting.set_result(end)
        if self._alarm is not None:
            self._alarm.cancel()
        release = self._plan.next_release()
        self._alarm = None if release is None else loop.call_at(release, self.settle)
