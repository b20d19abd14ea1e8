"""Primary keys of our own rows: the same source always gives the same row (architecture, decision 1).

Each kind has its UUIDv5 namespace. They are part of every customer's data and never change.
"""

import hashlib
from uuid import UUID, uuid5

NS_BOOKING = UUID("5b0a6c1e-3f0e-5d63-9c39-2f4f1c7b8a01")
NS_BOOKABLE_RESOURCE = UUID("5b0a6c1e-3f0e-5d63-9c39-2f4f1c7b8a02")
NS_SHIFT_ACTIVITY_TYPE = UUID("5b0a6c1e-3f0e-5d63-9c39-2f4f1c7b8a03")
NS_BOOKING_STATUS = UUID("5b0a6c1e-3f0e-5d63-9c39-2f4f1c7b8a04")
NS_SHIFT_PLAN = UUID("5b0a6c1e-3f0e-5d63-9c39-2f4f1c7b8a05")

_MARK_LENGTH = 100
"""msdyn_externalbookingid is String(100)."""
_BOOKING_HASH = hashlib.sha1(NS_BOOKING.bytes, usedforsecurity=False)
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


def booking_id(profile: str, user_id: str, source_key: str, position: int) -> str:
    """The booking's key; `position` counts equal source keys from 0 in start order."""
    # uuid5 (RFC 9562, section 5.5) by hand: a file may ask for 400,000 of them, and only their text.
    hashed = _BOOKING_HASH.copy()
    hashed.update(f"{profile}|{user_id}|{source_key}|{position}".encode())
    text = hashed.hexdigest()
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:32]}"


def mark_prefix(profile: str) -> str:
    """What the marks of a profile's bookings begin with."""
    return f"sb:{profile}:"


def booking_mark(profile: str, external_id: str, natural_key: str) -> str:
    """`sb:<profile>:<key>` for msdyn_externalbookingid, by which we know our own rows even with empty tables.

    The key is the source's own id where it has one that fits, else a SHA-256 in hex, cut to fit.
    """
    prefix = mark_prefix(profile)
    room = _MARK_LENGTH - len(prefix)
    if (
        external_id
        and (len(external_id) if external_id.isascii() else len(external_id.encode("utf-16-le")) / 2) <= room
    ):
        return prefix + external_id
    return prefix + hashlib.sha256((external_id or natural_key).encode()).hexdigest()[:room]


def resource_id(user_id: str) -> str:
    """The bookable resource that we make for a user who has none."""
    return str(uuid5(NS_BOOKABLE_RESOURCE, user_id))


def named_id(namespace: UUID, name: str) -> str:
    """The row that we make for a name, whatever its case."""
    return str(uuid5(namespace, name.casefold()))
