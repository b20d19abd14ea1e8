"""Call ids in all their spellings are one, and lead to one phone call."""

import hashlib
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.calls.ids import NS_FOREIGN_CALL_ID, NS_PHONE_CALL, canonical_call_id, canonical_guid, phone_call_id
from shared.storage.entities import check_keys

ID = "d59d7a2f-5d0b-4a0c-9a3f-0d7a3b6c1e11"

SPELLINGS = [
    ID,
    ID.upper(),
    f"{{{ID}}}",
    f"{{{ID.upper()}}}",
    f"  {ID}\n",
    ID.replace("-", ""),
    ID.replace("-", "").upper(),
    f"{{{ID.replace('-', '')}}}",
]


@pytest.mark.parametrize("text", SPELLINGS)
def test_every_spelling_of_a_guid_is_one_call(text: str) -> None:
    assert canonical_call_id(text) == canonical_guid(text) == ID
    assert phone_call_id(text) == phone_call_id(ID)


NO_GUIDS = ["call-17", ID[:-1], ID + "0", ID.replace("-", "_"), f"{{{ID}", f"({ID})", ID[:-1] + "g", "٣" * 32, "/\\#?"]


@pytest.mark.parametrize("text", NO_GUIDS)
def test_what_is_no_guid_is_hashed_so_that_nothing_of_it_stands_in_a_key(text: str) -> None:
    assert canonical_guid(text) is None
    expected = uuid5(NS_FOREIGN_CALL_ID, hashlib.sha256(text.casefold().encode()).hexdigest())
    assert canonical_call_id(text) == canonical_call_id(f" {text.upper()}") == str(expected)


@pytest.mark.parametrize("text", ["", " ", "\t\n"])
def test_blank_text_is_no_id(text: str) -> None:
    with pytest.raises(ValueError, match="blank"):
        canonical_call_id(text)


def test_keys_of_phone_calls_stay_what_they_were() -> None:
    # They are in customers' data: a change here would double every call that is still looked back at.
    assert phone_call_id(ID) == uuid5(NS_PHONE_CALL, ID) == UUID("b24b900a-70fc-5eda-9d90-48db9dfd113f")
    assert canonical_call_id("call-17") == "d248693a-b354-520a-810f-3d493121a279"


@given(st.text(min_size=1).filter(lambda text: text.strip()))
def test_every_text_has_one_canonical_id_that_table_storage_takes(text: str) -> None:
    canonical = canonical_call_id(text)
    check_keys("p", canonical)
    assert canonical == canonical_call_id(canonical) == str(UUID(canonical))


@given(st.uuids())
def test_guids_stay_themselves(guid: UUID) -> None:
    assert canonical_call_id(str(guid)) == canonical_call_id(guid.hex) == canonical_call_id(f"{{{guid}}}") == str(guid)
