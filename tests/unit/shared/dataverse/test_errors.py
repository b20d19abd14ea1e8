"""Every code and status that Dataverse documents, and what a caller is told to do about it."""

import inspect
import re
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.dataverse import errors
from shared.dataverse.errors import (
    MEANINGS,
    AlreadyExistsError,
    ChangedError,
    ConflictError,
    DataverseError,
    DeniedError,
    NotFoundError,
    PayloadTooLargeError,
    RejectedError,
    ThrottledError,
    UnavailableError,
    error_for,
    kind_of,
    normal_code,
)

REQUEST_ID = "6f3f1b0e-6a2b-4a6f-8b1e-2d2a7c1b9a11"

# The tables of "Service protection API limits" and "Web service error codes", with the status that they come with.
DOCUMENTED: list[tuple[str, int, type[DataverseError]]] = [
    ("0x80072322", 429, ThrottledError),
    ("0x80072321", 429, ThrottledError),
    ("0x80072326", 429, ThrottledError),
    ("0x80040217", 404, NotFoundError),
    ("0x80040217", 400, NotFoundError),
    ("0x80060891", 404, NotFoundError),
    ("0x80060890", 400, RejectedError),
    ("0x80060892", 412, AlreadyExistsError),
    ("0x80040237", 412, AlreadyExistsError),
    ("0x80040237", 409, AlreadyExistsError),
    ("0x80040333", 412, ConflictError),
    ("0x80060882", 412, ChangedError),
    ("0x80048d19", 400, RejectedError),
    ("0x80060888", 404, RejectedError),
    ("0x80060888", 400, RejectedError),
    ("0x80044331", 400, RejectedError),
    ("0x8004432f", 400, RejectedError),
    ("0x80044330", 400, RejectedError),
    ("0x8004431a", 400, RejectedError),
    ("0x80048408", 400, RejectedError),
    ("0x80040203", 400, RejectedError),
    ("0x80040200", 400, RejectedError),
    ("0x80040239", 400, RejectedError),
    ("0x80040220", 403, DeniedError),
    ("0x80048306", 403, DeniedError),
    ("0x80048306", 400, DeniedError),
    ("0x80042f09", 403, DeniedError),
    ("0x80042f09", 500, DeniedError),
    ("0x80040225", 403, DeniedError),
    ("0x80040225", 400, DeniedError),
    ("0x80072560", 401, DeniedError),
    ("0x80040227", 405, RejectedError),
    ("0x80040522", 400, RejectedError),
    ("0x8004051c", 400, RejectedError),
    ("0x80044352", 400, RejectedError),
    ("0x80044352", 410, RejectedError),
    ("0x80040265", 400, RejectedError),
    ("0x80040265", 500, RejectedError),
    ("0x80040224", 400, RejectedError),
    ("0x80040224", 500, UnavailableError),
    ("0x80040216", 400, RejectedError),
    ("0x80040216", 500, UnavailableError),
    ("0x80044150", 500, UnavailableError),
    ("0x80044150", 400, UnavailableError),
    ("0x80044151", 500, UnavailableError),
    ("0x8006088a", 400, RejectedError),
    ("0x8006088a", 503, UnavailableError),
]


@pytest.mark.parametrize(("code", "status", "kind"), DOCUMENTED)
def test_every_documented_code(code: str, status: int, kind: type[DataverseError]) -> None:
    error = error_for(status, code, "", REQUEST_ID, None)
    assert type(error) is kind
    assert (error.status, error.code, error.request_id) == (status, code, REQUEST_ID)


def test_the_table_has_the_documented_codes_and_no_others() -> None:
    assert set(MEANINGS) == {code for code, _, _ in DOCUMENTED}
    assert all(normal_code(code) == code for code in MEANINGS)
    assert sorted(code for code, meaning in MEANINGS.items() if meaning.kind is ThrottledError) == [
        "0x80072321",
        "0x80072322",
        "0x80072326",
    ]


BY_STATUS: dict[type[DataverseError], list[int]] = {
    DeniedError: [401, 402, 403, 407],
    NotFoundError: [404, 410],
    ConflictError: [409, 412],
    PayloadTooLargeError: [413, 414],
    ThrottledError: [429],
    RejectedError: [400, 405, 406, 411, 415, 416, 417, 418, 422, 423, 424, 426, 428, 431, 451, 501, 505],
    UnavailableError: [408, 421, 425, 500, 502, 503, 504, 506, 507, 508, 510, 511],
}


