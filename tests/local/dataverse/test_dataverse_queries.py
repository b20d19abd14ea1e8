"""Filters, order, paging, expand and annotations."""

from typing import Any
from urllib.parse import quote

import pytest


def names(dataverse: Any, **options: str) -> list[str]:
    return sorted(row["fullname"] for row in dataverse.rows("contacts", select="fullname", **options))


@pytest.fixture
def people(dataverse: Any) -> Any:
    """Five contacts and no others of the family name Test."""
    rows = [
        {"firstname": "Åsa", "lastname": "Test", "mobilephone": "+358501112223", "createdon": "2026-01-01T10:00:00Z"},
        {
            "firstname": "O'Neill",
            "lastname": "Test",
            "mobilephone": "050 111 2223",
            "createdon": "2026-01-02T10:00:00Z",
        },
        {"firstname": "100%", "lastname": "Test", "donotphone": True, "createdon": "2026-01-03T10:00:00Z"},
        {"firstname": "a_b", "lastname": "Test", "createdon": "2026-01-04T10:00:00Z"},
        {"firstname": "axb", "lastname": "Test", "createdon": "2026-01-05T10:00:00Z"},
    ]
    assert dataverse.control("POST", "rows", {"contacts": rows}).status_code == 200
    return dataverse


FILTERS = [
    ("lastname eq 'TEST'", {"Åsa", "O'Neill", "100%", "a_b", "axb"}),
    ("lastname eq 'test' and firstname eq 'åSA'", {"Åsa"}),
    ("firstname eq 'O''Neill'", {"O'Neill"}),
    ("lastname eq 'Test' and firstname ne 'Åsa' and not contains(firstname,'b')", {"O'Neill", "100%"}),
    ("lastname eq 'Test' and (firstname eq 'axb' or firstname eq 'Åsa')", {"axb", "Åsa"}),
    ("lastname eq 'Test' and firstname eq 'a_b'", {"a_b", "axb"}),
    ("lastname eq 'Test' and firstname eq 'a[_]b'", {"a_b"}),
    ("lastname eq 'Test' and firstname eq 'a[^_]b'", {"axb"}),
    ("lastname eq 'Test' and firstname eq 'a%'", {"a_b", "axb"}),
    ("lastname eq 'Test' and startswith(firstname,'1__%')", {"100%"}),
    ("lastname eq 'Test' and startswith(firstname,'A')", {"a_b", "axb"}),
    ("lastname eq 'Test' and endswith(firstname,'NEILL')", {"O'Neill"}),
    ("lastname eq 'Test' and mobilephone eq null", {"100%", "a_b", "axb"}),
    ("lastname eq 'Test' and mobilephone ne '+358501112223'", {"O'Neill", "100%", "a_b", "axb"}),
    ("lastname eq 'Test' and donotphone eq true", {"100%"}),
    ("lastname eq 'Test' and createdon gt 2026-01-03T10:00:00Z", {"a_b", "axb"}),
    ("lastname eq 'Test' and createdon ge 2026-01-03T12:00:00+02:00", {"100%", "a_b", "axb"}),
    ("lastname eq 'Test' and createdon ge 2026-01-03T10:00:00.500Z", {"a_b", "axb"}),
    ("lastname eq 'Test' and createdon lt 2026-01-02", {"Åsa"}),
    ("lastname eq 'Test' and statecode eq 0 and not(donotphone eq true)", {"Åsa", "O'Neill", "a_b", "axb"}),
    ("lastname eq 'Test' and firstname ne lastname and owninguser/firstname ne '#'", set()),
    ("lastname eq 'Test' and owninguser/lastname eq 'switchboard' and contains(firstname,'b')", {"a_b", "axb"}),
    ("Microsoft.Dynamics.CRM.In(PropertyName='firstname',PropertyValues=[\"O'Neill\",\"ÅSA\"])", {"O'Neill", "Åsa"}),
    ("Microsoft.Dynamics.CRM.In(PropertyName='firstname',PropertyValues=['O''Neill','ÅSA'])", {"O'Neill", "Åsa"}),
    ("contains(firstname,'In(PropertyName=@p') or firstname eq 'axb'", {"axb"}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), FILTERS, ids=[text for text, _ in FILTERS])
