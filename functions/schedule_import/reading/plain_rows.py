"""The short way for the rows of delimited files: hundreds of thousands of them say the same few things.

A row that is read here is read exactly as `RowReader.row` reads it; one with anything unusual about it is left to that.
"""

from abc import ABC, abstractmethod
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from functions.schedule_import.profile.layout import Times
from functions.schedule_import.reading.delimited_rows import Cells, DelimitedContainer, Rows
from functions.schedule_import.reading.local_time import only_instant
from functions.schedule_import.reading.row_reader import RowReader
from functions.schedule_import.reading.row_rules import What, clean
from functions.schedule_import.reading.segments import Segment, Skip
from functions.schedule_import.reading.values import read_moment

_MEMORY = 50_000
_NEVER = (datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC))
"""A start after every end."""

_OTHER_TIMES = ("date", "end_date", "start_day", "end_day", "range", "template", "repeat_days", "shift_date")


def read_plain_rows(reader: RowReader, file: DelimitedContainer) -> None:
    """Every row of the file."""
    if _has_two_moments(reader):
        _TwoMoments(reader, file).read_all()
    else:
        _AnyTimes(reader, file).read_all()
    reader.finish()


def is_plain(reader: RowReader, file: DelimitedContainer) -> bool:
    """Whether each row stands for itself, and has no others inside."""
    source = reader.source
    return not (source.nested or source.breaks or reader.has_versions or file.dropped_again)


def _has_two_moments(reader: RowReader) -> bool:
    source = reader.source
    asked = {rule.column for rule in source.skip}
    ends = (source.fields.start, source.fields.end)
    return (
        source.whole_day is None
        and all(column and column not in asked and reader.getter(column) for column in ends)
        and not any(reader.getter(getattr(source.fields, name)) for name in _OTHER_TIMES)
    )


class _Agents(dict[str, str]):
    """The clean text of each agent's cell, one object however often it is repeated."""

    def __missing__(self, text: str) -> str:
        agent = self[text] = clean(text)
        return agent


class _PlainRows[Said](ABC):
    """What both short ways share: what is known about cells, and the long way for all others."""

    def __init__(self, reader: RowReader, file: DelimitedContainer, columns: list[str]) -> None:
        self.reader, self.file = reader, file
        _, self.identity, agent_column = reader.agents[0]
        self.agent_at = self._place(agent_column)
        self.agents = _Agents()
        external_id = reader.source.fields.external_id
        self.external_id_at = file.column(external_id) if external_id else None
        places = [self._place(column) for column in columns] or [self.agent_at]
        self.pick: Any = itemgetter(*places)
        self.known: dict[Any, Said] = {}
        self.long_way_segments = 0

    def _place(self, column: str) -> int:
        place = self.file.column(column)
        assert place is not None, column
        return place

    def read_all(self) -> None:
        """Every row of the file."""
        reading = self.reader.reading
        for rows in self.file.chunks():
            if isinstance(rows, Skip):
                self.reader.broken(rows)
                continue
            before, self.long_way_segments = len(reading.segments), 0
            self.read(rows)
            self.reader.count(len(reading.segments) - before - self.long_way_segments)
            if len(self.known) > _MEMORY:
                self.known.clear()

    @abstractmethod
    def read(self, rows: Rows) -> None:
        """Some rows of one line each."""

    @abstractmethod
    def learn(self, cells: Cells, what: What) -> None:
        """Remember what an ordinary row said."""

    def long_way(self, number: int, cells: Cells) -> None:
        """A row that is not known yet, or not plain."""
        reader = self.reader
        checked = self.file.checked(number, cells)
        if isinstance(checked, Skip):
            reader.broken(checked)
        elif checked is not None:
            before = len(reader.reading.segments)
            what = reader.row(number, cells)
            self.long_way_segments += len(reader.reading.segments) - before
            if what.skip is None and what.problem is None and len(what.stretches) == 1:
                self.learn(cells, what)


class _AnyTimes(_PlainRows[tuple[Any, ...]]):
    """Rows whose time is said in any way: all that they say together is remembered."""

    def __init__(self, reader: RowReader, file: DelimitedContainer) -> None:
        super().__init__(reader, file, list(reader.columns))

    def learn(self, cells: Cells, what: What) -> None:
        stretch = what.stretches[0].stretch
        if not stretch.choices:
            said = (stretch.start, stretch.end, what.stretches[0].activity, stretch.shift_date, what.zone_name)
            self.known[self.pick(cells)] = (*said, what.plan, what.team, what.site, what.status)

    def read(self, rows: Rows) -> None:
        known, pick, agents, agent_at = self.known, self.pick, self.agents, self.agent_at
        identity, id_at, width = self.identity, self.external_id_at, self.file.width
        append, new = self.reader.reading.segments.append, tuple.__new__
        own_id = agent_text = agent = ""
        for number, cells in enumerate(rows.cells, rows.first):
            if len(cells) != width:
                self.long_way(number, cells)
                continue
            try:
                start, end, activity, shift_date, zone, plan, team, site, status = known[pick(cells)]
            except KeyError:
                self.long_way(number, cells)
                continue
            if cells[agent_at] != agent_text:
                agent_text = cells[agent_at]
                agent = agents[agent_text]
            if agent:
                if id_at is not None:
                    own_id = cells[id_at].strip()
                row = (
                    number,
                    agent,
                    identity,
                    start,
                    end,
                    activity,
                    shift_date,
                    zone,
                    plan,
                    team,
                    site,
                    status,
                    own_id,
                )
                append(new(Segment, row))
            else:
                self.long_way(number, cells)


