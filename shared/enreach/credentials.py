"""Who the app is towards Enreach: the login e-mail of an API user and its API secret key. Pure."""

import base64
from dataclasses import dataclass, field

from pydantic import SecretStr

_UNRESOLVED_REFERENCE = "@Microsoft.KeyVault("
"""Azure hands over a reference's own text when it cannot read the vault (Key Vault references)."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What every request is signed with."""

    user: str = field(repr=False)
    secret_key: str = field(repr=False)

    @property
    def authorization(self) -> str:
        """The value of the Authorization header: HTTP Basic in UTF-8 (RFC 7617)."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.secret_key}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Absence:
    """Why there is nobody to sign in as. `is_meant`: nothing is set at all."""

    reason: str
    is_meant: bool


def read_credentials(user: str | None, secret_key: SecretStr | None) -> Credentials | Absence:
    """The credentials that these settings make. The reason of an absence names settings, never their values."""
    name = (user or "").strip()
    # A line feed at the end is what is left of a key that came from a file.
    key = secret_key.get_secret_value().strip() if secret_key else ""
    problems = [problem for problem in (_problem("ENREACH_USER", name), _problem("ENREACH_SECRET_KEY", key)) if problem]
    if ":" in name and not name.startswith(_UNRESOLVED_REFERENCE):
        problems.append("ENREACH_USER has a colon, which no login e-mail has")
    if problems:
        return Absence(f"{'; '.join(problems)}: Enreach is not asked anything", is_meant=not name and not key)
    return Credentials(name, key)


def _problem(setting: str, text: str) -> str | None:
    if not text:
        return f"{setting} is not set"
    if text.startswith(_UNRESOLVED_REFERENCE):
        return f"{setting} is an unresolved Key Vault reference"
    return None
