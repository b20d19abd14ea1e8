"""Changing the routing key in peace: what is sent against what is configured, at the function itself."""

import base64
import json
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import cache
from types import SimpleNamespace
from typing import cast

import azure.functions as func
import pytest

from functions.smart_routing.trigger import blueprint
from shared.config_documents import ConfigDocuments
from shared.dataverse.client import DataverseClient
from shared.gateways import Gateways
from shared.number_index.index import open_number_index
from shared.settings import Settings
from shared.storage.files import FileMissingError, Files, StoredFile
from shared.storage.messages import open_messages
from shared.storage.tables import open_tables

OLD = "old-key-0123456789-0123456789-0123456789"
NEW = "new-key-0123456789-0123456789-0123456789"
REFERENCE = "@Microsoft.KeyVault(SecretUri=https://vault.example.test/secrets/routing-key)"
USER = "enreach"

MATRIX = """
sent                    | old only | old + new | new only | none valid
old key                 | pass     | pass      | 401      | 401
new key                 | 401      | pass      | pass     | 401
wrong key               | 401      | 401       | 401      | 401
header missing          | 401      | 401       | 401      | 401
non-ASCII key           | 401      | 401       | 401      | 401
10 kB key               | 401      | 401       | 401      | 401
unresolved reference    | 401      | 401       | 401      | 401
"""
BESIDE_THE_MATRIX = """
sent                    | old only | old + new | new only | none valid
empty string            | 401      | 401       | 401      | 401
old key after a space   | 401      | 401       | 401      | 401
new key before a space  | 401      | 401       | 401      | 401
non-ASCII bytes         | 401      | 401       | 401      | 401
31 characters           | 401      | 401       | 401      | 401
"""

SENT: dict[str, str | None] = {
    "old key": OLD,
    "new key": NEW,
    "wrong key": "wrong-key-0123456789-0123456789-0123456789",
    "header missing": None,
    "non-ASCII key": "kéy-ключ-0123456789-0123456789-0123456789",
    "10 kB key": "k" * 10_240,
    "unresolved reference": REFERENCE,
    "empty string": "",
    "old key after a space": f" {OLD}",
    "new key before a space": f"{NEW} ",
    "non-ASCII bytes": "k\udcc3\udca9y" * 10,  # how a server may hand on bytes that are no text
    "31 characters": "k" * 31,
}


def keys(current: str, later: str) -> dict[str, str]:
    return {"routing_key_current": current, "routing_key_next": later}


CONFIGURED: dict[str, dict[str, dict[str, str]]] = {
    "old only": {"alone": {"routing_key_current": OLD}, "beside an empty one": keys(OLD, "")},
    "old + new": {"new is next": keys(OLD, NEW), "new is current": keys(NEW, OLD)},
    "new only": {"alone": {"routing_key_current": NEW}, "still next": {"routing_key_next": NEW}},
    "none valid": {
        "missing": {},
        "empty": keys("", ""),
        "too short": keys("k" * 31, "k" * 31),
        "unresolved": keys(REFERENCE, REFERENCE),
    },
}


def cells(table: str) -> list[tuple[str, str, str]]:
    """What is sent, what is configured, what comes of it."""
    (_, *columns), *rows = ([cell.strip() for cell in line.split("|")] for line in table.strip().splitlines())
    return [(sent, column, cell) for sent, *row in rows for column, cell in zip(columns, row, strict=True)]


CELLS = [
    pytest.param(SENT[sent], settings, cell == "pass", id=f"{sent}, {column} ({form}): {cell}")
    for sent, column, cell in cells(MATRIX) + cells(BESIDE_THE_MATRIX)
    for form, settings in CONFIGURED[column].items()
]


class OneRule:
    """A container `config` with a rule that sends every call away."""

    async def version(self, container: str, name: str) -> str:
        if name != "routing.json":
            raise FileMissingError(name)
        return "1"

    async def read(self, container: str, name: str, *, max_bytes: int) -> StoredFile:
        document = {"rules": [{"name": "all", "then": {"target": "DISCONNECT:"}}]}
        return StoredFile(json.dumps(document).encode(), "1", datetime(2026, 1, 1, tzinfo=UTC))


