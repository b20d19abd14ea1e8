"""The functions and actions besides plain reads and writes: WhoAmI, AddToQueue, CloseIncident."""

from typing import Any

from local.dataverse.addressing import parse_reference, row_id_of
from local.dataverse.environment import Environment
from local.dataverse.errors import (
    in_another_queue,
    inactive_queue,
    invalid_argument,
    row_does_not_exist,
    unreadable_payload,
)
from local.dataverse.messages import Response, json_response
from local.dataverse.session import Session
from local.dataverse.store import ID_SLOT, Row, Store, Table, current_second
from local.dataverse.writes import Writer

TYPE_PREFIX = "Microsoft.Dynamics.CRM."
ADD_TO_QUEUE = frozenset({"Target", "SourceQueue", "QueueItemProperties"})


class Actions:
    """Carries out functions and actions."""

    def __init__(self, store: Store, writer: Writer, environment: Environment) -> None:
        self._store = store
        self._writer = writer
        self._environment = environment

    def who_am_i(self, session: Session, base: str) -> Response:
        """Returns the ids of the caller, the business unit and the organisation."""
        organization = next(iter(self._store.by_name["organization"].rows), None)
        return json_response(
            {
                "@odata.context": f"{base}/$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse",
                "BusinessUnitId": session.business_unit,
                "UserId": session.caller,
                "OrganizationId": organization,
            }
        )

    def add_to_queue(self, queue_id: str, body: Any, session: Session, base: str) -> Response:
        """Puts a row into the queue and returns the id of its queue item."""
        self._check_queue(queue_id)
        target, target_id = self._target(body)
        session.require(target, "Read")
        properties = self._properties(body)
        with self._store.transaction():
            item_id = self._enter(queue_id, target, target_id, properties, session)
        context = f"{base}/$metadata#Microsoft.Dynamics.CRM.AddToQueueResponse"
        return json_response({"@odata.context": context, "QueueItemId": item_id})

    def _check_queue(self, queue_id: str) -> None:
        queues = self._store.by_name["queue"]
        if queue_id not in queues.rows:
            raise row_does_not_exist("queue", queue_id)
        if queues.value(queues.rows[queue_id], "statecode") != 0:
            raise inactive_queue()

    def _properties(self, body: dict[str, Any]) -> dict[str, Any]:
        """Returns `QueueItemProperties`; `SourceQueue` is only looked at, since a row stands in one queue at most."""
        unknown = body.keys() - ADD_TO_QUEUE
        if unknown:
            raise unreadable_payload("", f"The parameter '{min(unknown)}' in the request payload is not a valid one.")
        source, properties = body.get("SourceQueue"), body.get("QueueItemProperties")
        if source is not None:
            source_id = source.get("queueid") if isinstance(source, dict) else None
            if not isinstance(source_id, str) or source_id.lower() not in self._store.by_name["queue"].rows:
                raise row_does_not_exist("queue", str(source_id))
        if not isinstance(properties, dict | None):
            raise unreadable_payload("", "The parameter 'QueueItemProperties' of AddToQueue is no queue item.")
        return properties or {}

    def _target(self, body: Any) -> tuple[Table, str]:
        """The declared type of Target is the base type of all rows, so that `@odata.type` is needed."""
        target = body.get("Target") if isinstance(body, dict) else None
        if not isinstance(target, dict):
            raise unreadable_payload("", "The parameter 'Target' of AddToQueue is missing.")
        kind = str(target.get("@odata.type", "")).lstrip("#")
        table = self._store.by_name.get(kind.removeprefix(TYPE_PREFIX)) if kind.startswith(TYPE_PREFIX) else None
        if table is None:
            raise unreadable_payload("", f"The '@odata.type' of 'Target' is '{kind}', which is not a known type.")
        row_id = target.get(table.definition.primary_id)
        if not isinstance(row_id, str) or row_id.lower() not in table.rows:
            raise row_does_not_exist(table.definition.name, str(row_id))
        return table, row_id.lower()

    def _enter(self, queue_id: str, target: Table, target_id: str, properties: dict[str, Any], session: Session) -> str:
        items = self._store.by_name["queueitem"]
        if "objectid_" + target.definition.name not in items.definition.navigation:
            raise invalid_argument(f"A '{target.definition.name}' cannot be put into a queue.")
        present = self._active_item(items, target_id)
        if present is not None and self._environment.queued_twice != "add":
            return self._move(items, present, queue_id, properties, session)
        title = target.value(target.rows[target_id], target.definition.primary_name)
        preset = {
            items.slots["_queueid_value"]: queue_id,
            items.slots["_objectid_value"]: target_id,
            items.type_slots["objectid"]: target.definition.name,
            items.slots["title"]: None if title is None else title[:300],
        }
        item_id = self._writer.create(items, properties, session, preset=preset)
        entered = items.rows[item_id]
        entered[items.slots["enteredon"]] = items.value(entered, "createdon")
        return item_id

    def _move(self, items: Table, item: Row, queue_id: str, properties: dict[str, Any], session: Session) -> str:
        """A row stands in one queue at most ("Queue tables"). That the action moves it without being told from where
        is UNCONFIRMED."""
        session.require(items, "Write")
        item_id = str(item[ID_SLOT])
        elsewhere = items.value(item, "_queueid_value") != queue_id
        if elsewhere and self._environment.queued_twice == "refuse":
            raise in_another_queue()
        if elsewhere or properties:
            moved = {items.slots["_queueid_value"]: queue_id}
            if elsewhere:
                moved[items.slots["enteredon"]] = current_second()
            self._writer.update(items, item_id, properties, session, preset=moved)
        return item_id

    def _active_item(self, items: Table, target_id: str) -> Row | None:
        for item_id in items.ids_where(items.slots["_objectid_value"], target_id):
            row = items.rows[item_id]
            if items.value(row, "statecode") == 0:
                return row
        return None

    def close_incident(self, body: Any, session: Session) -> Response:
        """Resolves a case with the status that the body names."""
        resolution = body.get("IncidentResolution") if isinstance(body, dict) else None
        status = body.get("Status") if isinstance(body, dict) else None
        if not isinstance(resolution, dict) or type(status) is not int:
            raise unreadable_payload("", "CloseIncident takes 'IncidentResolution' and 'Status'.")
        cases = self._store.by_name["incident"]
        reference = resolution.get("incidentid@odata.bind")
        nested = resolution.get("incidentid")
        if isinstance(reference, str):
            case_id = row_id_of(cases, parse_reference(reference)[1])
        elif isinstance(nested, dict):
            case_id = str(nested.get("incidentid")).lower()
        else:
            raise unreadable_payload("", "The 'IncidentResolution' names no case.")
        if case_id not in cases.rows:
            raise row_does_not_exist("incident", case_id)
        if cases.value(cases.rows[case_id], "statecode") != 0:
            raise invalid_argument("The case is not active.")
        session.require(cases, "Write")
        old = cases.rows[case_id]
        row = old.copy()
        stamps = self._writer.stamps(cases)
        if status == -1:
            status = stamps.default_status[1]
        if stamps.states.get(status) != 1:
            raise invalid_argument(f"{status} is not a valid status code for a resolved case.")
        row[cases.slots["statecode"]], row[cases.slots["statuscode"]] = 1, status
        with self._store.transaction():
            self._store.replace(cases, row)
            self._writer.settle_queue_items(cases, row, old)
        return Response(204)
