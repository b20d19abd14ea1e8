"""The steps that keep a process ready for callers."""

import asyncio
import logging

import pytest

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

    warm = KeepWarm({"first": fails, "second": works}, every_seconds=0.001)
    warm.start()
    warm.start()
    await asyncio.wait_for(enough.wait(), 5)
    await warm.stop()
    assert taken[:4] == ["fails", "works", "fails", "works"]


async def test_it_can_be_stopped_before_it_began() -> None:
    await KeepWarm({}).stop()


async def test_warming_up_takes_each_step_at_once_and_goes_on_afterwards() -> None:
    taken = 0
    again = asyncio.Event()

    async def step() -> None:
        nonlocal taken
        taken += 1
        if taken > 1:
            again.set()

    warm = KeepWarm({"step": step}, every_seconds=0.05)
    await warm.warm_up()
    assert taken == 1
    await asyncio.wait_for(again.wait(), 5)
    await warm.stop()


async def test_warming_up_survives_what_fails_or_hangs_and_names_it_without_its_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "shared.keep_warm")
    done = False

    async def fails() -> None:
        raise OSError("refused to +358504545641")

    async def hangs() -> None:
        await asyncio.sleep(60)

    async def works() -> None:
        nonlocal done
        await asyncio.sleep(0.01)
        done = True

    warm = KeepWarm({"rules": fails, "index": hangs, "connection": works}, patience_seconds=0.1)
    await asyncio.wait_for(warm.warm_up(), 5)
    await warm.stop()
    assert done
    told = {each.getMessage() for each in caplog.records if each.levelno == logging.WARNING}
    assert told == {"Keeping the rules warm met OSError", "Keeping the index warm met TimeoutError"}
    assert "358" not in caplog.text
    assert "Warmed up in" in caplog.text
