"""Who is behind a phone number: one answer for routing, calls, callbacks and tickets.

document          `customer-matching.json`
questions         what Dataverse is asked: pure
matching          whose number it is, among the rows found: pure
stored_spellings  in which spellings this environment stores numbers
look_up           the asking, for one number
many              the asking, for thousands of numbers at once (not loaded with the package: callers do not wait for it)
activities        a customer as whom a phone call is regarding, and as a party: pure
unknown_callers   which row is made for a caller whom nobody knows: pure
What every key of the document means: docs/customer-matching.md.
"""

from shared.customers.document import ColumnName, CustomerMatching, MatchKind, OrderKey, SearchedColumns, column_name
from shared.customers.look_up import RowReader, ask_of_caller, find_customer
from shared.customers.matching import (
    AMBIGUOUS,
    NOBODY,
    CustomerColumns,
    Match,
    matched,
    searched,
)
from shared.customers.questions import (
    MOST_CANDIDATES,
    Ids,
    caller_number,
    customer_questions,
    join_choice,
    search_texts,
)
from shared.customers.stored_spellings import StoredSpellings
from shared.customers.unknown_callers import unknown_caller_id

__all__ = [
    "AMBIGUOUS",
    "MOST_CANDIDATES",
    "NOBODY",
    "ColumnName",
    "CustomerColumns",
    "CustomerMatching",
    "Ids",
    "Match",
    "MatchKind",
    "OrderKey",
    "RowReader",
    "SearchedColumns",
    "StoredSpellings",
    "ask_of_caller",
    "caller_number",
    "column_name",
    "customer_questions",
    "find_customer",
    "join_choice",
    "matched",
    "search_texts",
    "searched",
    "unknown_caller_id",
]
