"""Discovery and key acquisition (EnreachAPI reference: service discovery, key acquisition; public Python client)."""

from typing import Any
from urllib.parse import quote, urlsplit

import httpx

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
SECONDS = 30.0


class KeyNotAcquiredError(Exception):
    """There is no key; the text says why, without the password."""


def check_address(address: str) -> None:
    """Raises KeyNotAcquiredError for an address to which no password may go."""
    parts = urlsplit(address)
    if parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)):
        return
    raise KeyNotAcquiredError(f"{address} is no https address, and a password goes nowhere else.")


def discover(discovery: str, user: str) -> str:
    """Returns the API's address of a user. Raises KeyNotAcquiredError."""
    base = discovery.rstrip("/").removesuffix("/api/user")
    places = _answer("GET", f"{base}/api/user", params={"user": user})
    if not isinstance(places, list) or not places:
        raise KeyNotAcquiredError(f"{base} does not know {user}.")
    api = places[0].get("apiEndpoint") if isinstance(places[0], dict) else None
    if not isinstance(api, str):
        raise KeyNotAcquiredError(f"{base} names no API for {user}.")
    check_address(api)
    if urlsplit(api).scheme == "http" and urlsplit(base).hostname not in LOOPBACK:
        raise KeyNotAcquiredError(f"{base} names {api}, which is no https address.")
    return api


def acquire_key(api: str, user: str, password: str) -> str:
    """Returns the API secret key. Raises KeyNotAcquiredError."""
    url = f"{api.rstrip('/')}/authuser/{quote(user, safe='@')}/"
    answer = _answer("POST", url, json={"UserName": user, "Password": password})
    key = answer.get("SecretKey") if isinstance(answer, dict) else None
    if not isinstance(key, str) or not key:
        raise KeyNotAcquiredError(f"{api} answered without a key.")
    return key


def _answer(method: str, url: str, **request: Any) -> Any:
    host = urlsplit(url).hostname
    headers = {"Accept": "application/json", "X-Json-Serializer": "2", "User-Agent": "Switchboard"}
    try:
        with httpx.Client(timeout=SECONDS, trust_env=host not in LOOPBACK) as http:
            answer = http.request(method, url, headers=headers, **request)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise KeyNotAcquiredError(f"{host} did not answer ({type(error).__name__}).") from error
    if answer.status_code in {401, 403}:
        raise KeyNotAcquiredError("the user name or the password is not accepted; an Entra user may have no password.")
    if answer.status_code != httpx.codes.OK:
        raise KeyNotAcquiredError(f"{host} answered {answer.status_code}.")
    try:
        return answer.json()
    except ValueError:
        raise KeyNotAcquiredError(f"{host} did not answer with JSON.") from None