def test_a_filter_chooses_these_rows(people: Any, text: str, expected: set[str]) -> None:
    assert {row["firstname"] for row in people.rows("contacts", filter=text)} == expected


def test_a_raw_plus_is_a_space_and_an_encoded_one_is_a_plus(people: Any) -> None:
    number = "+358501112223"
    good = people.http.get(f"contacts?$filter=mobilephone+eq+'{quote(number)}'").json()["value"]
    assert [row["firstname"] for row in good] == ["Åsa"]
    assert people.http.get(f"contacts?$filter=mobilephone%20eq%20'{number}'").json()["value"] == []
    assert len(people.http.get("contacts?%24filter=lastname%20eq%20'Test'&%24top=2").json()["value"]) == 2


def test_in_takes_aliases_lookups_and_primary_keys(people: Any) -> None:
    account = people.rows("accounts", filter="name eq 'Aurinko Energia Oy'")[0]["accountid"]
    response = people.http.get(
        "contacts",
        params={
            "$filter": "Microsoft.Dynamics.CRM.In(PropertyName=@p1,PropertyValues=@p2)",
            "@p1": "'parentcustomerid'",
            "@p2": f'["{account.upper()}"]',
        },
    )
    assert {row["fullname"] for row in response.json()["value"]} == {"Elina Korhonen", "Mikko Lehtonen"}
    ids = ",".join(f'"{row["accountid"]}"' for row in people.rows("accounts"))
    text = f"Microsoft.Dynamics.CRM.In(PropertyName='accountid',PropertyValues=[{ids}]) and statecode eq 0"
    assert len(people.rows("accounts", filter=text)) == 12


REFUSED = [
    ("nosuchcolumn eq 'a'", "Could not find a property named 'nosuchcolumn' on type 'Microsoft.Dynamics.CRM.contact'."),
    ("lastname eq 'Test", "There is an unterminated literal at position 12"),
    ("lastname eq 5", "incompatible types"),
    ("statecode eq '0'", "incompatible types"),
    ("createdon gt 'yesterday'", "incompatible types"),
    ("donotphone eq 1", "incompatible types"),
    ("statecode eq lastname", "incompatible types"),
    ("lastname in ('a','b')", "'in' is not supported"),
    ("lastname eq", "cannot be parsed"),
    ("lastname", "must evaluate to a boolean"),
    ("nosuch/name eq 'a'", "Could not find a property named 'nosuch'"),
    ("Parentcustomerid_account/name eq 'a'", "Could not find a property named 'Parentcustomerid_account'"),
    ("lastname eq @p", "alias '@p' has no value"),
    ("Microsoft.Dynamics.CRM.In(PropertyName='statecode',PropertyValues=[0])", "JSON strings"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=[text for text, _ in REFUSED])
def test_a_bad_filter_is_refused_and_told_why(dataverse: Any, text: str, message: str) -> None:
    response = dataverse.get("contacts", filter=text)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "0x80060888"
    assert message in response.json()["error"]["message"]


@pytest.mark.parametrize("name", ["nosuch", "_ownerid_value", "Lastname"])
def test_a_query_function_takes_logical_names_only(dataverse: Any, name: str) -> None:
    text = f"Microsoft.Dynamics.CRM.In(PropertyName='{name}',PropertyValues=[\"0\"])"
    error = dataverse.get("contacts", filter=text).json()["error"]
    assert error["code"] == "0x80041103"
    assert f"doesn't contain attribute with Name = '{name}'" in error["message"]


@pytest.mark.parametrize(
    ("option", "value"),
    [("select", "nosuch"), ("orderby", "nosuch"), ("expand", "nosuch"), ("skip", "5"), ("top", "-1"), ("search", "a")],
)
def test_a_bad_query_option_is_refused(dataverse: Any, option: str, value: str) -> None:
    response = dataverse.get("contacts", **{option: value})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "0x80060888")


