"""Who is behind a phone number: one answer for routing, calls, callbacks and tickets.

document    `customer-matching.json`
matching    whose number it is, among the rows found: pure
look_up     what Dataverse is asked, and the asking
What every key of the document means: docs/customer-matching.md.
"""

from shared.customers.document import ColumnName, CustomerMatching, MatchKind, OrderKey, SearchedColumns, column_name
from shared.customers.look_up import (
    CALLER,
    MOST_CANDIDATES,
    RowReader,
    caller_number,
    customer_questions,
    find_customer,
    number_choice,
)
from shared.customers.matching import (
    AMBIGUOUS,
    NOBODY,
    CustomerColumns,
    Match,
    matched,
    searched,
)

__all__ = [
    "AMBIGUOUS",
    "CALLER",
    "MOST_CANDIDATES",
    "NOBODY",
    "ColumnName",
    "CustomerColumns",
    "CustomerMatching",
    "Match",
    "MatchKind",
    "OrderKey",
    "RowReader",
    "SearchedColumns",
    "caller_number",
    "column_name",
    "customer_questions",
    "find_customer",
    "matched",
    "number_choice",
    "searched",
]
