"""Where a JSON or XML document may have its rows, and which columns they have there."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, iterparse

from local.schedules.guessing.sniffing import GuessError

MAX_BYTES = 64 * 1024 * 1024
_MAX_ROWS = 3_000
"""Rows of one path whose columns are collected."""
_MAX_COLUMNS = 120

type Json = Any


class Place(NamedTuple):
    """A path of rows, how many there are, and their columns; lists inside the rows by their own paths."""

    path: str
    rows: int
    columns: list[str]
    inner: list[str]
    """Paths, from the row, of lists of objects inside it."""


def json_places(path: Path) -> list[Place]:
    """Every list of objects. Raises GuessError for what is no JSON document."""
    _check_size(path)
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise GuessError(f"the file begins like JSON and is not: {error}") from None
    # A document whose root is a list is a series of documents.
    rows: dict[tuple[str, ...], list[_Node]] = {}
    roots = document if isinstance(document, list) else [document]
    for root in roots:
        if isinstance(root, dict):
            node = _Node(root, None)
            if isinstance(document, list):
                rows.setdefault((), []).append(node)
            _collect(node, root, (), rows)
    found = [_place("/".join(steps), nodes) for steps, nodes in rows.items()]
    if not found:
        raise GuessError("the document holds no list of objects, so it has no rows")
    return found


class _Node(NamedTuple):
    value: dict[str, Json]
    up: "_Node | None"


def _collect(
    node: _Node, value: dict[str, Json], steps: tuple[str, ...], rows: dict[tuple[str, ...], list[_Node]]
) -> None:
    for key, inner in value.items():
        if isinstance(inner, dict):
            _collect(_Node(inner, node), inner, (*steps, key), rows)
        elif isinstance(inner, list):
            path = (*steps, key, "*")
            for item in inner:
                if isinstance(item, dict):
                    row = _Node(item, node)
                    rows.setdefault(path, []).append(row)
                    _collect(row, item, path, rows)


def _place(path: str, nodes: list[_Node]) -> Place:
    columns: Counter[str] = Counter()
    inner: Counter[str] = Counter()
    for node in nodes[:_MAX_ROWS]:
        columns.update(list(dict.fromkeys(_columns(node))))
        inner.update(list(dict.fromkeys(_lists(node.value))))
    return Place(path, len(nodes), [name for name, _ in columns.most_common(_MAX_COLUMNS)], list(inner))


def _columns(node: _Node) -> Iterator[str]:
    yield from _leaves(node.value)
    up: _Node | None = node.up
    prefix, skip = "../", node.value
    while up is not None:
        yield from (
            prefix + leaf for leaf in _leaves({key: each for key, each in up.value.items() if each is not skip})
        )
        prefix, skip, up = prefix + "../", up.value, up.up


def _leaves(value: dict[str, Json], before: str = "") -> Iterator[str]:
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield from _leaves(inner, f"{before}{key}/")
        elif not isinstance(inner, list):
            yield before + key


def _lists(value: dict[str, Json], before: str = "") -> Iterator[str]:
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield from _lists(inner, f"{before}{key}/")
        elif isinstance(inner, list) and any(isinstance(item, dict) for item in inner):
            yield f"{before}{key}/*"


# -------------------------------------------------------------------------------------------------------------- XML


def xml_places(path: Path) -> list[Place]:
    """Every element that comes more than once below the same path. Raises GuessError for what is no safe XML."""
    _check_size(path)
    try:
        root = None
        for _, element in iterparse(str(path), events=("start",), forbid_dtd=True):
            root = element if root is None else root
    except DefusedXmlException:
        raise GuessError("the document has a DTD or entities, which are refused; export it without them") from None
    except ParseError as error:
        raise GuessError(f"the file begins like XML and is not: {error}") from None
    if root is None:
        raise GuessError("the document is empty")
    rows: dict[tuple[str, ...], list[_Element]] = {}
    _collect_elements(_Element(root, None), (), rows)
    found = [_xml_place("/".join(steps), nodes) for steps, nodes in rows.items()]
    return [place for place in found if place.columns]


class _Element(NamedTuple):
    element: Any
    up: "_Element | None"


def _tag(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def _collect_elements(node: _Element, steps: tuple[str, ...], rows: dict[tuple[str, ...], list[_Element]]) -> None:
    for child in node.element:
        inner = _Element(child, node)
        path = (*steps, _tag(child))
        rows.setdefault(path, []).append(inner)
        _collect_elements(inner, path, rows)


def _xml_place(path: str, nodes: list[_Element]) -> Place:
    columns: Counter[str] = Counter()
    inner: Counter[str] = Counter()
    for node in nodes[:_MAX_ROWS]:
        names: dict[str, None] = dict.fromkeys(_element_leaves(node.element))
        up, prefix, skip = node.up, "../", node.element
        while up is not None and up.up is not None:
            names |= dict.fromkeys(prefix + leaf for leaf in _element_leaves(up.element, skip=skip))
            up, prefix, skip = up.up, prefix + "../", up.element
        columns.update(list(names))
        tags = Counter(_tag(child) for child in node.element if len(child) or child.attrib)
        inner.update(list(tags))
    return Place(path, len(nodes), [name for name, _ in columns.most_common(_MAX_COLUMNS)], list(inner))


def _element_leaves(element: Any, before: str = "", skip: Any = None) -> Iterator[str]:
    for name in element.attrib:
        yield f"{before}@{name.rpartition('}')[2]}"
    for child in element:
        # A list of elements is a place of its own; an element that stands alone is a column, or holds some.
        if child is skip or sum(_tag(other) == _tag(child) for other in element) > 1:
            continue
        if len(child) or child.attrib:
            yield from _element_leaves(child, f"{before}{_tag(child)}/")
        if not len(child) and (child.text or "").strip():
            yield before + _tag(child)


def _check_size(path: Path) -> None:
    if path.stat().st_size > MAX_BYTES:
        raise GuessError(f"the document is larger than {MAX_BYTES // 2**20} MiB; give an export of a few days")
