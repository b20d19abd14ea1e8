"""The primary key of a contact or lead that is made for a caller whom nobody knows. Pure."""

import re
from typing import Literal
from uuid import UUID, uuid5

from shared.customers.document import MatchKind
from shared.number_index.keys import NumberKey

NAMESPACES = {
    MatchKind.CONTACT: UUID("5b0a6c1e-3f0e-5d63-9c39-2f4f1c7b8a20"),
    MatchKind.LEAD: UUID("5b0a6c1e-3f0e-5d63-9c39-2f4f1c7b8a21"),
}
"""Part of every customer's data: they never change (architecture, decision 1)."""

_E164 = re.compile(r"\+[1-9][0-9]{4,14}", re.ASCII)


def unknown_caller_id(kind: Literal[MatchKind.CONTACT, MatchKind.LEAD], number: str, key: NumberKey) -> UUID:
    """The same row for the same number, whoever makes it and however often: UUIDv5 over the number's HMAC-SHA256.

    `key` is that of `CUSTOMER_ID_KEY` (`shared.number_index.keys.number_key` reads it), which is never rotated: under
    another key the same caller would be made again. Without the key the id gives the number away to nobody; a plain
    hash would, since all phone numbers can be hashed. Raises ValueError for a number that is not E.164.
    """
    if not _E164.fullmatch(number):
        raise ValueError("the number of an unknown caller has to be E.164")
    return uuid5(NAMESPACES[kind], key.digest(number))
