"""Create, update, upsert, delete: status matrix, versions, states, dates, deep insert, keys."""

from typing import Any
from uuid import uuid4

import pytest

MISSING = "00000000-0000-4000-8000-00000000dead"


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def test_a_create_answers_204_with_the_address_and_no_body(dataverse: Any) -> None:
    response = dataverse.send("POST", "contacts", {"lastname": "Virtanen"})
    assert response.status_code == 204
    assert response.content == b""
    assert response.headers["OData-EntityId"].startswith(f"{dataverse.origin}/api/data/v9.2/contacts(")
    assert response.headers["OData-Version"] == "4.0"


def test_a_create_with_representation_answers_201_with_the_selected_columns_and_no_address(dataverse: Any) -> None:
    response = dataverse.send(
        "POST", "contacts?$select=fullname", {"firstname": "Åsa", "lastname": "Ek"}, "return=representation"
    )
    assert response.status_code == 201
    assert response.headers["Preference-Applied"] == "return=representation"
    assert "OData-EntityId" not in response.headers
    assert set(response.json()) == {"@odata.context", "@odata.etag", "fullname", "contactid"}
    assert response.json()["fullname"] == "Åsa Ek"


def test_a_client_supplied_id_is_taken_and_a_second_use_is_refused(dataverse: Any) -> None:
    row_id = str(uuid4())
    assert dataverse.create("contacts", {"contactid": row_id.upper(), "lastname": "A"}) == row_id
    assert code(dataverse.send("POST", "contacts", {"contactid": row_id, "lastname": "B"})) == (412, "0x80040237")
    assert dataverse.get(f"contacts({row_id})").json()["lastname"] == "A"


def test_a_patch_creates_what_is_missing_and_updates_what_is_there(dataverse: Any) -> None:
    address = f"contacts({uuid4()})"
    assert dataverse.send("PATCH", address, {"lastname": "A"}, "return=representation").status_code == 201
    assert dataverse.send("PATCH", address, {"lastname": "B"}, "return=representation").status_code == 200
    response = dataverse.send("PATCH", address, {"firstname": "C"})
    assert response.status_code == 204
    assert response.headers["OData-EntityId"].endswith(address)
    assert dataverse.get(address).json()["fullname"] == "C B"


def test_if_match_star_never_creates_and_if_none_match_star_never_updates(dataverse: Any) -> None:
    address = f"contacts({uuid4()})"
    assert code(dataverse.send("PATCH", address, {"lastname": "A"}, headers={"If-Match": "*"})) == (404, "0x80040217")
    create_only = {"If-None-Match": "*"}
    assert dataverse.send("PATCH", address, {"lastname": "A"}, headers=create_only).status_code == 204
    refused = dataverse.send("PATCH", address, {"lastname": "B"}, headers=create_only)
    assert code(refused) == (412, "0x80040237")
    assert refused.json()["error"]["message"] == "A record with matching key values already exists."
    assert dataverse.get(address).json()["lastname"] == "A"


def test_a_stale_version_is_refused_on_patch_and_delete_and_each_write_makes_a_new_one(dataverse: Any) -> None:
    address = f"contacts({dataverse.create('contacts', {'lastname': 'A'})})"
    first = dataverse.get(address).headers["ETag"]
    assert dataverse.send("PATCH", address, {"lastname": "B"}, headers={"If-Match": first}).status_code == 204
    second = dataverse.get(address).json()["@odata.etag"]
    assert second != first
    for method, body in (("PATCH", {"lastname": "C"}), ("DELETE", None)):
        assert code(dataverse.send(method, address, body, headers={"If-Match": first})) == (412, "0x80060882")
    assert dataverse.send("DELETE", address, headers={"If-Match": second}).status_code == 204


