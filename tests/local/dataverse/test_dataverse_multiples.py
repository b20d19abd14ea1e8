"""CreateMultiple, UpdateMultiple and UpsertMultiple: all or nothing."""

from typing import Any
from uuid import uuid4

import pytest

TYPE = {"@odata.type": "Microsoft.Dynamics.CRM.contact"}


def send(dataverse: Any, message: str, targets: list[dict[str, Any]], entity_set: str = "contacts") -> Any:
    return dataverse.send("POST", f"{entity_set}/Microsoft.Dynamics.CRM.{message}", {"Targets": targets})


def test_create_multiple_answers_the_ids_in_order(dataverse: Any) -> None:
    given = str(uuid4())
    response = send(dataverse, "CreateMultiple", [{**TYPE, "lastname": "A"}, {**TYPE, "contactid": given}])
    assert response.status_code == 200
    ids = response.json()["Ids"]
    assert response.json()["@odata.context"].endswith("$metadata#Microsoft.Dynamics.CRM.CreateMultipleResponse")
    assert ids[1] == given
    assert dataverse.get(f"contacts({ids[0]})").json()["lastname"] == "A"


def test_upsert_multiple_creates_and_updates_without_telling_which(dataverse: Any) -> None:
    old, new = dataverse.create("contacts", {"lastname": "Old"}), str(uuid4())
    targets = [
        {**TYPE, "contactid": old, "lastname": "Changed"},
        {**TYPE, "contactid": new, "lastname": "New"},
        {**TYPE, "lastname": "Nameless"},
    ]
    response = send(dataverse, "UpsertMultiple", targets)
    assert (response.status_code, response.content) == (204, b"")
    assert dataverse.get(f"contacts({old})").json()["lastname"] == "Changed"
    assert dataverse.get(f"contacts({new})").json()["lastname"] == "New"
    assert len(dataverse.rows("contacts", filter="lastname eq 'Nameless'")) == 1


@pytest.mark.parametrize("message", ["CreateMultiple", "UpdateMultiple", "UpsertMultiple"])
def test_one_bad_target_undoes_all(dataverse: Any, message: str) -> None:
    ids = [dataverse.create("contacts", {"lastname": "Before"}) for _ in range(3)]
    key = {} if message == "CreateMultiple" else {"contactid": ids[0]}
    targets = [{**TYPE, **key, "lastname": "After"}, {**TYPE, "contactid": ids[1], "lastname": "x" * 51}]
    response = send(dataverse, message, targets)
    assert response.status_code in {400, 412}
    assert "RequestIndex" not in response.text
    assert dataverse.rows("contacts", filter="lastname eq 'After'") == []
    assert len(dataverse.rows("contacts", filter="lastname eq 'Before'")) == 3


def test_update_multiple_needs_each_row(dataverse: Any) -> None:
    old = dataverse.create("contacts", {"lastname": "Old"})
    assert send(dataverse, "UpdateMultiple", [{**TYPE, "contactid": old, "lastname": "New"}]).status_code == 204
    assert send(dataverse, "UpdateMultiple", [{**TYPE, "contactid": str(uuid4())}]).status_code == 404
    assert send(dataverse, "UpdateMultiple", [{**TYPE, "lastname": "New"}]).status_code == 400


def test_each_target_needs_its_type(dataverse: Any) -> None:
    for target in ({"lastname": "A"}, {"@odata.type": "Microsoft.Dynamics.CRM.account", "lastname": "A"}):
        response = send(dataverse, "CreateMultiple", [{**TYPE, "lastname": "A"}, target])
        assert (response.status_code, response.json()["error"]["code"]) == (400, "0x80048d19")
    assert dataverse.rows("contacts", filter="lastname eq 'A'") == []


def test_two_targets_with_one_key_are_refused(dataverse: Any) -> None:
    row_id = str(uuid4())
    response = send(dataverse, "UpsertMultiple", [{**TYPE, "contactid": row_id}, {**TYPE, "contactid": row_id.upper()}])
    assert response.status_code == 400
    assert dataverse.get(f"contacts({row_id})").status_code == 404


@pytest.mark.parametrize("entity_set", ["phonecalls", "queues", "queueitems", "annotations", "systemusers"])
def test_tables_without_the_messages_refuse_them(dataverse: Any, entity_set: str) -> None:
    target = {"@odata.type": f"Microsoft.Dynamics.CRM.{entity_set.rstrip('s')}"}
    for message in ("CreateMultiple", "UpdateMultiple", "UpsertMultiple"):
        assert send(dataverse, message, [target], entity_set).status_code == 400


def test_delete_multiple_is_for_elastic_tables_and_a_bare_name_is_not_resolved(dataverse: Any) -> None:
    assert send(dataverse, "DeleteMultiple", [TYPE]).status_code == 400
    response = dataverse.send("POST", "contacts/CreateMultiple", {"Targets": [TYPE]})
    assert response.json()["error"]["message"] == "Request message has unresolved parameters"


def test_an_alternate_key_identifies_a_target_and_must_not_be_repeated(dataverse: Any) -> None:
    dataverse.control("POST", "columns", {"account": {"keys": {"number": ["accountnumber"]}}})
    kind = {"@odata.type": "Microsoft.Dynamics.CRM.account", "@odata.id": "accounts(accountnumber='N-1')"}
    repeated = send(dataverse, "UpsertMultiple", [{**kind, "accountnumber": "N-1"}], "accounts")
    assert repeated.status_code == 400
    for name in ("A", "B"):
        assert send(dataverse, "UpsertMultiple", [{**kind, "name": name}], "accounts").status_code == 204
    assert [row["name"] for row in dataverse.rows("accounts", filter="accountnumber eq 'N-1'")] == ["B"]