@pytest.mark.parametrize("status", [status.value for status in HTTPStatus if status >= 400])
def test_every_status_without_a_code(status: int) -> None:
    (expected,) = [kind for kind, statuses in BY_STATUS.items() if status in statuses]
    assert type(error_for(status, "", "", "", None)) is expected


@pytest.mark.parametrize("status", range(400, 600))
def test_an_unknown_status_counts_as_its_class(status: int) -> None:
    if status not in {known for statuses in BY_STATUS.values() for known in statuses}:
        assert kind_of(status) is (RejectedError if status < 500 else UnavailableError)


@pytest.mark.parametrize(
    ("spelling", "code"),
    [
        ("0x80040217", "0x80040217"),
        ("0X80040217", "0x80040217"),
        ("0x8004432F", "0x8004432f"),
        (" 0x80040217 ", "0x80040217"),
        ("-2147220969", "0x80040217"),
        (-2147220969, "0x80040217"),
        ("2147746327", "0x80040217"),
        ("-2147015902", "0x80072322"),
        ("", ""),
        ("0", ""),
        ("429", ""),
        ("Unauthorized", ""),
        ("3584504545", ""),
        ("80123456", ""),
        ("+358504545641", ""),
        ("0x8004021712", ""),
        ("٢١٤٧٧٤٦٣٢٧", ""),
    ],
)
def test_a_code_is_read_in_every_spelling_and_nothing_else_passes_for_one(spelling: str | int, code: str) -> None:
    assert normal_code(spelling) == code


def test_a_code_in_another_spelling_has_the_same_meaning() -> None:
    assert type(error_for(400, "0X80060892", "", "", None)) is AlreadyExistsError
    assert type(error_for(500, "-2147220969", "", "", None)) is NotFoundError


def test_429_is_a_limit_whatever_the_code_says() -> None:
    for code in ["", "0x80040216", "0x80040203", "nonsense"]:
        assert type(error_for(429, code, "", "", 3.0)) is ThrottledError


@pytest.mark.parametrize(
    ("named", "kept"), [(None, 5.0), (0.0, 0.0), (17.5, 17.5), (float("nan"), 5.0), (float("inf"), 5.0), (-1.0, 5.0)]
)
def test_a_limit_always_says_how_long(named: float | None, kept: float) -> None:
    error = error_for(429, "", "", "", named)
    assert isinstance(error, ThrottledError)
    assert error.retry_after == kept


def test_an_outage_keeps_the_wait_that_it_names() -> None:
    for named, kept in [(7.0, 7.0), (None, None), (float("nan"), None)]:
        error = error_for(503, "", "", "", named)
        assert isinstance(error, UnavailableError)
        assert error.retry_after == kept


def test_a_payload_that_a_plug_in_cannot_take_is_told_by_its_text_alone() -> None:
    """Its code is that of any unexpected error ("Troubleshoot Dataverse plug-ins")."""
    text = "Message size exceeded when sending context to Sandbox. Message size: 118 Mb"
    for status in (400, 500):
        assert type(error_for(status, "0x80040216", text, "", None)) is PayloadTooLargeError
    assert type(error_for(403, "0x80040220", text, "", None)) is DeniedError


HOSTILE = "Matti Meikäläinen +358504545641 matti@example.com"


@given(st.text() | st.just(HOSTILE), st.text() | st.just(HOSTILE), st.text() | st.just(HOSTILE))
def test_the_message_has_nothing_that_a_row_or_a_gateway_could_have_put_there(code: str, detail: str, id_: str) -> None:
    error = error_for(400, code, detail, id_, None)
    assert re.fullmatch(
        r"Dataverse answered 400( 0x[0-9a-f]{8}( \w+)?)? \(request (unknown|[0-9a-f-]{36})\)", str(error)
    )
    assert error.detail == detail


def test_the_message_names_status_code_and_request() -> None:
    error = error_for(403, "0x80040220", HOSTILE, REQUEST_ID.upper(), None)
    assert str(error) == f"Dataverse answered 403 0x80040220 PrivilegeDenied (request {REQUEST_ID})"


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn: list[tuple[str, str | None]] = []
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"    ([│ ├└─]*)(\w+Error)\b", line):
            depth = len(found.group(1)) // 4
            path[depth:] = [found.group(2)]
            drawn.append((found.group(2), path[depth - 1] if depth else None))
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, DataverseError)]
    bases = {kind.__name__: None if kind is DataverseError else kind.__bases__[0].__name__ for kind in kinds}
    assert dict(drawn) == bases
