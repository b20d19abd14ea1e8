"""The host as a whole: index the app, connect its triggers, run until it is told to stop."""

import asyncio
import logging
import os
import signal
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import azure_functions_runtime as runtime
from aiohttp import web
from azure.storage.blob.aio import BlobServiceClient

from local.host import worker
from local.host.bindings import Function, split_path
from local.host.blob_trigger import BlobFunction, BlobListener, blob_functions, run_for_blob
from local.host.errors import StartError
from local.host.execution import Executor
from local.host.http_server import HttpServer, RunByHand
from local.host.protos import TypedData
from local.host.queue_trigger import queue_listener, queue_metadata
from local.host.routes import RouteTable
from local.host.settings import HostSettings, load_settings_file, read_host_settings
from local.host.storage import HOST_CONNECTION, HOST_CONTAINER, Connections, ensure_container, ensure_queue
from local.host.timer_trigger import TimerListener

logger = logging.getLogger(__name__)


class Listener(Protocol):
    async def run(self, stop: asyncio.Event) -> None: ...


class Host:
    """The parts that one app needs; everything is connected and nothing is listening yet."""

    def __init__(self, functions: list[Function], settings: HostSettings, connections: Connections) -> None:
        self.functions = functions
        self.settings = settings
        self.connections = connections
        self.executor = Executor(connections, settings)
        self.routes = RouteTable(functions, settings.route_prefix)
        self.listeners: list[Listener] = []
        self.by_hand: dict[str, RunByHand] = {}

    async def connect(self) -> None:
        """Storage answers and holds what the triggers need; every trigger but HTTP has its listener."""
        for connection in sorted(_connections_of(self.functions)):
            await self.connections.check(connection)
        if any(function.kind in ("timerTrigger", "blobTrigger") for function in self.functions):
            await ensure_container(self.connections.blobs(HOST_CONNECTION), HOST_CONTAINER)
        for function in self.functions:
            if function.kind == "queueTrigger":
                await self._add_queue(function)
            elif function.kind == "timerTrigger":
                self._add_timer(function)
            elif function.kind == "warmupTrigger":
                self.by_hand[function.name] = lambda _text: self.warm_up()
        await self._add_blobs()

    async def warm_up(self) -> None:
        """The warm-up function, if there is one, has run; how it ended is in the log and stops nothing.

        Its trigger has no value and no metadata (WarmupTriggerBinding of azure-webjobs-sdk-extensions).
        """
        for function in self.functions:
            if function.kind == "warmupTrigger":
                await self.executor.run(function, TypedData(), {})

    async def _add_queue(self, function: Function) -> None:
        queues = self.connections.queues(function.trigger["connection"])
        listener = queue_listener(function, self.executor, queues, self.settings.queues)
        await ensure_queue(queues, listener.queue_name)
        self.listeners.append(listener)

        async def run(text: str) -> None:
            await self.executor.run(function, TypedData(string=text), queue_metadata(text))

        self.by_hand[function.name] = run

    def _add_timer(self, function: Function) -> None:
        blobs = self.connections.blobs(HOST_CONNECTION)
        listener = TimerListener(function, self.executor, blobs, self.settings.host_id)
        self.listeners.append(listener)
        self.by_hand[function.name] = lambda _text: listener.run_by_hand()

    async def _add_blobs(self) -> None:
        for connection, functions in blob_functions(self.functions).items():
            blobs = self.connections.blobs(connection)
            listener = BlobListener(functions, self.executor, blobs, self.connections.queues(connection), self.settings)
            await listener.prepare()
            self.listeners.append(listener)
            self.by_hand |= {item.function.name: self._blob_by_hand(item, blobs) for item in functions}

    def _blob_by_hand(self, function: BlobFunction, blobs: BlobServiceClient) -> RunByHand:
        async def run(text: str) -> None:
            _container, name = split_path(text)
            await run_for_blob(function, self.executor, blobs, name)

        return run


