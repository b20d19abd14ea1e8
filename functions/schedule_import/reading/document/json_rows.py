"""JSON documents: rows item by item, however large the file; a document whose root is an array is a series of them.

A row's number is the line where its object begins. Software often writes JSON without line breaks: in a file with
several rows on a line the rows are counted instead, over all sources in file order.
"""

import json
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, BinaryIO, NamedTuple

from functions.schedule_import.profile import ScheduleProfile
from functions.schedule_import.profile.layout import Source
from functions.schedule_import.reading.document.json_places import Place, place_of_rows
from functions.schedule_import.reading.document.json_records import (
    JsonRecord,
    checked_row,
    column_getter,
    records_only,
    rows_below,
)
from functions.schedule_import.reading.document.json_values import Builder, Event, JsonObject, events
from functions.schedule_import.reading.document.paths import (
    EVERY,
    Steps,
    check_expected,
    column_path,
    document_paths,
    is_wanted,
    row_columns,
    steps_of,
)
from functions.schedule_import.reading.records import FileContent, Getter, Numbered, Record
from functions.schedule_import.reading.segments import Skip, UnreadableFileError

MAX_DOCUMENTS = 10_000
"""Documents of a series that hold lists; and names of an object around a list."""


class _Unit(NamedTuple):
    """One element of an outermost list (or a whole document), held in memory as a whole."""

    document: int
    prefix: Steps
    line: int
    value: Any


type _NumberedRow = tuple[int, int, JsonRecord | str]
"""Number, index of the source among the profile's, and the row or what is wrong with it."""


def open_container(content: FileContent, profile: ScheduleProfile) -> "JsonContainer":
    """The documents of a file. Raises UnreadableFileError for broken JSON and for files without the profile's lists."""
    return JsonContainer(content.stream, profile)


