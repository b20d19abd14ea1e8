"""What comes back is read with suspicion: JSON or an outage, seconds or nothing."""

import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.dataverse import odata
from shared.dataverse.errors import ThrottledError, UnavailableError
from shared.dataverse.odata import PartReply

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20,
)  # fmt: skip


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
    assert odata.retry_after_seconds(header, NOW) == seconds


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
