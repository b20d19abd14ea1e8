"""A ticket on its way from a request to Dynamics, and what Dynamics has of it already."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from functions.ticket_creation.decide.attach import regards
from functions.ticket_creation.decide.cases import Case, PhoneCall, Texts
from functions.ticket_creation.decide.customers import Caller, Customer, NewContact
from functions.ticket_creation.decide.people import Agent
from functions.ticket_creation.decide.targets import Target
from shared.calls.ids import phone_call_id
from shared.dataverse.tables import JsonRow
from shared.ticket_request import TicketRequest
from shared.tickets.ids import case_id, ticket_note_id
from shared.tickets.records import TicketRecord


@dataclass(frozen=True, slots=True)
class Item:
    """A request in which all is filled that can be, and what was remembered of it."""

    request: TicketRequest
    started: datetime
    before: TicketRecord | None

    @property
    def call_id(self) -> str:
        return self.request.call_id


@dataclass(frozen=True, slots=True)
class Ready:
    """A ticket of which all is known: a call under a configuration."""

    item: Item
    trigger: str
    target: Target
    caller: Caller
    customer: Customer | NewContact
    agent: Agent
    texts: Texts
    values: Mapping[str, str] = field(repr=False)
    slot: str | None
    """Where it stands whose case is being opened; None for a case of its own."""

    @property
    def call_id(self) -> str:
        return self.item.call_id

    @property
    def case_key(self) -> UUID:
        """Of the case that the call has where it does not go onto another one."""
        return case_id(self.call_id, self.target.name)

    @property
    def note_key(self) -> UUID:
        return ticket_note_id(self.call_id, self.target.name)

    @property
    def case(self) -> Case:
        return Case(self.case_key, self.target, self.customer, self.texts, self.agent.id)


@dataclass(frozen=True, slots=True)
class There:
    """What is in Dynamics of some tickets."""

    cases: frozenset[UUID] = frozenset()
    notes: Mapping[UUID, UUID] = field(default_factory=dict)
    """The case of each note."""
    calls: Mapping[UUID, JsonRow] = field(default_factory=dict)
    """Phone calls by the key that follows from the call id, those of agents' clients too."""
    unlogged: frozenset[str] = frozenset()
    """Calls (ids) of which call sync makes no phone call."""
    unknown: frozenset[str] = frozenset()
    """Calls (ids) that call sync knows nothing of."""

    def phone_call(self, ready: Ready, case: UUID, *, may_come: bool) -> tuple[PhoneCall | None, bool]:
        """The phone call that comes under this case now, and whether it is to come later. `may_come`: calls are
        synced."""
        row = self.calls.get(phone_call_id(ready.call_id))
        match regards(row, case, ready.customer.id):
            case "settable":
                assert row is not None
                return PhoneCall(UUID(str(row["activityid"])), str(row["@odata.etag"])), False
            case "absent":
                return None, may_come and ready.call_id not in self.unlogged
            case _:
                return None, False


def there_of(cases: Collection[JsonRow], notes: Collection[JsonRow], calls: Collection[JsonRow]) -> There:
    """Of rows of `incident`, `annotation` and `phonecall`."""
    return There(
        frozenset(UUID(str(row["incidentid"])) for row in cases),
        {UUID(str(row["annotationid"])): UUID(str(row["_objectid_value"])) for row in notes if row["_objectid_value"]},
        {UUID(str(row["activityid"])): row for row in calls},
    )
