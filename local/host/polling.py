"""What every listener that polls shares: waiting that ends on stop, and one log line for each storage outage."""

import asyncio
import logging

from azure.core.exceptions import AzureError

logger = logging.getLogger(__name__)

OUTAGE_PAUSE = 1.0


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """The seconds have passed, or the host is stopping."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


class Outage:
    """Says once that storage does not answer and once that it does again, however often the listener tries."""

    def __init__(self, subject: str) -> None:
        self._subject = subject
        self._is_on = False

    def began(self, error: AzureError) -> None:
        if not self._is_on:
            reason = str(error).splitlines()[0]
            logger.warning("%s: storage does not answer; trying again until it does: %s", self._subject, reason)
        self._is_on = True

    def ended(self) -> None:
        if self._is_on:
            logger.warning("%s: storage answers again", self._subject)
        self._is_on = False
