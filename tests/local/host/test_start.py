"""What stops the host: apps that cannot be indexed, missing storage, taken ports; and how it ends when told to."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.host.bindings import function_from_index
from local.host.errors import StartError
from local.host.settings import load_settings_file, read_host_settings
from local.stack.ports import free_port

ROOT = Path(__file__).resolve().parents[3]
HOST_JSON = '{"version": "2.0"}'
HEAD = "import azure.functions as func\napp = func.FunctionApp()\n"
HTTP = '@app.route(route="{0}")\ndef {0}(req: func.HttpRequest) -> str:\n    return ""\n'

Start = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Runs the host on an app with this source until it ends by itself."""

    def run(source: str | None, environment: dict[str, str] | None = None, port: int | None = None) -> Any:
        (tmp_path / "host.json").write_text(HOST_JSON)
        if source is not None:
            (tmp_path / "function_app.py").write_text(source)
        environ = {name: value for name, value in os.environ.items() if name != "AzureWebJobsStorage"}
        return subprocess.run(
            [sys.executable, "-m", "local.host", "--app", tmp_path, "--port", str(port or free_port())],
            cwd=ROOT,
            env={**environ, **(environment or {})},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    return run


UNUSABLE: dict[str, tuple[str | None, str]] = {
    "a module is missing": (
        "import no_such_module\n",
        "ModuleNotFoundError: No module named 'no_such_module'. Cannot find module.",
    ),
    "an error while the app is imported": (
        "raise RuntimeError('settings: DATAVERSE_URL is missing')\n",
        "RuntimeError: settings: DATAVERSE_URL is missing",
    ),
    "no app object": (
        "x = 1\n",
        "ValueError: Could not find top level function app instances in function_app.py.",
    ),
    "two app objects": (
        HEAD + "second = func.FunctionApp()\n",
        "ValueError: More than one FunctionApp or other top level function app instances are defined.",
    ),
    "two functions of one name": (
        HEAD + HTTP.format("twin") + HTTP.format("twin"),
        "ValueError: Function twin does not have a unique function name.",
    ),
    "a binding name that no parameter has": (
        HEAD + '@app.route(route="f")\ndef f(request: func.HttpRequest) -> str:\n    return ""\n',
        "FunctionLoadError: cannot load the f function: the following parameters are declared in Python "
        "but not in the function definition",
    ),
    "a return type that HTTP does not have": (
        HEAD + '@app.route(route="f")\ndef f(req: func.HttpRequest) -> dict:\n    return {}\n',
        'Python return annotation "dict" does not match binding type "http"',
    ),
    "no trigger": (
        HEAD + '@app.queue_output(arg_name="o", queue_name="q", connection="c")\ndef f(o: func.Out[str]): ...\n',
        "ValueError: Function f does not have a trigger.",
    ),
    "an app without functions": (HEAD, "No functions were found"),
    "no function_app.py": (None, "function_app.py is missing or registers none."),
    "the app ends the process": ("raise SystemExit('bye')\n", "SystemExit: bye"),
}
"""Apps that cannot be indexed: function_app.py, and what is said of it."""


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str]]:
    """Exit code and standard error of the host on each of UNUSABLE, from many_hosts.py."""
    folder = tmp_path_factory.mktemp("unusable")
    for number, (source, _) in enumerate(UNUSABLE.values()):
        app = folder / str(number)
        app.mkdir()
        (app / "host.json").write_text(HOST_JSON)
        if source is not None:
            (app / "function_app.py").write_text(source)
    apps = [str(folder / str(number)) for number in range(len(UNUSABLE))]
    environ = {name: value for name, value in os.environ.items() if name != "AzureWebJobsStorage"}
    command = [sys.executable, "-m", "tests.local.host.many_hosts", str(free_port()), *apps]
    said = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=True)
    codes = json.loads(said.stdout)
    return {
        name: (code, (Path(app) / "stderr").read_text()) for name, code, app in zip(UNUSABLE, codes, apps, strict=True)
    }


@pytest.mark.parametrize("name", UNUSABLE)
def test_an_app_that_cannot_be_indexed_stops_the_start_with_the_workers_message(
    ends: dict[str, tuple[int, str]], name: str
) -> None:
    code, error = ends[name]
    assert code == 2
    assert UNUSABLE[name][1] in error.partition("The functions host cannot start. ")[2]


def test_the_app_folder_alone_is_where_its_modules_come_from(start: Start, tmp_path: Path) -> None:
    (tmp_path / "neighbour.py").write_text("")
    ended = start("import neighbour\nimport tests.local.host.test_start\n")
    assert "No module named 'tests" in ended.stderr


