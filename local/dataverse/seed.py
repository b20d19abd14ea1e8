"""The rows that every fresh environment has: a Nordic care and energy customer base. All people are invented.

Ids are derived from a name, so that they are the same in every run: `row_id("contact", "elina.korhonen")`.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from local.dataverse.multiples import CREATE_ONLY_TABLES, MESSAGES, TABLES, supports

NAMESPACE = UUID("5eed0000-0000-4000-8000-000000000000")
SHIFT_SETUP = "4beb9fdb-48e9-453f-b008-5862ff902c5d"

type Rows = dict[str, list[dict[str, Any]]]


def row_id(table: str, name: str) -> str:
    """Returns the id of a seeded row."""
    return str(uuid5(NAMESPACE, f"{table}:{name}"))


ORGANIZATION = row_id("organization", "nordic-care")
BUSINESS_UNIT = row_id("businessunit", "nordic-care")
APPLICATION_USER = row_id("systemuser", "switchboard")
DATA: dict[str, Any] = json.loads((Path(__file__).parent / "seed.json").read_text("utf-8"))


def seed_rows() -> Rows:
    """Returns all rows of the seed by entity set, in an order in which every lookup finds its row."""
    return {
        "organizations": [{"organizationid": ORGANIZATION, "name": "Nordic Care", "languagecode": 1033}],
        "businessunits": [{"businessunitid": BUSINESS_UNIT, "name": "Nordic Care"}],
        "systemusers": [_application_user(), *map(_agent, DATA["agents"])],
        "roles": [{"roleid": row_id("role", name), "name": name} for name in DATA["roles"]],
        "subjects": [{"subjectid": row_id("subject", name), "title": name} for name in DATA["subjects"]],
        "products": [{"productid": row_id("product", p["productnumber"]), **p} for p in DATA["products"]],
        "teams": [{"teamid": row_id("team", team["name"]), **team} for team in DATA["teams"]],
        "queues": [_queue(queue) for queue in DATA["queues"]],
        "bookingstatuses": [_booking_status(status) for status in DATA["booking_statuses"]],
        "msdyn_bookingsetupmetadatas": [_shift_setup()],
        "accounts": [_account(account) for account in DATA["accounts"]],
        "contacts": [_contact(contact) for contact in DATA["contacts"]],
        "leads": [{"leadid": row_id("lead", lead["subject"]), **lead} for lead in DATA["leads"]],
        "incidents": [_case(case) for case in DATA["cases"]],
        "sdkmessages": [{"sdkmessageid": row_id("sdkmessage", name), "name": name} for name in MESSAGES],
        "sdkmessagefilters": _message_filters(),
    }


def role_rows(names: list[str], assigned: Mapping[str, tuple[str, ...]]) -> Rows:
    """Returns the rows of roles and of their assignments to user ids."""
    return {
        "roles": [{"roleid": row_id("role", name), "name": name} for name in names],
        "systemuserrolescollection": [
            {
                "systemuserroleid": row_id("systemuserrole", f"{user}:{name}"),
                "systemuserid": user,
                "roleid": row_id("role", name),
            }
            for user, held in assigned.items()
            for name in held
        ],
    }


def _application_user() -> dict[str, Any]:
    return {
        "systemuserid": APPLICATION_USER,
        "firstname": "#",
        "lastname": "Switchboard",
        "fullname": "# Switchboard",
        "domainname": "switchboard@nordic-care.example",
        "applicationid": "5eed0000-0000-4000-8000-0000000000a1",
        "azureactivedirectoryobjectid": "5eed0000-0000-4000-8000-0000000000a2",
        "accessmode": 4,
        "_businessunitid_value": BUSINESS_UNIT,
    }


def _agent(agent: dict[str, Any]) -> dict[str, Any]:
    return {
        "systemuserid": row_id("systemuser", agent["email"]),
        "firstname": agent["first"],
        "lastname": agent["last"],
        "fullname": f"{agent['first']} {agent['last']}",
        "domainname": agent["email"],
        "internalemailaddress": agent["email"],
        "employeeid": agent["emp"],
        "address1_telephone1": agent.get("work"),
        "mobilephone": agent.get("mobile"),
        "azureactivedirectoryobjectid": agent["aadId"],
        "isdisabled": not agent["enabled"],
        "islicensed": True,
        "accessmode": 0,
        "_businessunitid_value": BUSINESS_UNIT,
    }


def _queue(queue: dict[str, Any]) -> dict[str, Any]:
    """A queue belongs to the application user, unless it names a user by the e-mail or a team."""
    row = {"queueid": row_id("queue", queue["name"]), **queue}
    owner = row.pop("owner", None)
    if owner is not None:
        entity_set, table = ("systemusers", "systemuser") if "@" in owner else ("teams", "team")
        row["ownerid@odata.bind"] = f"/{entity_set}({row_id(table, owner)})"
    return row


def _booking_status(status: dict[str, Any]) -> dict[str, Any]:
    return {"bookingstatusid": row_id("bookingstatus", status["name"]), **status}


def _shift_setup() -> dict[str, Any]:
    """The row that exists out of the box and that every shift booking points at."""
    return {
        "msdyn_bookingsetupmetadataid": SHIFT_SETUP,
        "msdyn_entitylogicalname": "msdyn_shiftplan",
        "_msdyn_defaultbookingcommittedstatus_value": row_id("bookingstatus", "Committed"),
        "_msdyn_defaultbookingcanceledstatus_value": row_id("bookingstatus", "Canceled"),
    }


def _account(account: dict[str, Any]) -> dict[str, Any]:
    row = {"accountid": row_id("account", account["name"]), **account}
    parent = row.pop("parent", None)
    if parent is not None:
        row["_parentaccountid_value"] = row_id("account", parent)
    return row


def _contact(contact: dict[str, Any]) -> dict[str, Any]:
    row = {"contactid": row_id("contact", contact["emailaddress1"].partition("@")[0]), **contact}
    row["parentcustomerid_account@odata.bind"] = f"/accounts({row_id('account', row.pop('account'))})"
    return row


def _case(case: dict[str, Any]) -> dict[str, Any]:
    row = {"incidentid": row_id("incident", case["title"]), **case}
    row["customerid_account@odata.bind"] = f"/accounts({row_id('account', row.pop('account'))})"
    row["primarycontactid@odata.bind"] = f"/contacts({row_id('contact', row.pop('contact'))})"
    row["ownerid@odata.bind"] = f"/systemusers({row_id('systemuser', row.pop('owner'))})"
    row["subjectid@odata.bind"] = f"/subjects({row_id('subject', row.pop('subject'))})"
    return row


def _message_filters() -> list[dict[str, Any]]:
    """One row for each bulk message of each table. UpsertMultiple is not listed: it follows from the other two."""
    return [
        {
            "sdkmessagefilterid": row_id("sdkmessagefilter", f"{message}:{table}"),
            "primaryobjecttypecode": table,
            "_sdkmessageid_value": row_id("sdkmessage", message),
        }
        for message in ("CreateMultiple", "UpdateMultiple")
        for table in sorted(TABLES | CREATE_ONLY_TABLES)
        if supports(table, message)
    ]
