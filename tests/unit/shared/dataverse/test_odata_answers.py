"""What comes back is read with suspicion: JSON or an outage, seconds or nothing."""

import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.dataverse import odata
from shared.dataverse.errors import ThrottledError, UnavailableError
from shared.dataverse.odata import PartReply, json_text
from shared.retry import retry_after_seconds

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


def any_json(leaves: int) -> st.SearchStrategy[Any]:
    return st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=leaves,
    )  # fmt: skip


ANY_JSON = any_json(20)
SMALL_JSON = any_json(4)


@given(ANY_JSON)
def test_json_is_read_as_it_was_written(value: object) -> None:
    assert odata.read_json(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"n": 123456789012345678901234567890}', {"n": 1.2345678901234568e29}),
        (rb'"cut \ud83d"', "cut �"),
        (rb'"\ud83d\ude00 \ude00"', "😀 �"),
        (rb'"C:\\ud83d \ud83d\n"', "C:\\ud83d �\n"),
        (rb'"\uDBFF\uDBFF\uDFFF"', "�\U0010ffff"),
    ],
)
def test_numbers_and_texts_beyond_the_usual(body: bytes, value: object) -> None:
    assert odata.read_json(body) == value


def in_pieces(body: bytes) -> object:
    """The same, when a few bytes are a long text."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_text, "_PIECE", 10)
        return odata.read_json(body)


@given(
    st.dictionaries(st.sampled_from(["@odata.context", "@odata.nextLink", "value", "a", "z"]), SMALL_JSON)
    | st.lists(SMALL_JSON),
    st.lists(st.dictionaries(st.text() | st.sampled_from(["value", "},{"]), SMALL_JSON, min_size=1)),
    st.booleans(),
)
def test_a_page_that_is_read_in_pieces_is_the_same(around: object, rows: list[object], compact: bool) -> None:
    page = {**around, "value": rows} if isinstance(around, dict) else around
    body = json.dumps(page, separators=(",", ":") if compact else None, ensure_ascii=not compact).encode(
        errors="surrogatepass"
    )
    assert in_pieces(body) == odata.read_json(body)


@pytest.mark.parametrize(
    ("body", "pieces"),
    [
        pytest.param({"value": [{"n": 10_000_000 + n} for n in range(5)]}, 5, id="rows"),
        pytest.param({"value": [{"n": '},{"value":[' * 3} for _ in range(4)]}, 4, id="texts that look like JSON"),
        pytest.param({"value": [{"inner": [{"n": 1}, {"n": 2}, {"n": 3}]}] * 4}, None, id="rows inside of rows"),
        pytest.param({"first": {"value": [{"n": 123_456_789}] * 4}}, None, id="rows of something else"),
        pytest.param([{"value": [{"n": 123_456_789}] * 4}], None, id="no page"),
        pytest.param({"value": []}, None, id="no rows"),
    ],
)
def test_a_page_is_cut_between_its_rows_only(body: object, pieces: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    text = json.dumps(body, separators=(",", ":")).encode()
    read: list[bytes] = []
    loads = orjson.loads

    def noted(piece: bytes) -> object:
        read.append(piece)
        return loads(piece)

    monkeypatch.setattr("shared.dataverse.odata.json_text.orjson.loads", noted)
    assert in_pieces(text) == body
    assert (text in read) is (pieces is None)
    assert pieces is None or len(read) == pieces


def test_a_page_that_ends_in_the_middle_is_an_outage() -> None:
    with pytest.raises(UnavailableError, match="not JSON"):
        in_pieces(b'{"value":[{"n":123456789},{"n":2}')


def test_of_a_name_that_stands_twice_the_last_value_counts() -> None:
    assert in_pieces(b'{"value":[{"n":123456789},{"n":2}],"value":3}') == {"value": 3}


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"{", b'{"a": NaN}', b"[Infinity]", b"\xff", b'"\xff"', b"[" * 100_000, b"{}{}", rb'"\ud83d" x'],
    ids=lambda body: repr(body[:12]),
)
def test_anything_else_is_an_outage(body: bytes) -> None:
    with pytest.raises(UnavailableError, match="not JSON"):
        odata.read_json(body)


@given(st.binary(max_size=40))
def test_no_answer_makes_another_failure(body: bytes) -> None:
    with contextlib.suppress(UnavailableError):
        odata.read_json(body)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, None), ("", None), ("7", 7), ("1.5", 1.5), ("-3", 0), ("soon", None), ("nan", None), ("inf", None),
     ("Sat, 21 Nov 2026 08:01:30 GMT", 90), ("Sat, 21 Nov 2026 08:01:30 -0000", 90),
     ("Sat, 21 Nov 2026 07:00:00 GMT", 0), ("Sat, 99 Nov 2026 07:00:00 GMT", None)],
)  # fmt: skip
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header, NOW) == seconds


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"error": {"code": "0x80040217", "message": "m"}}, ("0x80040217", "m")),
        ({"error": {"code": None}}, ("", "")), ({"error": "text"}, ("", "")), ([], ("", "")), (None, ("", "")),
        ({"error": {"code": 5, "message": ["x"]}}, ("5", "['x']")),
    ],
)  # fmt: skip
def test_the_fields_of_an_error(body: Any, fields: tuple[str, str]) -> None:
    assert odata.error_fields(body) == fields


def test_an_answer_stands_for_its_failure() -> None:
    assert PartReply(204, {}, None).error(NOW) is None
    headers = {"retry-after": "7", "x-ms-service-request-id": "4beb9fdb-48e9-453f-b008-5862ff902c5d"}
    error = PartReply(429, headers, {"error": {"code": "0x80072322"}}).error(NOW)
    assert isinstance(error, ThrottledError)
    assert (error.retry_after, error.request_id) == (7, headers["x-ms-service-request-id"])
