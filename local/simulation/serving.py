"""How a simulator's process serves until it is told to stop."""

import asyncio
import gc
import signal
import ssl
from collections.abc import Sequence

from aiohttp import web

type Place = tuple[int, ssl.SSLContext | None]
"""A port, and the context of one that is served by TLS."""


async def serve(runner: web.AppRunner, name: str, host: str, places: Sequence[Place]) -> None:
    """Serves until SIGINT or SIGTERM, and tells each address once it listens. Raises OSError when a port is taken."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    await runner.setup()
    try:
        for port, context in places:
            await web.TCPSite(runner, host, port, ssl_context=context).start()
            print(f"{name} simulator: {'http' if context is None else 'https'}://{host}:{port}", flush=True)
        await stopped.wait()
    finally:
        await runner.cleanup()


def spare_the_collector() -> None:
    """Rows and events are not cyclic: walking 400,000 of them again and again would stop the server for a third of a
    second."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 1000)
