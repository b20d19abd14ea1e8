"""What a refresh does next, and which numbers of a row are in the index."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.number_index.decide import Build, Idle, Step, Update, digests, next_step, removable
from shared.customers import CustomerMatching, MatchKind
from shared.number_index.keys import NumberKey
from shared.number_index.state import IndexState

NOW = datetime(2027, 3, 29, 8, tzinfo=UTC)
KEY = NumberKey("0123456789abcdef0123456789abcdef")
LINKS = {MatchKind.CONTACT: "https://contoso.crm4.dynamics.com/1"}
READY = IndexState(settings="s", generation=4, links=LINKS, others=frozenset({2}), switched_at=NOW)
PLAIN = CustomerMatching()
CUT = CustomerMatching.model_validate({"NumbersToCut": 4})


@pytest.mark.parametrize(
    ("state", "settings", "matching", "step"),
    [
        pytest.param(IndexState(), "s", PLAIN, Build(1, "there is no index"), id="first"),
        pytest.param(
            IndexState(others=frozenset({1, 2})), "s", PLAIN, Build(3, "there is no index"), id="first, after two kills"
        ),
        pytest.param(READY, "s", PLAIN, Update(4, LINKS), id="ready"),
        pytest.param(READY, "t", PLAIN, Build(5, "the settings are other ones"), id="other settings"),
        pytest.param(
            replace(READY, others=frozenset({9})), "t", PLAIN, Build(10, "the settings are other ones"),
            id="other settings, after a kill",
        ),
        pytest.param(
            READY, "s", CUT, Idle("NumbersToCut finds numbers by a part of them: the index is not used"), id="cut"
        ),
    ],
)  # fmt: skip
def test_what_a_refresh_does(state: IndexState, settings: str, matching: CustomerMatching, step: Step) -> None:
    assert next_step(state, settings, matching) == step


@pytest.mark.parametrize(
    ("state", "after", "gone"),
    [
        pytest.param(READY, 59, (), id="readers may still read it"),
        pytest.param(READY, 60, (2,), id="no more"),
        pytest.param(replace(READY, others=frozenset({3, 1, 2})), 600, (1, 2, 3), id="several"),
        pytest.param(IndexState(others=frozenset({1})), 0, (1,), id="a first build that was killed"),
        pytest.param(replace(READY, others=frozenset()), 600, (), id="none"),
    ],
)
def test_which_generations_go(state: IndexState, after: int, gone: tuple[int, ...]) -> None:
    assert removable(state, NOW + timedelta(seconds=after)) == gone


COLUMNS = ("mobilephone", "telephone1")


@pytest.mark.parametrize(
    ("row", "numbers"),
    [
        pytest.param({"mobilephone": "+358 50 4545641"}, {"+358504545641"}, id="one"),
        pytest.param({"mobilephone": "+358 50 4545641", "telephone1": "050 454 5641"}, {"+358504545641"}, id="twice"),
        pytest.param({"mobilephone": "040 1111111", "telephone1": "+46701234567"}, {"+358401111111", "+46701234567"},
                     id="two"),
        pytest.param({"mobilephone": "040 1111111", "telephone3": "040 2222222"}, {"+358401111111"},
                     id="another column"),
        pytest.param({"mobilephone": "ask Elina", "telephone1": ""}, set(), id="no number"),
        pytest.param({"mobilephone": None}, set(), id="nothing"),
        pytest.param({"mobilephone": 358504545641}, set(), id="no text"),
        pytest.param({"mobilephone": "050 4545641", "statecode": 1}, set(), id="inactive"),
        pytest.param({"mobilephone": "050 4545641", "statecode": None}, set(), id="of no state"),
    ],
)  # fmt: skip
def test_the_numbers_of_a_row(row: dict[str, Any], numbers: set[str]) -> None:
    found = digests({"statecode": 0, **row}, COLUMNS, "FI", KEY)
    assert found == {KEY.digest(number) for number in numbers}
