"""How long a call to tables and queues is tried. An outage is the caller's to bear, soon."""

import asyncio
import random
from collections.abc import Awaitable, Callable

from azure.core.exceptions import AzureError, HttpResponseError, ServiceRequestError, ServiceResponseError

from shared.storage.errors import StorageError

BACKOFF_SECONDS = (0.2, 0.6)
"""Longest wait before the second and the third try."""
_TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})


async def tried[T](
    service: str,
    operation: Callable[[], Awaitable[T]],
    translated: Callable[[AzureError], StorageError],
    *,
    patience: float,
) -> T:
    """What the operation returns, tried three times at most while the trouble may pass by itself.

    Raises what `translated` makes of the last error, and StorageError after `patience` seconds.
    """
    waits = iter(BACKOFF_SECONDS)
    try:
        async with asyncio.timeout(patience):
            while True:
                try:
                    return await operation()
                except AzureError as error:
                    wait = next(waits, None) if _is_transient(error) else None
                    if wait is None:
                        raise translated(error) from error
                await asyncio.sleep(wait * random.uniform(0.5, 1))  # noqa: S311 - spreads callers
    except TimeoutError:
        raise StorageError(f"{service} did not answer within {patience:.0f} s") from None


def _is_transient(error: AzureError) -> bool:
    if isinstance(error, HttpResponseError):
        return error.status_code in _TRANSIENT
    return isinstance(error, ServiceRequestError | ServiceResponseError)
