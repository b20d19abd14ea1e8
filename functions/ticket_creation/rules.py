"""`config/ticket-triggers.json`: which calls become cases, and what a case holds.

Fields, operators and the two groups of conditions are those of the vendor's voice triggers (facts on XCALLY, 12.1),
with more of each. Read whole before it runs, so that the decisions meet only triggers that make sense. What every key
means: docs/ticket-creation.md.
"""

import math
import re
import string
import unicodedata
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, Self, get_args
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel

from shared.customers import ColumnName, MatchKind
from shared.ticket_request import CallDirection

DOCUMENT = "ticket-triggers.json"

type SourcedField = Literal["queue", "callStatus", "direction", "outboundRoute", "agent", "duration"]
type ConditionField = Literal[
    "queue", "callStatus", "direction", "outboundRoute", "agent", "duration", "callerMatch", "openingHours"
]
type Operator = Literal["equals", "notEquals", "in", "greater", "less"]
type ConditionValue = str | int | tuple[str | int, ...]
type AttachPolicy = Literal["alwaysNew", "newestOpenCase", "missedCallCase"]
type UnknownCaller = Literal["createContact", "fallbackAccount", "noCase"]
type SeveralMatches = Literal["first", "fallbackAccount", "noCase"]

QUEUE_OWNER = "queueOwner"
"""The `fallbackOwner` that stands for the owner of the configuration's queue."""

# Choices of a case as Dataverse has them (table reference of incident); a site's own are written as numbers.
_CASE_TYPES: Mapping[str, int] = {"Question": 1, "Problem": 2, "Request": 3}
_ORIGINS: Mapping[str, int] = {"Phone": 1, "Email": 2, "Web": 3}
_PRIORITIES: Mapping[str, int] = {"High": 1, "Normal": 2, "Low": 3}

_KEYS_OF_THEIR_OWN: Mapping[str, str] = {
    "title": "title",
    "description": "description",
    "casetypecode": "caseType",
    "caseorigincode": "origin",
    "prioritycode": "priority",
    "subjectid": "subject",
    "productid": "product",
    "ownerid": "fallbackOwner",
}
_SET_BY_THE_APP = frozenset(
    {
        "incidentid", "customerid", "accountid", "contactid", "primarycontactid", "parentcaseid",
        "statecode", "statuscode", "owningbusinessunit", "owningteam", "owninguser",
        "createdon", "createdby", "createdonbehalfby", "modifiedon", "modifiedby", "modifiedonbehalfby",
        "versionnumber",
    }
)  # fmt: skip

_MOST_TRIGGERS = 200
_MOST_CONFIGURATIONS = 100
_MOST_CONDITIONS = 50
_MOST_COLUMNS = 50
_MOST_VALUES = 200
_MOST_SOURCES = 20
_MOST_STATUSES = 50

_SOURCE = re.compile(r"request|(call|servicecall|variables)\.\S(.{0,98}\S)?")
_SUCH_SOURCES = "request, call.<field of Enreach>, servicecall.<field of Enreach> or variables.<name>"
_E_MAIL = re.compile(r"[^@\s]+@[^@\s]+")


# ------------------------------------------------------------------------------------------------- templates


class TextTemplate(string.Template):
    """`${name}`, `${name|text where there is none}`, and `$$` for a dollar sign. Nothing else stands behind a `$`."""

    # No `$name` without braces, and nothing inside them that could be read in two ways.
    pattern = r"""
        \$(?:
          (?P<escaped>\$) |
          (?P<named>(?!)) |
          \{(?P<braced>[^{}$|\n]*[^{}$|\s][^{}$|\n]*(?:\|[^{}$]*)?)\} |
          (?P<invalid>)
        )
    """  # type: ignore[assignment]
    flags = re.VERBOSE


def check_template(text: str) -> str:
    """The template as it is. Raises ValueError for one that cannot be read."""
    for found in TextTemplate(text).pattern.finditer(text):  # type: ignore[attr-defined]
        if found["invalid"] is not None:
            raise ValueError(
                f"cannot be read from character {found.start() + 1} on: write a variable as ${{queue}} or "
                "${queue|text where there is none}, and a dollar sign as $$"
            )
    return text


