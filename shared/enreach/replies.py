"""What an answer of the API stands for: its JSON, or the error. Pure."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NoReturn

from shared.enreach.errors import (
    CredentialsError,
    DeniedError,
    EnreachError,
    NotFoundError,
    RejectedError,
    UnavailableError,
    UnreadableReplyError,
)
from shared.retry import retry_after_seconds

FIRST_PAUSE = 5.0
LONGEST_PAUSE = 60.0
"""The pause that the public client advises after a 429; the API's limits are not known."""
_SHORTEST_PAUSE = 1.0

_SPACE = " \t\r\n"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def error_of(status: int) -> EnreachError | None:
    """The failure that a status other than 429 stands for, None for a success. The body of an error is not known."""
    message = f"Enreach answered {status}"
    if 200 <= status < 300:
        return None
    if status == 401:
        return CredentialsError(f"{message}: ENREACH_USER or ENREACH_SECRET_KEY is not accepted", status=status)
    if status in {402, 403, 407}:
        return DeniedError(f"{message}: the API user may not do this", status=status)
    if status in {404, 410}:
        return NotFoundError(message, status=status)
    # A redirect leads away from the address that discovery named: nobody is sent the key there.
    if status < 400 or status in {408, 421, 425} or (status >= 500 and status not in {501, 505}):
        return UnavailableError(message, status=status)
    return RejectedError(message, status=status)


def pause_after(throttled: int, retry_after: str | None, now: datetime) -> float:
    """Seconds to wait after the `throttled`-th 429 in a row (from 1).

    By the Retry-After header, which holds seconds or an HTTP date (RFC 9110, 10.2.3); else a pause that grows to 60 s.
    """
    named = retry_after_seconds(retry_after, now)
    if named is None:
        return float(min(FIRST_PAUSE * 2 ** min(throttled - 1, 10), LONGEST_PAUSE))
    return max(_SHORTEST_PAUSE, named)


def read_list(body: bytes) -> list[Any]:
    """The items of a JSON array, read one by one: a thread that reads megabytes steps back for others in between.

    Raises UnreadableReplyError for anything else.
    """
    return list(_items(_text(body)))


def read_object(body: bytes) -> dict[str, Any]:
    """A JSON object. Raises UnreadableReplyError for anything else."""
    try:
        value = json.loads(_text(body), parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise UnreadableReplyError("Enreach's answer is not JSON") from None
    if not isinstance(value, dict):
        raise UnreadableReplyError(f"Enreach's answer should be an object, but is {_kind(value)}")
    return value


def _items(text: str) -> Iterator[Any]:
    place = _after_space(text, 0)
    if text[place : place + 1] == "{":
        raise UnreadableReplyError("Enreach's answer should be a list, but is an object")
    if text[place : place + 1] != "[":
        raise UnreadableReplyError("Enreach's answer is not a JSON list")
    decoder = json.JSONDecoder(parse_constant=_refuse)
    place = _after_space(text, place + 1)
    if text[place : place + 1] == "]":
        _require_end(text, place + 1)
        return
    while True:
        try:
            item, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            raise UnreadableReplyError(
                "Enreach's answer is a JSON list that breaks off or is not well-formed"
            ) from None
        yield item
        place = _after_space(text, place)
        following, place = text[place : place + 1], _after_space(text, place + 1)
        if following == "]":
            _require_end(text, place)
            return
        if following != ",":
            raise UnreadableReplyError("Enreach's answer is a JSON list that breaks off or is not well-formed")


def _require_end(text: str, place: int) -> None:
    if _after_space(text, place) != len(text):
        raise UnreadableReplyError("Enreach's answer goes on after its JSON list")


def _after_space(text: str, place: int) -> int:
    while place < len(text) and text[place] in _SPACE:
        place += 1
    return min(place, len(text))


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-16" if body.startswith(_UTF16_MARKS) else "utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableReplyError("Enreach's answer is no text") from None


def _refuse(_: str) -> NoReturn:
    raise ValueError("no JSON number")


def _kind(value: Any) -> str:
    return "a list" if isinstance(value, list) else "a single value"
