"""A request and a response, freed of the web framework, and the error that becomes a refusal."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

JSON = "application/json; charset=utf-8"


@dataclass(frozen=True)
class Request:
    """One HTTP request. Header names are in lower case; path and query are as they came, still encoded."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    origin: str = "http://127.0.0.1"

    def header(self, name: str) -> str:
        """Returns a header, empty where there is none."""
        return self.headers.get(name.lower(), "")

    def parameters(self) -> dict[str, str]:
        """Returns the query parameters, decoded; the last of equal names counts."""
        return {name: values[-1] for name, values in parse_qs(self.query, keep_blank_values=True).items()}

    def json(self) -> dict[str, Any]:
        """Returns the body, which must be a JSON object. Raises ApiError."""
        try:
            body = json.loads(self.body or b"null")
        except ValueError as error:
            raise ApiError(400, "The body is not JSON.") from error
        if not isinstance(body, dict):
            raise ApiError(400, "The body must be a JSON object.")
        return body


@dataclass(frozen=True)
class Response:
    """One HTTP response; `items` counts what a list holds."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": JSON})
    items: int = 0


class ApiError(Exception):
    """The API refuses the request."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None, code: Any = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


def json_response(content: Any, status: int = 200) -> Response:
    """Returns a response with a JSON body."""
    body = json.dumps(content, ensure_ascii=False).encode()
    return Response(status, body, items=len(content) if isinstance(content, list) else 0)
