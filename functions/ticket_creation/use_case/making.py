"""The tickets of a group, written: customers, then cases, then notes on cases, then notifications.

The order makes it repeatable wherever it is cut off: every row has a key of its own, and what was written before the
cut is found by it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from functions.ticket_creation.decide.cases import PhoneCall, case_link
from functions.ticket_creation.decide.customers import NewContact
from functions.ticket_creation.decide.jobs import Ready, There
from functions.ticket_creation.use_case.opening import SOON, Opening
from functions.ticket_creation.use_case.results import Later, Refused
from functions.ticket_creation.use_case.worlds import TicketGateways
from functions.ticket_creation.use_case.writing import (
    Appending,
    Creation,
    Outcome,
    WasThere,
    Written,
    append_notes,
    create_cases,
    make_contacts,
    notify,
)
from shared.tickets.ids import ticket_notification_id
from shared.tickets.records import Ticket, TicketOutcome

_NOT_YET = Later("the case that it goes onto could not be made yet", SOON)

type Made = Ticket | Later | Refused


class Making:
    """Writes the tickets of one group."""

    def __init__(self, worlds: TicketGateways, there: There, app_id: UUID | None, now: datetime) -> None:
        self._worlds = worlds
        self._there = there
        self._app_id = app_id
        self._now = now
        self._made: dict[UUID, Made] = {}
        """By the key of the ticket's own case."""
        self.is_in_doubt = False
        """Whether something may not be as it was when it was last looked up."""

    async def made(self, tickets: Sequence[Ready]) -> list[Made]:
        """What became of each. Raises DataverseError, StorageError; then some of it is done, and the same call may be
        made again."""
        # Those of one call stay in the order of their triggers.
        in_order = sorted(tickets, key=lambda each: (each.item.started, each.call_id))
        for each in in_order:
            self._recognise(each)
        await self._write([each for each in in_order if each.case_key not in self._made])
        await self._notify(in_order)
        return [self._made[each.case_key] for each in tickets]

    def _recognise(self, each: Ready) -> None:
        """What an earlier try wrote, of which nothing is remembered."""
        if each.case_key in self._there.cases:
            self._keep(each, each.case_key, TicketOutcome.CREATED, is_pending=self._is_pending(each, each.case_key))
        elif (case := self._there.notes.get(each.note_key)) is not None:
            self._keep(each, case, TicketOutcome.APPENDED, is_pending=self._is_pending(each, case))

    async def _write(self, tickets: Sequence[Ready]) -> None:
        tickets = await self._with_contacts(tickets)
        if not tickets:
            return
        opening = Opening(self._worlds, self._now)
        places = dict(zip([each.case_key for each in tickets], await opening.places(tickets), strict=True))
        creating: list[Ready] = []
        appending: list[tuple[Ready, UUID]] = []
        for each in tickets:
            match places[each.case_key]:
                case Later() as later:
                    self._made[each.case_key] = later
                case place if place == each.case_key:
                    creating.append(each)
                case place:
                    appending.append((each, place))
        await self._create(creating)
        # Of one that waits for something others wait, too.
        settled = [each.case_key for each in creating if not isinstance(self._made[each.case_key], Later)]
        await opening.settle(settled)
        await self._append(appending)

    async def _with_contacts(self, tickets: Sequence[Ready]) -> list[Ready]:
        """The tickets whose customers are there, made where they were not."""
        wanted: dict[UUID, Ready] = {}
        for each in tickets:
            if isinstance(each.customer, NewContact):
                wanted.setdefault(each.customer.id, each)
        refused: Mapping[UUID, Later | Refused] = {}
        if wanted:
            contacts = {
                key: (each.customer, each.target, each.values)
                for key, each in wanted.items()
                if isinstance(each.customer, NewContact)
            }
            refused = await make_contacts(self._worlds.dynamics, contacts)
        self._made |= {each.case_key: refused[each.customer.id] for each in tickets if each.customer.id in refused}
        return [each for each in tickets if each.case_key not in self._made]

    async def _create(self, creating: Sequence[Ready]) -> None:
        sets = [Creation(each.case, *self._phone_call(each, each.case_key)) for each in creating]
        for each, outcome in zip(creating, await create_cases(self._worlds.dynamics, sets), strict=True):
            self._turned_out(each, each.case_key, TicketOutcome.CREATED, outcome)

    async def _append(self, appending: Sequence[tuple[Ready, UUID]]) -> None:
        ready: list[tuple[Ready, UUID]] = []
        for each, case in appending:
            if isinstance(self._made.get(case), Later | Refused):
                self._made[each.case_key] = _NOT_YET
            else:
                ready.append((each, case))
        sets = [Appending(each.note_key, case, each.texts, *self._phone_call(each, case)) for each, case in ready]
        for (each, case), outcome in zip(ready, await append_notes(self._worlds.dynamics, sets), strict=True):
            self._turned_out(each, case, TicketOutcome.APPENDED, outcome)

    def _turned_out(self, each: Ready, case: UUID, kind: TicketOutcome, outcome: Outcome) -> None:
        match outcome:
            case Written(is_pending, for_agent):
                self._keep(each, case, kind, is_pending=is_pending, for_agent=for_agent)
            case WasThere() if kind is TicketOutcome.CREATED:
                self._keep(each, case, kind, is_pending=self._syncs_calls)
            case WasThere():
                # Which case the note is on is read with the next try.
                self._made[each.case_key] = Later("its note was written just then", SOON)
            case Later():
                self.is_in_doubt = True
                self._made[each.case_key] = outcome
            case Refused(code, reason):
                self._made[each.case_key] = Refused(code, f"configuration {each.target.name}: {reason}")

    def _keep(self, each: Ready, case: UUID, kind: TicketOutcome, *, is_pending: bool, for_agent: bool = True) -> None:
        said = [f"trigger {each.trigger}"]
        if kind is TicketOutcome.CREATED:
            if each.agent.why_not is not None:
                said.append(each.agent.why_not)
            elif not for_agent:
                said.append("Dynamics does not let the agent own it")
        if each.texts.missing:
            said.append(f"without a value: {', '.join(each.texts.missing)}")
        self._made[each.case_key] = Ticket(
            configuration=each.target.name,
            outcome=kind,
            reason="; ".join(said),
            case_id=case,
            link=case_link(self._worlds.environment, self._app_id, case),
            done=True,
            phone_call_pending=is_pending,
        )

    async def _notify(self, tickets: Sequence[Ready]) -> None:
        """Once more for what an earlier try wrote: it may have been cut off before."""
        told = []
        for each in tickets:
            made = self._made[each.case_key]
            if each.target.rules.notify_agent and each.agent.id is not None and isinstance(made, Ticket):
                key = ticket_notification_id(each.call_id, each.target.name)
                told.append((key, each.agent.id, each.texts, made.link or ""))
        await notify(self._worlds.dynamics, told)

    # -------------------------------------------------------------------------------------------- phone calls

    @property
    def _syncs_calls(self) -> bool:
        """Whether a phone call may come later than its case."""
        return self._worlds.enreach is not None

    def _phone_call(self, each: Ready, case: UUID) -> tuple[PhoneCall | None, bool]:
        return self._there.phone_call(each, case, may_come=self._syncs_calls)

    def _is_pending(self, each: Ready, case: UUID) -> bool:
        there, is_pending = self._phone_call(each, case)
        return there is not None or is_pending
