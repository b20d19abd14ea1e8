"""Ids of callback requests in one spelling, and the primary keys in Dynamics that follow from one."""

import hashlib
from uuid import UUID, uuid5

from shared.calls.ids import canonical_guid

NS_CALLBACK_PHONE_CALL = UUID("5b0a6c1e-3f0e-5d63-9c39-2f4f1c7b8a30")
"""Part of every customer's data: it never changes (architecture, decision 1). Not that of calls: a call and a request
of one id are two phone calls."""
NS_FOREIGN_CALLBACK_ID = UUID("5b0a6c1e-3f0e-5d63-9c39-2f4f1c7b8a31")
"""For ids that are no GUID. It never changes either."""
NS_REPEAT_NOTE = UUID("5b0a6c1e-3f0e-5d63-9c39-2f4f1c7b8a32")
"""For the notes of merged repeats. It never changes either."""


def canonical_callback_id(text: str) -> str:
    """The one spelling of a request's id, however it came: a GUID as 8-4-4-4-12 in lower case, without braces.

    Enreach's ids are GUIDs as far as we know (facts/enreach.md 7, unconfirmed). Text that is none becomes one (UUIDv5
    of its SHA-256), whatever its case, so that nothing of it ever stands in a key. Raises ValueError for text without a
    sign.
    """
    guid = canonical_guid(text)
    if guid is not None:
        return guid
    foreign = text.strip().casefold()
    if not foreign:
        raise ValueError("the id of a callback request is blank")
    digest = hashlib.sha256(foreign.encode("utf-8", "surrogatepass")).hexdigest()
    return str(uuid5(NS_FOREIGN_CALLBACK_ID, digest))


def callback_phone_call_id(callback_id: str) -> UUID:
    """The primary key of the phone call of this request, in whatever spelling the id comes. Raises ValueError."""
    return uuid5(NS_CALLBACK_PHONE_CALL, canonical_callback_id(callback_id))


def repeat_note_id(callback_id: str) -> UUID:
    """The primary key of the note (annotation) that tells of this request, a repeat, on the phone call that it was
    merged into. Raises ValueError."""
    return uuid5(NS_REPEAT_NOTE, canonical_callback_id(callback_id))