class _Starts(dict[str, tuple[datetime, datetime]]):
    """For the text of a start the moment in UTC, and the last one at which an ordinary row ends."""

    def __init__(self, times: Times, zone: ZoneInfo | None) -> None:
        super().__init__()
        self._times, self._zone, self._longest = times, zone, timedelta(hours=times.max_hours)

    def __missing__(self, text: str) -> tuple[datetime, datetime]:
        moment = _instant(text, self._times, self._zone)
        found = self[text] = _NEVER if moment is None else (moment, moment + self._longest)
        return found


class _Ends(dict[str, datetime]):
    """For the text of an end the moment in UTC."""

    def __init__(self, times: Times, zone: ZoneInfo | None) -> None:
        super().__init__()
        self._times, self._zone = times, zone

    def __missing__(self, text: str) -> datetime:
        found = self[text] = _instant(text, self._times, self._zone) or _NEVER[1]
        return found


def _instant(text: str, times: Times, zone: ZoneInfo | None) -> datetime | None:
    """The only moment in UTC that a text can mean: a wall clock of the zone, or without one a time with an offset."""
    moment = read_moment(clean(text), times.moment)
    if moment is None:
        return None
    if times.ignore_offset:
        moment = moment.replace(tzinfo=None)
    try:
        if zone is not None:
            return only_instant(moment, zone) if moment.tzinfo is None else None
        return moment.astimezone(UTC) if moment.tzinfo is not None else None
    except OverflowError:
        return None


class _TwoMoments(_PlainRows[tuple[str, str, str, str, str, str, _Starts, _Ends]]):
    """Rows from one moment to another: texts of moments are remembered apart from everything else."""

    def __init__(self, reader: RowReader, file: DelimitedContainer) -> None:
        fields = reader.source.fields
        assert fields.start
        assert fields.end
        super().__init__(reader, file, [each for each in reader.columns if each not in (fields.start, fields.end)])
        self._start_at, self._end_at = self._place(fields.start), self._place(fields.end)
        self._times = reader.rules.times.times
        self._moments: dict[ZoneInfo | None, tuple[_Starts, _Ends]] = {}

    def learn(self, cells: Cells, what: What) -> None:
        start = read_moment(clean(cells[self._start_at]), self._times.moment)
        has_offset = start is not None and start.tzinfo is not None and not self._times.ignore_offset
        zone = None if has_offset else what.zone
        if zone not in self._moments:
            self._moments[zone] = _Starts(self._times, zone), _Ends(self._times, zone)
        said = (what.stretches[0].activity, what.zone_name, what.plan, what.team, what.site, what.status)
        self.known[self.pick(cells)] = (*said, *self._moments[zone])

    def read(self, rows: Rows) -> None:
        known, pick, agents = self.known, self.pick, self.agents
        agent_at, start_at, end_at = self.agent_at, self._start_at, self._end_at
        identity, id_at, width = self.identity, self.external_id_at, self.file.width
        append, new = self.reader.reading.segments.append, tuple.__new__
        own_id = agent_text = agent = ""
        for number, cells in enumerate(rows.cells, rows.first):
            if len(cells) != width:
                self.long_way(number, cells)
                continue
            try:
                activity, zone, plan, team, site, status, starts, ends = known[pick(cells)]
            except KeyError:
                self.long_way(number, cells)
                continue
            start, latest = starts[cells[start_at]]
            end = ends[cells[end_at]]
            if cells[agent_at] != agent_text:
                agent_text = cells[agent_at]
                agent = agents[agent_text]
            if start < end <= latest and agent:
                if id_at is not None:
                    own_id = cells[id_at].strip()
                row = (number, agent, identity, start, end, activity, None, zone, plan, team, site, status, own_id)
                append(new(Segment, row))
            else:
                self.long_way(number, cells)
        self._forget()

    def _forget(self) -> None:
        """Moments are few in a schedule; where they are not, memory stays flat."""
        if any(len(starts) + len(ends) > 2 * _MEMORY for starts, ends in self._moments.values()):
            self._moments.clear()
            self.known.clear()
