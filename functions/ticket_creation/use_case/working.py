"""A group of requests: gather facts, decide, write, remember.

It is repeatable wherever it is cut off: what is in Dynamics is found by its key, and the ledger is written last.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from functions.ticket_creation.decide.customers import customer_text
from functions.ticket_creation.decide.jobs import Item, Ready
from functions.ticket_creation.use_case.deciding import Decided, Deciding
from functions.ticket_creation.use_case.filling import Filled, Filler
from functions.ticket_creation.use_case.making import Made, Making
from functions.ticket_creation.use_case.premises import Premises, PremisesReader
from functions.ticket_creation.use_case.results import DONE, Later, Refused, Result
from functions.ticket_creation.use_case.worlds import TicketGateways
from shared.calls.records import CaseLink, LinkedCase
from shared.health import Finding
from shared.phone_numbers import e164
from shared.ticket_request import TicketRequest
from shared.tickets.records import Ticket, TicketOutcome, TicketRecord


class TicketWork:
    """Ticket creation of one process."""

    def __init__(self, worlds: TicketGateways) -> None:
        self._worlds = worlds
        self._premises = PremisesReader(worlds)
        self._filler = Filler(worlds)

    async def health(self) -> list[Finding]:
        """What keeps tickets from being made."""
        return await self._premises.health()

    async def take(self, requests: Sequence[TicketRequest]) -> list[Result]:
        """Make what these requests ask for; what became of each, in their order. A call may stand there twice.

        Raises UnusableError, DataverseError, StorageError where nothing goes on; then some of it is done, and the same
        call may be made again. What is wrong with one request costs none of the others.
        """
        premises = await self._premises.read()
        if premises is None:
            return [DONE] * len(requests)
        by_call: dict[str, TicketRequest] = {}
        for request in requests:
            known = by_call.get(request.call_id)
            # The one that says more is the one that is worked on.
            by_call[request.call_id] = request if known is None or known.is_compact else known
        group = _Group(self._worlds, premises, self._worlds.now())
        try:
            await group.work(list(by_call.values()), self._filler)
        finally:
            if group.is_in_doubt:
                self._premises.forget()
        return [group.results[request.call_id] for request in requests]


class _Group:
    """The requests of different calls, worked on together."""

    def __init__(self, worlds: TicketGateways, premises: Premises, now: datetime) -> None:
        self._worlds = worlds
        self._premises = premises
        self._now = now
        self.results: dict[str, Result] = {}
        """By call id."""
        self.is_in_doubt = False
        """Whether something may not be as it was when it was last looked up."""

    async def work(self, requests: Sequence[TicketRequest], filler: Filler) -> None:
        before = await self._worlds.ledger.read([each.call_id for each in requests])
        records: list[TicketRecord] = []
        open_requests = []
        for each in requests:
            if _is_finished(before.get(each.call_id)):
                self.results[each.call_id] = DONE
            else:
                open_requests.append(each)
        items = []
        for filled in await filler.filled(open_requests, self._premises.matching, self._now):
            known = before.get(filled.call_id)
            if filled.request is None:
                records.append(self._without_request(filled, known))
            else:
                items.append(Item(filled.request, filled.request.start_time or self._now, known))
        decided = await Deciding(self._worlds, self._premises).decided(items)
        made = await self._made(decided)
        links = []
        for item in items:
            tickets = made[item.call_id]
            records.append(self._finished(item, tickets))
            if item.call_id in decided.there.unknown:
                links += self._links(item, tickets, decided.agents[item.call_id])
        if links:
            await self._worlds.calls.link_cases(links)
        if records:
            await self._worlds.ledger.write(records, before=before)

    async def _made(self, decided: Decided) -> dict[str, list[tuple[str, Made]]]:
        """What became of the configurations that each call is for, by call id."""
        ready = [each for verdicts in decided.verdicts.values() for _, each in verdicts if isinstance(each, Ready)]
        making = Making(self._worlds, decided.there, self._premises.rules.app_id, self._now)
        try:
            written = dict(zip([each.case_key for each in ready], await making.made(ready), strict=True))
        finally:
            self.is_in_doubt |= making.is_in_doubt
        return {
            call_id: [(name, written[each.case_key] if isinstance(each, Ready) else each) for name, each in verdicts]
            for call_id, verdicts in decided.verdicts.items()
        }

    # --------------------------------------------------------------------------------------------- remembering

    def _without_request(self, filled: Filled, before: TicketRecord | None) -> TicketRecord:
        self.results[filled.call_id] = filled.result
        return self._record(filled.call_id, before, None, _outcome_of(filled.result), filled.reason, ())

    def _finished(self, item: Item, made: Sequence[tuple[str, Made]]) -> TicketRecord:
        if not made:
            self.results[item.call_id] = DONE
            return self._record(
                item.call_id, item.before, item.started, TicketOutcome.NO_TRIGGER, "no trigger matches", ()
            )
        tickets = tuple(_remembered(name, each) for name, each in made)
        results = [each for _, each in made]
        # One that waits is worth another try, whatever is refused of the others.
        later = next((each for each in results if isinstance(each, Later)), None)
        refused = next((each for each in results if isinstance(each, Refused)), None)
        result: Result = later or refused or DONE
        self.results[item.call_id] = result
        if isinstance(result, Later | Refused):
            return self._record(item.call_id, item.before, item.started, _outcome_of(result), result.reason, tickets)
        return self._record(item.call_id, item.before, item.started, tickets[0].outcome, tickets[0].reason, tickets)

    def _record(
        self,
        call_id: str,
        before: TicketRecord | None,
        started: datetime | None,
        outcome: TicketOutcome,
        reason: str,
        tickets: tuple[Ticket, ...],
    ) -> TicketRecord:
        names = {ticket.configuration.casefold() for ticket in tickets}
        kept: Iterable[Ticket] = ()
        if before is not None:
            kept = (each for each in before.tickets if each.configuration.casefold() not in names)
        return TicketRecord(
            call_id=call_id,
            outcome=outcome,
            reason=reason,
            first_seen=self._now if before is None else before.first_seen,
            updated=self._now,
            started=started if started is not None or before is None else before.started,
            attempts=0 if before is None else before.attempts,
            token=None if before is None else before.token,
            due=None if before is None else before.due,
            done=outcome not in (TicketOutcome.WAITING, TicketOutcome.PARKED),
            tickets=(*kept, *tickets),
        )

    def _links(self, item: Item, made: Sequence[tuple[str, Made]], agent: str | None) -> list[CaseLink]:
        """What a call that call sync knows nothing of is found by. The others are found anyway, and what became of
        them stands in the ledger of tickets."""
        key = self._worlds.search_key
        found_by: frozenset[str] = frozenset()
        if key is not None:
            number = e164(customer_text(item.request) or "", self._premises.matching.default_region)
            found_by = key.found_by([number] if number else [], [agent] if agent else [])
        return [
            CaseLink(item.call_id, item.started, LinkedCase(each.case_id, each.link), found_by)
            for _, each in made
            if isinstance(each, Ticket) and each.case_id is not None and each.link is not None
        ]


def _is_finished(record: TicketRecord | None) -> bool:
    """Whether nothing is left to do, be it that a user has deleted since what was done. A call without a case is looked
    at anew: the request may say more, or the triggers may."""
    return record is not None and record.done and any(ticket.case_id is not None for ticket in record.tickets)


def _outcome_of(result: Result) -> TicketOutcome:
    match result:
        case Later():
            return TicketOutcome.WAITING
        case Refused():
            return TicketOutcome.PARKED
        case _:
            return TicketOutcome.NO_TRIGGER


def _remembered(name: str, made: Made) -> Ticket:
    if isinstance(made, Ticket):
        return made
    return Ticket(configuration=name, outcome=_outcome_of(made), reason=made.reason)
