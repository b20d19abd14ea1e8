"""What an environment says of its own tables: status reasons and their states, columns and what they hold. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from shared.dataverse.errors import UnavailableError
from shared.dataverse.tables import Table

_STATUSES = "Microsoft.Dynamics.CRM.StatusAttributeMetadata"


def status_reasons_path(table: Table) -> str:
    """Below `/api/data/v9.2/` ("Query table definitions using the Web API")."""
    base = f"EntityDefinitions(LogicalName='{table.logical_name}')/Attributes"
    return f"{base}/{_STATUSES}?$select=LogicalName&$expand=OptionSet"


def text_lengths_paths(table: Table) -> tuple[str, str]:
    """Of the short and of the long text columns, below `/api/data/v9.2/`."""
    base = f"EntityDefinitions(LogicalName='{table.logical_name}')/Attributes/Microsoft.Dynamics.CRM"
    options = "?$select=LogicalName,MaxLength"
    return f"{base}.StringAttributeMetadata{options}", f"{base}.MemoAttributeMetadata{options}"


def read_text_lengths(answer: Any) -> dict[str, int]:
    """The most characters by column. Raises UnavailableError for an answer that is none."""
    try:
        return {
            str(column["LogicalName"]): int(column["MaxLength"])
            for column in answer["value"]
            if column["MaxLength"] is not None
        }
    except (KeyError, TypeError, ValueError):
        raise UnavailableError("Dataverse's answer about text columns is none") from None


def read_status_reasons(answer: Any) -> dict[int, int]:
    """State by status reason. Raises UnavailableError for an answer that is none."""
    try:
        options = [option for column in answer["value"] for option in column["OptionSet"]["Options"]]
        return {int(option["Value"]): int(option["State"]) for option in options}
    except (KeyError, TypeError, ValueError):
        raise UnavailableError("Dataverse's answer about status reasons is none") from None


type Kind = Literal[
    "text", "memo", "whole", "decimal", "money", "boolean", "choice", "choices", "moment", "date", "lookup", "guid",
    "other",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """A column as the environment defines it.

    `max_length` is of texts, in UTF-16 units, `options` are the values of a choice (of `choices`: several of them);
    both are None where they mean nothing. `can_create` says that a new row may have it ("IsValidForCreate"). A `date`
    is a day without a time (behaviour DateOnly); a `moment` that is shown as a day is still a moment.
    """

    name: str
    kind: Kind
    max_length: int | None
    options: frozenset[int] | None
    can_create: bool


# AttributeTypeCode. A choice of several values is Virtual by its code, and tells itself by its type name alone.
_KINDS: Final[dict[str, Kind]] = {
    "String": "text",
    "Memo": "memo",
    "Integer": "whole",
    "BigInt": "whole",
    "Decimal": "decimal",
    "Double": "decimal",
    "Money": "money",
    "Boolean": "boolean",
    "Picklist": "choice",
    "State": "choice",
    "Status": "choice",
    "DateTime": "moment",
    "Lookup": "lookup",
    "Customer": "lookup",
    "Owner": "lookup",
    "Uniqueidentifier": "guid",
}
_SEVERAL = "MultiSelectPicklistType"
_CHOICES = ("Picklist", "MultiSelectPicklist", "State", "Status")


def columns_paths(table: Table) -> tuple[str, ...]:
    """All that `read_columns` reads, below `/api/data/v9.2/` ("Query table definitions using the Web API")."""
    base = f"EntityDefinitions(LogicalName='{table.logical_name}')/Attributes"
    kind = f"{base}/Microsoft.Dynamics.CRM"
    options = "?$select=LogicalName&$expand=OptionSet,GlobalOptionSet"
    return (
        f"{base}?$select=LogicalName,AttributeType,AttributeTypeName,IsValidForCreate",
        *text_lengths_paths(table),
        f"{kind}.DateTimeAttributeMetadata?$select=LogicalName,DateTimeBehavior",
        *(f"{kind}.{name}AttributeMetadata{options}" for name in _CHOICES),
    )


def read_columns(answers: Sequence[Any]) -> dict[str, Column]:
    """The columns by name, from the answers in the order of `columns_paths`. Raises UnavailableError for answers that
    are none."""
    attributes, texts, memos, moments, *choices = answers
    lengths = read_text_lengths(texts) | read_text_lengths(memos)
    try:
        days = {
            column["LogicalName"]
            for column in moments["value"]
            if (column["DateTimeBehavior"] or {}).get("Value") == "DateOnly"
        }
        options = {column["LogicalName"]: _values(column) for answer in choices for column in answer["value"]}
        columns = {}
        for attribute in attributes["value"]:
            name = str(attribute["LogicalName"])
            columns[name] = Column(
                name=name,
                kind="date" if name in days else _kind(attribute),
                max_length=lengths.get(name),
                options=options.get(name),
                can_create=bool(attribute["IsValidForCreate"]),
            )
        return columns
    except (AttributeError, KeyError, TypeError, ValueError):
        raise UnavailableError("Dataverse's answer about columns is none") from None


def _kind(attribute: Any) -> Kind:
    if (attribute.get("AttributeTypeName") or {}).get("Value") == _SEVERAL:
        return "choices"
    return _KINDS.get(attribute["AttributeType"], "other")


def _values(column: Any) -> frozenset[int]:
    """A choice has its own values or shares those of a global choice."""
    sets = (column.get("OptionSet"), column.get("GlobalOptionSet"))
    return frozenset(int(option["Value"]) for found in sets if found for option in found["Options"])
