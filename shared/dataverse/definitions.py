"""What an environment says of its own tables, as far as the app asks: status reasons and their states. Pure."""

from typing import Any

from shared.dataverse.errors import UnavailableError
from shared.dataverse.tables import Table

_STATUSES = "Microsoft.Dynamics.CRM.StatusAttributeMetadata"


def status_reasons_path(table: Table) -> str:
    """Below `/api/data/v9.2/` ("Query table definitions using the Web API")."""
    return f"EntityDefinitions(LogicalName='{table.logical_name}')/Attributes/{_STATUSES}?$select=LogicalName&$expand=OptionSet"


def read_status_reasons(answer: Any) -> dict[int, int]:
    """State by status reason. Raises UnavailableError for an answer that is none."""
    try:
        options = [option for column in answer["value"] for option in column["OptionSet"]["Options"]]
        return {int(option["Value"]): int(option["State"]) for option in options}
    except (KeyError, TypeError, ValueError):
        raise UnavailableError("Dataverse's answer about status reasons is none") from None
