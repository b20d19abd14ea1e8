"""Whether a file writes the day or the month first, where its profile leaves that open: judged by all of its dates."""

from collections.abc import Iterable
from datetime import datetime
from itertools import combinations

from functions.schedule_import.profile import ScheduleProfile
from functions.schedule_import.profile.layout import Source, Times
from functions.schedule_import.reading.records import Container, Numbered
from functions.schedule_import.reading.row.values import pattern_reader
from functions.schedule_import.reading.segments import UnreadableFileError

_PROBE = datetime(2027, 3, 4, 5, 6, 7)  # noqa: DTZ001 - a wall clock


def settled_times(container: Container, source: Source, profile: ScheduleProfile) -> Times:
    """The times of a source with those patterns that this file is written in.

    Raises UnreadableFileError when its dates can be read in two ways.
    """
    times, fields = source.times, source.fields
    if profile.format.kind in ("xlsx", "xlsx-grid"):
        # Cells that hold real dates arrive as ISO texts, whatever the sheet shows.
        times = times.model_copy(
            update={"date": (*times.date, "iso"), "moment": (*times.moment, "iso"), "time": (*times.time, "%H:%M:%S")}
        )
    dates = _settled(times.date, (fields.date, fields.end_date, fields.shift_date), container, source, profile)
    moments = _settled(times.moment, (fields.start, fields.end), container, source, profile)
    return times.model_copy(update={"date": dates, "moment": moments})


def _settled(
    patterns: tuple[str, ...],
    columns: Iterable[str | None],
    container: Container,
    source: Source,
    profile: ScheduleProfile,
) -> tuple[str, ...]:
    patterns = tuple(dict.fromkeys(patterns))
    if not any(_differ(one, other) for one, other in combinations(patterns, 2)):
        return patterns
    getters = [getter for column in columns if column and (getter := container.getter(source, column))]
    texts = {
        getter(item.record).strip()
        for item in container.records(source)
        if isinstance(item, Numbered)
        for getter in getters
    }
    return settle(patterns, texts, profile.name)


def _differ(one: str, other: str) -> bool:
    """Whether a text may be a date in both patterns, and another one."""
    if "iso" in (one, other):
        return False
    read = pattern_reader(other)(_PROBE.strftime(one))
    return read is not None and read.date() != _PROBE.date()


def settle(patterns: tuple[str, ...], texts: Iterable[str], profile_name: str) -> tuple[str, ...]:
    """The patterns that these texts are written in; one that reads all of them comes before any other.

    Raises UnreadableFileError when two patterns read a text differently and nothing tells which is meant.
    """
    texts = set(texts)
    if not any(len(_readings(text, patterns)) > 1 for text in texts):
        return patterns
    known = [text for text in texts if _readings(text, patterns)]
    complete = tuple(each for each in patterns if all(pattern_reader(each)(text) is not None for text in known))
    doubtful = sorted(text for text in known if len(_readings(text, complete or patterns)) > 1)
    if complete and not doubtful:
        return complete
    raise UnreadableFileError(
        f"nothing in the file tells whether {doubtful[0]!r} is written as {' or as '.join(complete or patterns)}; fix "
        f'the order by "times": {{"date": [...]}} (or "moment") in config/schedule-profiles/{profile_name}.json'
    )


def _readings(text: str, patterns: Iterable[str]) -> set[datetime]:
    return {moment for pattern in patterns if (moment := pattern_reader(pattern)(text)) is not None}