# ----------------------------------------------------------------------------------------------- small types


def _clean(text: str) -> str:
    if text != text.strip() or any(unicodedata.category(sign) in {"Cc", "Cs"} for sign in text):
        raise ValueError("must not begin or end with a space or hold a control character")
    return text


def _as_tuple(value: object) -> object:
    # Strict: a list of JSON is no tuple once the document has been looked through.
    return tuple(value) if isinstance(value, list) else value


def _value(value: object) -> object:
    """The value of a condition as it is, a list as a tuple."""
    if isinstance(value, list | tuple):
        if not value:
            raise ValueError("an empty list never matches: name at least one value or leave the condition out")
        if len(value) > _MOST_VALUES:
            raise ValueError(f"must hold at most {_MOST_VALUES} values")
        return tuple(map(_single, value))
    return _single(value)


def _single(value: object) -> object:
    if isinstance(value, str):
        if not 1 <= len(value) <= 1000:
            raise ValueError("a text must have 1 to 1000 characters")
        return _clean(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError("must be a text, a whole number, or a list of these")


def _column_value(value: object) -> object:
    if isinstance(value, str):
        if len(value) > 10_000:
            raise ValueError("must have at most 10000 characters")
        return check_template(value)
    if isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise ValueError("must be a text (which may hold variables), a number, true or false")


def _code(codes: Mapping[str, int], value: object) -> object:
    is_number = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31
    if not is_number and not (isinstance(value, str) and value in codes):
        raise ValueError(f"must be {', '.join(codes)} or the number of a choice")
    return value


def _guid(value: object) -> object:
    if isinstance(value, str):
        try:
            return UUID(value)
        except ValueError:
            raise ValueError(
                "must be the id of a model-driven app, such as 01234567-89ab-cdef-0123-456789abcdef"
            ) from None
    return value


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("must be a time zone of IANA such as Europe/Helsinki") from None
    return name


def _source(text: str) -> str:
    if not _SOURCE.fullmatch(text):
        raise ValueError(f"must be {_SUCH_SOURCES}")
    return text


def _source_value(text: str) -> str:
    source, equals, value = text.partition("=")
    if not equals or not value.strip() or not _SOURCE.fullmatch(source):
        raise ValueError(f"must be a source and a value, such as call.EndResult=Voicemail; a source is {_SUCH_SOURCES}")
    return text


def _fallback_owner(text: str) -> str:
    if text == QUEUE_OWNER or _E_MAIL.fullmatch(text):
        return text
    try:
        UUID(text)
    except ValueError:
        raise ValueError(f"must be {QUEUE_OWNER}, the e-mail of a user or the id of a user") from None
    return text


def _column(name: str) -> str:
    if name in _KEYS_OF_THEIR_OWN:
        raise ValueError(f"has a key of its own: write {_KEYS_OF_THEIR_OWN[name]} instead")
    if name in _SET_BY_THE_APP:
        raise ValueError("is set by the app or by Dynamics: leave it out")
    return name


type Name = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_clean)]
type Line = Annotated[
    str, StringConstraints(min_length=1, max_length=500), AfterValidator(_clean), AfterValidator(check_template)
]
"""A template of one line."""
type Text = Annotated[str, StringConstraints(max_length=10_000), AfterValidator(check_template)]
type CaseColumn = Annotated[ColumnName, AfterValidator(_column)]
type ColumnValue = Annotated[
    bool | int | float | str,
    BeforeValidator(_column_value),
    WithJsonSchema({"type": ["string", "number", "boolean"]}),
]


def _choice(codes: Mapping[str, int]) -> Any:
    schema = {"anyOf": [{"enum": list(codes)}, {"type": "integer", "minimum": 0}]}
    return BeforeValidator(lambda value: _code(codes, value)), WithJsonSchema(schema)