QUEUE_APP = HEAD + (
    '@app.queue_trigger(arg_name="m", queue_name="q", connection="AzureWebJobsStorage")\n'
    "def f(m: func.QueueMessage) -> None: ...\n"
)


def test_a_missing_connection_is_named(start: Start) -> None:
    ended = start(QUEUE_APP)
    assert (ended.returncode, "Traceback" in ended.stderr) == (2, False)
    assert "The setting AzureWebJobsStorage is missing" in ended.stderr


def test_a_malformed_connection_is_named(start: Start) -> None:
    ended = start(QUEUE_APP, {"AzureWebJobsStorage": "nonsense"})
    assert (ended.returncode, "Traceback" in ended.stderr) == (2, False)
    assert "The setting AzureWebJobsStorage is not a usable connection string" in ended.stderr


def test_storage_that_does_not_answer_is_named(start: Start, azurite: Any) -> None:
    nowhere = azurite.connection_string("scratch0").replace(str(azurite.ports[0]), str(free_port()))
    ended = start(QUEUE_APP, {"AzureWebJobsStorage": nowhere})
    assert (ended.returncode, "Traceback" in ended.stderr) == (2, False)
    assert "(setting AzureWebJobsStorage) does not answer" in ended.stderr


def test_a_taken_port_is_one_sentence(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        ended = start(HEAD + HTTP.format("f"), port=port)
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"The functions host cannot start. Port {port} on 127.0.0.1 cannot be used:")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("binding", "message"),
    [
        pytest.param('{"type": "eventHubTrigger"}', "eventHubTrigger binding, which the local host", id="unsupported"),
        pytest.param('{"type": "timerTrigger", "schedule": "%NOT_SET%"}', "'%NOT_SET%' does not resolve", id="setting"),
    ],
)
def test_a_binding_that_the_host_cannot_serve_is_named(binding: str, message: str) -> None:
    with pytest.raises(StartError, match=message):
        function_from_index("f", "id", [binding], {})


@pytest.mark.parametrize("text", ["{", "[]", '{"extensions": {"queues": {"visibilityTimeout": "soon"}}}'])
def test_a_malformed_host_json_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "host.json").write_text(text)
    with pytest.raises(StartError, match=r"host\.json"):
        read_host_settings(tmp_path, {})


def test_a_missing_host_json_is_named(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"host\.json does not exist"):
        read_host_settings(tmp_path, {})


def test_the_defaults_of_host_json_are_those_of_the_real_host(tmp_path: Path) -> None:
    (tmp_path / "host.json").write_text(HOST_JSON)
    settings = read_host_settings(tmp_path, {})
    queues = settings.queues
    assert (settings.route_prefix, settings.poison_blob_threshold) == ("api", 5)
    assert (queues.batch_size, queues.visibility_timeout, queues.max_dequeue_count, queues.base64) == (16, 0, 5, True)


def test_values_that_are_not_text_are_named(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text('{"Values": {"A": "1", "B": 2}}')
    with pytest.raises(StartError, match="these are not: B"):
        load_settings_file(file, {})


def test_a_stop_waits_for_what_runs(start_host: Any, new_storage: Any, eventually: Any) -> None:
    host = start_host("scratch_app", new_storage())
    answers: list[str] = []
    call = threading.Thread(target=lambda: answers.append(host.client.get(f"{host.url}/v1/slow/1.2").text))
    call.start()
    eventually(lambda: "Executing Functions.slow" in host.log)
    host.process.send_signal(signal.SIGTERM)
    assert host.process.wait(10) == 0
    call.join()
    assert answers == ["done"]
    assert "Stopping: waiting for what runs, at most 5 s" in host.log


def test_a_stop_does_not_wait_for_ever(start_host: Any, new_storage: Any, eventually: Any) -> None:
    host = start_host("scratch_app", new_storage(), stop_seconds=1)
    with socket.create_connection(("127.0.0.1", int(host.url.rsplit(":", 1)[1]))) as caller:
        caller.sendall(b"GET /v1/slow/30 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        eventually(lambda: "Executing Functions.slow" in host.log)
        host.process.send_signal(signal.SIGINT)
        assert host.process.wait(4) == 0
    assert "Stopped while functions were still running" in host.log


def test_a_storage_outage_is_logged_and_survived(start_host: Any, own_azurite: Any, eventually: Any) -> None:
    connection = own_azurite.connection_string("scratch0")
    host = start_host("plain_app", None, {"AzureWebJobsStorage": connection})
    own_azurite.stop()
    eventually(lambda: "Queue plain: storage does not answer" in host.log)
    assert host.client.get(f"{host.url}/hello").text == "hello"
    own_azurite.start()
    eventually(lambda: "Queue plain: storage answers again" in host.log)
    assert host.log.count("storage does not answer") == 1