def test_other_dataverse_functions_say_that_they_are_not_there(dataverse: Any) -> None:
    text = "Microsoft.Dynamics.CRM.Above(PropertyName='contactid',PropertyValue='x')"
    assert dataverse.get("contacts", filter=text).status_code == 501


def test_an_unknown_entity_set_is_not_found(dataverse: Any) -> None:
    response = dataverse.get("contact")
    assert response.status_code == 404
    assert response.json()["error"]["message"] == "Resource not found for the segment 'contact'."


def test_lambdas_look_into_collections(dataverse: Any) -> None:
    contact = dataverse.rows("contacts", filter="lastname eq 'Korhonen'")[0]["contactid"]
    party = {"partyid_contact@odata.bind": f"/contacts({contact})", "participationtypemask": 1}
    call = dataverse.create("phonecalls", {"subject": "In", "phonecall_activity_parties": [party]})
    dataverse.create("phonecalls", {"subject": "Out"})
    path = f"phonecall_activity_parties/any(p:p/participationtypemask eq 1 and p/_partyid_value eq {contact})"
    assert [row["activityid"] for row in dataverse.rows("phonecalls", filter=path)] == [call]
    alone = dataverse.rows("phonecalls", filter="not phonecall_activity_parties/any()")
    assert [row["subject"] for row in alone] == ["Out"]
    assert (
        len(dataverse.rows("phonecalls", filter="phonecall_activity_parties/all(p:p/participationtypemask eq 1)")) == 2
    )


def test_thousands_of_alternatives_are_no_problem_inside_the_length_limit(dataverse: Any) -> None:
    text = " or ".join(f"telephone1 eq '{number}'" for number in range(900))
    assert dataverse.get("contacts", filter=text).status_code == 200


def test_a_column_whose_name_starts_like_a_keyword_is_still_a_column(dataverse: Any) -> None:
    assert len(dataverse.rows("queues", filter="allowemailcredentials eq false")) == 6


def test_rows_are_ordered_by_several_columns_without_regard_to_case_and_null_first(people: Any) -> None:
    rows = people.rows("contacts", filter="lastname eq 'Test'", orderby="mobilephone,firstname desc")
    assert [row["firstname"] for row in rows] == ["axb", "a_b", "100%", "Åsa", "O'Neill"]


def test_a_row_has_the_chosen_columns_its_key_and_its_version_and_null_is_there(people: Any) -> None:
    row = people.rows("contacts", filter="firstname eq 'axb'", select="mobilephone,_parentcustomerid_value")[0]
    assert set(row) == {"@odata.etag", "contactid", "mobilephone", "_parentcustomerid_value"}
    assert row["mobilephone"] is None


def test_pages_follow_one_another_under_the_same_filter_until_the_end(dataverse: Any) -> None:
    rows = [{"lastname": "Paged", "firstname": str(number)} for number in range(25)]
    dataverse.control("POST", "rows", {"contacts": rows})
    prefer = "odata.maxpagesize=10"
    page = dataverse.get("contacts", prefer, filter="lastname eq 'Paged'", select="firstname", top="3").json()
    seen = [row["firstname"] for row in page["value"]]
    assert len(seen) == 10
    while "@odata.nextLink" in page:
        assert "$skiptoken=" in page["@odata.nextLink"]
        page = dataverse.http.get(page["@odata.nextLink"], headers={"Prefer": prefer}).json()
        seen += [row["firstname"] for row in page["value"]]
    assert sorted(seen, key=int) == [str(number) for number in range(25)]


