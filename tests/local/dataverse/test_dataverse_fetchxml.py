"""FetchXML by GET: filters, links, order, pages. Facts: `dataverse-webapi.md` section 4."""

from typing import Any
from urllib.parse import quote, unquote
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

import httpx
import pytest

CRM = "Microsoft.Dynamics.CRM."
PAGING = f'odata.include-annotations="{CRM}fetchxmlpagingcookie,{CRM}morerecords"'


def fetch(dataverse: Any, entity_set: str, inside: str, attributes: str = "", prefer: str = "") -> httpx.Response:
    name = ElementTree.fromstring(f"<x>{inside}</x>")[0].get("name")  # noqa: S314 - our own text
    assert name
    parameters = {"fetchXml": f"<fetch {attributes}>{inside}</fetch>"}
    response: httpx.Response = dataverse.http.get(
        entity_set, params=parameters, headers={"Prefer": prefer} if prefer else {}
    )
    return response


def values(response: httpx.Response, name: str) -> list[Any]:
    assert response.status_code == 200, response.text
    return [row.get(name) for row in response.json()["value"]]


def leads(dataverse: Any, *subjects: str, **columns: Any) -> None:
    dataverse.control("POST", "rows", {"leads": [{"subject": subject, **columns} for subject in subjects]})


def test_attributes_filters_and_orders(dataverse: Any) -> None:
    leads(dataverse, "T1", "T2", leadqualitycode=1)
    leads(dataverse, "T3", leadqualitycode=3)
    response = fetch(
        dataverse,
        "leads",
        '<entity name="lead"><attribute name="subject"/><attribute name="ownerid"/>'
        '<order attribute="subject" descending="true"/>'
        '<filter type="and"><condition attribute="subject" operator="like" value="t%"/>'
        '<filter type="or"><condition attribute="leadqualitycode" operator="eq" value="3"/>'
        '<condition attribute="subject" operator="in"><value>T1</value><value>x</value></condition></filter></filter>'
        "</entity>",
    )
    assert values(response, "subject") == ["T3", "T1"]
    row = response.json()["value"][0]
    assert set(row) == {"@odata.etag", "subject", "_ownerid_value", "leadid"}


@pytest.mark.parametrize(
    ("operator", "inside", "expected"),
    [
        ("ne", "1", ["T3", "T4"]),
        ("gt", "1", ["T3"]),
        ("le", "1", ["T1", "T2"]),
        ("null", None, ["T4"]),
        ("not-null", None, ["T1", "T2", "T3"]),
        ("between", ("2", "3"), ["T3"]),
        ("not-in", ("1",), ["T3"]),
    ],
)
def test_operators(dataverse: Any, operator: str, inside: Any, expected: list[str]) -> None:
    leads(dataverse, "T1", "T2", leadqualitycode=1)
    leads(dataverse, "T3", leadqualitycode=3)
    leads(dataverse, "T4", leadqualitycode=None)
    value = f' value="{inside}"' if isinstance(inside, str) else ""
    elements = "".join(f"<value>{each}</value>" for each in inside) if isinstance(inside, tuple) else ""
    query = (
        '<entity name="lead"><attribute name="subject"/><order attribute="subject"/><filter>'
        '<condition attribute="subject" operator="begins-with" value="T"/>'
        f'<condition attribute="leadqualitycode" operator="{operator}"{value}>{elements}</condition></filter></entity>'
    )
    assert values(fetch(dataverse, "leads", query), "subject") == expected


