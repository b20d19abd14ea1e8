"""The rows made for unknown callers have ids that follow from the number and a secret."""

import hashlib
import hmac
from typing import Any, Literal
from uuid import UUID, uuid5

import pytest
from pydantic import SecretStr

from shared.customers import MatchKind, unknown_caller_id
from shared.number_index.keys import NumberKey, number_key
from shared.settings import Settings

SECRET = "a key of the customers made for tests, never rotated"
KEY = NumberKey(SECRET)
NUMBER = "+358504545641"

IDS: list[tuple[Literal[MatchKind.CONTACT, MatchKind.LEAD], str]] = [
    (MatchKind.CONTACT, "5b0a6c1e-3f0e-5d63-9c39-2f4f1c7b8a20"),
    (MatchKind.LEAD, "5b0a6c1e-3f0e-5d63-9c39-2f4f1c7b8a21"),
]


@pytest.mark.parametrize(("kind", "namespace"), IDS)
def test_the_id_is_uuid5_of_the_hmac_in_the_namespace_of_the_kind(
    kind: Literal[MatchKind.CONTACT, MatchKind.LEAD], namespace: str
) -> None:
    digest = hmac.new(SECRET.encode(), NUMBER.encode(), hashlib.sha256).hexdigest()
    assert unknown_caller_id(kind, NUMBER, KEY) == uuid5(UUID(namespace), digest)
    assert unknown_caller_id(kind, NUMBER, KEY) == unknown_caller_id(kind, NUMBER, NumberKey(SECRET))


def test_an_id_that_was_written_once_stays() -> None:
    assert str(unknown_caller_id(MatchKind.CONTACT, NUMBER, KEY)) == "a1cc5c05-a689-513d-a0f8-f4cfc071da23"
    assert str(unknown_caller_id(MatchKind.LEAD, NUMBER, KEY)) == "33bef972-52ed-5d96-9de7-a00a30a197cb"


def test_kind_number_and_key_each_make_another_row() -> None:
    ids = {
        unknown_caller_id(MatchKind.CONTACT, NUMBER, KEY),
        unknown_caller_id(MatchKind.LEAD, NUMBER, KEY),
        unknown_caller_id(MatchKind.CONTACT, "+358504545642", KEY),
        unknown_caller_id(MatchKind.CONTACT, NUMBER, NumberKey(SECRET + "x")),
    }
    assert len(ids) == 4


@pytest.mark.parametrize("text", ["", "0504545641", "+358 50 4545641", "358504545641", "+0504545641", "anonymous"])
def test_only_a_number_in_one_form_makes_an_id(text: str) -> None:
    with pytest.raises(ValueError, match=r"E\.164") as caught:
        unknown_caller_id(MatchKind.LEAD, text, KEY)
    assert not text or text not in str(caught.value)


def settings(**values: Any) -> Settings:
    return Settings(
        AzureWebJobsStorage="UseDevelopmentStorage=true", dataverse_url="https://contoso.crm4.dynamics.com", **values
    )


def test_the_key_is_a_setting_that_nothing_tells() -> None:
    assert settings().customer_id_key is None
    read = settings(customer_id_key=SECRET)
    key = number_key(read.customer_id_key)
    assert key is not None
    assert unknown_caller_id(MatchKind.LEAD, NUMBER, key) == unknown_caller_id(MatchKind.LEAD, NUMBER, KEY)
    assert SECRET not in repr(read)


@pytest.mark.parametrize(
    "text", ["short", " " * 40, "@Microsoft.KeyVault(SecretUri=https://vault/secrets/customer-id)"]
)
def test_what_cannot_be_a_key_counts_as_absent_and_stops_nothing(text: str) -> None:
    assert number_key(settings(customer_id_key=SecretStr(text)).customer_id_key) is None
