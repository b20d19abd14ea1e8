"""Azure in: the timer of callback sync, and POST /api/callbacks/events for Enreach's webhook."""

import logging
import time
from collections.abc import Sequence
from functools import cache, partial
from http import HTTPStatus
from typing import TYPE_CHECKING

import azure.functions as func

from functions.callback_sync.rules import DOCUMENT, CallbackProfiles
from shared.clock import utc_now
from shared.config_documents import json_document
from shared.enreach.client import EnreachClient
from shared.gateways import Gateways
from shared.health import Finding, Status
from shared.health.documents import document_finding
from shared.rate_limit import Tally
from shared.routing_key import key_problem, routing_keys
from shared.storage.errors import StorageError

if TYPE_CHECKING:
    from functions.callback_sync.use_case.events import CallbackEvents
    from functions.callback_sync.use_case.running import CallbackRuns

_log = logging.getLogger(__name__)
_MOST_BYTES = 64 * 1024
_TELL_EVERY_SECONDS = 60.0
"""How often the log may tell of events that were refused."""
_SETTING = "CALLBACK_EVENTS_TOKEN"


def blueprint(gateways: Gateways) -> func.Blueprint:
    """The functions `sync_callbacks` and `callback_events`. Names in the log a token that cannot be used."""
    enreach, token = gateways.enreach, gateways.settings.callback_events_token
    tokens = routing_keys(token, None, None)
    problem = key_problem(token)
    if token is not None and problem is not None:
        _log.warning("Callback events: %s %s and counts as absent", _SETTING, problem)
    refused = Tally(_TELL_EVERY_SECONDS)

    runs = cache(partial(_runs, gateways))
    events = cache(lambda client: _events(gateways, runs(client)))

    async def health() -> Sequence[Finding]:
        if enreach is None:
            return ()
        document = await gateways.documents.read(DOCUMENT, json_document(CallbackProfiles))
        found = [document_finding(DOCUMENT, document), *await runs(enreach).health()]
        if document.value is not None and problem is not None:
            found += _token_findings(document.value, problem)
        return found

    gateways.health.add("callback sync", health)
    bp = func.Blueprint()

    @bp.function_name("sync_callbacks")
    @bp.timer_trigger(arg_name="timer", schedule=gateways.settings.callback_sync_schedule)
    async def sync_callbacks(timer: func.TimerRequest) -> None:
        if enreach is not None:
            await runs(enreach).every_minute()

    # Anonymous to the platform: Enreach sends its own header, and a function key in the URL would end up in logs.
    @bp.function_name("callback_events")
    @bp.route(route="callbacks/events", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
    async def callback_events(req: func.HttpRequest) -> func.HttpResponse:
        if tokens.accept(req.headers.get("X-Benemen-Token"), None) is None:
            if count := refused.add(time.monotonic()):
                _log.warning("Callback events refused: %d without the token", count)
            return func.HttpResponse(status_code=HTTPStatus.UNAUTHORIZED)
        if len(req.get_body() or b"") > _MOST_BYTES:
            return func.HttpResponse(status_code=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        # The body is a hint at most: nothing of it is believed, and what is true is asked of Enreach.
        return func.HttpResponse(status_code=HTTPStatus.ACCEPTED) if enreach is None else await _taken(events(enreach))

    return bp


def _runs(gateways: Gateways, client: EnreachClient) -> "CallbackRuns":
    # Loaded with the first tick: a caller on the phone does not wait for it at a cold start.
    from functions.callback_sync.use_case.running import CallbackRuns
    from functions.callback_sync.use_case.worlds import CallbackGateways

    return CallbackRuns(
        CallbackGateways(
            enreach=client,
            dynamics=gateways.dataverse,
            tables=gateways.tables,
            ledger=gateways.callbacks,
            documents=gateways.documents,
            number_index=gateways.number_index,
            now=utc_now,
        )
    )


def _events(gateways: Gateways, runs: "CallbackRuns") -> "CallbackEvents":
    from functions.callback_sync.use_case.events import CallbackEvents

    return CallbackEvents(gateways.tables, runs.on_event, utc_now)


async def _taken(events: "CallbackEvents") -> func.HttpResponse:
    """The event is written down before it is accepted: what happens after that, a run comes."""
    try:
        await events.take()
    except StorageError as error:
        _log.warning("A callback event could not be written down: %s", type(error).__name__)
        return func.HttpResponse(status_code=HTTPStatus.SERVICE_UNAVAILABLE, headers={"Retry-After": "10"})
    return func.HttpResponse(status_code=HTTPStatus.ACCEPTED)


def _token_findings(document: CallbackProfiles, problem: str) -> list[Finding]:
    """Without a token every event is refused: a profile that listens to events alone then gets nothing."""
    listening = [profile for profile in document.active if profile.hears]
    if not listening:
        return []
    status = Status.AMBER if all(profile.polls for profile in listening) else Status.RED
    return [Finding("callback events", status, f"{_SETTING} {problem}: every event gets 401")]
