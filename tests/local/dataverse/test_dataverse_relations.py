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


# ------------------------------------------------------------------------------------- many-to-many relations


@pytest.fixture
def pair(dataverse: Any) -> tuple[str, str]:
    """A user, and a role that it does not have."""
    user = dataverse.rows("systemusers", top="1")[0]["systemuserid"]
    return user, dataverse.create("roles", {"name": "Voice User"})


def associate(dataverse: Any, below: str, target: str) -> Any:
    body = {"@odata.id": f"{dataverse.origin}/api/data/v9.2/{target}"}
    return dataverse.send("POST", f"{below}/systemuserroles_association/$ref", body)


def roles_of(dataverse: Any, user: str) -> list[str]:
    rows = dataverse.rows(f"systemusers({user})/systemuserroles_association", select="name", filter="name ne null")
    return [row["name"] for row in rows]


def test_a_role_is_given_and_taken_and_the_user_stays_unchanged(dataverse: Any, pair: tuple[str, str]) -> None:
    user, role = pair
    before, had = dataverse.get(f"systemusers({user})").json(), roles_of(dataverse, user)
    assert associate(dataverse, f"systemusers({user})", f"roles({role})").status_code == 204
    assert roles_of(dataverse, user) == [*had, "Voice User"]
    assert dataverse.get(f"systemusers({user})").json() == before
    (row,) = dataverse.rows("systemuserrolescollection", filter=f"roleid eq {role}")
    assert row["systemuserid"] == user
    members = dataverse.rows(f"roles({role})/systemuserroles_association", select="systemuserid")
    assert [member["systemuserid"] for member in members] == [user]
    gone = dataverse.send("DELETE", f"systemusers({user})/systemuserroles_association({role})/$ref")
    assert (gone.status_code, roles_of(dataverse, user)) == (204, had)
    assert dataverse.rows("systemuserrolescollection", filter=f"roleid eq {role}") == []


def test_a_role_is_given_from_its_own_end_too_and_only_once(dataverse: Any, pair: tuple[str, str]) -> None:
    user, role = pair
    assert associate(dataverse, f"roles({role})", f"systemusers({user})").status_code == 204
    again = associate(dataverse, f"systemusers({user})", f"roles({role})")
    assert (again.status_code, again.json()["error"]["code"]) == (412, "0x80040237")
    assert len(dataverse.rows("systemuserrolescollection", filter=f"roleid eq {role}")) == 1


def test_what_cannot_be_associated_is_refused(dataverse: Any, pair: tuple[str, str]) -> None:
    user, role = pair
    assert associate(dataverse, f"systemusers({user})", f"systemusers({user})").status_code == 400
    assert associate(dataverse, f"systemusers({user})", f"roles({user})").status_code == 404
    assert associate(dataverse, f"systemusers({role})", f"roles({role})").status_code == 404
    assert dataverse.send("GET", f"systemusers({user})/systemuserroles_association/$ref").status_code == 405
    dataverse.control("POST", "roles", {"roles": {"R": {"systemuser": ["Read"]}}, "assignments": {}})
    try:
        assert associate(dataverse, f"systemusers({user})", f"roles({role})").status_code == 403
    finally:
        dataverse.control("POST", "roles", None)


def test_pairs_are_not_written_as_rows(dataverse: Any, pair: tuple[str, str]) -> None:
    user, role = pair
    associate(dataverse, f"systemusers({user})", f"roles({role})")
    (row,) = dataverse.rows("systemuserrolescollection", filter=f"roleid eq {role}")
    address = f"systemuserrolescollection({row['systemuserroleid']})"
    for method, path in (("POST", "systemuserrolescollection"), ("PATCH", address), ("DELETE", address)):
        response = dataverse.send(method, path, None if method == "DELETE" else {"roleid": role, "systemuserid": user})
        assert (response.status_code, response.json()["error"]["code"]) == (400, "0x80040800"), method