def test_a_known_version_answers_304_but_never_with_expand_or_annotations(dataverse: Any) -> None:
    address = f"contacts({dataverse.rows('contacts', top='1')[0]['contactid']})"
    known = {"If-None-Match": dataverse.get(address).headers["ETag"]}
    assert dataverse.get(address, headers=known).status_code == 304
    assert dataverse.get(address, headers=known, expand="owninguser").status_code == 200
    assert dataverse.get(address, 'odata.include-annotations="*"', known).status_code == 200
    assert dataverse.get(address, headers={"If-None-Match": "null"}).status_code == 200


def test_a_missing_row_answers_404_to_get_and_delete(dataverse: Any) -> None:
    for method in ("GET", "DELETE"):
        response = dataverse.send(method, f"contacts({MISSING})")
        assert code(response) == (404, "0x80040217")
        assert response.json()["error"]["message"] == f"contact With Id = {MISSING} Does Not Exist"


def test_a_missing_bind_can_be_switched_to_400(dataverse: Any) -> None:
    dataverse.environment(missing_bind_status=400)
    response = dataverse.send("POST", "contacts", {"parentcustomerid_account@odata.bind": f"/accounts({MISSING})"})
    assert code(response) == (400, "0x80040217")


def test_an_over_long_text_is_refused_in_the_words_of_the_platform(dataverse: Any) -> None:
    response = dataverse.send("POST", "phonecalls", {"subject": "x" * 201})
    assert response.json()["error"]["message"] == (
        "A validation error occurred.  The length of the 'subject' attribute of the 'phonecall' entity exceeded the "
        "maximum allowed length of '200'."
    )


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        pytest.param("2026-11-21T10:00:00+02:00", "2026-11-21T08:00:00Z", id="an offset is honoured"),
        pytest.param("2026-11-21T08:00:00Z", "2026-11-21T08:00:00Z", id="Z is UTC"),
        pytest.param("2026-11-21T08:00:00", "2026-11-21T08:00:00Z", id="no offset is UTC"),
        pytest.param("2026-11-21T08:00:00.987Z", "2026-11-21T08:00:00Z", id="fractions of a second are dropped"),
        pytest.param("2027-01-01T00:30:00+05:30", "2026-12-31T19:00:00Z", id="the day may change"),
    ],
)
def test_a_moment_is_stored_in_utc(dataverse: Any, sent: str, stored: str) -> None:
    row_id = dataverse.create("phonecalls", {"scheduledstart": sent})
    assert dataverse.get(f"phonecalls({row_id})").json()["scheduledstart"] == stored


def test_the_platform_fills_its_own_columns_and_the_defaults(dataverse: Any) -> None:
    me = dataverse.get("WhoAmI").json()
    row = dataverse.get(f"phonecalls({dataverse.create('phonecalls', {})})").json()
    for column in ("_ownerid_value", "_owninguser_value", "_createdby_value", "_modifiedby_value"):
        assert row[column] == me["UserId"]
    assert row["_owningbusinessunit_value"] == me["BusinessUnitId"]
    assert (row["statecode"], row["statuscode"], row["directioncode"]) == (0, 1, True)
    assert row["createdon"] == row["modifiedon"]
    assert row["@odata.etag"] == f'W/"{row["versionnumber"]}"'


def test_a_read_only_column_is_ignored_or_refused_as_the_switch_says(dataverse: Any) -> None:
    body = {"lastname": "A", "createdon": "2001-01-01T00:00:00Z"}
    row_id = dataverse.create("contacts", body)
    assert dataverse.get(f"contacts({row_id})").json()["createdon"] > "2020"
    dataverse.environment(readonly_columns="refuse")
    assert dataverse.send("POST", "contacts", body).status_code == 400


