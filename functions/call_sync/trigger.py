"""Azure in: the timers of call sync."""

from collections.abc import Sequence
from functools import cache, partial
from typing import TYPE_CHECKING

import azure.functions as func

from functions.call_sync.rules import DOCUMENT, CallSync
from shared.calls.search_keys import search_key
from shared.clock import utc_now
from shared.config_documents import json_document
from shared.enreach.client import EnreachClient
from shared.gateways import Gateways
from shared.health import Finding
from shared.health.documents import document_finding
from shared.number_index.keys import number_key

if TYPE_CHECKING:
    from functions.call_sync.use_case.running import CallSyncRuns


def blueprint(gateways: Gateways) -> func.Blueprint:
    """The functions `sync_calls` and `sync_calls_retroactively`."""
    enreach = gateways.enreach

    @cache
    def runs(client: EnreachClient) -> "CallSyncRuns":
        # Loaded with the first tick: a caller on the phone does not wait for it at a cold start.
        from functions.call_sync.use_case.running import CallSyncRuns
        from functions.call_sync.use_case.worlds import CallSyncGateways
        from shared.ticket_queue import send_ticket_requests

        key = gateways.settings.customer_id_key
        return CallSyncRuns(
            CallSyncGateways(
                enreach=client,
                dynamics=gateways.dataverse,
                tables=gateways.tables,
                ledger=gateways.calls,
                users=gateways.users,
                documents=gateways.documents,
                number_index=gateways.number_index,
                offer_tickets=partial(send_ticket_requests, gateways.messages, gateways.files),
                customer_key=number_key(key),
                search_key=search_key(key),
                site_id=gateways.settings.site_id or "",
                now=utc_now,
            )
        )

    async def health() -> Sequence[Finding]:
        if enreach is None:
            return ()
        document = await gateways.documents.read(DOCUMENT, json_document(CallSync))
        return (document_finding(DOCUMENT, document), *await runs(enreach).health())

    gateways.health.add("call sync", health)
    bp = func.Blueprint()

    @bp.function_name("sync_calls")
    @bp.timer_trigger(arg_name="timer", schedule=gateways.settings.call_sync_schedule)
    async def sync_calls(timer: func.TimerRequest) -> None:
        if enreach is not None:
            await runs(enreach).every_minute()

    @bp.function_name("sync_calls_retroactively")
    @bp.timer_trigger(arg_name="timer", schedule=gateways.settings.retroactive_sync_schedule)
    async def sync_calls_retroactively(timer: func.TimerRequest) -> None:
        if enreach is not None:
            await runs(enreach).at_night()

    return bp
