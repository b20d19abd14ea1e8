"""The whole of `ticket-triggers.json`."""

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Literal, Self
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from functions.ticket_creation.rules.configurations import TicketConfiguration
from functions.ticket_creation.rules.fields import Model, Name, as_tuple
from functions.ticket_creation.rules.sources import Sources
from functions.ticket_creation.rules.triggers import Trigger

DOCUMENT = "ticket-triggers.json"

_MOST_TRIGGERS = 200
_MOST_CONFIGURATIONS = 100


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


class TicketTriggers(Model):
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
    triggers: Annotated[tuple[Trigger, ...], Field(max_length=_MOST_TRIGGERS), BeforeValidator(as_tuple)] = ()
    configurations: dict[Name, TicketConfiguration] = Field({}, max_length=_MOST_CONFIGURATIONS)

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
