"""Azure in: the queue `tickets`, the timer that tends it, and what people do about parked requests.

GET /api/tickets/parked and POST /api/tickets/redrive.
"""

import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import cache, partial
from http import HTTPStatus
from typing import TYPE_CHECKING

import azure.functions as func

from functions.ticket_creation.messages import BadRedriveError, read_redrive, told_parked, told_redriven
from shared.calls.search_keys import search_key
from shared.clock import utc_now
from shared.config_documents import json_document
from shared.gateways import Gateways
from shared.health import Finding
from shared.health.documents import document_finding
from shared.number_index.keys import number_key
from shared.problems import MIMETYPE, problem
from shared.storage.errors import StorageError
from shared.ticket_queue import QUEUE

if TYPE_CHECKING:
    from functions.ticket_creation.use_case.running import Tickets

_MOST_SHOWN = 1_000

_log = logging.getLogger(__name__)


def blueprint(gateways: Gateways) -> func.Blueprint:
    """The functions `create_ticket`, `tend_tickets`, `parked_tickets` and `redrive_tickets`."""
    tickets = cache(partial(_tickets, gateways))

    async def health() -> Sequence[Finding]:
        # Loaded with the first question, as the rest is with the first message.
        from functions.ticket_creation.rules import DOCUMENT, TicketTriggers

        document = await gateways.documents.read(DOCUMENT, json_document(TicketTriggers))
        running = tickets()
        return (document_finding(DOCUMENT, document), *await running.work.health(), *await running.tending.health())

    gateways.health.add("tickets", health)
    bp = func.Blueprint()

    @bp.function_name("create_ticket")
    @bp.queue_trigger(arg_name="message", queue_name=QUEUE, connection="AzureWebJobsStorage")
    async def create_ticket(message: func.QueueMessage) -> None:
        await tickets().delivery.deliver(message.get_body(), message.dequeue_count or 1)

    @bp.function_name("tend_tickets")
    @bp.timer_trigger(arg_name="timer", schedule=gateways.settings.ticket_tending_schedule)
    async def tend_tickets(timer: func.TimerRequest) -> None:
        await tickets().tending.tick()

    @bp.function_name("parked_tickets")
    @bp.route(route="tickets/parked", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
    async def parked_tickets(req: func.HttpRequest) -> func.HttpResponse:
        async def answer() -> func.HttpResponse:
            return _json(told_parked(await tickets().parking.parked(), _MOST_SHOWN))

        return await _answered(answer)

    @bp.function_name("redrive_tickets")
    @bp.route(route="tickets/redrive", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
    async def redrive_tickets(req: func.HttpRequest) -> func.HttpResponse:
        async def answer() -> func.HttpResponse:
            call_id = read_redrive(req.get_body() or b"")
            return _json(told_redriven(await tickets().parking.redrive(call_id)))

        return await _answered(answer)

    return bp


def _tickets(gateways: Gateways) -> "Tickets":
    # Loaded with the first message: a caller on the phone does not wait for it at a cold start.
    from functions.ticket_creation.use_case.running import Tickets
    from functions.ticket_creation.use_case.worlds import TicketGateways
    from shared.tickets.slots import Slots

    key, slots = gateways.settings.customer_id_key, Slots(gateways.tables)
    worlds = TicketGateways(
        dynamics=gateways.dataverse,
        enreach=gateways.enreach,
        ledger=gateways.tickets,
        slots=slots,
        calls=gateways.calls,
        documents=gateways.documents,
        number_index=gateways.number_index,
        customer_key=number_key(key),
        search_key=search_key(key),
        environment=gateways.settings.dataverse_url,
        now=utc_now,
    )
    return Tickets(worlds, gateways.tickets, slots, gateways.messages, gateways.files)


async def _answered(answer: Callable[[], Awaitable[func.HttpResponse]]) -> func.HttpResponse:
    try:
        return await answer()
    except BadRedriveError as error:
        return _problem(HTTPStatus.BAD_REQUEST, str(error))
    except StorageError as error:
        _log.warning("Parked ticket requests cannot be reached: %s", type(error).__name__)
        return _problem(HTTPStatus.SERVICE_UNAVAILABLE, "storage did not answer")


def _json(body: object) -> func.HttpResponse:
    headers = {"Cache-Control": "no-store"}
    return func.HttpResponse(json.dumps(body, ensure_ascii=False), headers=headers, mimetype="application/json")


def _problem(status: HTTPStatus, detail: str) -> func.HttpResponse:
    """A refusal as RFC 9457 describes it."""
    headers = {"Cache-Control": "no-store"}
    return func.HttpResponse(problem(status, detail), status_code=status.value, headers=headers, mimetype=MIMETYPE)