def test_links_bring_columns_of_other_tables(dataverse: Any) -> None:
    link = (
        '<entity name="contact"><attribute name="fullname"/><order attribute="fullname"/>'
        '<filter><condition attribute="fullname" operator="in"><value>Elina Korhonen</value><value>Free</value>'
        '</condition></filter><link-entity name="account" from="accountid" to="parentcustomerid" alias="company" '
        'link-type="{}"><attribute name="name"/><attribute name="customertypecode"/>{}</link-entity></entity>'
    )
    dataverse.control("POST", "rows", {"contacts": [{"fullname": "Free"}]})
    outer = fetch(dataverse, "contacts", link.format("outer", ""), prefer='odata.include-annotations="*"')
    assert values(outer, "fullname") == ["Elina Korhonen", "Free"]
    assert values(outer, "company.name") == ["Aurinko Energia Oy", None]
    assert "company.name" not in outer.json()["value"][1]
    label = "company.customertypecode@OData.Community.Display.V1.FormattedValue"
    assert outer.json()["value"][0][label] == "Customer"
    assert values(fetch(dataverse, "contacts", link.format("inner", "")), "fullname") == ["Elina Korhonen"]
    narrowed = '<filter><condition attribute="name" operator="eq" value="Nobody"/></filter>'
    assert values(fetch(dataverse, "contacts", link.format("inner", narrowed)), "fullname") == []
    assert len(values(fetch(dataverse, "contacts", link.format("outer", narrowed)), "fullname")) == 2


def test_a_condition_on_a_link_from_outside_and_links_in_links(dataverse: Any) -> None:
    query = (
        '<entity name="incident"><attribute name="title"/>'
        '<link-entity name="contact" from="contactid" to="primarycontactid" alias="c" link-type="outer">'
        '<link-entity name="account" from="accountid" to="parentcustomerid" alias="a" link-type="outer">'
        '<attribute name="name" alias="company"/></link-entity></link-entity>'
        '<filter><condition entityname="a" attribute="name" operator="not-null"/></filter></entity>'
    )
    response = fetch(dataverse, "incidents", query)
    assert values(response, "company")
    assert None not in values(response, "company")
    missing = query.replace('operator="not-null"', 'operator="null"')
    assert len(values(response, "title")) + len(values(fetch(dataverse, "incidents", missing), "title")) == len(
        dataverse.rows("incidents")
    )


def test_pages_follow_the_cookie_that_is_encoded_twice(dataverse: Any) -> None:
    leads(dataverse, *(f"T{number}" for number in range(7)))
    inside = (
        '<entity name="lead"><attribute name="subject"/><order attribute="subject"/>'
        '<filter><condition attribute="subject" operator="like" value="T%"/></filter></entity>'
    )
    seen: list[str] = []
    attributes = 'count="3" page="1"'
    for page in range(2, 9):
        response = fetch(dataverse, "leads", inside, attributes, PAGING)
        seen += values(response, "subject")
        body = response.json()
        if not body.get(f"@{CRM}morerecords"):
            break
        outer = ElementTree.fromstring(body[f"@{CRM}fetchxmlpagingcookie"])  # noqa: S314 - the simulator's own
        assert outer.get("pagenumber") == str(page)
        cookie = unquote(unquote(outer.get("pagingcookie", "")))
        assert ElementTree.fromstring(cookie).get("page") == str(page - 1)  # noqa: S314 - the simulator's own
        attributes = f'count="3" page="{page}" paging-cookie={quoteattr(cookie)}'
    assert seen == [f"T{number}" for number in range(7)]
    assert f"@{CRM}fetchxmlpagingcookie" not in body
    unasked = fetch(dataverse, "leads", inside, 'count="3"').json()
    assert not any(name.startswith(f"@{CRM}") for name in unasked)
    once = fetch(dataverse, "leads", inside, 'count="3" page="2" paging-cookie="%3ccookie page=%221%22%3e"')
    assert once.status_code == 400


