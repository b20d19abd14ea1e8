"""`config/routing.json`: the rules of a contact-centre administrator, first match wins.

Validated whole before they run, so that `decide` meets only rules that make sense.
"""

import json
import math
import unicodedata
from typing import Annotated, Any, Literal, Self, get_args

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
from shared.opening_hours import OpeningHours
from shared.phone_numbers import is_region

type Value = bool | int | float | str | None
type Comparison = Literal["=", "!=", ">", ">=", "<", "<="]
type AgentKind = Literal["caseOwner", "contactOwner", "accountOwner", "lastAgent"]

_COMPARISONS: tuple[str, ...] = get_args(Comparison.__value__)
_SCALAR_SCHEMA: dict[str, Any] = {"type": ["boolean", "number", "string", "null"]}
_VALUES_SCHEMA: dict[str, Any] = {"anyOf": [_SCALAR_SCHEMA, {"type": "array", "items": _SCALAR_SCHEMA, "minItems": 1}]}


class _Model(BaseModel):
    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", alias_generator=to_camel, hide_input_in_errors=True
    )


# ------------------------------------------------------------------------------------------------ small types


def _is_value(value: object) -> bool:
    return isinstance(value, bool | int | float | str | None) and not (
        isinstance(value, float) and not math.isfinite(value)
    )


def _values(value: object) -> tuple[Value, ...]:
    """A single value, or the values of a list, as a tuple."""
    values = value if isinstance(value, list | tuple) else [value]
    if not values:
        raise ValueError("an empty list never matches: name at least one value or leave the condition out")
    if not all(map(_is_value, values)):
        raise ValueError("must be a text, a number, true, false, null (for an empty column) or a list of these")
    return tuple(values)


def _one_or_more(value: object) -> object:
    """The texts of a list, or a single one where a list may stand."""
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


def _printable(text: str) -> str:
    if text != text.strip() or any(unicodedata.category(sign) == "Cc" for sign in text):
        raise ValueError("must not begin or end with a space or hold a control character")
    return text


def _names_something(text: str) -> str:
    if not any(sign.isalnum() for sign in text):
        raise ValueError("must hold a letter or a digit")
    return _printable(text)


def _country(code: str) -> str:
    if not is_region(code):
        raise ValueError("must be an ISO 3166 country code in capitals, such as FI")
    return code


class ColumnTest(BaseModel):
    """What a column has to hold: every comparison, where `=` is met by one of its values and `!=` by none of them."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)

    comparisons: tuple[tuple[Comparison, tuple[Value, ...]], ...]


def _column_test(value: object) -> object:
    """`3`, `[3, 4]`, `">=3"` or `{">=": 3, "<": 10}`, all as comparisons."""
    if isinstance(value, ColumnTest):
        return value
    if isinstance(value, dict):
        if not value:
            raise ValueError("name at least one comparison, such as {'>=': 3}")
        unknown = [name for name in value if name not in _COMPARISONS]
        if unknown:
            raise ValueError(f"a comparison is one of {', '.join(_COMPARISONS)}")
        return ColumnTest(comparisons=tuple((name, _compared(name, each)) for name, each in value.items()))
    if isinstance(value, str) and (written := _written_comparison(value)):
        return ColumnTest(comparisons=(written,))
    return ColumnTest(comparisons=(("=", _values(value)),))


def _compared(name: Any, value: object) -> tuple[Value, ...]:
    values = _values(value)
    if name not in {"=", "!="} and (len(values) != 1 or isinstance(values[0], bool | None)):
        raise ValueError(f"{name} takes one number or one moment")
    return values


def _written_comparison(text: str) -> tuple[Any, tuple[Value, ...]] | None:
    """`>= 3` as a comparison; None for a text that is a value itself."""
    for name in sorted(_COMPARISONS, key=len, reverse=True):
        if text.startswith(name) and (bound := text.removeprefix(name).strip()):
            try:
                value = json.loads(bound)
            except ValueError:
                value = bound
            return name, _compared(name, value)
    return None


type _ColumnTest = Annotated[
    ColumnTest,
    BeforeValidator(_column_test),
    WithJsonSchema(
        {
            "anyOf": [
                *_VALUES_SCHEMA["anyOf"],
                {
                    "type": "object",
                    "propertyNames": {"enum": list(_COMPARISONS)},
                    "additionalProperties": _VALUES_SCHEMA,
                    "minProperties": 1,
                },
            ]
        }
    ),
]
type _Columns = Annotated[dict[ColumnName, _ColumnTest], Field(min_length=1)]
type _Target = Annotated[str, StringConstraints(max_length=200), AfterValidator(_names_something)]
type _Targets = Annotated[tuple[_Target, ...], BeforeValidator(_one_or_more), Field(min_length=1)]
type _Kind = Literal["contact", "account", "lead", "none", "ambiguous"]
type _Kinds = Annotated[tuple[_Kind, ...], BeforeValidator(_one_or_more), Field(min_length=1)]
type _Name = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_printable)]
type _Names = Annotated[tuple[_Name, ...], BeforeValidator(_one_or_more), Field(min_length=1)]
type _Countries = Annotated[
    tuple[Annotated[str, AfterValidator(_country)], ...], BeforeValidator(_one_or_more), Field(min_length=1)
]
type _Patterns = Annotated[
    tuple[Value, ...], BeforeValidator(_values), WithJsonSchema(_VALUES_SCHEMA), Field(min_length=1)
]


# -------------------------------------------------------------------------------------------------- the rules


class Conditions(_Model):
    """What must hold for a rule to apply; a condition that is left out always holds, a list means one of."""

    pool: _Targets | None = None
    """The number called (`bnum`), in any spelling."""
    targetid: _Targets | None = None
    """Enreach's tag of the queue."""
    extradata: Annotated[dict[str, _Patterns], Field(min_length=1)] | None = None
    """Keys of `extradata`; a text may hold the wildcards `*` and `?`."""
    internal: bool | None = None
    """Whether Enreach says that a colleague calls, or the number is one of our own."""
    country: _Countries | None = None
    """Where the caller's number is from."""
    open: _Names | None = None
    """One of these opening hours is open."""
    closed: _Names | None = None
    """One of these opening hours is closed."""
    match: _Kinds | None = None
    """What the caller turned out to be."""
    contact: _Columns | None = None
    """Columns of the matched contact, or of the contact that the matched lead is linked to."""
    account: _Columns | None = None
    """Columns of one account that the caller is related to, directly or indirectly: the matched account, the
    contact's parent account, an account whose primary contact calls, the matched lead's account, or a parent of
    one of these."""
    lead: _Columns | None = None
    """Columns of the matched lead."""
    open_case: bool | _Columns | None = None
    """Whether the caller has an open case; with columns, one that holds these values."""

    @property
    def need_caller(self) -> bool:
        """Whether somebody must find out who is calling."""
        asked = (self.match, self.contact, self.account, self.lead, self.open_case)
        return any(condition is not None for condition in asked)