type CaseType = Annotated[str | int, *_choice(_CASE_TYPES)]
type Origin = Annotated[str | int, *_choice(_ORIGINS)]
type Priority = Annotated[str | int, *_choice(_PRIORITIES)]


class _Model(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        alias_generator=to_camel,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )


# --------------------------------------------------------------------------------------------------- sources


DEFAULT_FIELDS: Mapping[SourcedField, tuple[str, ...]] = {
    "queue": ("request", "servicecall.QueueName", "call.QueueName"),
    "callStatus": ("request",),
    "direction": ("request", "call.Direction"),
    "outboundRoute": (),  # Enreach documents no field that holds it
    "agent": ("request", "call.UserName"),
    "duration": ("request", "call.Duration"),
}
"""What fills each field of conditions, the first source with a value. `callerMatch` and `openingHours` need none: the
customers of Dynamics and `routing.json` give them."""

DEFAULT_STATUSES: Mapping[str, tuple[str, ...]] = {
    "answered": (
        "servicecall.Result=Answered", "call.EndResult=0", "call.EndResult=false", "call.EndResult=Answered",
    ),
    "overflow": ("servicecall.Result=Overflow",),
    "unanswered": ("servicecall.Result=Unanswered", "call.EndResult=1", "call.EndResult=true"),
}  # fmt: skip
"""Which words of Enreach mean which status; the first that one of them means counts. Call sync reads the same fields,
of all legs, to fill the request's own `callStatus`, so these serve requests that have none."""


type SourceNames = Annotated[
    tuple[Annotated[str, AfterValidator(_source)], ...], Field(max_length=_MOST_SOURCES), BeforeValidator(_as_tuple)
]
type StatusWords = Annotated[
    tuple[Annotated[str, AfterValidator(_source_value)], ...],
    Field(max_length=_MOST_SOURCES),
    BeforeValidator(_as_tuple),
]
"""`source=value`, each."""


class Sources(_Model):
    """What fills the fields of conditions, where that is not the usual."""

    fields: dict[SourcedField, SourceNames] = {}
    statuses: Annotated[dict[Name, StatusWords], Field(max_length=_MOST_STATUSES)] = {}
    """A status of the call by the values of sources that mean it."""

    @field_validator("statuses")
    @classmethod
    def _refuse_equal_statuses(cls, statuses: dict[str, Any]) -> dict[str, Any]:
        if len({name.casefold() for name in statuses}) < len(statuses):
            raise ValueError("two statuses differ in case alone: make one of them")
        return statuses

    def of(self, field: SourcedField) -> tuple[str, ...]:
        """The sources of a field, in the order in which they are looked at."""
        return self.fields.get(field, DEFAULT_FIELDS[field])

    @cached_property
    def default_statuses(self) -> Mapping[str, tuple[str, ...]]:
        """The usual words of the statuses that `statuses` does not speak of."""
        spoken_of = {name.casefold() for name in self.statuses}
        return {name: words for name, words in DEFAULT_STATUSES.items() if name not in spoken_of}


# -------------------------------------------------------------------------------------------------- triggers


_OF_TEXT: tuple[Operator, ...] = ("equals", "notEquals", "in")
_ALLOWED_WORDS: Mapping[str, tuple[str, ...]] = {
    "direction": tuple(CallDirection),
    "callerMatch": tuple(MatchKind),
}


