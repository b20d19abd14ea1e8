"""Where the API is: fixed by a setting, or discovered once and again when it seems to have moved."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from shared.enreach.errors import EnreachError

_CHECK_AFTER_404 = 60.0
"""Seconds in which many a 404 leads to one question only: a path may simply not exist."""

_log = logging.getLogger(__name__)


class Endpoint:
    """The API's address. While discovery cannot name another one, the last one serves on."""

    def __init__(self, fixed: str | None, discover: Callable[[], Awaitable[str]]) -> None:
        """`discover` gives the address, without a slash at its end, or raises EnreachError."""
        self._fixed = None if fixed is None else fixed.rstrip("/")
        self._discover = discover
        self._found: str | None = None
        self._in_doubt = False
        self._checked_at = float("-inf")
        self._turn: asyncio.Lock | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def address(self) -> str:
        """Where to send the next request. Raises EnreachError while no address is known."""
        if self._fixed is not None:
            return self._fixed
        if self._found is None or self._in_doubt:
            async with self._one_at_a_time():
                if self._found is None or self._in_doubt:
                    self._found, self._in_doubt = await self._asked(), False
        return self._found

    def doubt(self, address: str) -> None:
        """This address did not serve: discovery is asked before the next request."""
        self._in_doubt = self._in_doubt or address == self._found

    async def has_moved(self, address: str) -> bool:
        """Whether discovery now names another address than this one, which answered 404."""
        if address == self._found:
            now = asyncio.get_running_loop().time()
            if now - self._checked_at < _CHECK_AFTER_404:
                return False
            self._checked_at = now
            self._in_doubt = True
        return await self.address() != address

    async def _asked(self) -> str:
        try:
            found = await self._discover()
        except EnreachError as error:
            if self._found is None:
                raise
            _log.warning("The address of the Enreach API could not be discovered again: %s", error)
            return self._found
        if self._found not in {None, found}:
            _log.info("The Enreach API has another address now")
        return found

    def _one_at_a_time(self) -> asyncio.Lock:
        loop = asyncio.get_running_loop()
        if self._turn is None or self._loop is not loop:
            self._loop, self._turn = loop, asyncio.Lock()
        return self._turn
