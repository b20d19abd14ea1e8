"""A small app of every trigger kind that the local host knows; the tests watch it through storage and HTTP."""

import asyncio
import json
import logging
import os
import time
from typing import List  # noqa: UP035 - the worker refuses the annotation Out[list[str]]

import azure.functions as func
from azure.functions.warmup import WarmUpContext

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
logger = logging.getLogger("scratch")


# --- HTTP


@app.route(route="items/{id:int?}", methods=["GET", "POST"])
async def items(req: func.HttpRequest) -> func.HttpResponse:
    seen = {
        "method": req.method,
        "url": req.url,
        "id": req.route_params.get("id"),
        "params": dict(req.params),
        "header": req.headers.get("X-Probe"),
        "names": sorted(req.headers),
        "body": req.get_body().decode(),
    }
    return func.HttpResponse(json.dumps(seen), status_code=201, mimetype="application/json", headers={"X-Answer": "42"})


@app.route(methods=["GET"])
def default_route(req: func.HttpRequest) -> str:
    logger.info("a line from the function")
    return f"text for {req.params.get('who', 'nobody')}"


@app.route(route="files/{*rest}", methods=["GET"], auth_level=func.AuthLevel.ADMIN)
def files(req: func.HttpRequest) -> str:
    return str(req.route_params.get("rest", "-"))


@app.route(route="files/readme", methods=["GET"])
def readme(req: func.HttpRequest) -> str:
    return "the literal route"


@app.route(route="fail")
def fail(req: func.HttpRequest) -> func.HttpResponse:
    raise ValueError("a failing function")


@app.route(route="nothing")
def nothing(req: func.HttpRequest) -> func.HttpResponse:
    return None  # type: ignore[return-value]


@app.route(route="cookies")
def cookies(req: func.HttpRequest) -> func.HttpResponse:
    response = func.HttpResponse("", status_code=200)
    response.headers.add("Set-Cookie", "one=1; Path=/v1; HttpOnly; SameSite=Lax; Max-Age=60")
    response.headers.add("Set-Cookie", "two=2; Expires=Fri, 01 Jan 2100 00:00:00 GMT; Secure")
    return response


@app.route(route="setting/{name}")
def setting(req: func.HttpRequest) -> str:
    return os.environ.get(req.route_params["name"], "")


@app.route(route="slow/{seconds}")
def slow(req: func.HttpRequest) -> str:
    time.sleep(float(req.route_params["seconds"]))
    return "done"


@app.route(route="context")
async def context_probe(req: func.HttpRequest, context: func.Context) -> str:
    return f"{context.function_name} {context.invocation_id} {context.trace_context.trace_parent}"


@app.route(route="fan-out", methods=["POST"])
@app.queue_output(arg_name="messages", queue_name="fanned", connection="AzureWebJobsStorage")
@app.blob_output(arg_name="copy", path="copies/{folder}/{rand-guid}.txt", connection="AzureWebJobsStorage")
def fan_out(req: func.HttpRequest, messages: func.Out[List[str]], copy: func.Out[str]) -> str:  # noqa: UP006
    messages.set(["one", "two", "three"])
    copy.set("a copy")
    return "sent"


# --- queues


@app.queue_trigger(arg_name="message", queue_name="%WORK_QUEUE%", connection="AzureWebJobsStorage")
@app.queue_output(arg_name="done", queue_name="done", connection="AzureWebJobsStorage")
@app.blob_output(arg_name="note", path="notes/{key}.json", connection="AzureWebJobsStorage")
@app.blob_input(
    arg_name="template", path="templates/{key}.txt", connection="AzureWebJobsStorage", data_type=func.DataType.STRING
)
async def work(
    message: func.QueueMessage, template: str, done: func.Out[str], note: func.Out[bytes], context: func.Context
) -> None:
    body = message.get_json()
    seen = {"key": body["key"], "count": message.dequeue_count, "id": message.id, "template": template}
    done.set(json.dumps(seen))
    note.set(json.dumps(seen).encode())


@app.queue_trigger(arg_name="message", queue_name="doomed", connection="AzureWebJobsStorage")
def doomed(message: func.QueueMessage) -> None:
    _note("tries-of-doomed", f"{message.get_body().decode()} {message.dequeue_count} {time.time():.3f}")
    raise RuntimeError("never works")


# --- timers


@app.timer_trigger(arg_name="timer", schedule="%TICK_SCHEDULE%")
def tick(timer: func.TimerRequest) -> None:
    _note("ticks", f"{timer.past_due} {time.time():.3f}")
    if os.environ.get("TICK_FAILS"):
        raise RuntimeError("a failing tick")


@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *")
def yearly(timer: func.TimerRequest) -> None:
    _note("years", json.dumps({"past_due": timer.past_due, "status": timer.schedule_status}))  # type: ignore[attr-defined]


@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *", run_on_startup=True, use_monitor=False)
async def at_start(timer: func.TimerRequest) -> None:
    _note("starts", str(timer.past_due))


# --- warm-up


@app.warm_up_trigger(arg_name="instance")
async def warmup(instance: WarmUpContext) -> None:
    _note("warm-ups", type(instance).__name__)
    await asyncio.sleep(float(os.environ.get("WARM_UP_SECONDS", "0")))
    _note("warm", type(instance).__name__)
    if os.environ.get("WARM_UP_FAILS"):
        raise RuntimeError("a failing warm-up")


# --- blobs


@app.blob_trigger(
    arg_name="blob", path="inbox/{name}", connection="AzureWebJobsStorage", source=func.BlobSource.EVENT_GRID
)
@app.blob_output(arg_name="copy", path="outbox/{name}", connection="AzureWebJobsStorage")
def copy_blob(blob: func.InputStream, copy: func.Out[bytes]) -> None:
    content = blob.read()
    _note("blobs", f"{blob.name} {len(content)} {blob.length}")
    copy.set(content)


@app.blob_trigger(arg_name="blob", path="incoming/{name}.csv", connection="AzureWebJobsStorage")
def failing_blob(blob: func.InputStream) -> None:
    _note("blob-tries", str(blob.name))
    raise RuntimeError("cannot read this file")


def _note(journal: str, line: str) -> None:
    """One line in a file that the test reads: how often and with what a function ran."""
    with open(os.path.join(os.environ["JOURNAL_DIR"], journal), "a", encoding="utf-8") as file:
        file.write(line + "\n")
