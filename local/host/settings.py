"""host.json and the settings file, with the defaults of the real host."""

import hashlib
import json
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.host.errors import StartError


@dataclass(frozen=True)
class QueueSettings:
    """`extensions.queues` of host.json; the defaults are those of Azure.WebJobs QueuesOptions."""

    batch_size: int
    new_batch_threshold: int
    visibility_timeout: int
    max_dequeue_count: int
    base64: bool


@dataclass(frozen=True)
class HostSettings:
    host_id: str
    route_prefix: str
    queues: QueueSettings
    poison_blob_threshold: int
    blob_parallelism: int


def read_host_settings(app_dir: Path, environ: Mapping[str, str]) -> HostSettings:
    """host.json of the app; raises StartError when it is missing or malformed."""
    document = _read_json(app_dir / "host.json")
    extensions = document.get("extensions", {})
    queues, blobs = extensions.get("queues", {}), extensions.get("blobs", {})
    try:
        batch_size = int(queues.get("batchSize", 16))
        return HostSettings(
            host_id=environ.get("AzureFunctionsWebHost__hostid") or _host_id(app_dir),
            route_prefix=str(extensions.get("http", {}).get("routePrefix", "api")).strip("/"),
            queues=QueueSettings(
                batch_size=batch_size,
                new_batch_threshold=int(queues.get("newBatchThreshold", batch_size // 2)),
                visibility_timeout=_seconds(queues.get("visibilityTimeout", "00:00:00")),
                max_dequeue_count=int(queues.get("maxDequeueCount", 5)),
                base64=str(queues.get("messageEncoding", "base64")).lower() != "none",
            ),
            poison_blob_threshold=int(blobs.get("poisonBlobThreshold", 5)),
            blob_parallelism=int(blobs.get("maxDegreeOfParallelism", 8)),
        )
    except (TypeError, ValueError) as error:
        raise StartError(f"{app_dir / 'host.json'} has a value that cannot be read: {error}.") from error


def load_settings_file(path: Path, environ: MutableMapping[str, str]) -> None:
    """Every entry of `Values` is in the environment, unless the variable was set already (as Core Tools does)."""
    values = _read_json(path).get("Values", {})
    wrong = [name for name, value in values.items() if not isinstance(value, str)]
    if wrong:
        raise StartError(f"{path}: every entry of Values must be a string; these are not: {', '.join(wrong)}.")
    for name, value in values.items():
        environ.setdefault(name, value)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise StartError(f"{path} does not exist.") from error
    except (OSError, ValueError) as error:
        raise StartError(f"{path} cannot be read: {error}.") from error
    if not isinstance(document, dict):
        raise StartError(f"{path} must hold a JSON object.")
    return document


def _seconds(text: str) -> int:
    match = re.fullmatch(r"(?:(\d+)\.)?(\d+):(\d+):(\d+)", text)
    if match is None:
        raise ValueError(f"{text!r} is not a time span like 00:00:30")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def _host_id(app_dir: Path) -> str:
    """The same for every start of one app folder, so that receipts and timer status are found again."""
    return f"local-{hashlib.sha256(str(app_dir).encode()).hexdigest()[:12]}"
