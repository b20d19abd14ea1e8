"""The limit, measured: prebuilt bodies at exactly the allowed width, with no more client than that takes.

Its job names the chunking and the width, or several widths with the second from which each holds.
"""

import asyncio
import json
import time
from itertools import batched

import aiohttp

from benchmarks.process import Job, Meter, Result, job_rows, serve
from benchmarks.rows import BOOKING, BOOKINGS

# Both processes wait for the same moment by clocks of their own: a narrowing is met a little early.
EARLY_S = 0.05


class Width:
    """Lets so many requests through at once as the environment allows at the moment."""

    def __init__(self, steps: list[tuple[float, int]]) -> None:
        self._steps = steps
        self._started = time.perf_counter()
        self._busy = 0
        self._changed = asyncio.Condition()

    def start(self) -> None:
        """The schedule counts from now."""
        self._started = time.perf_counter()

    def _allowed(self) -> int:
        elapsed = time.perf_counter() - self._started
        allowed = self._steps[0][1]
        for moment, width in self._steps:
            if elapsed >= (moment - EARLY_S if width < allowed else moment + EARLY_S if moment else moment):
                allowed = width
        return allowed

    @property
    def full(self) -> bool:
        """Whether one more would be too many."""
        return self._busy >= self._allowed()

    async def __aenter__(self) -> None:
        async with self._changed:
            while self.full:
                try:
                    await asyncio.wait_for(self._changed.wait(), 0.02)
                except TimeoutError:
                    continue
            self._busy += 1

    async def __aexit__(self, *_: object) -> None:
        async with self._changed:
            self._busy -= 1
            self._changed.notify_all()


async def _write(job: Job, meter: Meter) -> Result:
    kind = {"@odata.type": f"Microsoft.Dynamics.CRM.{BOOKING}"}
    chunks = list(batched(job_rows(job), job["chunk"], strict=False))
    bodies = [json.dumps({"Targets": [{**kind, **row} for row in chunk]}).encode() for chunk in chunks]
    url = f"{job['url']}/api/data/v9.2/{BOOKINGS}/Microsoft.Dynamics.CRM.UpsertMultiple"
    headers = {"Authorization": "Bearer benchmark", "Content-Type": "application/json"}
    steps = [(float(moment), int(width)) for moment, width in job["widths"]]
    width = Width(steps)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers=headers) as http:

        async def send(body: bytes) -> None:
            status = 0
            while status != 204:
                async with width, http.post(url, data=body) as answer:
                    status = answer.status
                    await answer.read()
                if status != 204:
                    await asyncio.sleep(0.05)

        async def connect() -> None:
            async with http.get(f"{job['url']}/__sim/health") as answer:
                await answer.read()

        await asyncio.gather(*(connect() for _ in range(max(allowed for _, allowed in steps))))
        with meter.measured():
            width.start()
            await asyncio.gather(*map(send, bodies))
    return {"written": job["rows"]}


if __name__ == "__main__":
    serve({"write": lambda job, meter: asyncio.run(_write(job, meter))})
