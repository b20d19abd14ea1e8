"""Numbers and agents under a secret key: what a search finds calls by. Without the key a hash tells the number.

The key is one that is never rotated: a search after a rotation would not find the calls before.
"""

import hmac
from collections.abc import Iterable

from pydantic import SecretStr

from shared.calls.ids import canonical_guid
from shared.number_index.keys import key_problem

_HEX_DIGITS = 32
"""128 bits of HMAC-SHA256; half of the digest may be left out (RFC 2104, section 5)."""
NUMBER, AGENT = "n", "a"


class SearchKey:
    """The key of the search. Each kind has a context of its own, so no other digest under this secret is the same."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode("utf-8", "surrogatepass")

    def number(self, number: str) -> str:
        """What a number in E.164 is found by."""
        return NUMBER + self._digest("call history: number", number)

    def agent(self, agent: str) -> str:
        """What an agent is found by: the Enreach user id in any spelling, or the e-mail address in any case."""
        return AGENT + self._digest("call history: agent", canonical_guid(agent) or agent.strip().casefold())

    def found_by(self, numbers: Iterable[str], agents: Iterable[str]) -> frozenset[str]:
        """What a call with these numbers and agents is found by, for `CallRecord.found_by`."""
        return frozenset([*map(self.number, numbers), *map(self.agent, agents)])

    def _digest(self, context: str, text: str) -> str:
        message = f"{context}\0{text}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._secret, message, "sha256").hex()[:_HEX_DIGITS]


def search_key(secret: SecretStr | None) -> SearchKey | None:
    """The key that this setting makes (`CUSTOMER_ID_KEY`), None for one that counts as absent."""
    return None if secret is None or key_problem(secret) else SearchKey(secret.get_secret_value())
