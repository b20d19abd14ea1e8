"""Azure in: blob events of the inbox, the sweep's timer, and events that failed too often."""

import json
import logging
from importlib import import_module
from typing import TYPE_CHECKING

import azure.functions as func

from functions.schedule_import.containers import INBOX
from shared.clock import utc_now
from shared.gateways import Gateways
from shared.long_work import aside

if TYPE_CHECKING:
    from functions.schedule_import.use_case.worlds import ImportGateways

_log = logging.getLogger(__name__)

POISON_QUEUE = "webjobs-blobtrigger-poison"
"""Where the platform puts blob events that failed five times; its name is the platform's."""


def blueprint(gateways: Gateways) -> func.Blueprint:
    """The functions `import_schedule`, `sweep_schedules` and `report_failed_schedule`."""
    bp = func.Blueprint()

    @bp.blob_trigger(
        arg_name="file",
        path=f"{INBOX}/{{name}}",
        connection="AzureWebJobsStorage",
        # Event Grid in Azure (Flex Consumption allows no other), polling on one machine.
        source=func.BlobSource(gateways.settings.blob_trigger_source),
    )
    async def import_schedule(file: func.InputStream) -> None:
        await _load()
        from functions.schedule_import.use_case.inbox import take_up
        from functions.schedule_import.use_case.sweeping import note_failure
        from shared.dataverse.errors import UnavailableError
        from shared.storage.errors import StorageError

        # The event only names the file. Its content is read with the ETag in hand, so that a file overwritten
        # between event and import is never half one version and half the other.
        name = (file.name or "").removeprefix(f"{INBOX}/")
        try:
            await take_up(name, _importing(gateways))
        except (UnavailableError, StorageError):
            raise
        except Exception as error:
            await note_failure(name, error, _importing(gateways))
            raise

    @bp.timer_trigger(arg_name="timer", schedule=gateways.settings.schedule_sweep_schedule)
    async def sweep_schedules(timer: func.TimerRequest) -> None:
        await _load()
        from functions.schedule_import.use_case.sweeping import sweep

        taken = await sweep(_importing(gateways))
        if taken:
            _log.info("The sweep took up %d files that no event had settled", taken)

    @bp.queue_trigger(arg_name="message", queue_name=POISON_QUEUE, connection="AzureWebJobsStorage")
    async def report_failed_schedule(message: func.QueueMessage) -> None:
        await _load()
        from functions.schedule_import.use_case.sweeping import settle_poison

        event = _event(message.get_body())
        if event.get("ContainerName") == INBOX and event.get("BlobName"):
            await settle_poison(str(event["BlobName"]), _importing(gateways))

    return bp


async def _load() -> None:
    """Readers, planners and the tables' SDK are loaded with the first file, so that no caller waits for them at a cold
    start; and aside, so that none does later."""
    for module in ("functions.schedule_import.use_case.sweeping", "azure.data.tables.aio"):
        await aside(import_module, module)


def _importing(gateways: Gateways) -> "ImportGateways":
    from functions.schedule_import.use_case.worlds import ImportGateways

    return ImportGateways(
        files=gateways.files,
        tables=gateways.tables,
        dynamics=gateways.dataverse,
        documents=gateways.documents,
        now=utc_now,
        max_bytes=gateways.settings.schedule_max_bytes,
    )


def _event(body: bytes) -> dict[str, object]:
    """What a poisoned event says; nothing where it is none of ours."""
    try:
        event = json.loads(body)
    except ValueError:
        _log.warning("A message of the poison queue is no blob event and is dropped")
        return {}
    return event if isinstance(event, dict) else {}
