"""What Enreach says of callback requests, and what is to be done with each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from uuid import UUID

from functions.callback_sync.decide.moments import OVERLAP
from functions.callback_sync.decide.profiles import Target, list_key
from shared.callbacks.ids import callback_phone_call_id, canonical_callback_id
from shared.callbacks.records import CallbackOutcome, CallbackRecord
from shared.enreach.models import CallbackRequest, CallbackState
from shared.phone_numbers import e164

CLOSED_STATES = frozenset({CallbackState.CLOSED_SUCCESSFULLY, CallbackState.EXPIRED})


@dataclass(frozen=True, slots=True)
class Request:
    """A callback request of a profile."""

    id: str
    """Canonical."""
    enreach_id: str
    target: Target
    number: str | None = field(repr=False)
    """E.164; None when withheld or not readable: nobody is looked for, and nothing is merged."""
    shown: str = field(repr=False)
    """What stands in the phone call: E.164, else as it came; empty when withheld."""
    created: datetime
    due: datetime | None
    state: CallbackState
    note: str | None = field(repr=False)
    modified_at: datetime | None

    @property
    def is_closed(self) -> bool:
        """Whether nobody waits for it in Enreach any more."""
        return self.state in CLOSED_STATES

    @property
    def phone_call_id(self) -> UUID:
        """The key of its phone call."""
        return callback_phone_call_id(self.id)


def request_of(item: CallbackRequest, target: Target, now: datetime, region: str | None) -> Request:
    """A request as a profile sees it. One without a moment of creation was made when it was last changed, or now."""
    number = e164(item.number, region) if item.number else None
    # Enreach says of a withheld number nothing, or a word such as anonymous.
    shown = number or (item.number.strip() if any(sign.isdecimal() for sign in item.number) else "")
    return Request(
        canonical_callback_id(item.id), item.id, target, number, shown, item.created or item.modified_at or now,
        item.due, item.state, item.note, item.modified_at,
    )  # fmt: skip


def placed(
    items: Iterable[CallbackRequest], targets: Iterable[Target], now: datetime, region: str | None
) -> dict[str, Request]:
    """The requests of these profiles, by canonical id. What came twice stands once, as it was last changed; requests of
    other lists are left out."""
    by_list = {target.list_key: target for target in targets}
    only = next(iter(by_list.values())) if len(by_list) == 1 else None
    found: dict[str, Request] = {}
    for item in items:
        target = only if item.list_id is None else by_list.get(list_key(item.list_id))
        if target is None or not item.id.strip():
            continue
        request = request_of(item, target, now, region)
        known = found.get(request.id)
        if known is None or _is_later(request, known):
            found[request.id] = request
    return found


def is_worth_a_look(request: Request, checkpoint: datetime | None) -> bool:
    """Whether a run has to look at it. What was closed before the last run read so far was handled by that one: only an
    age that reaches back further shows it again."""
    if checkpoint is None or not request.is_closed or request.modified_at is None:
        return True
    return request.modified_at >= checkpoint - OVERLAP


def _is_later(one: Request, other: Request) -> bool:
    if one.modified_at is None or other.modified_at is None:
        return one.modified_at is not None
    return one.modified_at >= other.modified_at


class Look(Enum):
    """What is to be done with a request."""

    NOTHING = "nothing"
    MAKE = "make"
    """It has to be in Dynamics, or at least to be read back there."""
    CLOSED_BEFORE = "closed before"
    """Nothing is made of it."""
    FOLLOW = "follow"
    """Enreach closed it while its phone call may be open."""


def look(request: Request, record: CallbackRecord | None) -> Look:
    """What is to be done with a request of which we know this. What was read back in Dynamics is never made again."""
    if record is None:
        return Look.CLOSED_BEFORE if request.is_closed else Look.MAKE
    if record.closed:
        return Look.NOTHING
    if not request.is_closed:
        return Look.NOTHING if record.done else Look.MAKE
    return Look.FOLLOW if record.done or record.phone_call_id is not None else Look.CLOSED_BEFORE


def new_record(
    request: Request,
    now: datetime,
    outcome: CallbackOutcome,
    reason: str,
    *,
    phone_call_id: UUID | None = None,
    done: bool = False,
    closed: bool = False,
) -> CallbackRecord:
    """What is remembered of a request."""
    return CallbackRecord(
        callback_id=request.id,
        enreach_id=None if request.enreach_id == request.id else request.enreach_id,
        profile=request.target.profile.name,
        list_id=request.target.list_key,
        outcome=outcome,
        reason=reason,
        phone_call_id=phone_call_id,
        queue_id=request.target.queue_id,
        created=request.created,
        updated=now,
        done=done,
        closed=closed,
    )


def closed_before(request: Request, now: datetime) -> CallbackRecord:
    """Of a request that was closed in Enreach before it was in Dynamics."""
    reason = "it was closed in Enreach before it came to Dynamics"
    return new_record(request, now, CallbackOutcome.CLOSED_BEFORE, reason, done=True, closed=True)


# ------------------------------------------------------------------------------------------------------ repeats


@dataclass(frozen=True, slots=True)
class Repeats:
    """Requests, by what becomes of each: a phone call of its own, or a note on another one."""

    heads: tuple[Request, ...]
    merged: tuple[tuple[Request, UUID], ...]
    """With the key of the phone call that is open for the number."""


def repeats_of(requests: Iterable[Request], open_calls: Mapping[tuple[UUID, str], UUID]) -> Repeats:
    """Which requests repeat another one, where their profile says `mergeRepeats`: those from a number (E.164) for which
    a phone call is open in the same queue, or that the request before them in this very run has one made for.

    `open_calls`: keys by queue and number. Withheld and unreadable numbers never merge.
    """
    heads: list[Request] = []
    merged: list[tuple[Request, UUID]] = []
    first = dict(open_calls)
    for request in sorted(requests, key=lambda each: (each.created, each.id)):
        place = None if request.number is None else (request.target.queue_id, request.number)
        if place is None or not request.target.profile.merge_repeats:
            heads.append(request)
            continue
        key = first.setdefault(place, request.phone_call_id)
        if key == request.phone_call_id:
            heads.append(request)
        else:
            merged.append((request, key))
    return Repeats(tuple(heads), tuple(merged))
