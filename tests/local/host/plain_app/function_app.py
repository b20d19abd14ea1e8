"""An app whose host.json has the other choices: no route prefix, queue messages as plain text, two tries."""

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route(route="", methods=["GET"])
def root(req: func.HttpRequest) -> str:
    return "the root"


@app.route(methods=["GET"])
async def hello(req: func.HttpRequest) -> str:
    return "hello"


@app.queue_trigger(arg_name="message", queue_name="plain", connection="AzureWebJobsStorage")
@app.queue_output(arg_name="answer", queue_name="answers", connection="AzureWebJobsStorage")
def echo(message: func.QueueMessage, answer: func.Out[bytes]) -> None:
    text = message.get_body().decode()
    if text == "fail":
        raise ValueError(text)
    answer.set(f"{text} again".encode())
