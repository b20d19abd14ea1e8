"""Whether routing may assign work during an activity."""

from dataclasses import dataclass

from functions.schedule_import.profile import ScheduleProfile

# Switchboard's own default for names that every contact centre uses; a profile's `activities` comes first.
ASSIGNABLE_BY_NAME: dict[str, bool] = {
    "Voice Queue": True,
    "Chat": True,
    "Work": True,
    "Back Office": False,
    "Lunch": False,
    "Break": False,
    "Training": False,
    "Team Meeting": False,
    "Vacation": False,
    "Sick": False,
}
_BY_FOLDED_NAME = {name.casefold(): (name, assignable) for name, assignable in ASSIGNABLE_BY_NAME.items()}


@dataclass(frozen=True, slots=True)
class Activity:
    """A word of the file as an activity: its name in Dynamics; `assignable` is None when nobody has said it."""

    name: str
    assignable: bool | None


def activity(word: str, profile: ScheduleProfile) -> Activity:
    """What a word of the file means: by the profile's map, else by the table of common names, else unknown."""
    rule = profile.activity_rule(word)
    if rule is not None:
        return Activity(rule.name or word, rule.assignable)
    name, assignable = _BY_FOLDED_NAME.get(word.casefold(), (word, None))
    return Activity(name, assignable)
