"""Schedule profiles: how a layout is read and what its files speak for, as data. Built-in ones ship with the app.

A file's first folder names its profile. `config/schedule-profiles/<name>.json` may extend a built-in (and carry its
name); without a site document the built-in of that name is used as it is.

layout    how a layout is read        rules    scope, holds        zones    time zones by any name
"""

import json
import re
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic.alias_generators import to_snake

from functions.schedule_import.profile.layout import (
    BUILT_IN_IDENTITIES,
    AgentColumn,
    Column,
    Companion,
    DeclaredWindow,
    Format,
    ListedAgents,
    Model,
    Name,
    ShiftTemplate,
    Source,
    Stamp,
    Times,
)
from functions.schedule_import.profile.renaming import Renaming
from functions.schedule_import.profile.rules import Hold, Scope
from functions.schedule_import.profile.zones import time_zone as time_zone

_BUILT_IN_FOLDER = Path(__file__).parents[1] / "builtin_profiles"
_PROFILE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,49}")


class ProfileError(ValueError):
    """There is no such profile, or its document cannot be used. The text says what to do."""


def is_profile_name(name: str) -> bool:
    """Whether a folder can name a profile: lower-case letters, digits and dashes, at most 50."""
    return _PROFILE_NAME.fullmatch(name) is not None


def _checked_zone(name: str) -> str:
    time_zone(name)
    return name


