"""Which tickets a group of requests makes: what has to be known of customers, agents and Dynamics, in few requests."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from functions.ticket_creation.decide.attach import may_come, slot_key
from functions.ticket_creation.decide.cases import BadTicketError, texts_of
from functions.ticket_creation.decide.conditions import asks_for_match, configurations_of
from functions.ticket_creation.decide.customers import (
    Caller,
    Customer,
    Knowledge,
    NewContact,
    NoCustomer,
    NotYet,
    caller_of,
    customer_of,
)
from functions.ticket_creation.decide.jobs import Item, Ready, There, there_of
from functions.ticket_creation.decide.people import Agent, agent_of, customers_by_email
from functions.ticket_creation.decide.sources import facts_of
from functions.ticket_creation.decide.targets import Off, Target
from functions.ticket_creation.decide.templates import values_of
from functions.ticket_creation.queries import (
    accounts_by_email,
    cases_there,
    contacts_by_email,
    notes_there,
    phone_calls_there,
    users_by_email,
)
from functions.ticket_creation.use_case.premises import Premises
from functions.ticket_creation.use_case.results import Later, Refused
from functions.ticket_creation.use_case.worlds import TicketGateways
from shared.calls.ids import phone_call_id
from shared.customers import CustomerColumns, Match, MatchKind
from shared.customers.many import find_customers
from shared.customers.matching import NOBODY
from shared.dataverse.tables import JsonRow
from shared.long_work import aside
from shared.tickets.ids import case_id, ticket_note_id
from shared.tickets.records import Ticket, TicketOutcome, TicketRecord

_WANTED = CustomerColumns(contact=frozenset({"fullname"}), account=frozenset({"name"}), lead_customer=True)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A configuration that a trigger calls for."""

    item: Item
    trigger: str
    target: Target
    caller: Caller
    agent_email: str | None = field(repr=False)

    @property
    def case_key(self) -> UUID:
        return case_id(self.item.call_id, self.target.name)


type Verdict = Ready | Ticket | Later | Refused
"""A ticket that is to be written, or what becomes of a configuration without."""


@dataclass(slots=True)
class Decided:
    """What a group is to make."""

    verdicts: dict[str, list[tuple[str, Verdict]]] = field(default_factory=dict)
    """By call id the configurations that triggers call for, and what becomes of each; empty where no trigger holds."""
    there: There = field(default_factory=There)
    """What Dynamics has of these tickets already."""
    agents: dict[str, str | None] = field(default_factory=dict, repr=False)
    """The agent's e-mail by call id."""


@dataclass(frozen=True, slots=True)
class _Looked:
    """What was looked up."""

    matches: Mapping[str, Match]
    picked: Mapping[str, Match]
    """Of numbers that several have, the first by the order of customer-matching.json, where that is wanted."""
    users: Sequence[JsonRow]
    by_email: Mapping[str, tuple[Customer, ...]]


