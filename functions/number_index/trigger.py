"""Azure in: the timer that keeps the number index fresh."""

from typing import TYPE_CHECKING

import azure.functions as func

from shared.clock import utc_now
from shared.gateways import Gateways

if TYPE_CHECKING:
    from functions.number_index.use_case import IndexGateways


def blueprint(gateways: Gateways) -> func.Blueprint:
    """The function `refresh_number_index`."""
    bp = func.Blueprint()

    @bp.timer_trigger(arg_name="timer", schedule=gateways.settings.number_index_schedule)
    async def refresh_number_index(timer: func.TimerRequest) -> None:
        if (worlds := _worlds(gateways)) is None:
            return
        # Loaded with the first tick: a caller on the phone does not wait for it at a cold start.
        from functions.number_index.use_case import refresh_index

        await refresh_index(worlds)

    return bp


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
