r"""The OpenAPI description of the routing webhook against the running stack.

Schemathesis draws questions from the description, valid and invalid ones, sends them over HTTP and holds every answer
to it. `SCHEMATHESIS_REQUESTS` says how many at least; 10,000 take about five minutes:

    SCHEMATHESIS_REQUESTS=10000 .venv/bin/python -m pytest tests/e2e/test_smart_routing_contract.py \
        -k drawn -s
"""

import base64
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.doors import ROOT, Stack
from tests.openapi import PATH, document, operation, questions

DRAWN = int(os.environ.get("SCHEMATHESIS_REQUESTS", "300"))
OTHER_METHOD = {404, 405}
"""The platform's answers to another method than POST."""


def key_header() -> str:
    return str(document()["components"]["securitySchemes"]["apiKey"]["name"])


def drawn_requests(stack: Stack, folder: Path) -> "tuple[subprocess.CompletedProcess[str], list[dict[str, Any]]]":
    """Let schemathesis ask. Returns how it ended, and every request with its answer (HAR entries)."""
    archive = folder / "requests.har"
    command = [
        *(sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()", "run", str(PATH)),
        *("--url", stack.functions_url, "-H", f"{key_header()}: {stack.routing_key}"),
        # What it drew before is not sent again; the more it has drawn, the less is new, in the end about half.
        *(
            "-n",
            str(DRAWN * 2 if DRAWN <= 1_000 else DRAWN * 5 // 2),
            "--generation-unique-inputs",
            "--continue-on-failure",
            "--no-color",
        ),
        # It wants 405 for another method; which of both answers there is, is the platform's affair.
        *("--exclude-checks", "unsupported_method,allow_header_conformance"),
        *("--generation-database", "none", "--report", "har", "--report-har-path", str(archive)),
    ]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    entries: list[dict[str, Any]] = json.loads(archive.read_text(encoding="utf-8"))["log"]["entries"]
    return ended, entries


@pytest.mark.timeout(120 + DRAWN // 10)
def test_every_answer_to_drawn_requests_is_one_of_the_description(stack: Stack, tmp_path: Path) -> None:
    ended, entries = drawn_requests(stack, tmp_path)
    posts = Counter(each["response"]["status"] for each in entries if each["request"]["method"] == "POST")
    others = Counter(each["response"]["status"] for each in entries if each["request"]["method"] != "POST")
    sys.stdout.write(f"{posts.total()} questions: {dict(posts)}; other methods: {dict(others)}\n")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert posts.keys() == {int(status) for status in operation()["responses"]}  # none else, and each of them was seen
    assert others.keys() <= OTHER_METHOD
    assert posts.total() >= DRAWN
    assert posts[400] > DRAWN / 20
    assert posts[204] + posts[200] > DRAWN / 2


def test_the_examples_are_answered_as_the_description_says(stack: Stack) -> None:
    statuses = {name: stack.route(**question).status_code for name, question in questions().items()}
    assert statuses == {"caller": 200, "everything": 204, "withheld": 200, "unknownKeys": 204}


def test_basic_is_the_other_way_in(stack: Stack) -> None:
    settings = json.loads((ROOT / "local.settings.example.json").read_text(encoding="utf-8"))["Values"]
    url = f"{stack.functions_url}/api/smart-routing"
    for password, status in ((stack.routing_key, 200), (stack.routing_key[:-1], 401)):
        credentials = base64.b64encode(f"{settings['ROUTING_BASIC_USER']}:{password}".encode()).decode()
        headers = {"Authorization": f"Basic {credentials}"}
        assert stack.http.post(url, json=questions()["caller"], headers=headers).status_code == status


def test_a_refusal_is_empty_and_names_the_challenge(stack: Stack) -> None:
    answer = stack.route(key="wrong", **questions()["caller"])
    assert (answer.status_code, answer.content) == (401, b"")
    wanted = operation()["responses"]["401"]["headers"]["WWW-Authenticate"]["schema"]["const"]
    assert answer.headers["WWW-Authenticate"] == wanted


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", "image/png", "?"])
def test_the_content_type_is_not_looked_at(stack: Stack, content_type: str | None) -> None:
    headers = {key_header(): stack.routing_key} | ({"Content-Type": content_type} if content_type else {})
    content = json.dumps(questions()["caller"]).encode()
    answer = stack.http.post(f"{stack.functions_url}/api/smart-routing", content=content, headers=headers)
    assert answer.status_code == 200


@pytest.mark.parametrize(("length", "status"), [(8192, 204), (8193, 400), (1_000_000, 400)])
def test_a_body_may_have_8_kb(stack: Stack, length: int, status: int) -> None:
    start = b'{"bnum": "1", "x": "'
    assert stack.route(content=start + b"x" * (length - len(start) - 2) + b'"}').status_code == status
    assert stack.route(content=b"x" * length).status_code == 400


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_another_method_is_the_platforms_affair(stack: Stack, method: str) -> None:
    answer = stack.http.request(
        method, f"{stack.functions_url}/api/smart-routing", headers={key_header(): stack.routing_key}
    )
    assert answer.status_code in OTHER_METHOD