def test_a_call_is_created_open_and_completed_by_a_matching_pair(dataverse: Any) -> None:
    assert code(dataverse.send("POST", "phonecalls", {"statecode": 1, "statuscode": 2})) == (400, "0x80040203")
    address = f"phonecalls({dataverse.create('phonecalls', {'subject': 'In'})})"
    assert code(dataverse.send("PATCH", address, {"statecode": 1, "statuscode": 1})) == (400, "0x80048408")
    assert code(dataverse.send("PATCH", address, {"statuscode": 4})) == (400, "0x80048408")
    assert dataverse.send("PATCH", address, {"statecode": 1, "statuscode": 4}).status_code == 204
    row = dataverse.get(address).json()
    assert (row["statecode"], row["statuscode"]) == (1, 4)
    assert dataverse.send("PATCH", address, {"statecode": 2}).status_code == 204
    assert dataverse.get(address).json()["statuscode"] == 3


def test_a_state_in_a_create_body_can_be_switched_to_ignored(dataverse: Any) -> None:
    dataverse.environment(create_statecode="ignore")
    row_id = dataverse.create("phonecalls", {"statecode": 1})
    assert dataverse.get(f"phonecalls({row_id})").json()["statecode"] == 0


def test_a_required_column_cannot_be_set_to_null(dataverse: Any) -> None:
    row_id = dataverse.create("bookingstatuses", {"name": "Held", "status": 2})
    assert code(dataverse.send("PATCH", f"bookingstatuses({row_id})", {"name": None})) == (400, "0x80040200")


def test_parties_are_made_with_their_call_and_go_with_it(dataverse: Any) -> None:
    contact = dataverse.rows("contacts", top="1")[0]["contactid"]
    call = dataverse.create(
        "phonecalls",
        {
            "subject": "Inbound",
            "phonecall_activity_parties": [
                {"partyid_contact@odata.bind": f"/contacts({contact})", "participationtypemask": 1},
                {"partyid_systemuser@odata.bind": f"/systemusers({dataverse.get('WhoAmI').json()['UserId']})",
                 "participationtypemask": 2},
            ],
        },
    )  # fmt: skip
    expanded = dataverse.get(f"phonecalls({call})", expand="phonecall_activity_parties($orderby=participationtypemask)")
    parties = expanded.json()["phonecall_activity_parties"]
    assert [party["participationtypemask"] for party in parties] == [1, 2]
    assert parties[0]["_partyid_value"] == contact
    assert {party["_activityid_value"] for party in parties} == {call}
    replaced = {"phonecall_activity_parties": [{"participationtypemask": 2}]}
    assert dataverse.send("PATCH", f"phonecalls({call})", replaced).status_code == 204
    assert len(dataverse.rows("activityparties", filter=f"_activityid_value eq {call}")) == 1
    assert dataverse.send("DELETE", f"phonecalls({call})").status_code == 204
    assert dataverse.rows("activityparties") == []


def test_a_bad_party_leaves_no_call_behind(dataverse: Any) -> None:
    body = {"subject": "In", "phonecall_activity_parties": [{"participationtypemask": 99}]}
    assert code(dataverse.send("POST", "phonecalls", body)) == (400, "0x8004431a")
    assert dataverse.rows("phonecalls") == []


def test_a_nested_parent_is_created_first(dataverse: Any) -> None:
    row_id = dataverse.create("accounts", {"name": "Uusi Oy", "primarycontactid": {"lastname": "First"}})
    row = dataverse.get(f"accounts({row_id})", expand="primarycontactid($select=lastname)").json()
    assert row["primarycontactid"]["lastname"] == "First"


def test_a_lookup_is_cleared_by_ref_and_set_by_ref_with_an_absolute_address(dataverse: Any) -> None:
    account = dataverse.rows("accounts", top="1")[0]["accountid"]
    contact = dataverse.create("contacts", {"parentcustomerid_account@odata.bind": f"accounts({account})"})
    reference = f"contacts({contact})/parentcustomerid_account/$ref"
    assert dataverse.send("DELETE", reference).status_code == 204
    assert dataverse.get(f"contacts({contact})").json()["_parentcustomerid_value"] is None
    relative = {"@odata.id": f"accounts({account})"}
    assert dataverse.send("PUT", reference, relative).status_code == 400
    absolute = {"@odata.id": f"{dataverse.origin}/api/data/v9.2/accounts({account})"}
    assert dataverse.send("PUT", reference, absolute).status_code == 204
    assert dataverse.get(f"contacts({contact})").json()["_parentcustomerid_value"] == account