def test_a_row_deleted_between_pages_does_not_move_the_others(dataverse: Any) -> None:
    prefer = "odata.maxpagesize=10"
    first = dataverse.get("contacts", prefer, select="fullname").json()
    for row in first["value"][:5]:
        dataverse.send("DELETE", f"contacts({row['contactid']})")
    second = dataverse.http.get(first["@odata.nextLink"], headers={"Prefer": prefer}).json()
    third = dataverse.http.get(second["@odata.nextLink"], headers={"Prefer": prefer}).json()
    assert [len(page["value"]) for page in (first, second, third)] == [10, 10, 5]
    assert "@odata.nextLink" not in third


def test_a_page_has_at_most_5000_rows_and_the_count_stops_there(dataverse: Any) -> None:
    dataverse.control("POST", "rows", {"contacts": [{"lastname": "Many"}] * 5001})
    prefer = 'odata.include-annotations="*"'
    page = dataverse.get("contacts", prefer, filter="lastname eq 'Many'", select="lastname", count="true").json()
    assert len(page["value"]) == 5000
    assert page["@odata.count"] == 5000
    assert page["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"] is True
    rest = dataverse.http.get(page["@odata.nextLink"]).json()
    assert len(rest["value"]) == 1
    assert dataverse.get("contacts", "odata.maxpagesize=5001").status_code == 400


def test_expand_follows_single_valued_properties_and_nests(dataverse: Any) -> None:
    expand = "parentcustomerid_account($select=name;$expand=parentaccountid($select=name)),ownerid"
    row = dataverse.rows("contacts", filter="lastname eq 'Rantala'", select="fullname", expand=expand)[0]
    assert row["parentcustomerid_account"]["name"] == "Aurinko Huolto Oy"
    assert row["parentcustomerid_account"]["parentaccountid"]["name"] == "Aurinko Lämpö Oy"
    assert row["ownerid"]["lastname"] == "Switchboard"


def test_expand_of_the_other_kind_of_customer_is_null(dataverse: Any) -> None:
    row = dataverse.rows("contacts", filter="lastname eq 'Rantala'", expand="parentcustomerid_contact")[0]
    assert row["_parentcustomerid_value"] is not None
    assert row["parentcustomerid_contact"] is None


def test_a_skip_token_under_another_filter_honours_the_filter_of_its_url(dataverse: Any) -> None:
    prefer = "odata.maxpagesize=10"
    link = dataverse.get("contacts", prefer, select="fullname").json()["@odata.nextLink"]
    token = link.partition("$skiptoken=")[2]
    url = f"contacts?$select=fullname&$filter=lastname eq 'Korhonen'&$skiptoken={token}"
    assert dataverse.http.get(url, headers={"Prefer": prefer}).json()["value"] == []


def test_annotations_carry_labels_and_lookup_tables(dataverse: Any) -> None:
    prefer = 'odata.include-annotations="*"'
    account = dataverse.get("accounts", prefer, filter="customertypecode eq 3").json()["value"][0]
    assert account["customertypecode@OData.Community.Display.V1.FormattedValue"] == "Customer"
    contact = dataverse.get("contacts", prefer, filter="lastname eq 'Korhonen'").json()["value"][0]
    assert contact["_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"] == "account"
    assert contact["_parentcustomerid_value@OData.Community.Display.V1.FormattedValue"] == "Aurinko Energia Oy"
    name = "_parentcustomerid_value@Microsoft.Dynamics.CRM.associatednavigationproperty"
    assert contact[name] == "parentcustomerid_account"
    only_labels = 'odata.include-annotations="OData.Community.Display.V1.FormattedValue"'
    contact = dataverse.get("contacts", only_labels, filter="lastname eq 'Korhonen'").json()["value"][0]
    assert name not in contact


def test_related_rows_are_read_by_their_navigation_property(dataverse: Any) -> None:
    account = dataverse.rows("accounts", filter="name eq 'Aurinko Energia Oy'")[0]["accountid"]
    people = dataverse.rows(f"accounts({account})/contact_customer_accounts", select="fullname")
    assert len(people) == 2
    parent = dataverse.get(f"contacts({people[0]['contactid']})/parentcustomerid_account", select="name").json()
    assert parent["name"] == "Aurinko Energia Oy"


