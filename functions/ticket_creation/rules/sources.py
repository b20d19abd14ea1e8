"""`sources`: what fills the fields of conditions."""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from functions.ticket_creation.rules.fields import Model, Name, as_tuple

type SourcedField = Literal["queue", "callStatus", "direction", "outboundRoute", "agent", "duration"]

_MOST_SOURCES = 20
_MOST_STATUSES = 50

_SOURCE = re.compile(r"request|(call|servicecall|variables)\.\S(.{0,98}\S)?")
_SUCH_SOURCES = "request, call.<field of Enreach>, servicecall.<field of Enreach> or variables.<name>"

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

assert set(get_args(SourcedField.__value__)) == set(DEFAULT_FIELDS)


def _source(text: str) -> str:
    if not _SOURCE.fullmatch(text):
        raise ValueError(f"must be {_SUCH_SOURCES}")
    return text


def _source_value(text: str) -> str:
    source, equals, value = text.partition("=")
    if not equals or not value.strip() or not _SOURCE.fullmatch(source):
        raise ValueError(f"must be a source and a value, such as call.EndResult=Voicemail; a source is {_SUCH_SOURCES}")
    return text


type SourceNames = Annotated[
    tuple[Annotated[str, AfterValidator(_source)], ...], Field(max_length=_MOST_SOURCES), BeforeValidator(as_tuple)
]
type StatusWords = Annotated[
    tuple[Annotated[str, AfterValidator(_source_value)], ...],
    Field(max_length=_MOST_SOURCES),
    BeforeValidator(as_tuple),
]
"""`source=value`, each."""


class Sources(Model):
    """What fills the fields of conditions, where that is not the usual."""

    fields: dict[SourcedField, SourceNames] = Field({})
    statuses: dict[Name, StatusWords] = Field({}, max_length=_MOST_STATUSES)
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

    def read_from(self, field: SourcedField) -> tuple[str, ...]:
        """As `of`. A field that nothing fills, as far as the document says, is still read from the request's own key:
        another system may send it."""
        return self.fields.get(field, DEFAULT_FIELDS[field] or ("request",))

    @cached_property
    def default_statuses(self) -> Mapping[str, tuple[str, ...]]:
        """The usual words of the statuses that `statuses` does not speak of."""
        spoken_of = {name.casefold() for name in self.statuses}
        return {name: words for name, words in DEFAULT_STATUSES.items() if name not in spoken_of}
