"""Security roles from a file or `POST /__sim/roles`: who may do what. Without them everything is allowed.

    {"roles": {"Integration": {"phonecall": ["Create", "Read"], "organization": ["ActOnBehalfOfAnotherUser"]}},
     "assignments": {"integration@contoso.example": ["Integration"]}}

A right counts for all rows of its table (depth "Organization"; other depths are not simulated). A user goes by its
id, user name, Entra object id or application id. All activities, their parties and the base table share the rights
of `activitypointer`, as they do on the platform. Queue items have no privileges of their own: whoever may read a
queue may read its items, and whoever may append to it may create, change and delete them ("Queue tables").
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.dataverse.errors import DataverseError
from local.dataverse.store import ID_SLOT, Store, Table

RIGHTS = frozenset({"Create", "Read", "Write", "Delete", "Append", "AppendTo", "Assign", "Share"})
PLATFORM = "organization"
PLATFORM_RIGHTS = frozenset({"ActOnBehalfOfAnotherUser", "BypassCustomPlugins"})
ACTIVITY = "activitypointer"
QUEUE_CODE = 2020
# Read by every client to find its way; no role takes this away.
OPEN_TABLES = frozenset({"sdkmessage", "sdkmessagefilter", "organization"})
USER_NAMES = ("systemuserid", "domainname", "azureactivedirectoryobjectid", "applicationid")

type Right = tuple[str, str]


@dataclass(frozen=True)
class Grants:
    """What one caller may do, and who it is."""

    caller: str
    rights: frozenset[Right]
    role_count: int

    def require(self, table: Table, right: str) -> None:
        """Refuses what no role of the caller allows."""
        name, code = table.definition.name, table.definition.object_type_code
        if name == "queueitem":
            name, code, right = "queue", QUEUE_CODE, "Read" if right == "Read" else "AppendTo"
        if (family(table), right) in self.rights or (name in OPEN_TABLES and right == "Read"):
            return
        raise self.missing(f"prv{right}{name}", code, name)

    def missing(self, privilege: str, code: int, table: str) -> DataverseError:
        """Builds the refusal; a user without any role has a code of its own."""
        if not self.role_count:
            return DataverseError(403, "0x80042f09", f"The user with id {self.caller} has not been assigned any roles.")
        return DataverseError(
            403,
            "0x80040220",
            f"Principal user (Id={self.caller}, type=8, roleCount={self.role_count}) is missing {privilege} privilege "
            f"on OTC={code} for entity '{table}'.",
        )

    def require_impersonation(self) -> None:
        """Refuses a caller that may not act for others."""
        if (PLATFORM, "ActOnBehalfOfAnotherUser") not in self.rights:
            raise self.missing("prvActOnBehalfOfAnotherUser", 0, PLATFORM)

    def acting_for(self, other: "Grants") -> "Grants":
        """Returns the rights that both have (that it is the intersection is UNCONFIRMED)."""
        return Grants(other.caller, self.rights & other.rights, min(self.role_count, other.role_count))


def family(table: Table) -> str:
    """Returns the table whose rights count."""
    definition = table.definition
    if definition.base_type == ACTIVITY or definition.name == "activityparty":
        return ACTIVITY
    return "queue" if definition.name == "queueitem" else definition.name


@dataclass(frozen=True)
class Roles:
    """The rights of each role and the roles of each user id."""

    rights: Mapping[str, frozenset[Right]]
    assigned: Mapping[str, tuple[str, ...]]

    def grants(self, user_id: str) -> Grants:
        """Returns what the user may do."""
        names = self.assigned.get(user_id, ())
        return Grants(user_id, frozenset().union(*(self.rights[name] for name in names)), len(names))


def read_roles(raw: Any, store: Store) -> Roles:
    """Returns the roles, or raises ValueError that names the unknown member, table, right, role or user."""
    if not isinstance(raw, dict):
        raise ValueError("Roles are a JSON object.")
    unknown = raw.keys() - {"roles", "assignments"}
    if unknown:
        raise ValueError(f"The roles have the unknown member {min(unknown)}.")
    roles, assignments = raw.get("roles", {}), raw.get("assignments", {})
    if not isinstance(roles, dict) or not isinstance(assignments, dict):
        raise ValueError("'roles' and 'assignments' are JSON objects.")
    rights = {name: _rights(name, tables, store) for name, tables in roles.items()}
    assigned: dict[str, tuple[str, ...]] = {}
    for user, names in assignments.items():
        for name in _names(names, f"The assignment of {user}"):
            if name not in rights:
                raise ValueError(f"The assignment of {user} names the unknown role {name}.")
        user_id = _user_id(user, store)
        assigned[user_id] = (*assigned.get(user_id, ()), *names)
    return Roles(rights, assigned)


def _rights(role: str, tables: Any, store: Store) -> frozenset[Right]:
    if not isinstance(tables, dict):
        raise ValueError(f"The role {role} is a JSON object of tables.")
    found: set[Right] = set()
    for name, rights in tables.items():
        table = store.by_name.get(name)
        if table is None:
            raise ValueError(f"The role {role} names the unknown table {name}.")
        if name == "queueitem":
            raise ValueError(f"The role {role} names queueitem, which has no privileges but those on queue.")
        known = RIGHTS | PLATFORM_RIGHTS if name == PLATFORM else RIGHTS
        for right in _names(rights, f"The role {role}, table {name},"):
            if right not in known:
                raise ValueError(f"The role {role} names the unknown privilege {right} of {name}.")
            found.add((family(table), right))
    return frozenset(found)


def _names(names: Any, where: str) -> list[str]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{where} takes a list of names.")
    return names


def _user_id(user: str, store: Store) -> str:
    users = store.by_name["systemuser"]
    for column in USER_NAMES:
        slot = users.slots[column]
        for row in users.rows.values():
            if row[slot] is not None and str(row[slot]).casefold() == user.casefold():
                return str(row[ID_SLOT])
    raise ValueError(f"The assignments name the unknown user {user}.")
