"""Azure in: the timer that keeps the number index fresh."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import azure.functions as func

from shared.clock import utc_now
from shared.config_documents import json_document
from shared.customers import CustomerMatching
from shared.gateways import Gateways
from shared.health import Finding

if TYPE_CHECKING:
    from functions.number_index.use_case import IndexGateways


def blueprint(gateways: Gateways) -> func.Blueprint:
    """The function `refresh_number_index`."""
    gateways.health.add("number index", lambda: _health(gateways))
    bp = func.Blueprint()

    @bp.timer_trigger(arg_name="timer", schedule=gateways.settings.number_index_schedule)
    async def refresh_number_index(timer: func.TimerRequest) -> None:
        if (worlds := _worlds(gateways)) is None:
            return
        # Loaded with the first tick: a caller on the phone does not wait for it at a cold start.
        from functions.number_index.use_case import refresh_index

        await refresh_index(worlds)

    return bp


async def _health(gateways: Gateways) -> Sequence[Finding]:
    if gateways.number_index.key is None:
        return ()
    document = await gateways.documents.read("customer-matching.json", json_document(CustomerMatching))
    return await gateways.number_index.health(document.value or CustomerMatching())


def _worlds(gateways: Gateways) -> "IndexGateways | None":
    """What a refresh works with; None while the index is off."""
    if (key := gateways.number_index.key) is None:
        return None
    from functions.number_index.use_case import IndexGateways

    return IndexGateways(
        tables=gateways.tables,
        dynamics=gateways.dataverse,
        documents=gateways.documents,
        key=key,
        environment=gateways.settings.dataverse_url,
        now=utc_now,
    )
