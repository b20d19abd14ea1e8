"""What is known of a caller when the rules decide."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from functions.smart_routing.decide.shifts import ShiftBooking
from functions.smart_routing.rules import AgentKind
from shared.customers import NOBODY, Match
from shared.dataverse.tables import JsonRow


@dataclass(frozen=True, slots=True)
class Agent:
    """A user of Dynamics, with those bookings that lie in the time that was asked for."""

    is_enabled: bool
    number: str | None
    """As it stands in Dynamics; None when none of the columns is filled."""
    bookings: tuple[ShiftBooking, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenCase:
    """An open case of the caller. `owner` is None when a team or queue owns it."""

    row: JsonRow
    owner: Agent | None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the rules on the shortlist asked for; what they did not ask for is empty."""

    caller: Match = NOBODY
    cases: tuple[OpenCase, ...] = ()
    """Newest first."""
    agents: Mapping[AgentKind, Agent] = field(default_factory=dict)
    """Without the case owner, who depends on the rule."""


NOTHING_KNOWN = Facts()