class OnShift(_Model):
    """The agent is planned for assignable work now and for so many minutes more."""

    minutes: Annotated[int, Field(ge=0, le=240)] = 0


class Place(_Model):
    """Where Enreach sends the call (SmartRouting HTTP Integrator Guide): a number, a queue id or `DISCONNECT:`."""

    target: _Target
    fail_target: _Target | None = None
    extra: dict[str, JsonValue] = {}
    """Further properties of the response, passed through unchanged: the vendor has more than it documents."""

    @model_validator(mode="after")
    def _check_extra(self) -> Self:
        _require_json(self.extra)
        return self


def _require_json(extra: dict[str, JsonValue]) -> None:
    if {"initialtarget", "failtarget"} & {name.casefold() for name in extra}:
        raise ValueError("extra cannot hold InitialTarget or FailTarget: write target and failTarget")
    try:
        json.dumps(extra, allow_nan=False)
    except ValueError:
        raise ValueError("extra holds NaN or Infinity, which are not JSON") from None


class Answer(_Model):
    """What Enreach is told: a target, or the number of an agent."""

    target: _Target | None = None
    agent: AgentKind | None = None
    within_days: Annotated[int, Field(ge=1, le=365)] | None = None
    """`lastAgent`: how long ago the last call may be; 14 where absent."""
    on_shift: OnShift | None = None
    otherwise: Literal["continue", "default"] | Place = Field("continue", alias="else")
    """Without such an agent, or when it is not on shift: the next rules, Enreach's default, or another place."""
    fail_target: _Target | None = None
    extra: dict[str, JsonValue] = {}

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.target is None) == (self.agent is None):
            raise ValueError("name either a target or an agent")
        if self.agent is None and {"on_shift", "otherwise"} & self.model_fields_set:
            raise ValueError("onShift and else belong to an agent")
        if self.agent != "lastAgent" and self.within_days is not None:
            raise ValueError("withinDays belongs to the agent lastAgent")
        _require_json(self.extra)
        return self

    @property
    def look_back_days(self) -> int:
        """How long ago the last call with the last agent may be."""
        return self.within_days or 14


class Rule(_Model):
    """When these conditions hold, this is the answer."""

    name: _Name
    when: Conditions = Conditions()
    then: Answer

    @property
    def need_caller(self) -> bool:
        """Whether somebody must find out who is calling."""
        return self.when.need_caller or self.then.agent is not None


class RoutingRules(_Model):
    """The whole document."""

    opening_hours: dict[_Name, OpeningHours] = {}
    agent_number: Annotated[tuple[ColumnName, ...], Field(min_length=1)] = ("address1_telephone1", "mobilephone")
    """Columns of the agent's user that may hold its number in Enreach; the first one that is filled."""
    parent_levels: Annotated[int, Field(ge=0, le=3)] = 2
    """How many parents of an account count as indirectly related."""
    rules: tuple[Rule, ...]

    @model_validator(mode="after")
    def _refuse_equal_names(self) -> Self:
        names = [rule.name.casefold() for rule in self.rules]
        twice = [str(position) for position, name in enumerate(names) if name in names[:position]]
        if twice:
            raise ValueError(f"rule {', '.join(twice)} (counted from 0) has the name of an earlier one")
        return self

    @model_validator(mode="after")
    def _require_known_hours(self) -> Self:
        for position, rule in enumerate(self.rules):
            named = {*(rule.when.open or ()), *(rule.when.closed or ())}
            if not named <= self.opening_hours.keys():
                raise ValueError(
                    f"rule {position} (counted from 0) names opening hours that openingHours does not have"
                )
        return self