class JsonContainer:
    """See `records.Container`. A record is a JsonRecord."""

    def __init__(self, stream: BinaryIO, profile: ScheduleProfile) -> None:
        self._stream = stream
        self._profile = profile
        self._wanted = document_paths(profile) | _climbed_paths(profile.sources)
        self._prefixes = {_prefix(source) for source in profile.sources}
        if () in self._prefixes:
            self._prefixes = {()}
        self._place = self._place_of_rows()
        self._rivals = _rivals(profile.sources)
        self._parts = [column_getter(source.without) if source.without else None for source in profile.sources]
        self._shells: list[JsonObject] = []
        self._found: set[Steps] = set()
        self._lists = 0
        self._counted = False
        self._counted = self._survey()
        self._check()

    # ------------------------------------------------------------------------------------------ Container

    def sources(self) -> Iterable[Source]:
        return [source for source in self._profile.sources if self._unit_prefix(source) in self._found]

    def records(self, source: Source) -> Iterator[Numbered | Skip]:
        place = self._profile.sources.index(source)
        for _, rows in self._numbered_units({self._unit_prefix(source)}):
            for number, index, row in rows:
                if index == place:
                    yield checked_row(row, number, source)

    def getter(self, source: Source, column: str) -> Getter | None:
        return column_getter(column)

    def children(self, record: Record, path: str) -> Iterable[Record]:
        return [row for row in rows_below(record, steps_of(path)) if isinstance(row, JsonRecord)]

    def nested_getter(self, path: str, column: str) -> Getter:
        return column_getter(column)

    def document(self, column: str) -> str:
        """The value in every document of a series; empty where they differ."""
        read = column_getter("/" + column.lstrip("/"))
        values = {read(root) for root in self._roots()}
        return values.pop() if len(values) == 1 else ""

    def table(self, path: str) -> Iterable[Record]:
        steps = steps_of(path)
        prefix = next((found for found in self._prefixes if found and steps[: len(found) + 1] == (*found, EVERY)), None)
        if prefix is None:
            for root in self._roots():
                yield from records_only(rows_below(root, steps))
        elif steps:
            for unit in self._units({prefix}):
                yield from records_only(_rows_of_unit(unit, steps, self._surroundings(unit)))

    def rejected(self, reasons: Mapping[int, str]) -> Any:
        """The document (or the series) with only these rows and what surrounds them."""
        paths = [steps_of(source.path) for source in self._profile.sources]
        documents: list[dict[str, Any]] = [_said(shell) for shell in self._shells]
        whole: list[dict[str, Any]] = []
        for document in documents if () not in self._prefixes else []:
            for prefix in self._found:
                _list_at(document, prefix)
        for unit, rows in self._numbered_units(self._prefixes):
            marked = {
                id(row.value): reasons[number]
                for number, _, row in rows
                if number in reasons and isinstance(row, JsonRecord)
            }
            if not marked:
                continue
            kept = _kept(unit.value, [path[len(unit.prefix) + bool(unit.prefix) :] for path in paths
                                      if path[: len(unit.prefix)] == unit.prefix], marked)  # fmt: skip
            if unit.prefix:
                _list_at(documents[unit.document], unit.prefix).append(kept)
            else:
                whole.append(kept or {})
        if () in self._prefixes:
            documents = whole
        return documents[0] if len(documents) == 1 else documents

    # ---------------------------------------------------------------------------------------------- passes

    def _survey(self) -> bool:
        """Read everything once: is it whole, what surrounds the lists, does a line hold more than one row?"""
        last_line, shared = 0, False
        for unit in self._units(self._prefixes, surveying=True):
            lines = sorted(
                (row.value.order, row.value.line)
                for _, row in self._rows_of_sources(unit, surveying=True)
                if isinstance(row, JsonRecord)
            )
            for _, line in lines:
                shared = shared or line == last_line
                last_line = line
        return shared

    def _numbered_units(self, wanted: set[Steps]) -> Iterator[tuple[_Unit, list["_NumberedRow"]]]:
        """Every unit under these prefixes with its rows, in file order."""
        count = 0
        for unit in self._units(self._prefixes if self._counted else wanted):
            rows = list(self._rows_of_sources(unit))
            if self._counted:
                rows.sort(key=lambda pair: pair[1].value.order if isinstance(pair[1], JsonRecord) else 0)
                yield unit, [(count + place, index, row) for place, (index, row) in enumerate(rows, 1)]
                count += len(rows)
            else:
                yield (
                    unit,
                    [(row.value.line if isinstance(row, JsonRecord) else unit.line, index, row) for index, row in rows],
                )

    def _rows_of_sources(self, unit: _Unit, *, surveying: bool = False) -> Iterator[tuple[int, JsonRecord | str]]:
        surroundings = None if surveying else self._surroundings(unit)
        for index, source in enumerate(self._profile.sources):
            if self._unit_prefix(source) == unit.prefix:
                for row in _rows_of_unit(unit, steps_of(source.path), surroundings):
                    if self._source_of(row, index) == index and self._is_row_of(index, row):
                        yield index, row

    def _is_row_of(self, index: int, row: JsonRecord | str) -> bool:
        """Whether the row is not left to the source of its parts."""
        parts = self._parts[index]
        return parts is None or (isinstance(row, JsonRecord) and not parts(row))

    def _source_of(self, row: JsonRecord | str, index: int) -> int:
        """Of several sources with the same rows the first of those that have most of what they require."""
        rivals = self._rivals.get(index)
        if rivals is None:
            return index
        best, fewest = rivals[0][0], 1.0
        for rival, required in [] if isinstance(row, str) else rivals:
            missing = sum(not has(row) for has in required) / max(1, len(required))
            if missing < fewest:
                best, fewest = rival, missing
            if not missing:
                break
        return best

    def _surroundings(self, unit: _Unit) -> JsonRecord:
        """What encloses a unit: the document and the objects on the way to its list."""
        # A row that is a document has nothing around it, and only the first one's shell is kept.
        record = JsonRecord(self._shells[unit.document if unit.prefix else 0], None)
        for step in unit.prefix[:-1]:
            inner = record.value.get(step)
            if not isinstance(inner, JsonObject):
                break
            record = JsonRecord(inner, record)
        return record

    def _place_of_rows(self) -> Place:
        """Where the rows are, if the profile has all of them in one list (or takes documents for rows)."""
        prefix = next(iter(self._prefixes))
        if len(self._prefixes) > 1 or len(prefix) > 1:
            return Place()
        if not prefix and any(source.path or source.nested for source in self._profile.sources):
            return Place()
        return place_of_rows(self._stream, self._profile.sources, prefix)

    def _unit_prefix(self, source: Source) -> Steps:
        return () if () in self._prefixes else _prefix(source)

    def _check(self) -> None:
        if not self._shells:
            raise UnreadableFileError("the file is empty; export it again")
        columns = {column for source in self._profile.sources for column in source.required if column.startswith("/")}
        missing = sorted(column for column in columns if not all(column_getter(column)(root) for root in self._roots()))
        if missing:
            raise UnreadableFileError(f"the document has no {', '.join(missing)}")
        check_expected(self._profile, lambda column: [column_getter(column)(root) for root in self._roots()])

    def _roots(self) -> list[JsonRecord]:
        return [JsonRecord(shell, None) for shell in self._shells]

    def _no_list(self, line: int, shell: JsonObject) -> str:
        lists = " or ".join(sorted("/".join(prefix) for prefix in self._prefixes))
        has = ", ".join(repr(key[:40]) for key in list(shell)[:20]) or "nothing"
        return f"line {line}: the document has no list {lists}; it has {has}. Is this the right folder for this file?"

    # ----------------------------------------------------------------------------------------------- walking

    def _units(self, wanted: Collection[Steps], *, surveying: bool = False) -> Iterator[_Unit]:
        builder = Builder(events(self._stream))
        document = 0
        for line, event, value in builder.events:
            if self._place.bare:
                yield from self._bare(builder, (line, event, value), wanted, surveying)
            elif self._place.key is not None and event == "start_map":
                yield from self._under_key(builder, self._place.key, wanted, surveying)
            elif event == "start_array":
                for item_line, item_event, item in builder.events:
                    if item_event == "end_array":
                        break
                    yield from self._document(builder, (item_line, item_event, item), document, wanted, surveying)
                    document += 1
            else:
                yield from self._document(builder, (line, event, value), document, wanted, surveying)
                document += 1

    def _bare(self, builder: Builder, event: Event, wanted: Collection[Steps], surveying: bool) -> Iterator[_Unit]:
        """The elements of a list without the object around it, or a single one of them."""
        (prefix,) = self._prefixes
        if surveying:
            self._shells = self._shells or [JsonObject(event[0], 0)]
        if event[1] == "start_array":
            yield from self._list(builder, event, 0, prefix, wanted, surveying)
        else:
            self._found.add(prefix)
            yield _Unit(0, prefix, event[0], builder.build(event))

    def _under_key(self, builder: Builder, name: str, wanted: Collection[Steps], surveying: bool) -> Iterator[_Unit]:
        """Rows that are the elements of a list of this name."""
        for _, kind, key in builder.events:
            if kind == "end_map":
                return
            inner = next(builder.events)
            if key != name or inner[1] != "start_array":
                builder.skip(inner)
                continue
            for item in builder.events:
                if item[1] == "end_array":
                    break
                yield from self._document(builder, item, 0, wanted, surveying)

    def _document(
        self, builder: Builder, event: Event, document: int, wanted: Collection[Steps], surveying: bool
    ) -> Iterator[_Unit]:
        line = event[0]
        if event[1] != "start_map":
            raise UnreadableFileError(f"line {line}: the document is no JSON object")
        if () in self._prefixes:
            value = builder.build(event)
            if surveying:
                # Every document is a row or holds them; what is said of the whole file stands in the first.
                self._shells = self._shells or [value]
                self._found.add(())
            yield _Unit(document, (), line, value)
            return
        lists = self._lists
        shell = yield from self._walk(builder, event, document, (), wanted, surveying)
        if surveying:
            if self._lists == lists:
                raise UnreadableFileError(self._no_list(line, shell))
            self._shells.append(shell)
            if len(self._shells) > MAX_DOCUMENTS:
                raise UnreadableFileError(f"the file holds more than {MAX_DOCUMENTS} documents")

    def _walk(
        self,
        builder: Builder,
        event: Event,
        document: int,
        at: Steps,
        wanted: Collection[Steps],
        surveying: bool,
    ) -> Generator[_Unit, None, JsonObject]:
        """An object on the way to the lists: yields the lists' elements, returns what else is wanted of it."""
        shell = builder.new_object(event[0])
        seen: set[str] = set()
        for line, kind, key in builder.events:
            if kind == "end_map":
                break
            if key in seen:
                raise UnreadableFileError(f"line {line}: {key[:40]!r} appears twice in the same object")
            seen.add(key)
            if len(seen) > MAX_DOCUMENTS:
                raise UnreadableFileError(f"line {line}: one object holds more than {MAX_DOCUMENTS} names")
            path = (*at, key)
            inner = next(builder.events)
            if path in self._prefixes:
                yield from self._list(builder, inner, document, path, wanted, surveying)
            elif inner[1] == "start_map" and any(prefix[: len(path)] == path for prefix in self._prefixes):
                shell[key] = yield from self._walk(builder, inner, document, path, wanted, surveying)
            elif surveying and is_wanted(path, self._wanted):
                shell[key] = builder.build(inner)
            else:
                builder.skip(inner)
                if surveying:
                    shell.setdefault(key, None)
        return shell

    def _list(
        self,
        builder: Builder,
        event: Event,
        document: int,
        path: Steps,
        wanted: Collection[Steps],
        surveying: bool,
    ) -> Iterator[_Unit]:
        if event[1] not in ("start_array", "null"):
            raise UnreadableFileError(f"line {event[0]}: {'/'.join(path)} is no list")
        self._found.add(path)
        self._lists += 1
        if event[1] == "null":
            return
        for item in builder.events:
            if item[1] == "end_array":
                return
            if path in wanted:
                yield _Unit(document, path, item[0], builder.build(item))
            else:
                builder.skip(item)


