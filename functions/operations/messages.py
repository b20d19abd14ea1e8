"""What people ask of the history of calls and callback requests: small and read strictly."""

import re
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from shared.callbacks.ids import canonical_callback_id
from shared.calls.ids import canonical_guid

LARGEST_BODY = 8 * 1024
_VISIBLE = r"[^\s\x1c-\x1f\x85\ufeff]"
"""Anything but white space. Engines of regular expressions disagree about the four characters that are spelled out."""
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_MOMENT = rf"^{_DATE}(T[0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}}(\.[0-9]{{1,6}})?)?(Z|[+-][0-9]{{2}}:[0-9]{{2}})?)?$"


class BadRequestError(ValueError):
    """Not what the description asks for. The text says why and repeats nothing of what was sent."""


def _read_moment(value: object) -> object:
    """A day is its beginning, and a moment without a zone is one, in UTC."""
    if not isinstance(value, str):
        return value
    if not re.fullmatch(_MOMENT, value):
        raise ValueError("must be a date such as 2027-03-22 or a moment such as 2027-03-22T09:30:00Z")
    try:
        moment = datetime.fromisoformat(value) if "T" in value else datetime.combine(date.fromisoformat(value), time())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("there is no such date or time") from None


type Moment = Annotated[
    datetime,
    BeforeValidator(_read_moment, json_schema_input_type=Annotated[str, Field(pattern=_MOMENT)]),
]


class CallSearch(BaseModel):
    """Whose calls, since when. At least one of number and agent; with both, the calls that have both."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)

    number: Annotated[str, Field(max_length=64, pattern=_VISIBLE)] | None = None
    """Of somebody who called or was called, in any spelling."""
    agent: Annotated[str, Field(max_length=320, pattern=_VISIBLE)] | None = None
    """E-mail address or Enreach user id."""
    since: Moment | None = Field(None, alias="from")

    @model_validator(mode="after")
    def _require_somebody(self) -> Self:
        if self.number is None and self.agent is None:
            raise ValueError("number or agent is needed")
        return self


def read_search(body: bytes) -> CallSearch:
    """The search in this body. Raises BadRequestError, whatever the body holds."""
    if len(body) > LARGEST_BODY:
        raise BadRequestError(f"the body is larger than {LARGEST_BODY} bytes")
    try:
        return CallSearch.model_validate_json(body)
    except ValidationError as error:
        raise BadRequestError("; ".join(_problem(item) for item in error.errors(include_input=False))) from None


def read_call_id(text: str) -> str:
    """The canonical call id in an address. Raises BadRequestError for text that is no GUID."""
    call_id = canonical_guid(text)
    if call_id is None:
        raise BadRequestError("the call id is no GUID")
    return call_id


def read_callback_id(text: str) -> str:
    """The canonical id of a callback request in an address; whether Enreach's are GUIDs is not known. Raises
    BadRequestError for blank text."""
    try:
        return canonical_callback_id(text)
    except ValueError:
        raise BadRequestError("the id of the callback request is blank") from None


def _problem(item: Any) -> str:
    reason = str(item["msg"]).removeprefix("Value error, ")
    if item["type"] == "json_invalid":
        return "the body is not JSON in UTF-8"
    # An unknown key is anybody's text.
    place = [str(part) for part in item["loc"]] if item["type"] != "extra_forbidden" else []
    return ": ".join([*place[:1], reason])
