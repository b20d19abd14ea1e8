"""A call as it stands at the door, before anybody is asked who calls."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from functions.smart_routing.messages import RouteRequest
from shared.customers import CustomerMatching
from shared.phone_numbers import country_of, e164, identities


@dataclass(frozen=True, slots=True)
class Call:
    """One question of Enreach with the moment at which it came (UTC)."""

    now: datetime
    bnum: str
    pool: frozenset[str]
    """What the number called is known as (`shared.phone_numbers.identities`)."""
    queue_id: str | None
    target_id: str | None
    extradata: Mapping[str, Any]
    number: str | None
    """The caller's number as E.164; None when it is withheld or no number."""
    is_internal: bool

    @property
    def country(self) -> str | None:
        """Where the caller's number is from."""
        return country_of(self.number) if self.number else None

    @property
    def customer_number(self) -> str | None:
        """The number by which the caller may be a customer; None for colleagues and our own lines."""
        return None if self.is_internal else self.number


def read_call(request: RouteRequest, now: datetime, matching: CustomerMatching, own_numbers: frozenset[str]) -> Call:
    """The call that this question is about. `own_numbers` (E.164) are lines of ours beside those of the document."""
    region = matching.default_region
    number = e164(request.caller, region) if request.caller else None
    pool = identities(request.bnum, region)
    is_own = number is not None and (
        number in own_numbers or number in matching.own_numbers or number.removeprefix("+") in pool
    )
    return Call(
        now=now,
        bnum=request.bnum,
        pool=pool,
        queue_id=request.current_queue_id,
        target_id=request.targetid.strip().casefold() if request.targetid else None,
        extradata=request.extradata or {},
        number=number,
        is_internal=request.is_internal or is_own,
    )