def _connections_of(functions: Iterable[Function]) -> set[str]:
    names = set()
    for function in functions:
        bindings = (function.trigger, *function.inputs, *function.outputs)
        names |= {str(binding["connection"]) for binding in bindings if "connection" in binding}
        if function.kind != "httpTrigger":
            names.add(HOST_CONNECTION)
    return names


async def serve(app_dir: Path, address: str, port: int, settings_file: Path | None, stop_seconds: float) -> int:
    """The app ran until SIGINT or SIGTERM, and what was running then for so many seconds at most; the exit code.

    Raises StartError when it cannot start.
    """
    stop = asyncio.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
    if settings_file is not None:
        load_settings_file(settings_file, os.environ)
    settings = read_host_settings(app_dir, os.environ)
    functions = [item for item in await worker.index(app_dir, os.environ) if not _is_disabled(item)]
    connections = Connections(os.environ)
    try:
        host = Host(functions, settings, connections)
        await host.connect()
        return await _run(host, address, port, stop, stop_seconds)
    finally:
        await connections.close()


async def _run(host: Host, address: str, port: int, stop: asyncio.Event, stop_seconds: float) -> int:
    server = HttpServer(host.functions, host.routes, host.executor, host.by_hand)
    runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=stop_seconds, auto_decompress=False)
    await runner.setup()
    try:
        await web.TCPSite(runner, address, port).start()
    except OSError as error:
        await runner.cleanup()
        raise StartError(f"Port {port} on {address} cannot be used: {error.strerror or error}.") from error
    stopping = asyncio.create_task(stop.wait())
    # As when Azure adds an instance: nobody is told that the app runs before it is warm.
    warming_up = asyncio.create_task(host.warm_up())
    await asyncio.wait([warming_up, stopping], return_when=asyncio.FIRST_COMPLETED)
    listeners = [asyncio.create_task(listener.run(stop)) for listener in host.listeners]
    server.is_running = True
    print(listing(host, f"http://{address}:{port}"), flush=True)
    await asyncio.wait([stopping, *listeners], return_when=asyncio.FIRST_COMPLETED)
    broken = [task for task in listeners if task.done() and not stop.is_set()]
    for task in broken:
        logger.error("A listener ended; the host stops.", exc_info=task.exception())
    stop.set()
    await stopping
    return await _drain(runner, server, [warming_up, *listeners], stop_seconds) or (1 if broken else 0)


async def _drain(
    runner: web.AppRunner, server: HttpServer, running: Sequence[asyncio.Task[None]], seconds: float
) -> int:
    """What runs has ended, or so many seconds have passed."""
    logger.info("Stopping: waiting for what runs, at most %g s", seconds)
    work = [*running, asyncio.create_task(server.finish()), asyncio.create_task(runner.cleanup())]
    _done, late = await asyncio.wait(work, timeout=seconds)
    if late:
        # Threads of the pool cannot be interrupted, and Python would wait for them at its end.
        logger.warning("Stopped while functions were still running")
        logging.shutdown()
        os._exit(0)
    runtime.stop_threadpool_executor()
    return 0


def listing(host: Host, url: str) -> str:
    """One line a function, as Core Tools prints them."""
    lines = ["", "Functions:", ""]
    for route in host.routes.routes:
        methods = ",".join(sorted(route.methods)) or "ANY"
        lines.append(f"\t{route.function.name}: [{methods}] {url}/{route.template}")
    for function in host.functions:
        trigger = function.trigger
        if function.kind != "httpTrigger":
            source = trigger.get("queueName") or trigger.get("path") or trigger.get("schedule") or ""
            lines.append(f"\t{function.name}: {function.kind} {source}".rstrip())
    return "\n".join([*lines, ""])


def _is_disabled(function: Function) -> bool:
    return os.environ.get(f"AzureWebJobs.{function.name}.Disabled", "").lower() in ("true", "1")
