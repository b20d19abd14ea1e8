"""Faults that take time: waiting, dripping, bodies that seem to have no end. All of it ends when the caller goes."""

import asyncio
from collections.abc import Iterable, Iterator

from aiohttp import web

LOOK_EVERY_S = 0.05
ELEMENT = b'{"name":"' + b"x" * 1000 + b'"},'
ELEMENTS_AT_ONCE = 64
MEGABYTE = 1024 * 1024


def has_left(http: web.Request) -> bool:
    """Tells whether the caller has closed the connection."""
    return http.transport is None or http.transport.is_closing()


async def wait(http: web.Request, seconds: float) -> bool:
    """Waits, and returns True; returns False as soon as the caller has gone."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not has_left(http):
        remaining = end - loop.time()
        if remaining <= 0:
            return True
        await asyncio.sleep(min(remaining, LOOK_EVERY_S))
    return False


def endless_json(start: bytes, size: int) -> Iterator[bytes]:
    """Yields so many bytes of JSON that is right so far but is never closed; `start` opens its array."""
    yield start[:size]
    left = size - len(start)
    while left > 0:
        piece = (ELEMENT * ELEMENTS_AT_ONCE)[:left]
        left -= len(piece)
        yield piece


async def send(http: web.Request, answer: web.StreamResponse, pieces: Iterable[bytes], per_second: float) -> None:
    """Sends the body in pieces (chunked), and byte by byte where `per_second` is not 0."""
    try:
        await answer.prepare(http)
        for piece in pieces:
            if not per_second:
                await answer.write(piece)
                continue
            for byte in piece:
                if not await wait(http, 1 / per_second):
                    return
                await answer.write(bytes((byte,)))
        await answer.write_eof()
    except ConnectionError:  # the caller has gone
        return
