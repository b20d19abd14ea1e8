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
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    try:
        return orjson.loads(_HALF_PAIR.sub(lambda found: found[1] or rb"\ufffd", body))
    except orjson.JSONDecodeError:
        raise UnavailableError("Dataverse's answer is not JSON") from None
