"""Blob inputs before a function runs; blob and queue outputs after it."""

import base64
import json
from collections.abc import Mapping

from azure.core.exceptions import ResourceNotFoundError

from local.host.bindings import Binding, Function, fill_template, split_path
from local.host.protos import TypedData
from local.host.storage import Connections, ensure_container, ensure_queue
from local.host.typed_data import payload_of


async def read_inputs(function: Function, connections: Connections, values: Mapping[str, str]) -> dict[str, TypedData]:
    """The blob inputs by parameter name; a blob that does not exist is an empty value (None in the function)."""
    found = {}
    for binding in function.inputs:
        container, name = split_path(fill_template(binding["path"], values))
        blob = connections.blobs(binding["connection"]).get_blob_client(container, name)
        try:
            content = await (await blob.download_blob()).readall()
        except ResourceNotFoundError:
            found[binding["name"]] = TypedData()
            continue
        binary = str(binding.get("dataType", "")).upper() == "BINARY"
        found[binding["name"]] = TypedData(bytes=content) if binary else TypedData(string=content.decode())
    return found


async def write_outputs(
    function: Function,
    outputs: Mapping[str, TypedData],
    connections: Connections,
    values: Mapping[str, str],
    *,
    base64_queues: bool,
) -> None:
    """Everything the function set on its queue and blob outputs is in storage."""
    for binding in function.outputs:
        data = outputs.get(binding["name"])
        if data is None:
            continue
        if binding["type"] == "queue":
            await _send(binding, data, connections, values, base64_queues=base64_queues)
        elif binding["type"] == "blob":
            await _upload(binding, data, connections, values)


async def _upload(binding: Binding, data: TypedData, connections: Connections, values: Mapping[str, str]) -> None:
    container, name = split_path(fill_template(binding["path"], values))
    blobs = connections.blobs(binding["connection"])
    blob = blobs.get_blob_client(container, name)
    try:
        await blob.upload_blob(payload_of(data), overwrite=True)
    except ResourceNotFoundError:
        await ensure_container(blobs, container)
        await blob.upload_blob(payload_of(data), overwrite=True)


async def _send(
    binding: Binding, data: TypedData, connections: Connections, values: Mapping[str, str], *, base64_queues: bool
) -> None:
    name = fill_template(binding["queueName"], values)
    queues = connections.queues(binding["connection"])
    queue = queues.get_queue_client(name)
    for message in _messages(data):
        text = encode_message(message, as_base64=base64_queues)
        try:
            await queue.send_message(text)
        except ResourceNotFoundError:
            await ensure_queue(queues, name)
            await queue.send_message(text)


def _messages(data: TypedData) -> list[str | bytes]:
    payload = payload_of(data)
    if data.WhichOneof("data") != "json":
        return [payload]
    document = json.loads(payload)
    if not isinstance(document, list):
        return [payload]
    return [item if isinstance(item, str) else json.dumps(item) for item in document]


def encode_message(message: str | bytes, *, as_base64: bool) -> str:
    """The message as it stands in the queue, by `messageEncoding` of host.json."""
    content = message.encode() if isinstance(message, str) else message
    return base64.b64encode(content).decode() if as_base64 else content.decode()


def decode_message(text: str, *, as_base64: bool) -> str:
    """The text that the function gets; raises ValueError when the message is not what `messageEncoding` promises."""
    return base64.b64decode(text, validate=True).decode() if as_base64 else text
