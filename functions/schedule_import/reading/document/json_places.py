"""Where a JSON file has its rows, if not where the profile says: software leaves the object around a list away, or has
a name of its own for the list."""

from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

from functions.schedule_import.profile.layout import Source
from functions.schedule_import.reading.document.json_values import CLOSING, OPENING, Event, events
from functions.schedule_import.reading.document.paths import EVERY, Steps, column_path, steps_of
from functions.schedule_import.reading.segments import UnreadableFileError


class Place(NamedTuple):
    """`bare`: the elements of the profile's list are the file's own elements. `key`: the rows are the elements of the
    list of that name, and not the file's own."""

    bare: bool = False
    key: str | None = None


class _Signs(NamedTuple):
    """Names by which an object is known as an element of a source's list: one of each."""

    agents: frozenset[str]
    others: frozenset[str]

    def are_in(self, names: set[str]) -> bool:
        return bool(names & self.agents and names & self.others)


def place_of_rows(stream: BinaryIO, sources: Iterable[Source], prefix: Steps) -> Place:
    """The place, by the file's first object. `prefix` is the list that the profile names; none where the documents of
    the file are its rows.

    Raises UnreadableFileError for a file whose first object has none of the columns that a row must have.
    """
    sources = list(sources)
    signs = [_signs(source, prefix) for source in sources]
    walk = events(stream)
    try:
        is_list, names, lists = _first_object(walk, set(prefix), signs)
    except UnreadableFileError:
        return Place()  # Whoever reads all of it says what is wrong.
    if names is None or any(each.are_in(names) for each in signs):
        return Place(bare=bool(prefix) and names is not None)
    if prefix or is_list:
        found = None
    else:
        found = next((key for key, inner in lists.items() if any(each.are_in(inner) for each in signs)), None)
    required = [{column_path(column).down[0] for column in source.required} for source in sources]
    if not prefix and found is None and all(required) and not any(names & each for each in required):
        has = ", ".join(repr(name[:40]) for name in list(names)[:20]) or "nothing"
        raise UnreadableFileError(
            f"the file's objects have no {', '.join(sorted(required[0]))}; the first one has {has}. "
            "Is this the right folder for this file?"
        )
    return Place(key=found)


def _signs(source: Source, prefix: Steps) -> _Signs:
    inner = [step for step in steps_of(source.path)[len(prefix) :] if step != EVERY]
    fields = source.fields
    agents = (fields.agent,) if isinstance(fields.agent, str) else [each.column for each in fields.agent]
    times = [column for column in (fields.start, fields.date, fields.range) if column]
    # A draft has none of the columns that are read, but others of the layout.
    parts = [column for column in source.other_columns if "/" in column]
    return _Signs(_names(agents, len(inner)), frozenset(inner[:1]) or _names([*times, *parts], 0))


def _names(columns: Iterable[str], ups: int) -> frozenset[str]:
    """The first names of those columns that are in the object so far above the row."""
    paths = [column_path(column) for column in columns]
    return frozenset(path.down[0] for path in paths if path.ups == ups and path.down and not path.absolute)


def _first_object(
    walk: Iterator[Event], known: set[str], signs: list[_Signs]
) -> tuple[bool, set[str] | None, dict[str, set[str]]]:
    """Whether the file is a list; the names in its first object, None where it has one of `known` or there is none;
    and the names in the first objects of that object's lists."""
    kind = next(walk, (0, "", None))[1]
    is_list = kind == "start_array"
    if is_list:
        kind = next(walk, (0, "", None))[1]
    if kind != "start_map":
        return is_list, None, {}
    names: set[str] = set()
    lists: dict[str, set[str]] = {}
    for _, kind, value in walk:
        if kind == "end_map":
            return is_list, names, lists
        if value in known:
            return is_list, None, {}
        names.add(value)
        if any(each.are_in(names) for each in signs):
            return is_list, names, lists
        inner = next(walk)[1]
        if inner == "start_array":
            lists[value] = _names_in_list(walk)
            if any(each.are_in(lists[value]) for each in signs):
                return is_list, names, lists
        elif inner in OPENING:
            _skip(walk)
    return is_list, names, lists


def _names_in_list(walk: Iterator[Event]) -> set[str]:
    """The names in a list's first element; to the end of the list."""
    names: set[str] = set()
    depth, elements = 1, 0
    for _, kind, value in walk:
        if kind in OPENING:
            elements += depth == 1
            depth += 1
        elif kind in CLOSING:
            depth -= 1
            if not depth:
                break
        elif kind == "map_key" and depth == 2 and elements == 1:
            names.add(value)
    return names


def _skip(walk: Iterator[Event]) -> None:
    depth = 1
    for _, kind, _value in walk:
        depth += (kind in OPENING) - (kind in CLOSING)
        if not depth:
            return
