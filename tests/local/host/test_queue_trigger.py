"""Queue functions: what they get, how often they are tried, where messages end that never work."""

import asyncio
import json
from itertools import pairwise
from typing import Any

import pytest
from azure.storage.queue.aio import QueueServiceClient

from local.host import queue_trigger
from local.host.queue_trigger import QueueListener
from local.host.settings import QueueSettings


def test_a_message_runs_the_function_once_with_its_inputs_and_outputs(host: Any, storage: Any, eventually: Any) -> None:
    storage.upload("templates", "k1.txt", "schön".encode())
    storage.send("work", json.dumps({"key": "k1"}))
    seen = json.loads(eventually(lambda: storage.read("notes", "k1.json")))
    assert (seen["key"], seen["count"], seen["template"]) == ("k1", 1, "schön")
    assert len(seen["id"]) == 36
    # The outputs are written one after the other; the blob stands before the message.
    eventually(lambda: any(json.loads(text)["key"] == "k1" for text in storage.messages("done")))
    eventually(lambda: storage.count("work") == 0)


def test_a_blob_input_that_does_not_exist_is_none(host: Any, storage: Any, eventually: Any) -> None:
    storage.send("work", json.dumps({"key": "k2"}))
    assert json.loads(eventually(lambda: storage.read("notes", "k2.json")))["template"] is None


def test_a_failing_message_is_tried_five_times_with_the_delay_and_then_poisoned(
    host: Any, storage: Any, eventually: Any
) -> None:
    assert eventually(lambda: storage.messages("doomed-poison")) == ["bad news"]
    lines = [line.rsplit(" ", 2) for line in host.journal("tries-of-doomed")]
    assert [(text, count) for text, count, _time in lines] == [("bad news", str(count)) for count in range(1, 6)]
    times = [float(time) for _text, _count, time in lines]
    assert min(later - earlier for earlier, later in pairwise(times)) >= 0.9
    eventually(lambda: storage.count("doomed") == 0)


def test_text_that_is_not_base64_goes_to_the_poison_queue_as_it_is(host: Any, storage: Any, eventually: Any) -> None:
    storage.send("work", "{not base64}", encoded=False)
    assert eventually(lambda: storage.messages("work-poison", encoded=False)) == ["{not base64}"]
    assert not any("{not base64}" in text for text in storage.messages("done"))


def test_a_queue_function_is_run_by_hand_with_the_input_as_text(host: Any, storage: Any, eventually: Any) -> None:
    body = {"input": json.dumps({"key": "by-hand"})}
    assert host.client.post(f"{host.url}/admin/functions/work", json=body).status_code == 202
    assert json.loads(eventually(lambda: storage.read("notes", "by-hand.json")))["count"] == 1


def test_plain_messages_and_a_lower_dequeue_count(start_host: Any, new_storage: Any, eventually: Any) -> None:
    storage = new_storage()
    host = start_host("plain_app", storage)
    storage.send("plain", "grüezi", encoded=False)
    storage.send("plain", "fail", encoded=False)
    assert eventually(lambda: storage.messages("answers", encoded=False)) == ["grüezi again"]
    assert eventually(lambda: storage.messages("plain-poison", encoded=False)) == ["fail"]
    assert host.log.count("Executed Functions.echo (Failed") == 2
    eventually(lambda: "was moved to queue plain-poison (delivery 2 of at most 2)" in host.log)


SETTINGS = QueueSettings(batch_size=2, new_batch_threshold=1, visibility_timeout=0, max_dequeue_count=2, base64=False)


class Probe:
    """A handler that counts how many messages are in work at once."""

    def __init__(self, seconds: float, *, succeeds: bool = True) -> None:
        self.handled: list[str] = []
        self.most_at_once = 0
        self._at_once = 0
        self._seconds = seconds
        self._succeeds = succeeds

    async def handle(self, _message: object, text: str) -> bool:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        await asyncio.sleep(self._seconds)
        self._at_once -= 1
        self.handled.append(text)
        return self._succeeds


async def _run_until(listener: QueueListener, done: Any) -> None:
    stop = asyncio.Event()
    task = asyncio.create_task(listener.run(stop))
    async with asyncio.timeout(15):
        while not done():  # noqa: ASYNC110 - the listener has no event for it
            await asyncio.sleep(0.02)
    stop.set()
    await task


async def test_messages_run_concurrently_up_to_batch_size_plus_threshold(new_storage: Any) -> None:
    storage, probe = new_storage(), Probe(0.15)
    storage.queues.create_queue("many")
    for number in range(8):
        storage.send("many", str(number), encoded=False)
    async with QueueServiceClient.from_connection_string(storage.connection_string) as queues:
        listener = QueueListener(queues, "many", "many-poison", SETTINGS, probe.handle)
        await _run_until(listener, lambda: len(probe.handled) == 8)
    assert sorted(probe.handled) == [str(number) for number in range(8)]
    assert 1 < probe.most_at_once <= SETTINGS.batch_size + SETTINGS.new_batch_threshold
    assert storage.count("many") == 0


async def test_a_message_stays_hidden_as_long_as_its_function_runs(
    new_storage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_trigger, "HIDDEN_SECONDS", 2)
    storage, probe = new_storage(), Probe(3.2)
    storage.queues.create_queue("long")
    storage.send("long", "one", encoded=False)
    async with QueueServiceClient.from_connection_string(storage.connection_string) as queues:
        listener = QueueListener(queues, "long", "long-poison", SETTINGS, probe.handle)
        await _run_until(listener, lambda: probe.handled)
    assert (probe.handled, probe.most_at_once) == (["one"], 1)
    assert storage.count("long") == 0


async def test_a_poison_queue_has_no_poison_queue_of_its_own(new_storage: Any) -> None:
    storage, probe = new_storage(), Probe(0, succeeds=False)
    storage.queues.create_queue("old-poison")
    storage.send("old-poison", "still bad", encoded=False)
    async with QueueServiceClient.from_connection_string(storage.connection_string) as queues:
        listener = QueueListener(queues, "old-poison", None, SETTINGS, probe.handle)
        await _run_until(listener, lambda: len(probe.handled) >= 4)
    assert [item.name for item in storage.queues.list_queues()] == ["old-poison"]
    assert storage.count("old-poison") == 1
