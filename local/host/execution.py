"""One run of a function, whatever triggered it: inputs, the call, outputs, one line in the log for each end."""

import asyncio
import logging
import secrets
import time
import uuid

from local.host import worker
from local.host.bindings import Function
from local.host.protos import TypedData
from local.host.settings import HostSettings
from local.host.storage import Connections
from local.host.storage_bindings import read_inputs, write_outputs
from local.host.typed_data import Metadata, template_values
from local.host.worker import Outcome

logger = logging.getLogger(__name__)


class Executor:
    def __init__(self, connections: Connections, settings: HostSettings) -> None:
        self._connections = connections
        self._settings = settings

    async def run(
        self, function: Function, data: TypedData, metadata: Metadata, *, trace_parent: str = "", trace_state: str = ""
    ) -> Outcome:
        """The function ran once, its outputs are written, and the log says how it ended."""
        invocation_id = str(uuid.uuid4())
        logger.info("Executing Functions.%s (Id=%s)", function.name, invocation_id)
        started = time.perf_counter()
        trace = (child_trace_parent(trace_parent), trace_state)
        # In a task of its own, so that a CancelledError which leaks out of the app cannot end the listener.
        task = asyncio.create_task(self._invoke(function, invocation_id, data, metadata, trace))
        await asyncio.wait([task])
        outcome = Outcome(succeeded=False, error="CancelledError: ") if task.cancelled() else task.result()
        _report(function, invocation_id, outcome, round((time.perf_counter() - started) * 1000))
        return outcome

    async def _invoke(
        self, function: Function, invocation_id: str, data: TypedData, metadata: Metadata, trace: tuple[str, str]
    ) -> Outcome:
        values = template_values(metadata)
        try:
            inputs = {function.trigger["name"]: data} | await read_inputs(function, self._connections, values)
            outcome = await worker.call(function, invocation_id, inputs, metadata, *trace)
            if outcome.succeeded:
                base64_queues = self._settings.queues.base64
                await write_outputs(function, outcome.outputs, self._connections, values, base64_queues=base64_queues)
        except Exception as error:  # noqa: BLE001 - an input or output that fails is a failed run, whatever it raised
            return Outcome(succeeded=False, error=f"{type(error).__name__}: {error}")
        return outcome


def child_trace_parent(incoming: str) -> str:
    """A W3C traceparent under the caller's trace, or of a new one (https://www.w3.org/TR/trace-context/)."""
    parts = incoming.split("-")
    trace_id = parts[1] if len(parts) == 4 and len(parts[1]) == 32 else secrets.token_hex(16)
    return f"00-{trace_id}-{secrets.token_hex(8)}-01"


def _report(function: Function, invocation_id: str, outcome: Outcome, milliseconds: int) -> None:
    if outcome.succeeded:
        logger.info("Executed Functions.%s (Succeeded, Id=%s, %dms)", function.name, invocation_id, milliseconds)
        return
    details = f"\n{outcome.stack_trace.rstrip()}" if outcome.stack_trace else ""
    logger.error(
        "Executed Functions.%s (Failed, Id=%s, %dms): %s%s",
        function.name,
        invocation_id,
        milliseconds,
        outcome.error,
        details,
    )
