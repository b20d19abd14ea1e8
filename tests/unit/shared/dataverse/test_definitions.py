"""What Dataverse's answers about columns say."""

from typing import Any

import pytest

from shared.dataverse.definitions import Column, Kind, columns_paths, read_columns
from shared.dataverse.errors import UnavailableError
from shared.dataverse.tables import INCIDENT


def attribute(name: str, kind: str, type_name: str = "", *, can_create: bool = True) -> dict[str, Any]:
    return {"LogicalName": name, "AttributeType": kind, "AttributeTypeName": {"Value": type_name or f"{kind}Type"},
            "IsValidForCreate": can_create}  # fmt: skip


def answers(*attributes: dict[str, Any], **parts: list[dict[str, Any]]) -> list[Any]:
    names = ("texts", "memos", "moments", "picklists", "several", "states", "statuses")
    return [{"value": list(attributes)}, *({"value": parts.get(name, [])} for name in names)]


def options(name: str, *values: int, of: str = "OptionSet") -> dict[str, Any]:
    sets = {"OptionSet": None, "GlobalOptionSet": None, of: {"Options": [{"Value": value} for value in values]}}
    return {"LogicalName": name, **sets}


@pytest.mark.parametrize(
    ("attribute_type", "kind"),
    [
        ("String", "text"), ("Memo", "memo"), ("Integer", "whole"), ("BigInt", "whole"), ("Decimal", "decimal"),
        ("Double", "decimal"), ("Money", "money"), ("Boolean", "boolean"), ("Picklist", "choice"), ("State", "choice"),
        ("Status", "choice"), ("DateTime", "moment"), ("Lookup", "lookup"), ("Customer", "lookup"),
        ("Owner", "lookup"), ("Uniqueidentifier", "guid"), ("EntityName", "other"), ("Virtual", "other"),
        ("PartyList", "other"), ("ManagedProperty", "other"), ("NewInSomeYear", "other"),
    ],
)  # fmt: skip
def test_each_type_of_column_is_of_a_kind(attribute_type: str, kind: Kind) -> None:
    assert read_columns(answers(attribute("x", attribute_type))) == {"x": Column("x", kind, None, None, True)}


def test_a_choice_of_several_values_tells_itself_by_its_type_name() -> None:
    found = read_columns(
        answers(
            attribute("new_topics", "Virtual", "MultiSelectPicklistType"),
            attribute("new_picture", "Virtual", "ImageType"),
            {**attribute("new_odd", "Virtual"), "AttributeTypeName": None},
            several=[options("new_topics", 1, 2)],
        )
    )
    assert {name: (column.kind, column.options) for name, column in found.items()} == {
        "new_topics": ("choices", {1, 2}), "new_picture": ("other", None), "new_odd": ("other", None),
    }  # fmt: skip


def test_texts_have_lengths_and_choices_have_values_of_their_own_or_shared_ones() -> None:
    found = read_columns(
        answers(
            attribute("title", "String"), attribute("description", "Memo"), attribute("prioritycode", "Picklist"),
            attribute("new_region", "Picklist"), attribute("statecode", "State", can_create=False),
            attribute("statuscode", "Status"),
            texts=[{"LogicalName": "title", "MaxLength": 200}],
            memos=[{"LogicalName": "description", "MaxLength": 2000}],
            picklists=[options("prioritycode", 1, 2, 3), options("new_region", 100000000, of="GlobalOptionSet")],
            states=[options("statecode", 0, 1)], statuses=[options("statuscode", 1, 5)],
        )
    )  # fmt: skip
    assert found == {
        "title": Column("title", "text", 200, None, True),
        "description": Column("description", "memo", 2000, None, True),
        "prioritycode": Column("prioritycode", "choice", None, frozenset({1, 2, 3}), True),
        "new_region": Column("new_region", "choice", None, frozenset({100000000}), True),
        "statecode": Column("statecode", "choice", None, frozenset({0, 1}), False),
        "statuscode": Column("statuscode", "choice", None, frozenset({1, 5}), True),
    }


def test_a_day_is_no_moment() -> None:
    behaviours = [("new_birthday", {"Value": "DateOnly"}), ("followupby", {"Value": "UserLocal"}), ("new_odd", None)]
    found = read_columns(
        answers(
            *(attribute(name, "DateTime") for name, _ in behaviours),
            moments=[{"LogicalName": name, "DateTimeBehavior": behaviour} for name, behaviour in behaviours],
        )
    )
    assert [column.kind for column in found.values()] == ["date", "moment", "moment"]


@pytest.mark.parametrize(
    "answer",
    [
        [None] * 8,
        [{}] * 8,
        answers({"LogicalName": "x"}),
        answers({**attribute("x", "String"), "AttributeTypeName": "StringType"}),
        answers(attribute("x", "Picklist"), picklists=[{"LogicalName": "x", "OptionSet": {"Options": [{}]}}]),
        answers(attribute("x", "Picklist"), picklists=[options("x"), {"LogicalName": "x", "OptionSet": [1]}]),
        answers(attribute("x", "String"), texts=[{"LogicalName": "x", "MaxLength": "long"}]),
        answers(attribute("x", "DateTime"), moments=[{"LogicalName": "x", "DateTimeBehavior": "DateOnly"}]),
    ],
)
def test_what_is_no_answer_about_columns_is_none(answer: list[Any]) -> None:
    with pytest.raises(UnavailableError):
        read_columns(answer)


def test_the_columns_of_a_table_are_asked_for_by_its_name_in_as_many_parts_as_are_read() -> None:
    paths = columns_paths(INCIDENT)
    assert len(paths) == len(answers())
    assert {path.partition("/")[0] for path in paths} == {"EntityDefinitions(LogicalName='incident')"}
