"""A contact centre to route for: customers whose numbers people typed, open cases, agents with shifts. Pure.

Everything follows from a customer's number in the row, so that the right target of each call is known beforehand.
"""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

CUSTOMERS = 100_000
AGENTS = 200
POOL = "+35840675644"
SETUP = "4beb9fdb-48e9-453f-b008-5862ff902c5d"
"""msdyn_bookingsetupmetadata of shift bookings ("Import shifts into Customer Service")."""
COMMITTED, ASSIGNABLE, NOT_ASSIGNABLE = 2, 192350000, 192350001
PAST_DAYS = 40
"""Days of old shifts that each agent has."""

SPELLINGS = (
    "+35850{a}{b}{c}",
    "+358 50 {a} {b}{c}",
    "050 {a}{b}{c}",
    "050-{a} {b}{c}",
    "(050) {a}{b}{c}",
    "0035850{a}{b}{c}",
    "+358 (0)50 {a} {b}{c}",
    "050{a}{b}{c}",
    "+358-50-{a}-{b}{c}",
    "+358 50 {a} {b} {c}",
    "050 {a} {b} {c}",
    "+358 50 {a}{b}{c}",
    "050/{a}{b}{c}",
    "358 50 {a} {b}{c}",
    "050 {a} {b}{c} ext. 12",
    "+35850{a}{b}{c}",
)
"""How numbers are stored, customer by customer."""

RULES: dict[str, Any] = {
    "openingHours": {"support": {"timeZone": "Europe/Helsinki", "weekly": {"mon-sun": ["00:00-24:00"]}}},
    "rules": [
        {
            "name": "VIP",
            "when": {"pool": [POOL], "match": ["contact", "account"], "account": {"customertypecode": 3}},
            "then": {"target": "+35853445657", "failTarget": "+358401112222"},
        },
        {
            "name": "case owner on shift",
            "when": {"openCase": True, "open": "support"},
            "then": {"agent": "caseOwner", "onShift": {"minutes": 10}, "else": "continue"},
        },
        {
            "name": "last agent",
            "when": {"match": ["contact"]},
            "then": {"agent": "lastAgent", "withinDays": 14, "onShift": {"minutes": 5}, "else": "continue"},
        },
        {
            "name": "Swedish speakers",
            "when": {"extradata": {"DYN_PAR_Culture": "sv-*"}},
            "then": {"target": "+35853440000"},
        },
        {"name": "closed", "when": {"closed": "support"}, "then": {"target": "DISCONNECT:"}},
    ],
}
"""The rules of the product's own example (docs/smart-routing.md), open around the clock."""

MATCHING: dict[str, Any] = {"defaultRegion": "FI"}


def documents() -> dict[str, bytes]:
    """The configuration, by the names of its documents."""
    return {
        "routing.json": json.dumps(RULES).encode(),
        "customer-matching.json": json.dumps(MATCHING).encode(),
    }


def caller(customer: int) -> str:
    """The number (E.164) by which this customer calls."""
    return f"+35850{2_000_000 + customer}"


def stored(customer: int) -> str:
    """The same number as it stands in Dynamics."""
    digits = caller(customer).removeprefix("+35850")
    return SPELLINGS[customer % len(SPELLINGS)].format(a=digits[:3], b=digits[3:5], c=digits[5:])


def expected(customer: int) -> str | None:
    """The target of this customer's call; None for the default route."""
    agent = owner(customer)
    return number_of(agent) if agent is not None and on_shift(agent) else None


def owner(customer: int) -> int | None:
    """The agent who owns this customer's open case; every second customer has one."""
    return customer // 2 % AGENTS if customer % 2 == 0 else None


def on_shift(agent: int) -> bool:
    """Whether this agent works now; every fourth does not, or has a break."""
    return agent % 4 != 0


def number_of(agent: int) -> str:
    """The number at which an agent answers."""
    return f"+35898{1_000_000 + agent}"


# ------------------------------------------------------------------------------------------------------- rows


def rows(now: datetime, customers: int = CUSTOMERS) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """All rows of the contact centre by entity set, in an order in which each finds what it names."""
    yield (
        "systemusers",
        [
            {
                "systemuserid": _id("a1", agent),
                "fullname": f"Agent {agent}",
                "address1_telephone1": number_of(agent),
                "isdisabled": False,
            }
            for agent in range(AGENTS)
        ],
    )
    yield (
        "bookableresources",
        [
            {
                "bookableresourceid": _id("b1", agent),
                "name": f"Agent {agent}",
                "resourcetype": 3,
                "UserId@odata.bind": f"/systemusers({_id('a1', agent)})",
            }
            for agent in range(AGENTS)
        ],
    )
    yield "bookingstatuses", [{"bookingstatusid": _id("c1", 0), "name": "Committed", "status": COMMITTED}]
    yield (
        "msdyn_shiftactivitytypes",
        [
            {
                "msdyn_shiftactivitytypeid": _id("d1", kind),
                "msdyn_name": f"Activity {kind}",
                "msdyn_shiftassignmentstatus": status,
            }
            for kind, status in enumerate((ASSIGNABLE, NOT_ASSIGNABLE))
        ],
    )
    yield "bookableresourcebookings", list(_bookings(now))
    yield (
        "contacts",
        [
            {"contactid": _id("e1", customer), "lastname": f"Customer {customer}", _column(customer): stored(customer)}
            for customer in range(customers)
        ],
    )
    yield (
        "incidents",
        [
            {
                "incidentid": _id("f1", customer),
                "title": f"Case {customer}",
                "customerid_contact@odata.bind": f"/contacts({_id('e1', customer)})",
                "ownerid@odata.bind": f"/systemusers({_id('a1', agent)})",
            }
            for customer in range(customers)
            if (agent := owner(customer)) is not None
        ],
    )


def _column(customer: int) -> str:
    return "mobilephone" if customer % 3 else "telephone1"


def _id(kind: str, number: int) -> str:
    return f"{kind}000000-0000-4000-8000-{number:012x}"


def _bookings(now: datetime) -> Iterator[dict[str, Any]]:
    number = 0
    for agent in range(AGENTS):
        spans = [(now - timedelta(days=day, hours=4), now - timedelta(days=day, hours=-4), 0) for day in _PAST]
        if on_shift(agent):
            # Two that meet: a shift is rarely one booking.
            spans += [(now - timedelta(hours=4), now, 0), (now, now + timedelta(hours=6), 0)]
        elif agent % 8 == 0:
            spans += [(now - timedelta(hours=4), now + timedelta(hours=6), 0)]
            spans += [(now - timedelta(hours=1), now + timedelta(hours=5), 1)]
        for start, end, kind in spans:
            yield {
                "bookableresourcebookingid": _id("9a", number),
                "name": "Shift",
                "starttime": _utc(start),
                "endtime": _utc(end),
                "duration": int((end - start).total_seconds() // 60),
                "bookingtype": 1,
                "Resource@odata.bind": f"/bookableresources({_id('b1', agent)})",
                "BookingStatus@odata.bind": f"/bookingstatuses({_id('c1', 0)})",
                "msdyn_shiftactivitytype@odata.bind": f"/msdyn_shiftactivitytypes({_id('d1', kind)})",
                "msdyn_BookingSetupMetadataId@odata.bind": f"/msdyn_bookingsetupmetadatas({SETUP})",
            }
            number += 1


_PAST = range(1, PAST_DAYS + 1)


def _utc(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
