"""What Azure gets: the app indexes under Microsoft's worker, and local tools stay behind."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SETTINGS = {
    "AzureWebJobsStorage__accountName": "contoso",
    "DATAVERSE_URL": "https://contoso.crm4.dynamics.com",
    "ROUTING_KEY_CURRENT": "0123456789" * 4,
}
INDEX = """
import asyncio, json, sys
from types import SimpleNamespace
sys.path.insert(0, ".")
import azure_functions_runtime as runtime
from local.host import protos
async def main():
    request = SimpleNamespace(worker_init_request=SimpleNamespace(capabilities={}, function_app_directory="."))
    answer = await runtime.worker_init_request(
        SimpleNamespace(request=request, properties={"host": "127.0.0.1", "protos": protos}))
    if answer.result.status != 1:
        raise SystemExit(answer.result.exception.message)
    index = await runtime.functions_metadata_request(None)
    print(json.dumps({f.name: [json.loads(b) for b in f.raw_bindings] for f in index.function_metadata_results}))
asyncio.run(main())
"""


def indexed(**settings: str) -> "subprocess.CompletedProcess[str]":
    clean = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    return subprocess.run(
        [sys.executable, "-c", INDEX], cwd=ROOT, env=clean | settings, capture_output=True, text=True, check=False
    )


def test_the_app_indexes_under_microsofts_worker_with_azure_settings() -> None:
    answer = indexed(**SETTINGS)
    assert answer.returncode == 0, answer.stderr
    functions = json.loads(answer.stdout.splitlines()[-1])
    assert functions.keys() == {
        "smart_routing", "warmup", "import_schedule", "sweep_schedules", "report_failed_schedule",
        "refresh_number_index", "health", "health_details", "call_history", "search_calls", "callback_history",
        "sync_users", "sync_users_now", "sync_calls", "sync_calls_retroactively", "sync_callbacks", "callback_events",
        "create_ticket", "tend_tickets", "parked_tickets", "redrive_tickets",
    }  # fmt: skip
    (timer,) = functions["sweep_schedules"]
    assert timer["schedule"] == "0 */5 * * * *"
    (ticks,) = functions["refresh_number_index"]
    assert (ticks["type"], ticks["schedule"]) == ("timerTrigger", "15 * * * * *")
    (warm_up,) = functions["warmup"]
    assert warm_up["type"] == "warmupTrigger"
    (tending,) = functions["tend_tickets"]
    assert tending["schedule"] == "0 */5 * * * *"
    (tickets,) = functions["create_ticket"]
    assert (tickets["type"], tickets["queueName"]) == ("queueTrigger", "tickets")
    (poison,) = functions["report_failed_schedule"]
    assert poison["queueName"] == "webjobs-blobtrigger-poison"
    (blob,) = functions["import_schedule"]
    assert (blob["type"], blob["path"], blob["source"]) == ("blobTrigger", "schedules/{name}", "EventGrid")
    route = next(binding for binding in functions["smart_routing"] if binding["type"] == "httpTrigger")
    assert (route["route"], route["methods"], route["authLevel"].lower()) == ("smart-routing", ["POST"], "anonymous")


def test_the_source_of_the_blob_trigger_is_a_setting() -> None:
    answer = indexed(**SETTINGS, BLOB_TRIGGER_SOURCE="LogsAndContainerScan")
    (blob,) = json.loads(answer.stdout.splitlines()[-1])["import_schedule"]
    assert blob.get("source", "LogsAndContainerScan") == "LogsAndContainerScan"


def test_settings_that_cannot_work_are_all_named_when_the_app_is_indexed() -> None:
    answer = indexed(DATAVERSE_URL="contoso", DATAVERSE_AUTH="password")
    assert answer.returncode != 0
    assert "DATAVERSE_URL: " in answer.stderr
    assert "DATAVERSE_AUTH: " in answer.stderr


def test_the_package_for_azure_holds_the_app_alone() -> None:
    ignored = (ROOT / ".funcignore").read_text(encoding="utf-8").split()
    for name in ("local", "tests", "docs", "infra", "benchmarks", "node_modules", ".venv", "local.settings.json"):
        assert name in ignored
    for name in ("functions", "shared", "function_app.py", "host.json", "requirements.txt"):
        assert name not in ignored


def test_every_requirement_is_pinned_with_its_hash() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        text = (ROOT / name).read_text(encoding="utf-8")
        blocks = re.findall(r"^(\S+==\S+) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", text, re.MULTILINE)
        named = re.findall(r"^[a-z0-9][^\s=]*==", text, re.MULTILINE)
        assert len(blocks) == len(named) > 30
