"""What an answer stands for: its JSON, the error of a status, the pause after a 429."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.enreach.errors import (
    CredentialsError,
    DeniedError,
    EnreachError,
    NotFoundError,
    RejectedError,
    UnavailableError,
    UnreadableReplyError,
)
from shared.enreach.replies import error_of, pause_after, read_list, read_object

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


@given(st.lists(JSON, max_size=4), st.sampled_from([None, 1]))
def test_a_list_is_read_as_json_reads_it(items: list[Any], indent: int | None) -> None:
    assert read_list(json.dumps(items, indent=indent).encode()) == items


@given(st.lists(st.dictionaries(st.text(), st.integers()), min_size=1), st.data())
def test_a_list_that_breaks_off_is_never_read(items: list[Any], data: st.DataObject) -> None:
    whole = json.dumps(items).encode()
    with pytest.raises(UnreadableReplyError):
        read_list(whole[: data.draw(st.integers(0, len(whole) - 1))])


@pytest.mark.parametrize("body", [b"[]", b" [ ] \r\n", b"\xef\xbb\xbf[]", "[]".encode("utf-16")])
def test_an_empty_list_is_one(body: bytes) -> None:
    assert read_list(body) == []


NO_LISTS = [
    pytest.param(b"", id="nothing"),
    pytest.param(b"<!DOCTYPE html><html></html>", id="a web page"),
    pytest.param(b'{"Message": "+358501231234"}', id="an object"),
    pytest.param(b'"text"', id="a text"),
    pytest.param(b"null", id="null"),
    pytest.param(b"[1] [2]", id="two lists"),
    pytest.param(b"[1 2]", id="no comma"),
    pytest.param(b"[1,]", id="a comma too many"),
    pytest.param(b"[,1]", id="a comma too early"),
    pytest.param(b"[NaN]", id="no number of JSON"),
    pytest.param(b"[" + b"9" * 5000 + b"]", id="a number beyond all measure"),
    pytest.param(b"[" * 100_000, id="deeper than anybody nests"),
    pytest.param(b"[\xff]", id="no UTF-8"),
    pytest.param(b"\xff\xfe[", id="half of UTF-16"),
]


@pytest.mark.parametrize("body", NO_LISTS)
def test_what_is_no_list_is_an_error_without_its_text(body: bytes) -> None:
    with pytest.raises(UnreadableReplyError) as raised:
        read_list(body)
    assert "358" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_an_object_is_read() -> None:
    assert read_object(b'\xef\xbb\xbf{"Id": 1}') == {"Id": 1}


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b"<html>", b'{"Id": NaN}', b'{"a":' * 100_000, b"{"])
def test_what_is_no_object_is_an_error(body: bytes) -> None:
    with pytest.raises(UnreadableReplyError):
        read_object(body)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, None),
        (204, None),
        (302, UnavailableError),
        (304, UnavailableError),
        (400, RejectedError),
        (401, CredentialsError),
        (403, DeniedError),
        (404, NotFoundError),
        (405, RejectedError),
        (408, UnavailableError),
        (409, RejectedError),
        (410, NotFoundError),
        (500, UnavailableError),
        (501, RejectedError),
        (502, UnavailableError),
        (503, UnavailableError),
        (599, UnavailableError),
    ],
)
def test_what_a_status_stands_for(status: int, kind: type[EnreachError] | None) -> None:
    error = error_of(status)
    if kind is None:
        assert error is None
    else:
        assert type(error) is kind
        assert error.status == status


@pytest.mark.parametrize(
    ("throttled", "header", "pause"),
    [
        (1, None, 5),
        (2, None, 10),
        (3, None, 20),
        (4, None, 40),
        (5, None, 60),
        (500, None, 60),
        (1, "7", 7),
        (9, "7", 7),
        (1, "1.5", 1.5),
        (1, "0", 1),
        (1, "-5", 1),
        (1, "3600", 3600),
        (1, "Mon, 02 Mar 2026 08:00:30 GMT", 30),
        (1, "Mon, 02 Mar 2026 08:00:30 -0000", 30),
        (1, "Mon, 02 Mar 2026 07:00:00 GMT", 1),
        (2, "soon", 10),
        (1, "inf", 5),
        (1, "", 5),
    ],
)
def test_how_long_a_429_makes_everybody_wait(throttled: int, header: str | None, pause: float) -> None:
    assert pause_after(throttled, header, NOW) == pause