def test_a_null_bind_clears_a_lookup_unless_the_switch_refuses_it(dataverse: Any) -> None:
    account = dataverse.rows("accounts", top="1")[0]["accountid"]
    contact = dataverse.create("contacts", {"parentcustomerid_account@odata.bind": f"/accounts({account})"})
    dataverse.environment(null_bind="refuse")
    cleared = {"parentcustomerid_account@odata.bind": None}
    assert code(dataverse.send("PATCH", f"contacts({contact})", cleared)) == (400, "0x80048d19")
    dataverse.environment(null_bind="clear")
    assert dataverse.send("PATCH", f"contacts({contact})", cleared).status_code == 204
    assert dataverse.get(f"contacts({contact})").json()["_parentcustomerid_value"] is None


def test_one_property_is_read_put_and_deleted(dataverse: Any) -> None:
    address = f"accounts({dataverse.create('accounts', {'name': 'Uusi Oy'})})/name"
    assert dataverse.get(address).json()["value"] == "Uusi Oy"
    assert dataverse.get(f"{address}/$value").text == "Uusi Oy"
    assert dataverse.send("PUT", address, {"value": "Vanha Oy"}).status_code == 204
    assert dataverse.get(address).json()["value"] == "Vanha Oy"
    assert dataverse.send("DELETE", address).status_code == 204
    assert dataverse.get(address).status_code == 204


def test_users_go_by_the_bare_id_only(dataverse: Any) -> None:
    me = dataverse.get("WhoAmI").json()["UserId"]
    assert dataverse.get(f"systemusers({me})").status_code == 200
    assert code(dataverse.get(f"systemusers(systemuserid={me})")) == (400, "0x80060888")
    contact = dataverse.rows("contacts", top="1")[0]["contactid"]
    assert dataverse.get(f"contacts(contactid={contact})").status_code == 200


def test_a_booked_resource_cannot_be_deleted(dataverse: Any) -> None:
    resource = str(uuid4())
    dataverse.control(
        "POST",
        "rows",
        {
            "bookableresources": [{"bookableresourceid": resource, "name": "A"}],
            "bookableresourcebookings": [{"Resource@odata.bind": f"/bookableresources({resource})"}],
        },
    )
    assert code(dataverse.send("DELETE", f"bookableresources({resource})")) == (405, "0x80040227")


def test_an_alternate_key_upserts_and_is_unique(dataverse: Any) -> None:
    assert code(dataverse.get("accounts(accountnumber='N-1')")) == (400, "0x80060888")
    dataverse.control("POST", "columns", {"account": {"keys": {"number": ["accountnumber"]}}})
    address = "accounts(accountnumber='N-1')"
    assert code(dataverse.get(address)) == (404, "0x80060891")
    created = dataverse.send("PATCH", address, {"name": "A"})
    assert created.headers["OData-EntityId"].endswith(address)
    assert dataverse.send("PATCH", address, {"name": "B", "accountnumber": "ignored"}).status_code == 204
    row = dataverse.get(address).json()
    assert (row["name"], row["accountnumber"]) == ("B", "N-1")
    clash = dataverse.send("POST", "accounts", {"name": "C", "accountnumber": "n-1"})
    assert code(clash) == (412, "0x80060892")
    assert clash.json()["error"]["message"].startswith("Entity Key number violated.")
    contact = dataverse.create("contacts", {"parentcustomerid_account@odata.bind": f"/{address}"})
    assert dataverse.get(f"contacts({contact})").json()["_parentcustomerid_value"] == row["accountid"]


