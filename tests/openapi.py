"""The OpenAPI description of the routing webhook, read when a test asks: schemathesis takes seconds to load."""

from functools import cache
from pathlib import Path
from typing import Any

PATH = Path(__file__).parents[1] / "docs" / "openapi" / "smart-routing.yaml"


@cache
def description() -> Any:
    """The description as schemathesis holds it."""
    import schemathesis

    return schemathesis.openapi.from_path(PATH)


def document() -> dict[str, Any]:
    """The whole of it as it is written."""
    raw: dict[str, Any] = description().raw_schema
    return raw


def operation() -> dict[str, Any]:
    """The only route."""
    post: dict[str, Any] = document()["paths"]["/api/smart-routing"]["post"]
    return post


def questions() -> dict[str, dict[str, Any]]:
    """The example requests, by name."""
    examples = operation()["requestBody"]["content"]["application/json"]["examples"]
    return {name: example["value"] for name, example in examples.items()}
