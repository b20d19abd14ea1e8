"""Who may sign in: HTTP Basic with the API secret key, which the login password only acquires (facts 1.3)."""

import binascii
from base64 import b64decode
from dataclasses import dataclass

from local.enreach.messages import ApiError


@dataclass(frozen=True)
class Account:
    """A user with credentials."""

    user_id: str
    user_name: str
    secret_key: str
    password: str


class Accounts:
    """All accounts, by login e-mail in any case."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}

    def put(self, account: Account) -> None:
        """Adds an account, or replaces the one of this login e-mail."""
        self._accounts[account.user_name.lower()] = account

    def knows(self, user_name: str) -> bool:
        """Tells whether there is an account."""
        return user_name.lower() in self._accounts

    def signed_in(self, authorization: str) -> Account:
        """Returns the account of a request. Raises ApiError (401), for the login password too."""
        scheme, _, encoded = authorization.partition(" ")
        user_name, _, secret_key = _decoded(encoded).partition(":")
        account = self._accounts.get(user_name.lower())
        if scheme.lower() != "basic" or account is None or not secret_key or account.secret_key != secret_key:
            raise ApiError(401, "Credentials are missing or wrong.", {"WWW-Authenticate": 'Basic realm="Enreach"'})
        return account

    def acquired(self, user_name: str, password: str) -> Account:
        """Returns the account that a login password opens. Raises ApiError (401)."""
        account = self._accounts.get(user_name.lower())
        if account is None or not password or account.password != password:
            raise ApiError(401, "The user name or the password is wrong.")
        return account


def _decoded(encoded: str) -> str:
    try:
        return b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