def test_a_queue_item_is_made_once_and_then_moved(dataverse: Any) -> None:
    first, second = (row["queueid"] for row in dataverse.rows("queues", top="2"))
    case = dataverse.rows("incidents", top="1")[0]["incidentid"]
    target = {"Target": {"@odata.type": "Microsoft.Dynamics.CRM.incident", "incidentid": case}}
    action = "Microsoft.Dynamics.CRM.AddToQueue"
    made = dataverse.send("POST", f"queues({first})/{action}", target).json()["QueueItemId"]
    version = dataverse.rows("queueitems")[0]["@odata.etag"]
    assert dataverse.send("POST", f"queues({first})/{action}", target).json()["QueueItemId"] == made
    assert dataverse.rows("queueitems")[0]["@odata.etag"] == version
    assert dataverse.send("POST", f"queues({second})/{action}", target).json()["QueueItemId"] == made
    items = dataverse.rows("queueitems")
    assert [(item["_queueid_value"], item["_objectid_value"], item["objecttypecode"]) for item in items] == [
        (second, case, 112)
    ]
    untyped = {"Target": {"incidentid": case}}
    assert code(dataverse.send("POST", f"queues({first})/{action}", untyped)) == (400, "0x80048d19")
    unbound = dataverse.send("POST", f"queues({first})/AddToQueue", target)
    assert unbound.json()["error"]["message"] == "Request message has unresolved parameters"


def test_a_case_is_resolved_by_close_incident(dataverse: Any) -> None:
    case = dataverse.rows("incidents", filter="statecode eq 0", top="1")[0]["incidentid"]
    body = {"IncidentResolution": {"subject": "Done", "incidentid@odata.bind": f"/incidents({case})"}, "Status": 5}
    assert dataverse.send("POST", "CloseIncident", body).status_code == 204
    row = dataverse.get(f"incidents({case})").json()
    assert (row["statecode"], row["statuscode"]) == (1, 5)
    assert dataverse.send("POST", "CloseIncident", body).status_code == 400


def test_a_new_case_is_numbered_by_the_platform(dataverse: Any) -> None:
    account = dataverse.rows("accounts", top="1")[0]["accountid"]
    case = dataverse.create("incidents", {"title": "T", "customerid_account@odata.bind": f"/accounts({account})"})
    assert dataverse.get(f"incidents({case})").json()["ticketnumber"].startswith("CAS-")


def test_an_impersonated_user_becomes_the_owner(dataverse: Any) -> None:
    agent = dataverse.rows("systemusers", filter="firstname eq 'Åsa'")[0]
    headers = {"CallerObjectId": agent["azureactivedirectoryobjectid"]}
    response = dataverse.send("POST", "phonecalls?$select=_ownerid_value", {}, "return=representation", headers)
    assert response.json()["_ownerid_value"] == agent["systemuserid"]
    assert dataverse.get("WhoAmI", headers={"CallerObjectId": MISSING}).status_code == 403


def test_lookups_to_a_deleted_row_are_cleared(dataverse: Any) -> None:
    contact = dataverse.create("contacts", {"lastname": "Gone"})
    bind = {"regardingobjectid_contact_phonecall@odata.bind": f"/contacts({contact})"}
    call = dataverse.create("phonecalls", bind)
    assert dataverse.rows("phonecalls", filter=f"_regardingobjectid_value eq {contact}")
    assert dataverse.send("DELETE", f"contacts({contact})").status_code == 204
    assert dataverse.get(f"phonecalls({call})").json()["_regardingobjectid_value"] is None
    assert dataverse.rows("phonecalls", filter=f"_regardingobjectid_value eq {contact}") == []


@pytest.mark.parametrize("body", [[], 5, "text"], ids=["array", "number", "string"])
def test_a_body_that_is_no_object_is_refused(dataverse: Any, body: Any) -> None:
    for method, path in (("POST", "contacts"), ("PATCH", f"contacts({MISSING})")):
        assert code(dataverse.send(method, path, body)) == (400, "0x80048d19")
