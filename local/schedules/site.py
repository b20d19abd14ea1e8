"""What lies around a file on this machine: its profile, the site's document, `agents.csv`, a companion."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import BinaryIO
from zoneinfo import available_timezones

from functions.schedule_import.profile import (
    ProfileError,
    ScheduleProfile,
    SiteProfile,
    builtin_names,
    is_profile_name,
    resolve_profile,
    time_zone,
)
from functions.schedule_import.profile.layout import BUILT_IN_IDENTITIES
from functions.schedule_import.reading.agents_csv import NO_DIRECTORY, AgentDirectory, read_agents
from functions.schedule_import.use_case.prerequisites import companion_name, primary_name
from shared.config_documents import BadDocumentError, json_document

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "local" / "config"


class UsageError(Exception):
    """The command was given something that it cannot work with; the text says what to give instead."""


@dataclass(frozen=True, slots=True)
class Site:
    """A profile as it stands on this machine."""

    profile: ScheduleProfile
    document: Path | None
    """The site document that it comes from; None for a built-in as it is."""
    extends: str
    directory: AgentDirectory
    directory_problem: str | None
    """Why agents cannot be looked up in `agents.csv`, where the profile needs it."""


def site(profile_name: str, config: Path, zone: str | None) -> Site:
    """The profile of this name (or in this JSON file). Raises UsageError."""
    document, name = _document(profile_name, config)
    try:
        said = json_document(SiteProfile)(document.read_bytes()) if document else None
        profile = resolve_profile(name, said)
    except (BadDocumentError, ProfileError) as error:
        raise UsageError(f"{document or name} cannot be used: {error}") from None
    if zone:
        profile = profile.model_copy(update={"time_zone": known_zone(zone)})
    directory, problem = agent_directory(config, {profile.identity} - set(BUILT_IN_IDENTITIES))
    return Site(profile, document, said.extends if said else name, directory, problem)


def _document(name: str, config: Path) -> tuple[Path | None, str]:
    if not name:
        raise UsageError(f"name a profile: {', '.join(builtin_names())}")
    if name.endswith(".json"):
        path = Path(name)
        if not path.is_file():
            raise UsageError(f"there is no profile document {path}")
        stem = path.stem.casefold()
        return path, stem if is_profile_name(stem) else "preview"
    path = config / "schedule-profiles" / f"{name}.json"
    if is_profile_name(name) and path.is_file():
        return path, name
    if name in builtin_names():
        return None, name
    own = sorted(each.stem for each in (config / "schedule-profiles").glob("*.json"))
    close = get_close_matches(name.casefold(), [*builtin_names(), *own], n=3, cutoff=0.5)
    meant = f"; did you mean {' or '.join(close)}?" if close else "."
    raise UsageError(
        f"there is no profile {name!r}{meant}\n"
        f"Built-in: {', '.join(builtin_names())}.\n"
        f"In {config / 'schedule-profiles'}: {', '.join(own) or 'none'}.\n"
        "A layout that none of them reads: python -m local.schedules guess FILE"
    )


def schedule_file(path: Path) -> Path:
    """The file itself. Raises UsageError where there is none."""
    if path.is_file():
        return path
    if path == Path():
        raise UsageError("name a file, as in make preview FILE=week12.csv PROFILE=nice-iex")
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name one file in it")
    beside = [each.name for each in path.parent.iterdir() if each.is_file()] if path.parent.is_dir() else []
    close = get_close_matches(path.name, beside, n=1, cutoff=0.6)
    meant = f"; did you mean {path.parent / close[0]}?" if close else ""
    raise UsageError(f"there is no file {path}{meant}")


def known_zone(name: str) -> str:
    """A zone's name, checked. Raises UsageError with similar names."""
    try:
        time_zone(name)
    except ValueError as error:
        word = re.split(r"[/\s]", name)[-1]
        zones = sorted(available_timezones())
        folded = {zone.casefold(): zone for zone in zones} | {
            zone.rpartition("/")[2].casefold(): zone for zone in zones
        }
        close = [folded[each] for each in get_close_matches(word.casefold(), folded, n=3, cutoff=0.6)]
        meant = f"; did you mean {' or '.join(dict.fromkeys(close))}?" if close else ""
        raise UsageError(f"{error}{meant}") from None
    return name


# ------------------------------------------------------------------------------------------------------ agents.csv


def agent_directory(config: Path, schemes: Iterable[str]) -> tuple[AgentDirectory, str | None]:
    """The directory of agents, and what keeps these schemes from being looked up in it."""
    path, needed = config / "agents.csv", sorted(schemes)
    if not path.is_file():
        return NO_DIRECTORY, f"{path} is needed for {', '.join(needed)}, and is not there" if needed else None
    try:
        directory = read_agents(path.read_bytes())
    except ValueError as error:
        return NO_DIRECTORY, f"{path} cannot be used: {error}" if needed else None
    missing = [scheme for scheme in needed if scheme not in directory.schemes]
    if missing:
        return directory, f"{path} has no column {', '.join(missing)}, by which this profile knows its agents"
    return directory, None


# ----------------------------------------------------------------------------------------------------- companions


@contextmanager
def companion_of(path: Path, profile: ScheduleProfile) -> Iterator[tuple[str, BinaryIO] | None]:
    """The second file of a profile that reads two, open. Raises UsageError while it is missing."""
    if profile.companion is None:
        yield None
        return
    if primary := primary_name(path.name, profile):
        raise UsageError(f"{path.name} is read together with {primary}; name that file")
    beside = path.with_name(companion_name(path.name, profile) or "-")
    if beside.name == "-":
        raise UsageError(
            f"{profile.name} reads two files, whose names have {profile.companion.primary!r} and "
            f"{profile.companion.companion!r}; {path.name} has neither"
        )
    if not beside.is_file():
        raise UsageError(f"{path.name} is read together with {beside.name}, which is not beside it")
    with beside.open("rb") as stream:
        yield beside.name, stream
