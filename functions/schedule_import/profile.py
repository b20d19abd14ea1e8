"""Schedule profiles: how a layout is read, as data. Built-in ones ship with the app; a site adjusts them.

A file's first folder names its profile. `config/schedule-profiles/<name>.json` may extend a built-in (and carry its
name); without a site document the built-in of that name is used as it is.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

_BUILT_IN_FOLDER = Path(__file__).parent / "builtin_profiles"
_PROFILE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,49}")


class ProfileError(ValueError):
    """There is no such profile, or its document cannot be used. The text says what to do."""


def is_profile_name(name: str) -> bool:
    """Whether a folder can name a profile: lower-case letters, digits and dashes, at most 50."""
    return _PROFILE_NAME.fullmatch(name) is not None


def time_zone(name: str) -> ZoneInfo:
    """The IANA zone of this name. Raises ValueError for anything else, paths included."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is not an IANA time zone") from None


def _checked_zone(name: str) -> str:
    time_zone(name)
    return name


type Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
type ZoneName = Annotated[str, AfterValidator(_checked_zone)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class DelimitedFormat(_Model):
    """Text whose first row names the columns."""

    kind: Literal["delimited"]
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)]
    quoted: bool = True
    header_prefix: str = Field("", alias="headerPrefix")
    """A mark before the first column name, such as `#fields:`; a file may leave it out."""


class Fields(_Model):
    """Which column holds what. Start and end are either whole moments, or a date and two times of day."""

    agent: Name
    activity: Name
    start: Name
    end: Name
    date: Name | None = None
    shift_date: Name | None = Field(None, alias="shiftDate")
    plan: Name | None = None
    status: Name | None = None
    external_id: Name | None = Field(None, alias="externalId")
    time_zone: Name | None = Field(None, alias="timeZone")

    def renamed(self, columns: Mapping[str, str]) -> "Fields":
        """The same fields under a site's own column names (built-in name to this file's name)."""
        return self.model_copy(update={key: columns.get(value, value) for key, value in self if value is not None})

    def names(self) -> list[str]:
        return [value for _, value in self if value is not None]


class Times(_Model):
    """How dates and times are written: `iso` moments, or strptime patterns for the date and the time of day."""

    date: str = "iso"
    time: tuple[str, ...] = ()


class ActivityRule(_Model):
    """What a word of the file means: the name in Dynamics, and whether routing may assign work during it."""

    name: Name | None = None
    assignable: bool


type Identity = Literal["email", "employeeid", "azureactivedirectoryobjectid", "domainname", "fullname"]


class ScheduleProfile(_Model):
    """A whole profile, ready to read a file with."""

    name: str
    title: str
    format: DelimitedFormat
    fields: Fields
    required: tuple[str, ...] = ()
    """Columns (by their built-in names) that the header must have; a field whose column is absent stays empty."""
    times: Times
    identity: Identity
    time_zone: ZoneName | None = Field(None, alias="timeZone")
    activities: dict[Name, ActivityRule] = {}
    plan: Name = "{profile} {isoWeek}"
    """The plan of a row that names none; `{profile}` and `{isoWeek}` (2026-W44, by the shift's date) are filled in."""
    default_status: Name | None = Field(None, alias="defaultStatus")
    """The booking status of a row that names none; without it the environment's own default for shift bookings."""
    not_imported: tuple[str, ...] = Field((), alias="notImported")
    """Status values (any case) of rows that are not final: "only committed and finalized bookings should be
    imported" (Import integration with Dynamics 365 Customer Service, "Booking Status")."""

    def activity_rule(self, word: str) -> ActivityRule | None:
        """The site's or layout's rule for a word of the file, whatever its case."""
        return {key.casefold(): rule for key, rule in self.activities.items()}.get(word.casefold())


class SiteProfile(_Model):
    """`config/schedule-profiles/<name>.json`: what a site says on top of a built-in profile."""

    extends: str
    title: str | None = None
    identity: Identity | None = None
    time_zone: ZoneName | None = Field(None, alias="timeZone")
    activities: dict[Name, ActivityRule] = {}
    columns: dict[Name, Name] = {}
    """The built-in's column name to this file's name: {"Agent Id": "Mitarbeiter"}."""
    plan: Name | None = None
    default_status: Name | None = Field(None, alias="defaultStatus")
    not_imported: tuple[str, ...] | None = Field(None, alias="notImported")

    @model_validator(mode="after")
    def _check_extends(self) -> Self:
        if self.extends not in builtin_names():
            raise ValueError(f"extends: there is no built-in profile {self.extends!r}; {_known()}")
        return self

    def over(self, builtin: ScheduleProfile, name: str) -> ScheduleProfile:
        """The built-in with this site's words laid over it. Raises ProfileError for a column that it lacks."""
        unknown = sorted(self.columns.keys() - set(builtin.fields.names()))
        if unknown:
            raise ProfileError(
                f"columns: {', '.join(unknown)} {'is' if len(unknown) == 1 else 'are'} not among the columns of "
                f"{builtin.name}: {', '.join(builtin.fields.names())}"
            )
        said = self.model_dump(exclude_none=True, exclude={"extends", "columns", "activities"})
        changes: dict[str, Any] = {
            **said,
            "name": name,
            "fields": builtin.fields.renamed(self.columns),
            "required": tuple(self.columns.get(column, column) for column in builtin.required),
            "activities": builtin.activities | self.activities,
        }
        return builtin.model_copy(update=changes)


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
