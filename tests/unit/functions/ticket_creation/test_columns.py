"""Which values a column of the case takes."""

from decimal import Decimal

import pytest

from functions.ticket_creation.decide.columns import BadValueError, Raw, problem_of, value_for
from shared.dataverse.definitions import Column


def column(kind: str, **more: object) -> Column:
    return Column(**({"name": "new_x", "kind": kind, "max_length": None, "options": None, "can_create": True} | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("of", "raw", "value"),
    [
        pytest.param(column("text", max_length=5), "Helsinki", "Helsi", id="a text is cut"),
        pytest.param(column("text"), 7, "7", id="a number as text"),
        pytest.param(column("memo"), "two\nlines", "two\nlines", id="lines of a memo stay"),
        pytest.param(column("boolean"), True, True, id="true"),
        pytest.param(column("boolean"), "No", False, id="no"),
        pytest.param(column("whole"), "42", 42, id="digits"),
        pytest.param(column("whole"), 42.0, 42, id="a whole number with a point"),
        pytest.param(column("choice", options=frozenset({1, 2})), 2, 2, id="a choice"),
        pytest.param(column("choice", options=frozenset({1, 2})), "1", 1, id="a choice as text"),
        pytest.param(column("decimal"), "1.50", Decimal("1.50"), id="decimals keep their places"),
        pytest.param(column("money"), 3, Decimal(3), id="money"),
        pytest.param(column("moment"), "2027-03-01T10:15:00+02:00", "2027-03-01T08:15:00Z", id="a moment in UTC"),
        pytest.param(column("date"), "2027-03-01T10:15:00Z", "2027-03-01", id="the day of a moment"),
        pytest.param(column("whole"), "  ", None, id="blank is nothing"),
        pytest.param(column("guid"), "{0B9D6E5E-3C0C-4B0E-8D8C-0C8C5B7D1F2A}", "0b9d6e5e-3c0c-4b0e-8d8c-0c8c5b7d1f2a",
                     id="a GUID in one spelling"),
    ],
)  # fmt: skip
def test_what_a_column_takes(of: Column, raw: Raw, value: object) -> None:
    assert value_for(of, raw) == value
    assert problem_of(of, raw) is None


@pytest.mark.parametrize(
    ("of", "raw", "reason"),
    [
        (column("text"), True, "takes a text"),
        (column("boolean"), "maybe", "takes true or false"),
        (column("boolean"), 2, "takes true or false"),
        (column("whole"), "1.5", "takes a whole number"),
        (column("whole"), True, "takes a whole number"),
        (column("whole"), 2**31, "takes a whole number of 32 bits"),
        (column("choice", options=frozenset({1, 2})), 3, "is a choice that has no such value"),
        (column("decimal"), "NaN", "takes a number"),
        (column("moment"), "soon", "takes a moment such as 2027-03-01T08:15:00Z"),
        (column("date"), 20270301, "takes a date such as 2027-03-01"),
        (column("guid"), "x", "takes a GUID"),
        (column("lookup"), "x", "is of a kind that no ticket can fill"),
        (column("choices"), 1, "is of a kind that no ticket can fill"),
    ],
)
def test_what_it_does_not_take(of: Column, raw: Raw, reason: str) -> None:
    with pytest.raises(BadValueError, match=f"^{reason}$"):
        value_for(of, raw)
    assert problem_of(of, raw) == reason