def test_an_order_by_a_link_is_paged_by_number(dataverse: Any) -> None:
    inside = (
        '<entity name="contact"><link-entity name="account" from="accountid" to="parentcustomerid" alias="a">'
        '<order attribute="name"/><attribute name="name"/></link-entity></entity>'
    )
    first = fetch(dataverse, "contacts", inside, 'count="2"', PAGING).json()
    assert first[f"@{CRM}morerecords"] is True
    assert f"@{CRM}fetchxmlpagingcookie" not in first
    every = values(fetch(dataverse, "contacts", inside), "a.name")
    assert every == sorted(every, key=str.casefold)
    assert values(fetch(dataverse, "contacts", inside, 'count="2" page="2"'), "a.name") == every[2:4]
    assert fetch(dataverse, "contacts", inside, 'count="5000" page="11"').status_code == 400


def test_top_total_and_distinct(dataverse: Any) -> None:
    leads(dataverse, "T", "T", "T")
    inside = (
        '<entity name="lead"><attribute name="subject"/>'
        '<filter><condition attribute="subject" operator="eq" value="T"/></filter></entity>'
    )
    assert len(values(fetch(dataverse, "leads", inside, 'top="2"'), "subject")) == 2
    assert values(fetch(dataverse, "leads", inside, 'distinct="true"'), "subject") == ["T"]
    total = fetch(
        dataverse, "leads", inside, 'count="1" returntotalrecordcount="true"', 'odata.include-annotations="*"'
    )
    assert total.json()[f"@{CRM}totalrecordcount"] == 3


ENTITY = '<entity name="lead"><attribute name="subject"/>{}</entity>'


@pytest.mark.parametrize(
    ("inside", "attributes", "status"),
    [
        (ENTITY.format('<attribute name="nosuch"/>'), "", 400),
        (ENTITY.format('<filter><condition attribute="subject" operator="nosuch"/></filter>'), "", 501),
        (ENTITY.format('<filter><condition attribute="subject" operator="eq"/></filter>'), "", 400),
        (ENTITY.format('<filter type="xor"/>'), "", 400),
        (ENTITY.format("<nosuch/>"), "", 400),
        (ENTITY.format('<link-entity name="nosuch" from="a" to="b"/>'), "", 400),
        (ENTITY.format('<link-entity name="contact" from="nosuch" to="ownerid"/>'), "", 400),
        (ENTITY.format('<link-entity name="contact" from="contactid" to="ownerid" link-type="exists"/>'), "", 501),
        ('<entity name="contact"/>', "", 400),
        (ENTITY.format(""), 'top="1" page="2"', 400),
        (ENTITY.format(""), 'count="5001"', 400),
        (ENTITY.format(""), 'nosuch="1"', 400),
        (ENTITY.format(""), 'aggregate="true"', 501),
    ],
)
def test_queries_that_make_no_sense_are_refused(dataverse: Any, inside: str, attributes: str, status: int) -> None:
    assert fetch(dataverse, "leads", inside, attributes).status_code == status


def test_a_document_type_is_refused(dataverse: Any) -> None:
    text = '<!DOCTYPE x [<!ENTITY a "b">]><fetch><entity name="lead"/></fetch>'
    assert dataverse.http.get("leads", params={"fetchXml": text}).status_code == 400


def test_conditions_on_ids_find_their_rows_whatever_else_is_asked(dataverse: Any) -> None:
    every = dataverse.rows("contacts", filter="_parentcustomerid_value ne null", orderby="fullname")
    account = every[0]["_parentcustomerid_value"]
    mine = [row["fullname"] for row in every if row["_parentcustomerid_value"] == account]
    others = [row["fullname"] for row in every if row["_parentcustomerid_value"] != account]
    query = (
        '<entity name="contact"><attribute name="fullname"/><order attribute="fullname"/><filter type="{}">'
        '<condition attribute="parentcustomerid" operator="{}"><value>{{{}}}</value></condition>'
        '<condition attribute="fullname" operator="eq" value="{}"/></filter></entity>'
    )

    def names(kind: str, operator: str, name: str) -> list[str]:
        return values(fetch(dataverse, "contacts", query.format(kind, operator, account, name)), "fullname")

    assert names("and", "eq", mine[0]) == [mine[0]]
    assert names("and", "in", others[0]) == []
    assert names("or", "in", others[0]) == sorted([*mine, others[0]])


