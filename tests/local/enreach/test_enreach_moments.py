"""Spellings of moments."""

from typing import Any

import pytest

from local.enreach.moments import iso_plain, iso_z, ms_date, read_moment, read_parameter

EIGHT = 1772438400.0  # 2026-03-02 08:00:00 UTC


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-03-02T08:00:00Z", EIGHT),
        ("2026-03-02T08:00:00", EIGHT),
        ("2026-03-02 08:00:00", EIGHT),
        ("2026-03-02T10:00:00+02:00", EIGHT),
        ("2026-03-02T08:00:00.2500000Z", EIGHT + 0.25),
        ("/Date(1772438400250)/", EIGHT + 0.25),
        ("/Date(1772438400000+0200)/", EIGHT),
        ("/Date(-1000)/", -1.0),
        ("soon", None),
        ("", None),
        (1772438400, None),
        (None, None),
    ],
)
def test_a_field_is_read_in_any_known_spelling_and_is_utc_without_a_zone(value: Any, moment: float | None) -> None:
    assert read_moment(value) == moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-02 08:00:00", EIGHT),
        ("2026-03-02T08:00:00", None),
        ("2026-03-02 08:00:00Z", None),
        ("2026-03-02 08:00", None),
        ("2026-13-02 08:00:00", None),
    ],
)
def test_a_parameter_has_one_spelling(text: str, moment: float | None) -> None:
    assert read_parameter(text) == moment


@pytest.mark.parametrize(
    ("write", "whole", "part"),
    [
        (iso_z, "2026-03-02T08:00:00Z", "2026-03-02T08:00:00.250Z"),
        (iso_plain, "2026-03-02T08:00:00", "2026-03-02T08:00:00.250"),
        (ms_date, "/Date(1772438400000)/", "/Date(1772438400250)/"),
    ],
)
def test_moments_are_written_to_the_millisecond(write: Any, whole: str, part: str) -> None:
    assert (write(EIGHT), write(EIGHT + 0.25)) == (whole, part)
    assert read_moment(part) == EIGHT + 0.25
