"""The key that Enreach sends with each routing question: two valid at a time, so that it can be changed in peace.

A key that cannot be a key counts as absent and is named, and without any valid key everybody is refused. Digests are
compared, never texts: `hmac.compare_digest` raises for text outside ASCII and calls two empty values equal.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Literal

from pydantic import SecretStr

type KeyName = Literal["current", "next"]
KEY_NAMES: tuple[KeyName, ...] = ("current", "next")
SHORTEST_KEY = 32
_UNRESOLVED_REFERENCE = "@Microsoft.KeyVault("
"""Azure hands over a reference's own text when it cannot read the vault (Key Vault references)."""


@dataclass(frozen=True, slots=True)
class RoutingKeys:
    """The keys and the Basic user as digests; one that is absent has a random digest, which nothing hashes to.

    `problems` has a sentence for each setting that is not used, with its name and never its value.
    """

    current: bytes
    next: bytes
    basic_user: bytes
    problems: tuple[str, ...]
    is_any_valid: bool

    def accept(self, key_header: str | None, authorization: str | None) -> KeyName | None:
        """Which valid key `X-Benemen-APIKey` or HTTP Basic carries; None for none. Never raises."""
        user, password = _basic_credentials(authorization)
        # All are compared every time and joined without a short cut, so that the time tells nothing.
        by_header, by_password = _digest(_utf8(key_header)), _digest(password)
        is_user = _equal(_digest(user), self.basic_user)
        current = _equal(by_header, self.current) | (is_user & _equal(by_password, self.current))
        later = _equal(by_header, self.next) | (is_user & _equal(by_password, self.next))
        return "current" if current else "next" if later else None


def routing_keys(current: SecretStr | None, next_key: SecretStr | None, basic_user: str | None) -> RoutingKeys:
    """The keys that these settings make. A missing next key is no problem while the current one works."""
    now, later = key_problem(current), key_problem(next_key)
    problems = []
    if now:
        problems.append(f"ROUTING_KEY_CURRENT {now} and counts as absent")
    if later and (now or (next_key and next_key.get_secret_value())):
        problems.append(f"ROUTING_KEY_NEXT {later} and counts as absent")
    if now and later:
        problems.append("ROUTING_KEY_CURRENT and ROUTING_KEY_NEXT are both absent: every routing request gets 401")
    user = basic_user or ""
    if user.startswith(_UNRESOLVED_REFERENCE):
        problems.append("ROUTING_BASIC_USER is an unresolved Key Vault reference and counts as absent")
        user = ""
    return RoutingKeys(
        _absent() if now or current is None else _digest(_utf8(current.get_secret_value())),
        _absent() if later or next_key is None else _digest(_utf8(next_key.get_secret_value())),
        _digest(_utf8(user)) if user else _absent(),
        tuple(problems),
        not (now and later),
    )


def key_problem(key: SecretStr | None) -> str | None:
    """Why this cannot be a key; None when it can."""
    text = key.get_secret_value() if key else ""
    if not text.strip():
        return "is empty"
    if text.startswith(_UNRESOLVED_REFERENCE):
        return "is an unresolved Key Vault reference"
    if len(text) < SHORTEST_KEY:
        return f"is shorter than {SHORTEST_KEY} characters"
    return None


def _absent() -> bytes:
    return secrets.token_bytes(hashlib.sha256().digest_size)


_equal = hmac.compare_digest


def _digest(value: bytes) -> bytes:
    return hashlib.sha256(value).digest()


def _utf8(text: str | None) -> bytes:
    return (text or "").encode("utf-8", "surrogatepass")


def _basic_credentials(authorization: str | None) -> tuple[bytes, bytes]:
    """User and password of an HTTP Basic header (RFC 7617), empty for anything else."""
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.casefold() != "basic":
        return b"", b""
    try:
        decoded = base64.b64decode(_utf8(encoded.strip()), validate=True)
    except binascii.Error:
        return b"", b""
    user, _, password = decoded.partition(b":")
    return user, password
