"""Ids of callback requests in all their spellings are one, and lead to one phone call and one note."""

import hashlib
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.callbacks.ids import (
    NS_CALLBACK_PHONE_CALL,
    NS_FOREIGN_CALLBACK_ID,
    NS_REPEAT_NOTE,
    callback_phone_call_id,
    canonical_callback_id,
    repeat_note_id,
)
from shared.calls.ids import phone_call_id
from shared.storage.entities import check_keys

ID = "d59d7a2f-5d0b-4a0c-9a3f-0d7a3b6c1e11"


@pytest.mark.parametrize(
    "text", [ID, ID.upper(), f"{{{ID}}}", f"{{{ID.upper()}}}", f"  {ID}\n", ID.replace("-", ""), f"{{{ID}}}".upper()]
)
def test_every_spelling_of_a_guid_is_one_request(text: str) -> None:
    assert canonical_callback_id(text) == ID
    assert callback_phone_call_id(text) == callback_phone_call_id(ID)
    assert repeat_note_id(text) == repeat_note_id(ID)


@pytest.mark.parametrize("text", ["4711", "callback-17", ID[:-1], ID + "0", f"{{{ID}", "/\\#?", "Ångström"])
def test_what_is_no_guid_is_hashed_so_that_nothing_of_it_stands_in_a_key(text: str) -> None:
    expected = uuid5(NS_FOREIGN_CALLBACK_ID, hashlib.sha256(text.casefold().encode()).hexdigest())
    assert canonical_callback_id(text) == canonical_callback_id(f" {text.upper()}") == str(expected)


@pytest.mark.parametrize("text", ["", " ", "\t\n"])
def test_blank_text_is_no_id(text: str) -> None:
    for key_of in (canonical_callback_id, callback_phone_call_id, repeat_note_id):
        with pytest.raises(ValueError, match="blank"):
            key_of(text)


def test_keys_stay_what_they_were() -> None:
    # They are in customers' data: a change here would double every request that is still looked back at.
    assert (
        callback_phone_call_id(ID) == uuid5(NS_CALLBACK_PHONE_CALL, ID) == UUID("0bb1160a-4391-5886-9963-9ac166f70326")
    )
    assert repeat_note_id(ID) == uuid5(NS_REPEAT_NOTE, ID) == UUID("a2184b76-4350-57d9-bda0-d2492e145a90")
    assert canonical_callback_id("4711") == "6e24c201-eb7d-5ba3-9ece-fad76d43aa0e"


def test_a_call_and_a_request_of_one_id_are_two_phone_calls() -> None:
    assert len({phone_call_id(ID), callback_phone_call_id(ID), repeat_note_id(ID)}) == 3


@given(st.text(min_size=1).filter(lambda text: text.strip()))
def test_every_text_has_one_canonical_id_that_table_storage_takes(text: str) -> None:
    canonical = canonical_callback_id(text)
    check_keys("p", canonical)
    assert canonical == canonical_callback_id(canonical) == str(UUID(canonical))
