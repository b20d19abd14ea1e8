"""CreateMultiple, UpdateMultiple and UpsertMultiple on standard tables: all or nothing ("Bulk operation messages")."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from local.dataverse.addressing import alternate_key, key_parts, parse_reference, row_id_of
from local.dataverse.errors import DataverseError, invalid_argument, row_does_not_exist, unreadable_payload
from local.dataverse.messages import Response, json_response
from local.dataverse.session import Session
from local.dataverse.store import Store, Table
from local.dataverse.values import GUID
from local.dataverse.writes import Writer

# Whether a table takes part is told by the message list on its reference page.
TABLES = frozenset(
    {
        "bookableresourcebooking",
        "bookableresource",
        "bookingstatus",
        "msdyn_shiftplan",
        "msdyn_shiftactivitytype",
        "incident",
        "contact",
        "account",
        "lead",
    }
)
CREATE_ONLY_TABLES = frozenset({"msdyn_bookingsetupmetadata"})
MESSAGES = ("CreateMultiple", "UpdateMultiple", "UpsertMultiple", "DeleteMultiple")


def supports(table: str, message: str) -> bool:
    """Tells whether the table takes the message. UpsertMultiple needs both of the others."""
    if message == "CreateMultiple" and table in CREATE_ONLY_TABLES:
        return True
    return message != "DeleteMultiple" and table in TABLES


class Multiples:
    """Carries out the bulk messages."""

    def __init__(self, store: Store, writer: Writer) -> None:
        self._store = store
        self._writer = writer

    def run(self, message: str, table: Table, body: Any, session: Session, base: str) -> tuple[Response, int]:
        """Returns the answer and the number of records."""
        name = table.definition.name
        if not supports(name, message):
            raise DataverseError(400, "0x80060888", f"The message '{message}' is not supported for entity '{name}'.")
        targets = _targets(table, body)
        carry_out: dict[str, Callable[..., Response]] = {
            "CreateMultiple": self._create,
            "UpdateMultiple": self._update,
            "UpsertMultiple": self._upsert,
        }
        with self._store.transaction():
            return carry_out[message](table, targets, session, base), len(targets)

    def _create(self, table: Table, targets: list[dict[str, Any]], session: Session, base: str) -> Response:
        ids = [self._writer.create(table, target, session) for target in targets]
        context = f"{base}/$metadata#Microsoft.Dynamics.CRM.CreateMultipleResponse"
        return json_response({"@odata.context": context, "Ids": ids})

    def _update(self, table: Table, targets: list[dict[str, Any]], session: Session, base: str) -> Response:
        for target in targets:
            row_id = self._named_id(table, target)
            if row_id is None:
                raise invalid_argument(f"Each target of UpdateMultiple needs '{table.definition.primary_id}'.")
            if row_id not in table.rows:
                raise row_does_not_exist(table.definition.name, row_id)
            self._writer.update(table, row_id, target, session)
        return Response(204)

    def _upsert(self, table: Table, targets: list[dict[str, Any]], session: Session, base: str) -> Response:
        seen: set[str] = set()
        rows, create, update = table.rows, self._writer.create, self._writer.update
        for target in targets:
            row_id = self._named_id(table, target, creating=True)
            if row_id is None:
                row_id = str(uuid4())
            if row_id in seen:
                raise invalid_argument(f"UpsertMultiple has more than one target with the same key: {row_id}.")
            seen.add(row_id)
            if row_id in rows:
                update(table, row_id, target, session)
            else:
                create(table, target, session, row_id=row_id)
        return Response(204)

    def _named_id(self, table: Table, target: dict[str, Any], *, creating: bool = False) -> str | None:
        """Returns the id that the primary-key property or `@odata.id` names."""
        value = target.get(table.definition.primary_id)
        if isinstance(value, str) and GUID.fullmatch(value):
            return value.lower()
        reference = target.get("@odata.id")
        if not isinstance(reference, str):
            return None
        entity_set, key = parse_reference(reference)
        if entity_set != table.definition.entity_set:
            raise invalid_argument(f"'{reference}' is not a row of '{table.definition.entity_set}'.")
        if not creating or GUID.fullmatch(key):
            return row_id_of(table, key)
        return self._id_by_key(table, target, key)

    def _id_by_key(self, table: Table, target: dict[str, Any], key: str) -> str | None:
        parts = key_parts(table, key)
        name = alternate_key(table, parts)
        row_id = table.id_by_key(name, tuple(parts[column] for column in table.definition.keys[name]))
        if row_id is None:
            for column, value in parts.items():
                if column in target:  # seen on the create path of real UpsertMultiple calls
                    raise invalid_argument(f"The key column '{column}' must not be repeated in the target.")
                target[column] = value
        return row_id


def _targets(table: Table, body: Any) -> list[dict[str, Any]]:
    definition = table.definition
    if not isinstance(body, dict) or not isinstance(body.get("Targets"), list) or not body["Targets"]:
        raise unreadable_payload(definition.entity_set, "A non-empty array 'Targets' was expected.")
    unknown = set(body) - {"Targets"}
    if unknown:
        raise unreadable_payload(definition.entity_set, f"The parameter '{min(unknown)}' is not declared.")
    wanted = f"Microsoft.Dynamics.CRM.{definition.name}"
    for target in body["Targets"]:
        if not isinstance(target, dict):
            raise unreadable_payload(definition.entity_set, "Each target must be a JSON object.")
        kind = target.get("@odata.type")
        if kind != wanted and kind != f"#{wanted}":
            raise unreadable_payload(
                definition.entity_set,
                f"A type named '{kind}' could not be resolved: each target needs '@odata.type': '{wanted}'.",
            )
    targets: list[dict[str, Any]] = body["Targets"]
    return targets
