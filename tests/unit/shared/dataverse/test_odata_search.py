"""A search for texts says what a query with the same filter says; joins say it in FetchXML."""

from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from defusedxml import ElementTree

from shared.dataverse.odata import ById, ByText, Chosen, Condition, Fetch, Filled, Query, Search, all_of, is_in
from shared.dataverse.odata.table import UnknownNameError
from shared.dataverse.tables import ACCOUNT, CONTACT

ROW = "00000000-0000-0000-0000-000000000001"
TEXTS = ("+358504545641", "050 'x' & \"y\"", "<7%>")
COLUMNS = ("mobilephone", "telephone1")
ACTIVE = CONTACT.eq("statecode", 0)


def search(**changes: object) -> Search:
    kept = {"table": CONTACT, "select": ("contactid",), "columns": COLUMNS, "where": ACTIVE}
    return Search(**{**kept, **changes})  # type: ignore[arg-type]


def options(path: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(path).query, strict_parsing=True).items()}


def filled_in(sent: dict[str, str]) -> str:
    """The filter with its aliases."""
    text = sent["$filter"]
    for name in sorted((name for name in sent if name.startswith("@")), key=len, reverse=True):
        text = text.replace(f"={name}", f"={sent[name]}")
    return text


def without_brackets(text: str) -> str:
    """Both say the same in brackets of their own."""
    return text.replace("(", "").replace(")", "")


def test_very_texts_are_asked_for_as_a_query_asks() -> None:
    asked = filled_in(options(search().ask(ByText(TEXTS)).path()))
    each = [filled_in(options(Query(table=CONTACT, select=("contactid",), where=is_in(column, TEXTS)).path()))
            for column in COLUMNS]  # fmt: skip
    assert without_brackets(asked) == without_brackets(f"statecode eq 0 and {' or '.join(each)}")


def test_keys_are_asked_for_as_a_query_asks() -> None:
    query = Query(table=CONTACT, select=("contactid",), where=all_of(ACTIVE, CONTACT.is_in("contactid", [ROW])))
    asked = filled_in(options(search().ask(ById((ROW,))).path()))
    assert without_brackets(asked) == without_brackets(filled_in(options(query.path())))


def test_beginnings_and_parts_come_as_text_functions() -> None:
    sent = filled_in(options(search().ask(ByText(("1",), begins=("+358 9", "09'"), contains="98")).path()))
    assert sent.endswith(
        " or (startswith(mobilephone,'+358 9') or startswith(mobilephone,'09''') or startswith(telephone1,'+358 9')"
        " or startswith(telephone1,'09''')) or (contains(mobilephone,'98') or contains(telephone1,'98')))"
    )


def test_order_limit_and_expansion_stand_behind_the_filter() -> None:
    expand = (CONTACT.expand("parentcustomerid_account", Query(table=ACCOUNT, select=("accountid",))),)
    path = unquote(search(order_by=("createdon",), top=5, expand=expand).ask(ByText(TEXTS)).path())
    assert path.startswith("contacts?$select=contactid&$filter=")
    assert path.endswith("&$orderby=createdon&$top=5&$expand=parentcustomerid_account($select=accountid)")


@pytest.mark.parametrize("changes", [{"columns": ("nonsense",)}, {"select": ("nonsense",)}])
def test_unknown_names_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(UnknownNameError, match="nonsense"):
        search(**changes).ask(ByText(TEXTS)).path()


def test_a_condition_with_values_of_its_own_is_refused() -> None:
    with pytest.raises(ValueError, match="plain condition"):
        search(where=CONTACT.is_in("contactid", [ROW])).ask(ByText(TEXTS)).path()


FETCH = Fetch(table=CONTACT, select=("contactid",), where=(Condition("statecode", "eq", 0), Chosen(COLUMNS, "caller")))


def conditions(choice: ByText | ById) -> list[tuple[str | None, str | None, str | None, list[str | None]]]:
    text = options(FETCH.ask({"caller": choice}).path())["fetchXml"]
    chosen = ElementTree.fromstring(text).findall(".//filter/filter/condition")
    return [
        (each.get("attribute"), each.get("operator"), each.get("value"), [value.text for value in each])
        for each in chosen
    ]


def test_joins_ask_for_the_same_in_fetchxml() -> None:
    choice = ByText(TEXTS, begins=('09"<',), contains="98")
    for _ in range(2):  # the second time the conditions are known
        assert conditions(choice) == [
            (column, operator, value, texts)
            for column in COLUMNS
            for operator, value, texts in (
                ("in", None, list(TEXTS)),
                ("begins-with", '09"<', []),
                ("like", "%98%", []),
            )
        ]
    assert conditions(ById((ROW,))) == [("contactid", "in", None, [ROW])]


SIGNS = bytes.maketrans(b"GH", b"59")
PATTERN = ByText(("+358 GHG", "(0G)H", "'G'H"), begins=("+358 G", "0H-G"), contains="HG")
WRITTEN_OUT = ByText(("+358 595", "(05)9", "'5'9"), begins=("+358 5", "09-5"), contains="95")


def test_a_filled_pattern_asks_what_the_texts_written_out_ask() -> None:
    filled = Filled(PATTERN, SIGNS)
    assert search().ask(filled).path() == search().ask(WRITTEN_OUT).path()
    for _ in range(2):
        assert FETCH.ask({"caller": filled}).path() == FETCH.ask({"caller": WRITTEN_OUT}).path()
    assert (filled.equal, filled.begins, filled.contains) == (
        WRITTEN_OUT.equal,
        WRITTEN_OUT.begins,
        WRITTEN_OUT.contains,
    )
    for text in ("+358 595", "09-5 12", "x95", "+358 GHG", "HG", ""):
        assert filled.holds(text) is WRITTEN_OUT.holds(text)


@pytest.mark.parametrize("sign", [b" ", b"&", b"\n", b"'"])
def test_a_stand_in_stands_for_nothing_that_would_have_to_be_encoded(sign: bytes) -> None:
    with pytest.raises(ValueError, match="a letter or a digit"):
        Filled(PATTERN, bytes.maketrans(b"G", sign))


HELD = [("050 1", True), ("050 12", False), ("09 77", True), ("x98x", True), ("", False)]


@pytest.mark.parametrize(("text", "is_held"), HELD)
def test_what_is_asked_for(text: str, is_held: bool) -> None:
    assert ByText(("050 1",), ("09",), "98").holds(text) is is_held
    assert not ByText(()).holds(text)
