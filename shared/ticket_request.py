"""`TicketRequest`: a message of the queue `tickets`, which asks to look whether a call makes a ticket. Pure.

Call sync sends one for each call; any other system may send one too (docs/ticket-requests.md, and the JSON Schema in
docs/schemas). `shared.ticket_queue` sends and fetches them.
"""

import hashlib
import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from shared.calls.ids import canonical_call_id

LARGEST_MESSAGE = 48_000
"""Bytes. In base64 they stay below the 64 KiB that a message of Queue Storage may have; a larger one goes through a
blob."""
LARGEST_REQUEST = 1024 * 1024
"""Bytes. None has more: a character has six at most in JSON."""

LONGEST_TEXT = 1_000
MOST_VARIABLES = 200
LONGEST_NAME = 100
ALL_VARIABLES = 100_000
"""Characters of all names and values together."""
_LONGEST_CALL_ID = 200

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d.*", re.ASCII)
_SUCH_AS = "such as 2027-03-01T08:15:00Z"
_BLOB = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/[0-9a-f]{64}\.json$"
_WRITTEN = {
    "callId": "must not be blank",
    "recordingUrl": "must be an address with http or https, without white space",
    "body": "must be the name of a blob that call sync wrote",
}
"""What is wrong where a pattern is not met."""


class BadTicketRequestError(ValueError):
    """The message asks for no ticket that could be understood, and never will. The text names each field that is wrong
    and why, and repeats nothing of it."""


class CallDirection(StrEnum):
    """Who called: the customer, or we."""

    INCOMING = "incoming"
    OUTGOING = "outgoing"


class CallStatus(StrEnum):
    """What call sync writes to `callStatus`; another sender may use words of its own."""

    ANSWERED = "answered"
    UNANSWERED = "unanswered"
    OVERFLOW = "overflow"
    """The queue passed the call on, and nobody of ours answered it (`Overflow` of Enreach's service calls)."""


def _known_version(value: object) -> object:
    if value is True or value != 1:
        raise ValueError("must be 1, no other version is known")
    return value


def _none_when_blank(value: object) -> object:
    return (value.strip() or None) if isinstance(value, str) else value


def _none_variables(value: object) -> object:
    return {} if value is None else value


def _moment(value: object) -> object:
    if isinstance(value, str):
        # A text of digits alone would pass for seconds since 1970.
        if not _MOMENT.fullmatch(value):
            raise ValueError(f"must be a moment of ISO 8601, {_SUCH_AS}")
        try:
            value = datetime.fromisoformat(value.upper())
        except ValueError:
            raise ValueError(f"must be a moment of ISO 8601, {_SUCH_AS}") from None
    if not isinstance(value, datetime):
        return value
    if value.tzinfo is None:
        raise ValueError(f"must say its offset from UTC, {_SUCH_AS}")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("is too early or too late") from None


def _in_order(variables: dict[str, str]) -> dict[str, str]:
    if sum(len(name) + len(value) for name, value in variables.items()) > ALL_VARIABLES:
        raise ValueError(f"all names and values together have more than {ALL_VARIABLES} characters")
    return dict(sorted(variables.items()))


type Text = Annotated[
    Annotated[str, Field(max_length=LONGEST_TEXT)] | None,
    BeforeValidator(_none_when_blank),
]
type Link = Annotated[
    Annotated[str, Field(max_length=LONGEST_TEXT, pattern=r"^https?://[^\s/]+\S*$")] | None,
    BeforeValidator(_none_when_blank),
]
type Moment = Annotated[datetime | None, BeforeValidator(_moment), BeforeValidator(_none_when_blank)]
type Variables = Annotated[
    dict[Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)], str],
    Field(max_length=MOST_VARIABLES),
    BeforeValidator(_none_variables),
    AfterValidator(_in_order),
]


