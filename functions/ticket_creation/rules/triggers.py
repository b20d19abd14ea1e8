"""`triggers`: for which calls a configuration makes a case.

Fields, operators and the two groups of conditions are those of the vendor's voice triggers (facts on XCALLY, 12.1),
with more of each.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from functions.ticket_creation.rules.fields import Model, Name, as_tuple, clean
from shared.customers import MatchKind
from shared.ticket_request import CallDirection

type ConditionField = Literal[
    "queue", "callStatus", "direction", "outboundRoute", "agent", "duration", "callerMatch", "openingHours"
]
type Operator = Literal["equals", "notEquals", "in", "greater", "less"]
type ConditionValue = str | int | tuple[str | int, ...]

_MOST_CONDITIONS = 50
_MOST_VALUES = 200

_OF_TEXT: tuple[Operator, ...] = ("equals", "notEquals", "in")
_ALLOWED_WORDS: Mapping[str, tuple[str, ...]] = {
    "direction": tuple(CallDirection),
    "callerMatch": tuple(MatchKind),
}


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
        return clean(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError("must be a text, a whole number, or a list of these")


class Condition(Model):
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


type Conditions = Annotated[tuple[Condition, ...], Field(max_length=_MOST_CONDITIONS), BeforeValidator(as_tuple)]


class Trigger(Model):
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
