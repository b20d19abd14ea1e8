"""Callback requests that are synced: the lists and queues of a site, its profiles, and what Enreach reports. Pure.

Everything follows from a request's number, so that what becomes of each is known beforehand.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from benchmarks.calls_of_a_day import number_of
from benchmarks.contact_centre import CUSTOMERS

PLAIN, HEARING, MERGING, WAITING = "Plain", "Hearing", "Merging", "Waiting"
NEW_LISTS = (PLAIN, HEARING)
"""Of those whose requests are counted as new ones: polled, and polled behind a webhook."""
DUE = timedelta(hours=1)
REPEATS = 2
"""So many requests of each number are on the list whose profile merges them."""

_LISTS = UUID("ca11bac0-0000-4000-8000-000000000000")
_REQUESTS = UUID("ca11bac0-0000-4000-8000-000000000001")
_QUEUES = UUID("ca11bac0-0000-4000-8000-000000000002")
_PROFILES: dict[str, dict[str, Any]] = {
    PLAIN: {},
    HEARING: {"syncMethod": "webhookWithPolling", "ownershipRule": "OwnerOfQueue"},
    MERGING: {"mergeRepeats": True},
    WAITING: {"closeInEnreach": "whenCompleted"},
}


def documents(*lists: str) -> dict[str, bytes]:
    """The configuration, by the names of its documents: a profile for each of these lists."""
    profiles = [
        {"name": name, "callbackList": list_id(name), "queue": queue_id(name), **_PROFILES[name]} for name in lists
    ]
    return {
        "callback-profiles.json": json.dumps({"profiles": profiles}).encode(),
        "customer-matching.json": json.dumps({"defaultRegion": "FI"}).encode(),
    }


def list_id(name: str) -> str:
    """A callback list in Enreach."""
    return str(uuid5(_LISTS, name))


def queue_id(name: str) -> str:
    """The queue in Dynamics into which the requests of the list go."""
    return str(uuid5(_QUEUES, name))


def callback_lists() -> list[dict[str, Any]]:
    """The lists as Enreach has them."""
    return [{"Id": list_id(name), "Name": name} for name in _PROFILES]


def queues() -> list[dict[str, Any]]:
    """The queues as Dynamics has them."""
    return [{"queueid": queue_id(name), "name": f"Callbacks {name}"} for name in _PROFILES]


def requests(
    numbers: Sequence[int], lists: Sequence[str], now: datetime, customers: int = CUSTOMERS, repeats: int = 1
) -> list[dict[str, Any]]:
    """What Enreach reports of these requests, in turn on these lists: `repeats` in a row are of the same number."""
    return [
        {
            "Id": str(uuid5(_REQUESTS, str(request))),
            "CallbackListId": list_id(lists[position // repeats % len(lists)]),
            "Number": number_of(request // repeats, customers),
            "Created": _text(now),
            "DueTime": _text(now + DUE),
            "Note": f"Request {request}",
            "ModifiedAt": _text(now),
        }
        for position, request in enumerate(numbers)
    ]


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
