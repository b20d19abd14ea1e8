"""Somebody asks what became of a callback request, through the host.

The rows are put into storage as docs/operations.md and the ledger's own description of its layout say.
"""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.data.tables import UpdateMode

from tests.e2e.doors import Stack

REQUEST = "0c3f7a10-2b1d-4f6e-8a57-3d1c5e9b7a20"
NOW = datetime.now(UTC)


def remember(stack: Stack, callback_id: str, **changes: Any) -> dict[str, Any]:
    """Put the row of a request into storage. Returns how it should be told."""
    updated = NOW - timedelta(minutes=2)
    row = {
        "profile": "Sales",
        "outcome": "queued",
        "reason": "A phone call was put into the queue.",
        "phoneCallId": str(uuid.UUID(int=7)),
        "queueId": str(uuid.UUID(int=8)),
        "done": True,
        "closed": True,
        **changes,
    }
    row = {name: value for name, value in row.items() if value is not None}
    stack.tables.create_table_if_not_exists("idempotency").upsert_entity(
        {
            "PartitionKey": f"callback-{callback_id[0]}",
            "RowKey": callback_id,
            "created": NOW - timedelta(hours=1),
            "updated": updated,
            **row,
        },
        UpdateMode.REPLACE,
    )
    told = {name: row.get(name) for name in ("profile", "outcome", "reason", "phoneCallId", "queueId", "closed")}
    return {"callbackId": callback_id, **told, "updated": f"{updated:%Y-%m-%dT%H:%M:%SZ}"}


def history(stack: Stack, text: str) -> tuple[int, Any]:
    answer = stack.http.get(f"{stack.functions_url}/api/callbacks/{text}")
    return answer.status_code, answer.json()


@pytest.mark.parametrize("spelling", [REQUEST, f"%7B{REQUEST.upper()}%7D", REQUEST.replace("-", "")])
def test_a_request_is_told_by_its_id_in_any_spelling(stack: Stack, spelling: str) -> None:
    told = remember(stack, REQUEST)
    assert history(stack, spelling) == (200, told)


def test_a_request_that_waits_has_no_phone_call(stack: Stack) -> None:
    waiting = {"outcome": "waiting", "reason": "The queue is not there.", "phoneCallId": None, "queueId": None}
    told = remember(stack, REQUEST, **waiting, done=False, closed=False)
    assert (told["phoneCallId"], told["queueId"]) == (None, None)
    assert history(stack, REQUEST) == (200, told)


def test_an_unknown_request_is_not_found_and_blank_text_is_no_id(stack: Stack) -> None:
    for text, status in (("7d0b9f6c-1c37-5a57-9a51-0f8b6f0e6a11", 404), ("CB-4711", 404), ("%20", 400)):
        found, problem = history(stack, text)
        assert (found, problem["status"]) == (status, status), text
