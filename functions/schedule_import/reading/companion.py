"""Two files that belong together: the rows of the second become nested rows of the first, joined by a key."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from functions.schedule_import.profile import ScheduleProfile
from functions.schedule_import.profile.layout import Companion, Fields, Source, columns_of
from functions.schedule_import.reading.records import Container, FileContent, Getter, Numbered, Record
from functions.schedule_import.reading.segments import Skip, UnreadableFileError


def in_order(content: FileContent, companion: FileContent | None, rules: Companion) -> tuple[FileContent, FileContent]:
    """The primary file and its companion, in whichever order they came. Raises UnreadableFileError for one alone."""
    if companion is None:
        raise UnreadableFileError(
            f"the file needs its other half, whose name has {rules.companion!r} where the first has {rules.primary!r}"
        )
    is_second = other_half(content.name, rules.companion, rules.primary) is not None
    return (companion, content) if is_second else (content, companion)


def other_half(name: str, has: str, needs: str) -> str | None:
    """The name with `needs` where this one `has` its word, in capitals where that is; None where it has it not.

    Folders do not count; a word that stands alone comes before a part of another one (`nightshift_shift.csv`).
    """
    folder, slash, base = name.rpartition("/")
    found = list(re.finditer(re.escape(has), base, re.IGNORECASE))
    if not found:
        return None
    alone = [each for each in found if not any(map(str.isalpha, base[: each.start()][-1:] + base[each.end() :][:1]))]
    place = (alone or found)[0]
    written = place[0]
    new = needs.upper() if written.isupper() else needs.title() if written.istitle() else needs
    return f"{folder}{slash}{base[: place.start()]}{new}{base[place.end() :]}"


def companion_profile(profile: ScheduleProfile, rules: Companion) -> ScheduleProfile:
    """The profile that the companion file's rows are found with."""
    keys = columns_of(rules.key)
    source = Source(fields=Fields(agent=keys[0]), required=(*keys, rules.rows.start))
    return profile.model_copy(update={"sources": (source,), "refuse": None})


def primary_profile(profile: ScheduleProfile, rules: Companion) -> ScheduleProfile:
    """The profile with the companion's rows nested in each of its own."""
    sources = tuple(each.model_copy(update={"nested": (*each.nested, rules.rows)}) for each in profile.sources)
    return profile.model_copy(update={"sources": sources})


class JoinedContainer:
    """The primary file (see `records.Container`); inside its records are those of the companion with the same key."""

    def __init__(self, primary: Container, companion: Container, rules: Companion) -> None:
        self._primary, self._companion, self._rules = primary, companion, rules
        (self._companion_source,) = companion.sources()
        self._rows = self._by_key()
        for source in primary.sources():
            for column in columns_of(rules.primary_key):
                if primary.getter(source, column) is None:
                    raise UnreadableFileError(f"the file lacks the column {column}, which its companion refers to")
            self._key = _keys(primary, source, rules.primary_key)

    def _by_key(self) -> dict[tuple[str, ...], list[Record]]:
        """The companion's rows. A broken one may belong to any row, so it breaks the whole."""
        key = _keys(self._companion, self._companion_source, self._rules.key)
        rows: defaultdict[tuple[str, ...], list[Record]] = defaultdict(list)
        for item in self._companion.records(self._companion_source):
            if isinstance(item, Skip):
                raise UnreadableFileError(f"row {item.row} of the companion file cannot be read: {item.reason}")
            rows[key(item.record)].append(item.record)
        return rows

    def sources(self) -> Sequence[Source]:
        """See `records.Container`."""
        return list(self._primary.sources())

    def records(self, source: Source) -> Iterator[Numbered | Skip]:
        """See `records.Container`."""
        return self._primary.records(source)

    def getter(self, source: Source, column: str) -> Getter | None:
        """See `records.Container`."""
        return self._primary.getter(source, column)

    def children(self, record: Record, path: str) -> Iterable[Record]:
        """The companion's rows of this record's key."""
        if path != self._rules.rows.path:
            return self._primary.children(record, path)
        return self._rows.get(self._key(record), ())

    def nested_getter(self, path: str, column: str) -> Getter:
        """How to read a column of the companion's rows; one that the file lacks is empty."""
        if path != self._rules.rows.path:
            return self._primary.nested_getter(path, column)
        return self._companion.getter(self._companion_source, column) or _empty

    def document(self, column: str) -> str:
        """See `records.Container`."""
        return self._primary.document(column)

    def table(self, path: str) -> Iterable[Record]:
        """See `records.Container`."""
        return self._primary.table(path)


def _keys(container: Container, source: Source, columns: str | tuple[str, ...]) -> Callable[[Record], tuple[str, ...]]:
    """How to read what the rows of both files are joined by."""
    getters = [container.getter(source, column) or _empty for column in columns_of(columns)]
    return lambda record: tuple([getter(record) for getter in getters])


def _empty(record: Record) -> str:
    return ""
