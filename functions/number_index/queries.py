"""What Dataverse is asked: the tracked columns of each searched kind, or what changed in them."""

from collections.abc import Mapping

from shared.customers import CustomerMatching, MatchKind, searched
from shared.customers.matching import TABLES
from shared.dataverse.odata import Query
from shared.dataverse.odata.changes import DeltaLink

KINDS: Mapping[str, MatchKind] = {table.logical_name: kind for kind, table in TABLES.items()}


def everything(matching: CustomerMatching) -> list[Query]:
    """All rows of each kind that has columns with numbers."""
    queries = []
    for kind, columns in searched(matching).items():
        table = TABLES[kind].with_columns(columns)
        queries.append(Query(table=table, select=(table.primary_id, "statecode", *columns)))
    return queries


def since(links: Mapping[MatchKind, str]) -> list[DeltaLink]:
    """What changed after each of these links."""
    return [DeltaLink(TABLES[kind], url) for kind, url in links.items()]
