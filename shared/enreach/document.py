"""`enreach.json`: what the Enreach API calls things, as far as a customer's differs from what we assume.

Only part of the vendor's reference is public. Confirmed by working clients are the paths of users, queues, calls,
service calls and recordings, and the names of some fields; all else is assumed (docs/enreach-client.md), and so can be
changed.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

DOCUMENT = "enreach.json"

_PATH = re.compile(r"(/([A-Za-z0-9_.~-]+|\{id\}))+")


def _path(text: str) -> str:
    # Nothing in a path may lead to another host, out of the API or into a query.
    if not _PATH.fullmatch(text) or ".." in text or "/./" in f"{text}/":
        raise ValueError("must be a path below the API's address, such as /callbacks/lists")
    if "{id}" in text:
        raise ValueError("must not have {id}: it is the path of a list")
    return text


def _item_path(text: str) -> str:
    if text.count("{id}") != 1:
        raise ValueError("must have {id} once, where the id stands")
    _path(text.replace("{id}", "id"))
    return text


def _spelling(text: str) -> str:
    if not text.strip() or text != text.strip():
        raise ValueError("must be a text without space around it")
    return text


type ListPath = Annotated[str, AfterValidator(_path)]
type ItemPath = Annotated[str, AfterValidator(_item_path)]
type Names = Annotated[tuple[Annotated[str, AfterValidator(_spelling)], ...], Field(min_length=1, max_length=20)]
type ParameterName = Annotated[str, Field(pattern="^[A-Za-z0-9_.]{1,60}$")]


class _Model(BaseModel):
    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", alias_generator=to_camel, hide_input_in_errors=True
    )


class Paths(_Model):
    """Paths below the API's address."""

    users: ListPath = "/users"
    own_user: ListPath = "/users/me"
    queues: ListPath = "/queues"
    calls: ListPath = "/calls"
    service_calls: ListPath = "/servicecall"
    recording: ItemPath = "/calls/recordings/{id}"
    callback_lists: ListPath = "/callbacks/lists"
    callbacks: ListPath = "/callbacks"
    callback: ItemPath = "/callbacks/{id}"


class CallbackParameters(_Model):
    """Names in the query for callback requests; those of calls are confirmed."""

    list_ids: ParameterName = "ListIds"
    modified_after: ParameterName = "ModifiedAfter"
    modified_before: ParameterName = "ModifiedBefore"


class _Fields(_Model):
    """For each of our fields the names that it may have in an item, in any case: the first that is there counts."""

    def names(self) -> Mapping[str, tuple[str, ...]]:
        """The accepted names by our field."""
        return {field: getattr(self, field) for field in type(self).model_fields}


class UserFields(_Fields):
    """An item of `/users`."""

    id: Names = ("Id",)
    user_name: Names = ("UserName",)
    first_name: Names = ("FirstName",)
    last_name: Names = ("LastName",)
    mobile_number: Names = ("MobileNumber",)
    work_number: Names = ("WorkNumber",)


class QueueFields(_Fields):
    """An item of `/queues`."""

    id: Names = ("Id",)
    name: Names = ("Name",)
    type_id: Names = ("TypeId",)
    numbers: Names = ("Numbers",)


class CallFields(_Fields):
    """An item of `/calls`."""

    call_id: Names = ("CallId",)
    user_id: Names = ("UserId",)
    user_name: Names = ("UserName",)
    caller: Names = ("ANum",)
    called: Names = ("BNum",)
    started: Names = ("TimeStamp", "StartTime")
    duration_seconds: Names = ("Duration",)
    direction: Names = ("Direction",)
    end_result: Names = ("EndResult",)
    call_type: Names = ("CallTypeString",)
    queue_id: Names = ("QueueId", "AnswerQueueId")
    queue_name: Names = ("QueueName",)
    privacy: Names = ("Privacy",)
    modified_at: Names = ("ModifiedAt",)
    recording_ids: Names = ("RecordingIds",)
    transcript_ids: Names = ("TranscriptIds",)


