"""The short way for the rows of delimited files: hundreds of thousands of them say the same few things.

A row that is read here is read exactly as `RowReader.row` reads it; one with anything unusual about it is left to that.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import repeat
from operator import itemgetter, le, lt
from typing import Any, Final
from zoneinfo import ZoneInfo

from functions.schedule_import.profile.layout import Times
from functions.schedule_import.reading.delimited.blocks import Block, Cells
from functions.schedule_import.reading.delimited.delimited_rows import DelimitedContainer, Rows
from functions.schedule_import.reading.row.local_time import only_instant
from functions.schedule_import.reading.row.row_reader import RowReader
from functions.schedule_import.reading.row.row_rules import What, clean
from functions.schedule_import.reading.row.values import read_moment
from functions.schedule_import.reading.segments import Segment, Skip

_MEMORY = 50_000
_NEVER = (datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC))
"""A start after every end."""

_OTHER_TIMES = ("date", "end_date", "start_day", "end_day", "range", "template", "repeat_days", "shift_date")


type _Column = Sequence[Any] | repeat[Any]


def read_plain_rows(reader: RowReader, file: DelimitedContainer) -> None:
    """Every row of the file."""
    if _has_two_moments(reader, file):
        _TwoMoments(reader, file).read_all()
    else:
        _AnyTimes(reader, file).read_all()
    reader.finish()


def is_plain(reader: RowReader, file: DelimitedContainer) -> bool:
    """Whether each row stands for itself, and has no others inside."""
    source = reader.source
    _, _, agent_column = reader.agents[0]
    return not (
        source.nested
        or source.breaks
        or reader.has_versions
        or file.dropped_again
        or reader.getter(source.fields.repeat_days)  # it speaks for days on which nothing stands, too
        or any(
            column is not None and column.startswith("@file.") for column in (agent_column, source.fields.external_id)
        )
    )


def _has_two_moments(reader: RowReader, file: DelimitedContainer) -> bool:
    source = reader.source
    asked = {rule.column for rule in source.skip}
    ends = (source.fields.start, source.fields.end)
    return (
        source.whole_day is None
        and all(column and column not in asked and file.column(column) is not None for column in ends)
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
        # What the name of the file says is the same in every row.
        places = [place for column in columns if (place := file.column(column)) is not None]
        self.places = places or [self.agent_at]
        self.pick: Any = itemgetter(*self.places)
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
            if isinstance(rows, Block):
                self._read_block(rows)
            else:
                self.read(rows)
            self.forget()
            self.reader.count(len(reading.segments) - before - self.long_way_segments)

    def _read_block(self, block: Block) -> None:
        """Together what is ordinary, each other row by itself."""
        columns, unusual = self.together(block)
        if 2 * len(unusual) > block.count:
            self.read(block)
            return
        start = 0
        for index in unusual:
            self._append(block, columns, start, index)
            self.read(Rows(block.first + index, (block.row(index),)))
            start = index + 1
        self._append(block, columns, start, block.count)

    def _append(self, block: Block, columns: Sequence[_Column], start: int, stop: int) -> None:
        """The segments of some rows. The columns are those of a segment, from the agent on."""
        if start == stop:
            return
        if stop - start < block.count:
            columns = [each if isinstance(each, repeat) else each[start:stop] for each in columns]
        rows = zip(range(block.first + start, block.first + stop), *columns, strict=False)
        self.reader.reading.segments.extend(map(tuple.__new__, repeat(Segment), rows))

    def said_by(self, block: Block, nothing: Said) -> list[Said]:
        """What is remembered of each row, or `nothing`."""
        columns = [block.column(place) for place in self.places]
        keys = columns[0] if len(columns) == 1 else zip(*columns, strict=True)
        return list(map(self.known.get, keys, repeat(nothing)))

    def agents_of(self, block: Block) -> list[str]:
        """Who each row is about; an empty text where it names nobody."""
        return list(map(self.agents.__getitem__, block.column(self.agent_at)))

    def own_ids_of(self, block: Block) -> _Column:
        """What the source calls each row."""
        return repeat("") if self.external_id_at is None else list(map(str.strip, block.column(self.external_id_at)))

    def forget(self) -> None:
        """Schedules repeat themselves; where one does not, memory stays flat."""
        if len(self.known) > _MEMORY:
            self.known.clear()

    @abstractmethod
    def together(self, block: Block) -> tuple[Sequence[_Column], list[int]]:
        """What the rows of a block say as columns of segments, from the agent on, and which rows (from 0) are not
        ordinary or not like one before; the columns have anything there."""

    @abstractmethod
    def read(self, rows: Rows | Block) -> None:
        """Some rows of one line each, one by one."""

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

    _NOTHING: Final = (None,) * 9

    def __init__(self, reader: RowReader, file: DelimitedContainer) -> None:
        super().__init__(reader, file, list(reader.columns))

    def learn(self, cells: Cells, what: What) -> None:
        stretch = what.stretches[0].stretch
        if not stretch.choices:
            said = (stretch.start, stretch.end, what.stretches[0].activity, stretch.shift_date, what.zone_name)
            self.known[self.pick(cells)] = (*said, what.plan, what.team, what.site, what.status)

    def together(self, block: Block) -> tuple[Sequence[_Column], list[int]]:
        """See `_PlainRows`."""
        said, agents = self.said_by(block, self._NOTHING), self.agents_of(block)
        unusual = list[int]()
        if self._NOTHING in said or not all(agents):
            rows = enumerate(zip(said, agents, strict=True))
            unusual = [index for index, (each, agent) in rows if each is self._NOTHING or not agent]
        return (agents, repeat(self.identity), *zip(*said, strict=True), self.own_ids_of(block)), unusual

    def read(self, rows: Rows | Block) -> None:
        """See `_PlainRows`."""
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
                words = (activity, shift_date, zone, plan, team, site, status, own_id)
                append(new(Segment, (number, agent, identity, start, end, *words)))
            else:
                self.long_way(number, cells)


class _Ends(dict[str, datetime]):
    """For the text of an end the moment in UTC."""

    def __init__(self, times: Times, zone: ZoneInfo | None) -> None:
        super().__init__()
        self._times, self._zone = times, zone

    def __missing__(self, text: str) -> datetime:
        found = self[text] = _instant(text, self._times, self._zone) or _NEVER[1]
        return found


class _Starts(dict[str, tuple[datetime, datetime]]):
    """For the text of a start the moment in UTC, and the last one at which an ordinary row ends."""

    def __init__(self, moments: _Ends, longest: timedelta) -> None:
        super().__init__()
        self._moments, self._longest = moments, longest  # one row ends as another starts: each text is read once

    def __missing__(self, text: str) -> tuple[datetime, datetime]:
        moment = self._moments[text]
        found = self[text] = _NEVER if moment is _NEVER[1] else (moment, moment + self._longest)
        return found


class _NoStarts(dict[str, tuple[datetime, datetime]]):
    """Of rows that are not known yet."""

    def __missing__(self, text: str) -> tuple[datetime, datetime]:
        return _NEVER


class _NoEnds(dict[str, datetime]):
    """Of rows that are not known yet."""

    def __missing__(self, text: str) -> datetime:
        return _NEVER[1]


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


type _SaidBesideMoments = tuple[str, str, str, str, str, str, dict[str, tuple[datetime, datetime]], dict[str, datetime]]


class _TwoMoments(_PlainRows[_SaidBesideMoments]):
    """Rows from one moment to another: texts of moments are remembered apart from everything else."""

    _NOTHING: Final = ("", "", "", "", "", "", _NoStarts(), _NoEnds())

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
            ends = _Ends(self._times, zone)
            self._moments[zone] = _Starts(ends, timedelta(hours=self._times.max_hours)), ends
        said = (what.stretches[0].activity, what.zone_name, what.plan, what.team, what.site, what.status)
        self.known[self.pick(cells)] = (*said, *self._moments[zone])

    def together(self, block: Block) -> tuple[Sequence[_Column], list[int]]:
        """See `_PlainRows`."""
        said, agents = self.said_by(block, self._NOTHING), self.agents_of(block)
        activities, *words, start_maps, end_maps = zip(*said, strict=True)
        starts, latest = zip(*_looked_up(start_maps, block.column(self._start_at)), strict=True)
        ends = _looked_up(end_maps, block.column(self._end_at))
        unusual = list[int]()
        if not (all(agents) and all(map(lt, starts, ends)) and all(map(le, ends, latest))):
            rows = enumerate(zip(agents, starts, ends, latest, strict=True))
            unusual = [index for index, (agent, start, end, last) in rows if not (agent and start < end <= last)]
        times: tuple[_Column, ...] = (starts, ends, activities, repeat(None))
        return (agents, repeat(self.identity), *times, *words, self.own_ids_of(block)), unusual

    def read(self, rows: Rows | Block) -> None:
        """See `_PlainRows`."""
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
                words = (activity, None, zone, plan, team, site, status, own_id)
                append(new(Segment, (number, agent, identity, start, end, *words)))
            else:
                self.long_way(number, cells)

    def forget(self) -> None:
        """See `_PlainRows`."""
        super().forget()
        if any(len(starts) + len(ends) > 2 * _MEMORY for starts, ends in self._moments.values()):
            self._moments.clear()
            self.known.clear()


def _looked_up[Value](maps: Sequence[dict[str, Value]], texts: list[str]) -> list[Value]:
    """Each text in its own map; most files have one map for all."""
    first = maps[0]
    if all(each is first for each in maps):
        return list(map(first.__getitem__, texts))
    return [each[text] for each, text in zip(maps, texts, strict=True)]
