"""Takes the values out of a FetchXML text, so that queries which differ in nothing else are planned once.

The values of conditions are found by their usual spelling, without reading the XML. Whether they are all there is,
and nothing but values, is proved by the XML once for each shape: a reader of XML that finds marks in their places
would have found any other plain text there, too.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple
from xml.etree.ElementTree import Element

from local.dataverse.safe_xml import LARGEST, NotWellFormedError, read_plain_xml

# Text that means itself, in an attribute as well as between tags. `]]>` must not be there, so no `>` is.
PLAIN = re.compile(r"[^<>&\"\x00-\x1f\ud800-\uffff]*")
ATTRIBUTE, QUOTE = ' value="', '"'
FIRST_VALUE, NEXT_VALUE, LAST_VALUE = "<value>", "</value><value>", "</value></condition>"
MARK = "\ue000"

type Values = Sequence[str]
type Places = tuple[tuple[int, ...], ...]
"""Which of the lists of values each condition has, in the order of the text."""


class TakenApart(NamedTuple):
    """A text without its values, and those: a list for each attribute `value`, then one for each row of elements."""

    shape: str
    values: list[Values]

    def for_conditions(self, places: Places) -> list[Values]:
        """Returns the values of each condition, in the order of the text."""
        values = self.values
        return [
            values[numbers[0]] if len(numbers) == 1 else [value for number in numbers for value in values[number]]
            for numbers in places
        ]


def take_apart(text: str) -> TakenApart | None:
    """Returns the text without its values, None when a value is spelled in another way than most are."""
    if len(text) > LARGEST:
        return None
    rows: list[Values] = []
    outside: list[str] = []
    *pieces, rest = text.split(LAST_VALUE)
    for piece in pieces:
        head, first, row = piece.partition(FIRST_VALUE)
        values = _values_of_row(row)
        if not first or values is None:
            return None
        outside.append(head)
        rows.append(values)
    attributes: list[Values] = []
    head, *pieces = f"{FIRST_VALUE}{LAST_VALUE}".join([*outside, rest]).split(ATTRIBUTE)
    outside = [head]
    for piece in pieces:
        value, quote, rest = piece.partition(QUOTE)
        if not quote or PLAIN.fullmatch(value) is None:
            return None
        attributes.append((value,))
        outside.append(rest)
    return TakenApart(f"{ATTRIBUTE}{QUOTE}".join(outside), [*attributes, *rows])


@lru_cache(maxsize=128)
def _values_of_row(row: str) -> Values | None:
    """Returns what stands in a row of elements; a query often asks for the same row of several columns."""
    values = tuple(row.split(NEXT_VALUE))
    return values if all(PLAIN.fullmatch(value) for value in values) else None


def places_of_values(taken: TakenApart) -> Places | None:
    """Returns where each condition has its values, None when what was taken for a value is none, or is not all."""
    if MARK in taken.shape:
        return None
    try:
        root = read_plain_xml(_marked(taken.shape))
    except NotWellFormedError:
        return None
    numbers = {f"{MARK}{number}": number for number in range(len(taken.values))}
    places: list[tuple[int, ...]] = []
    for condition in root.iter("condition"):
        marks = values_of_condition(condition)
        if not numbers.keys() >= set(marks):
            return None
        places.append(tuple(numbers[mark] for mark in marks))
    found = sorted(number for place in places for number in place)
    return tuple(places) if found == sorted(numbers.values()) else None


def _marked(shape: str) -> str:
    head, *pieces = shape.split(f"{ATTRIBUTE}{QUOTE}")
    text = head + "".join(f"{ATTRIBUTE}{MARK}{number}{QUOTE}{piece}" for number, piece in enumerate(pieces))
    first = len(pieces)
    head, *pieces = text.split(f"{FIRST_VALUE}{LAST_VALUE}")
    rows = enumerate(pieces, first)
    return head + "".join(f"{FIRST_VALUE}{MARK}{number}{LAST_VALUE}{piece}" for number, piece in rows)


def values_of_conditions(root: Element) -> list[Values]:
    """Returns the values of each condition, in the order of the text."""
    return [values_of_condition(condition) for condition in root.iter("condition")]


def values_of_condition(condition: Element) -> list[str]:
    """Returns the values of a condition; that of its attribute comes first."""
    values = [child.text or "" for child in condition if child.tag == "value"]
    attribute = condition.get("value")
    return values if attribute is None else [attribute, *values]
