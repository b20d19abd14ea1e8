"""The callback requests of the last chapter, as Enreach's list of them reports them. All people are invented.

Customers are those of local/dataverse/seed.json; the list and the queue are those of local/config.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from local.demo.calls import REPORTED

type Json = dict[str, Any]

LIST, QUEUE = "Missed calls", "Callbacks"


@dataclass(frozen=True)
class Asked:
    """One request."""

    what: str
    minutes_ago: int
    number: str
    due_in: int | None = None
    """Minutes."""
    outcome: str = "queued"
    has_customer: bool = False


REQUESTS = (
    Asked("Elina, due in an hour", 9, "+358504545641", due_in=60, has_customer=True),
    Asked("Outi, due before", 8, "+358501230195", due_in=45, has_customer=True),
    Asked("Elina once more", 6, "+358504545641", outcome="merged"),
    Asked("an unknown number", 4, "+358401110000"),
    Asked("a withheld number", 3, ""),
)


def items(requests: Sequence[Asked], callback_list: Mapping[str, Any], now: datetime) -> tuple[list[str], list[Json]]:
    """The ids of the requests, and what the API tells of them."""
    ids = [str(uuid4()) for _ in requests]
    return ids, [
        {
            "Id": callback_id,
            "CallbackListId": callback_list["Id"],
            "Number": asked.number,
            "Created": _iso(now - timedelta(minutes=asked.minutes_ago)),
            "DueTime": None if asked.due_in is None else _iso(now + timedelta(minutes=asked.due_in)),
            "State": "Open",
            "ModifiedAt": _iso(now - REPORTED),
        }
        for callback_id, asked in zip(ids, requests, strict=True)
    ]


def _iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