class Condition(_Model):
    """Something that holds for a call or does not."""

    field: ConditionField
    operator: Operator
    value: Annotated[
        ConditionValue,
        BeforeValidator(_value),
        WithJsonSchema(
            {"anyOf": [{"type": ["string", "integer"]},
                       {"type": "array", "items": {"type": ["string", "integer"]}, "minItems": 1}]}
        ),
    ]  # fmt: skip
    """A text, whole seconds for `duration`, or a list for `in`."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.field != "duration" and self.operator not in _OF_TEXT:
            raise ValueError(f"operator {self.operator} fits duration alone: write equals, notEquals or in")
        if self.operator == "in" and not isinstance(self.value, tuple):
            raise ValueError("operator in takes a list of values, such as [...]; for one value write equals")
        if self.operator != "in" and isinstance(self.value, tuple):
            raise ValueError(f"operator {self.operator} takes one value; for a list write in")
        self._check_values()
        return self

    def _check_values(self) -> None:
        if self.field == "duration":
            if not all(isinstance(each, int) and each >= 0 for each in self.values):
                raise ValueError("duration takes whole seconds without quotes, such as 30")
            return
        if not all(isinstance(each, str) for each in self.values):
            raise ValueError(f"{self.field} takes a text in quotes")
        allowed = _ALLOWED_WORDS.get(self.field)
        if allowed and not self.words <= set(allowed):
            raise ValueError(f"{self.field} is one of {', '.join(allowed)}")

    @property
    def values(self) -> tuple[str | int, ...]:
        """The value, or those of the list."""
        return self.value if isinstance(self.value, tuple) else (self.value,)

    @cached_property
    def words(self) -> frozenset[str]:
        """Its texts as they are compared: whatever the case."""
        return frozenset(each.casefold() for each in self.values if isinstance(each, str))


type Conditions = Annotated[tuple[Condition, ...], Field(max_length=_MOST_CONDITIONS), BeforeValidator(_as_tuple)]


class Trigger(_Model):
    """Calls for which all of one group and any of the other hold make a case. A group without conditions holds."""

    name: Name
    all_of: Conditions = Field((), alias="all")
    any_of: Conditions = Field((), alias="any")
    configuration: Name
    """The name of a configuration, in any case."""

    @model_validator(mode="wrap")
    @classmethod
    def _say_which(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(data)
        except ValidationError as error:
            name = data.get("name") if isinstance(data, dict) else None
            if not isinstance(name, str) or not 1 <= len(name) <= 200 or not name.isprintable():
                name = "without a name"
            raise ValueError(f'trigger "{name}": {_problems(error)}') from None

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Those of both groups."""
        return (*self.all_of, *self.any_of)


def _problems(error: ValidationError) -> str:
    items = error.errors(include_input=False, include_url=False)
    return ", ".join(f"{'.'.join(map(str, item['loc'])) or 'all of it'}: {_plain(item['msg'])}" for item in items)


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ")


# -------------------------------------------------------------------------------------------- configurations


class Attach(_Model):
    """Whether a call gets a case of its own, or becomes a note on one that is open."""

    policy: AttachPolicy = "alwaysNew"
    within_hours: Annotated[int, Field(ge=1, le=8784)] = 24
    """`missedCallCase`: how long after it was opened a case takes further missed calls."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.policy != "missedCallCase" and "within_hours" in self.model_fields_set:
            raise ValueError("withinHours belongs to the policy missedCallCase: leave it out")
        return self


class TicketConfiguration(_Model):
    """What a case holds, whose it is, and whether there is one at all."""

    title: Line = "Call from ${customerNumber|a withheld number}"
    description: Text = ""
    case_type: CaseType | None = None
    """Question, Problem, Request, or the number of a choice."""
    origin: Origin = "Phone"
    """Phone, Email, Web, or the number of a choice."""
    priority: Priority | None = None
    """High, Normal, Low, or the number of a choice."""
    subject: Name | None = None
    """Id or title of a subject."""
    product: Name | None = None
    """Id, name or number of a product."""
    columns: Annotated[dict[CaseColumn, ColumnValue], Field(max_length=_MOST_COLUMNS)] = {}
    """Further columns of the case by their logical names."""
    queue: Name | None = None
    """Id or name of the queue that the case is added to."""
    fallback_owner: Annotated[Name, AfterValidator(_fallback_owner)] | None = None
    """Who owns the case where the agent is nobody in Dynamics: `queueOwner`, an e-mail or the id of a user."""
    attach: Attach = Attach()
    unknown_caller: UnknownCaller = "createContact"
    several_matches: SeveralMatches = "first"
    fallback_account: Name | None = None
    """Id or name of the account that is the customer where nobody else is."""
    contact_first_name: Line | None = "Caller"
    contact_last_name: Line = "${customerNumber}"
    notify_agent: bool = False
    """Whether the agent gets a notification in Dynamics with a link to the case."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        policies = {"unknownCaller": self.unknown_caller, "severalMatches": self.several_matches}
        asks = [key for key, policy in policies.items() if policy == "fallbackAccount"]
        if asks and self.fallback_account is None:
            raise ValueError(f"{' and '.join(asks)} is fallbackAccount: name the account in fallbackAccount")
        if self.fallback_owner == QUEUE_OWNER and self.queue is None:
            raise ValueError("fallbackOwner is queueOwner: name the queue in queue")
        return self

    @property
    def case_type_code(self) -> int | None:
        """Value of `casetypecode`."""
        return _CASE_TYPES.get(self.case_type) if isinstance(self.case_type, str) else self.case_type

    @property
    def origin_code(self) -> int:
        """Value of `caseorigincode`."""
        return _ORIGINS[self.origin] if isinstance(self.origin, str) else self.origin

    @property
    def priority_code(self) -> int | None:
        """Value of `prioritycode`."""
        return _PRIORITIES.get(self.priority) if isinstance(self.priority, str) else self.priority


