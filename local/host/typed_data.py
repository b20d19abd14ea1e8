"""Between Python values and the TypedData of the worker protocol."""

import json
from collections.abc import Mapping
from typing import Any

from local.host.protos import TypedData

Metadata = dict[str, TypedData]


def as_json(value: Any) -> TypedData:
    return TypedData(json=json.dumps(value))


def properties_of(body: str | bytes) -> Metadata:
    """The top-level properties of a JSON object, typed as the host does: no nulls, no arrays; {} for other text."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):  # any body is the function's business, a hostile one too
        return {}
    if not isinstance(document, dict):
        return {}
    return {
        name: TypedData(string=value) if isinstance(value, str) else as_json(value)
        for name, value in document.items()
        if value is not None and not isinstance(value, list)
    }


def template_values(metadata: Mapping[str, TypedData]) -> dict[str, str]:
    """What `{name}` in the path of another binding stands for in this invocation."""
    values = {}
    for name, item in metadata.items():
        value = json.loads(item.json) if item.WhichOneof("data") == "json" else getattr(item, "string", None)
        if isinstance(value, str | int | float):
            values[name] = str(value)
    return values


def payload_of(data: TypedData) -> str | bytes:
    """The value as it is written to a blob or a queue."""
    kind = data.WhichOneof("data")
    value = getattr(data, kind) if kind else ""
    return value if isinstance(value, str | bytes) else str(value)