# -------------------------------------------------------------------------------------------------- rows


def _prefix(source: Source) -> Steps:
    """The path of a source's outermost list; empty when it has none and the document is the row's whole."""
    steps = steps_of(source.path)
    return steps[: steps.index(EVERY)] if EVERY in steps else ()


def _rivals(sources: Sequence[Source]) -> dict[int, list[tuple[int, list[Getter]]]]:
    """For each source those that have the same rows, where there are several: their places, and what they require."""
    places: dict[Steps, list[tuple[int, list[Getter]]]] = {}
    for index, source in enumerate(sources):
        required = [column_getter(column) for column in source.required]
        places.setdefault(steps_of(source.path), []).append((index, required))
    return {index: same for same in places.values() if len(same) > 1 for index, _ in same}


def _climbed_paths(sources: Iterable[Source]) -> set[Steps]:
    """Columns that rows read from around their outermost list, as paths from the document."""
    climbed = set()
    for source in sources:
        steps = steps_of(source.path)
        objects = [steps[:end] for end in range(len(steps) + 1) if steps[end : end + 1] != (EVERY,)]
        for column in row_columns(source):
            path = column_path(column)
            if not path.absolute and 0 < path.ups < len(objects):
                origin = objects[-1 - path.ups]
                if EVERY not in origin:
                    climbed.add((*origin, *path.down))
    return climbed


