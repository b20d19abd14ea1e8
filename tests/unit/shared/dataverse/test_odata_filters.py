"""Every literal arrives as it was meant, whatever stands in it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from urllib.parse import parse_qs, parse_qsl, urlsplit
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.dataverse import odata
from shared.dataverse.odata import (
    ByText,
    Filter,
    Query,
    all_of,
    eq,
    fits_url,
    ge,
    in_chunks,
    is_in,
    lt,
    ne,
)
from shared.dataverse.odata.values import guid_text, utc_moment, utc_text
from shared.dataverse.tables import BOOKING, CONTACT

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
HOSTILE = [
    "+358401234567", "O'Neill", "a&b=c", "100 %", "50%_off & more", "%27", "&$select=*", "#?/\\", "Äöå ß 日本 😀",
    "' or 1 eq 1 or '", "a;b", '"quoted"', "\ttab\nline\r\n\r\nDELETE /contacts HTTP/1.1", "@p1", "$filter", "[a]",
    "\x00\x7f", "\u2028", "", " ", "--batch_1--",
]  # fmt: skip


def asked(condition: Filter) -> dict[str, str]:
    """What a server makes of the query: percent-decoding, `+` as a space."""
    path = Query(table=CONTACT, select=("fullname",), where=condition).path()
    pairs = parse_qs(urlsplit(path).query, strict_parsing=True, keep_blank_values=True)
    return {name: values[0] for name, values in pairs.items()}


def unquoted(text: str) -> str:
    """The value of an OData string literal. Fails for anything that is not exactly one."""
    assert text[0] == text[-1] == "'"
    inner = text[1:-1]
    assert "'" not in inner.replace("''", "")
    return inner.replace("''", "'")


def all_examples(test: Callable[[str], None]) -> Callable[[str], None]:
    for text in HOSTILE:
        test = example(text)(test)
    return test


@given(st.text())
@all_examples
def test_a_text_reaches_the_server_unchanged_as_one_literal(text: str) -> None:
    condition = asked(lt("telephone1", text))
    assert condition.keys() == {"$select", "$filter"}
    assert condition["$filter"].startswith("telephone1 lt ")
    assert unquoted(condition["$filter"].removeprefix("telephone1 lt ")) == text


@given(st.lists(st.text(), min_size=1))
def test_a_set_reaches_the_server_unchanged(texts: list[str]) -> None:
    sent = asked(is_in("telephone1", texts))
    assert sent.keys() == {"$select", "$filter", "@p1", "@p2"}
    assert (sent["@p1"], json.loads(sent["@p2"])) == ("'telephone1'", texts)


@given(st.text())
@all_examples
def test_an_equal_text_is_never_a_pattern(text: str) -> None:
    sent = asked(eq("telephone1", text))
    if "@p2" in sent:
        assert json.loads(sent["@p2"]) == [text]
    else:
        literal = unquoted(sent["$filter"].removeprefix("telephone1 eq "))
        assert literal == text
        assert not set("%_[") & set(literal)


@given(st.text())
def test_a_path_is_one_word_of_printable_ascii(text: str) -> None:
    path = Query(table=CONTACT, select=("fullname",), where=eq("telephone1", text)).path()
    assert path.isascii()
    assert path.isprintable()
    assert not {" ", "+", '"', "<", ">"} & set(path)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"), (True, "true"), (False, "false"), (7, "7"), (-(2**40), "-1099511627776"), ("a", "'a'"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"), (Decimal("1E+3"), "1000"), (Decimal("0.50"), "0.50"),
        (datetime(2026, 11, 21, 10, 30, 0, 999999, timezone(timedelta(hours=2))), "2026-11-21T08:30:00Z"),
    ],
)  # fmt: skip
def test_literals(value: odata.Scalar, text: str) -> None:
    assert odata.literal(value) == text


@pytest.mark.parametrize("value", [datetime(2026, 1, 1), Decimal("NaN"), Decimal("Infinity")])  # noqa: DTZ001
def test_a_value_without_a_meaning_never_travels(value: odata.Scalar) -> None:
    with pytest.raises(ValueError, match="cannot go to Dataverse"):
        odata.literal(value)


def test_comparisons() -> None:
    assert [asked(compare("statecode", 1))["$filter"] for compare in (eq, ne, ge, lt)] == [
        "statecode eq 1", "statecode ne 1", "statecode ge 1", "statecode lt 1",
    ]  # fmt: skip


def test_conditions_combine_with_parentheses_and_numbered_aliases() -> None:
    assert asked(all_of(eq("statecode", 0), all_of(is_in("telephone1", ["1"]), is_in("mobilephone", ["2"])))) == {
        "$select": "fullname",
        "$filter": (
            "(statecode eq 0) and ((Microsoft.Dynamics.CRM.In(PropertyName=@p1,PropertyValues=@p2)) and "
            "(Microsoft.Dynamics.CRM.In(PropertyName=@p3,PropertyValues=@p4)))"
        ),
        "@p1": "'telephone1'", "@p2": '["1"]', "@p3": "'mobilephone'", "@p4": '["2"]',
    }  # fmt: skip


def test_a_combination_of_nothing_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least one"):
        all_of()


def test_a_lookup_goes_into_in_by_its_logical_name() -> None:
    condition = BOOKING.is_in("_resource_value", [UUID(int=1)])
    path = Query(table=BOOKING, select=("name",), where=condition).path()
    assert parse_qsl(urlsplit(path).query)[2] == ("@p1", "'resource'")


@given(st.sets(st.text(max_size=60)), st.integers(1, 7), st.integers(1, 400))
def test_a_set_in_chunks_has_every_value_once_and_keeps_to_the_limits(
    texts: set[str], most_values: int, most_encoded: int
) -> None:
    seen: list[str] = []
    for condition in in_chunks("telephone1", [*texts, *texts], most_values=most_values, most_encoded=most_encoded):
        chunk = json.loads(asked(condition)["@p2"])
        _, aliases = condition.render()
        assert 0 < len(chunk) <= most_values
        assert len(chunk) == 1 or len(aliases[1]) <= most_encoded + len("%5B%5D")
        seen += chunk
    assert sorted(seen) == sorted(texts)


def test_ten_thousand_long_values_go_in_queries_that_fit_into_a_url() -> None:
    names = [f"{'語 &+' * 20}{number}" for number in range(10_000)]
    paths = [
        Query(table=BOOKING, select=("name",), where=all_of(BOOKING.eq("statecode", 0), condition)).path()
        for condition in BOOKING.in_chunks("name", names)
    ]
    assert all(fits_url(path) for path in paths)
    assert len(paths) < 600


def test_guids_go_five_hundred_to_a_query() -> None:
    ids = [UUID(int=number) for number in range(1001)]
    assert len(list(BOOKING.in_chunks("bookableresourcebookingid", ids))) == 3


def test_times_travel_in_utc() -> None:
    assert utc_text(datetime.fromisoformat("2026-11-21T10:00:00.9+02:00")) == "2026-11-21T08:00:00Z"
    assert utc_moment("2026-11-21T08:00:00") == utc_moment("2026-11-21T10:00:00+02:00") == NOW


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_moment_reads_back_to_the_second(moment: datetime) -> None:
    assert utc_moment(utc_text(moment)) == moment.replace(microsecond=0)


ID = UUID("4beb9fdb-48e9-453f-b008-5862ff902c5d")


@pytest.mark.parametrize("value", [ID, str(ID), str(ID).upper(), f"{{{ID}}}", f"{{{ID}}}".upper()])
def test_a_guid_has_one_form(value: object) -> None:
    assert guid_text(value, "contactid") == str(ID)


@pytest.mark.parametrize(
    "value",
    [None, "", 7, ID.hex, ID.urn, f"{ID} ", f"{ID}\n", f"{{{ID}", f"{ID}}}", f"{ID})/name", str(ID)[:-1],
     str(ID).replace("4", "４"), str(ID).replace("b", "g"), ID.bytes, f"{ID}\r\nX: y"],
)  # fmt: skip
def test_anything_else_is_no_guid_and_is_not_repeated(value: object) -> None:
    with pytest.raises(ValueError, match=r"^contactid takes a GUID$"):
        guid_text(value, "contactid")


@pytest.mark.parametrize("sign", ["%", "_", "["])
def test_a_live_wildcard_is_refused_where_it_would_be_one(sign: str) -> None:
    text = f"+358{sign}"
    builders: list[Callable[[], object]] = [
        lambda: ByText((), begins=("1", text)),
        lambda: ByText((), contains=text),
    ]
    for build in builders:
        with pytest.raises(ValueError, match="wildcard"):
            build()
