"""`configurations`: what a case holds, and whose it is."""

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from functions.ticket_creation.rules.fields import Line, Model, Name, Text
from functions.ticket_creation.rules.templates import check_template
from shared.customers import ColumnName

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

_MOST_COLUMNS = 50
_E_MAIL = re.compile(r"[^@\s]+@[^@\s]+")


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


def _choice(codes: Mapping[str, int]) -> Any:
    schema = {"anyOf": [{"enum": list(codes)}, {"type": "integer", "minimum": 0}]}
    return BeforeValidator(lambda value: _code(codes, value)), WithJsonSchema(schema)


type CaseType = Annotated[str | int, *_choice(_CASE_TYPES)]
type Origin = Annotated[str | int, *_choice(_ORIGINS)]
type Priority = Annotated[str | int, *_choice(_PRIORITIES)]
type CaseColumn = Annotated[ColumnName, AfterValidator(_column)]
type ColumnValue = Annotated[
    bool | int | float | str,
    BeforeValidator(_column_value),
    WithJsonSchema({"type": ["string", "number", "boolean"]}),
]


class Attach(Model):
    """Whether a call gets a case of its own, or becomes a note on one that is open."""

    policy: AttachPolicy = "alwaysNew"
    within_hours: Annotated[int, Field(ge=1, le=8784)] = 24
    """`missedCallCase`: how long after it was opened a case takes further missed calls."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.policy != "missedCallCase" and "within_hours" in self.model_fields_set:
            raise ValueError("withinHours belongs to the policy missedCallCase: leave it out")
        return self


class TicketConfiguration(Model):
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
    columns: dict[CaseColumn, ColumnValue] = Field({}, max_length=_MOST_COLUMNS)
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
