"""Records of both feeds for tests: what is not said is that of an answered incoming call of Aino with a customer."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from shared.calls.call import Call, read_call, records_of
from shared.enreach.models import CallEvent, Direction, Privacy, ServiceCall, ServiceResult

CALL = "0c3f9a7e-1d2b-4c5d-8e9f-a0b1c2d3e4f5"
AINO, BERT, CARLA = (f"{number:08d}-0000-4000-8000-000000000000" for number in (1, 2, 3))
CUSTOMER, OTHER = "+358504545641", "+46701234567"
WORK_NUMBER, MOBILE, POOL = "+35891234501", "+358407770001", "+35840675644"
QUEUE = "1a89fc22-0000-4000-8000-000000000001"
START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
LATER = START + timedelta(days=1)
IN, OUT = Direction.IN, Direction.OUT
USER_IDS = {AINO: UUID(int=0xA1), BERT: UUID(int=0xB1)}


def at(seconds: float) -> datetime:
    """So many seconds after the start."""
    return START + timedelta(seconds=seconds)


def leg(user: str | None = AINO, after: float = 0, talk: int | None = 95, **fields: Any) -> CallEvent:
    """An event; a talk of None is a leg that nobody answered."""
    direction = fields.get("direction", IN)
    ours = WORK_NUMBER if user else MOBILE
    given = {
        "call_id": CALL,
        "user_id": user,
        "user_name": f"{user[:8]}@enreach.example" if user else None,
        "caller": CUSTOMER if direction is IN else ours,
        "called": ours if direction is IN else CUSTOMER,
        "started": at(after),
        "duration_seconds": talk or 0,
        "direction": direction,
        "answered": talk is not None,
        "call_type": "DirectCall",
        "queue_id": None,
        "queue_name": None,
        "privacy": Privacy.WORK,
        "modified_at": at(after + 200),
        "recording_ids": (),
        "transcript_ids": (),
        "received": {"CallId": CALL, "UserId": user, "Duration": talk or 0},
    }
    return CallEvent(**{**given, **fields})


def service(answered: float | None = 10, ended: float | None = 105, **fields: Any) -> ServiceCall:
    """A service call; answered and ended are seconds after its arrival, at the start."""
    given = {
        "call_id": CALL,
        "caller": CUSTOMER,
        "queue_id": QUEUE,
        "queue_name": "Support",
        "queue_number": POOL,
        "arrived": START,
        "answered_at": None if answered is None else at(answered),
        "ended": None if ended is None else at(ended),
        "user_id": None if answered is None else AINO,
        "result": ServiceResult.UNANSWERED if answered is None else ServiceResult.ANSWERED,
        "modified_at": at(200),
        "received": {"CallId": CALL, "QueueName": "Support"},
    }
    return ServiceCall(**{**given, **fields})


def call(*events: CallEvent, queue: ServiceCall | None = None, now: datetime = LATER) -> Call:
    """The call that these records tell of."""
    return read_call(records_of(events, [queue] if queue else []), now)


def direct(**fields: Any) -> Call:
    """An incoming direct call of one leg."""
    return call(leg(**fields))


def queued(talk: int | None = 95, **fields: Any) -> Call:
    """A queue call of one leg."""
    answered = None if talk is None else 10
    return call(leg(talk=talk, after=5), queue=service(answered, 10 + (talk or 0), **fields))
