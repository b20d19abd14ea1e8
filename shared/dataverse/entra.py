"""Tokens from Microsoft Entra, and what it means when there is none.

`azure.identity` takes a sixth of a second to import, so it is imported with the first token, on a thread.
"""

import asyncio
import logging
import re
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from shared.clock import utc_now
from shared.dataverse.certificates import Certificate, days_to_warn_of, read_certificate
from shared.dataverse.errors import DataverseError, DeniedError, UnavailableError
from shared.settings import DataverseAuth, Settings, SettingsError

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

    from shared.dataverse.credentials import FetchToken

_LOG = logging.getLogger(__name__)

PIPELINE: Mapping[str, Any] = {"connection_timeout": 5, "read_timeout": 10, "retry_total": 3}
"""How azure.core asks for a token: its own default of ten attempts can take minutes."""

_LONGEST_FETCH_SECONDS = 30.0
_EXCHANGE_AUDIENCES = {
    # Federated identity credentials: the audience by national cloud.
    "login.microsoftonline.us": "api://AzureADTokenExchangeUSGov",
    "login.partner.microsoftonline.cn": "api://AzureADTokenExchangeChina",
}
_EXCHANGE_AUDIENCE = "api://AzureADTokenExchange"


def entra_tokens(settings: Settings, pipeline: Mapping[str, Any] = PIPELINE) -> "FetchToken":
    """The fetch for every kind but development. `pipeline` has azure.core's options.

    The fetch raises UnavailableError (Entra or the identity endpoint is down, or asks to wait) and DeniedError (the
    settings or the app registration have to change). Raises SettingsError for a certificate that cannot be read.
    """
    certificate = _certificate(settings) if settings.dataverse_auth is DataverseAuth.CERTIFICATE else None
    scope = f"{settings.dataverse_url}/.default"
    reminder = _ExpiryReminder(certificate)

    async def fetch() -> tuple[str, datetime]:
        reminder.say(utc_now())
        try:
            async with asyncio.timeout(_LONGEST_FETCH_SECONDS), AsyncExitStack() as opened:
                # A credential of its own for each fetch: those of azure.identity keep tokens themselves, and would
                # hand out again the very token that Dataverse just refused.
                assertion = ""
                if settings.dataverse_auth is DataverseAuth.FEDERATED:
                    identity = await asyncio.to_thread(_managed_identity, settings, pipeline)
                    await opened.enter_async_context(identity)
                    assertion = (await identity.get_token(_exchange_scope(settings))).token
                credential = await asyncio.to_thread(_credential, settings, pipeline, certificate, assertion)
                await opened.enter_async_context(credential)
                token = await credential.get_token(scope)
        except TimeoutError:
            raise UnavailableError("no token for Dataverse: Entra gave no answer in time") from None
        except Exception as error:  # noqa: BLE001 - the library lets KeyError and TypeError out for odd answers
            raise _typed(error) from None
        return token.token, datetime.fromtimestamp(token.expires_on, UTC)

    return fetch


class _ExpiryReminder:
    """Says once a day, when a token is fetched, that the certificate ends soon."""

    def __init__(self, certificate: Certificate | None) -> None:
        self._certificate = certificate
        self._said_on: date | None = None

    def say(self, now: datetime) -> None:
        days = None if self._certificate is None else days_to_warn_of(self._certificate.ends, now)
        if days is not None and self._said_on != now.date():
            self._said_on = now.date()
            _LOG.warning("the certificate in DATAVERSE_CERTIFICATE ends in %d days: renew it", days)


def _certificate(settings: Settings) -> Certificate:
    text = settings.dataverse_certificate.get_secret_value() if settings.dataverse_certificate else ""
    try:
        return read_certificate(text)
    except ValueError as error:
        raise SettingsError([f"DATAVERSE_CERTIFICATE {error}"]) from None


def _credential(
    settings: Settings, pipeline: Mapping[str, Any], certificate: Certificate | None, assertion: str
) -> "AsyncTokenCredential":
    from azure.identity.aio import CertificateCredential, ClientAssertionCredential, ClientSecretCredential

    tenant, client = settings.dataverse_tenant_id or "", settings.dataverse_client_id or ""
    options = {**pipeline, "authority": settings.dataverse_authority}
    match settings.dataverse_auth:
        case DataverseAuth.CLIENT_SECRET:
            secret = settings.dataverse_client_secret
            return ClientSecretCredential(tenant, client, secret.get_secret_value() if secret else "", **options)
        case DataverseAuth.CERTIFICATE if certificate is not None:
            return CertificateCredential(tenant, client, certificate_data=certificate.data, **options)
        case DataverseAuth.FEDERATED:
            # Fetched before: the library calls this function without awaiting it, on the event loop.
            return ClientAssertionCredential(tenant, client, lambda: assertion, **options)
        case _:
            return _managed_identity(settings, pipeline)


