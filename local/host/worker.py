"""Microsoft's in-process worker behind two functions: index the app, call a function of it."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import azure_functions_runtime as runtime

from local.host import protos
from local.host.bindings import Function, function_from_index
from local.host.errors import StartError


@dataclass(frozen=True)
class Outcome:
    """How one invocation ended; `outputs` holds what it set, the return value under `$return`."""

    succeeded: bool
    error: str = ""
    stack_trace: str = ""
    outputs: Mapping[str, protos.TypedData] = field(default_factory=dict)


async def index(app_dir: Path, environ: Mapping[str, str]) -> list[Function]:
    """The functions of the app, in its order; raises StartError with the worker's own message.

    The app's folder is the current directory and the first entry of sys.path from here on. Once a process: the runtime
    keeps the functions in a module-level registry.
    """
    starting_dir = str(Path.cwd())
    sys.path[:] = [str(app_dir), *(entry for entry in sys.path if entry not in ("", starting_dir))]
    os.chdir(app_dir)
    runtime.start_threadpool_executor()
    try:
        answer = await runtime.worker_init_request(
            _request("worker_init_request", capabilities={}, function_app_directory=str(app_dir))
        )
    except SystemExit as error:
        raise StartError(f"The app ended the process while it was imported: SystemExit: {error}") from error
    if answer.result.status != protos.StatusResult.Success:
        raise StartError(answer.result.exception.message, answer.result.exception.stack_trace)
    indexed = (await runtime.functions_metadata_request(None)).function_metadata_results
    if not indexed:
        script = environ.get("PYTHON_SCRIPT_FILE_NAME") or "function_app.py"
        raise StartError(f"No functions were found: {app_dir / script} is missing or registers none.")
    return [function_from_index(item.name, item.function_id, item.raw_bindings, environ) for item in indexed]


async def call(
    function: Function,
    invocation_id: str,
    inputs: Mapping[str, protos.TypedData],
    metadata: Mapping[str, protos.TypedData],
    trace_parent: str,
    trace_state: str,
) -> Outcome:
    """The function has run once with these inputs; what it raised is in the outcome."""
    answer = await runtime.invocation_request(
        _request(
            "invocation_request",
            invocation_id=invocation_id,
            function_id=function.id,
            input_data=[protos.ParameterBinding(name=name, data=data) for name, data in inputs.items()],
            trigger_metadata=metadata,
            trace_context=SimpleNamespace(trace_parent=trace_parent, trace_state=trace_state, attributes={}),
            retry_context=SimpleNamespace(retry_count=0, max_retry_count=0, exception=None),
        )
    )
    if answer.result.status != protos.StatusResult.Success:
        exception = answer.result.exception
        return Outcome(succeeded=False, error=exception.message, stack_trace=exception.stack_trace)
    outputs = {binding.name: binding.data for binding in answer.output_data}
    if answer.return_value is not None:
        outputs["$return"] = answer.return_value
    return Outcome(succeeded=True, outputs=outputs)


def _request(kind: str, **payload: Any) -> SimpleNamespace:
    return SimpleNamespace(
        request=SimpleNamespace(**{kind: SimpleNamespace(**payload)}),
        properties={"host": "127.0.0.1", "protos": protos},
    )
