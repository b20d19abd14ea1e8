"""Where the API of a user is: what discovery is asked, and which of its answers may be believed. Pure.

The host belongs to a "silo" and has to be discovered (EnreachAPI reference, service discovery). Every request carries
the key, so it goes to https addresses only. The one exception is a loopback address, given by settings or by a
discovery that is on this machine itself.
"""

from typing import Any
from urllib.parse import urlsplit

from yarl import URL

from shared.enreach.errors import EndpointError, UnreadableReplyError

VENDORS_DISCOVERY = "https://discover.enreachvoice.com"
_PATH = "/api/user"
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def address_problem(address: str) -> str | None:
    """What is wrong with the address of an API or of discovery; None when it may be used."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is no address"
    if parts.scheme not in {"https", "http"} or not host or any(sign.isspace() for sign in address):
        return "is no address such as https://api.example.com"
    if parts.scheme == "http" and host not in _LOOPBACK:
        return "must be https; plain http is for a loopback address only"
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment or "?" in address:
        return "must be an address alone, without user, query or fragment"
    return None


def is_loopback(address: str) -> bool:
    """Whether an address is on this machine."""
    return urlsplit(address).hostname in _LOOPBACK


def discovery_request(address: str, user: str) -> URL:
    """The address that names the API of a login e-mail. `address` may end in `/api/user` already."""
    base = address.rstrip("/").removesuffix(_PATH)
    return URL(base + _PATH).with_query({"user": user})


def endpoint_of(places: list[Any], discovered_at: str) -> str:
    """The API's address without a slash at its end, from discovery's answer.

    Raises EndpointError for an empty answer, which means that the user is not known, and for an address that is not
    safe; UnreadableReplyError for another shape.
    """
    if not places:
        raise EndpointError("Enreach's discovery does not know ENREACH_USER")
    fields = places[0] if isinstance(places[0], dict) else {}
    named = next((value for key, value in fields.items() if key.casefold() == "apiendpoint"), None)
    if not isinstance(named, str) or not named.strip():
        raise UnreadableReplyError("Enreach's discovery names no apiEndpoint")
    endpoint = named.strip()
    problem = address_problem(endpoint)
    if problem is None and endpoint.lower().startswith("http:") and not is_loopback(discovered_at):
        problem = "must be https"
    if problem is not None:
        raise EndpointError(f"the address that Enreach's discovery names {problem}")
    return endpoint.rstrip("/")


def below(address: str, named: str) -> str:
    """The whole address of something that an answer names below the API's. Raises UnreadableReplyError for others.

    A whole address may stand there too; it opens a recording, so it has to be as safe as the API's own.
    """
    if "://" not in named.partition("?")[0]:
        return f"{address}/{named.lstrip('/')}"
    parts = urlsplit(named)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(address) and is_loopback(named)):
        raise UnreadableReplyError("Enreach's answer names an address that is not https")
    return named
