"""`config/ticket-triggers.json`: which calls become cases, and what a case holds.

Read whole before it runs, so that the decisions meet only triggers that make sense. What every key means:
docs/ticket-creation.md.

fields          what several parts have in common
templates       what a template may hold
sources         what fills the fields of conditions
triggers        for which calls
configurations  what becomes of them
document        all of it
"""

from functions.ticket_creation.rules.configurations import QUEUE_OWNER, Attach, AttachPolicy, TicketConfiguration
from functions.ticket_creation.rules.document import DOCUMENT, TicketTriggers
from functions.ticket_creation.rules.sources import DEFAULT_FIELDS, DEFAULT_STATUSES, SourcedField, Sources
from functions.ticket_creation.rules.templates import TextTemplate
from functions.ticket_creation.rules.triggers import Condition, Trigger

__all__ = [
    "DEFAULT_FIELDS",
    "DEFAULT_STATUSES",
    "DOCUMENT",
    "QUEUE_OWNER",
    "Attach",
    "AttachPolicy",
    "Condition",
    "SourcedField",
    "Sources",
    "TextTemplate",
    "TicketConfiguration",
    "TicketTriggers",
    "Trigger",
]
