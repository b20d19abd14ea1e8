"""Routes one request to the part that answers it. Knows nothing of sockets, so that `$batch` parts come here too."""

from collections.abc import Sequence
from typing import Any

from local.dataverse.actions import Actions
from local.dataverse.addressing import (
    ROOT,
    Segment,
    alternate_key,
    key_parts,
    parse_reference,
    refuse_unaddressable,
    row_id_of,
    split_path,
)
from local.dataverse.associations import Associations
from local.dataverse.definitions import definitions
from local.dataverse.environment import Environment
from local.dataverse.errors import (
    DataverseError,
    duplicate_record,
    invalid_argument,
    row_does_not_exist,
    stale_version,
    unknown_segment,
    unreadable_payload,
)
from local.dataverse.fetch_reading import fetch_rows
from local.dataverse.messages import Request, Response, error_response, json_response
from local.dataverse.metadata import Association, CollectionNavigation, Navigation
from local.dataverse.multiples import MESSAGES, Multiples
from local.dataverse.query import fetch_xml
from local.dataverse.reading import Reading, Scope, refuse_long_url
from local.dataverse.rendering import etag_of
from local.dataverse.scheduling.groups import Groups
from local.dataverse.scheduling.json_bags import MESSAGE, SearchAction
from local.dataverse.scheduling.search import Search
from local.dataverse.session import Session
from local.dataverse.store import Store, Table
from local.dataverse.values import GUID
from local.dataverse.writes import Writer

NAMESPACE = "Microsoft.Dynamics.CRM."
UNBOUND = frozenset({"WhoAmI", "CloseIncident", "EntityDefinitions", "$metadata", "$batch", MESSAGE})


