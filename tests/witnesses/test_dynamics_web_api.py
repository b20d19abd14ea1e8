"""The npm client dynamics-web-api 2.5 as a witness, over http: what it sends lands, and what it reports is true."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from local.dataverse.seed import row_id
from tests.witnesses.control import Control, Landed, held
from tests.witnesses.node_client import NodeClient, Refusal, RefusedError, step

ELINA = row_id("contact", "elina.korhonen")
MIKKO = row_id("contact", "mikko.lehtonen")
AURINKO = row_id("account", "Aurinko Energia Oy")
MISSING = "0f0f0f0f-0000-4000-8000-000000000000"
NEW = "0f0f0f0f-0000-4000-8000-000000000001"
BULK = "Microsoft.Dynamics.CRM."


def targets(*rows: dict[str, Any], table: str = "contact") -> dict[str, Any]:
    return {"Targets": [{"@odata.type": f"Microsoft.Dynamics.CRM.{table}", **row} for row in rows]}


def refusal(call: Callable[[], Any]) -> tuple[int, str, str]:
    with pytest.raises(RefusedError) as caught:
        call()
    (refused,) = caught.value.refusals
    return refused.status, refused.code, refused.message


def test_a_create_returns_the_id_of_the_row_that_landed(control: Control, node: NodeClient) -> None:
    contacts = Landed(control, "contacts")
    body = {"firstname": "Öykü", "lastname": "O'Neill & Söhne + 50 %", "mobilephone": "+358401234567",
            "donotphone": True, "parentcustomerid_account@odata.bind": f"/accounts({AURINKO})"}  # fmt: skip
    created = node.call("create", collection="contacts", data=body)
    expected = {"contactid": created, "firstname": "Öykü", "lastname": "O'Neill & Söhne + 50 %", "statecode": 0,
                "fullname": "Öykü O'Neill & Söhne + 50 %", "mobilephone": "+358401234567", "donotphone": True,
                "_parentcustomerid_value": AURINKO}  # fmt: skip
    came, changed, gone = contacts.changes()
    assert [held(row, expected) for row in came.values()] == [expected]
    assert (changed, gone) == ({}, set())
    counts = control.counts()
    assert (counts.requests, counts.created, counts.updated) == ({"POST contact": 1}, {"contact": 1}, {})


def test_a_create_with_representation_reports_the_stored_row(control: Control, node: NodeClient) -> None:
    answer = node.call("create", collection="contacts", data={"lastname": "Berg", "new_tier": 100_000_001},
                       returnRepresentation=True, select=["fullname", "new_tier", "statecode"],
                       includeAnnotations="OData.Community.Display.V1.FormattedValue")  # fmt: skip
    stored = control.rows("contacts")[answer["contactid"]]
    assert answer["fullname"] == stored["fullname"] == "Berg"
    assert answer["new_tier"] == stored["new_tier"] == 100_000_001
    assert answer["new_tier_Formatted"] == "Silver"
    assert answer["@odata.etag"] == f'W/"{stored["versionnumber"]}"'
    assert "lastname" not in answer


def test_a_nested_party_list_lands_with_its_call(control: Control, node: NodeClient) -> None:
    parties = [{"partyid_contact@odata.bind": f"/contacts({ELINA})", "participationtypemask": 1},
               {"partyid_account@odata.bind": f"/accounts({AURINKO})", "participationtypemask": 2}]  # fmt: skip
    call = node.call("create", collection="phonecalls",
                     data={"subject": "Inbound", "directioncode": False, "phonecall_activity_parties": parties,
                           "actualstart": "2026-11-21T10:00:00+02:00"})  # fmt: skip
    assert control.rows("phonecalls")[call]["actualstart"] == "2026-11-21T08:00:00Z"
    landed = [(p["_activityid_value"], p["_partyid_value"], p["participationtypemask"])
              for p in control.rows("activityparties").values()]  # fmt: skip
    assert sorted(landed) == sorted([(call, ELINA, 1), (call, AURINKO, 2)])


def test_create_multiple_returns_the_ids_in_order_and_lands_every_row(control: Control, node: NodeClient) -> None:
    contacts = Landed(control, "contacts")
    rows = [{"lastname": f"Bulk {number}", "new_voiceid": f"v-{number}"} for number in range(25)]
    answer = node.call("callAction", collection="contacts", actionName=f"{BULK}CreateMultiple", action=targets(*rows))
    came, changed, gone = contacts.changes()
    assert [held(came[created], rows[0]) for created in answer["Ids"]] == rows
    assert (len(came), changed, gone) == (25, {}, set())
    counts = control.counts()
    assert (counts.messages, counts.created) == ({"CreateMultiple": 1}, {"contact": 25})
    assert counts.requests == {"POST contact": 1}


def test_one_bad_target_of_a_bulk_create_lands_nothing(control: Control, node: NodeClient) -> None:
    contacts = Landed(control, "contacts")
    action = targets({"lastname": "Good"}, {"lastname": "x" * 51}, {"lastname": "Good too"})
    status, code, message = refusal(
        lambda: node.call("callAction", collection="contacts", actionName=f"{BULK}CreateMultiple", action=action)
    )
    assert (status, code) == (400, "0x80044331")
    assert "'lastname' attribute of the 'contact' entity exceeded the maximum allowed length of '50'" in message
    assert contacts.changes() == ({}, {}, set())


def test_an_upsert_by_id_creates_first_and_updates_then(control: Control, node: NodeClient) -> None:
    contacts = Landed(control, "contacts")
    for row in ({"lastname": "First", "mobilephone": "1"}, {"lastname": "Second"}):
        node.call("upsert", collection="contacts", key=NEW, data=row)
    came, changed, gone = contacts.changes()
    assert list(came) == [NEW]
    assert held(came[NEW], {"lastname": "", "mobilephone": ""}) == {"lastname": "Second", "mobilephone": "1"}
    assert (changed, gone) == ({}, set())
    counts = control.counts()
    assert counts.requests == {"PATCH contact": 2}
    assert (counts.created, counts.updated) == ({"contact": 1}, {"contact": 1})


def test_upsert_multiple_by_alternate_key_lands_new_and_existing_rows(control: Control, node: NodeClient) -> None:
    (known,) = control.plant("accounts", [{"name": "Known", "accountnumber": "W-1", "telephone1": "1"}])
    accounts = Landed(control, "accounts")
    action = targets({"@odata.id": "accounts(accountnumber='W-1')", "name": "Renamed"},
                     {"@odata.id": "accounts(accountnumber='W-2')", "name": "New by key"},
                     {"accountid": NEW, "name": "New by id"}, table="account")  # fmt: skip
    assert node.call("callAction", collection="accounts", actionName=f"{BULK}UpsertMultiple", action=action) is None
    came, changed, gone = accounts.changes()
    assert held(changed[known], {"name": 0, "accountnumber": 0, "telephone1": 0}) == {
        "name": "Renamed", "accountnumber": "W-1", "telephone1": "1"}  # fmt: skip
    assert sorted((row["name"], row["accountnumber"]) for row in came.values()) == [
        ("New by id", None), ("New by key", "W-2")]  # fmt: skip
    assert came[NEW]["name"] == "New by id"
    assert (list(changed), gone) == ([known], set())
    counts = control.counts()
    assert (counts.messages, counts.created, counts.updated) == (
        {"UpsertMultiple": 1}, {"account": 2}, {"account": 1})  # fmt: skip


def test_an_update_changes_its_columns_and_no_others(control: Control, node: NodeClient) -> None:
    contacts = Landed(control, "contacts")
    control.watch(method="PATCH", pathRegex=rf"/contacts\({ELINA}\)$", body='"mobilephone":null')
    node.call("update", collection="contacts", key=ELINA, data={"lastname": "Korhonen-Virta", "mobilephone": None})
    came, changed, gone = contacts.changes()
    before, after = contacts.before(ELINA), changed.pop(ELINA)
    differing = {name for name in after if after[name] != before[name]}
    assert differing - {"modifiedon"} == {"lastname", "fullname", "mobilephone", "versionnumber"}
    assert (after["lastname"], after["mobilephone"]) == ("Korhonen-Virta", None)
    assert after["versionnumber"] > before["versionnumber"]
    assert (came, changed, gone) == ({}, {}, set())
    assert control.watched() == [1]


def test_one_property_is_put(control: Control, node: NodeClient) -> None:
    node.call("updateSingleProperty", collection="contacts", key=ELINA, fieldValuePair={"jobtitle": "Director"})
    assert control.rows("contacts")[ELINA]["jobtitle"] == "Director"
    assert control.counts().requests == {"PUT contact": 1}


def test_a_lookup_is_set_and_cleared_by_reference(control: Control, node: NodeClient) -> None:
    address = {"collection": "accounts", "primaryKey": AURINKO, "navigationProperty": "primarycontactid"}
    node.call("associateSingleValued", **address, relatedCollection="contacts", relatedKey=ELINA)
    assert control.rows("accounts")[AURINKO]["_primarycontactid_value"] == ELINA
    node.call("disassociateSingleValued", **address)
    assert control.rows("accounts")[AURINKO]["_primarycontactid_value"] is None
    assert control.counts().requests == {"PUT account": 1, "DELETE account": 1}


def test_a_delete_takes_one_row_and_a_second_one_is_told_so(control: Control, node: NodeClient) -> None:
    contacts = Landed(control, "contacts")
    node.call("deleteRecord", collection="contacts", key=MIKKO)
    came, _, gone = contacts.changes()
    assert (came, gone) == ({}, {MIKKO})
    assert refusal(lambda: node.call("deleteRecord", collection="contacts", key=MIKKO)) == (
        404, "0x80040217", f"contact With Id = {MIKKO} Does Not Exist")  # fmt: skip
    assert control.counts().deleted == {"contact": 1}


def test_all_pages_of_a_query_bring_every_row_once(control: Control, node: NodeClient) -> None:
    planted = control.plant("leads", [{"subject": f"Page {number:02}", "lastname": "P"} for number in range(23)])
    control.watch(method="GET", pathRegex=r"/leads\?.*skiptoken=")
    answer = node.call("retrieveAll", collection="leads", select=["subject"], orderBy=["subject desc"], maxPageSize=5,
                       filter="startswith(subject,'Page ') and lastname eq 'P'")  # fmt: skip
    assert [row["leadid"] for row in answer["value"]] == planted[::-1]
    assert control.counts().requests == {"GET lead": 5}
    assert control.watched() == [4]


def test_a_page_names_the_next_one_and_the_count_of_all(control: Control, node: NodeClient) -> None:
    control.plant("leads", [{"subject": f"Page {number}", "lastname": "P"} for number in range(3)])
    query = {"collection": "leads", "select": ["subject"], "filter": "lastname eq 'P'", "count": True}
    first = node.call("retrieveMultiple", **query, maxPageSize=2)
    assert (len(first["value"]), first["oDataCount"]) == (2, 3)
    assert "$skiptoken" in parse_qs(urlsplit(first["oDataNextLink"]).query)
    assert node.call("count", collection="leads", filter="lastname eq 'P'") == 3


@pytest.mark.parametrize(
    ("filter_text", "lastnames"),
    [
        ("mobilephone eq '+358504545641'", ["Korhonen"]),
        ("contains(emailaddress1,'@AURINKO-') and startswith(firstname,'M')", ["Lehtonen"]),
        (f"_parentcustomerid_value eq {AURINKO} and firstname ne 'Elina'", ["Lehtonen"]),
        ("""Microsoft.Dynamics.CRM.In(PropertyName='lastname',PropertyValues=["Korhonen","Lehtonen"])""",
         ["Korhonen", "Lehtonen"]),
    ],
    ids=["a plus sign", "text functions", "a lookup", "In"],
)  # fmt: skip
def test_a_filter_finds_the_stored_rows(
    control: Control, node: NodeClient, filter_text: str, lastnames: list[str]
) -> None:
    answer = node.call("retrieveMultiple", collection="contacts", select=["lastname"], filter=filter_text,
                       orderBy=["lastname"])  # fmt: skip
    stored = control.rows("contacts")
    assert [row["lastname"] for row in answer["value"]] == lastnames
    assert all(stored[row["contactid"]]["lastname"] == row["lastname"] for row in answer["value"])


def test_an_expanded_row_and_a_known_version(control: Control, node: NodeClient) -> None:
    expand = [{"property": "parentcustomerid_account", "select": ["name"]}]
    row = node.call("retrieve", collection="contacts", key=ELINA, select=["lastname"], expand=expand)
    assert row["parentcustomerid_account"]["name"] == control.rows("accounts")[AURINKO]["name"]
    etag = f'W/"{control.rows("contacts")[ELINA]["versionnumber"]}"'
    assert row["@odata.etag"] == etag


def test_a_change_set_lands_as_a_whole_and_refers_to_its_own_rows(control: Control, node: NodeClient) -> None:
    contacts, cases = Landed(control, "contacts"), Landed(control, "incidents")
    answers = node.batch(
        step("create", collection="contacts", data={"lastname": "Caller"}, contentId="1"),
        step("create", collection="incidents", contentId="2",
             data={"title": "Cold radiator", "customerid_contact@odata.bind": "$1"}),
        step("update", collection="contacts", key=ELINA, data={"jobtitle": "Owner"}),
    )  # fmt: skip
    came, changed, _ = contacts.changes()
    ((contact, row),) = came.items()
    ((case, opened),) = cases.changes()[0].items()
    assert row["lastname"] == "Caller"
    assert (opened["title"], opened["_customerid_value"]) == ("Cold radiator", contact)
    assert changed[ELINA]["jobtitle"] == "Owner"
    assert answers[:2] == [contact, case]
    counts = control.counts()
    assert counts.requests == {"POST $batch": 1}
    assert counts.parts == {"POST contact": 1, "POST incident": 1, "PATCH contact": 1}


@pytest.mark.parametrize("wrapped", [False, True], ids=["bare", "wrapped"])
def test_a_failed_change_set_leaves_nothing(control: Control, node: NodeClient, wrapped: bool) -> None:
    """How the one error of a change set is packed is UNCONFIRMED; the client reads both forms."""
    control.environment(changesetErrorWrapped=wrapped)
    contacts = Landed(control, "contacts")
    answer = refusal(
        lambda: node.batch(
            step("create", collection="contacts", data={"lastname": "Undone"}),
            step("update", collection="contacts", key=ELINA, data={"lastname": "Undone"}),
            step("deleteRecord", collection="contacts", key=MIKKO),
            step("create", collection="contacts", data={"lastname": "x" * 51}),
        )
    )
    assert answer[:2] == (400, "0x80044331")
    assert contacts.changes() == ({}, {}, set())
    counts = control.counts()
    assert (counts.created, counts.updated, counts.deleted) == ({}, {}, {})


def test_a_batch_that_goes_on_lands_all_but_the_bad_part(control: Control, node: NodeClient) -> None:
    contacts = Landed(control, "contacts")
    answers = node.batch(
        step("create", collection="contacts", data={"lastname": "One"}, inChangeSet=False),
        step("create", collection="contacts", data={"nosuch": 1}, inChangeSet=False),
        step("retrieveMultiple", collection="contacts", select=["lastname"], filter="lastname eq 'One'"),
        step("create", collection="contacts", data={"lastname": "Two"}, inChangeSet=False),
        continueOnError=True,
    )
    came = contacts.changes()[0]
    assert {row["lastname"] for row in came.values()} == {"One", "Two"}
    assert {answers[0], answers[3]} == set(came)
    assert (answers[1]["status"], answers[1]["error"]["code"]) == (400, "0x80048d19")
    assert [row["contactid"] for row in answers[2]["value"]] == [answers[0]]


def test_a_batch_stops_at_the_first_bad_part(control: Control, node: NodeClient) -> None:
    contacts = Landed(control, "contacts")
    steps = [step("create", collection="contacts", data=body, inChangeSet=False)
             for body in ({"lastname": "Before"}, {"nosuch": 1}, {"lastname": "After"})]  # fmt: skip
    assert refusal(lambda: node.batch(*steps))[:2] == (400, "0x80048d19")
    assert [row["lastname"] for row in contacts.changes()[0].values()] == ["Before"]
    assert control.counts().parts == {"POST contact": 2}


def stale(node: NodeClient, control: Control) -> Any:
    old = f'W/"{control.rows("contacts")[ELINA]["versionnumber"]}"'
    control.plant("contacts", [{"contactid": ELINA, "jobtitle": "Changed by another"}])
    return node.call("update", collection="contacts", key=ELINA, data={"lastname": "Lost update"}, ifmatch=old)


REFUSALS: dict[str, tuple[Callable[[NodeClient, Control], Any], tuple[int, str]]] = {
    "a row that is missing": (
        lambda node, _: node.call("update", collection="contacts", key=MISSING, data={"lastname": "X"}),
        (404, "0x80040217")),
    "an id that is taken": (
        lambda node, _: node.call("create", collection="contacts", data={"contactid": ELINA, "lastname": "X"}),
        (412, "0x80040237")),
    "an upsert that must create": (
        lambda node, _: node.call("upsert", collection="contacts", key=ELINA, data={"lastname": "X"}, ifnonematch="*"),
        (412, "0x80040237")),
    "an upsert that must update": (
        lambda node, _: node.call("upsert", collection="contacts", key=MISSING, data={"lastname": "X"}, ifmatch="*"),
        (404, "0x80040217")),
    "a stale version": (stale, (412, "0x80060882")),
    "an alternate key that is taken": (
        lambda node, _: node.call("create", collection="accounts", data={"name": "X", "accountnumber": "FI-1001"}),
        (412, "0x80060892")),
    "a column that is not there": (
        lambda node, _: node.call("create", collection="contacts", data={"nosuch": 1}), (400, "0x80048d19")),
    "a navigation property in another case": (
        lambda node, _: node.call("create", collection="bookableresourcebookings",
                                  data={"resource@odata.bind": f"/bookableresources({MISSING})"}),
        (400, "0x80048d19")),
    "a text that is too long": (
        lambda node, _: node.call("update", collection="contacts", key=ELINA, data={"new_voiceid": "x" * 13}),
        (400, "0x80044331")),
    "a choice that is not there": (
        lambda node, _: node.call("update", collection="contacts", key=ELINA, data={"new_tier": 7}),
        (400, "0x8004431a")),
    "a column in $select that is not there": (
        lambda node, _: node.call("retrieveMultiple", collection="contacts", select=["nosuch"]), (400, "0x80060888")),
    "a collection that is not there": (
        lambda node, _: node.call("retrieveMultiple", collection="nosuchs"), (404, "0x80060888")),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_reaches_the_caller_and_changes_nothing(control: Control, node: NodeClient, case: str) -> None:
    refused, expected = REFUSALS[case]
    names = [(row["contactid"], row["lastname"], row["new_tier"]) for row in control.rows("contacts").values()]
    accounts = Landed(control, "accounts")
    assert refusal(lambda: refused(node, control))[:2] == expected
    assert [(row["contactid"], row["lastname"], row["new_tier"]) for row in control.rows("contacts").values()] == names
    assert accounts.changes() == ({}, {}, set())
    counts = control.counts()
    assert (counts.created, counts.updated, counts.deleted) == ({}, {}, {})


def test_a_spent_limit_reaches_the_caller_with_its_wait(control: Control, node: NodeClient) -> None:
    contacts = Landed(control, "contacts")
    control.environment(requestLimit=1)
    node.call("create", collection="contacts", data={"lastname": "In time"})
    with pytest.raises(RefusedError) as caught:
        node.call("create", collection="contacts", data={"lastname": "Too late"})
    (refused,) = caught.value.refusals
    assert (refused.status, refused.code) == (429, "0x80072322")
    assert refused.message == "Number of requests exceeded the limit of 1 over time window of 300 seconds."
    assert 250 < int(refused.headers["retry-after"]) <= 301
    assert [row["lastname"] for row in contacts.changes()[0].values()] == ["In time"]
    assert control.counts().throttled == 1


def test_too_many_requests_at_once_reach_the_caller(control: Control, node: NodeClient) -> None:
    contacts = Landed(control, "contacts")
    control.environment(maxConcurrent=2, latencyMs=500)
    answers = node.together(*[step("create", collection="contacts", data={"lastname": str(n)}) for n in range(5)])
    refused = [answer for answer in answers if isinstance(answer, Refusal)]
    assert {(each.status, each.code) for each in refused} == {(429, "0x80072326")}
    assert refused[0].message == "Number of concurrent requests exceeded the limit of 2."
    assert int(refused[0].headers["retry-after"]) >= 1
    assert set(contacts.changes()[0]) == {answer for answer in answers if not isinstance(answer, Refusal)}
    assert (len(refused), control.counts().throttled) == (3, 3)


def test_a_spent_execution_time_reaches_the_caller(control: Control, node: NodeClient) -> None:
    contacts = Landed(control, "contacts")
    control.environment(executionLimitMs=10, singleWriteMs=15)
    node.call("create", collection="contacts", data={"lastname": "In time"})
    status, code, message = refusal(lambda: node.call("create", collection="contacts", data={"lastname": "Too late"}))
    assert (status, code) == (429, "0x80072321")
    assert message.startswith("Combined execution time of incoming requests exceeded limit of 10 milliseconds")
    assert [row["lastname"] for row in contacts.changes()[0].values()] == ["In time"]


FETCH = """<fetch count="5"><entity name="lead"><attribute name="subject"/><order attribute="subject"/>
<filter><condition attribute="lastname" operator="eq" value="P"/></filter></entity></fetch>"""


def test_fetchxml_pages_follow_the_cookie_of_the_simulator(control: Control, node: NodeClient) -> None:
    planted = control.plant("leads", [{"subject": f"Page {number:02}", "lastname": "P"} for number in range(13)])
    answer = node.call("fetchAll", collection="leads", fetchXml=FETCH, includeAnnotations="*")
    assert [row["leadid"] for row in answer["value"]] == planted
    assert control.counts().requests == {"GET lead": 3}


def test_changes_since_a_delta_link_are_what_happened(control: Control, node: NodeClient) -> None:
    planted = control.plant("leads", [{"subject": f"Row {number}", "lastname": "D"} for number in range(3)])
    first = node.call("retrieveAll", collection="leads", select=["subject"], trackChanges=True, maxPageSize=2)
    assert set(planted) <= {row["leadid"] for row in first["value"]}
    node.call("update", collection="leads", key=planted[0], data={"subject": "Changed"})
    node.call("deleteRecord", collection="leads", key=planted[1])
    created = node.call("create", collection="leads", data={"subject": "New"})
    token = parse_qs(urlsplit(first["oDataDeltaLink"]).query)["$deltatoken"][0]
    changes = node.call("retrieveMultiple", collection="leads", select=["subject"],
                        queryParams=[f"$deltatoken={token}"])["value"]  # fmt: skip
    changed = {row["leadid"]: row["subject"] for row in changes if "leadid" in row}
    deleted = [(row["id"], row["reason"]) for row in changes if "reason" in row]
    assert changed == {planted[0]: "Changed", created: "New"}
    assert deleted == [(planted[1], "deleted")]
