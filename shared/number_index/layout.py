"""The rows of the table `numberindex`. Each generation of the index has rows of its own.

    <generation>-<2 hex>    <62 hex>-<kind>-<row id>    who has a number: the digits are its HMAC
    <generation>-r<2 hex>   <kind>-<row id>             the numbers of a customer, so that it can lose them
    state                   state, lease                what is read, and who writes

256 partitions of each sort: a look-up is a range of one of them, and a full read fills transactions of 100 rows
while it holds a few ten thousand rows in memory. (With 4,096 it would hold nearly all.)
"""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from shared.customers import MatchKind

TABLE = "numberindex"
STATE_PARTITION = "state"
STATE_ROW = "state"
LEASE_ROW = "lease"

_SHARDS = [f"{number:02x}" for number in range(256)]
_LETTERS = {MatchKind.CONTACT: "c", MatchKind.ACCOUNT: "a", MatchKind.LEAD: "l"}
_KINDS = {letter: kind for kind, letter in _LETTERS.items()}


class Customer(NamedTuple):
    """A row of Dataverse: a contact, an account or a lead. The id is in lower case."""

    kind: MatchKind
    row_id: str


class Place(NamedTuple):
    """Where a row of the table stands."""

    partition: str
    row: str


def entry(generation: int, digest: str, customer: Customer) -> Place:
    """Where it stands that this customer has the number of this digest."""
    return Place(
        number_partition(generation, digest), f"{number_prefix(digest)}{_LETTERS[customer.kind]}-{customer.row_id}"
    )


def number_partition(generation: int, digest: str) -> str:
    """Where all customers of a number stand."""
    return f"{generation}-{digest[:2]}"


def number_prefix(digest: str) -> str:
    """How the keys of all customers of a number begin."""
    return f"{digest[2:]}-"


def customer_of(row: str) -> Customer:
    """Whom an entry's key names."""
    _, letter, row_id = row.split("-", 2)
    return Customer(_KINDS[letter], row_id)


def reverse(generation: int, customer: Customer) -> Place:
    """Where the numbers of a customer stand."""
    # Ids of Dataverse are alike in some of their digits; hashed they spread evenly.
    shard = hashlib.sha256(customer.row_id.encode()).hexdigest()[:2]
    return Place(f"{generation}-r{shard}", f"{_LETTERS[customer.kind]}-{customer.row_id}")


def partitions(generation: int) -> Iterator[str]:
    """All partitions of a generation."""
    for shard in _SHARDS:
        yield f"{generation}-{shard}"
        yield f"{generation}-r{shard}"
