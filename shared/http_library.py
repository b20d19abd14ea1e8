"""aiohttp, loaded where nobody waits for it: importing it takes a sixth of a second, of which a third is TLS.

Who uses it awaits `ready` and imports it in the function that needs it.
"""

import asyncio
from importlib import import_module

from shared import loading

_NAME = "aiohttp"
_is_loaded = False


async def ready() -> None:
    """From here on importing it takes no time."""
    if not _is_loaded:
        await asyncio.to_thread(_load)


def load_ahead() -> None:
    """In a moment, import it on a thread."""
    loading.load_ahead(_NAME, _load)


def _load() -> None:
    global _is_loaded
    import_module(_NAME)
    _is_loaded = True
