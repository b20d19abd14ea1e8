"""`python -m local.tickets parked | redrive` over Azurite: what is parked is shown and sent back."""

import asyncio
import base64
from pathlib import Path

import pytest
from azure.storage.queue import QueueServiceClient

from functions.ticket_creation.use_case.parking import Parking, RefusedMessage
from local.tickets.__main__ import main
from shared.clock import utc_now
from shared.settings import Settings
from shared.storage.messages import open_messages
from shared.storage.tables import open_tables
from shared.ticket_queue import QUEUE
from shared.ticket_request import TicketRequest, as_message
from shared.tickets.ledger import TicketLedger
from tests.azurite import Azurite
from tests.unit.shared.tickets.tickets import call_id

NOBODY = (
    "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;"
    "QueueEndpoint=http://127.0.0.1:9/a;TableEndpoint=http://127.0.0.1:9/a;"
)

type Capture = pytest.CaptureFixture[str]


@pytest.fixture
def connection(azurite: Azurite, monkeypatch: pytest.MonkeyPatch) -> str:
    """An account that nobody has used, to which the settings lead."""
    account = azurite.fresh_account()
    monkeypatch.setenv("AzureWebJobsStorage", account)
    return account


def park(connection: str, *numbers: int) -> None:
    async def story() -> None:
        settings = Settings(AzureWebJobsStorage=connection, dataverse_url="https://contoso.crm4.dynamics.com")
        tables, messages = open_tables(settings), open_messages(settings)
        refused = [
            RefusedMessage(as_message(TicketRequest(version=1, call_id=call_id(number))), "rejected", "[no] queue")
            for number in numbers
        ]
        await Parking(TicketLedger(tables), messages, utc_now).park([*refused, RefusedMessage(b"x", "malformed", "no")])
        await tables.close()
        await messages.close()

    asyncio.run(story())


def queued(connection: str) -> list[bytes]:
    with QueueServiceClient.from_connection_string(connection) as service:
        found = service.get_queue_client(QUEUE).receive_messages(visibility_timeout=600)
        return sorted(base64.b64decode(each.content) for each in found)


def test_what_is_parked_is_shown_and_sent_back(connection: str, capsys: Capture) -> None:
    assert main(["parked"]) == 0
    assert capsys.readouterr().out.strip() == "No request is parked."
    park(connection, 1, 2, 3)
    assert main(["parked"]) == 0
    told = capsys.readouterr().out
    assert all(text in told for text in (call_id(1), call_id(3), "rejected", "[no] queue", "malformed", "(not told)"))
    assert main(["redrive", "--call-id", call_id(2).upper()]) == 0
    assert capsys.readouterr().out.strip() == "1 sent back to the queue, 3 still parked."
    assert queued(connection) == [as_message(TicketRequest(version=1, call_id=call_id(2)))]
    assert main(["parked"]) == 0
    assert call_id(2) not in capsys.readouterr().out


def test_all_are_sent_back(connection: str, capsys: Capture) -> None:
    park(connection, *range(40))
    assert main(["redrive"]) == 0
    assert capsys.readouterr().out.strip() == "41 sent back to the queue, 0 still parked."
    assert len(queued(connection)) == 41


def test_storage_that_does_not_answer_is_1(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setenv("AzureWebJobsStorage", NOBODY)
    assert main(["parked"]) == 1
    assert "Storage did not answer" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["redrive", "--call-id", " "], ["parked", "--settings", "nowhere.json"]])
def test_a_wrong_call_is_2(
    arguments: list[str], capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert capsys.readouterr().err
