"""What Enreach says of the requests of some profiles."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import batched

from functions.callback_sync.decide.profiles import Target
from functions.callback_sync.decide.requests import Request, placed
from functions.callback_sync.use_case.worlds import Enreach
from shared.enreach.errors import NotFoundError, RejectedError
from shared.enreach.windows import Window
from shared.long_work import aside

_LISTS_A_REQUEST = 50
"""Ids in a query: some 2 kB, which every web server takes."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Feed:
    """What a slice holds."""

    requests: dict[str, Request] = field(default_factory=dict)
    read: list[Target] = field(default_factory=list)
    """Whose requests these are. Enreach refused to tell those of the others."""
    seen: int = 0
    unreadable: int = 0


async def read_feed(
    enreach: Enreach, window: Window, targets: Sequence[Target], now: datetime, region: str | None
) -> Feed:
    """The requests of these profiles that were changed within the window; one request to Enreach, as a rule.

    Where Enreach does not say of which list a request is, or refuses the question, each list is asked for by itself: a
    list that is gone keeps nobody else's requests away. Raises EnreachError.
    """
    feed = Feed()
    if not targets:
        return feed
    for few in batched(targets, _LISTS_A_REQUEST, strict=False):
        if not await _take(enreach, window, few, now, region, feed) and len(few) > 1:
            for target in few:
                await _take(enreach, window, [target], now, region, feed)
    return feed


async def _take(
    enreach: Enreach, window: Window, targets: Sequence[Target], now: datetime, region: str | None, feed: Feed
) -> bool:
    """Whether it is done."""
    try:
        reading = await enreach.callbacks(window, [target.list_id for target in targets])
    except (NotFoundError, RejectedError) as error:
        if len(targets) == 1:
            # Its checkpoint stays, so nothing is lost.
            _log.warning("Callback profile %s is not read: %s", targets[0].profile.name, error)
        return False
    if len(targets) > 1 and any(item.list_id is None for item in reading.items):
        return False
    found = await aside(placed, reading.items, targets, now, region)
    feed.requests |= found
    feed.seen += len(found)
    feed.unreadable += len(reading.unreadable)
    feed.read += targets
    return True
