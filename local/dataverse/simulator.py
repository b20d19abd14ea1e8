"""The simulated environment as a whole: what is built once and what a reset builds anew."""

from copy import deepcopy
from typing import Any

from local.dataverse.batch import Batches
from local.dataverse.counters import Counters
from local.dataverse.environment import Environment
from local.dataverse.errors import DataverseError
from local.dataverse.extensions import merge_extension
from local.dataverse.faults import Faults
from local.dataverse.messages import Request, Response, error_response
from local.dataverse.metadata import TableDefinition, define_table, shipped_schema
from local.dataverse.planting import Planter
from local.dataverse.protection import Protection
from local.dataverse.roles import Roles, read_roles
from local.dataverse.schedule import Schedule
from local.dataverse.seed import APPLICATION_USER, BUSINESS_UNIT, role_rows, seed_rows
from local.dataverse.service import Service
from local.dataverse.session import Session
from local.dataverse.soap.execute import NAME, PATH, Endpoint
from local.dataverse.soap.organization_requests import OrganizationRequests
from local.dataverse.soap.writing import service_fault
from local.dataverse.store import Store
from local.dataverse.tokens import Tokens

KEEPABLE = frozenset({"rows", "stats", "faults", "columns", "roles"})


class Simulator:
    """One Dataverse environment."""

    def __init__(self, extensions: list[dict[str, Any]] | None = None) -> None:
        self.environment = Environment()
        self.faults = Faults()
        self.counters = Counters()
        self.tokens = Tokens(self.environment)
        self.protection = Protection(self.environment)
        self.schedule = Schedule(self.environment)
        self._loaded_schema = shipped_schema()
        for extension in extensions or []:
            merge_extension(self._loaded_schema, extension)
        self._loaded_definitions = {name: define_table(raw) for name, raw in self._loaded_schema.items()}
        self._return_to_loaded_columns()
        self._loaded_roles: Any = None
        self._raw_roles: Any = None
        self._roles: Roles | None = None
        self._seed = seed_rows()
        self._build()

    def _return_to_loaded_columns(self) -> None:
        # Tables are never changed in place: `extend` works on copies of those that it changes.
        self._schema: dict[str, Any] = self._loaded_schema
        self._definitions: dict[str, TableDefinition] = self._loaded_definitions

    def _build(self) -> None:
        self.store = Store(self._definitions.values())
        self.service = Service(self.store, self.environment)
        self.batches = Batches(self.service, self.environment, self._watch_part)
        requests = OrganizationRequests(self.store, self.environment, self.service.search, self.service.groups)
        self._endpoint = Endpoint(requests, self.environment, self._watch_message)
        self._built_of = self._definitions
        self._plant_seed()

    def _plant_seed(self) -> None:
        self.plant(self._seed)
        self.store.forget_counts()

    def session(self, headers: dict[str, str] | None = None) -> Session:
        """Returns a session of the application user, or of the user that CallerObjectId names."""
        grants = None if self._roles is None else self._roles.grants(APPLICATION_USER)
        impersonated = (headers or {}).get("callerobjectid")
        if not impersonated:
            return Session(APPLICATION_USER, BUSINESS_UNIT, grants=grants)
        users = self.store.by_name["systemuser"]
        slot = users.slots["azureactivedirectoryobjectid"]
        caller = next(iter(users.ids_where(slot, impersonated.lower())), None)
        if caller is None:
            raise DataverseError(403, "0x80040220", f"There is no user with the object id {impersonated}.")
        if grants is not None and self._roles is not None:
            grants.require_impersonation()
            grants = grants.acting_for(self._roles.grants(caller))
        return Session(caller, BUSINESS_UNIT, grants=grants)

    def start_with_roles(self, raw: Any) -> None:
        """Puts roles into force to which every reset returns, or raises ValueError."""
        self.assign_roles(raw)
        self._loaded_roles = raw

    def assign_roles(self, raw: Any) -> None:
        """Puts roles into force, None for none at all, or raises ValueError and changes nothing."""
        roles = None if raw is None else read_roles(raw, self.store)
        if roles is not None:
            self.plant(role_rows(list(roles.rights), roles.assigned))
        self._raw_roles, self._roles = raw, roles

    def role_names(self) -> list[str]:
        """Returns the names of the roles in force."""
        return [] if self._roles is None else sorted(self._roles.rights)

    def plant(self, rows: dict[str, list[dict[str, Any]]]) -> dict[str, list[str]]:
        """Inserts rows as a seed would and returns their ids."""
        written = deepcopy(self.store.written)
        planter = Planter(self.store, self.service.writer, Session(APPLICATION_USER, BUSINESS_UNIT))
        planted = planter.plant(rows)
        self.store.written = written  # rows of a seed are nobody's requests
        return planted

    def extend(self, tables: dict[str, Any]) -> None:
        """Adds columns, choice values, keys and tables, or raises ValueError and adds nothing."""
        schema = self._schema | {name: deepcopy(self._schema[name]) for name in tables if name in self._schema}
        try:
            merge_extension(schema, tables)
            definitions = {name: define_table(schema[name]) for name in tables}
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"The tables cannot be read: {error!r}.") from error
        self._schema, self._definitions = schema, self._definitions | definitions
        for definition in definitions.values():
            self.store.define(definition)
        self._built_of = self._definitions
        self.service.writer.forget()

    def reset(self, keep: frozenset[str]) -> None:
        """Returns to the seed; what `keep` names stays, and so does the environment."""
        if "rows" not in keep:
            if "columns" not in keep:
                self._return_to_loaded_columns()
            if self._built_of is self._definitions:
                # What is read from the definitions takes three times as long as the rows of the seed.
                self.store.empty()
                self.service.forget_rows()
                self._plant_seed()
            else:
                self._build()
        self.assign_roles(self._raw_roles if "roles" in keep else self._loaded_roles)
        if "stats" not in keep:
            self.counters.forget()
            self.tokens.forget()
            self.protection.forget()
            self.store.forget_counts()
        if "faults" not in keep:
            self.faults.clear()

    def run(self, request: Request, base: str, *, is_batch: bool) -> Response:
        """Returns the answer to one authorised request."""
        try:
            session = self.session(dict(request.headers))
        except DataverseError as error:
            return error_response(error)
        if is_batch:
            before = self.counters.writing_parts()
            response = self.batches.run(request, session, base)
            self.counters.batches["writing" if self.counters.writing_parts() > before else "reading"] += 1
            return response
        return self.service.handle(request, session, base)

    def execute(self, request: Request) -> Response:
        """Returns the answer of the SOAP endpoint to one authorised request."""
        try:
            session = self.session(dict(request.headers))
        except DataverseError as error:
            return self.fault(error)
        return self._endpoint.handle(request, session)

    def fault(self, error: DataverseError) -> Response:
        """Returns a refusal as the SOAP endpoint words it."""
        return service_fault(error, self.environment.soap_throttle_status)

    def stats(self) -> dict[str, Any]:
        """Returns all counts."""
        return self.counters.as_json(self.store, self.protection, self.tokens)

    def table_names(self, path: str) -> tuple[str, str]:
        """Returns the logical name and the entity set behind a path."""
        if path == PATH:
            return NAME, NAME
        name = self.service.table_named(path)
        table = self.store.by_name.get(name)
        return name, name if table is None else table.definition.entity_set

    def _watch_message(self, name: str) -> None:
        self.counters.messages[name] += 1

    def _watch_part(self, request: Request) -> Response | None:
        """Counts a batch part and lets a fault answer it."""
        table, entity_set = self.table_names(request.path)
        self.counters.parts[f"{request.method} {table}"] += 1
        fault = self.faults.strike(request, table, entity_set, "part")
        return None if fault is None else fault.response()
