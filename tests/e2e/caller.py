"""`python -m tests.e2e.caller URL POOL`: asks as Enreach does, each time for another caller, and measures.

A process of its own with nothing else to do: in a test's own process a search of the collector through everything that
was ever imported there would count as the app's time. The key is in ROUTING_KEY. Each line of standard input is
`NUMBER AT_ONCE`; each line of standard output is a list of a status and seconds for each call.
"""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from itertools import count

import aiohttp


class Caller:
    """Asks one address with one key."""

    def __init__(self, url: str, pool: str, key: str) -> None:
        self._url, self._pool = url, pool
        self._headers = {"X-Benemen-APIKey": key}
        self._callers: Iterator[int] = count(1_000_000)
        self._http: aiohttp.ClientSession | None = None

    async def many(self, number: int, at_once: int) -> list[tuple[int, float]]:
        """Status and seconds of each."""
        if self._http is None:
            self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        turns = asyncio.Semaphore(at_once)

        async def call(http: aiohttp.ClientSession) -> tuple[int, float]:
            async with turns:
                return await self._one(http)

        return await asyncio.gather(*(call(self._http) for _ in range(number)))

    async def close(self) -> None:
        """No connection is open."""
        if self._http is not None:
            await self._http.close()

    async def _one(self, http: aiohttp.ClientSession) -> tuple[int, float]:
        clock = asyncio.get_running_loop().time
        body = {"anum": f"+35850{next(self._callers)}", "bnum": self._pool}
        started = clock()
        async with http.post(self._url, json=body, headers=self._headers) as answer:
            await answer.read()
            return answer.status, clock() - started


def main() -> None:
    """Ask until standard input ends."""
    url, pool = sys.argv[1:]
    caller = Caller(url, pool, os.environ["ROUTING_KEY"])
    with asyncio.Runner() as runner:
        for line in sys.stdin:
            number, at_once = map(int, line.split())
            sys.stdout.write(f"{json.dumps(runner.run(caller.many(number, at_once)))}\n")
            sys.stdout.flush()
        runner.run(caller.close())


if __name__ == "__main__":
    main()
