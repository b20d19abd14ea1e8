"""The names in `shared/dataverse/tables.py` are those of Microsoft's table metadata, case included.

`mypy` runs over this file too (`make check`): each `type: ignore` below stands on a wrong name, and a wrong name that
the type checker let pass would make its `ignore` an unused one, which is an error.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Never, get_args
from uuid import UUID

import pytest

from shared.dataverse import tables
from shared.dataverse.odata import Query, all_of
from shared.dataverse.tables import (
    ACCOUNT,
    ACTIVITY_PARTY,
    BOOKING,
    CONTACT,
    PHONE_CALL,
    SYSTEM_USER,
    TABLES,
    Table,
    UnknownNameError,
)

_SIMULATOR = Path(__file__).parents[2] / "local" / "dataverse"
METADATA: dict[str, Any] = json.loads((_SIMULATOR / "metadata.json").read_text(encoding="utf-8"))["tables"]
PLATFORM: dict[str, Any] = json.loads((_SIMULATOR / "platform_tables.json").read_text(encoding="utf-8"))["tables"]
ROW = UUID(int=1)


def known(table: Table) -> dict[str, Any]:
    """The table as Microsoft describes it; a few are described for the simulator only."""
    name = table.logical_name
    described: dict[str, Any] = METADATA[name] if name in METADATA else PLATFORM[name]
    return described


def lookups(table: Table) -> dict[str, set[str]]:
    """What each lookup of the metadata is read as, and the sets that its navigation properties lead to."""
    found: dict[str, set[str]] = {}
    for navigation in known(table)["navigation"].values():
        found.setdefault(f"_{navigation['lookup']}_value", set()).update(navigation.get("target_sets", []))
    return found


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.logical_name)
def test_every_name_is_one_of_dataverse(table: Table) -> None:
    attributes = known(table)["attributes"]
    assert (table.entity_set, table.primary_id) == (known(table)["entity_set"], known(table)["primary_id"])
    assert table.primary_id in table.readable
    for name in table.readable - {table.primary_id}:
        assert name in lookups(table) or attributes[name]["type"] not in {"Lookup", "Customer", "Owner", "PartyList"}
        assert name in lookups(table) or attributes[name].get("valid_for_read", True)
    for navigation, lookup in table.navigation.items():
        described = known(table)["navigation"][navigation]
        assert lookup.column == described["lookup"]
        assert lookup.target_set in described["target_sets"]
        assert lookup.value_property == described["property"]
    for collection, entity_set in table.nested.items():
        assert METADATA[known(table)["collection_navigation"][collection]["type"]]["entity_set"] == entity_set


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.logical_name)
def test_what_may_be_written_may_be_written_and_read(table: Table) -> None:
    assert table.columns <= table.readable
    for name in table.columns:
        attribute = known(table)["attributes"][name]
        assert attribute.get("valid_for_create", True) or attribute.get("valid_for_update", True)
        assert not name.startswith("_")
    for lookup in table.navigation.values():
        assert lookup.value_property in table.readable


# Message lists of the table reference. For the others no list says that they have them.
BULK = {
    "bookableresourcebooking", "bookableresource", "bookingstatus", "msdyn_shiftplan", "msdyn_shiftactivitytype",
    "incident", "contact", "account", "lead",
}  # fmt: skip


def test_bulk_messages_are_those_of_the_documentation() -> None:
    assert {table.logical_name for table in TABLES if table.bulk} == BULK
    for table in TABLES:
        messages = known(table).get("messages", {})
        assert messages.get("CreateMultiple", table.bulk) == table.bulk


def test_every_table_is_listed_once_with_the_names_of_its_types() -> None:
    defined = {name: value for name, value in vars(tables).items() if isinstance(value, Table)}
    assert sorted(table.logical_name for table in TABLES) == sorted(t.logical_name for t in defined.values())
    assert len({table.logical_name for table in TABLES}) == len(TABLES)
    for name, table in defined.items():
        prefix = name.title().replace("_", "")
        for kind, names in {
            "Read": table.readable, "Column": table.columns, "Navigation": frozenset(table.navigation),
            "Nested": frozenset(table.nested),
        }.items():  # fmt: skip
            assert names == frozenset(get_args(getattr(tables, prefix + kind, Never))), f"{prefix}{kind}"


RIGHT: list[Callable[[], object]] = [
    lambda: BOOKING.row(ROW, {"starttime": None, "duration": 1}, {"Resource": ROW}),
    lambda: Query(table=BOOKING, select=("starttime", "_resource_value"), where=BOOKING.eq("duration", 1)).path(),
    lambda: Query(
        table=CONTACT, select=("fullname",), order_by=("createdon", CONTACT.descending("contactid")),
        where=all_of(CONTACT.eq("statecode", 0), CONTACT.is_in("mobilephone", ["1"])),
        expand=(CONTACT.expand("parentcustomerid_account", Query(table=ACCOUNT, select=("name",))),),
    ).path(),
    lambda: PHONE_CALL.row(ROW, {}, nested={"phonecall_activity_parties": [ACTIVITY_PARTY.part_of_row({})]}),
    lambda: CONTACT.with_columns(["new_vip"]).row(ROW, {"new_vip": 1}),
    lambda: Query(table=CONTACT.with_columns(["new_vip"]), select=("new_vip",)).path(),
]  # fmt: skip

WRONG: list[Callable[[], object]] = [
    lambda: BOOKING.row(ROW, {"starttim": None}),  # type: ignore[dict-item]
    lambda: BOOKING.row(ROW, {"_resource_value": ROW}),  # type: ignore[dict-item]
    lambda: CONTACT.row(ROW, {"fullname": "read only"}),  # type: ignore[dict-item]
    lambda: SYSTEM_USER.row(ROW, {"fullname": "read only"}),  # type: ignore[dict-item]
    lambda: BOOKING.row(ROW, {}, {"resource": ROW}),  # type: ignore[dict-item]
    lambda: BOOKING.row(ROW, {}, nested={"parties": []}),  # type: ignore[dict-item]
    lambda: PHONE_CALL.row(ROW, {}, nested={"phonecall_parties": []}),  # type: ignore[dict-item]
    lambda: PHONE_CALL.row(ROW, {}, {"regardingobjectid": ROW}),  # type: ignore[dict-item]
    lambda: CONTACT.with_columns(["new_vip"]).row(ROW, {}, {"Parentcustomerid": ROW}),  # type: ignore[dict-item]
    lambda: Query(table=BOOKING, select=("starttim",)).path(),  # type: ignore[misc]
    lambda: Query(table=BOOKING, select=("Resource",)).path(),  # type: ignore[misc]
    lambda: Query(table=BOOKING, select=("name",), order_by=("starttim",)).path(),  # type: ignore[misc]
    lambda: Query(table=BOOKING, select=("name",), where=CONTACT.eq("fullname", "x")).path(),  # type: ignore[misc]
    lambda: Query(table=BOOKING, select=("name",), where=BOOKING.eq("starttim", 1)).path(),  # type: ignore[arg-type]
    lambda: Query(table=BOOKING, select=("name",), where=BOOKING.is_in("resource", ["1"])).path(),  # type: ignore[arg-type]
    lambda: Query(table=BOOKING, select=("name",), order_by=(BOOKING.descending("nam"),)).path(),  # type: ignore[arg-type]
    lambda: CONTACT.expand("parentcustomerid", Query(table=ACCOUNT, select=("name",))),  # type: ignore[arg-type]
    lambda: CONTACT.expand("parentcustomerid_contact", Query(table=ACCOUNT, select=("name",))),
    lambda: BOOKING.lookup("resource"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("build", RIGHT)
def test_a_right_name_is_taken(build: Callable[[], object]) -> None:
    assert build()


@pytest.mark.parametrize("build", WRONG)
def test_a_wrong_name_is_refused_at_run_time_too(build: Callable[[], object]) -> None:
    with pytest.raises(UnknownNameError):
        build()
