"""Call ids of Enreach in one spelling, and the primary key of the phone call that follows from one."""

import hashlib
import re
from uuid import UUID, uuid5

NS_PHONE_CALL = UUID("5b0a6c1e-3f0e-5d63-9c39-2f4f1c7b8a10")
"""Part of every customer's data: it never changes (architecture, decision 1)."""
NS_FOREIGN_CALL_ID = UUID("5b0a6c1e-3f0e-5d63-9c39-2f4f1c7b8a11")
"""For call ids that are no GUID. It never changes either."""

_GUID = re.compile(
    r"[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII
)


def canonical_guid(text: str) -> str | None:
    """A GUID in lower case without braces, as 8-4-4-4-12; None for text that is none."""
    bare = text.strip()
    if bare.startswith("{") and bare.endswith("}"):
        bare = bare[1:-1]
    if not _GUID.fullmatch(bare):
        return None
    digits = bare.replace("-", "").lower()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def canonical_call_id(text: str) -> str:
    """The one spelling of a call id, however it came: a GUID as 8-4-4-4-12 in lower case, without braces.

    Enreach's ids are GUIDs (API client's reference, `CallId`). Text that is none becomes one (UUIDv5 of its SHA-256),
    whatever its case, so that nothing of it ever stands in a key. Raises ValueError for text without a sign.
    """
    guid = canonical_guid(text)
    if guid is not None:
        return guid
    foreign = text.strip().casefold()
    if not foreign:
        raise ValueError("a call id is blank")
    digest = hashlib.sha256(foreign.encode("utf-8", "surrogatepass")).hexdigest()
    return str(uuid5(NS_FOREIGN_CALL_ID, digest))


def phone_call_id(call_id: str) -> UUID:
    """The primary key of the phone call of this call, in whatever spelling the id comes. Raises ValueError."""
    return uuid5(NS_PHONE_CALL, canonical_call_id(call_id))