def linked(links: int, inside: str = "") -> str:
    link = '<link-entity name="contact" from="contactid" to="customerid" link-type="outer"/>'
    return f'<entity name="lead"><attribute name="subject"/>{inside}{link * links}</entity>'


def test_a_query_has_at_most_ten_links(dataverse: Any) -> None:
    assert fetch(dataverse, "leads", linked(10)).status_code == 200
    refused = fetch(dataverse, "leads", linked(11))
    assert refused.status_code == 400
    assert refused.json()["error"] == {
        "code": "0x8004430d",
        "message": "Number of link entities in query exceeded maximum limit.",
    }
    nested = '<link-entity name="account" from="accountid" to="parentcustomerid" link-type="outer"/>'
    deep = '<link-entity name="contact" from="contactid" to="customerid" link-type="outer">{}</link-entity>'
    assert fetch(dataverse, "leads", linked(9, deep.format(nested))).json()["error"]["code"] == "0x8004430d"
    dataverse.environment(fetchLinks=11)
    assert fetch(dataverse, "leads", linked(11)).status_code == 200


def test_conditions_and_links_are_counted_together_and_the_values_of_in_are_not(dataverse: Any) -> None:
    dataverse.environment(fetchConditions=20)
    condition = '<condition attribute="subject" operator="eq" value="T"/>'

    def filtered(conditions: int, values: int = 1) -> str:
        many = "".join(f"<value>{number}</value>" for number in range(values))
        within = f'<condition attribute="subject" operator="in">{many}</condition>'
        return f'<filter type="or">{within}{condition * conditions}</filter>'

    assert fetch(dataverse, "leads", linked(5, filtered(14))).status_code == 200
    refused = fetch(dataverse, "leads", linked(5, filtered(15)))
    assert refused.status_code == 400
    assert refused.json()["error"] == {
        "code": "0x8004430c",
        "message": "Number of conditions in query exceeded maximum limit.",
    }
    assert fetch(dataverse, "leads", linked(5, filtered(14, values=300))).status_code == 200


def test_a_lookup_of_a_linked_row_is_its_id_under_the_alias(dataverse: Any) -> None:
    query = (
        '<entity name="incident"><attribute name="title" alias="name of it"/><attribute name="customerid"/>'
        '<link-entity name="contact" from="contactid" to="primarycontactid" alias="c">'
        '<attribute name="parentcustomerid"/><attribute name="contactid" alias="who"/></link-entity></entity>'
    )
    contacts = {row["contactid"]: row for row in dataverse.rows("contacts")}
    rows = fetch(dataverse, "incidents", query).json()["value"]
    assert rows
    for row in rows:
        assert row["c.parentcustomerid"] == contacts[row["who"]]["_parentcustomerid_value"]
        assert set(row) == {
            "@odata.etag", "incidentid", "_customerid_value", "name of it", "who", "c.parentcustomerid",
        }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "<fetch>" + "<entity>" * 200 + "</entity>" * 200 + "</fetch>",
        '<fetch><entity name="lead">' + "<filter>" * 900 + "</filter>" * 900 + "</entity></fetch>",
        '<fetch><entity name="lead"></fetch>',
        "",
        '<fetch><entity name="lead"><attribute name="&subject;"/></entity></fetch>',
        '<fetch><entity name="lead"/></fetch><fetch/>',
        "\ud800",
    ],
    ids=["too deep", "filters too deep", "unclosed", "empty", "entity", "two roots", "surrogate"],
)
def test_text_that_is_no_xml_is_refused(dataverse: Any, text: str) -> None:
    value = quote(text, errors="surrogatepass", safe="")
    assert dataverse.http.get(f"leads?fetchXml={value}").status_code == 400
