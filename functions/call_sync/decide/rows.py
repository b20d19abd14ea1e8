"""The tables that call sync writes to, and who is made for unknown callers."""

from typing import Any
from uuid import UUID

from functions.call_sync.decide.outcome import NewCustomer
from functions.call_sync.rules import CallSync
from shared.customers.document import MatchKind
from shared.dataverse.tables import CONTACT, LEAD, PHONE_CALL, JsonRow, Table

_NAME = "Caller"


def phone_calls(rules: CallSync) -> Table[str, str, Any, Any]:
    """The phone calls, with the audit column of these rules."""
    return PHONE_CALL.with_columns([rules.own_audit_column] if rules.own_audit_column else ())


def customer_row(key: UUID, new: NewCustomer) -> tuple[Table[Any, Any, Any, Any], JsonRow]:
    """The row of who is made for an unknown caller, and its table: the number in E.164 in `telephone1`, where agents
    look for it, and in the last name, since nobody knows another one."""
    name = f"{_NAME} {new.number}"
    if new.kind is MatchKind.CONTACT:
        return CONTACT, CONTACT.row(key, {"lastname": name, "telephone1": new.number})
    return LEAD, LEAD.row(key, {"subject": f"Call from {new.number}", "lastname": name, "telephone1": new.number})
