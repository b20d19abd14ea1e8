"""Somebody asks what became of a call, through the host: by its id, by number and by agent.

The rows are put into storage as docs/operations.md and the ledger's own description of its layout say.
"""

import hmac
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.data.tables import TableClient, TableServiceClient, UpdateMode

from tests.e2e.doors import ROOT, Stack

KEY = json.loads((ROOT / "local.settings.example.json").read_text(encoding="utf-8"))["Values"]["CUSTOMER_ID_KEY"]
NUMBER = "+358504545641"
AGENT = "asa.lindqvist@nordic-care.example"
CALL = "d59d7a2f-5d0b-4a0c-9a3f-0d7a3b6c1e11"
CASE = "7d0b9f6c-1c37-5a57-9a51-0f8b6f0e6a11"
LINK = f"https://contoso.crm4.dynamics.com/main.aspx?etn=incident&id={CASE}"
NOW = datetime.now(UTC)


def digest(kind: str, text: str) -> str:
    return hmac.new(KEY.encode(), f"call history: {kind}\0{text}".encode(), "sha256").hexdigest()[:32]


def link(tables: TableServiceClient, call_id: str, started: datetime, **found_by: str) -> dict[str, Any]:
    """Put the rows of a case into storage that was made from a call. Returns how it should be told."""
    table = tables.create_table_if_not_exists("idempotency")
    digests = {kind: digest(kind, text) for kind, text in found_by.items()}
    keys = " ".join(f"{kind[0]}{text}" for kind, text in digests.items())
    row = {"PartitionKey": f"call-{call_id[0]}", "RowKey": f"{call_id}-case-{CASE}"}
    table.upsert_entity({**row, "link": LINK, "started": started, "foundBy": keys})
    index(table, call_id, started, digests)
    return {"id": CASE, "link": LINK}


def index(table: TableClient, call_id: str, started: datetime, digests: dict[str, str]) -> None:
    countdown = 99999999999999 - int(f"{started:%Y%m%d%H%M%S}")
    for kind, text in digests.items():
        partition = f"calls-of-{kind}-{started:%Y%m}-{text[0]}"
        table.upsert_entity({"PartitionKey": partition, "RowKey": f"{text}-{countdown:014}-{call_id}"})


def remember(tables: TableServiceClient, call_id: str, started: datetime, **found_by: str) -> dict[str, Any]:
    """Put the rows of a call into storage. Returns how it should be told."""
    table = tables.create_table_if_not_exists("idempotency")
    digests = {kind: digest(kind, text) for kind, text in found_by.items()}
    updated = started + timedelta(minutes=2)
    table.upsert_entity(
        {
            "PartitionKey": f"call-{call_id[0]}",
            "RowKey": call_id,
            "outcome": "logged",
            "reason": "A phone call was written.",
            "phoneCallId": str(uuid.UUID(int=7)),
            "done": True,
            "started": started,
            "firstSeen": started,
            "updated": updated,
            "foundBy": " ".join(f"{kind[0]}{text}" for kind, text in digests.items()),
        },
        UpdateMode.REPLACE,
    )
    index(table, call_id, started, digests)
    return {
        "callId": call_id,
        "outcome": "logged",
        "reason": "A phone call was written.",
        "phoneCallId": str(uuid.UUID(int=7)),
        "cases": [],
        "ticketRequest": None,
        "tickets": [],
        "updated": f"{updated:%Y-%m-%dT%H:%M:%SZ}",
    }


def history(stack: Stack, text: str) -> tuple[int, Any]:
    answer = stack.http.get(f"{stack.functions_url}/api/calls/{text}")
    return answer.status_code, answer.json()


def search(stack: Stack, **body: str) -> tuple[int, Any]:
    answer = stack.http.post(f"{stack.functions_url}/api/calls/search", json=body)
    return answer.status_code, answer.json()


@pytest.mark.parametrize(
    "spelling", [CALL, CALL.upper(), f"%7B{CALL}%7D", f"{{{CALL.upper()}}}", CALL.replace("-", "")]
)
def test_a_call_is_told_by_its_id_in_any_spelling(stack: Stack, spelling: str) -> None:
    told = remember(stack.tables, CALL, NOW - timedelta(hours=1))
    case = link(stack.tables, CALL, NOW - timedelta(hours=1))
    assert history(stack, spelling) == (200, {**told, "cases": [case]})


def test_a_call_that_call_sync_never_saw_is_told_with_its_case(stack: Stack) -> None:
    number, agent, call = "+358501234567", "olli.unseen@nordic-care.example", str(uuid.uuid4())
    told = {
        "callId": call,
        "outcome": None,
        "reason": "call sync has not seen the call",
        "phoneCallId": None,
        "cases": [link(stack.tables, call, NOW - timedelta(hours=1), number=number, agent=agent)],
        "ticketRequest": None,
        "tickets": [],
        "updated": None,
    }
    assert history(stack, call) == (200, told)
    assert search(stack, number=number) == search(stack, agent=agent) == (200, [told])


def test_an_unknown_call_is_not_found_and_other_text_is_no_id(stack: Stack) -> None:
    for text, status in ((CALL, 404), ("search", 400), ("x", 400), (f"%7B{CALL}", 400), ("%2F", 400)):
        found, problem = history(stack, text)
        assert (found, problem["status"]) == (status, status), text


def test_calls_are_found_by_number_and_agent_the_newest_first(stack: Stack) -> None:
    calls = [
        remember(stack.tables, str(uuid.uuid4()), NOW - timedelta(days=days), number=NUMBER, agent=AGENT)
        for days in (0, 3, 40)
    ]
    other = remember(stack.tables, str(uuid.uuid4()), NOW - timedelta(days=1), agent=AGENT)
    assert search(stack, number="050 454 5641") == (200, calls)
    assert search(stack, agent=AGENT.upper()) == (200, [calls[0], other, *calls[1:]])
    assert search(stack, number=NUMBER, agent=AGENT) == (200, calls)
    since = f"{NOW - timedelta(days=10):%Y-%m-%d}"
    assert search(stack, number=NUMBER, **{"from": since}) == (200, calls[:2])
    assert search(stack, number="+358501231234") == (200, [])


def test_a_search_for_nobody_is_refused(stack: Stack) -> None:
    status, problem = search(stack)
    assert (status, problem["detail"]) == (400, "number or agent is needed")
    assert search(stack, number="nobody")[0] == 400
