"""Texts of one shape share a plan: it must answer, and refuse, as if each text were the first of its kind."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from typing import Any, Self
from xml.etree.ElementTree import fromstring

import pytest

from local.dataverse import conditions
from local.dataverse.environment import Environment
from local.dataverse.errors import DataverseError
from local.dataverse.fetch_shapes import places_of_values, take_apart, values_of_conditions
from local.dataverse.fetchxml import read_fetch
from local.dataverse.filters import compile_filter
from local.dataverse.functions import Prepared, fill, prepare, read_alone
from local.dataverse.messages import Request
from local.dataverse.shapes import Shapes
from local.dataverse.simulator import Simulator
from tests.local.dataverse.test_dataverse_planning import COLUMNS, PATTERNS, SETS, World, ids, read
from tests.local.dataverse.test_dataverse_roles import assign

IN = "Microsoft.Dynamics.CRM.In"
CONDITION = re.compile(r'attribute="(\w+)" operator="([\w-]+)">(.*?)</condition>')
LITERAL = re.compile(r"(\w+)( \w+ |,)'[^']*'")


@pytest.fixture(scope="module")
def simulator() -> Simulator:
    return Simulator()


# --------------------------------------------------------------------------------------------- what is kept


def test_shapes_are_forgotten_when_they_have_become_too_long() -> None:
    shapes: Shapes[int] = Shapes(most_characters=10)
    shapes.keep(1, "ab", "cd")
    shapes.keep(2, "ab", "cde")
    assert (shapes.get("ab", "cd"), shapes.get("ab", "cde"), shapes.get("abc", "d")) == (1, 2, None)
    shapes.keep(3, "xy")
    assert (shapes.get("ab", "cd"), shapes.get("xy"), len(shapes)) == (None, 3, 1)
    shapes.keep(4, "x" * 11)
    assert (shapes.get("x" * 11), len(shapes)) == (None, 1)


def test_a_flood_of_shapes_does_not_grow_the_store(simulator: Simulator) -> None:
    simulator.reset(frozenset())
    table = simulator.store.by_name["contact"]
    for number in range(300):
        compile_filter(simulator.store, table, " or ".join([f"importsequencenumber eq {number}"] * 100), {})
    assert len(simulator.store.filters) < 200


# ------------------------------------------------------------------------------------------------ FetchXML

USUAL = '<condition attribute="a" operator="eq" value="1"/>'
ROW = '<condition attribute="a" operator="in"><value>1</value><value>2 3</value></condition>'


@pytest.mark.parametrize(
    ("inside", "is_planned"),
    [
        pytest.param(USUAL + ROW + USUAL, True, id="attributes and rows"),
        pytest.param('<condition attribute="a" operator="in" value="0"><value>1</value></condition>', True, id="both"),
        pytest.param('<condition attribute="a" operator="in"><value></value></condition>', True, id="empty text"),
        pytest.param('<condition attribute="a" operator="eq" value=""/>', True, id="empty attribute"),
        pytest.param('<condition attribute="a" operator="null"/>', True, id="no value"),
        pytest.param('<condition attribute="a" operator="eq" value="it\'s"/>', True, id="apostrophe"),
        pytest.param("<condition attribute='a' operator='eq' value='1'/>", False, id="single quotes"),
        pytest.param('<condition attribute="a" operator="eq" value="&lt;"/>', False, id="entity in an attribute"),
        pytest.param(ROW.replace("2 3", "&#50;"), False, id="entity in a text"),
        pytest.param(ROW.replace("2 3", "2>3"), False, id="greater-than sign"),
        pytest.param(ROW.replace("2 3", "2\n3"), False, id="line break"),
        pytest.param(ROW.replace("2 3", "<![CDATA[2]]>"), False, id="CDATA"),
        pytest.param(ROW.replace("2 3", "2<!-- 3 -->"), False, id="comment in a value"),
        pytest.param(ROW.replace("</value><value>", "</value> <value>"), False, id="space between values"),
        pytest.param(ROW.replace("<value>1", "<value >1"), False, id="space in a tag"),
        pytest.param(f"{ROW}<!-- {USUAL} -->", False, id="attribute in a comment"),
        pytest.param(f"{USUAL}<!-- {ROW} -->", False, id="row in a comment"),
        pytest.param(f"<![CDATA[{USUAL}]]>{ROW}", False, id="attribute in CDATA"),
        pytest.param(f"<x y=' value=\"1'/>{USUAL}", False, id="attribute in an attribute"),
        pytest.param(f'<x value="1"/>{USUAL}', False, id="value of something else"),
        pytest.param(f"{USUAL}<x><value>1</value></x>", True, id="row of something else"),
        pytest.param(USUAL.replace("/>", ">\ue0000</condition>"), False, id="mark"),
    ],
)
def test_values_are_taken_out_where_the_xml_has_them_and_nowhere_else(inside: str, is_planned: bool) -> None:
    text = f"<fetch>{inside}</fetch>"
    taken = take_apart(text)
    places = None if taken is None else places_of_values(taken)
    assert (places is not None) == is_planned
    if taken is not None and places is not None:
        assert [list(each) for each in taken.for_conditions(places)] == values_of_conditions(fromstring(text))  # noqa: S314 - our own text


def with_other_values(world: World, text: str) -> str:
    """The same query about other values: as many in each condition, or more."""

    def other(match: re.Match[str]) -> str:
        name, operator, inside = match.groups()
        table = next(table for table, columns in COLUMNS.items() if name in columns)
        pick = world.dice.choice
        count = inside.count("<value>") + (pick([0, 2]) if operator == "in" else 0)
        values = [pick(PATTERNS) if "like" in operator else world._value(table, name) for _ in range(count)]
        row = "".join(f"<value>{value}</value>" for value in values)
        return f'attribute="{name}" operator="{operator}">{row}</condition>'

    return CONDITION.sub(other, text)


@pytest.mark.parametrize("seed", range(8))
def test_a_fetch_of_a_known_shape_answers_as_one_that_isread_alone(simulator: Simulator, seed: int) -> None:
    world = World(simulator, seed)
    fetches = simulator.store.fetches
    shared = answered = 0
    for _ in range(120):
        root, first = world.fetch_text()
        texts = [first, with_other_values(world, first), with_other_values(world, first), first]
        rows = world.table(root).rows
        fetches.clear()
        together = [read(simulator, root, text) for text in texts]
        shared += len(fetches) == 1 and "</value>" in first and texts[1] != first
        for text, fetch in zip(texts, together, strict=True):
            fetches.clear()
            alone = ids(read(simulator, root, text), rows.values())
            assert ids(fetch, rows.values()) == alone, text
            answered += bool(alone)
    assert shared > 40
    assert answered > 100


FETCH = '<fetch{}><entity name="incident">{}</entity></fetch>'
LINK = (
    '<link-entity name="contact" from="contactid" to="customerid" alias="c">'
    '<filter><condition attribute="{}" operator="{}"><value>{}</value></condition></filter></link-entity>'
)
GUID = "11111111-1111-4111-8111-111111111111"


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        pytest.param(LINK.format("contactid", "eq", GUID), LINK.format("contactid", "eq", "x"), id="no guid"),
        pytest.param(LINK.format("statecode", "in", "1"), LINK.format("statecode", "in", "x"), id="no number"),
        pytest.param(
            LINK.format("lastname", "eq", "x"), LINK.format("lastname", "eq", "x</value><value>y"), id="too many"
        ),
        pytest.param(
            LINK.format("createdon", "last-x-days", "1"), LINK.format("createdon", "last-x-days", "0"), id="count"
        ),
        pytest.param(LINK.format("lastname", "eq", "x"), LINK.format("nosuch", "eq", "x"), id="unknown column"),
    ],
)
def test_a_fetch_of_a_known_shape_is_refused_as_the_first_one_is(dataverse: Any, good: str, bad: str) -> None:
    def ask(inside: str) -> tuple[int, Any]:
        response = dataverse.http.get("incidents", params={"fetchXml": FETCH.format("", inside)})
        return response.status_code, response.json().get("error")

    first = ask(bad)
    assert first[0] == 400
    assert ask(good)[0] == 200
    assert [ask(bad), ask(bad), ask(good)[0]] == [first, first, 200]


# --------------------------------------------------------------------------------------------------- OData


@pytest.mark.parametrize(
    ("text", "aliases"),
    [
        ("name eq 'a' or name eq 'b'", {}),
        ("name eq 'it''s' or name eq '' or name eq ''''", {}),
        ("name eq 'a \" b'", {}),
        (f"{IN}(PropertyName='name',PropertyValues=['a','it''s','']) or name eq 'x'", {}),
        (f"name eq 'x' and {IN}(PropertyName='name',PropertyValues=[\"it's\",\"it's\"]) or name eq 'y'", {}),
        (f"name eq 'x' and {IN}(PropertyName=@p1,PropertyValues=@p2)", {"@p1": "'name'", "@p2": '["a","it\'s"]'}),
        ("name eq @p1 or name eq 'x' or name eq @p2", {"@p1": "'it''s'", "@p2": "null"}),
        ("Microsoft.Dynamics.CRM.LastXDays(PropertyName='createdon',PropertyValue=2)", {}),
        ("not(allowemail eq true) and name eq '@p1 in (1)'", {}),
    ],
)
def test_a_filter_is_prepared_the_same_alone_and_by_its_shape(text: str, aliases: dict[str, str]) -> None:
    alone = meaning(fill(*read_alone(text, aliases), aliases))
    other = text.replace("'x'", "'other'").replace("'a'", "'other one'")
    for asked in (other, text, other, text):
        prepared = prepare(asked, aliases)
    assert meaning(prepared) == alone


def meaning(prepared: Prepared) -> tuple[str, list[tuple[str, str, tuple[str, ...]]]]:
    text = re.sub(r"'(\d+)'", lambda match: repr(prepared.literals[int(match[1])]), prepared.text)
    return text, [(call.function, call.column, tuple(call.values)) for call in prepared.calls]


def test_values_of_a_filter_go_where_they_stand() -> None:
    text = f"name eq 'x' and {IN}(PropertyName='c',PropertyValues=['a','it''s','']) or name eq 'y'"
    other = f"name eq '1' and {IN}(PropertyName='d',PropertyValues=['2','3','4']) or name eq '5'"
    for asked, column, values, texts in (
        (text, "c", ("a", "it's", ""), ["x", "y"]),
        (other, "d", ("2", "3", "4"), ["1", "5"]),
        (text, "c", ("a", "it's", ""), ["x", "y"]),
    ):
        prepared = prepare(asked, {})
        assert [(call.column, tuple(call.values)) for call in prepared.calls] == [(column, values)]
        assert [prepared.literals[int(number)] for number in re.findall(r"'(\d+)'", prepared.text)] == texts


@pytest.mark.parametrize(
    "text",
    [
        "name eq 'a",
        "name in ('a')",
        f"{IN}(PropertyName='name'",
        f"{IN}(PropertyName='name',PropertyValues=x)",
        f"{IN}(PropertyName=@none,PropertyValues=['a']) and name in ('b')",
        f"name in ('b') and {IN}(PropertyName=@none,PropertyValues=['a'])",
        "name eq @none",
        f"{IN}(PropertyName='name',PropertyValue='a')",
    ],
)
def test_what_cannot_be_prepared_is_told_in_the_words_of_the_text(text: str) -> None:
    told = []
    for prepared in (lambda: read_alone(text, {}), lambda: prepare(text, {}), lambda: prepare(text, {})):
        with pytest.raises(DataverseError) as refusal:
            prepared()
        told.append(refusal.value.message)
    assert len(set(told)) == 1


@pytest.mark.parametrize("seed", range(8))
def test_a_filter_of_a_known_shape_answers_as_one_that_is_planned_alone(simulator: Simulator, seed: int) -> None:
    world = World(simulator, seed)
    filters = simulator.store.filters
    shared = answered = 0

    def other(match: re.Match[str]) -> str:
        value = "x" if match[1] == "PropertyName" else world.dice.choice(PATTERNS)
        return match[0] if value == "x" else f"{match[1]}{match[2]}'{value}'"

    for _ in range(120):
        name = world.dice.choice(list(SETS))
        table = world.table(name)
        first = world.filter_text(name).replace('"', "'")
        texts = [first, LITERAL.sub(other, first), LITERAL.sub(other, first), first]
        filters.clear()
        together = [compile_filter(simulator.store, table, text, {}) for text in texts]
        shared += len(filters) == 1 and texts[1] != first
        for text, compiled in zip(texts, together, strict=True):
            filters.clear()
            alone = compile_filter(simulator.store, table, text, {})
            rows = [row for row in table.rows.values() if alone.test(row)]
            assert [row for row in table.rows.values() if compiled.test(row)] == rows == compiled.rows(table), text
            answered += bool(rows)
    assert shared > 20
    assert answered > 100


def test_many_texts_looked_for_in_one_column_are_found_with_and_without_wildcards(simulator: Simulator) -> None:
    simulator.reset(frozenset())
    simulator.plant({"contacts": [{"lastname": name} for name in ("Xab", "xac", "Xyd", "bXe", "a%b", "Qz", "qy")]})
    table = simulator.store.by_name["contact"]

    def found(text: str) -> set[str]:
        rows = compile_filter(simulator.store, table, text, {}).rows(table)
        return {row[table.slots["lastname"]] for row in rows} & {"Xab", "xac", "Xyd", "bXe", "a%b", "Qz", "qy"}

    def any_of(function: str, *texts: str) -> str:
        return " or ".join(f"{function}(lastname,'{text}')" for text in texts)

    assert found(any_of("startswith", "xA", "q[yx]")) == {"Xab", "xac", "qy"}
    assert found(any_of("startswith", "xY", "qz")) == {"Xyd", "Qz"}
    assert found(any_of("endswith", "AC", "xe")) == {"xac", "bXe"}
    assert found(any_of("contains", "xa", "[%]")) == {"Xab", "xac", "a%b"}
    assert found(f"({any_of('startswith', 'x')}) and ({any_of('endswith', 'b', 'd')})") == {"Xab", "Xyd"}


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (f"_customerid_value eq {GUID}", "_customerid_value eq 'x'"),
        ("_customerid_value eq '" + GUID + "'", "_customerid_value eq 'x'"),
        (
            f"{IN}(PropertyName='title',PropertyValues=['x'])",
            f"{IN}(PropertyName='nosuch',PropertyValues=['x'])",
        ),
        (
            f"{IN}(PropertyName='title',PropertyValues=['x'])",
            f"{IN}(PropertyName='statecode',PropertyValues=['x'])",
        ),
        ("startswith(title,'x')", "startswith(nosuch,'x')"),
        (
            "Microsoft.Dynamics.CRM.On(PropertyName='createdon',PropertyValue='2026-01-01')",
            "Microsoft.Dynamics.CRM.On(PropertyName='createdon',PropertyValue='x')",
        ),
    ],
)
def test_a_filter_of_a_known_shape_is_refused_as_the_first_one_is(dataverse: Any, good: str, bad: str) -> None:
    def ask(text: str) -> tuple[int, Any]:
        response = dataverse.get("incidents", filter=text, select="title", orderby="title")
        return response.status_code, response.json().get("error")

    first = ask(bad)
    assert first[0] == 400
    assert ask(good)[0] == 200
    assert [ask(bad), ask(bad), ask(good)[0]] == [first, first, 200]


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"fetchXml": FETCH.format("", LINK.format("contactid", "eq", "first") + "<second/>")}, "first"),
        ({"fetchXml": FETCH.format("", "<first/>" + LINK.format("contactid", "eq", "second"))}, "first"),
        ({"$filter": "_customerid_value eq 'first' and second eq 1"}, "_customerid_value"),
        ({"$filter": "first eq 1 and _customerid_value eq 'second'"}, "first"),
        ({"$filter": f"{IN}(PropertyName='first',PropertyValues=['x']) and second eq 1"}, "first"),
    ],
)
def test_of_two_mistakes_the_first_is_told(dataverse: Any, parameters: dict[str, str], told: str) -> None:
    for _ in range(2):
        message = dataverse.http.get("incidents", params=parameters).json()["error"]["message"]
        assert told in message
        assert "second" not in message


def test_options_beside_a_filter_are_kept_as_they_are(dataverse: Any) -> None:
    account = dataverse.create("accounts", {"name": "P"})
    for name in ("A1", "A2", "B1"):
        parent = {"parentcustomerid_account@odata.bind": f"/accounts({account})"}
        dataverse.create("contacts", {"lastname": name, "firstname": "x", **parent})
    padding = " and ".join(f"lastname ne 'no such name {number}'" for number in range(80))

    def asked(start: str, **options: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = dataverse.rows(
            "contacts", filter=f"startswith(lastname,'{start}') and {padding}", **options
        )
        return rows

    expand = "parentcustomerid_account($select=name)"
    assert [row["lastname"] for row in asked("A", orderby="lastname desc", select="lastname")] == ["A2", "A1"]
    assert [row["lastname"] for row in asked("B", orderby="lastname desc", select="lastname")] == ["B1"]
    assert [row["lastname"] for row in asked("A", orderby="lastname", top="1")] == ["A1"]
    assert asked("A", expand=expand, top="1")[0]["parentcustomerid_account"]["name"] == "P"
    assert "parentcustomerid_account" not in asked("B", top="1")[0]
    assert asked("B", expand=expand, top="1")[0]["parentcustomerid_account"]["name"] == "P"
    nested = "contact_customer_accounts($select=lastname;$filter=startswith(lastname,@p1))"
    for start, names in (("A", ["A1", "A2"]), ("B", ["B1"])):
        parameters = {"$filter": f"name eq 'P' and {padding.replace('lastname', 'name')}", "$expand": nested}
        answer = dataverse.http.get("accounts", params={**parameters, "@p1": f"'{start}'"}).json()
        assert sorted(row["lastname"] for row in answer["value"][0]["contact_customer_accounts"]) == names


# ------------------------------------------------------------------- callers, roles, switches, columns, time


def ways_to_ask(dataverse: Any, odata: str, fetchxml: str) -> list[Callable[..., Any]]:
    def by_odata(**headers: str) -> Any:
        return dataverse.get("leads", filter=f"startswith(subject,'T ') and {odata}", headers=headers)

    def by_fetchxml(**headers: str) -> Any:
        conditions_ = f'<condition attribute="subject" operator="like" value="T %"/>{fetchxml}'
        text = f'<fetch><entity name="lead"><attribute name="subject"/><filter>{conditions_}</filter></entity></fetch>'
        return dataverse.http.get("leads", params={"fetchXml": text}, headers=headers)

    return [by_odata, by_fetchxml]


def test_a_plan_does_not_remember_who_asked_first(dataverse: Any) -> None:
    dataverse.control("POST", "rows", {"leads": [{"subject": "T 1"}]})
    agent = dataverse.rows("systemusers", filter="employeeid eq '00017'")[0]
    odata = "Microsoft.Dynamics.CRM.EqualUserId(PropertyName='ownerid')"
    for ask in ways_to_ask(dataverse, odata, '<condition attribute="ownerid" operator="eq-userid"/>'):
        as_agent = {"CallerObjectId": agent["azureactivedirectoryobjectid"]}
        assert [len(ask(**who).json()["value"]) for who in ({}, as_agent, {}, as_agent)] == [1, 0, 1, 0]


def test_a_plan_does_not_remember_when_it_was_made(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    simulator.reset(frozenset())
    simulator.plant({"leads": [{"subject": "T 1"}]})
    table = simulator.store.by_name["lead"]
    text = '<fetch><entity name="lead"><filter><condition attribute="createdon" operator="last-x-days" value="2"/>'

    class Later(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return super().now(tz) + timedelta(days=9)

    def found() -> tuple[int, int]:
        condition = "Microsoft.Dynamics.CRM.LastXDays(PropertyName='createdon',PropertyValue=2)"
        fetch = read(simulator, "lead", f"{text}</filter></entity></fetch>")
        rows = compile_filter(simulator.store, table, condition, {}).rows(table)
        new = [row for row in rows if row[table.slots["subject"]] == "T 1"]
        return len(new), len(ids(fetch, new))

    assert found() == (1, 1)
    monkeypatch.setattr(conditions, "datetime", Later)
    assert found() == (0, 0)


def test_roles_are_asked_for_each_time(dataverse: Any) -> None:
    linked = FETCH.format("", LINK.format("lastname", "eq", "x"))
    expanded = {"filter": "startswith(title,'x')", "expand": "customerid_contact($select=lastname)"}

    def statuses() -> list[int]:
        by_link = dataverse.http.get("incidents", params={"fetchXml": linked})
        return [by_link.status_code, dataverse.get("incidents", **expanded).status_code]

    assert statuses() == [200, 200]
    assign(dataverse, incident=["Read"])
    assert statuses() == [403, 403]
    assign(dataverse, incident=["Read"], contact=["Read"])
    assert statuses() == [200, 200]


@pytest.mark.parametrize(
    ("switch", "code"), [({"fetchLinks": 1}, "0x8004430d"), ({"fetchConditions": 3}, "0x8004430c")]
)
def test_switches_are_asked_for_each_time(dataverse: Any, switch: dict[str, int], code: str) -> None:
    inside = LINK.format("lastname", "eq", "x") + LINK.format("lastname", "eq", "y").replace('"c"', '"d"')
    parameters = {"fetchXml": FETCH.format("", inside)}
    assert dataverse.http.get("incidents", params=parameters).status_code == 200
    dataverse.environment(**switch)
    refused = dataverse.http.get("incidents", params=parameters)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, code)
    dataverse.environment(fetchLinks=10, fetchConditions=500)
    assert dataverse.http.get("incidents", params=parameters).status_code == 200


def test_a_plan_is_made_anew_for_new_columns(dataverse: Any) -> None:
    everything = '<fetch><entity name="lead"><all-attributes/><filter><condition attribute="subject" operator="like" '
    parameters = {"fetchXml": f'{everything}value="%"/></filter></entity></fetch>'}
    new = ("new_late eq 1 or new_late eq null", {"fetchXml": parameters["fetchXml"].replace('"subject"', '"new_late"')})
    dataverse.control("POST", "rows", {"leads": [{"subject": "T"}]})
    assert "new_late" not in dataverse.http.get("leads", params=parameters).json()["value"][0]
    for _ in range(2):
        assert dataverse.get("leads", filter=new[0]).status_code == 400
    columns = {"tables": {"lead": {"attributes": {"new_late": {"type": "Integer"}}}}}
    assert dataverse.control("POST", "columns", columns).status_code == 200
    assert "new_late" in dataverse.http.get("leads", params=parameters).json()["value"][0]
    assert dataverse.get("leads", filter=new[0]).status_code == 200


def test_a_document_type_is_refused_whatever_is_known(simulator: Simulator) -> None:
    simulator.store.fetches.clear()
    table = simulator.store.by_name["incident"]
    text = FETCH.format("", LINK.format("lastname", "eq", "x"))
    request = Request("GET", "", "", {}, b"")
    read_fetch(simulator.store, Environment(), table, text, request)
    bomb = '<!DOCTYPE fetch [<!ENTITY a "x">]>'
    for bad in (bomb + text, text.replace("x</value>", "&a;</value>"), bomb + text.replace("x</value>", "&a;</value>")):
        with pytest.raises(DataverseError) as refusal:
            read_fetch(simulator.store, Environment(), table, bad, request)
        assert "XML" in refusal.value.message
    assert len(simulator.store.fetches) == 1
