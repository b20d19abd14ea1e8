"""Which events a request for a feed asks for: one selector of the documented ones, or a refusal (facts 3.1, 4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from local.enreach.assumed import canonical_id
from local.enreach.environment import Environment
from local.enreach.messages import ApiError
from local.enreach.moments import read_parameter

DAY_S = 86_400
PAIRS: tuple[tuple[Literal["start", "change"], str, str], ...] = (
    ("start", "StartTime", "EndTime"),
    ("change", "ModifiedAfter", "ModifiedBefore"),
)


@dataclass(frozen=True)
class Window:
    """A span of time, in seconds since 1970, by the start of events or by their last change."""

    by: Literal["start", "change"]
    start: float
    end: float


@dataclass(frozen=True)
class OneCall:
    """All events of a call."""

    call_id: str


def read_selector(
    query: Mapping[str, str], environment: Environment, now: float, *, by_call: bool = True
) -> Window | OneCall:
    """Returns what the query selects. Raises ApiError (400) unless it names exactly one selector, and a whole one."""
    pairs = [pair for pair in PAIRS if pair[1] in query or pair[2] in query]
    calls = ["CallId"] if by_call and "CallId" in query else []
    if len(pairs) + len(calls) != 1:
        names = "StartTime and EndTime, or ModifiedAfter and ModifiedBefore" + (", or CallId" if by_call else "")
        raise ApiError(400, f"Exactly one of these is needed: {names}.")
    if calls:
        if not canonical_id(query["CallId"]):
            raise ApiError(400, "CallId is empty.")
        return OneCall(canonical_id(query["CallId"]))
    by, first, second = pairs[0]
    start = _moment(query, first)
    if by == "change" and second not in query and environment.modified_before == "optional":
        end = max(now, start)
    else:
        end = _moment(query, second)
    if end < start:
        raise ApiError(400, f"{second} is before {first}.")
    if end - start > environment.longest_window_days * DAY_S:
        raise ApiError(400, f"The time between {first} and {second} is over {environment.longest_window_days} days.")
    return Window(by, start, end)


def read_user_ids(query: Mapping[str, str], environment: Environment) -> frozenset[str] | None:
    """Returns the canonical ids of `UserIDs`; None where the parameter is absent. Raises ApiError (400)."""
    if "UserIDs" not in query:
        return None
    ids = [canonical_id(part.strip()) for part in query["UserIDs"].split(",")]
    if not all(ids) or (len(ids) > 1 and environment.user_ids == "single"):
        raise ApiError(400, "UserIDs cannot be read.")
    return frozenset(ids)


def _moment(query: Mapping[str, str], name: str) -> float:
    if name not in query:
        raise ApiError(400, f"{name} is missing.")
    moment = read_parameter(query[name])
    if moment is None:
        raise ApiError(400, f"{name} is not a time of the form YYYY-MM-DD HH:MM:SS.")
    return moment