def test_a_count_is_plain_text(dataverse: Any) -> None:
    assert dataverse.get("accounts/$count").text == "12"


def test_a_url_over_32768_characters_is_refused(dataverse: Any) -> None:
    assert dataverse.http.get(f"contacts?$select=fullname&x={'a' * 32_000}").status_code == 200
    assert dataverse.http.get(f"contacts?$select=fullname&x={'a' * 33_000}").status_code == 414


def test_the_message_list_tells_which_table_takes_bulk_messages(dataverse: Any) -> None:
    def supported(message: str, table: str) -> bool:
        response = dataverse.http.get(
            "sdkmessagefilters",
            params={
                "$select": "sdkmessagefilterid",
                "$filter": "sdkmessageid/name eq @m and primaryobjecttypecode eq @t",
                "@m": f"'{message}'",
                "@t": f"'{table}'",
            },
        )
        return bool(response.json()["value"])

    assert supported("CreateMultiple", "bookableresourcebooking")
    assert supported("UpdateMultiple", "contact")
    assert not supported("UpsertMultiple", "contact")
    assert not supported("CreateMultiple", "phonecall")


def test_entity_definitions_answer_what_the_official_sdk_asks(dataverse: Any) -> None:
    url = "EntityDefinitions?%24select=LogicalName,EntitySetName,PrimaryIdAttribute&%24filter=LogicalName+eq+'contact'"
    definition = dataverse.http.get(url).json()["value"][0]
    assert (definition["EntitySetName"], definition["PrimaryIdAttribute"]) == ("contacts", "contactid")
    assert dataverse.http.get("EntityDefinitions(LogicalName='incident')").json()["EntitySetName"] == "incidents"
    url = "EntityDefinitions(LogicalName='incident')/Attributes/Microsoft.Dynamics.CRM.PicklistAttributeMetadata"
    columns = {column["LogicalName"]: column for column in dataverse.http.get(url).json()["value"]}
    assert [option["Value"] for option in columns["casetypecode"]["OptionSet"]["Options"]] == [1, 2, 3]


def test_entity_definitions_tell_keys_and_relationships(dataverse: Any) -> None:
    def facet(name: str) -> list[dict[str, Any]]:
        url = f"EntityDefinitions(LogicalName='contact')/{name}"
        return list(dataverse.http.get(url).json()["value"])

    columns = {"tables": {"contact": {"keys": {"new_emailkey": ["emailaddress1"]}}}}
    assert dataverse.control("POST", "columns", columns).status_code == 200
    assert [key["KeyAttributes"] for key in facet("Keys")] == [["emailaddress1"]]
    names = {row["ReferencingEntityNavigationPropertyName"] for row in facet("ManyToOneRelationships")}
    assert "parentcustomerid_account" in names
    assert all(row["ReferencedEntity"] == "contact" for row in facet("OneToManyRelationships"))


def test_a_question_that_comes_again_sees_new_rows_and_new_columns(dataverse: Any) -> None:
    def found(column: str) -> list[Any]:
        named = "Microsoft.Dynamics.CRM.In(PropertyName='lastname',PropertyValues=['Repeat'])"
        url = f"contacts?$select={column}&$filter={named}"
        return [row[column] for row in dataverse.http.get(url).json()["value"]]

    assert found("firstname") == []
    dataverse.control("POST", "rows", {"contacts": [{"lastname": "Repeat", "firstname": "A"}]})
    assert found("firstname") == ["A"]
    assert dataverse.http.get("contacts?$select=new_again").status_code == 400
    columns = {"tables": {"contact": {"attributes": {"new_again": {"type": "String", "max_length": 10}}}}}
    assert dataverse.control("POST", "columns", columns).status_code == 200
    assert found("new_again") == [None]
