"""The rows of one source of an opened file, taken into a Reading. One bad row never costs the good ones."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

from functions.schedule_import.profile import ScheduleProfile
from functions.schedule_import.profile.layout import Nested, Source
from functions.schedule_import.reading.records import Container, Getter, Record, place_of
from functions.schedule_import.reading.row.cutting import NamedStretch, cut
from functions.schedule_import.reading.row.row_rules import RowRules, What, clean, missing_activity
from functions.schedule_import.reading.row.stretches import Problem, RowProblem
from functions.schedule_import.reading.row.versions import winners
from functions.schedule_import.reading.segments import (
    AgentDay,
    Issue,
    ProtectedDay,
    Reading,
    Segment,
    Skip,
    UnreadableFileError,
)

MAX_ROWS = 500_000
MAX_SEGMENTS = 1_000_000
"""What rows may become, repetitions unfolded."""
_MEMORY = 50_000
"""Distinct rows (but for the agent) that are remembered; files repeat the same ones for many agents."""

_MAX_PROTECTED_DAYS = 400

type Key = tuple[str, ...]
type Pick = Callable[[Record], Key]


class Agent(NamedTuple):
    """Who a row is about; `text` is empty where it names nobody."""

    text: str
    identity: str
    column: str


class _Row(NamedTuple):
    """A row before it is known which of its versions counts."""

    number: int
    agent: Agent
    external_id: str
    what: What
    record: Record


@dataclass
class RowReader:
    """Takes rows into `reading`; `finish` when all are there. `file_groups` are the values of `@file.<group>`."""

    container: Container
    source: Source
    profile: ScheduleProfile
    rules: RowRules
    file_groups: dict[str, str]
    reading: Reading
    _memory: dict[Key, What] = field(default_factory=dict)
    _versions: list[tuple[Key, str, _Row]] = field(default_factory=list)
    _deleted: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    _days_off: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        fields = self.source.fields
        candidates = self.profile.agent_columns(fields.agent)
        self.agents = [(getter, identity, column) for column, identity in candidates if (getter := self.getter(column))]
        if not self.agents:
            names = ", ".join(column for column, _ in candidates)
            raise UnreadableFileError(f"the file has none of the columns that may name the agent: {names}")
        self._nobody = Agent("", candidates[0][1], candidates[0][0])
        self._external_id = self.getter(fields.external_id)
        self._version = self.getter(fields.version)
        found = {column: getter for column in self.rules.columns() if (getter := self.getter(column))}
        self.columns: tuple[str, ...] = tuple(found)
        self._pick = _picker(list(found.values()))
        self._nested = [self._nested_reader(rules) for rules in self.source.nested]

    def getter(self, column: str | None) -> Getter | None:
        """How to read a column; None where neither the file nor its name has it."""
        if column is None:
            return None
        if column.startswith("@file."):
            value = self.file_groups.get(column.removeprefix("@file."))
            return None if value is None else lambda record: value
        return self.container.getter(self.source, column)

    def _nested_reader(self, rules: Nested) -> tuple[Nested, tuple[str, ...], Pick]:
        activities = (rules.activity,) if isinstance(rules.activity, str) else rules.activity
        columns = dict.fromkeys(
            column for column in (*activities, rules.start, rules.end, rules.length) if column is not None
        )
        return rules, tuple(columns), _picker([self.container.nested_getter(rules.path, each) for each in columns])

    # ------------------------------------------------------------------------------------------------- rows

    def read_all(self) -> None:
        """Every row of the source."""
        for item in self.container.records(self.source):
            if isinstance(item, Skip):
                self.broken(item)
            else:
                self.row(item.number, item.record)
        self.finish()

    def broken(self, skip: Skip) -> None:
        """A row whose cells cannot even be told apart: anybody's, on any day."""
        self.count(1)
        self.reading.skipped.append(skip)
        self.reading.protected.append(ProtectedDay(None, self._nobody.identity, None))

    @property
    def has_versions(self) -> bool:
        """Whether rows wait for other versions of themselves."""
        return self._version is not None

    def row(self, number: int, record: Record) -> What:
        """One row, and what it says."""
        self.count(1)
        what = self.what(self._pick(record))
        external_id = self._external_id(record).strip() if self._external_id else ""
        row = _Row(number, self._agent(record), external_id, what, record)
        is_draft = what.skip is not None and what.skip.code == "NOT_COMMITTED"
        if self._version is None or is_draft:
            self._take(row)
        else:
            key = (row.agent.text, external_id) if self.source.shared_ids else (external_id,)
            self._versions.append((key, self._version(record), row))
        return what

    def what(self, key: Key) -> What:
        """What a row with these texts says; remembered."""
        what = self._memory.get(key)
        if what is None:
            if len(self._memory) >= _MEMORY:
                self._memory.clear()
            what = self.rules.what({column: clean(text) for column, text in zip(self.columns, key, strict=True)})
            self._memory[key] = what
        return what

    def finish(self) -> None:
        """What can only be said when all rows are there."""
        if self._versions:
            self._take_versions()
        for (agent, _), rows in self._deleted.items():
            self.reading.issues.append(Issue("DELETED_IN_SOURCE", rows[0], agent=agent, value=str(len(rows))))
        if self._days_off:
            self.reading.issues.append(Issue("DAY_OFF_ROWS", self._days_off[0], value=str(len(self._days_off))))

    def count(self, rows: int) -> None:
        """So many more rows. Raises UnreadableFileError for too many."""
        self.reading.rows += rows
        if self.reading.rows > MAX_ROWS:
            raise UnreadableFileError(f"the file has more than {MAX_ROWS} rows; split it")

    def _agent(self, record: Record) -> Agent:
        for getter, identity, column in self.agents:
            text = clean(getter(record))
            if text:
                return Agent(text, identity, column)
        return self._nobody

    def _take(self, row: _Row) -> None:
        what = row.what
        if what.skip is not None:
            self._leave_out(row)
        elif not row.agent.text:
            self._refuse(row, Problem("MISSING_VALUE", "the row names no agent", row.agent.column))
        elif what.problem is not None:
            self._refuse(row, what.problem)
        else:
            try:
                stretches = self._stretches(row)
            except RowProblem as error:
                self._refuse(row, error.problem)
            else:
                self._write(row, stretches)

    def _write(self, row: _Row, stretches: Iterable[NamedStretch]) -> None:
        reading, agent = self.reading, row.agent
        reading.days_without_work += [
            AgentDay(agent.text, agent.identity, day) for day in dict.fromkeys(row.what.days) if day is not None
        ]
        for named in stretches:
            reading.segments.append(_segment(row, named))
            reading.issues += [
                Issue(choice.code, row.number, row.agent.text, choice.field, choice.chosen, choice.other)
                for choice in named.stretch.choices
            ]
        if len(reading.segments) > MAX_SEGMENTS:
            raise UnreadableFileError(f"the file's rows stand for more than {MAX_SEGMENTS} stretches; split it")

    def _refuse(self, row: _Row, problem: Problem) -> None:
        """A row that cannot be read: it is reported, and what it may be about stays as it is."""
        column = place_of(row.record) or problem.column
        self.reading.skipped.append(Skip(row.number, problem.code, problem.reason, column))
        self.reading.protected += [
            ProtectedDay(row.agent.text or None, row.agent.identity, day) for day in _days_of(row.what)
        ]

    def _leave_out(self, row: _Row) -> None:
        """A row without work. What it speaks for is empty, so its agent and days count all the same."""
        skip = row.what.skip
        assert skip is not None
        reading, agent = self.reading, row.agent
        if skip.keeps:
            reading.protected.append(ProtectedDay(agent.text or None, agent.identity, None))
        elif agent.text:
            days = dict.fromkeys(row.what.days)
            reading.days_without_work += [AgentDay(agent.text, agent.identity, day) for day in days]
        if skip.code == "DAY_OFF":
            self._days_off.append(row.number)
            return
        left_out = Skip(row.number, skip.code, skip.reason, skip.column)
        if not (reading.skipped and reading.skipped[-1] == left_out):
            # A row of a grid is left out once, and not for each of its days.
            reading.skipped.append(left_out)
        if skip.code == "DELETED_IN_SOURCE":
            self._deleted.setdefault((agent.text, agent.identity), []).append(row.number)
        elif skip.code == "CANCELLED":
            reading.issues.append(Issue("CANCELLED", row.number, agent=agent.text, value=row.external_id))
        if agent.text:
            reading.removed += [_segment(row, named) for named in row.what.stretches]

    # ------------------------------------------------------------------------------------- nested stretches

    def _stretches(self, row: _Row) -> Sequence[NamedStretch]:
        """The row's stretches; with breaks and other rows inside them cut out, and listed beside them."""
        if not (self._nested or self.source.breaks):
            return row.what.stretches
        texts = {column: clean(text) for column, text in zip(self.columns, self._pick(row.record), strict=True)}
        found: list[NamedStretch] = []
        for named in row.what.stretches:
            inner = [self._inside(named, row, *nested) for nested in self._nested]
            breaks = [
                NamedStretch(placed, each.activity)
                for each in self.source.breaks
                if (placed := self.rules.times.placed_break(each.after, each.length, texts, named.stretch))
            ]
            found += cut([[named], *inner, breaks])
        if not all(named.activity for named in found):
            raise missing_activity(self._activity_column())
        return found

    def _inside(
        self, around: NamedStretch, row: _Row, rules: Nested, columns: tuple[str, ...], pick: Pick
    ) -> list[NamedStretch]:
        found = []
        for record in self.container.children(row.record, rules.path):
            texts = {column: clean(text) for column, text in zip(columns, pick(record), strict=True)}
            names = (rules.activity,) if isinstance(rules.activity, str) else rules.activity
            word = next((self.rules.word(texts[name]) for name in names if texts[name]), rules.default_activity)
            if not word:
                raise missing_activity(names[0] if names else None)
            stretch = self.rules.times.inner_stretch(rules, texts, around.stretch, row.what.zone)
            found.append(NamedStretch(stretch, word))
        return found

    def _activity_column(self) -> str | None:
        columns = self.source.fields.activity or ()
        return columns if isinstance(columns, str) else next(iter(columns), None)

    # ---------------------------------------------------------------------------------------------- versions

    def _take_versions(self) -> None:
        counting, others = winners(self._versions)
        for row in counting:
            self._take(row)
        for row, is_equal in others:
            if is_equal:
                reason = "an earlier row of the file has the same id and version; the first one counts"
                self.reading.issues.append(
                    Issue("UID_CONFLICT", row.number, agent=row.agent.text or None, value=row.external_id)
                )
            else:
                reason = "the file has a newer version of this row"
            code = "UID_CONFLICT" if is_equal else "SUPERSEDED"
            self.reading.skipped.append(Skip(row.number, code, reason, self.source.fields.external_id))


def _picker(getters: Sequence[Getter]) -> Pick:
    return lambda record: tuple([getter(record) for getter in getters])


def _segment(row: _Row, named: NamedStretch) -> Segment:
    stretch, what = named.stretch, row.what
    return Segment(
        row=row.number,
        agent=row.agent.text,
        identity=row.agent.identity,
        start=stretch.start,
        end=stretch.end,
        activity=named.activity,
        shift_date=stretch.shift_date,
        time_zone=what.zone_name,
        plan=what.plan,
        team=what.team,
        site=what.site,
        status=what.status,
        external_id=row.external_id,
    )


def _days_of(what: What) -> list[date | None]:
    """The local days of a row that cannot be read; None for all of them."""
    first, last = what.days
    if what.stretches:
        stretch = what.stretches[0].stretch
        first = last = (
            stretch.shift_date or (stretch.start.astimezone(what.zone) if what.zone else stretch.start).date()
        )
    if first is None or last is None or not 0 <= (last - first).days <= _MAX_PROTECTED_DAYS:
        return [None]
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
