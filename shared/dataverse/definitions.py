"""What an environment says of its own tables, as far as the app asks: status reasons and their states. Pure."""

from typing import Any

from shared.dataverse.errors import UnavailableError
from shared.dataverse.tables import Table

_STATUSES = "Microsoft.Dynamics.CRM.StatusAttributeMetadata"


def status_reasons_path(table: Table) -> str:
    """Below `/api/data/v9.2/` ("Query table definitions using the Web API")."""
    base = f"EntityDefinitions(LogicalName='{table.logical_name}')/Attributes"
    return f"{base}/{_STATUSES}?$select=LogicalName&$expand=OptionSet"


def text_lengths_paths(table: Table) -> tuple[str, str]:
    """Of the short and of the long text columns, below `/api/data/v9.2/`."""
    base = f"EntityDefinitions(LogicalName='{table.logical_name}')/Attributes/Microsoft.Dynamics.CRM"
    options = "?$select=LogicalName,MaxLength"
    return f"{base}.StringAttributeMetadata{options}", f"{base}.MemoAttributeMetadata{options}"


def read_text_lengths(answer: Any) -> dict[str, int]:
    """The most characters by column. Raises UnavailableError for an answer that is none."""
    try:
        return {
            str(column["LogicalName"]): int(column["MaxLength"])
            for column in answer["value"]
            if column["MaxLength"] is not None
        }
    except (KeyError, TypeError, ValueError):
        raise UnavailableError("Dataverse's answer about text columns is none") from None


def read_status_reasons(answer: Any) -> dict[int, int]:
    """State by status reason. Raises UnavailableError for an answer that is none."""
    try:
        options = [option for column in answer["value"] for option in column["OptionSet"]["Options"]]
        return {int(option["Value"]): int(option["State"]) for option in options}
    except (KeyError, TypeError, ValueError):
        raise UnavailableError("Dataverse's answer about status reasons is none") from None