def _managed_identity(settings: Settings, pipeline: Mapping[str, Any]) -> "AsyncTokenCredential":
    from azure.identity.aio import ManagedIdentityCredential

    return ManagedIdentityCredential(client_id=settings.managed_identity_client_id, **pipeline)


def _exchange_scope(settings: Settings) -> str:
    host = settings.dataverse_authority.removeprefix("https://")
    return f"{_EXCHANGE_AUDIENCES.get(host, _EXCHANGE_AUDIENCE)}/.default"


# ----------------------------------------------------------------------------------------------------- errors

# Error codes of the security token service ("Microsoft Entra authentication and authorization error codes").
_TRANSIENT = frozenset({"50087", "50196", "90006", "90012", "90024", "90033", "90055"})
_TRANSIENT_OAUTH = frozenset({"temporarily_unavailable", "server_error"})
_WHAT_TO_CHECK = {
    "7000215": "DATAVERSE_CLIENT_SECRET is wrong; it must be the secret's value, not its id",
    "7000222": "the client secret has expired: make a new one",
    "7000216": "DATAVERSE_AUTH names another kind of credential than the app registration has",
    "7000218": "the client secret or certificate is missing",
    "700016": "no app registration DATAVERSE_CLIENT_ID in the tenant DATAVERSE_TENANT_ID",
    "7000229": "the app registration has no service principal in the tenant DATAVERSE_TENANT_ID",
    "7000112": "the app registration is disabled",
    "90002": "no tenant DATAVERSE_TENANT_ID",
    "900023": "DATAVERSE_TENANT_ID is no tenant id",
    "700027": "the app registration does not know the certificate in DATAVERSE_CERTIFICATE",
    "700024": "the client assertion is not valid at this time: check the clock",
    "700021": "the federated credential's issuer or audience does not match the managed identity",
    "700211": "no federated credential of the app registration has this issuer",
    "700212": "no federated credential of the app registration has this audience",
    "700213": "no federated credential of the app registration has this managed identity as its subject",
    "70021": "no federated credential of the app registration matches the managed identity",
    "500011": "DATAVERSE_URL is not known in the tenant DATAVERSE_TENANT_ID",
    "65001": "consent is missing for the app registration",
    "1002012": "DATAVERSE_URL makes no valid scope",
    "53003": "a Conditional Access policy blocks the app",
}
_CODE = re.compile(r"AADSTS([0-9]{4,8})\b")
_OAUTH = re.compile(r"'\(([a-z_]{1,40})\)")
_TRACE = re.compile(r"Trace ID: ([0-9a-f-]{36})\b", re.IGNORECASE)
_NO_ENDPOINT = "the managed identity endpoint does not answer; is an identity assigned to the app?"


def token_error(status: int | None, text: str, retry_after: float | None = None) -> DataverseError:
    """What a refusal of Entra or of the managed identity endpoint stands for; `status` None when nobody answered.

    Of the text only the AADSTS code and the trace id are kept, and what an operator can check.
    """
    code, oauth, trace = (_first(pattern, text) for pattern in (_CODE, _OAUTH, _TRACE))
    name = f"AADSTS{code}" if code else ""
    unusable = status is None or status < 400 or status >= 500 or status in {408, 429}
    answer = ", ".join(part for part in (f"status {status}" if status else "", name) if part)
    message = f"no token for Dataverse: {answer or 'no answer'} (trace {trace or 'unknown'})"
    if unusable or code in _TRANSIENT or oauth in _TRANSIENT_OAUTH:
        return UnavailableError(message, retry_after=retry_after, code=name, request_id=trace)
    advice = _WHAT_TO_CHECK.get(code) or (
        "check the app registration" if code else "check that the managed identity is assigned to the app"
    )
    # No status: it is Entra's, and a 401 of Entra must not pass for one of Dataverse.
    return DeniedError(f"{message}: {advice}", code=name, request_id=trace)


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found.group(1) if found else ""


def _typed(error: Exception) -> DataverseError:
    """The library's exception as one of ours. Its own text may hold ids of the tenant and parts of answers."""
    from azure.core.exceptions import AzureError, HttpResponseError
    from azure.identity import CredentialUnavailableError

    if not isinstance(error, AzureError):
        return UnavailableError(f"no token for Dataverse: an answer that is none ({type(error).__name__})")
    answered: BaseException | None = error
    while answered is not None and not (isinstance(answered, HttpResponseError) and answered.response is not None):
        answered = answered.__cause__
    if isinstance(answered, HttpResponseError) and answered.response is not None:
        wait = str(getattr(answered.response, "headers", {}).get("Retry-After", ""))
        return token_error(answered.status_code, str(error), float(wait) if wait.isdecimal() else None)
    if isinstance(error, CredentialUnavailableError):
        return UnavailableError(f"no token for Dataverse: {_NO_ENDPOINT}")
    return token_error(None, "")