@cache
def settings_with(*configured: tuple[str, str]) -> Settings:
    """To read settings takes ten times as long as to answer a question."""
    environment = {
        "AzureWebJobsStorage": "UseDevelopmentStorage=true",
        "dataverse_url": "http://127.0.0.1:1",
        "dataverse_auth": "development",
        "routing_basic_user": USER,
        **dict(configured),
    }
    return Settings.model_validate(environment)


async def answer(configured: dict[str, str], **headers: str | None) -> func.HttpResponse:
    """What an app with these settings answers to a question with these headers."""
    settings, files = settings_with(*configured.items()), OneRule()
    gateways = Gateways(
        settings=settings,
        dataverse=cast(
            DataverseClient, SimpleNamespace(breaker_state="closed", keep_warm=None)
        ),  # the rule asks nothing
        files=cast(Files, files),
        documents=ConfigDocuments(files),
        tables=open_tables(settings),
        messages=open_messages(settings),
        number_index=open_number_index(settings, open_tables(settings)),
    )
    app = func.FunctionApp()
    app.register_functions(blueprint(gateways))
    (function,) = [each for each in app.get_functions() if each.get_function_name() == "smart_routing"]
    route = cast(Callable[[func.HttpRequest], Awaitable[func.HttpResponse]], function.get_user_function())
    sent = {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
    question = b'{"anum": "+358504545641", "bnum": "+35840675644"}'
    return await route(func.HttpRequest("POST", "/api/smart-routing", headers=sent, body=question))


def basic(password: str | None, user: str = USER) -> str | None:
    if password is None:
        return None
    return "Basic " + base64.b64encode(f"{user}:{password}".encode(errors="surrogateescape")).decode()


def check(response: func.HttpResponse, passes: bool) -> None:
    if passes:
        assert (response.status_code, json.loads(response.get_body())) == (200, {"InitialTarget": "DISCONNECT:"})
    else:
        assert (response.status_code, response.get_body()) == (401, b"")


def test_the_matrix_has_28_cells_and_four_pass() -> None:
    assert len(cells(MATRIX)) == 28
    assert [cell for *_, cell in cells(MATRIX)].count("pass") == 4


@pytest.mark.parametrize(("sent", "configured", "passes"), CELLS)
async def test_key_in_the_header(sent: str | None, configured: dict[str, str], passes: bool) -> None:
    check(await answer(configured, X_Benemen_APIKey=sent), passes)


@pytest.mark.parametrize(("sent", "configured", "passes"), CELLS)
async def test_key_as_the_password_of_basic(sent: str | None, configured: dict[str, str], passes: bool) -> None:
    check(await answer(configured, Authorization=basic(sent)), passes)


@pytest.mark.parametrize(("sent", "configured", "passes"), CELLS)
async def test_key_of_another_user_never_passes(sent: str | None, configured: dict[str, str], passes: bool) -> None:
    for user in ("", "Enreach", "somebody"):
        check(await answer(configured, Authorization=basic(sent, user)), False)


@pytest.mark.parametrize(("sent", "configured", "passes"), CELLS)
async def test_key_in_one_place_is_enough(sent: str | None, configured: dict[str, str], passes: bool) -> None:
    wrong = SENT["wrong key"]
    check(await answer(configured, X_Benemen_APIKey=sent, Authorization=basic(wrong)), passes)
    check(await answer(configured, X_Benemen_APIKey=wrong, Authorization=basic(sent)), passes)


@pytest.mark.parametrize("form", CONFIGURED["none valid"])
async def test_with_no_valid_key_both_are_named_and_no_value_is(form: str, caplog: pytest.LogCaptureFixture) -> None:
    configured = CONFIGURED["none valid"][form]
    for value in ("", *configured.values()):
        check(await answer(configured, X_Benemen_APIKey=value, Authorization=basic(value)), False)
    warnings = " ".join(each.getMessage() for each in caplog.records if each.levelno == logging.WARNING)
    assert "ROUTING_KEY_CURRENT" in warnings
    assert "ROUTING_KEY_NEXT" in warnings
    assert "vault.example.test" not in warnings
    assert "kkk" not in warnings
