"""Ticket creation of one process, put together."""

from functools import partial
from typing import Protocol

from functions.ticket_creation.use_case import delivery, parking, tending
from functions.ticket_creation.use_case.delivery import TicketDelivery
from functions.ticket_creation.use_case.parking import Parking
from functions.ticket_creation.use_case.regarding import catch_up
from functions.ticket_creation.use_case.tending import TicketTending
from functions.ticket_creation.use_case.working import TicketWork
from functions.ticket_creation.use_case.worlds import TicketGateways


class Records(delivery.Records, tending.Records, Protocol):
    """`shared.tickets.ledger.TicketLedger` has it."""


class Bodies(delivery.Bodies, tending.Bodies, Protocol):
    """`shared.storage.files.Files` has it."""


class Tickets:
    """What the functions of ticket creation call."""

    def __init__(
        self,
        worlds: TicketGateways,
        records: Records,
        slots: tending.Sweepable,
        queues: parking.Queues,
        bodies: Bodies,
    ) -> None:
        self.work = TicketWork(worlds)
        self.parking = Parking(records, queues, worlds.now)
        self.delivery = TicketDelivery(self.work, records, queues, bodies, self.parking, worlds.now)
        self.tending = TicketTending(
            records, slots, queues, bodies, self.parking, worlds.now, catch_up_regarding=partial(catch_up, worlds)
        )
