"""What people send and get at /api/tickets. Pure."""

import json
from collections.abc import Sequence
from typing import Protocol

from shared.calls.ids import canonical_call_id
from shared.tickets.records import ParkedMessage

LARGEST_BODY = 4_096
_LONGEST_CALL_ID = 200


class BadRedriveError(ValueError):
    """The body asks for no re-drive that could be understood. The text repeats nothing of it."""


class RedriveResult(Protocol):
    """What a re-drive did."""

    @property
    def sent(self) -> int: ...
    @property
    def left(self) -> int: ...


def read_redrive(body: bytes) -> str | None:
    """The canonical id of the call whose request is to be sent back; None for all. Raises BadRedriveError.

    No body and `{}` ask for all; a key that we do not know is refused, so that nobody sends all back by a slip.
    """
    if not body.strip():
        return None
    if len(body) > LARGEST_BODY:
        raise BadRedriveError(f"the body is larger than {LARGEST_BODY} bytes")
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRedriveError("the body is not JSON") from None
    if not isinstance(asked, dict):
        raise BadRedriveError("the body is not an object")
    if asked.keys() - {"callId"}:
        raise BadRedriveError("the body has a key other than callId")
    if "callId" not in asked:
        return None
    call_id = asked["callId"]
    if not isinstance(call_id, str) or not call_id.strip() or len(call_id) > _LONGEST_CALL_ID:
        raise BadRedriveError(f"callId: must be a text of 1 to {_LONGEST_CALL_ID} characters that is not blank")
    return canonical_call_id(call_id)


def told_parked(parked: Sequence[ParkedMessage], most: int) -> dict[str, object]:
    """The parked requests, the first `most` of them: nothing of what stands in them but the call's id."""
    shown = [
        {
            "callId": each.call_id,
            "code": each.code,
            "reason": each.reason,
            "parkedAt": f"{each.parked_at:%Y-%m-%dT%H:%M:%SZ}",
            "attempts": each.attempts,
            "redrives": each.redrives,
        }
        for each in parked[:most]
    ]
    return {"count": len(parked), "parked": shown}


def told_redriven(redriven: RedriveResult) -> dict[str, int]:
    """What a re-drive did."""
    return {"sent": redriven.sent, "left": redriven.left}
