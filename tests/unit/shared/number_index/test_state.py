"""Until when an index is believed, and what another index is needed for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import phonenumbers
import pytest

from shared.customers import CustomerMatching, MatchKind
from shared.number_index.keys import NumberKey
from shared.number_index.state import IndexState, read_state, settings_digest, trusted_until
from shared.storage.entities import to_properties, to_values

NOW = datetime(2027, 3, 29, 8, tzinfo=UTC)
KEY = NumberKey("0123456789abcdef0123456789abcdef")
GOOD = IndexState(
    settings="s",
    generation=3,
    others=frozenset({1, 12}),
    links={MatchKind.CONTACT: "https://contoso.crm4.dynamics.com/api/data/v9.2/contacts?$deltatoken=1%21x"},
    refreshed_at=NOW,
    trusted_until=NOW + timedelta(minutes=3),
    switched_at=NOW - timedelta(days=1),
)


@pytest.mark.parametrize("state", [IndexState(), GOOD, replace(GOOD, others=frozenset(), switched_at=None)])
def test_a_stored_state_is_read_again(state: IndexState) -> None:
    assert read_state(to_values(to_properties("p", "r", state.values()))) == state


@pytest.mark.parametrize(
    ("state", "seconds", "trusted"),
    [
        pytest.param(GOOD, 0, True, id="just refreshed"),
        pytest.param(GOOD, 179, True, id="three ticks missed, nearly"),
        pytest.param(GOOD, 180, False, id="three ticks missed"),
        pytest.param(GOOD, -60, True, id="another machine's clock goes ahead a little"),
        pytest.param(GOOD, -3600, False, id="a clock is wrong"),
        pytest.param(replace(GOOD, generation=0), 0, False, id="being built first"),
        pytest.param(replace(GOOD, settings="t"), 0, False, id="other settings"),
        pytest.param(replace(GOOD, trusted_until=None), 0, False, id="nobody knows until when"),
        pytest.param(IndexState(), 0, False, id="no index"),
    ],
)
def test_an_index_is_believed(state: IndexState, seconds: int, trusted: bool) -> None:
    assert state.is_trusted("s", NOW + timedelta(seconds=seconds)) is trusted


@pytest.mark.parametrize(
    ("pause", "minutes"),
    [
        pytest.param(None, 10, id="just built"),
        pytest.param(timedelta(seconds=10), 3, id="ticks in a burst"),
        pytest.param(timedelta(minutes=1), 3, id="each minute"),
        pytest.param(timedelta(minutes=2), 6, id="each two minutes"),
        pytest.param(timedelta(minutes=5), 10, id="each five minutes"),
        pytest.param(timedelta(days=2), 10, id="after an outage"),
        pytest.param(timedelta(minutes=-5), 3, id="a clock that was put back"),
    ],
)
def test_three_ticks_may_be_missed_but_ten_minutes_at_most(pause: timedelta | None, minutes: int) -> None:
    assert trusted_until(NOW, None if pause is None else NOW - pause) == NOW + timedelta(minutes=minutes)


def matching(**document: Any) -> CustomerMatching:
    return CustomerMatching.model_validate({"default_region": "FI", **document}, by_name=True)


def digest(document: CustomerMatching | None = None, key: NumberKey = KEY, environment: str = "https://one") -> str:
    return settings_digest(document or matching(), key, environment)


def test_only_what_decides_about_rows_needs_another_index(monkeypatch: pytest.MonkeyPatch) -> None:
    same = [
        digest(),
        digest(matching(multiple_matches_pick_first=True)),
        digest(matching(own_numbers=("+358401111111",))),
    ]
    assert len(set(same)) == 1
    other = [
        digest(matching(default_region="SE")),
        digest(matching(default_region=None)),
        digest(matching(columns={"contact": ("mobilephone",)})),
        digest(matching(columns={"lead": ()})),
        digest(key=NumberKey("another key of thirty-two characters")),
        digest(environment="https://two"),
    ]
    monkeypatch.setattr(phonenumbers, "__version__", "another release")
    assert len({*same, *other, digest()}) == len(other) + 2
