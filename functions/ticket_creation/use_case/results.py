"""What became of a request, as far as its message is concerned. No reason holds personal data."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Done:
    """All that the request asks for is in Dynamics, or there is nothing to do. Its message may go."""


@dataclass(frozen=True, slots=True)
class Later:
    """Something that may pass by itself is in the way: the same request is to come again."""

    reason: str
    longest: timedelta | None = None
    """The longest wait, where the cause is known to pass sooner than an outage."""


@dataclass(frozen=True, slots=True)
class Refused:
    """It will never succeed as it is: a person has to look."""

    code: str
    reason: str


type Result = Done | Later | Refused

DONE = Done()
