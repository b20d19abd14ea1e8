"""Roles, their rights and their assignments: who may do what, and files that are not understood."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from local.dataverse.extensions import read_extension
from tests.local.dataverse import soap_calls as soap

APPLICATION = "switchboard@nordic-care.example"
ASA = "asa.lindqvist@nordic-care.example"


def assign(dataverse: Any, users: dict[str, list[str]] | None = None, **tables: list[str]) -> None:
    roles = {"roles": {"Some": tables}, "assignments": {APPLICATION: ["Some"]} if users is None else users}
    response = dataverse.control("POST", "roles", roles)
    assert response.status_code == 200, response.text


def refusal(response: httpx.Response) -> tuple[int, str, str]:
    error = response.json()["error"]
    return response.status_code, error["code"], error["message"]


def test_without_roles_everything_is_allowed_and_a_reset_takes_them_away(dataverse: Any) -> None:
    assert dataverse.get("contacts").status_code == 200
    assign(dataverse, account=["Read"])
    assert dataverse.get("contacts").status_code == 403
    dataverse.control("POST", "reset", {"keep": ["roles"]})
    assert dataverse.get("contacts").status_code == 403
    dataverse.control("POST", "reset")
    assert dataverse.get("contacts").status_code == 200


def test_each_right_is_asked_for_by_name(dataverse: Any) -> None:
    row = dataverse.create("contacts", {"lastname": "A"})
    attempts: dict[str, Callable[[], httpx.Response]] = {
        "Read": lambda: dataverse.get(f"contacts({row})"),
        "Create": lambda: dataverse.send("POST", "contacts", {"lastname": "B"}),
        "Write": lambda: dataverse.send("PATCH", f"contacts({row})", {"lastname": "C"}),
        "Delete": lambda: dataverse.send("DELETE", f"contacts({row})"),
    }
    for right, attempt in attempts.items():
        assign(dataverse, contact=[other for other in attempts if other != right])
        status, code, message = refusal(attempt())
        assert (status, code) == (403, "0x80040220")
        assert f"is missing prv{right}contact privilege" in message
    for right, attempt in attempts.items():
        assign(dataverse, contact=[right])
        assert attempt().status_code in {200, 204}, right


def test_a_lookup_needs_append_here_and_append_to_there(dataverse: Any) -> None:
    account = dataverse.rows("accounts", top="1")[0]["accountid"]
    body = {"lastname": "A", "parentcustomerid_account@odata.bind": f"/accounts({account})"}
    assign(dataverse, contact=["Create"], account=["AppendTo"])
    assert "prvAppendcontact" in refusal(dataverse.send("POST", "contacts", body))[2]
    assign(dataverse, contact=["Create", "Append"])
    assert "prvAppendToaccount" in refusal(dataverse.send("POST", "contacts", body))[2]
    assign(dataverse, contact=["Create", "Append"], account=["AppendTo"])
    assert dataverse.send("POST", "contacts", body).status_code == 204


def test_another_owner_needs_assign(dataverse: Any) -> None:
    agent = dataverse.rows("systemusers", filter="employeeid eq '00017'")[0]["systemuserid"]
    body = {"lastname": "A", "ownerid@odata.bind": f"/systemusers({agent})"}
    assign(dataverse, contact=["Create"])
    assert "prvAssigncontact" in refusal(dataverse.send("POST", "contacts", body))[2]
    dataverse.environment(ownerNeedsAssign=False)
    assert dataverse.send("POST", "contacts", body).status_code == 204


def test_activities_share_their_rights_and_parties_have_none_of_their_own(dataverse: Any) -> None:
    contact = dataverse.rows("contacts", top="1")[0]["contactid"]
    parties = [{"participationtypemask": 1, "partyid_contact@odata.bind": f"/contacts({contact})"}]
    assign(dataverse, activitypointer=["Create", "Read", "Append"], contact=["AppendTo"])
    call = dataverse.create("phonecalls", {"subject": "A", "phonecall_activity_parties": parties})
    assert dataverse.get(f"activitypointers({call})").status_code == 200
    assert dataverse.send("PATCH", f"phonecalls({call})", {"subject": "B"}).status_code == 403


def test_queue_items_have_the_privileges_of_their_queues(dataverse: Any) -> None:
    queue = dataverse.rows("queues", top="1")[0]["queueid"]
    call = dataverse.create("phonecalls", {"subject": "A"})
    target = {"Target": {"@odata.type": "Microsoft.Dynamics.CRM.phonecall", "activityid": call}}
    path = f"queues({queue})/Microsoft.Dynamics.CRM.AddToQueue"
    assign(dataverse, phonecall=["Read"], queue=["Read"])
    assert "prvAppendToqueue" in refusal(dataverse.send("POST", path, target))[2]
    assign(dataverse, queue=["Read", "AppendTo"])
    assert "prvReadphonecall" in refusal(dataverse.send("POST", path, target))[2]
    assign(dataverse, phonecall=["Read"], queue=["AppendTo"])
    item = dataverse.send("POST", path, target).json()["QueueItemId"]
    assert "prvReadqueue" in refusal(dataverse.get("queueitems"))[2]
    assert dataverse.send("PATCH", f"queueitems({item})", {"priority": 1}).status_code == 204
    assert dataverse.send("DELETE", f"queueitems({item})").status_code == 204


def test_other_tables_are_not_read_through_the_back_door(dataverse: Any) -> None:
    assign(dataverse, contact=["Read"])
    assert dataverse.get("contacts", expand="parentcustomerid_account($select=name)").status_code == 403
    query = (
        '<fetch><entity name="contact"><link-entity name="account" from="accountid" to="parentcustomerid"/>'
        "</entity></fetch>"
    )
    assert dataverse.http.get("contacts", params={"fetchXml": query}).status_code == 403
    row = dataverse.rows("contacts", filter="_parentcustomerid_value ne null", top="1")[0]["contactid"]
    assert dataverse.get(f"contacts({row})/parentcustomerid_account").status_code == 403
    assert dataverse.get("sdkmessagefilters").status_code == 200


def test_parts_of_a_batch_and_bulk_messages_are_checked_too(dataverse: Any) -> None:
    assign(dataverse, contact=["Create"])
    parts = [dataverse.part("POST", name, {"lastname": "A"}) for name in ("contacts", "leads")]
    _, answers = dataverse.run_batch(parts, "odata.continue-on-error")
    assert [answer.status for answer in answers] == [204, 403]
    target = {"@odata.type": "Microsoft.Dynamics.CRM.lead", "subject": "A"}
    bulk = dataverse.send("POST", "leads/Microsoft.Dynamics.CRM.CreateMultiple", {"Targets": [target]})
    assert refusal(bulk)[:2] == (403, "0x80040220")


def test_impersonation_needs_its_right_and_both_users_rights(dataverse: Any) -> None:
    agent = dataverse.rows("systemusers", filter="employeeid eq '00017'")[0]
    headers = {"CallerObjectId": agent["azureactivedirectoryobjectid"]}
    both = {APPLICATION: ["Some"], ASA: ["Some"]}
    assign(dataverse, both, contact=["Read"])
    assert "prvActOnBehalfOfAnotherUser" in refusal(dataverse.get("contacts", headers=headers))[2]
    assign(dataverse, both, contact=["Read"], organization=["ActOnBehalfOfAnotherUser"])
    assert dataverse.get("contacts", headers=headers).status_code == 200
    assign(dataverse, {APPLICATION: ["Some"]}, contact=["Read"], organization=["ActOnBehalfOfAnotherUser"])
    assert refusal(dataverse.get("contacts", headers=headers))[:2] == (403, "0x80042f09")


def test_a_user_without_roles_is_told_so(dataverse: Any) -> None:
    assign(dataverse, {ASA: ["Some"]}, contact=["Read"])
    assert refusal(dataverse.get("contacts"))[:2] == (403, "0x80042f09")
    assert dataverse.get("WhoAmI").status_code == 200


def test_the_soap_endpoint_and_the_search_ask_for_rights(dataverse: Any) -> None:
    assign(dataverse, contact=["Read"])
    search = soap.execute(dataverse, "msdyn_GetResourceAvailability", soap.text("Version", "1"))
    assert search.code == int("0x80040220", 16) - 2**32
    assert dataverse.send("POST", "msdyn_SearchResourceAvailability", {}).status_code == 403


def test_roles_and_assignments_are_rows_too(dataverse: Any) -> None:
    assign(dataverse, role=["Read"], systemuserroles=["Read"], systemuser=["Read"])
    (role,) = dataverse.rows("roles", filter="name eq 'Some'")
    (held,) = dataverse.rows("systemuserrolescollection", filter=f"roleid eq {role['roleid']}")
    assert held["systemuserid"] == dataverse.get("WhoAmI").json()["UserId"]


@pytest.mark.parametrize(
    ("roles", "named"),
    [
        ({"roles": {"A": {"nosuchtable": ["Read"]}}}, "nosuchtable"),
        ({"roles": {"A": {"contact": ["Peek"]}}}, "Peek"),
        ({"roles": {"A": {"contact": ["ActOnBehalfOfAnotherUser"]}}}, "ActOnBehalfOfAnotherUser"),
        ({"roles": {"A": {"contact": "Read"}}}, "contact"),
        ({"roles": {"A": []}}, "A"),
        ({"roles": {}, "assignments": {APPLICATION: ["Ghost"]}}, "Ghost"),
        ({"roles": {"A": {}}, "assignments": {"nobody@example.com": ["A"]}}, "nobody@example.com"),
        ({"rolls": {}}, "rolls"),
        ({"roles": {"Some": {"queueitem": ["Read"]}}}, "those on queue"),
        ([], "JSON object"),
    ],
)
def test_roles_that_are_not_understood_change_nothing(dataverse: Any, roles: Any, named: str) -> None:
    response = dataverse.control("POST", "roles", roles)
    assert response.status_code == 400
    assert named in response.json()["error"]
    assert dataverse.get("contacts").status_code == 200


@pytest.mark.parametrize(
    ("tables", "named"),
    [
        ({"contact": {"attribute": {}}}, "attribute"),
        ({"contact": {"attributes": {"new_a": {"type": "Strng"}}}}, "Strng"),
        ({"contact": {"attributes": {"new_a": {"type": "String", "maxlength": 5}}}}, "maxlength"),
        ({"contact": {"attributes": {"new_a": {"type": "String", "required_level": "Always"}}}}, "Always"),
        (
            {"contact": {"attributes": {"new_a": {"type": "Picklist", "options": [{"value": "1", "label": "A"}]}}}},
            "new_a",
        ),
        ({"contact": {"attributes": {"new_a": {"type": "Lookup", "targets": ["nosuch"]}}}}, "nosuch"),
        ({"contact": {"attributes": {"new_a": {"type": "Lookup"}}}}, "targets"),
        ({"contact": {"navigation": {"new_A": {"lookup": "new_a", "targets": ["account"]}}}}, "new_a"),
        ({"contact": {"collection_navigation": {"x": {"type": "nosuch", "partner": "y"}}}}, "nosuch"),
        ({"contact": {"collection_navigation": {"x": {"type": "lead", "partner": "y"}}}}, "y"),
        ({"contact": 5}, "contact"),
    ],
)
def test_columns_that_are_not_understood_are_named(dataverse: Any, tables: Any, named: str) -> None:
    response = dataverse.control("POST", "columns", {"tables": tables})
    assert response.status_code == 400
    assert named in response.json()["error"]


def test_a_columns_file_must_be_an_object(tmp_path: Any) -> None:
    path = tmp_path / "columns.json"
    path.write_text("[]")
    with pytest.raises(ValueError, match=r"columns\.json"):
        read_extension(path)