class ServiceCallFields(_Fields):
    """An item of `/servicecall`."""

    call_id: Names = ("CallId", "ServiceCallId")
    caller: Names = ("ANum",)
    queue_id: Names = ("QueueId",)
    queue_name: Names = ("QueueName",)
    queue_number: Names = ("QueueNumber",)
    arrived: Names = ("ArrivalTime", "TimeStamp", "StartTime")
    answered_at: Names = ("AnswerTime",)
    ended: Names = ("EndTime",)
    user_id: Names = ("UserId",)
    result: Names = ("Result",)
    modified_at: Names = ("ModifiedAt",)


class CallbackListFields(_Fields):
    """An item of `/callbacks/lists`."""

    id: Names = ("Id",)
    name: Names = ("Name",)


class CallbackFields(_Fields):
    """An item of `/callbacks`. The first name of `state` and `note` is the one that is written."""

    id: Names = ("Id",)
    list_id: Names = ("CallbackListId",)
    number: Names = ("Number",)
    created: Names = ("Created",)
    due: Names = ("DueTime",)
    state: Names = ("State",)
    assignee_id: Names = ("AssigneeId",)
    note: Names = ("Note",)
    recording_id: Names = ("RecordingId",)
    modified_at: Names = ("ModifiedAt",)


class Fields(_Model):
    """Names of fields by kind of item."""

    users: UserFields = UserFields()
    queues: QueueFields = QueueFields()
    calls: CallFields = CallFields()
    service_calls: ServiceCallFields = ServiceCallFields()
    callback_lists: CallbackListFields = CallbackListFields()
    callbacks: CallbackFields = CallbackFields()


class _Values(_Model):
    """For each of our values its spellings, in any case: texts, or numbers and true/false written as texts."""

    @model_validator(mode="after")
    def _refuse_doubt(self) -> Self:
        spellings = [spelling.casefold() for own in type(self).model_fields for spelling in set(getattr(self, own))]
        if len(set(spellings)) != len(spellings):
            raise ValueError("one spelling stands for two values")
        return self

    def by_spelling(self) -> Mapping[str, str]:
        """Our value, as the field's name, by each spelling in lower case."""
        return {spelling.casefold(): own for own in type(self).model_fields for spelling in getattr(self, own)}


class PrivacyValues(_Values):
    """What else stands there, and nothing, is Undefined."""

    work: Names = ("Work",)
    private: Names = ("Private",)
    undefined: Names = ("Undefined",)


class DirectionValues(_Values):
    """Other numbers than 0 are outgoing; another text cannot be read."""

    incoming: Names = Field(("0", "false", "in", "incoming", "inbound"), alias="in")
    outgoing: Names = Field(("1", "true", "out", "outgoing", "outbound"), alias="out")


class EndResultValues(_Values):
    """What else stands there was not answered; where nothing stands, the duration tells."""

    answered: Names = ("0", "false", "answered")


class ServiceResultValues(_Values):
    """Where none of these stands, a time of answer means Answered."""

    answered: Names = ("Answered",)
    unanswered: Names = ("Unanswered",)
    overflow: Names = ("Overflow",)


class CallbackStateValues(_Values):
    """The first spelling of a state is the one that is written."""

    open: Names = ("Open",)
    reserved: Names = ("Reserved",)
    busy: Names = ("Busy",)
    closed_successfully: Names = ("ClosedSuccessfully",)
    expired: Names = ("Expired",)


class Values(_Model):
    """Spellings of values by field."""

    privacy: PrivacyValues = PrivacyValues()
    directions: DirectionValues = DirectionValues()
    end_results: EndResultValues = EndResultValues()
    service_results: ServiceResultValues = ServiceResultValues()
    callback_states: CallbackStateValues = CallbackStateValues()


class EnreachDocument(_Model):
    """`enreach.json`. Every key may be left out."""

    paths: Paths = Paths()
    callback_parameters: CallbackParameters = CallbackParameters()
    fields_: Fields = Field(Fields(), alias="fields")
    values: Values = Values()
    user_ids_per_request: Annotated[int, Field(ge=0, le=100)] = 0
    """How many ids `UserIDs` of `/calls` takes, for an API that otherwise answers the calls of its own user only.

    0: the parameter is not sent."""