class TicketTriggers(_Model):
    """The whole document."""

    match: Literal["first", "all"] = "first"
    """Whether the first trigger that matches counts, or every one."""
    time_zone: Annotated[Name, AfterValidator(_zone)] = "UTC"
    """Of the moments in texts."""
    app_id: Annotated[UUID | None, BeforeValidator(_guid)] = None
    """The model-driven app in which the link to a case opens."""
    email_variable: Name = "email"
    """The variable of a request that holds the customer's e-mail."""
    sources: Sources = Sources()
    triggers: Annotated[tuple[Trigger, ...], Field(max_length=_MOST_TRIGGERS), BeforeValidator(_as_tuple)] = ()
    configurations: Annotated[dict[Name, TicketConfiguration], Field(max_length=_MOST_CONFIGURATIONS)] = {}

    @field_validator("triggers")
    @classmethod
    def _refuse_equal_triggers(cls, triggers: tuple[Trigger, ...]) -> tuple[Trigger, ...]:
        positions: dict[str, int] = {}
        for position, trigger in enumerate(triggers):
            first = positions.setdefault(trigger.name.casefold(), position)
            if first != position:
                raise ValueError(
                    f'triggers {first} and {position} (counted from 0) are both named "{trigger.name}": rename one'
                )
        return triggers

    @field_validator("configurations")
    @classmethod
    def _refuse_equal_configurations(
        cls, configurations: dict[str, TicketConfiguration]
    ) -> dict[str, TicketConfiguration]:
        names: dict[str, str] = {}
        for name in configurations:
            first = names.setdefault(name.casefold(), name)
            if first != name:
                raise ValueError(f'"{first}" and "{name}" differ in case alone: rename one')
        return configurations

    @model_validator(mode="after")
    def _require_configurations(self) -> Self:
        for position, trigger in enumerate(self.triggers):
            if trigger.configuration.casefold() not in self._names:
                raise ValueError(
                    f'trigger {position} (counted from 0) "{trigger.name}" names a configuration that configurations '
                    f"does not have: {_such_as(self.configurations)}"
                )
        return self

    @cached_property
    def _names(self) -> Mapping[str, str]:
        return {name.casefold(): name for name in self.configurations}

    def configuration_of(self, trigger: Trigger) -> str:
        """The name of the trigger's configuration as `configurations` spells it."""
        return self._names[trigger.configuration.casefold()]

    @cached_property
    def zone(self) -> ZoneInfo:
        """The time zone of moments in texts."""
        return ZoneInfo(self.time_zone)


def _such_as(configurations: Mapping[str, object]) -> str:
    if not configurations:
        return "add it there"
    some = ", ".join(list(configurations)[:5])
    return f"write one of {some}" + (", ..." if len(configurations) > 5 else "")


assert set(get_args(SourcedField.__value__)) == set(DEFAULT_FIELDS)
