"""Several things at once, and not too many."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator


async def at_once[T](width: int, items: Iterable[T], work: Callable[[T], Awaitable[None]]) -> None:
    """Work on all items, `width` at once. Raises the first error, when nothing is under way any more."""
    waiting: Iterator[T] = iter(items)

    async def lane() -> None:
        for item in waiting:
            await work(item)

    lanes = [asyncio.create_task(lane()) for _ in range(width)]
    try:
        await asyncio.gather(*lanes)
    finally:
        for each in lanes:
            each.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)
