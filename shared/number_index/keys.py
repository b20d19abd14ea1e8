"""Phone numbers under a secret key. Without the key a hash of a number says as much as the number: there are few."""

import hashlib
import hmac

from pydantic import SecretStr

SHORTEST_KEY = 32
_UNRESOLVED_REFERENCE = "@Microsoft.KeyVault("


class NumberKey:
    """The key of an index. `fingerprint` tells two keys apart and does not give the key away."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode("utf-8", "surrogatepass")
        self.fingerprint = hmac.digest(self._secret, b"fingerprint of the number index", "sha256").hex()[:32]

    def digest(self, number: str) -> str:
        """HMAC-SHA256 (RFC 2104) of an E.164 number, 64 hex digits."""
        return hmac.digest(self._secret, number.encode(), hashlib.sha256).hex()


def key_problem(secret: SecretStr | None) -> str | None:
    """Why this cannot be a key; None when it can."""
    text = secret.get_secret_value() if secret else ""
    if not text.strip():
        return "is empty"
    if text.strip().startswith(_UNRESOLVED_REFERENCE):
        return "is an unresolved Key Vault reference"
    if len(text) < SHORTEST_KEY:
        return f"is shorter than {SHORTEST_KEY} characters"
    return None


def number_key(secret: SecretStr | None) -> NumberKey | None:
    """The key that this setting makes, None for one that counts as absent."""
    return None if secret is None or key_problem(secret) else NumberKey(secret.get_secret_value())
