"""Onto which case each call of a group goes, where calls of one customer may come at once in several processes.

Of calls that find no open case, one opens it: the one whose slot row is there first. The others wait until its case is
in Dynamics and go onto that. Dynamics decides which case is open; the row only keeps two from opening one each.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from functions.ticket_creation.decide.attach import (
    Append,
    Open,
    TakeOver,
    WaitForCase,
    attachment,
    found_without_slot,
    is_within,
    newest,
)
from functions.ticket_creation.decide.jobs import Ready
from functions.ticket_creation.queries import cases_there, newest_open_case, open_cases_of_app
from functions.ticket_creation.use_case.results import Later
from functions.ticket_creation.use_case.worlds import TicketGateways
from shared.at_once import at_once
from shared.dataverse.tables import JsonRow
from shared.tickets.records import Slot

SOON = timedelta(minutes=1)
"""The longest wait for what another call does at this moment."""
_AT_ONCE = 16
_MOST_LOST = 3
"""Claims that somebody else was before, until a ticket waits."""
_TOUCHED_EVERY = timedelta(minutes=10)

type Place = UUID | Later
"""The case that a call goes onto: its own, or another one."""


@dataclass(slots=True)
class _Queue:
    """The tickets of one slot of which no case is known yet, in the order of their calls."""

    key: str
    waiting: list[Ready]
    over: Slot | None = None
    """What is there, and is to be replaced."""
    lost: int = 0

    @property
    def head(self) -> Ready:
        return self.waiting[0]


class Opening:
    """Decides it for the tickets of one group."""

    def __init__(self, worlds: TicketGateways, now: datetime) -> None:
        self._worlds = worlds
        self._now = now
        self._mine: dict[UUID, tuple[str, Slot]] = {}
        """Slots by the case of ours that they name."""
        self._places: dict[UUID, Place] = {}
        """By the key of the ticket's own case."""

    async def places(self, tickets: Sequence[Ready]) -> list[Place]:
        """The case of each of these, which stand in the order of their calls. Raises DataverseError, StorageError."""
        queues = self._without_slots(tickets, await self._newest_open(tickets))
        while queues:
            await self._round(queues)
            queues = [each for each in queues if each.waiting]
        return [self._places[each.case_key] for each in tickets]

    async def settle(self, settled: Collection[UUID]) -> None:
        """Say of these cases of ours that nobody has to wait for them any more: they are there, or never will be."""

        async def mark(case: UUID) -> None:
            key, slot = self._mine[case]
            await self._worlds.slots.claim(key, replace(slot, made=True, touched=self._now), slot)

        await at_once(_AT_ONCE, [case for case in settled if case in self._mine], mark)

    # ------------------------------------------------------------------------------------------ without slots

    def _without_slots(self, tickets: Sequence[Ready], newest_open: Mapping[UUID, Sequence[JsonRow]]) -> list[_Queue]:
        """Places what needs no slot; the others, by slot."""
        open_now = {customer: newest(newest_open, customer) for customer in newest_open}
        queues: dict[str, _Queue] = {}
        for each in tickets:
            customer = each.customer.id
            if each.slot is None:
                self._places[each.case_key] = open_now[customer] = each.case_key
            elif _goes_onto_newest(each) and (known := open_now.get(customer)) is not None:
                self._places[each.case_key] = known
            else:
                queues.setdefault(each.slot, _Queue(each.slot, [])).waiting.append(each)
        return [*queues.values()]

    async def _newest_open(self, tickets: Sequence[Ready]) -> dict[UUID, list[JsonRow]]:
        customers = sorted({each.customer.id for each in tickets if _goes_onto_newest(each)})
        if not customers:
            return {}
        answers = await self._worlds.dynamics.query_packed([newest_open_case(customer) for customer in customers])
        return dict(zip(customers, answers, strict=True))

    # ---------------------------------------------------------------------------------------------- with slots

    async def _round(self, queues: Sequence[_Queue]) -> None:
        """Place the first ticket of each slot, and those after it that go onto the same case."""
        slots: dict[str, Slot] = {}

        async def claim(queue: _Queue) -> None:
            slots[queue.key] = await self._claimed(queue)

        await at_once(_AT_ONCE, queues, claim)
        cases = await self._cases(
            {slots[each.key].case_id for each in queues} - {each.head.case_key for each in queues}
        )
        fresh = [each for each in queues if self._is_fresh(slots[each.key], each)]
        known = await self._known_without_slot(fresh)
        for queue in queues:
            slot = slots[queue.key]
            if (case := known.get(queue.key)) is not None:
                queue.over = await self._worlds.slots.claim(queue.key, replace(slot, case_id=case, made=True), slot)
                self._fill(queue, slot, case)
            else:
                self._place(queue, slot, cases)

    async def _claimed(self, queue: _Queue) -> Slot:
        head = queue.head
        wanted = Slot(
            case_id=head.case_key, call_id=head.call_id, opened=head.item.started, touched=self._now, made=False
        )
        slot = await self._worlds.slots.claim(queue.key, wanted, queue.over)
        if slot.case_id == head.case_key and self._now - slot.touched >= _TOUCHED_EVERY:
            # An earlier try claimed it: others see that somebody is still at it.
            slot = await self._worlds.slots.claim(queue.key, replace(slot, touched=self._now), slot)
        return slot

    def _is_fresh(self, slot: Slot, queue: _Queue) -> bool:
        """Whether nothing was remembered of a missed-call case."""
        is_mine = slot.case_id == queue.head.case_key and slot.touched == self._now
        return is_mine and queue.over is None and not _goes_onto_newest(queue.head)

    async def _known_without_slot(self, queues: Sequence[_Queue]) -> dict[str, UUID]:
        """The missed-call cases that are open though storage knows of none: its tables may have been lost."""
        if not queues:
            return {}
        own_user = await self._worlds.dynamics.own_user_id()
        questions = []
        for each in queues:
            hours = timedelta(hours=each.head.target.rules.attach.within_hours)
            questions.append(open_cases_of_app(each.head.customer.id, own_user, each.head.item.started - hours))
        answers = await self._worlds.dynamics.query_packed(questions)
        found = {}
        for queue, rows in zip(queues, answers, strict=True):
            head = queue.head
            case = found_without_slot(rows, head.texts.title, head.target, head.item.started)
            if case is not None:
                found[queue.key] = case
        return found

    def _place(self, queue: _Queue, slot: Slot, cases: Mapping[UUID, JsonRow]) -> None:
        head = queue.head
        queue.over = slot
        case = cases.get(slot.case_id)
        match attachment(slot, head.case_key, case, head.target, head.customer.id, head.item.started, self._now):
            case Open():
                self._mine[head.case_key] = queue.key, slot
                self._fill(queue, slot, head.case_key)
            case Append(there):
                self._fill(queue, slot, there)
            case TakeOver():
                queue.lost += 1
                if queue.lost > _MOST_LOST:
                    self._wait(queue)
            case WaitForCase():
                self._wait(queue)

    def _fill(self, queue: _Queue, slot: Slot, case: UUID) -> None:
        """The first ticket and those behind it onto this case, until one does not repeat the call that opened it."""
        queue.lost = 0
        self._places[queue.waiting.pop(0).case_key] = case
        while queue.waiting:
            each = queue.head
            if not _goes_onto_newest(each) and not is_within(each.target, slot.opened, each.item.started):
                return
            self._places[queue.waiting.pop(0).case_key] = case

    def _wait(self, queue: _Queue) -> None:
        for each in queue.waiting:
            self._places[each.case_key] = Later("another call of the customer opens its case just now", SOON)
        queue.waiting = []

    async def _cases(self, keys: Collection[UUID]) -> dict[UUID, JsonRow]:
        """How the cases that slots name stand. Those of this group are not there yet."""
        asked = [each for each in keys if each not in self._mine]
        if not asked:
            return {}
        answers = await self._worlds.dynamics.query_packed(cases_there(asked))
        return {UUID(str(row["incidentid"])): row for rows in answers for row in rows}


def _goes_onto_newest(each: Ready) -> bool:
    return each.target.rules.attach.policy == "newestOpenCase"
