"""What is asked for thousands of numbers, and how an answer is shared out among them."""

import json
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from typing import Any
from urllib.parse import unquote

import pytest

from shared.customers import NOBODY, CustomerMatching, MatchKind
from shared.customers.many import find_customers
from shared.dataverse.odata import Query
from shared.dataverse.odata.parts import fits_url
from shared.dataverse.packed import PathQuestion
from shared.dataverse.tables import JsonRow
from tests.unit.shared.stored_numbers import stored_numbers

NUMBER, OTHER = "+358504545641", "+358504545642"


class Rows:
    """Dataverse that answers each question as it is told; it remembers the paths."""

    def __init__(self, answer: Callable[[str], list[JsonRow]] = lambda table: []) -> None:
        self.answer = answer
        self.paths: list[str] = []
        self.calls = 0

    async def query_packed(self, questions: Sequence[PathQuestion]) -> list[list[JsonRow]]:
        self.calls += 1
        self.paths += [question.path() for question in questions]
        return [self.answer(question.table.logical_name) for question in questions]

    def pages(self, queries: Iterable[Query]) -> AsyncGenerator[list[JsonRow]]:
        raise AssertionError("all customers are read for few numbers")


def matching(**keys: Any) -> CustomerMatching:
    return CustomerMatching.model_validate({"defaultRegion": "FI", **keys}, strict=False)


LONG_NAMES = tuple(f"new_{'telephone' * 10}{n}" for n in range(8))
SETTINGS = [
    pytest.param({}, id="as delivered"),
    pytest.param({"NumbersToCut": 4}, id="cut"),
    pytest.param({"defaultRegion": None}, id="no region"),
    pytest.param({"columns": {"contact": ["telephone1"]}}, id="one column"),
    pytest.param({"columns": {"contact": LONG_NAMES}, "NumbersToCut": 3}, id="many columns with long names"),
]


@pytest.mark.parametrize("keys", SETTINGS)
async def test_no_question_is_longer_than_a_url_or_a_statement(keys: dict[str, Any]) -> None:
    numbers = sorted({each.number for each in stored_numbers()})
    rows = Rows()
    await find_customers(rows, numbers, matching(**keys))
    assert rows.paths
    for path in rows.paths:
        assert fits_url(path, in_batch=True)
        options = dict(option.split("=", 1) for option in path.split("?", 1)[1].split("&"))
        condition, texts = unquote(options["$filter"]), json.loads(unquote(options["@p1"]))
        columns = condition.count("Microsoft.Dynamics.CRM.In(")
        parts = condition.count("startswith(") + condition.count("contains(")
        # SQL Server takes 2,100 parameters a statement, Dataverse 500 conditions a query.
        assert len(texts) * columns + parts <= 2000
        assert columns + parts <= 500
        # The texts travel once, whatever the number of columns.
        assert condition.count("PropertyValues=@p1") == columns


async def test_every_number_is_asked_for_in_every_kind() -> None:
    numbers = sorted({each.number for each in stored_numbers()})
    rows = Rows()
    found = await find_customers(rows, numbers, matching())
    assert found == dict.fromkeys(numbers, NOBODY)
    # All kinds at once; by ids there is nothing to ask for.
    assert rows.calls == 3
    for kind in ("contacts", "accounts", "leads"):
        asked = "".join(unquote(path) for path in rows.paths if path.startswith(f"{kind}?"))
        assert [number for number in numbers if asked.count(f"'{number}'") == 0] == []


async def test_kinds_are_asked_in_turn_for_those_that_are_still_nobodys() -> None:
    numbers = [f"+35840{n:07}" for n in range(700)]

    def answer(table: str) -> list[JsonRow]:
        return [{"contactid": "c", "mobilephone": numbers[0]}] if table == "contact" else []

    rows = Rows(answer)
    found = await find_customers(rows, numbers, matching())
    assert found[numbers[0]].kind is MatchKind.CONTACT
    asked = {kind: "".join(path for path in rows.paths if path.startswith(kind)) for kind in ("contacts", "leads")}
    assert unquote(asked["contacts"]).count(f"'{numbers[0]}'") == 4
    assert unquote(asked["leads"]).count(f"'{numbers[0]}'") == 0
    assert unquote(asked["leads"]).count(f"'{numbers[1]}'") == 4


STORED = [
    pytest.param(f"{NUMBER}", True, id="as it is"),
    pytest.param("(050) 454 5641 ", True, id="a blank at the end, which SQL does not see"),
    pytest.param("0 5 0 4 5 4 5 6 4 1", True, id="whatever the server takes for the same"),
    pytest.param("+358504545649", False, id="another number"),
    pytest.param("050 454 56419", False, id="a longer number"),
]


@pytest.mark.parametrize(("stored", "is_found"), STORED)
async def test_a_row_is_given_to_the_number_that_stands_in_it(stored: str, is_found: bool) -> None:
    def answer(table: str) -> list[JsonRow]:
        return [{"contactid": "c", "telephone3": stored}] if table == "contact" else []

    found = await find_customers(Rows(answer), [NUMBER, OTHER], matching())
    assert found[NUMBER].kind is (MatchKind.CONTACT if is_found else MatchKind.NONE)
    assert found[OTHER] is NOBODY


async def test_a_number_is_not_found_in_the_row_of_another_by_a_spelling_that_it_would_not_be_asked_in() -> None:
    # Alone, the other number would not be found: its customer must not depend on who else is asked for.
    row = {"contactid": "c", "telephone1": NUMBER, "telephone2": "0 5 0 4 5 4 5 6 4 2"}
    found = await find_customers(Rows(lambda table: [row] if table == "contact" else []), [NUMBER, OTHER], matching())
    assert found[NUMBER].kind is MatchKind.CONTACT
    assert found[OTHER] is NOBODY
