"""The JSON Schemas of configuration documents and messages. `make schemas` writes them; a test holds them fresh."""

import json
from pathlib import Path

from pydantic import BaseModel

from functions.call_sync.rules import CallSync
from functions.callback_sync.rules import CallbackProfiles
from functions.schedule_import.profile import SiteProfile
from functions.smart_routing.rules import RoutingRules
from functions.ticket_creation.rules import TicketTriggers
from shared.customers import CustomerMatching
from shared.enreach.document import EnreachDocument
from shared.ticket_request import TicketRequest

FOLDER = Path(__file__).parents[2] / "docs" / "schemas"
DOCUMENTS: dict[str, type[BaseModel]] = {
    "call-sync.schema.json": CallSync,
    "callback-profiles.schema.json": CallbackProfiles,
    "customer-matching.schema.json": CustomerMatching,
    "enreach.schema.json": EnreachDocument,
    "routing.schema.json": RoutingRules,
    "schedule-profile.schema.json": SiteProfile,
    "ticket-request.schema.json": TicketRequest,
    "ticket-triggers.schema.json": TicketTriggers,
}


def schema_text(model: type[BaseModel]) -> str:
    """The schema as it stands in docs/schemas/."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema(by_alias=True)}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name, model in DOCUMENTS.items():
        (FOLDER / name).write_text(schema_text(model), encoding="utf-8")
