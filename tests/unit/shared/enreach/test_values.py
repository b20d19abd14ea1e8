"""Every spelling of a value that the public clients met, and many that nobody promises to avoid."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.enreach import values

NOON = datetime(2024, 5, 1, 12, 0, 3, tzinfo=UTC)
NOON_MS = 1714564803000
GUID = "0c3f1a2b-0000-4000-8000-00000000abcd"

MOMENTS = [
    ("2024-05-01T12:00:03Z", NOON),
    ("2024-05-01T12:00:03", NOON),
    ("2024-05-01 12:00:03", NOON),
    (" 2024-05-01T12:00:03Z ", NOON),
    ("2024-05-01T15:00:03+03:00", NOON),
    ("2024-05-01T12:00:03.2500000Z", NOON + timedelta(milliseconds=250)),
    ("2024-05-01T12:00:03.25", NOON + timedelta(milliseconds=250)),
    (f"/Date({NOON_MS})/", NOON),
    (f"/Date({NOON_MS + 250})/", NOON + timedelta(milliseconds=250)),
    (f"/Date({NOON_MS}+0300)/", NOON),
    (f"/Date({NOON_MS}-0500)/", NOON),
    ("0001-01-01T00:00:00", None),
    ("0001-01-01T00:00:00+14:00", None),
    ("/Date(-62135596800000)/", None),
    ("/Date(99999999999999999)/", None),
    ("9999-12-31T23:59:59-12:00", None),
    ("2024-02-30T12:00:00Z", None),
    ("12:00:03", None),
    ("", None),
    ("soon", None),
    (NOON_MS, None),
    (None, None),
]


@pytest.mark.parametrize(("value", "moment"), MOMENTS)
def test_a_moment_is_read_in_utc(value: Any, moment: datetime | None) -> None:
    assert values.moment(value) == moment


@given(st.text() | st.integers() | st.from_regex(values._MS_DATE))
def test_no_text_breaks_the_reading_of_moments(value: Any) -> None:
    read = values.moment(value)
    assert read is None or read.utcoffset() == timedelta(0)


GUIDS = [
    (GUID, GUID),
    (GUID.upper(), GUID),
    (f"{{{GUID.upper()}}}", GUID),
    (f" {GUID} ", GUID),
    (GUID.replace("-", ""), GUID),
    ("00000000-0000-0000-0000-000000000000", None),
    (GUID[:-1], None),
    (f"{GUID}0", None),
    ("", None),
    (17, None),
    (None, None),
]


@pytest.mark.parametrize(("value", "guid"), GUIDS)
def test_a_guid_has_one_form(value: Any, guid: str | None) -> None:
    assert values.guid(value) == guid


IDS = [
    *GUIDS[:4],
    ("00000000-0000-0000-0000-000000000000", None),
    (17, "17"),
    ("Agent_17.B-2", "agent_17.b-2"),
    ("a/b", None),
    ("a b", None),
    ("x" * 65, None),
    ("", None),
    (True, None),
    (None, None),
    ([GUID], None),
]


@pytest.mark.parametrize(("value", "identifier"), IDS)
def test_an_id_is_kept_in_lower_case(value: Any, identifier: str | None) -> None:
    assert values.identifier(value) == identifier


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        ([GUID.upper(), f"{{{GUID}}}", "17", None, {}], (GUID, "17")),
        (GUID, (GUID,)),
        ([], ()),
        (None, ()),
    ],
)
def test_ids_come_from_a_list_or_alone_and_none_twice(value: Any, ids: tuple[str, ...]) -> None:
    assert values.identifiers(value) == ids


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (" Åsa ", "Åsa"),
        (358501231234, "358501231234"),
        ("\ud83d broken", "\ufffd broken"),
        ("\U0001f600", "\U0001f600"),
        ("", None),
        ("  ", None),
        (True, None),
        (None, None),
        ({}, None),
        ("x" * 5000, "x" * 4000),
    ],
)
def test_a_text_is_bare_and_can_be_written(value: Any, text: str | None) -> None:
    assert values.text(value) == text


@pytest.mark.parametrize(("value", "texts"), [(["a", None, 1], ("a", "1")), ("a", ("a",)), (None, ()), ([], ())])
def test_texts_come_from_a_list_or_alone(value: Any, texts: tuple[str, ...]) -> None:
    assert values.texts(value) == texts


@pytest.mark.parametrize(
    ("value", "number"), [(4, 4), ("4", 4), (" 4 ", 4), ("-1", -1), (True, None), ("4.5", None), (None, None)]
)
def test_a_number_may_be_a_text(value: Any, number: int | None) -> None:
    assert values.number(value) == number


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (95, 95),
        (95.9, 95),
        ("95", 95),
        ("00:01:35", 95),
        ("1.00:00:01", 86401),
        ("00:01:35.5000000", 95),
        (0, 0),
        (-1, None),
        (True, None),
        ("nan", None),
        ("inf", None),
        (10**12, None),
        ("long", None),
        (None, None),
    ],
)
def test_seconds_are_whole(value: Any, seconds: int | None) -> None:
    assert values.seconds(value) == seconds


@pytest.mark.parametrize(
    ("value", "spelt"),
    [(0, "0"), (1.0, "1"), (True, "true"), (False, "false"), (" Work ", "work"), ("", None), (None, None), ([], None)],
)
def test_a_listed_value_is_compared_as_text(value: Any, spelt: str | None) -> None:
    assert values.spelt(value) == spelt
