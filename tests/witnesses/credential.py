"""A credential as azure-identity has them."""

import time
from typing import Any

import httpx
from azure.core.credentials import AccessToken

from tests.plain_http import PLAIN


class SimulatorCredential:
    """Fetches a token from the simulator's own token endpoint for whatever scope it is asked for."""

    def __init__(self, origin: str) -> None:
        self._url = f"{origin}/tenant/oauth2/v2.0/token"
        self._token: AccessToken | None = None
        self.scopes: set[str] = set()

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """Returns the token, fetched once as azure-identity would."""
        self.scopes.update(scopes)
        if self._token is None:
            form = {"grant_type": "client_credentials", "client_id": "witness", "client_secret": "witness"}
            answer = httpx.post(self._url, data={**form, "scope": " ".join(scopes)}, trust_env=False, verify=PLAIN)
            token = answer.raise_for_status().json()
            self._token = AccessToken(token["access_token"], int(time.time()) + token["expires_in"])
        return self._token