class Deciding:
    """Decides for the requests of one group."""

    def __init__(self, worlds: TicketGateways, premises: Premises) -> None:
        self._worlds = worlds
        self._premises = premises
        self._rules = premises.rules

    async def decided(self, items: Sequence[Item]) -> Decided:
        """What these requests make. Raises DataverseError, StorageError."""
        callers = {each.call_id: self._caller(each) for each in items}
        needs_match = asks_for_match(self._rules)
        matches = await self._matches(callers.values()) if needs_match else {}
        decided = Decided({each.call_id: [] for each in items})
        wanted: list[Wanted] = []
        for item in items:
            self._call_for(item, callers[item.call_id], matches, decided, wanted)
        if not wanted:
            return decided
        if not needs_match:
            matches = await self._matches(each.caller for each in wanted)
        picked = await self._picked(wanted, matches)
        decided.there, users, by_email = await self._looked_up(wanted)
        looked = _Looked(matches, picked, users, by_email)
        ready = await aside(lambda: [self._verdict(each, looked) for each in wanted])
        for each, verdict in zip(wanted, ready, strict=True):
            decided.verdicts[each.item.call_id].append((each.target.name, verdict))
        return decided

    # ------------------------------------------------------------------------------------------------ triggers

    def _caller(self, item: Item) -> Caller:
        own = self._premises.own_numbers or frozenset()
        return caller_of(item.request, self._premises.matching, own, self._rules.email_variable)

    def _call_for(
        self, item: Item, caller: Caller, matches: Mapping[str, Match], decided: Decided, wanted: list[Wanted]
    ) -> None:
        """What the triggers call for. What an earlier try finished stays as it is."""
        match = matches.get(caller.number, NOBODY) if caller.number is not None else NOBODY
        kind = match.kind.value if asks_for_match(self._rules) else None
        hours = self._premises.open_hours(item.started)
        facts = facts_of(item.request, self._rules.sources, caller_match=kind, open_hours=hours)
        decided.agents[item.call_id] = facts.agent
        for trigger, name in configurations_of(self._rules, facts):
            known = ticket_of(item.before, name)
            target = self._premises.resolved[name]
            if known is not None and known.done:
                decided.verdicts[item.call_id].append((name, known))
            elif isinstance(target, Off):
                verdict = Later(f"configuration {name}: {target.reason}")
                decided.verdicts[item.call_id].append((name, verdict))
            else:
                wanted.append(Wanted(item, trigger, target, caller, facts.agent))

    # ----------------------------------------------------------------------------------------------- look-ups

    async def _matches(self, callers: Iterable[Caller]) -> dict[str, Match]:
        return await self._find({each.number for each in callers if each.number is not None})

    async def _picked(self, wanted: Sequence[Wanted], matches: Mapping[str, Match]) -> dict[str, Match]:
        numbers = {
            number
            for each in wanted
            if (number := each.caller.number) is not None
            and each.target.rules.several_matches == "first"
            and matches.get(number, NOBODY).kind is MatchKind.AMBIGUOUS
        }
        return await self._find(numbers, pick_first=True)

    async def _find(self, numbers: Collection[str], *, pick_first: bool = False) -> dict[str, Match]:
        if not numbers:
            return {}
        matching = self._premises.matching
        if pick_first:
            matching = matching.model_copy(update={"multiple_matches_pick_first": True})
        dynamics, index = self._worlds.dynamics, self._worlds.number_index
        return await find_customers(dynamics, numbers, matching, _WANTED, index=index)

    async def _looked_up(
        self, wanted: Sequence[Wanted]
    ) -> tuple[There, list[JsonRow], dict[str, tuple[Customer, ...]]]:
        """What is there of these tickets, users with the agents' e-mails, and customers by e-mail; one request."""
        agents = sorted({each.agent_email for each in wanted if each.agent_email is not None})
        emails = sorted({each.caller.email for each in wanted if each.caller.email is not None})
        call_ids = {each.item.call_id for each in wanted}
        questions = [
            users_by_email(agents) if agents else [],
            contacts_by_email(emails),
            accounts_by_email(emails),
            cases_there([each.case_key for each in wanted]),
            notes_there([ticket_note_id(each.item.call_id, each.target.name) for each in wanted]),
            phone_calls_there(sorted(map(phone_call_id, call_ids))),
        ]
        answers = iter(await self._worlds.dynamics.query_packed([query for part in questions for query in part]))
        users, contacts, accounts, cases, notes, calls = (
            [row for _ in part for row in next(answers)] for part in questions
        )
        there = there_of(cases, notes, calls)
        return await self._with_adopted(there, call_ids), users, customers_by_email(contacts, accounts)

    async def _with_adopted(self, there: There, call_ids: Collection[str]) -> There:
        """With the phone calls that agents' clients made, too, whose keys call sync remembers."""
        missing = [each for each in call_ids if phone_call_id(each) not in there.calls]
        if not missing:
            return there
        if self._worlds.enreach is None:
            return replace(there, unknown=frozenset(missing))
        records = await self._worlds.calls.read(missing)
        adopted = {
            record.phone_call_id: phone_call_id(call_id)
            for call_id, record in records.items()
            if record.phone_call_id is not None and record.phone_call_id != phone_call_id(call_id)
        }
        unlogged = frozenset(each for each in missing if not may_come(records.get(each)))
        there = replace(there, unlogged=unlogged, unknown=frozenset(missing) - records.keys())
        if not adopted:
            return there
        answers = await self._worlds.dynamics.query_packed(phone_calls_there(adopted))
        found = {adopted[UUID(str(row["activityid"]))]: row for part in answers for row in part}
        return replace(there, calls={**there.calls, **found})

    # ------------------------------------------------------------------------------------------------ verdicts

    def _verdict(self, wanted: Wanted, looked: _Looked) -> Verdict:
        number = wanted.caller.number
        match = NOBODY
        if number is not None:
            # What another configuration wants of several customers is not this one's.
            picks = number in looked.picked and wanted.target.rules.several_matches == "first"
            match = (looked.picked if picks else looked.matches).get(number, NOBODY)
        is_known = self._premises.own_numbers is not None
        known = Knowledge(looked.by_email, self._worlds.customer_key, own_numbers_known=is_known)
        match customer_of(wanted.caller, match, known, wanted.target):
            case NoCustomer(reason):
                name = wanted.target.name
                return Ticket(configuration=name, outcome=TicketOutcome.NO_CASE, reason=reason, done=True)
            case NotYet(reason):
                return Later(reason)
            case customer:
                return self._ready(wanted, customer, agent_of(wanted.agent_email, looked.users))

    def _ready(self, wanted: Wanted, customer: Customer | NewContact, agent: Agent) -> Ready | Refused:
        extra = {
            "customerName": customer.name if isinstance(customer, Customer) else None,
            "agentName": agent.name,
            "trigger": wanted.trigger,
            "configuration": wanted.target.name,
        }
        request, target = wanted.item.request, wanted.target
        values = values_of(request, self._rules.zone, extra)
        try:
            texts = texts_of(target, values)
        except BadTicketError as error:
            return Refused("value", f"configuration {target.name}: {error}")
        slot = slot_key(target, customer.id, wanted.caller.number, self._worlds.customer_key)
        return Ready(wanted.item, wanted.trigger, target, wanted.caller, customer, agent, texts, values, slot)


def ticket_of(record: TicketRecord | None, configuration: str) -> Ticket | None:
    """What was remembered of this configuration."""
    if record is None:
        return None
    name = configuration.casefold()
    return next((each for each in record.tickets if each.configuration.casefold() == name), None)
