"""Profiles and requests as tests need them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from functions.callback_sync.decide.profiles import Target
from functions.callback_sync.decide.requests import Request
from functions.callback_sync.rules import CallbackProfile
from shared.callbacks.records import CallbackOutcome, CallbackRecord
from shared.dataverse.owners import Owner
from shared.enreach.models import CallbackRequest, CallbackState

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
QUEUE = UUID(int=11)
LIST = str(UUID(int=12))
ID = str(UUID(int=13))


def profile(**settings: Any) -> CallbackProfile:
    return CallbackProfile.model_validate({"name": "sales", "callbackList": "Sales", "queue": "Calls", **settings})


def target(
    *,
    list_id: str = LIST,
    list_name: str | None = "Sales",
    queue_id: UUID = QUEUE,
    owner: Owner | None = None,
    **settings: Any,
) -> Target:
    return Target(profile(**settings), list_id, list_name, queue_id, owner, "Call back")


def request(**fields: Any) -> Request:
    values: dict[str, Any] = {
        "id": ID, "enreach_id": ID, "target": target(), "number": "+358501234567", "shown": "+358501234567",
        "created": NOW - timedelta(minutes=2), "due": None, "state": CallbackState.OPEN, "note": None,
        "modified_at": NOW - timedelta(minutes=2),
    }  # fmt: skip
    return Request(**(values | fields))


def item(**fields: Any) -> CallbackRequest:
    """As the client of Enreach gives it."""
    values: dict[str, Any] = {
        "id": ID, "list_id": LIST, "number": "+358501234567", "created": NOW - timedelta(minutes=2), "due": None,
        "state": CallbackState.OPEN, "assignee_id": None, "note": None, "recording_id": None,
        "modified_at": NOW - timedelta(minutes=2), "received": {},
    }  # fmt: skip
    return CallbackRequest(**(values | fields))


def record(**fields: Any) -> CallbackRecord:
    values: dict[str, Any] = {
        "callback_id": ID, "profile": "sales", "outcome": CallbackOutcome.QUEUED, "reason": "", "created": NOW,
        "updated": NOW,
    }  # fmt: skip
    return CallbackRecord(**(values | fields))
