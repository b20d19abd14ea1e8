"""Leases on Azurite and in memory alike, in real time. What clocks and outages do stands in the unit tests."""

import asyncio
import os
import signal
import sys
import textwrap
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from shared.settings import Settings
from shared.storage.leases import LeaseBusyError, lease
from shared.storage.tables import Tables, open_tables
from tests.memory_storage import MemoryTables

ROOT = Path(__file__).parents[2]
HOLDER = """
import asyncio, sys
from shared.settings import Settings
from shared.storage.leases import lease
from shared.storage.tables import open_tables

async def main():
    settings = Settings(AzureWebJobsStorage=sys.argv[1], dataverse_url="https://contoso.crm4.dynamics.com")
    async with lease(open_tables(settings), "checkpoints", "lease", sys.argv[2], holder="child", seconds=1.5) as held:
        print(held.fence, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


AnyTables = Tables | MemoryTables


async def alike(storage: str, story: Callable[[AnyTables], Awaitable[None]]) -> None:
    """The story on Azurite and in memory at the same time: most of it is waiting."""

    async def on(name: str, tables: AnyTables) -> None:
        try:
            await story(tables)
        except Exception as error:
            error.add_note(f"with the tables of {name}")
            raise
        finally:
            await tables.close()

    await asyncio.gather(on("Azurite", opened(storage)), on("memory", MemoryTables()))


def opened(connection: str) -> Tables:
    return open_tables(Settings(AzureWebJobsStorage=connection, dataverse_url="https://contoso.crm4.dynamics.com"))


async def of_32_at_once_one_holds_it_longer_than_its_life_and_gives_it_back(storage: str) -> None:
    async def story(tables: AnyTables) -> None:
        async def hold(number: int) -> tuple[int, bool] | None:
            try:
                async with lease(tables, "checkpoints", "lease", "race", holder=f"{number}", seconds=2) as held:
                    for _ in range(50):
                        await asyncio.sleep(0.1)
                        held.check()
                    return held.fence, held.taken_over
            except LeaseBusyError:
                return None

        async def late() -> None:
            await asyncio.sleep(4.5)
            with pytest.raises(LeaseBusyError):
                async with lease(tables, "checkpoints", "lease", "race", holder="late", seconds=1):
                    raise AssertionError

        *held, _late = await asyncio.gather(*map(hold, range(32)), late())
        assert [one for one in held if one is not None] == [(1, False)]
        async with lease(tables, "checkpoints", "lease", "race", holder="next", seconds=1) as after:
            assert (after.fence, after.taken_over) == (2, False)

    await alike(storage, story)


async def a_cancelled_holders_lease_runs_out(storage: str) -> None:
    async def story(tables: AnyTables) -> None:
        is_held = asyncio.Event()

        async def hold() -> None:
            async with lease(tables, "checkpoints", "lease", "cancelled", holder="a", seconds=1):
                is_held.set()
                await asyncio.sleep(60)

        holding = asyncio.create_task(hold())
        async with asyncio.timeout(20):
            await is_held.wait()
        holding.cancel()
        started = time.monotonic()
        async with lease(tables, "checkpoints", "lease", "cancelled", holder="b", seconds=1, wait=20) as held:
            assert 1 <= time.monotonic() - started <= 8
            assert (held.fence, held.taken_over) == (2, True)

    await alike(storage, story)


async def a_killed_processs_lease_runs_out(storage: str) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", textwrap.dedent(HOLDER), storage, "killed", cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    assert (await child.stdout.readline()).strip() == b"1"
    await asyncio.sleep(2)
    tables = opened(storage)
    with pytest.raises(LeaseBusyError, match="held by child"):
        async with lease(tables, "checkpoints", "lease", "killed", holder="b", seconds=1):
            raise AssertionError
    os.kill(child.pid, signal.SIGKILL)
    await child.wait()
    async with lease(tables, "checkpoints", "lease", "killed", holder="b", seconds=1, wait=20) as held:
        assert (held.fence, held.taken_over) == (2, True)
    await tables.close()


async def test_every_story_at_the_same_time(storage: str) -> None:
    """Each has a lease of its own, and most of each is waiting."""
    stories = (
        of_32_at_once_one_holds_it_longer_than_its_life_and_gives_it_back,
        a_cancelled_holders_lease_runs_out,
        a_killed_processs_lease_runs_out,
    )
    ends = await asyncio.gather(*(story(storage) for story in stories), return_exceptions=True)
    failed = [error for error in ends if error is not None]
    if failed:
        raise BaseExceptionGroup("stories of leases", failed)
