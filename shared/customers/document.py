"""`customer-matching.json`: how callers become customers, one policy for routing, calls, callbacks and tickets."""

from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic.alias_generators import to_camel

from shared.dataverse.tables import CONTACT, UnknownNameError
from shared.phone_numbers import e164, is_region

LEAST_REST = 6
"""Digits that have to be left of a number. With fewer, too many customers would have them somewhere."""
_MOST_CUT = 16 - LEAST_REST
"""The longest number has 15 digits and a plus (E.164)."""

type OrderKey = Literal["active", "openCase", "lastActivity", "primaryContact", "owner"]


def column_name(name: str) -> str:
    """The name as it is, which a configuration gives. Raises ValueError when no column can have it."""
    try:
        CONTACT.with_columns([name])
    except UnknownNameError:
        raise ValueError("must be the logical name of a column, such as telephone1 or new_vip") from None
    return name


type ColumnName = Annotated[str, AfterValidator(column_name)]


class MatchKind(StrEnum):
    """What a caller turned out to be. Rules name these."""

    CONTACT = "contact"
    ACCOUNT = "account"
    LEAD = "lead"
    NONE = "none"
    AMBIGUOUS = "ambiguous"


class _Model(BaseModel):
    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", alias_generator=to_camel, hide_input_in_errors=True
    )


class SearchedColumns(_Model):
    """The columns with phone numbers, by kind. A kind without columns is not searched."""

    contact: tuple[ColumnName, ...] = ("mobilephone", "telephone1", "telephone2", "telephone3")
    account: tuple[ColumnName, ...] = ("telephone1", "telephone2", "telephone3")
    lead: tuple[ColumnName, ...] = ("mobilephone", "telephone1", "telephone2", "telephone3")

    def of(self, kind: MatchKind) -> tuple[str, ...]:
        """The searched columns of this kind, none twice."""
        return self.by_kind[kind]

    @cached_property
    def by_kind(self) -> Mapping[MatchKind, tuple[str, ...]]:
        """The searched columns of each kind, none twice."""
        columns = {MatchKind.CONTACT: self.contact, MatchKind.ACCOUNT: self.account, MatchKind.LEAD: self.lead}
        return {kind: tuple(dict.fromkeys(names)) for kind, names in columns.items()}


class CustomerMatching(_Model):
    """`customer-matching.json`. Without a default region only numbers with a country code match."""

    default_region: str | None = None
    # The vendor's own names for the next two (Voice for Dynamics 365 guide 1.5.3 and 1.6.1).
    numbers_to_cut: Annotated[int, Field(ge=0, le=_MOST_CUT)] = Field(0, alias="NumbersToCut")
    """Signs cut from the start of the E.164 number, the plus among them; the rest is searched for too. 0: off."""
    multiple_matches_pick_first: bool = Field(False, alias="MultipleMatchesPickFirst")
    columns: SearchedColumns = SearchedColumns()
    order: tuple[OrderKey, ...] = ("active", "openCase", "lastActivity", "primaryContact", "owner")
    """Which of several contacts or accounts is the first, where `MultipleMatchesPickFirst` is true."""
    own_numbers: tuple[str, ...] = ()
    """Our queues and switchboards as E.164: they call, but they are nobody's customer."""

    @field_validator("default_region")
    @classmethod
    def _check_region(cls, code: str | None) -> str | None:
        if code is not None and not is_region(code):
            raise ValueError("must be an ISO 3166 country code in capitals, such as FI")
        return code

    @field_validator("order")
    @classmethod
    def _refuse_repetition(cls, keys: tuple[OrderKey, ...]) -> tuple[OrderKey, ...]:
        if len(set(keys)) != len(keys):
            raise ValueError("names something twice")
        return keys

    @field_validator("own_numbers")
    @classmethod
    def _read_own_numbers(cls, numbers: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        region = info.data.get("default_region")
        read = [(position, e164(text, region)) for position, text in enumerate(numbers)]
        unreadable = [str(position) for position, number in read if number is None]
        if unreadable:
            raise ValueError(
                f"item {', '.join(unreadable)} (counted from 0) is no complete phone number; "
                "write it with its country code or set defaultRegion"
            )
        return tuple(number for _, number in read if number)
