"""A token source that counts."""

import asyncio
from datetime import datetime

from shared.clock import utc_now


class Tokens:
    """Counts its fetches."""

    def __init__(self) -> None:
        self.fetched = 0

    async def fetch(self) -> tuple[str, datetime]:
        self.fetched += 1
        await asyncio.sleep(0.01)
        return f"token-{self.fetched}", utc_now().replace(year=2099)
