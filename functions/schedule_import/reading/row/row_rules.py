"""What one row of a source says, from its texts: whether it counts, what is done, when, where. Pure, and repeatable:
rows with the same texts say the same, whoever they are about."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple
from zoneinfo import ZoneInfo

from functions.schedule_import.profile import ScheduleProfile, time_zone
from functions.schedule_import.profile.layout import SkipRule, Source
from functions.schedule_import.reading.row.cutting import NamedStretch, cut
from functions.schedule_import.reading.row.stretches import Problem, RowProblem, Texts, TimeRules
from functions.schedule_import.reading.segments import UnreadableFileError

MAX_NAME_CHARACTERS = 100
"""msdyn_name and name of activity types, plans and statuses hold 100 UTF-16 units; the platform never truncates."""
MAX_ZONE_NAMES = 1_000
"""Distinct zone names of a file; there are some 600 zones."""

_REASONS = {
    "NOT_COMMITTED": "only committed rows are imported",
    "DELETED_IN_SOURCE": "the source has marked the row as deleted",
    "CANCELLED": "the source has cancelled the row",
    "DAY_OFF": "a day off",
    "OPEN_SHIFT": "an open shift, which nobody has taken yet",
    "NO_SHIFT": "the row is no shift",
}


class SkippedRow(NamedTuple):
    """Why a row is left out although nothing is wrong with it."""

    code: str
    reason: str
    column: str | None
    keeps: bool = False
    """It says nothing about its agent, whose days stay as they are."""


@dataclass(frozen=True, slots=True)
class What:
    """What a row says, apart from who does it. `problem`: it cannot be read; `skip`: it is not to be imported."""

    stretches: tuple[NamedStretch, ...] = ()
    zone: ZoneInfo | None = None
    plan: str = ""
    team: str = ""
    site: str = ""
    status: str = ""
    skip: SkippedRow | None = None
    problem: Problem | None = None
    days: tuple[date | None, date | None] = (None, None)
    """First and last local day of a row with a `skip` or `problem`, and of one that repeats."""

    @property
    def zone_name(self) -> str:
        """The IANA name, empty for times that need none."""
        return self.zone.key if self.zone and self.zone.key else ""


def clean(text: str) -> str:
    """Trimmed, and accents as one character: as one or as two they are the same name, Dynamics writes one."""
    text = text.strip()
    return text if text.isascii() else unicodedata.normalize("NFC", text)


@dataclass(slots=True)
class RowRules:
    """The rules of one source of a profile."""

    profile: ScheduleProfile
    source: Source
    times: TimeRules
    activity_codes: Mapping[str, str] = field(default_factory=dict)
    _zones: dict[str, ZoneInfo | None] = field(default_factory=dict)

    def what(self, texts: Texts) -> What:
        """What a row with these texts says. Raises UnreadableFileError for far too many zones."""
        skip = self._skip(texts)
        if skip is not None:
            return self._skipped(skip, texts)
        zone = None
        try:
            zone = self.zone(texts)
            return self._read(texts, zone)
        except RowProblem as error:
            return What(problem=error.problem, days=self.times.day_named(texts, zone))

    def columns(self) -> list[str]:
        """Every column that `what` looks at: those that do not say who it is."""
        fields = self.source.fields
        agents = [fields.agent] if isinstance(fields.agent, str) else [each.column for each in fields.agent]
        # An agent's column may be one of a skip rule, too: an open shift has nobody.
        asked = {rule.column for rule in self.source.skip}
        apart = {*agents, fields.external_id, fields.version} - asked
        return [column for column in self.source.columns() if column not in apart]

    # ------------------------------------------------------------------------------------------ does it count

    def _skip(self, texts: Texts) -> SkippedRow | None:
        for rule in self.source.skip:
            value = texts.get(rule.column, "")
            if _applies(rule, value):
                reason = _REASONS[rule.code] + (f" ({rule.column} is {value!r})" if value else "")
                return SkippedRow(rule.code, reason, rule.column, rule.keeps)
        column = self.source.fields.status
        status = texts.get(column, "") if column else ""
        if status and status.casefold() in {value.casefold() for value in self.profile.not_imported}:
            return SkippedRow("NOT_COMMITTED", f"only committed rows are imported, not {status!r}", column)
        return None

    def _skipped(self, skip: SkippedRow, texts: Texts) -> What:
        """A row that is left out, with its stretches where the source takes back what it once said."""
        zone = None
        try:
            zone = self.zone(texts)
            if skip.code in ("DELETED_IN_SOURCE", "CANCELLED"):
                said = self._read(texts, zone)
                days = self.times.day_named(texts, zone)
                return What(said.stretches, zone, said.plan, said.team, said.site, said.status, skip, None, days)
        except RowProblem:
            pass
        return What(zone=zone, skip=skip, days=self.times.day_named(texts, zone))

    # --------------------------------------------------------------------------------------------- what it is

    def _read(self, texts: Texts, zone: ZoneInfo | None) -> What:
        fields = self.source.fields
        activity, activity_column = self._activity(texts)
        plan, team, site, status = (
            self._filled(columns, texts) for columns in (fields.plan, fields.team, fields.site, fields.status)
        )
        stretches = self.times.stretches(texts, zone)
        if not stretches:
            skip = SkippedRow("DAY_OFF", _REASONS["DAY_OFF"], fields.template)
            return What(zone=zone, skip=skip, days=self.times.day_named(texts, zone))
        named = tuple(NamedStretch(each, each.activity or activity) for each in stretches)
        if stretches[0].activity:
            # A template's lunch is cut out of its work.
            named = tuple(cut([[each] for each in named]))
        if not self.source.nested and not all(each.activity for each in named):
            raise missing_activity(activity_column)
        # A row that repeats speaks for all of its dates, also those before its first and after its last weekday.
        days = self.times.day_named(texts, zone) if fields.repeat_days else (None, None)
        return What(named, zone, plan, team, site, status, days=days)

    def _activity(self, texts: Texts) -> tuple[str, str | None]:
        """The activity's word, empty where there is none, and its column."""
        columns = _as_tuple(self.source.fields.activity)
        for column in columns:
            word = texts.get(column, "")
            if word:
                return self._name(self.word(word), column, is_activity=True), column
        return self.source.default_activity or "", columns[0] if columns else None

    def word(self, text: str) -> str:
        """The activity that a cell stands for: a code's name, the last part of a path; what the profile names as it
        stands in the file stays as it is."""
        rule = self.profile.activity_rule(text)
        if rule and rule.name:
            return text
        word = self.activity_codes.get(text, text)
        separator = self.source.activity_part
        return word.rstrip(f"{separator} ").rpartition(separator)[2].strip() if separator else word

    def _filled(self, columns: str | tuple[str, ...] | None, texts: Texts) -> str:
        """The first of these columns that is filled."""
        for column in _as_tuple(columns):
            if texts.get(column):
                return self._name(texts[column], column)
        return ""

    def _name(self, text: str, column: str | None, *, is_activity: bool = False) -> str:
        rule = self.profile.activity_rule(text) if is_activity and len(text) > MAX_NAME_CHARACTERS // 2 else None
        written = rule.name if rule and rule.name else text
        if len(written) > MAX_NAME_CHARACTERS // 2 and len(written.encode("utf-16-le")) > 2 * MAX_NAME_CHARACTERS:
            raise RowProblem("TOO_LONG", f"names have at most {MAX_NAME_CHARACTERS} characters", column)
        return text

    # ------------------------------------------------------------------------------------------ where it is

    def zone(self, texts: Texts) -> ZoneInfo | None:
        """The row's own zone, its site's, or the profile's. Raises RowProblem for a name that is no zone."""
        fields = self.source.fields
        name = texts.get(fields.time_zone, "") if fields.time_zone else ""
        if not name and self.profile.site_zones:
            name = self._site_zones().get(self._filled(fields.site, texts).casefold(), "")
        zone = self._zone(name or self.profile.time_zone or "")
        if zone is None and name:
            raise RowProblem("BAD_TIME_ZONE", _no_zone(name), fields.time_zone)
        return zone

    def _zone(self, name: str) -> ZoneInfo | None:
        if name not in self._zones:
            if len(self._zones) >= MAX_ZONE_NAMES:
                raise UnreadableFileError(
                    f"the file names more than {MAX_ZONE_NAMES} time zones; is their column really "
                    f"{self.source.fields.time_zone}?"
                )
            self._zones[name] = _known_zone(name) if name else None
        return self._zones[name]

    def _site_zones(self) -> Mapping[str, str]:
        return {site.casefold(): zone for site, zone in self.profile.site_zones.items()}


def missing_activity(column: str | None) -> RowProblem:
    """The problem of a row without an activity."""
    return RowProblem("MISSING_VALUE", "the row names no activity", column)


def _as_tuple(columns: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return (columns,) if isinstance(columns, str) else columns or ()


def _applies(rule: SkipRule, value: str) -> bool:
    folded = value.casefold()
    return any(folded == each.casefold() for each in rule.values) != rule.unless


def _known_zone(name: str) -> ZoneInfo | None:
    try:
        return time_zone(name)
    except ValueError:
        return None


def _no_zone(name: str) -> str:
    try:
        time_zone(name)
    except ValueError as error:
        return str(error)
    return f"{name!r} is not a time zone"