def _rows_of_unit(unit: _Unit, steps: Steps, surroundings: JsonRecord | None) -> Iterator[JsonRecord | str]:
    if not unit.prefix:
        yield from rows_below(JsonRecord(unit.value, None), steps)
    elif not isinstance(unit.value, JsonObject):
        yield f"the entry of {'/'.join(unit.prefix)} is no object"
    else:
        yield from rows_below(JsonRecord(unit.value, surroundings), steps[len(unit.prefix) + 1 :])


# ---------------------------------------------------------------------------------------------- rejected rows


def write_rejected(content: FileContent, profile: ScheduleProfile, reasons: Mapping[int, str]) -> tuple[bytes, str]:
    """The rejected rows with all that surrounds them, each with its `reason`, in the file's own layout."""
    document = JsonContainer(content.stream, profile).rejected(reasons)
    return json.dumps(document, ensure_ascii=False, indent=1, default=_number).encode() + b"\n", "application/json"


def _kept(value: JsonObject, paths: list[Steps], marked: Mapping[int, str]) -> dict[str, Any] | None:
    """An object with only the marked rows in its lists of rows; None when there are none."""
    kept: dict[str, Any] = dict(value)
    found = id(value) in marked
    for step in {path[0] for path in paths if path}:
        rests = [path[1:] for path in paths if path[:1] == (step,)]
        inner = value.get(step)
        if isinstance(inner, list):
            below = [rest[1:] for rest in rests]
            items = [_kept(item, below, marked) for item in inner if isinstance(item, JsonObject)]
            kept[step] = [item for item in items if item is not None]
        elif isinstance(inner, JsonObject):
            kept[step] = _kept(inner, rests, marked) or {}
        found = found or bool(kept.get(step))
    if id(value) in marked:
        kept["reason"] = marked[id(value)]
    return kept if found else None


def _list_at(document: dict[str, Any], prefix: Steps) -> list[Any]:
    """The list at a path of a document that is being written."""
    place = document
    for step in prefix[:-1]:
        place = place.setdefault(step, {})
    found: list[Any] = place.setdefault(prefix[-1], [])
    return found


def _said(shell: JsonObject) -> dict[str, Any]:
    """What was kept of the surroundings of the lists."""
    return {
        key: _said(value) if isinstance(value, JsonObject) else value
        for key, value in shell.items()
        if value is not None
    }


def _number(value: object) -> int | float:
    if not isinstance(value, Decimal):
        raise TypeError(type(value).__name__)
    return int(value) if value.adjusted() < 20 and value == value.to_integral_value() else float(value)
