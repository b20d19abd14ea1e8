"""The JSON of msdyn_SearchResourceAvailability: expando bags in, expando bags out ("Search resource availability API").

The framing of the answer is UNCONFIRMED: no published sample is known.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from local.dataverse.bags import Bag, Reference, utc_text
from local.dataverse.environment import Environment
from local.dataverse.errors import invalid_argument, row_does_not_exist, unreadable_payload
from local.dataverse.messages import Response, json_response
from local.dataverse.scheduling.requests import check_version, read_settings, read_specification
from local.dataverse.scheduling.search import Search
from local.dataverse.store import Store
from local.dataverse.writes import Writer

MESSAGE = "msdyn_SearchResourceAvailability"
VERSIONS = ("3.0.0",)
NAMESPACE = "Microsoft.Dynamics.CRM."
EXPANDO = f"{NAMESPACE}expando"
COLLECTION = f"Collection({EXPANDO})"
PARAMETERS = frozenset({"Version", "IsWebApi", "Requirement", "Settings", "ResourceSpecification"})
REQUIREMENTS = "msdyn_resourcerequirement"


class SearchAction:
    """The unbound action."""

    def __init__(self, store: Store, writer: Writer, environment: Environment, search: Search) -> None:
        self._store = store
        self._writer = writer
        self._environment = environment
        self._search = search

    def run(self, body: Any, base: str) -> Response:
        """Returns the answer, or refuses the body."""
        if not isinstance(body, dict):
            raise unreadable_payload("", "A JSON object was expected.")
        unknown = {name for name in body if "@" not in name} - PARAMETERS
        if unknown:
            raise unreadable_payload("", f"The parameter '{min(unknown)}' of {MESSAGE} is not declared.")
        version, is_web_api = body.get("Version"), body.get("IsWebApi")
        if not isinstance(version, str | None):
            raise unreadable_payload("", "'Version' must be a string.")
        check_version(version, VERSIONS, MESSAGE, required=self._environment.search_version == "required")
        if is_web_api is not True:
            raise invalid_argument(f"{MESSAGE} through the Web API needs 'IsWebApi': true.")
        for name in ("Requirement", "Settings"):
            if body.get(name) is None:
                raise invalid_argument(f"The parameter '{name}' of {MESSAGE} is missing.")
        settings = read_settings(self._bag(body["Settings"], "Settings"), self._environment)
        raw = body.get("ResourceSpecification")
        specification = None if raw is None else self._bag(raw, "ResourceSpecification")
        answer = self._search.run(
            self._requirement(body["Requirement"]), settings, read_specification(specification, self._environment)
        )
        context = f"{base}/$metadata#{NAMESPACE}{MESSAGE}Response"
        return json_response({"@odata.context": context, **self._rendered(answer, typed=False)})

    def _requirement(self, body: Any) -> Mapping[str, Any]:
        """Returns the columns of the requirement; those of a stored one where the body names it."""
        table = self._store.by_name[REQUIREMENTS]
        if not isinstance(body, dict) or "@odata.type" not in body:
            raise unreadable_payload("", f"'Requirement' needs '@odata.type': '{NAMESPACE}{REQUIREMENTS}'.")
        change = self._writer.reader(table).read(body, {}, creating=True)
        if change.parents or change.children:
            raise unreadable_payload("", "'Requirement' takes columns, no nested rows.")
        asked = {name: change.values[slot] for name, slot in table.slots.items() if slot in change.values}
        row_id = asked.get(table.definition.primary_id)
        if row_id is None:
            return asked
        if row_id not in table.rows:
            raise row_does_not_exist(REQUIREMENTS, row_id)
        return {**{name: table.rows[row_id][slot] for name, slot in table.slots.items()}, **asked}

    def _bag(self, value: Any, where: str) -> Bag:
        if not isinstance(value, dict):
            raise unreadable_payload("", f"'{where}' must be a JSON object.")
        annotations: dict[str, Any] = {}
        attributes: dict[str, Any] = {}
        for key, member in value.items():
            name, at, annotation = key.partition("@")
            if at:
                if annotation == "odata.type":
                    self._check_order(name, attributes, where)
                    annotations[name] = str(member).lstrip("#")
            else:
                attributes[name] = member
        if annotations.get("") != EXPANDO:
            raise unreadable_payload("", f"'{where}' needs '@odata.type': '{EXPANDO}'.")
        return Bag({name: self._member(name, member, annotations) for name, member in attributes.items()})

    def _check_order(self, name: str, attributes: Mapping[str, Any], where: str) -> None:
        """Whether an annotation may follow what it describes is UNCONFIRMED; the vendor's example does both."""
        late = name in attributes if name else bool(attributes)
        if late and self._environment.annotation_order == "before":
            raise unreadable_payload("", f"The annotation '{name}@odata.type' of '{where}' must come first.")

    def _member(self, name: str, member: Any, annotations: Mapping[str, str]) -> Any:
        if isinstance(member, dict):
            return self._bag(member, name)
        if isinstance(member, list):
            if annotations.get(name) != COLLECTION:
                raise unreadable_payload("", f"'{name}' needs '{name}@odata.type': '{COLLECTION}'.")
            return [self._bag(item, name) for item in member]
        return member

    def _rendered(self, members: Mapping[str, Any], *, typed: bool = True) -> dict[str, Any]:
        rendered: dict[str, Any] = {}
        for name, value in members.items():
            kind = _open_type(value) if typed else None
            if kind is not None:
                rendered[f"{name}@odata.type"] = kind
            rendered[name] = self._value(value)
        return rendered

    def _value(self, value: Any) -> Any:
        if isinstance(value, Bag):
            kind = f"{NAMESPACE}{value.table}" if value.table else EXPANDO
            return {"@odata.type": f"#{kind}", **self._rendered(value.attributes, typed=not value.table)}
        if isinstance(value, Reference):
            primary_id = self._store.by_name[value.table].definition.primary_id
            named = {} if value.name is None else {"name": value.name}
            return {"@odata.type": f"#{NAMESPACE}{value.table}", primary_id: value.row_id, **named}
        if isinstance(value, list):
            return [self._value(item) for item in value]
        if isinstance(value, datetime):
            return utc_text(value)
        if isinstance(value, UUID):
            return str(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value) if self._environment.expando_numbers == "text" else value
        return value


def _open_type(value: Any) -> str | None:
    """Members of an open type are annotated where JSON does not tell their type."""
    if isinstance(value, datetime):
        return "#DateTimeOffset"
    if isinstance(value, UUID):
        return "#Guid"
    return f"#{COLLECTION}" if isinstance(value, list) else None
