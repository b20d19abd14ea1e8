"""The primary keys in Dynamics of what a call's ticket consists of: from the call and the configuration, so that each
comes into being once, whoever writes it and however often."""

from uuid import UUID, uuid5

from shared.calls.ids import canonical_call_id

NS_CASE = UUID("5b0a6c1e-3f0e-5d63-9c39-2f4f1c7b8a40")
"""Part of every customer's data: it never changes (architecture, decision 1). Nor do the others."""
NS_TICKET_NOTE = UUID("5b0a6c1e-3f0e-5d63-9c39-2f4f1c7b8a41")
NS_TICKET_NOTIFICATION = UUID("5b0a6c1e-3f0e-5d63-9c39-2f4f1c7b8a42")


def case_id(call_id: str, configuration: str) -> UUID:
    """The case of this call and this ticket configuration. The id may come in any spelling, the name in any case.

    Raises ValueError for an id without a sign, as the others do.
    """
    return _key(NS_CASE, call_id, configuration)


def ticket_note_id(call_id: str, configuration: str) -> UUID:
    """The note (annotation) that tells of this call on a case that was there."""
    return _key(NS_TICKET_NOTE, call_id, configuration)


def ticket_notification_id(call_id: str, configuration: str) -> UUID:
    """The notification (appnotification) that tells the agent of the case."""
    return _key(NS_TICKET_NOTIFICATION, call_id, configuration)


def _key(namespace: UUID, call_id: str, configuration: str) -> UUID:
    return uuid5(namespace, f"{canonical_call_id(call_id)}|{configuration.casefold()}")
