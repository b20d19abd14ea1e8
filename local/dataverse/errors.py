"""What Dataverse answers when it refuses, with its own codes and texts.

The codes are those of the platform's error list; the HTTP status follows "Compose HTTP requests and handle errors".
"""

from collections.abc import Mapping

PAYLOAD_UNREADABLE = "0x80048d19"
ROUTING = "0x80060888"


class DataverseError(Exception):
    """A refusal that the caller sees as an OData error body."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


def unreadable_payload(entity_set: str, inner: str) -> DataverseError:
    """Builds the answer to a body that does not fit the declared types."""
    return DataverseError(
        400,
        PAYLOAD_UNREADABLE,
        f"Error identified in Payload provided by the user for Entity :'{entity_set}', For more information on this "
        "error please follow this help link https://go.microsoft.com/fwlink/?linkid=2195293  ---->  "
        f"InnerException : Microsoft.OData.ODataException: {inner}",
    )


def undeclared_annotated_property(entity_set: str, name: str) -> DataverseError:
    """Builds the answer to `name@odata.bind` whose navigation property does not exist (or has another case)."""
    return unreadable_payload(
        entity_set,
        f"An undeclared property '{name}' which only has property annotations in the payload but no property value "
        "was found in the payload. In OData, only declared navigation properties and declared named streams can be "
        "represented as properties without values.",
    )


def undeclared_property(entity_set: str, table: str, name: str) -> DataverseError:
    """Builds the answer to a body property that the entity type does not declare."""
    return unreadable_payload(
        entity_set,
        f"Invalid property '{name}' was found in entity 'Microsoft.Dynamics.CRM.{table}'. The property '{name}' does "
        f"not exist on type 'Microsoft.Dynamics.CRM.{table}'. Make sure to only use property names that are defined "
        "by the type.",
    )


def unknown_query_property(table: str, name: str) -> DataverseError:
    """Builds the answer to a property in a query option that the entity type does not declare."""
    return bad_query(f"Could not find a property named '{name}' on type 'Microsoft.Dynamics.CRM.{table}'.")


def unknown_attribute(table: str, name: str) -> DataverseError:
    """Builds the answer of the query engine to an attribute that the table does not have."""
    return DataverseError(
        400,
        "0x80041103",
        f"'{table}' entity doesn't contain attribute with Name = '{name}' and NameMapping = 'Logical'.",
    )


def bad_query(message: str) -> DataverseError:
    """Builds the answer to a query option that cannot be parsed or does not type-check."""
    return DataverseError(400, ROUTING, message)


def unknown_segment(segment: str) -> DataverseError:
    """Builds the answer to a URL segment that names nothing."""
    return DataverseError(404, ROUTING, f"Resource not found for the segment '{segment}'.")


def row_does_not_exist(table: str, row_id: str, status: int = 404) -> DataverseError:
    """Builds the answer to a row id that is not there."""
    return DataverseError(status, "0x80040217", f"{table} With Id = {row_id} Does Not Exist")


def invalid_argument(message: str) -> DataverseError:
    """Builds the general answer to a request that makes no sense."""
    return DataverseError(400, "0x80040203", message)


def required_column_missing(table: str, column: str) -> DataverseError:
    """Builds the answer to a SystemRequired column that is absent or null."""
    return DataverseError(
        400, "0x80040200", f"Required field '{column}' is missing for entity '{table}' or was set to null."
    )


def customer_missing() -> DataverseError:
    """Builds the answer to a case without a customer, in the platform's own words."""
    return DataverseError(400, "0x80040200", "You should specify a parent contact or account.")


def team_notified() -> DataverseError:
    """Builds the answer to a notification for a team ("Send in-app notifications": not supported)."""
    return invalid_argument("A notification is for a single user. Sending a notification to a team isn't supported.")


def duplicate_record() -> DataverseError:
    """Builds the answer to a primary key that is taken."""
    return DataverseError(412, "0x80040237", "A record with matching key values already exists.")


def inactive_queue() -> DataverseError:
    """Builds the answer to a row for a deactivated queue (CannotAddQueueItemsToInactiveQueue, with its own text)."""
    return DataverseError(
        400, "0x80040522", "The selected user does not have sufficient permissions to work on items in this queue."
    )


def in_another_queue() -> DataverseError:
    """Builds the answer to a row that another queue has (CannotAddSingleQueueEnabledEntityToQueue)."""
    return DataverseError(
        400, "0x8004051c", "The entity record cannot be added to the queue as it already exists in other queue."
    )


def queue_with_items() -> DataverseError:
    """Builds the answer to the delete of a queue that has items (CannotDeleteQueueWithQueueItems)."""
    return DataverseError(
        400,
        "0x80631117",
        "You can't delete this queue because it has items assigned to it. Assign these items to another user, team, "
        "or queue and try again.",
    )


def stale_version() -> DataverseError:
    """Builds the answer to an If-Match that names an older version."""
    return DataverseError(
        412, "0x80060882", "The version of the existing record doesn't match the RowVersion property provided."
    )


def invalid_state(table: str, status: int, state: int) -> DataverseError:
    """Builds the answer to a status reason that does not belong to the state."""
    return DataverseError(400, "0x80048408", f"{status} is not a valid status code for state code {state} on {table}.")


def not_built(what: str) -> DataverseError:
    """Builds the answer to a part of Dataverse that this simulator does not have."""
    return DataverseError(501, "0x8006088a", f"The simulator does not answer {what}.")
