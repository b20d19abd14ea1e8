"""What Enreach sends: a small JSON object, read strictly, since anybody may try this door."""

import json
import math
import re
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

LARGEST_BODY = 8 * 1024
_DEEPEST = 16
_LONGEST_NUMBER = 40
_VISIBLE = r"[^\s\x1c-\x1f\x85\ufeff]"
"""Anything but white space. Engines of regular expressions disagree about the four characters that are spelled out."""


class BadRequestError(ValueError):
    """The body is no routing question. The text says why and repeats nothing of it."""


class RouteRequest(BaseModel):
    """One question (Voice for Dynamics 365 guide 1.6.1; SmartRouting HTTP Integrator Guide). More keys may come."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)

    bnum: str = Field(json_schema_extra={"pattern": _VISIBLE})
    """The number of the pool that the call is in."""
    anum: str | None = None
    """The caller's number as it came; absent, empty or a word when the caller withholds it (`caller`)."""
    targetid: str | None = None
    extradata: dict[str, Any] | None = None

    @field_validator("bnum")
    @classmethod
    def _refuse_blank(cls, value: str) -> str:
        if not re.search(_VISIBLE, value):
            raise ValueError("must not be blank")
        return value

    @property
    def caller(self) -> str | None:
        """The caller's number; None for one who withholds it.

        Withheld is what has no digit: nothing, `anonymous`, `unknown`, `restricted`, `withheld` and their like in any
        case, also as a SIP address (RFC 3323, 4.1.1.3), whose host may be all digits.
        """
        address = re.sub(r"^(sips?|tel):", "", (self.anum or "").strip(), flags=re.IGNORECASE)
        number = re.split("[@;]", address, maxsplit=1)[0]
        return number if any(sign.isdecimal() for sign in number) else None

    @property
    def is_internal(self) -> bool:
        """Whether Enreach says that a colleague calls (`IsInternalCaller`; a text or 1 is read too)."""
        value = (self.extradata or {}).get("IsInternalCaller")
        return value.strip().casefold() in ("true", "1") if isinstance(value, str) else value == 1

    @property
    def current_queue_id(self) -> str | None:
        """The id of the queue that the call is in, where Enreach is set up to send it."""
        value = (self.extradata or {}).get("CurrQueueId")
        return value.strip() or None if isinstance(value, str) else None


def read_request(body: bytes) -> RouteRequest:
    """The question in this body. Raises BadRequestError, whatever the body holds."""
    if len(body) > LARGEST_BODY:
        raise BadRequestError(f"the body is larger than {LARGEST_BODY} bytes")
    try:
        # A byte order mark may be ignored (RFC 8259, section 8.1).
        document = json.loads(
            body.decode("utf-8-sig"),
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_fraction,
            parse_constant=_constant,
        )
    except BadRequestError:
        raise
    except (ValueError, RecursionError):
        raise BadRequestError("the body is not JSON in UTF-8") from None
    if not isinstance(document, dict):
        raise BadRequestError("the body must be a JSON object")
    _check(document)
    try:
        return RouteRequest.model_validate(document)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors(include_input=False)]
        raise BadRequestError("; ".join(problems)) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise BadRequestError("an object holds the same key twice")
    return document


def _integer(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER:
        raise BadRequestError(f"a number is longer than {_LONGEST_NUMBER} characters")
    return int(digits)


def _fraction(digits: str) -> float:
    value = float(digits) if len(digits) <= _LONGEST_NUMBER else math.inf
    if not math.isfinite(value):
        raise BadRequestError(f"a number is too large or longer than {_LONGEST_NUMBER} characters")
    return value


def _constant(name: str) -> None:
    raise BadRequestError(f"{name} is not JSON")


def _check(document: object) -> None:
    """Refuse nesting that no question needs, and text that is no Unicode (a lone surrogate breaks whatever logs it)."""
    waiting: list[tuple[object, int]] = [(document, 1)]
    while waiting:
        value, depth = waiting.pop()
        if depth > _DEEPEST and isinstance(value, dict | list):
            raise BadRequestError(f"the body is nested deeper than {_DEEPEST} levels")
        if isinstance(value, str) and not _is_unicode(value):
            raise BadRequestError("a text holds a lone surrogate")
        if isinstance(value, dict):
            waiting += [(inner, depth + 1) for pair in value.items() for inner in pair]
        elif isinstance(value, list):
            waiting += [(inner, depth + 1) for inner in value]


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= sign <= "\udfff" for sign in text)