class Service:
    """The Web API on one store."""

    def __init__(self, store: Store, environment: Environment) -> None:
        self.store = store
        self.environment = environment
        self.writer = Writer(store, environment)
        self.reading = Reading(store, environment)
        self._associations = Associations(store)
        self._multiples = Multiples(store, self.writer)
        self._actions = Actions(store, self.writer, environment)
        self.search = Search(store, environment)
        self.groups = Groups(store, self.writer, environment, self.search)
        self._search_action = SearchAction(store, self.writer, environment, self.search)

    def forget_rows(self) -> None:
        """Begins anew, with an empty store."""
        self.writer.forget_rows()
        self.reading.forget_rows()

    def handle(self, request: Request, session: Session, base: str) -> Response:
        """Returns the answer to one request; a refusal is an answer too."""
        request.caller = (session.caller, session.business_unit)
        request.may_read = lambda table: session.require(table, "Read")
        try:
            refuse_long_url(request, len(request.path) + len(request.query) + 1)
            response = self._route(request, session, base)
        except DataverseError as error:
            response = error_response(error)
        if response.cost_ms == 0:
            reads = request.method in {"GET", "HEAD"}
            response.cost_ms = self.environment.read_part_ms if reads else self.environment.single_write_ms
        return response

    def table_named(self, path: str) -> str:
        """Returns the logical name behind a path, for counting; the first segment where there is none."""
        name = ROOT.sub("", path, count=1).strip("/").partition("/")[0].partition("(")[0]
        table = self.store.by_set.get(name)
        return name if table is None else table.definition.name

    def _route(self, request: Request, session: Session, base: str) -> Response:
        steps = self._steps(request.path, session)
        if not steps:
            sets = [{"name": name, "kind": "EntitySet", "url": name} for name in self.store.by_set]
            return json_response({"@odata.context": f"{base}/$metadata", "value": sets})
        first = steps[0]
        if first.name in UNBOUND:
            return self._unbound(steps, request, session, base)
        table = self.store.by_set.get(first.name)
        if table is None:
            raise unknown_segment(first.name)
        if request.method == "GET":
            request.may_read(table)
        if first.key is None:
            return self._on_collection(table, steps[1:], request, session, base)
        refuse_unaddressable(first.key)
        if len(steps) == 1:
            return self._on_row(table, first.key, request, session, base)
        return self._below_row(table, first.key, steps[1:], request, session, base)

    def _steps(self, path: str, session: Session) -> Sequence[Segment]:
        relative = ROOT.sub("", path, count=1)
        reference, _, rest = relative.lstrip("/").partition("/")
        if reference.startswith("$") and reference[1:2].isdigit():
            if reference not in session.references:
                raise DataverseError(
                    400, "0x80060888", f"Content-ID Reference: '{reference}' does not exist in the batch context."
                )
            table, row_id = session.references[reference]
            return [Segment(table.definition.entity_set, row_id), *split_path(rest)]
        return split_path(relative)

    def _unbound(self, steps: Sequence[Segment], request: Request, session: Session, base: str) -> Response:
        name = steps[0].name
        if name == "WhoAmI" and request.method == "GET":
            return self._actions.who_am_i(session, base)
        if name == "CloseIncident" and request.method == "POST":
            return self._actions.close_incident(request.json(), session)
        if name == MESSAGE and request.method == "POST":
            request.may_read(self.search.resources.table)
            response = self._search_action.run(request.json(), base)
            response.cost_ms = self.environment.read_part_ms
            return response
        if name == "EntityDefinitions" and request.method == "GET":
            return definitions(self.store, steps, request, base)
        if name == "$batch":
            raise invalid_argument("A batch must be a POST and must not lie inside another batch.")
        if name == "$metadata":
            raise DataverseError(501, "0x8006088a", "The simulator does not answer $metadata.")
        raise _method_not_allowed(request)

    def _on_collection(
        self, table: Table, steps: Sequence[Segment], request: Request, session: Session, base: str
    ) -> Response:
        if steps:
            return self._bound_to_collection(table, steps[0].name, request, session, base)
        if request.method == "GET":
            text = fetch_xml(request.query)
            if text is not None:
                return fetch_rows(self.store, self.environment, table, text, request, base)
            return self.reading.collection(table, request, base)
        if request.method == "POST":
            return self._create(table, request, session, base)
        raise _method_not_allowed(request)

    def _bound_to_collection(self, table: Table, name: str, request: Request, session: Session, base: str) -> Response:
        if name == "$count" and request.method == "GET":
            return self.reading.count(table, request)
        if name in MESSAGES:
            raise DataverseError(400, "0x80060888", "Request message has unresolved parameters")
        message = name.removeprefix(NAMESPACE)
        if message == name or message not in MESSAGES or request.method != "POST":
            raise unknown_segment(name)
        body = request.json(table.definition.entity_set)
        response, records = self._multiples.run(message, table, body, session, base)
        response.cost_ms = records * self.environment.bulk_record_ms
        return response

    def _create(self, table: Table, request: Request, session: Session, base: str) -> Response:
        if table.definition.name == "activityparty" and self.environment.direct_party_create == "refuse":
            raise invalid_argument("A party is written with its activity, not on its own.")
        body = request.json(table.definition.entity_set)
        with self.store.transaction():
            row_id = self.writer.create(table, body, session)
            return self._written(table, row_id, request, base, created=True)

    def _written(
        self, table: Table, row_id: str, request: Request, base: str, *, created: bool, address: str = ""
    ) -> Response:
        if request.preference("return") == "representation":
            return self.reading.written_row(table, row_id, request, base, 201 if created else 200)
        url = f"{base}/{table.definition.entity_set}({address or row_id})"
        return Response(204, {"Location": url, "OData-EntityId": url} if request.in_batch else {"OData-EntityId": url})

    def _on_row(self, table: Table, key: str, request: Request, session: Session, base: str) -> Response:
        if request.method == "PATCH":
            return self._patch(table, key, request, session, base)
        row_id = row_id_of(table, key)
        if request.method == "GET":
            return self.reading.row(table, row_id, request, base)
        if request.method == "DELETE":
            self._check_version(table, row_id, request)
            with self.store.transaction():
                self.writer.delete(table, row_id, session)
            return Response(204)
        raise _method_not_allowed(request)

    def _check_version(self, table: Table, row_id: str, request: Request) -> None:
        """Refuses when the row is missing or If-Match names another version."""
        row = self.reading.existing(table, row_id)
        wanted = request.header("if-match")
        if wanted not in {"", "*"} and wanted != etag_of(row):
            raise stale_version()

    def _patch(self, table: Table, key: str, request: Request, session: Session, base: str) -> Response:
        """Updates, or creates what is missing, as If-Match and If-None-Match allow ("Upsert a row")."""
        body = request.json(table.definition.entity_set)
        if not isinstance(body, dict):
            raise unreadable_payload(table.definition.entity_set, "A JSON object was expected.")
        row_id, parts = self._addressed(table, key)
        if row_id is not None and row_id in table.rows:
            if request.header("if-none-match") == "*":
                raise duplicate_record()
            self._check_version(table, row_id, request)
            body = {name: value for name, value in body.items() if name not in parts} if parts else body
            with self.store.transaction():
                self.writer.update(table, row_id, body, session)
            return self._written(table, row_id, request, base, created=False, address=key if parts else "")
        if request.header("if-match"):
            raise row_does_not_exist(table.definition.name, row_id or key)
        if table.definition.name == "activityparty" and self.environment.direct_party_create == "refuse":
            raise invalid_argument("A party is written with its activity, not on its own.")
        with self.store.transaction():
            row_id = self.writer.create(table, {**parts, **body}, session, row_id=row_id)
            return self._written(table, row_id, request, base, created=True, address=key if parts else "")

    def _addressed(self, table: Table, key: str) -> tuple[str | None, dict[str, Any]]:
        """Returns the row id, None when an alternate key finds none, and the alternate-key values of the URL."""
        if GUID.fullmatch(key):
            return key.lower(), {}
        parts = key_parts(table, key)
        if list(parts) == [table.definition.primary_id]:
            return row_id_of(table, key), {}
        name = alternate_key(table, parts)
        return table.id_by_key(name, tuple(parts[column] for column in table.definition.keys[name])), parts

    def _below_row(
        self, table: Table, key: str, steps: Sequence[Segment], request: Request, session: Session, base: str
    ) -> Response:
        row_id = row_id_of(table, key)
        name = steps[0].name
        definition = table.definition
        if name.startswith(NAMESPACE):
            return self._bound_action(table, row_id, name.removeprefix(NAMESPACE), request, session, base)
        if name == "AddToQueue":
            raise DataverseError(400, "0x80060888", "Request message has unresolved parameters")
        self.reading.existing(table, row_id)
        if len(steps) == 2 and steps[1].name == "$ref":
            return self._reference(table, row_id, steps[0], request, session)
        if name in definition.navigation and len(steps) == 1 and request.method == "GET":
            return self._related_row(table, row_id, definition.navigation[name], request, base)
        if name in definition.collections and len(steps) == 1 and request.method == "GET":
            return self._related_rows(table, row_id, definition.collections[name], request, base)
        if name in definition.associations and len(steps) == 1 and request.method == "GET":
            return self._associated_rows(table, row_id, definition.associations[name], request, base)
        raw = len(steps) == 2 and steps[1].name == "$value"
        if len(steps) > 1 and not raw:
            raise unknown_segment(steps[1].name)
        return self._on_property(table, row_id, name, request, session, base, raw=raw)

    def _bound_action(
        self, table: Table, row_id: str, action: str, request: Request, session: Session, base: str
    ) -> Response:
        if action != "AddToQueue" or table.definition.name != "queue" or request.method != "POST":
            raise unknown_segment(NAMESPACE + action)
        return self._actions.add_to_queue(row_id, request.json(), session, base)

    def _on_property(
        self, table: Table, row_id: str, name: str, request: Request, session: Session, base: str, *, raw: bool
    ) -> Response:
        if request.method == "GET":
            return self.reading.single_property(table, row_id, name, base, raw=raw)
        if name not in table.columns_by_property:
            raise unknown_segment(name)
        if request.method == "PUT":
            body = request.json(table.definition.entity_set)
            if not isinstance(body, dict) or set(body) - {"@odata.context"} != {"value"}:
                raise unreadable_payload(table.definition.entity_set, "A JSON object with 'value' was expected.")
            value = body["value"]
        elif request.method == "DELETE":
            value = None
        else:
            raise _method_not_allowed(request)
        with self.store.transaction():
            self.writer.update(table, row_id, {name: value}, session)
        return Response(204)

    def _reference(self, table: Table, row_id: str, step: Segment, request: Request, session: Session) -> Response:
        """Associates and disassociates rows."""
        if step.name in table.definition.associations:
            return self._associate(table, row_id, step, request, session)
        navigation = table.definition.navigation.get(step.name)
        collection = table.definition.collections.get(step.name)
        if navigation is not None and request.method == "DELETE":
            return self._bind(table, row_id, navigation.name, None, session)
        if navigation is not None and request.method in {"PUT", "POST"}:
            return self._bind(table, row_id, navigation.name, _absolute_reference(table, request), session)
        if collection is None:
            raise unknown_segment(step.name)
        child = self.store.by_name[collection.child]
        if request.method == "POST":
            child_id = row_id_of(child, parse_reference(_absolute_reference(table, request))[1])
            value: str | None = f"/{table.definition.entity_set}({row_id})"
        elif request.method == "DELETE" and step.key is not None:
            child_id, value = row_id_of(child, step.key), None
        else:
            raise _method_not_allowed(request)
        self.reading.existing(child, child_id)
        return self._bind(child, child_id, collection.partner, value, session)

    def _associate(self, table: Table, row_id: str, step: Segment, request: Request, session: Session) -> Response:
        association = table.definition.associations[step.name]
        other = self._associations.other(association)
        if request.method == "POST" and step.key is None:
            entity_set, key = parse_reference(_absolute_reference(table, request))
            if entity_set != other.definition.entity_set:
                raise unreadable_payload(table.definition.entity_set, f"'{step.name}' does not lead to '{entity_set}'.")
            change = self._associations.associate
        elif request.method == "DELETE" and step.key is not None:
            key, change = step.key, self._associations.disassociate
        else:
            raise _method_not_allowed(request)
        other_id = row_id_of(other, key)
        self.reading.existing(other, other_id)
        with self.store.transaction():
            change(table, row_id, association, other_id, session)
        return Response(204)

    def _bind(self, table: Table, row_id: str, navigation: str, value: str | None, session: Session) -> Response:
        reader = self.writer.reader(table)
        with self.store.transaction(), reader.null_binds_accepted():
            self.writer.update(table, row_id, {f"{navigation}@odata.bind": value}, session)
        return Response(204)

    def _related_row(self, table: Table, row_id: str, navigation: Navigation, request: Request, base: str) -> Response:
        row = table.rows[row_id]
        other_id = row[table.slots[table.definition.columns[navigation.lookup].property]]
        target = self.store.by_name.get(table.target_of(row, navigation.lookup))
        if other_id is None or target is None or target.definition.name not in navigation.targets:
            return Response(204)
        return self.reading.row(target, other_id, request, base)

    def _related_rows(
        self, table: Table, row_id: str, collection: CollectionNavigation, request: Request, base: str
    ) -> Response:
        child = self.store.by_name[collection.child]
        partner = child.definition.navigation[collection.partner]
        slot = child.slots[child.definition.columns[partner.lookup].property]
        address = f"{base}/{table.definition.entity_set}({row_id})/{collection.name}"
        return self.reading.collection(child, request, base, Scope(frozenset(child.ids_where(slot, row_id)), address))

    def _associated_rows(
        self, table: Table, row_id: str, association: Association, request: Request, base: str
    ) -> Response:
        other = self._associations.other(association)
        request.may_read(other)
        address = f"{base}/{table.definition.entity_set}({row_id})/{association.name}"
        ids = self._associations.associated(table, row_id, association)
        return self.reading.collection(other, request, base, Scope(ids, address))


def _absolute_reference(table: Table, request: Request) -> str:
    """`$ref` takes the absolute URL of the other row, unlike a bind."""
    body = request.json(table.definition.entity_set)
    reference = body.get("@odata.id") if isinstance(body, dict) else None
    if not isinstance(reference, str) or not reference.startswith(("http://", "https://")):
        raise unreadable_payload(table.definition.entity_set, "'@odata.id' with an absolute URL was expected.")
    return reference


def _method_not_allowed(request: Request) -> DataverseError:
    return DataverseError(405, "0x8006088a", f"The HTTP method '{request.method}' is not supported for this resource.")
