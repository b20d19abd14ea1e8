"""The Entra token endpoint and the check of the bearer token."""

from base64 import b64decode
from typing import Any
from urllib.parse import parse_qs, unquote
from uuid import uuid4

from local.dataverse.environment import Environment
from local.dataverse.errors import DataverseError
from local.dataverse.messages import Response, json_response

LIFETIME_S = 3600


class Tokens:
    """Issues tokens and knows its own."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._issued: set[str] = set()
        self.count = 0

    def forget(self) -> None:
        """Starts the count anew; tokens that were issued stay good."""
        self.count = 0

    def issue(self, body: bytes, authorization: str = "") -> Response:
        """Returns a bearer token for client credentials, which come in the body or as HTTP Basic (RFC 6749, 2.3.1)."""
        form = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
        form |= _basic_credentials(authorization)
        if form.get("grant_type") != "client_credentials":
            return _refusal("unsupported_grant_type", "AADSTS70003: Only client_credentials is supported.")
        if not form.get("client_id") or not (form.get("client_secret") or form.get("client_assertion")):
            return _refusal("invalid_client", "AADSTS7000218: The request body must contain the client's credentials.")
        if not form.get("scope", "").endswith("/.default"):
            return _refusal("invalid_scope", "AADSTS1002012: The scope must end with /.default.")
        token = f"sim-{uuid4()}"
        self._issued.add(token)
        self.count += 1
        return json_response(
            {"token_type": "Bearer", "expires_in": LIFETIME_S, "ext_expires_in": LIFETIME_S, "access_token": token}
        )

    def check(self, authorization: str) -> None:
        """Refuses a request without a bearer token, or with a foreign one when the switch says so."""
        scheme, _, token = authorization.partition(" ")
        good = scheme.lower() == "bearer" and bool(token.strip())
        if good and (not self._environment.strict_tokens or token.strip() in self._issued):
            return
        raise DataverseError(
            401,
            "0x80072560",
            "The user is not a member of the organization, or the access token is missing or invalid.",
            {
                "WWW-Authenticate": 'Bearer authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"'
            },
        )


def _basic_credentials(authorization: str) -> dict[str, str]:
    scheme, _, encoded = authorization.partition(" ")
    try:
        user, colon, password = b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return {}
    return {"client_id": unquote(user), "client_secret": unquote(password)} if colon and scheme == "Basic" else {}


def _refusal(error: str, description: str) -> Response:
    content: dict[str, Any] = {
        "error": error,
        "error_description": description,
        "error_codes": [],
        "trace_id": str(uuid4()),
    }
    return json_response(content, 401 if error == "invalid_client" else 400)
