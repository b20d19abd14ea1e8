"""Refusals of our own API as RFC 9457 describes them. Pure."""

import json
from http import HTTPStatus

MIMETYPE = "application/problem+json"


def problem(status: HTTPStatus, detail: str) -> str:
    """The body of a refusal. `detail` repeats nothing of what was sent."""
    body = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    return json.dumps(body)
