"""Generated from the metadata: each column and navigation property of the tables in use refuses what it cannot hold."""

from typing import Any
from uuid import uuid4

import pytest

from local.dataverse.metadata import shipped_schema

SCHEMA = shipped_schema()
TABLES = [
    "bookableresourcebooking",
    "bookableresource",
    "bookingstatus",
    "msdyn_shiftplan",
    "msdyn_shiftactivitytype",
    "msdyn_bookingsetupmetadata",
    "phonecall",
    "activityparty",
    "incident",
    "contact",
    "account",
    "lead",
    "systemuser",
    "queue",
    "queueitem",
    "annotation",
]
LOOKUPS = {"Lookup", "Customer", "Owner"}
CHOICES = {"Picklist", "State", "Status"}
UNREADABLE = "0x80048d19"
MISSING = str(uuid4())
WRONG_TYPES: dict[str, list[Any]] = {
    "Edm.String": [5, True, {"a": 1}, ["a"]],
    "Edm.Int32": ["5", 5.5, True, 2**31, -(2**31) - 1],
    "Edm.Int64": ["5", 5.5, True],
    "Edm.Decimal": ["5", True],
    "Edm.Double": ["5", False],
    "Edm.Boolean": [1, "true", 0],
    "Edm.DateTimeOffset": [
        5,
        "tomorrow",
        "2026-11-21T08:00:00+02:00Z",
        "2026-13-01T00:00:00Z",
        "21.11.2026 08:00",
        "2026-11-21",
    ],
    "Edm.Date": [5, "2026-02-30", "2026-11-21T08:00:00Z"],
    "Edm.Guid": ["not-a-guid", 5, "{8d3f0e0c-0000-4000-8000-000000000000}"],
}

type Probe = tuple[dict[str, Any], str]


def wrong_type_probes(column: str, raw: dict[str, Any]) -> list[Probe]:
    """A column that is no property, a lookup under its own name, and every JSON value of another type."""
    if raw.get("edm_type", "?") is None:
        return [({column: []}, UNREADABLE)]
    if raw["type"] in LOOKUPS:
        return [({f"_{column}_value": MISSING}, UNREADABLE), ({column: MISSING}, UNREADABLE)]
    edm = raw.get("edm_type", "Edm.String")
    return [({column: value}, UNREADABLE) for value in WRONG_TYPES[edm]]