def _checked_pattern(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.PatternError as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None
    return pattern


type ZoneName = Annotated[str, AfterValidator(_checked_zone)]
type Pattern = Annotated[str, AfterValidator(_checked_pattern)]


class ActivityRule(Model):
    """What a word of the file means: the name in Dynamics, and whether routing may assign work during it."""

    name: Name | None = None
    assignable: bool


class ScheduleProfile(Model):
    """A whole profile, ready to read a file with."""

    name: str
    title: str
    refuse: str | None = None
    """Why files of this layout are never imported (they are no plan)."""
    format: Format
    other_formats: tuple[Format, ...] = ()
    """Containers in which the same layout comes, too; a file's own beginning tells which one it is in."""
    sources: tuple[Source, ...]
    identity: Name
    """`email`, `employeeid`, `azureactivedirectoryobjectid`, `domainname`, `fullname`, or a column of agents.csv."""
    time_zone: ZoneName | None = None
    site_zones: dict[Name, ZoneName] = Field(default_factory=dict)
    """The zone of each site that rows may name."""
    file_names: tuple[Pattern, ...] = ()
    """Regular expressions; the first that matches the file's name gives its named groups as `@file.<group>`."""
    activities: dict[Name, ActivityRule] = Field(default_factory=dict)
    templates: dict[Name, ShiftTemplate] = Field(default_factory=dict)
    """Shift template codes and what they stand for; an empty list is a day off."""
    start_date: Column | None = None
    """The first day of a grid whose sheet has no dates: an ISO date, or a column such as `@file.date`."""
    plan: Name = "{profile} {isoWeek}"
    """The plan of a row that names none; `{profile}`, `{team}`, `{site}` and `{isoWeek}` (2026-W44, by the shift's
    date) are filled in."""
    default_status: Name | None = None
    """The booking status of a row that names none; without it the environment's own default for shift bookings."""
    not_imported: tuple[str, ...] = ()
    """Status values (any case) of rows that are not final: "only committed and finalized bookings should be
    imported" (Import integration with Dynamics 365 Customer Service, "Booking Status")."""
    scope: Scope = Scope()
    hold: Hold = Hold()
    removal: Literal["delete", "cancel"] = "delete"
    """How a booking leaves: deleted, or set to a booking status that stands for Canceled."""
    listed_agents: ListedAgents | None = None
    window: DeclaredWindow | None = None
    stamp: Stamp | None = None
    """When a file was made; without it the time of its upload."""
    companion: Companion | None = None
    marker: str | None = None
    """Suffix of an empty file that says "complete": `.done` waits for `<name>.done` (or the name with its extension
    replaced) before a file is read."""

    @cached_property
    def _rules(self) -> dict[str, ActivityRule]:
        return {key.casefold(): rule for key, rule in self.activities.items()}

    def activity_rule(self, word: str) -> ActivityRule | None:
        """The site's or layout's rule for a word of the file, whatever its case."""
        return self._rules.get(word.casefold())

    def agent_columns(self, columns: str | tuple[AgentColumn, ...]) -> list[tuple[str, str]]:
        """The columns that name an agent under this profile's identity, each with what kind of name it holds."""
        if isinstance(columns, str):
            return [(columns, self.identity)]
        known_as = {self.identity} if self.identity in BUILT_IN_IDENTITIES else {self.identity, "agents.csv"}
        return [
            (each.column, each.identity or self.identity)
            for each in columns
            if not each.only_for or known_as.intersection(each.only_for)
        ]

    def schemes(self) -> set[str]:
        """The columns of agents.csv by which its agents may be known."""
        named = {identity for source in self.sources for _, identity in self.agent_columns(source.fields.agent)}
        return (named | {self.identity}) - set(BUILT_IN_IDENTITIES)


class SiteProfile(Model):
    """`config/schedule-profiles/<name>.json`: what a site says on top of a built-in profile."""

    extends: str
    title: str | None = None
    refuse: Literal[""] | None = None
    """`""` imports a layout that is refused as it stands (hours worked instead of a plan): you say that it is one."""
    format: dict[str, Any] = Field(default_factory=dict)
    """Keys of the built-in's container that differ: {"delimiters": ["|"], "encodings": ["cp1252"]}; or a container of
    another kind: {"kind": "xlsx"} for a table that was saved as a workbook."""
    times: dict[str, Any] = Field(default_factory=dict)
    """Keys of the way in which times are written that differ, for all sources: {"date": ["%d.%m.%Y"]}."""
    sources: tuple[Source, ...] | None = None
    """A layout of one's own, in place of the built-in's."""
    identity: Name | None = None
    time_zone: ZoneName | None = None
    site_zones: dict[Name, ZoneName] = Field(default_factory=dict)
    file_names: tuple[Pattern, ...] | None = None
    activities: dict[Name, ActivityRule] = Field(default_factory=dict)
    default_activity: Name | None = None
    templates: dict[Name, ShiftTemplate] = Field(default_factory=dict)
    start_date: Column | None = None
    columns: dict[Column, Column] = Field(default_factory=dict)
    """The built-in's column name to this file's name: {"Agent Id": "Mitarbeiter"}. A path is renamed as a whole or by
    any of its names: {"userId": "employee"}."""
    plan: Name | None = None
    default_status: Name | None = None
    not_imported: tuple[str, ...] | None = None
    scope: dict[str, Any] = Field(default_factory=dict)
    hold: dict[str, Any] = Field(default_factory=dict)
    removal: Literal["delete", "cancel"] | None = None
    stamp: Stamp | None = None
    companion: Companion | None = None
    marker: str | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.extends not in builtin_names():
            raise ValueError(f"extends: there is no built-in profile {self.extends!r}; {_known()}")
        try:
            self.over(builtin_profile(self.extends), self.extends)
        except ProfileError as error:
            raise ValueError(str(error)) from None
        return self

    def over(self, builtin: ScheduleProfile, name: str) -> ScheduleProfile:
        """The built-in with this site's words laid over it. Raises ProfileError for what does not fit together."""
        said = self.model_dump(exclude_unset=True, exclude_none=True)
        document = builtin.model_dump(exclude_unset=True) | {
            key: said[key] for key in said.keys() - {"extends", *_LAID_OVER}
        }
        document |= {
            key: document.get(key, {}) | _snake(said.get(key, {}), key)
            for key in _MERGED
            if key in document or key in said
        }
        if said.get("format", {}).get("kind", builtin.format.kind) != builtin.format.kind:
            document["format"] = _snake(said["format"], "format")
        document |= {"name": name, "refuse": builtin.refuse if self.refuse is None else None}
        self._rename(document, builtin)
        document["sources"] = [self._source(source) for source in document["sources"]]
        if document.get("window") and "date" in self.times:
            document["window"] = document["window"] | {"date": self.times["date"]}
        try:
            return ScheduleProfile.model_validate(document)
        except ValueError as error:
            raise ProfileError(f"the profile cannot be used: {_places(error)}") from None

    def _rename(self, document: dict[str, Any], builtin: ScheduleProfile) -> None:
        """Put this site's column names in. Raises ProfileError for a column that the layout does not have."""
        names = Renaming(self.columns, builtin.format.kind)
        for key in _WITH_COLUMNS & document.keys():
            document[key] = names.over(document[key])
        if "day_columns" not in _snake(self.format, "format"):
            document["format"] = names.over(document["format"])
        if document["format"].get("day_header"):
            document["format"] = self._with_days(document["format"], names.used)
        unknown = sorted(self.columns.keys() - names.used)
        if unknown:
            sources = self.sources if self.sources is not None else builtin.sources
            known = sorted({column for source in sources for column in (*source.columns(), *source.other_columns)})
            raise ProfileError(
                f"columns: {', '.join(unknown)} {'is' if len(unknown) == 1 else 'are'} not among the columns of "
                f"{builtin.name}: {', '.join(known)}"
            )

    def _with_days(self, grid: dict[str, Any], used: set[str]) -> dict[str, Any]:
        """A grid with this site's names of single days put in: {"Day 1": "Montag"}."""
        days = {new: match for old, new in self.columns.items() if (match := _day(old, grid["day_header"]))}
        used.update(match.string for match in days.values())
        numbers = {new: int(match["day"]) for new, match in days.items()}
        return grid | {"day_names": grid.get("day_names", {}) | numbers}

    def _source(self, source: dict[str, Any]) -> dict[str, Any]:
        if self.times:
            source = source | {"times": _times(source.get("times", {}), _snake(self.times, "times"))}
        if self.default_activity is not None:
            source = source | {"default_activity": self.default_activity}
        return source


def _day(name: str, day_header: str) -> re.Match[str] | None:
    """The name of one of a grid's days, with its number as `day`."""
    match = re.fullmatch(day_header, name, re.IGNORECASE)
    return match if match and match.groupdict().get("day", "").isdecimal() else None


def _times(builtin: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    """How times are written, with a site's words laid over it. The order of a date is that of moments, too."""
    merged = builtin | said
    if {"time", "range_separator"} & said.keys():
        # Times of day that are written otherwise make other ranges.
        merged["range_pattern"] = said.get("range_pattern", "")
    if "date" in said and "moment" not in said:
        usual = Times.model_validate(merged)
        dated = [f"{date} {time}" for date in usual.date if date != "iso" for time in usual.time if time != "iso"]
        # What begins with its year is not written in that order, and no date can be both.
        others = [each for each in usual.moment if each == "iso" or each.startswith("%Y")]
        merged["moment"] = (*dated, *others) if dated else usual.moment
    return merged


_MERGED = ("format", "scope", "hold", "site_zones", "activities", "templates")
"""Parts in which a site names only what differs."""
_OWN_KEYS = frozenset({"site_zones", "activities", "templates"})
"""Those among them whose keys are words of the site."""
_LAID_OVER = (*_MERGED, "refuse", "times", "columns", "default_activity")

_WITH_COLUMNS = frozenset({"sources", "listed_agents", "window", "stamp", "companion"})


def _snake(part: dict[str, Any], key: str) -> dict[str, Any]:
    return part if key in _OWN_KEYS else {to_snake(name): value for name, value in part.items()}


def _places(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, item['loc'])) or 'document'}: {item['msg']}" for item in error.errors())
    return str(error)


@cache
def builtin_names() -> tuple[str, ...]:
    """The names of the built-in profiles."""
    return tuple(sorted(path.stem for path in _BUILT_IN_FOLDER.glob("*.json")))


@cache
def builtin_profile(name: str) -> ScheduleProfile:
    """A built-in profile. Raises ProfileError for an unknown name."""
    if name not in builtin_names():
        raise ProfileError(
            f"there is no schedule profile {name!r}: {_known()}; a site adds its own as "
            f"config/schedule-profiles/{name}.json"
        )
    document = json.loads((_BUILT_IN_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return ScheduleProfile.model_validate({"name": name, **document})


def resolve_profile(name: str, site_document: SiteProfile | None) -> ScheduleProfile:
    """The profile that a folder name stands for. Raises ProfileError."""
    if site_document is None:
        return builtin_profile(name)
    return site_document.over(builtin_profile(site_document.extends), name)


def _known() -> str:
    return f"built-in are {', '.join(builtin_names())}"
