"""No number in a key, and every entry where a reader looks for it."""

import hashlib
import hmac
import logging

import pytest
from pydantic import SecretStr

from shared.customers import MatchKind
from shared.number_index.index import open_number_index
from shared.number_index.keys import NumberKey, key_problem, number_key
from shared.number_index.layout import (
    Customer,
    customer_of,
    entry,
    number_partition,
    number_prefix,
    partitions,
    reverse,
)
from shared.settings import Settings
from shared.storage.entities import check_keys
from tests.memory_storage import MemoryTables

SECRET = "0123456789abcdef0123456789abcdef"
ROW_ID = "2e451703-c27e-e711-811d-000d3a000d3a"
NUMBER = "+358504545641"
REFERENCE = "@Microsoft.KeyVault(SecretUri=https://contoso.vault.azure.net/secrets/number-index)"


def test_a_digest_is_hmac_sha256_under_the_key() -> None:
    digest = NumberKey(SECRET).digest(NUMBER)
    assert digest == hmac.new(SECRET.encode(), NUMBER.encode(), hashlib.sha256).hexdigest()
    assert digest != NumberKey(SECRET + "x").digest(NUMBER)


def test_the_fingerprint_tells_keys_apart_and_is_no_digest_of_the_key_alone() -> None:
    assert NumberKey(SECRET).fingerprint == NumberKey(SECRET).fingerprint != NumberKey(SECRET + "x").fingerprint
    assert NumberKey(SECRET).fingerprint not in hashlib.sha256(SECRET.encode()).hexdigest()


KEYS = [
    pytest.param(None, "is empty", id="missing"),
    pytest.param("", "is empty", id="empty"),
    pytest.param(" " * 40, "is empty", id="blank"),
    pytest.param(SECRET[:-1], "is shorter than 32 characters", id="31 characters"),
    pytest.param(REFERENCE, "is an unresolved Key Vault reference", id="unresolved"),
    pytest.param(f" {REFERENCE}", "is an unresolved Key Vault reference", id="unresolved behind a space"),
    pytest.param(SECRET, None, id="32 characters"),
]


@pytest.mark.parametrize(("text", "problem"), KEYS)
def test_what_cannot_be_a_key_counts_as_absent(text: str | None, problem: str | None) -> None:
    secret = None if text is None else SecretStr(text)
    assert key_problem(secret) == problem
    assert (number_key(secret) is None) == (problem is not None)


def settings(**values: object) -> Settings:
    given = {"AzureWebJobsStorage": "UseDevelopmentStorage=true", "dataverse_url": "https://contoso.crm4.dynamics.com"}
    return Settings.model_validate(given | values)


@pytest.mark.parametrize(
    ("enabled", "key", "is_on", "warned"),
    [(False, SECRET, False, False), (False, None, False, False), (True, SECRET, True, False), (True, "k", False, True)],
)
def test_the_index_is_on_where_it_is_enabled_and_has_a_key(
    enabled: bool, key: str | None, is_on: bool, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    index = open_number_index(settings(number_index_enabled=enabled, number_index_key=key), MemoryTables())
    assert (index.key is not None) == is_on
    assert [record.getMessage() for record in caplog.records] == (
        ["NUMBER_INDEX_KEY is shorter than 32 characters and counts as absent: the number index is off"]
        if warned
        else []
    )


@pytest.mark.parametrize("kind", [MatchKind.CONTACT, MatchKind.ACCOUNT, MatchKind.LEAD])
def test_an_entry_stands_where_its_number_is_looked_up_and_names_its_customer(kind: MatchKind) -> None:
    digest = NumberKey(SECRET).digest(NUMBER)
    place = entry(12, digest, Customer(kind, ROW_ID))
    assert place.partition == number_partition(12, digest) == f"12-{digest[:2]}"
    assert place.row.startswith(number_prefix(digest))
    assert customer_of(place.row) == (kind, ROW_ID)
    check_keys(*place)
    assert NUMBER.removeprefix("+") not in place.partition + place.row


def test_a_look_up_of_another_number_never_begins_alike() -> None:
    key = NumberKey(SECRET)
    prefixes = {number_partition(1, digest := key.digest(f"+35850{last:07}")) + number_prefix(digest)
                for last in range(2000)}  # fmt: skip
    assert len(prefixes) == 2000
    assert len({len(each) for each in prefixes}) == 1


def test_all_rows_of_a_generation_are_in_its_partitions() -> None:
    key, all_of_it = NumberKey(SECRET), set(partitions(3))
    assert len(all_of_it) == 512
    customers = [Customer(MatchKind.LEAD, f"2e451703-c27e-e711-811d-{last:012x}") for last in range(2000)]
    reverses = {reverse(3, customer).partition for customer in customers}
    numbers = {number_partition(3, key.digest(f"+35850{last:07}")) for last in range(3000)}
    assert reverses | numbers == all_of_it
    assert all_of_it.isdisjoint(partitions(4))