def limit_probes(column: str, raw: dict[str, Any]) -> list[Probe]:
    """The first value beyond each limit of a column that may be written on create."""
    kind = raw["type"]
    probes: list[tuple[Any, str]] = []
    if kind in {"String", "Memo"} and raw.get("max_length", 10**9) <= 100_000:
        length = raw["max_length"]
        probes += [("x" * (length + 1), "0x80044331"), ("\U0001f4de" * (length // 2 + 1), "0x80044331")]
    if kind in {"Integer", "BigInt", "Decimal", "Double", "Money"}:
        code = "0x8004432f" if kind in {"Integer", "BigInt"} else "0x80044330"
        low, high = raw.get("min"), raw.get("max")
        in_int32 = kind != "Integer" or high is None or high < 2**31 - 1
        probes += [(high + 1, code)] if high is not None and in_int32 else []
        probes += [(low - 1, code)] if low is not None and low > -(2**31) else []
    if kind in CHOICES and raw.get("options"):
        probes.append((987_654, "0x8004431a"))
    if kind == "MultiSelectPicklist":
        probes += [("987654", "0x8004431a"), ("one", "0x8004431a")]
    if kind == "DateTime" and raw["edm_type"] == "Edm.DateTimeOffset":
        probes.append(("1752-12-31T23:59:59Z", "0x80040239"))
    return [({column: value}, code) for value, code in probes]


def probes_of(table: str) -> list[Probe]:
    probes = []
    for column, raw in SCHEMA[table]["attributes"].items():
        probes += wrong_type_probes(column, raw)
        if raw.get("valid_for_create", True):
            probes += limit_probes(column, raw)
    return probes


def writable_navigation(table: str) -> list[tuple[str, dict[str, Any]]]:
    return [item for item in SCHEMA[table]["navigation"].items() if not item[1].get("read_only")]


@pytest.mark.parametrize("table", TABLES)
def test_each_column_refuses_what_it_cannot_hold_with_the_documented_code(dataverse: Any, table: str) -> None:
    dataverse.environment(direct_party_create="accept")
    probes = probes_of(table)
    assert len(probes) > 40
    answers = dataverse.creates(SCHEMA[table]["entity_set"], [body for body, _ in probes])
    wrong = [
        (body, code, answer.status, answer.body)
        for (body, code), answer in zip(probes, answers, strict=True)
        if (answer.status, answer.code) != (400, code)
    ]
    assert wrong == []


@pytest.mark.parametrize("table", TABLES)
def test_each_navigation_property_refuses_another_case_and_a_missing_row(dataverse: Any, table: str) -> None:
    dataverse.environment(direct_party_create="accept")
    probes: list[tuple[dict[str, Any], int, str]] = []
    for name, navigation in writable_navigation(table):
        target = SCHEMA.get(navigation["targets"][0])
        if target is None:
            probes.append(({f"{name}@odata.bind": f"/{navigation['targets'][0]}s({MISSING})"}, 400, "0x80060888"))
            continue
        bind = f"/{target['entity_set']}({MISSING})"
        other_set = "roles" if target["entity_set"] != "roles" else "subjects"
        probes.append(({f"{name}@odata.bind": bind}, 404, "0x80040217"))
        probes.append(({f"{name}@odata.bind": f"/{other_set}({MISSING})"}, 400, "0x80040203"))
        other_case = name.upper() if name != name.upper() else name.lower()
        probes.append(({f"{other_case}@odata.bind": bind}, 400, UNREADABLE))
    answers = dataverse.creates(SCHEMA[table]["entity_set"], [body for body, _, _ in probes])
    wrong = [
        (probe, answer.status, answer.body)
        for probe, answer in zip(probes, answers, strict=True)
        if (answer.status, answer.code) != probe[1:]
    ]
    assert wrong == []


def highest_value(raw: dict[str, Any]) -> Any:
    """The largest value that the column takes; None when the type has no such thing."""
    kind = raw["type"]
    if kind in {"String", "Memo"}:
        return "ä" * min(raw.get("max_length", 50), 2000)
    if kind in {"Integer", "BigInt", "Decimal", "Double", "Money"}:
        return raw.get("max", 7)
    if kind == "Picklist":
        return raw["options"][-1]["value"] if raw.get("options") else 1
    if kind == "MultiSelectPicklist":
        return ",".join(str(option["value"]) for option in raw["options"])
    moment = "9999-12-31" if raw.get("edm_type") == "Edm.Date" else "9999-12-31T23:59:59Z"
    return {"Boolean": True, "DateTime": moment, "Uniqueidentifier": MISSING}.get(kind)


@pytest.mark.parametrize("table", [table for table in TABLES if table != "queueitem"])
def test_each_column_takes_and_returns_a_value_at_its_limit(dataverse: Any, table: str) -> None:
    raw = SCHEMA[table]
    body = {
        column: highest_value(attribute)
        for column, attribute in raw["attributes"].items()
        if attribute["valid_for_update"] and highest_value(attribute) is not None
    }
    row_id = next(iter(dataverse.control("POST", "rows", {raw["entity_set"]: [{}]}).json()[raw["entity_set"]]))
    address = f"{raw['entity_set']}({row_id})"
    assert dataverse.send("PATCH", address, body, headers={"If-Match": "*"}).text == ""
    stored = dataverse.get(address).json()
    computed = {"fullname", "activitytypecode", "objecttypecode"}
    assert {name: stored[name] for name in body if name not in computed} == {
        name: value for name, value in body.items() if name not in computed
    }


REQUIRED = {
    "bookableresourcebookings": {"bookingtype", "starttime", "endtime", "duration", "Resource", "BookingStatus"},
    "bookableresources": {"name", "resourcetype", "timezone"},
    "bookingstatuses": {"name", "status"},
    "msdyn_shiftactivitytypes": {"msdyn_shiftassignmentstatus"},
    "incidents": {"customerid_account"},
    "msdyn_shiftplans": set(),
    "phonecalls": set(),
    "contacts": set(),
    "accounts": set(),
    "leads": set(),
    "annotations": set(),
    "queues": set(),
}


@pytest.fixture
def complete_bodies(dataverse: Any) -> dict[str, dict[str, Any]]:
    """The smallest body that each table takes."""
    resource = dataverse.create("bookableresources", {"name": "Anna", "resourcetype": 1, "timezone": 125})
    status = dataverse.rows("bookingstatuses", filter="status eq 2")[0]["bookingstatusid"]
    account = dataverse.rows("accounts", top="1")[0]["accountid"]
    bodies: dict[str, dict[str, Any]] = {entity_set: {} for entity_set in REQUIRED}
    bodies["bookableresourcebookings"] = {
        "bookingtype": 1,
        "starttime": "2027-03-22T08:00:00Z",
        "endtime": "2027-03-22T09:00:00Z",
        "duration": 60,
        "Resource@odata.bind": f"/bookableresources({resource})",
        "BookingStatus@odata.bind": f"/bookingstatuses({status})",
    }
    bodies["bookableresources"] = {"name": "Zoë", "resourcetype": 3, "timezone": 125}
    bodies["bookingstatuses"] = {"name": "Held", "status": 2}
    bodies["msdyn_shiftactivitytypes"] = {"msdyn_shiftassignmentstatus": 192350000}
    bodies["incidents"] = {"customerid_account@odata.bind": f"/accounts({account})"}
    return bodies


@pytest.mark.parametrize("entity_set", REQUIRED)
def test_a_create_needs_each_required_column_and_no_other(
    dataverse: Any, complete_bodies: dict[str, dict[str, Any]], entity_set: str
) -> None:
    complete = complete_bodies[entity_set]
    assert {name.removesuffix("@odata.bind") for name in complete} == REQUIRED[entity_set]
    dataverse.create(entity_set, complete)
    for missing in complete:
        response = dataverse.send("POST", entity_set, {k: v for k, v in complete.items() if k != missing})
        assert (response.status_code, response.json()["error"]["code"]) == (400, "0x80040200"), missing
