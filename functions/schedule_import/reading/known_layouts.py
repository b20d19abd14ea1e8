"""Built-in layouts that a file's header gives away, whatever folder the file was dropped into."""

from collections.abc import Iterable, Iterator

from functions.schedule_import.profile import ScheduleProfile, builtin_names, builtin_profile
from functions.schedule_import.profile.layout import Source


def hours_worked(names: Iterable[str], source: Source | None) -> str | None:
    """Why a file with these columns is never imported; None where it is a plan, or where `source` was made for it."""
    has = _keys(names)
    made_for = _keys(source.required) if source else set()
    for profile, required in _layouts():
        if profile.refuse and required <= has and not required <= made_for:
            return profile.refuse
    return None


def other_layout(names: Iterable[str]) -> str:
    """Where a file with these columns belongs, as the end of a sentence; empty where no built-in layout has them."""
    has = _keys(names)
    fitting = [(len(required), profile.name) for profile, required in _layouts() if required <= has]
    return f"; that is the layout {max(fitting)[1]}: use that profile, or extend it" if fitting else ""


def _layouts() -> Iterator[tuple[ScheduleProfile, set[str]]]:
    for name in builtin_names():
        profile = builtin_profile(name)
        if profile.format.kind == "delimited":
            yield from ((profile, _keys(source.required)) for source in profile.sources if source.required)


def _keys(names: Iterable[str]) -> set[str]:
    return {name.strip().casefold() for name in names}
