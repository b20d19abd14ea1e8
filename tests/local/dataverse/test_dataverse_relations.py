"""What hangs together: activities and their base table, deletes and the rows that point at what is deleted."""

from typing import Any

import pytest


def pointers(dataverse: Any, row_id: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = dataverse.rows("activitypointers", filter=f"activityid eq {row_id}")
    return rows


def test_a_phone_call_is_an_activity_too(dataverse: Any) -> None:
    contact = dataverse.create("contacts", {"lastname": "A"})
    bind = {"regardingobjectid_contact_phonecall@odata.bind": f"/contacts({contact})"}
    call = dataverse.create("phonecalls", {"subject": "Hello", "phonenumber": "+358401", **bind})
    (pointer,) = pointers(dataverse, call)
    assert (pointer["subject"], pointer["activitytypecode"]) == ("Hello", "phonecall")
    assert pointer["_regardingobjectid_value"] == contact
    assert "phonenumber" not in pointer
    dataverse.send("PATCH", f"phonecalls({call})", {"statecode": 1, "statuscode": 2})
    (pointer,) = pointers(dataverse, call)
    assert (pointer["statecode"], pointer["statuscode"]) == (1, 2)
    assert pointer["@odata.etag"] == dataverse.get(f"phonecalls({call})").json()["@odata.etag"]
    stats = dataverse.control("GET", "stats").json()["recordsWritten"]
    assert stats["created"] == {"contact": 1, "phonecall": 1}
    dataverse.send("DELETE", f"phonecalls({call})")
    assert pointers(dataverse, call) == []


def test_an_activity_that_was_rolled_back_is_none(dataverse: Any) -> None:
    before = len(dataverse.rows("activitypointers"))
    parts = [
        dataverse.part("POST", "phonecalls", {"subject": "A"}, content_id="1"),
        dataverse.part("POST", "phonecalls", {"subject": "A" * 300}, content_id="2"),
    ]
    dataverse.run_batch([dataverse.change_set(parts)])
    assert len(dataverse.rows("activitypointers")) == before


def test_activities_are_written_through_their_own_table(dataverse: Any) -> None:
    call = dataverse.create("phonecalls", {"subject": "A"})
    for method, path, body in (
        ("POST", "activitypointers", {"subject": "B"}),
        ("PATCH", f"activitypointers({call})", {"subject": "B"}),
        ("DELETE", f"activitypointers({call})", None),
    ):
        response = dataverse.send(method, path, body)
        assert (response.status_code, response.json()["error"]["code"]) == (400, "0x80040800"), method


def refused(dataverse: Any, address: str) -> tuple[int, str]:
    response = dataverse.send("DELETE", address)
    return response.status_code, response.json()["error"]["code"] if response.content else ""


@pytest.mark.parametrize(
    ("entity_set", "column"),
    [
        ("accounts", "_customerid_value"),
        ("businessunits", "_owningbusinessunit_value"),
        ("systemusers", "_ownerid_value"),
    ],
)
def test_a_row_that_required_lookups_point_at_cannot_be_deleted(dataverse: Any, entity_set: str, column: str) -> None:
    row_id = dataverse.rows("incidents", top="1")[0][column]
    assert refused(dataverse, f"{entity_set}({row_id})") == (405, "0x80040227")
    assert dataverse.get(f"{entity_set}({row_id})").status_code == 200


def test_a_skill_that_someone_has_cannot_be_deleted(dataverse: Any) -> None:
    skill = dataverse.create("characteristics", {"name": "Sami", "characteristictype": 1})
    resource = dataverse.create("bookableresources", {"name": "A", "resourcetype": 1, "timezone": 92})
    binds = {
        "Resource@odata.bind": f"/bookableresources({resource})",
        "Characteristic@odata.bind": f"/characteristics({skill})",
    }
    held = dataverse.create("bookableresourcecharacteristics", binds)
    assert refused(dataverse, f"characteristics({skill})") == (405, "0x80040227")
    assert refused(dataverse, f"bookableresources({resource})") == (204, "")
    assert dataverse.get(f"bookableresourcecharacteristics({held})").status_code == 404
    assert refused(dataverse, f"characteristics({skill})") == (204, "")


def test_deleting_a_customer_with_cases_is_a_switch(dataverse: Any) -> None:
    case = dataverse.rows("incidents", top="1")[0]
    dataverse.environment(deleteCustomerWithCases=True)
    assert refused(dataverse, f"accounts({case['_customerid_value']})") == (204, "")
    assert dataverse.get(f"incidents({case['incidentid']})").status_code == 404
