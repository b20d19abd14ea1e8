"""Documents and calls as the tests of triggers need them."""

import json
from typing import Any

from functions.ticket_creation.rules import Condition, TicketTriggers
from shared.config_documents import json_document
from shared.ticket_request import TicketRequest

CALL_ID = "0b9d6e5e-3c0c-4b0e-8d8c-0c8c5b7d1f2a"


def read(document: object) -> TicketTriggers:
    """The document as the app reads it."""
    return json_document(TicketTriggers)(json.dumps(document).encode())


def condition(field: str, operator: str, value: object) -> Condition:
    """One condition, read as a part of a document."""
    written = {"field": field, "operator": operator, "value": value}
    document = {"triggers": [{"name": "t", "all": [written], "configuration": "c"}], "configurations": {"c": {}}}
    return read(document).triggers[0].all_of[0]


def triggers(*given: dict[str, Any], configurations: tuple[str, ...] = ("Case",), **more: Any) -> TicketTriggers:
    """A document with these triggers; each is named by its position and uses the first configuration unless it says
    otherwise."""
    named = [{"name": f"t{number}", "configuration": configurations[0], **each} for number, each in enumerate(given, 1)]
    return read({"triggers": named, "configurations": {name: {} for name in configurations}, **more})


def request(**values: Any) -> TicketRequest:
    """A request of a call with these keys, by their names in JSON."""
    return TicketRequest.model_validate_json(json.dumps({"version": 1, "callId": CALL_ID, **values}), by_alias=True)
