"""The Dataverse Web API on the wire, as pure functions and values. Nothing here does I/O.

    values, filters, table, queries    what is asked: literals, conditions, names, paths
    choices, search                    rows with one of many texts, for callers who wait
    gathered                           the same for several numbers at once, for nobody who waits
    fetch                              reads over tables that OData cannot join: FetchXML
    parts, writes                      one request as a value; builders of every write
    batch, answers, json_text          many requests in one, and what came back

Every literal is encoded where it is made, so a `+` (which a server reads as a space), a quote or an ampersand cannot
change what is asked, and no value can break out of its line in a `$batch`.
Source: Dataverse developer documentation, "Use the Microsoft Dataverse Web API".
"""

from shared.dataverse.odata.answers import PartReply, error_fields
from shared.dataverse.odata.batch import (
    BATCH_LIMIT,
    ChangeSet,
    ChangeSetReply,
    Step,
    batch_body,
    read_batch,
    read_steps,
)
from shared.dataverse.odata.choices import ById, ByText, Choice, Filled, Texts
from shared.dataverse.odata.fetch import (
    BoundFetch,
    Chosen,
    Condition,
    Fetch,
    Link,
    Parameter,
)
from shared.dataverse.odata.filters import (
    Filter,
    Scalar,
    all_of,
    eq,
    ge,
    in_chunks,
    is_in,
    literal,
    lt,
    ne,
)
from shared.dataverse.odata.json_text import json_bytes, read_json
from shared.dataverse.odata.parts import API_PATH, Part, fits_url
from shared.dataverse.odata.queries import Query
from shared.dataverse.odata.search import BoundSearch, Search
from shared.dataverse.odata.table import Descending, Expand, Reference
from shared.dataverse.odata.writes import (
    action_part,
    clear_part,
    create_only_part,
    create_part,
    delete_part,
    entity_parameter,
    multiple_body,
    multiple_path,
    row_id,
    row_path,
    update_part,
    update_with_parties_part,
    upsert_part,
)

type Question = Query | BoundSearch | BoundFetch
"""What a client can ask: all have a `path()` and the `table` whose rows come back."""

__all__ = [
    "API_PATH",
    "BATCH_LIMIT",
    "BoundFetch",
    "BoundSearch",
    "ById",
    "ByText",
    "ChangeSet",
    "ChangeSetReply",
    "Choice",
    "Chosen",
    "Condition",
    "Descending",
    "Expand",
    "Fetch",
    "Filled",
    "Filter",
    "Link",
    "Parameter",
    "Part",
    "PartReply",
    "Query",
    "Question",
    "Reference",
    "Scalar",
    "Search",
    "Step",
    "Texts",
    "action_part",
    "all_of",
    "batch_body",
    "clear_part",
    "create_only_part",
    "create_part",
    "delete_part",
    "entity_parameter",
    "eq",
    "error_fields",
    "fits_url",
    "ge",
    "in_chunks",
    "is_in",
    "json_bytes",
    "literal",
    "lt",
    "multiple_body",
    "multiple_path",
    "ne",
    "read_batch",
    "read_json",
    "read_steps",
    "row_id",
    "row_path",
    "update_part",
    "update_with_parties_part",
    "upsert_part",
]
