"""`config/callback-profiles.json`: which callback lists go into which queues, and how.

Settings that the vendor's guide has keep its names and its sense (Voice for Dynamics 365 guide 1.5.4, figures 34 and
35; `syncMethod` is of the newer guide, facts on Enreach 7.3). The others are our own.
"""

import unicodedata
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel

DOCUMENT = "callback-profiles.json"

LONGEST_AGE = timedelta(days=366)
USUAL_AGE = timedelta(minutes=10)
"""In production the age is at most this (guide 1.5.4); a longer one is taken, and named in health."""
_UNITS: Mapping[str, timedelta] = {
    "Days": timedelta(days=1), "Hours": timedelta(hours=1), "Minutes": timedelta(minutes=1),
}  # fmt: skip

type SyncMethod = Literal["polling", "webhook", "webhookWithPolling"]


def _clean(text: str) -> str:
    if text != text.strip() or any(unicodedata.category(sign) in {"Cc", "Cs"} for sign in text):
        raise ValueError("must not begin or end with a space or hold a control character")
    return text


def _as_tuple(value: object) -> object:
    # Strict: a list of JSON is no tuple once the document has been looked through.
    return tuple(value) if isinstance(value, list) else value


type Name = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_clean)]


class CallbackProfile(BaseModel):
    """Which requests become phone calls in which queue."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", alias_generator=to_camel, hide_input_in_errors=True
    )

    name: Name
    callback_list: Name
    """Of Enreach: its id, or its name in any case."""
    queue: Name
    """Of Dynamics: its id, or its name in any case."""
    age_time_unit: Literal["Days", "Hours", "Minutes"] = "Minutes"
    callback_age: Annotated[int, Field(ge=1)] = 10
    """How far back each run looks at least."""
    ownership_rule: Literal["ApiUser", "OwnerOfQueue"] = "ApiUser"
    phone_call_subject: Name | None = None
    """None: `CallbackRequestDefaultSubject`."""
    active: bool = True
    sync_method: SyncMethod = "polling"
    close_in_enreach: Literal["whenInDynamics", "whenCompleted"] = "whenInDynamics"
    merge_repeats: bool = False
    expire: bool = False
    complete_when_reached: bool = False
    expire_after_hours: Annotated[int, Field(ge=1, le=8784)] = 72
    """After the due time."""

    @model_validator(mode="after")
    def _check_age(self) -> Self:
        if self.callback_age > LONGEST_AGE / _UNITS[self.age_time_unit]:
            raise ValueError("callbackAge must be at most 366 days")
        return self

    @property
    def age(self) -> timedelta:
        """`callbackAge` in its unit."""
        return self.callback_age * _UNITS[self.age_time_unit]

    @property
    def polls(self) -> bool:
        """Whether each run of the timer reads it."""
        return self.sync_method != "webhook"

    @property
    def hears(self) -> bool:
        """Whether events start a run of it."""
        return self.sync_method != "polling"

    @property
    def stays_open(self) -> bool:
        """Whether its requests stay open in Enreach until the phone call is completed."""
        return self.close_in_enreach == "whenCompleted"


class CallbackProfiles(BaseModel):
    """The whole document."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)

    default_subject: Name = Field("Callback request", alias="CallbackRequestDefaultSubject")
    profiles: Annotated[tuple[CallbackProfile, ...], Field(max_length=200), BeforeValidator(_as_tuple)] = ()

    @model_validator(mode="after")
    def _refuse_equal_names(self) -> Self:
        names = Counter(profile.name.casefold() for profile in self.profiles)
        if any(count > 1 for count in names.values()):
            raise ValueError("two profiles have the same name")
        return self

    @property
    def active(self) -> tuple[CallbackProfile, ...]:
        """The profiles that are on, in their order."""
        return tuple(profile for profile in self.profiles if profile.active)

    def subject_of(self, profile: CallbackProfile) -> str:
        """The subject of the phone calls of this profile."""
        return profile.phone_call_subject or self.default_subject
