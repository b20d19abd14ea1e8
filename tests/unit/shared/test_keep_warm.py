"""The steps that keep a process ready for callers."""

import asyncio

from shared.keep_warm import KeepWarm


async def test_the_steps_are_taken_again_and_again_whatever_one_of_them_meets() -> None:
    taken: list[str] = []
    enough = asyncio.Event()

    async def fails() -> None:
        taken.append("fails")
        raise OSError("down")

    async def works() -> None:
        taken.append("works")
        if len(taken) >= 4:
            enough.set()

    warm = KeepWarm([fails, works], every_seconds=0.001)
    warm.start()
    warm.start()
    await asyncio.wait_for(enough.wait(), 5)
    await warm.stop()
    assert taken[:4] == ["fails", "works", "fails", "works"]


async def test_it_can_be_stopped_before_it_began() -> None:
    await KeepWarm([]).stop()
