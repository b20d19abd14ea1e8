"""Azure in: a blob event for the container `schedules`."""

import azure.functions as func

from functions.schedule_import.containers import INBOX
from shared.clock import utc_now
from shared.gateways import Gateways


def blueprint(gateways: Gateways) -> func.Blueprint:
    """The function `import_schedule`."""
    bp = func.Blueprint()

    @bp.blob_trigger(
        arg_name="file",
        path=f"{INBOX}/{{name}}",
        connection="AzureWebJobsStorage",
        # Event Grid in Azure (Flex Consumption allows no other), polling on one machine.
        source=func.BlobSource(gateways.settings.blob_trigger_source),
    )
    async def import_schedule(file: func.InputStream) -> None:
        # Loaded with the first file: a caller on the phone does not wait for readers and planners at a cold start.
        from functions.schedule_import.use_case import ImportGateways, import_schedule_file

        importing = ImportGateways(
            files=gateways.files,
            dynamics=gateways.dataverse,
            documents=gateways.documents,
            now=utc_now,
            max_bytes=gateways.settings.schedule_max_bytes,
        )
        # The event only names the file. Its content is read with the ETag in hand, so that a file overwritten
        # between event and import is never half one version and half the other.
        name = (file.name or "").removeprefix(f"{INBOX}/")
        await import_schedule_file(name, importing)

    return bp
