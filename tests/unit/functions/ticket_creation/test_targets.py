"""What configurations name in Dynamics."""

from typing import Any
from uuid import UUID

import pytest

from functions.ticket_creation.decide.targets import Found, Off, Target, resolved
from functions.ticket_creation.queries import references
from functions.ticket_creation.rules import TicketTriggers
from shared.dataverse.definitions import Column
from shared.dataverse.owners import Owner


def row(key: str, number: int, **columns: Any) -> dict[str, Any]:
    return {key: str(UUID(int=number)), **columns}


FOUND = Found(
    subjects=[row("subjectid", 1, title="Billing"), row("subjectid", 2, title="Twice"),
              row("subjectid", 3, title="twice")],
    products=[row("productid", 4, name="Router", productnumber="R-1", statecode=0),
              row("productid", 5, name="R-1", productnumber="X", statecode=0),
              row("productid", 6, name="Old", productnumber="O", statecode=1)],
    queues=[row("queueid", 7, name="Desk", statecode=0, _owninguser_value=str(UUID(int=8))),
            row("queueid", 9, name="Team desk", statecode=0, _owningteam_value=str(UUID(int=10)))],
    accounts=[row("accountid", 11, name="Fallback", accountnumber="F", statecode=0)],
    users=[row("systemuserid", 12, internalemailaddress="Deputy@x.example", domainname="d"),
           row("systemuserid", 13, internalemailaddress="gone@x.example", isdisabled=True)],
)  # fmt: skip
COLUMNS = {
    name: Column(name, kind, None, options, can_create)  # type: ignore[arg-type]
    for name, kind, options, can_create in (
        ("casetypecode", "choice", frozenset({1, 2, 3}), True),
        ("new_score", "whole", None, True),
        ("new_made", "moment", None, False),
        ("new_other", "lookup", None, True),
    )
}


def of(**rules: Any) -> Target | Off:
    document = TicketTriggers.model_validate({"configurations": {"c": rules}}, by_alias=True)
    return resolved(document, FOUND, COLUMNS)["c"]


@pytest.mark.parametrize(
    ("rules", "key", "value"),
    [
        ({"subject": "billing"}, "subject_id", UUID(int=1)),
        ({"subject": str(UUID(int=2)).upper()}, "subject_id", UUID(int=2)),
        ({"product": "r-1"}, "product_id", UUID(int=4)),
        ({"product": "Router"}, "product_id", UUID(int=4)),
        ({"queue": "DESK"}, "queue_id", UUID(int=7)),
        ({"fallbackAccount": "f"}, "fallback_account", UUID(int=11)),
        ({"queue": "Desk", "fallbackOwner": "queueOwner"}, "fallback_owner", Owner("user", UUID(int=8))),
        ({"queue": "Team desk", "fallbackOwner": "queueOwner"}, "fallback_owner", Owner("team", UUID(int=10))),
        ({"fallbackOwner": "deputy@x.example"}, "fallback_owner", Owner("user", UUID(int=12))),
        ({}, "fallback_owner", None),
    ],
)
def test_what_a_configuration_names_is_found(rules: dict[str, Any], key: str, value: object) -> None:
    target = of(**rules)
    assert isinstance(target, Target)
    assert getattr(target, key) == value


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ({"subject": "Sales"}, "its subject is not in Dynamics"),
        ({"subject": "Twice"}, "several rows in Dynamics are what its subject says: write the id"),
        ({"product": "Old"}, "its product is not active in Dynamics"),
        ({"queue": "Night desk"}, "its queue is not in Dynamics"),
        ({"fallbackOwner": "nobody@x.example"}, "its fallbackOwner is not in Dynamics"),
        ({"fallbackOwner": "gone@x.example"}, "the user of its fallbackOwner is disabled"),
        ({"caseType": 99}, "its caseType is a choice that has no such value"),
        ({"columns": {"new_missing": 1}}, "the case has no column new_missing"),
        ({"columns": {"new_score": "high"}}, "its column new_score takes a whole number"),
        ({"columns": {"new_made": "2027-03-01"}}, "the column new_made cannot be written when a case is created"),
        ({"columns": {"new_other": "${queue}"}}, "its column new_other is of a kind that no ticket can fill"),
    ],
)
def test_one_that_names_what_is_not_there_is_off(rules: dict[str, Any], reason: str) -> None:
    assert of(**rules) == Off("c", reason)


def test_a_template_is_checked_when_it_is_filled() -> None:
    assert isinstance(of(columns={"new_score": "${variables.score}"}), Target)


def test_all_that_is_named_is_asked_for_at_once() -> None:
    rules = {
        "subject": "Billing",
        "product": "R-1",
        "queue": "Desk",
        "fallbackAccount": "F",
        "fallbackOwner": "queueOwner",
    }
    document = TicketTriggers.model_validate(
        {"configurations": {"a": rules, "b": {"fallbackOwner": "x@x.example", "queue": str(UUID(int=7))}}},
        by_alias=True,
    )
    asked = references(document)
    tables = [query.table.logical_name for query in asked.queries]
    assert sorted(set(tables)) == ["account", "product", "queue", "subject", "systemuser"]
    found = asked.found([[{"of": query.table.logical_name}] for query in asked.queries])
    assert {row["of"] for row in found.queues} == {"queue"}
    assert len(found.queues) == tables.count("queue") == 2
    assert {row["of"] for row in found.users} == {"systemuser"}
