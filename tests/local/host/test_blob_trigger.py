"""Blob functions: which blobs run, how often, and what is remembered over a restart."""

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest
from azure.storage.blob.aio import BlobServiceClient

from local.host.bindings import Function, literal_prefix, path_pattern
from local.host.blob_trigger import BlobFunction, run_for_blob
from local.host.execution import Executor
from local.host.protos import TypedData
from local.host.typed_data import Metadata


@pytest.mark.parametrize(
    ("template", "name", "values"),
    [
        pytest.param("{name}", "nice-iex/a.txt", {"name": "nice-iex/a.txt"}, id="a parameter takes slashes"),
        pytest.param("{name}.csv", "july.csv", {"name": "july"}, id="text after the parameter"),
        pytest.param("{name}.csv", "july.csv.bak", None, id="text after the parameter must end the name"),
        pytest.param("{day}/{name}.{ext}", "1/a.b.txt", {"day": "1", "name": "a.b", "ext": "txt"}, id="several"),
        pytest.param("in/{name}", "out/a", None, id="another folder"),
        pytest.param("in/{name}", "IN/a", None, id="blob names are case sensitive"),
    ],
)
def test_path_patterns(template: str, name: str, values: dict[str, str] | None) -> None:
    match = path_pattern(template).fullmatch(name)
    assert (match.groupdict() if match else None) == values
    assert match is None or name.startswith(literal_prefix(template))


def test_a_dropped_blob_runs_once_and_its_path_fills_the_output_path(host: Any, storage: Any, eventually: Any) -> None:
    storage.upload("inbox", "nice-iex/july.txt", b"rows")
    assert eventually(lambda: storage.read("outbox", "nice-iex/july.txt")) == b"rows"
    assert host.journal("blobs").count("inbox/nice-iex/july.txt 4 4") == 1


def test_an_overwritten_blob_runs_again(host: Any, storage: Any, eventually: Any) -> None:
    storage.upload("inbox", "twice.txt", b"first")
    eventually(lambda: storage.read("outbox", "twice.txt") == b"first")
    storage.upload("inbox", "twice.txt", b"second")
    eventually(lambda: storage.read("outbox", "twice.txt") == b"second")
    lines = [line for line in host.journal("blobs") if line.startswith("inbox/twice.txt")]
    assert lines == ["inbox/twice.txt 5 5", "inbox/twice.txt 6 6"]


def test_a_failing_blob_is_tried_five_times_and_then_named_in_the_poison_queue(
    host: Any, storage: Any, eventually: Any
) -> None:
    storage.upload("incoming", "ignored.txt", b"not a csv")
    etag = storage.upload("incoming", "plan/bad.csv", b"x")
    (text,) = eventually(lambda: storage.messages("webjobs-blobtrigger-poison"))
    assert json.loads(text) == {
        "Type": "BlobTrigger",
        "FunctionId": "Host.Functions.failing_blob",
        "BlobType": "BlockBlob",
        "ContainerName": "incoming",
        "BlobName": "plan/bad.csv",
        "ETag": etag,
    }
    assert host.journal("blob-tries") == ["incoming/plan/bad.csv"] * 5


def test_a_blob_function_is_run_by_hand_with_container_and_name(host: Any, storage: Any, eventually: Any) -> None:
    storage.upload("inbox", "by-hand.txt", b"abc")
    eventually(lambda: host.journal("blobs").count("inbox/by-hand.txt 3 3") == 1)
    body = {"input": "inbox/by-hand.txt"}
    assert host.client.post(f"{host.url}/admin/functions/copy_blob", json=body).status_code == 202
    eventually(lambda: host.journal("blobs").count("inbox/by-hand.txt 3 3") == 2)


def test_a_restart_runs_new_blobs_only(start_host: Any, new_storage: Any, eventually: Any) -> None:
    storage = new_storage()
    first = start_host("scratch_app", storage)
    storage.upload("inbox", "before.txt", b"1")
    eventually(lambda: storage.read("outbox", "before.txt"))
    assert first.stop() == 0
    storage.upload("inbox", "while-off.txt", b"22")
    second = start_host("scratch_app", storage)
    eventually(lambda: storage.read("outbox", "while-off.txt"))
    storage.upload("inbox", "after.txt", b"333")
    eventually(lambda: storage.read("outbox", "after.txt"))
    assert sorted(second.journal("blobs")) == ["inbox/after.txt 3 3", "inbox/before.txt 1 1", "inbox/while-off.txt 2 2"]


class FakeExecutor:
    """Notes what would have run."""

    def __init__(self) -> None:
        self.runs: list[tuple[TypedData, Metadata]] = []

    async def run(self, _function: Function, data: TypedData, metadata: Metadata) -> SimpleNamespace:
        self.runs.append((data, metadata))
        return SimpleNamespace(succeeded=False)


@pytest.mark.parametrize("what", ["is gone", "has changed"])
async def test_a_blob_that_is_gone_or_changed_meanwhile_is_no_failure(new_storage: Any, what: str) -> None:
    storage, executor = new_storage(), FakeExecutor()
    etag = storage.upload("inbox", "a.txt", b"1")
    if what == "is gone":
        storage.blobs.get_blob_client("inbox", "a.txt").delete_blob()
    else:
        storage.upload("inbox", "a.txt", b"2")
    assert await _run(storage, executor, etag) is True
    assert executor.runs == []


async def test_the_function_gets_content_and_metadata_of_the_blob(new_storage: Any) -> None:
    storage, executor = new_storage(), FakeExecutor()
    etag = storage.upload("inbox", "a.txt", b"content")
    storage.blobs.get_blob_client("inbox", "a.txt").set_blob_metadata({"sender": "wfm"})
    assert await _run(storage, executor, None) is False, "a failed run is reported as such"
    ((data, metadata),) = executor.runs
    properties = json.loads(metadata["Properties"].json)
    assert data.bytes == b"content"
    assert metadata["BlobTrigger"].string == "inbox/a.txt"
    assert metadata["name"].string == "a"
    assert json.loads(metadata["Metadata"].json) == {"sender": "wfm"}
    assert json.loads(metadata["Uri"].json).endswith("/inbox/a.txt")
    assert (properties["ContentLength"], properties["ContentType"]) == (7, "application/octet-stream")
    assert properties["ETag"] != etag


async def _run(storage: Any, executor: FakeExecutor, etag: str | None) -> bool:
    trigger = {"type": "blobTrigger", "name": "blob", "path": "inbox/{name}.txt"}
    function = BlobFunction.of(Function("f", "id", trigger, (), ()))
    async with BlobServiceClient.from_connection_string(storage.connection_string) as blobs:
        return await run_for_blob(function, cast(Executor, executor), blobs, "a.txt", etag=etag)
