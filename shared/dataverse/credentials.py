"""Who the app is towards Dataverse: one bearer token for the process, fetched when needed and shared.

`azure.identity` costs start-up time, so it is imported only by the kinds that need it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol
from urllib.parse import urlsplit

from shared.clock import utc_now
from shared.settings import DataverseAuth, Settings, SettingsError

type FetchToken = Callable[[], Awaitable[tuple[str, datetime]]]
"""Gives a fresh token and the moment at which it ends."""

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_RENEW_BEFORE_END = timedelta(minutes=5)
_LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


class _AzureCredential(Protocol):
    async def get_token(self, *scopes: str) -> "_AzureToken": ...


class _AzureToken(Protocol):
    @property
    def token(self) -> str: ...
    @property
    def expires_on(self) -> int: ...


class TokenCache:
    """The current token. However many ask at once, one fetch is under way."""

    def __init__(self, fetch: FetchToken) -> None:
        self._fetch = fetch
        self._lock = asyncio.Lock()
        self._token = ""
        self._renew_at = _LONG_AGO

    async def token(self) -> str:
        """A token that is valid for some minutes more."""
        if utc_now() >= self._renew_at:
            async with self._lock:
                if utc_now() >= self._renew_at:
                    self._token, ends = await self._fetch()
                    self._renew_at = ends - _RENEW_BEFORE_END
        return self._token

    def discard(self, token: str) -> None:
        """Forget this token, which Dataverse did not take. A newer one stays."""
        if token == self._token:
            self._renew_at = _LONG_AGO


def token_cache(settings: Settings) -> TokenCache:
    """The token source that DATAVERSE_AUTH names. Raises SettingsError when its settings cannot work."""
    if settings.dataverse_auth is DataverseAuth.DEVELOPMENT:
        return TokenCache(_development_token(settings.dataverse_url))
    credential = _azure_credential(settings)
    scope = f"{settings.dataverse_url}/.default"

    async def fetch() -> tuple[str, datetime]:
        token = await credential.get_token(scope)
        return token.token, datetime.fromtimestamp(token.expires_on, UTC)

    return TokenCache(fetch)


def _development_token(url: str) -> FetchToken:
    """A fixed token that no real service takes, offered to a loopback address only."""
    if urlsplit(url).hostname not in _LOOPBACK_HOSTS:
        raise SettingsError(["DATAVERSE_AUTH=development works only with a DATAVERSE_URL on 127.0.0.1 or localhost"])

    async def fetch() -> tuple[str, datetime]:
        return "development", datetime.max.replace(tzinfo=UTC)

    return fetch


def _azure_credential(settings: Settings) -> _AzureCredential:
    from azure.identity.aio import (
        CertificateCredential,
        ClientAssertionCredential,
        ClientSecretCredential,
        ManagedIdentityCredential,
    )

    tenant, client = settings.dataverse_tenant_id or "", settings.dataverse_client_id or ""
    match settings.dataverse_auth:
        case DataverseAuth.CLIENT_SECRET:
            secret = settings.dataverse_client_secret
            return ClientSecretCredential(tenant, client, secret.get_secret_value() if secret else "")
        case DataverseAuth.CERTIFICATE:
            certificate = settings.dataverse_certificate
            pem = certificate.get_secret_value().encode() if certificate else b""
            return CertificateCredential(tenant, client, certificate_data=pem)
        case DataverseAuth.FEDERATED:
            return ClientAssertionCredential(tenant, client, _managed_identity_assertion(settings))
        case _:
            return ManagedIdentityCredential(client_id=settings.managed_identity_client_id)


def _managed_identity_assertion(settings: Settings) -> Callable[[], str]:
    """The managed identity's own token as the app registration's credential (federated identity credential)."""
    from azure.identity import ManagedIdentityCredential

    identity = ManagedIdentityCredential(client_id=settings.managed_identity_client_id)
    return lambda: identity.get_token("api://AzureADTokenExchange/.default").token
