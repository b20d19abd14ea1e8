"""Joins ask for likely spellings, and for rarer ones once they have been met."""

import pytest

from shared.customers.stored_spellings import MOST_LEARNED, StoredSpellings
from shared.phone_numbers import likely_spellings, shape, spellings

FIRST, SECOND = "+358504545641", "+358409990001"

LIKELY = [
    "+358504545641", "0504545641", "050 454 5641", "050-454 5641", "(050) 454 5641", "050/4545641", "+358 50 454 5641",
    "+358 (0)50 454 5641", "00358504545641", "+358-50-454-5641", "358504545641", "050 454 56 41",
]  # fmt: skip


@pytest.mark.parametrize("text", LIKELY)
def test_likely_spellings_are_asked_for_from_the_start(text: str) -> None:
    assert StoredSpellings().texts(FIRST, "FI").holds(text)


RARE = [
    ("+358-50-454-56-41", "+358-40-999-00-01"),
    ("050.454.5641", "040.999.0001"),
    ("(+358) 50 4545641", "(+358) 40 9990001"),
    ("050 454 5641 x12", "040 999 0001 ext. 7"),
    ("+358504545641 / office", "+358409990001,,4"),
]


@pytest.mark.parametrize(("stored", "alike"), RARE)
def test_a_rare_one_is_asked_for_once_it_was_met_with_another_number(stored: str, alike: str) -> None:
    met = StoredSpellings()
    assert not met.texts(SECOND, "FI").holds(alike)
    met.learn(stored, FIRST, "FI")
    assert met.texts(SECOND, "FI").holds(alike)
    assert not met.texts(SECOND, "FI").holds(stored)
    assert not met.texts(FIRST, "FI").holds(alike)


@pytest.mark.parametrize("text", ["4545641", "call the office", "", "+46 50 454 56 41"])
def test_what_no_query_finds_teaches_nothing(text: str) -> None:
    met, fresh = StoredSpellings(), StoredSpellings()
    met.learn(text, FIRST, "FI")
    assert met.texts(SECOND, "FI") == fresh.texts(SECOND, "FI")


def test_so_many_are_remembered_and_the_first_is_forgotten() -> None:
    rare = [text for text in spellings(FIRST, "FI") if text not in likely_spellings(FIRST, "FI")]
    rare = list({shape(text): text for text in rare}.values())
    assert len(rare) > MOST_LEARNED
    met = StoredSpellings()
    for text in rare:
        met.learn(text, FIRST, "FI")
    texts = met.texts(FIRST, "FI")
    assert len(texts.equal) == len(likely_spellings(FIRST, "FI")) + MOST_LEARNED
    assert not texts.holds(rare[0])
    assert texts.holds(rare[-1])