class Delivery(BaseModel):
    """How often a request was tried. In the copies alone by which ticket creation tries it again."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="ignore",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    attempts: Annotated[int, Field(ge=1, le=2**31 - 1)]
    """How often it was tried."""
    since: Annotated[datetime, BeforeValidator(_moment)]
    """When it was tried first."""
    token: Annotated[str, Field(max_length=64, pattern=r"^[0-9a-f]*$")]
    """Tells this copy from those before it, of which none is to be worked on any more."""


class TicketRequest(BaseModel):
    """A call that may make a ticket. Only `version` and `callId` are needed: the rest is then asked of Enreach."""

    # A sender may be ahead of us: keys that we do not know are not ours to refuse.
    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="ignore",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    version: Annotated[Literal[1], BeforeValidator(_known_version)]
    call_id: Annotated[
        str, Field(min_length=1, max_length=_LONGEST_CALL_ID, pattern=r"\S"), AfterValidator(canonical_call_id)
    ]
    """The call's id in Enreach, in any case, with or without braces; or another id that stays the same for a call."""
    direction: CallDirection | None = None
    queue: Text = None
    """Name of the queue that the call came in by."""
    call_status: Text = None
    """What became of the call: `answered`, `unanswered`, `overflow`, or a word of the sender's own."""
    agent_email: Text = Field(None, repr=False)
    """E-mail of the agent who took or made the call, as Dynamics has it."""
    caller_number: Text = Field(None, repr=False)
    """With the country code where the sender knows it; null for a withheld one."""
    called_number: Text = Field(None, repr=False)
    start_time: Moment = None
    """ISO 8601 with an offset from UTC, as all moments here."""
    answer_time: Moment = None
    end_time: Moment = None
    duration_seconds: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    """How long they talked."""
    outbound_route: Text = None
    """Name of the route by which an outgoing call left."""
    recording_url: Link = Field(None, repr=False)
    """Where the recording can be listened to."""
    variables: Variables = Field(default_factory=dict, repr=False)
    """Further values, for the templates of tickets: up to 200, with up to 100,000 characters of names and values."""
    body: Annotated[str, Field(pattern=_BLOB)] | None = None
    """Blob of the container `ticket-bodies` with the whole request, where that is larger than 48,000 bytes."""

    delivery: Delivery | None = None
    """Written by ticket creation alone, into what it puts into the queue to try a request again."""

    @property
    def is_compact(self) -> bool:
        """Whether it holds nothing but the call's id."""
        return not self.model_dump(exclude={"version", "call_id", "delivery"}, exclude_defaults=True)

    def sent_anew(self, delivery: Delivery | None) -> "TicketRequest":
        """The same request, to be tried again; None: as its sender sent it."""
        return self.model_copy(update={"delivery": delivery})


def as_message(request: TicketRequest) -> bytes:
    """The request as JSON in UTF-8, without what it does not know; the same for the same request."""
    return request.model_dump_json(by_alias=True, exclude_defaults=True).encode()


def read_message(message: bytes) -> TicketRequest:
    """The request in this JSON. Raises BadTicketRequestError."""
    if len(message) > LARGEST_REQUEST:
        raise BadTicketRequestError(f"the message is larger than {LARGEST_REQUEST} bytes")
    try:
        # A byte order mark may be ignored (RFC 8259, section 8.1).
        return TicketRequest.model_validate_json(message.removeprefix(b"\xef\xbb\xbf"), by_alias=True, by_name=False)
    except ValidationError as error:
        problems = [_problem(item) for item in error.errors(include_input=False, include_url=False)]
        raise BadTicketRequestError("; ".join(dict.fromkeys(problems))) from None


def _problem(item: Any) -> str:
    # The first part alone: below `variables` stand names that are anybody's text.
    field = str(next(iter(item["loc"]), "the message"))
    if item["type"] == "string_pattern_mismatch" and field in _WRITTEN:
        return f"{field}: {_WRITTEN[field]}"
    return f"{field}: {item['msg'].removeprefix('Value error, ')}"


def stored_as(request: TicketRequest) -> tuple[str, bytes]:
    """Name and content of the blob that holds the whole request: the same name for the same content only."""
    content = as_message(request)
    return f"{request.call_id}/{hashlib.sha256(content).hexdigest()}.json", content


def reference_to(request: TicketRequest, blob: str) -> TicketRequest:
    """What the queue holds in place of the request that stands in this blob."""
    return TicketRequest(version=1, call_id=request.call_id, body=blob)


def read_stored(reference: TicketRequest, content: bytes) -> TicketRequest:
    """The whole request that a reference names. Raises BadTicketRequestError, also where the blob is another one."""
    request = read_message(content)
    if request.call_id != reference.call_id or request.body is not None:
        raise BadTicketRequestError("body: the blob that it names is not the request of this call")
    if reference.body != f"{request.call_id}/{hashlib.sha256(content).hexdigest()}.json":
        raise BadTicketRequestError("body: the content of the blob is not the one that its name says")
    return request


def fitting(text: str | None) -> str | None:
    """Text of another system, cut so that a request takes it."""
    if text is None:
        return None
    return text.encode("utf-8", "replace").decode()[:LONGEST_TEXT].strip() or None
