"""JSON as it travels: written as exact bytes, read with suspicion."""

import re
from decimal import Decimal
from typing import Any

import orjson

from shared.dataverse.errors import UnavailableError

# A dataclass or a naive datetime inside a row is a mistake of ours: it must fail, not travel in some form.
_OPTIONS = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS

# An escaped pair or any other escape is kept; what else begins like half a pair is one.
_HALF_PAIR = re.compile(rb"(\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\[^u])|\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


_PIECE = 64 * 1024
"""Bytes that are read in a step of about a millisecond."""
_ROWS = b'"value":['
_NEXT_ROW = b'},{"'
"""In a text the quote would be escaped: this stands between two objects of an array only."""


def json_bytes(value: object) -> bytes:
    """The value as compact UTF-8 JSON. Raises TypeError for what JSON cannot hold, integers beyond 64 bits too."""
    return orjson.dumps(value, _exact, _OPTIONS)


def _exact(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(format(value, "f"))
    raise TypeError(f"a {type(value).__name__} cannot go to Dataverse")


def read_json(body: bytes) -> Any:
    """The JSON in an answer. Raises UnavailableError for anything else, such as the HTML page of a gateway.

    Half of a UTF-16 pair, which a text column cut in the middle of an emoji holds, is read as U+FFFD.
    """
    try:
        return orjson.loads(body) if len(body) <= _PIECE else _read_in_pieces(body)
    except orjson.JSONDecodeError:
        pass
    try:
        return orjson.loads(_HALF_PAIR.sub(lambda found: found[1] or rb"\ufffd", body))
    except orjson.JSONDecodeError:
        raise UnavailableError("Dataverse's answer is not JSON") from None


def _read_in_pieces(body: bytes) -> Any:
    """As `orjson.loads`, in short steps where the body is a page of rows.

    Nobody else in the process has a turn within a step. Cut between two rows, every piece is an array of whole ones;
    cut inside of one, where a row holds rows itself, no piece is JSON, and all is read in one step.
    """
    place = body.find(_ROWS) + len(_ROWS)
    head = body[:place]
    if not (head.startswith(b"{") and head.endswith(_ROWS) and head.count(b"{") == 1):
        return orjson.loads(body)
    rows: list[Any] = []
    try:
        while (end := body.find(_NEXT_ROW, place + _PIECE) + 1) > 0:
            rows += orjson.loads(b"[%b]" % body[place:end])
            place = end + 1
        page = orjson.loads(head + body[place:])
    except orjson.JSONDecodeError:
        return orjson.loads(body)
    if not isinstance(page["value"], list):
        return orjson.loads(body)
    page["value"][:0] = rows
    return page
