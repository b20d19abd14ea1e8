"""The units that travel between the web server, `$batch` and the handlers."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from local.dataverse.errors import DataverseError, unreadable_payload

# The ids of the calling user and its business unit.
type Caller = tuple[str, str]
NOBODY: Caller = ("", "")


@dataclass
class Request:
    """One request, alone or as a part of a batch. Header names are lower case; the path is percent-encoded.

    `arrived` is in event-loop seconds.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    in_batch: bool = False
    arrived: float = 0.0
    caller: Caller = NOBODY
    may_read: Callable[[Any], None] = lambda _: None  # refuses a table that the caller has no right to read

    def header(self, name: str) -> str:
        """Returns the header's value, or nothing."""
        return self.headers.get(name, "")

    def preference(self, name: str) -> str | None:
        """Returns the value of one preference of the Prefer header, None when it is not there."""
        return _preferences(self.header("prefer")).get(name)

    def json(self, entity_set: str = "") -> Any:
        """Returns the body as JSON, or refuses it."""
        if not self.body:
            raise unreadable_payload(entity_set, "The request body is empty.")
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise unreadable_payload(entity_set, f"The body is not JSON: {error}.") from error


@lru_cache(maxsize=128)
def _preferences(text: str) -> dict[str, str]:
    """Of two preferences with one name the first counts (RFC 7240, section 2)."""
    preferences: dict[str, str] = {}
    for preference in _split_preferences(text):
        name, _, value = preference.partition("=")
        preferences.setdefault(name.strip().lower(), value.strip().strip('"'))
    return preferences


def _split_preferences(text: str) -> list[str]:
    """Commas inside quotes separate annotations, not preferences."""
    parts, quoted, start = [], False, 0
    for position, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif character == "," and not quoted:
            parts.append(text[start:position])
            start = position + 1
    return [*parts, text[start:]]


@dataclass
class Response:
    """One answer, and what the work behind it was."""

    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    cost_ms: float = 0


def json_response(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Returns an answer with a JSON body."""
    return Response(
        status,
        {"Content-Type": "application/json; odata.metadata=minimal", **(headers or {})},
        json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"),
    )


def error_response(error: DataverseError) -> Response:
    """Returns the OData error body for a refusal."""
    return json_response({"error": {"code": error.code, "message": error.message}}, error.status, error.headers)
