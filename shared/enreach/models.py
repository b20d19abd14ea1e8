"""What Enreach says, typed. Moments are in UTC, ids in lower case without braces, durations in seconds.

What names a person or a number, or opens something, is left out of every `repr`, so that it reaches no log. Facts are
those of the API reference's public clients; what is assumed is marked in docs/enreach-client.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Direction(StrEnum):
    """Of a call, as its user sees it."""

    IN = "in"
    OUT = "out"


class Privacy(StrEnum):
    """How the user classed the call; Undefined also where the API says nothing that we know."""

    WORK = "Work"
    PRIVATE = "Private"
    UNDEFINED = "Undefined"


class ServiceResult(StrEnum):
    """What became of a service call; Unknown where the API says nothing that we know."""

    ANSWERED = "Answered"
    UNANSWERED = "Unanswered"
    OVERFLOW = "Overflow"
    UNKNOWN = "Unknown"


class CallbackState(StrEnum):
    """Of a callback request; Unknown where the API says nothing that we know."""

    OPEN = "Open"
    RESERVED = "Reserved"
    BUSY = "Busy"
    CLOSED_SUCCESSFULLY = "ClosedSuccessfully"
    EXPIRED = "Expired"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class CallEvent:
    """One item of `/calls`: the leg of one user. Several may have one call id.

    `caller` and `called` are as Enreach writes them, empty when withheld. A mobile call has no user id.
    `received` is the item as it came.
    """

    call_id: str
    user_id: str | None
    user_name: str | None = field(repr=False)
    caller: str = field(repr=False)
    called: str = field(repr=False)
    started: datetime
    duration_seconds: int
    """Talk time, 0 where nobody answered."""
    direction: Direction
    answered: bool
    call_type: str | None
    queue_id: str | None
    queue_name: str | None = field(repr=False)
    privacy: Privacy
    modified_at: datetime | None
    recording_ids: tuple[str, ...]
    transcript_ids: tuple[str, ...]
    received: Mapping[str, Any] = field(repr=False, hash=False)


@dataclass(frozen=True, slots=True)
class ServiceCall:
    """One item of `/servicecall`: an incoming call of a queue. A work number's own queue has no name."""

    call_id: str
    caller: str = field(repr=False)
    queue_id: str | None
    queue_name: str | None = field(repr=False)
    queue_number: str | None = field(repr=False)
    arrived: datetime
    answered_at: datetime | None
    ended: datetime | None
    user_id: str | None
    result: ServiceResult
    modified_at: datetime | None
    received: Mapping[str, Any] = field(repr=False, hash=False)


@dataclass(frozen=True, slots=True)
class EnreachUser:
    """A user. `user_name` is the login e-mail in the case that Enreach gives."""

    id: str
    user_name: str = field(repr=False)
    first_name: str | None = field(repr=False)
    last_name: str | None = field(repr=False)
    mobile_number: str | None = field(repr=False)
    work_number: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class EnreachQueue:
    """A queue. `type_id`: 1 user direct, 2 personal work, 4 service, 5 IVR, 6 short number, 7 technical."""

    id: str
    name: str | None = field(repr=False)
    type_id: int | None
    numbers: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Recording:
    """Where a recording is. The address has a token that ends: whoever has it hears the call."""

    id: str
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CallbackList:
    """A list of callback requests."""

    id: str
    name: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class CallbackRequest:
    """A customer who wants to be called back."""

    id: str
    list_id: str | None
    number: str = field(repr=False)
    created: datetime | None
    due: datetime | None
    state: CallbackState
    assignee_id: str | None
    note: str | None = field(repr=False)
    recording_id: str | None
    modified_at: datetime | None
    received: Mapping[str, Any] = field(repr=False, hash=False)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An item that could not be read: its place in the answer from 0, and why, without anything that it holds."""

    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class Reading[T]:
    """The items of an answer that could be read, and those that could not."""

    items: tuple[T, ...]
    unreadable: tuple[Unreadable, ...] = ()
