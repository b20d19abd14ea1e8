"""`config/routing.json`: the rules of a contact-centre administrator, first match wins.

Validated whole before they run, so that `decide` meets only rules that make sense.
"""

import json
import math
import unicodedata
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel

from shared.customers import ColumnName

type Value = bool | int | float | str | None

_SCALAR_SCHEMA: dict[str, Any] = {"type": ["boolean", "number", "string", "null"]}


def _one_of(value: object) -> tuple[Value, ...]:
    """A single value, or the values of a list, as a tuple."""
    values = value if isinstance(value, list | tuple) else [value]
    if not values:
        raise ValueError("an empty list never matches: name at least one value or leave the condition out")
    for each in values:
        if not isinstance(each, bool | int | float | str | None) or (
            isinstance(each, float) and not math.isfinite(each)
        ):
            raise ValueError("must be a text, a number, true, false, null (for an empty column) or a list of these")
    return tuple(values)


def _printable(text: str) -> str:
    if text != text.strip() or any(unicodedata.category(sign) == "Cc" for sign in text):
        raise ValueError("must not begin or end with a space or hold a control character")
    return text


def _names_something(text: str) -> str:
    if not any(sign.isalnum() for sign in text):
        raise ValueError("must hold a letter or a digit")
    return _printable(text)


type _Wanted = Annotated[
    tuple[Value, ...],
    BeforeValidator(_one_of),
    WithJsonSchema({"anyOf": [_SCALAR_SCHEMA, {"type": "array", "items": _SCALAR_SCHEMA, "minItems": 1}]}),
]
type _Columns = Annotated[dict[ColumnName, _Wanted], Field(min_length=1)]
type _Target = Annotated[str, StringConstraints(max_length=200), AfterValidator(_names_something)]
type _Kind = Literal["contact", "account", "lead", "none", "ambiguous"]


class _Model(BaseModel):
    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", alias_generator=to_camel, hide_input_in_errors=True
    )


class Conditions(_Model):
    """What must hold for a rule to apply; a condition that is left out always holds, a list means one of."""

    pool: Annotated[tuple[_Target, ...], Field(min_length=1)] | None = None
    """The number called (`bnum`), in any spelling."""
    targetid: Annotated[tuple[_Target, ...], Field(min_length=1)] | None = None
    match: Annotated[tuple[_Kind, ...], Field(min_length=1)] | None = None
    contact: _Columns | None = None
    """Columns of the matched contact."""
    account: _Columns | None = None
    """Columns of the matched account, or of the matched contact's parent account."""

    @property
    def need_caller(self) -> bool:
        """Whether somebody must find out who is calling."""
        return any(condition is not None for condition in (self.match, self.contact, self.account))


class Answer(_Model):
    """What Enreach is told (SmartRouting HTTP Integrator Guide): a number, a queue id or `DISCONNECT:`."""

    target: _Target
    fail_target: _Target | None = None
    extra: dict[str, JsonValue] = {}
    """Further properties of the response, passed through unchanged: the vendor has more than it documents."""

    @model_validator(mode="after")
    def _check_extra(self) -> Self:
        if {"initialtarget", "failtarget"} & {name.casefold() for name in self.extra}:
            raise ValueError("extra cannot hold InitialTarget or FailTarget: write target and failTarget")
        try:
            json.dumps(self.extra, allow_nan=False)
        except ValueError:
            raise ValueError("extra holds NaN or Infinity, which are not JSON") from None
        return self


class Rule(_Model):
    """When these conditions hold, this is the answer."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_printable)]
    when: Conditions = Conditions()
    then: Answer


class RoutingRules(_Model):
    """The whole document."""

    rules: tuple[Rule, ...]

    @model_validator(mode="after")
    def _refuse_equal_names(self) -> Self:
        names = [rule.name.casefold() for rule in self.rules]
        twice = [str(position) for position, name in enumerate(names) if name in names[:position]]
        if twice:
            raise ValueError(f"rule {', '.join(twice)} (counted from 0) has the name of an earlier one")
        return self
