"""The proposal: a site document, what it rests on, and everything that a person has to look at."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from functions.schedule_import.decide.activities import ASSIGNABLE_BY_NAME
from local.schedules.guessing.roles import Roles
from local.schedules.guessing.timing import Timing
from local.schedules.guessing.values import TIMES, Kinds, Patterns
from local.schedules.guessing.words import own_name_says

_BY_FOLDED_NAME = {name.casefold(): (name, assignable) for name, assignable in ASSIGNABLE_BY_NAME.items()}
_ORDER = (
    "extends",
    "title",
    "timeZone",
    "startDate",
    "templates",
    "identity",
    "activities",
    "notImported",
    "columns",
    "format",
    "times",
)
_MONTH_FIRST = "month first"
_DAY_FIRST = "day first"

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something that the file does not settle: what it is about, what is unsure, and what to do."""

    about: str
    text: str


@dataclass(slots=True)
class Proposal:
    """A site document to edit."""

    document: Json
    found: list[str] = field(default_factory=list)
    """What was recognised, and by what."""
    doubts: list[Doubt] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)
    """Activities of which nobody has said whether routing may assign work during them."""

    def ordered(self) -> Json:
        """The document with what a person edits most before its sources."""
        keys = [key for key in _ORDER if key in self.document]
        return {key: self.document[key] for key in [*keys, *(key for key in self.document if key not in keys)]}


def say_activities(words: Sequence[str], proposal: Proposal, known: Sequence[str] = ()) -> None:
    """The activities of the file: those with a common name as that name says, the others for a person to decide."""
    said: Json = {}
    folded = {word.casefold() for word in known}
    for word in words:
        if word.casefold() in folded:
            continue
        meaning = _BY_FOLDED_NAME.get(word.casefold())
        if meaning:
            said[word] = {"name": meaning[0], "assignable": meaning[1]}
        else:
            proposal.undecided.append(word)
    if said:
        proposal.document["activities"] = said
        proposal.found.append(f"activities with a common name: {', '.join(said)}")
    if proposal.undecided:
        example = proposal.undecided[0]
        proposal.doubts.append(
            Doubt(
                "activities",
                f"decide for {', '.join(map(repr, proposal.undecided))} whether routing may assign work, and add each "
                f'to "activities": {{{_quoted(example)}: {{"assignable": true or false}}}}; until then such rows are '
                "reported as UNKNOWN_ACTIVITY and not written",
            )
        )


def say_zone(proposal: Proposal, zone: str | None, *, needed: bool) -> None:
    """The zone of local times."""
    if zone:
        proposal.document["timeZone"] = zone
    elif needed:
        proposal.document["timeZone"] = None
        proposal.doubts.append(
            Doubt(
                "timeZone",
                "the file names no time zone and its times have no offset; set the site's, such as "
                '"Europe/Helsinki" (or give --time-zone). Without one every file is rejected',
            )
        )


def source_of(columns: Sequence[Kinds], timing: Timing, roles: Roles, proposal: Proposal) -> Json:
    """The source of a layout of one's own."""
    by_name = {each.name: each for each in columns}
    assert roles.agent
    fields: Json = {"agent": roles.agent.column, **timing.fields, **roles.others}
    source: Json = {"fields": fields}
    times = _times(timing, by_name, proposal)
    if times:
        source["times"] = times
    if set(timing.fields) <= {"date", "endDate", "shiftDate"}:
        source["wholeDay"] = {}
        proposal.doubts.append(
            Doubt("wholeDay", "the rows have dates and no times: each is taken for the whole local day")
        )
    if roles.skip:
        source["skip"] = roles.skip
    if "activity" not in roles.others:
        source["defaultActivity"] = "Work"
        proposal.doubts.append(
            Doubt(
                "activity",
                "no column names the activity; every row is taken for Work, during which routing assigns work",
            )
        )
    _told(timing, roles, by_name, proposal)
    return source


def _told(timing: Timing, roles: Roles, by_name: dict[str, Kinds], proposal: Proposal) -> None:
    assert roles.agent
    agent = roles.agent
    proposal.found.append(f"agent: {agent.column} ({agent.identity}); {agent.reason}")
    proposal.found += [f"{name}: {column}" for name, column in {**timing.fields, **roles.others}.items()]
    proposal.found += timing.notes
    if agent.doubt:
        proposal.doubts.append(Doubt(agent.column, agent.doubt))
    proposal.doubts += [Doubt(column, text) for column, text in roles.doubts.items()]
    if timing.valid < 0.98:
        proposal.doubts.append(
            Doubt("times", f"only {timing.valid:.0%} of the sampled rows make sense with these columns")
        )
    zone = by_name.get(roles.others.get("timeZone", ""))
    if zone and not zone.is_zone:
        proposal.doubts.append(
            Doubt(
                zone.name,
                f"{zone.values[0]!r} is no time zone that can be read (IANA, Windows or a city); such rows are "
                'reported unless the column is taken out of the fields and "timeZone" is set',
            )
        )
    elif zone and any(value.isupper() and len(value) <= 4 and value not in ("UTC", "GMT") for value in zone.values):
        proposal.doubts.append(
            Doubt(
                zone.name, f"{zone.values[0]!r} is an abbreviation, which may mean a fixed offset without summer time"
            )
        )
    site = by_name.get(roles.others.get("site", ""))
    if site and site.is_zone and not zone:
        proposal.doubts.append(
            Doubt(
                site.name, f"its values name cities; if each has its own clock, fill siteZones: {site.values[0]!r}: ..."
            )
        )


# -------------------------------------------------------------------------------------------------- dates and times


def _times(timing: Timing, by_name: dict[str, Kinds], proposal: Proposal) -> Json:
    times: Json = {}
    moments, dates, clocks = list[str](), list[str](), list[str]()
    for role, column in timing.fields.items():
        each = by_name[column]
        if role in ("date", "endDate", "shiftDate") and each.dates:
            dates += _said(column, each.dates, proposal)
        elif role in ("start", "end"):
            if each.moments and "date" not in timing.fields and not (role == "end" and each.times):
                moments += _said(column, each.moments, proposal)
            elif each.times:
                clocks += each.times
        elif role == "range" and each.range_separator and each.range_separator != "-":
            times["rangeSeparator"] = each.range_separator
    for key, found, usual in (("moment", moments, {"iso"}), ("date", dates, {"iso"}), ("time", clocks, set(TIMES))):
        unique = list(dict.fromkeys(found))
        if unique and not set(unique) <= usual:
            times[key] = unique
    if "length" in timing.fields and timing.unit and timing.unit != "minutes":
        times["lengthUnit"] = timing.unit
    _say_halves(clocks, moments, timing, by_name, proposal)
    return times


def _said(column: str, patterns: Patterns, proposal: Proposal) -> list[str]:
    """The patterns for the document; where the order is open both stand there, and the app refuses the file."""
    if patterns.is_unsure:
        conventional = [each for each in patterns.rivals if each.startswith("%d.")]
        if conventional and all("." in each for each in patterns.rivals):
            proposal.doubts.append(
                Doubt(
                    column,
                    "dates could be day or month first, and no value settles it; day first is proposed, as with dots "
                    "nobody writes the month first",
                )
            )
            return conventional[:1]
        proposal.doubts.append(
            Doubt(
                column,
                f"dates could be day or month first ({' or '.join(patterns.rivals)}): fix it by leaving the right one "
                'in "times". As long as both stand there, files that do not settle it are rejected',
            )
        )
        return list(patterns.rivals)
    for pattern in patterns.chosen:
        order = _order(pattern)
        proof = f": {patterns.proof!r} cannot be read otherwise" if patterns.proof and order else ""
        proposal.found.append(f"{column} is written as {pattern}{f', {order}' if order else ''}{proof}")
    return list(patterns.chosen)


def _order(pattern: str) -> str:
    day, month = pattern.find("%d"), pattern.find("%m")
    if day < 0 or month < 0 or pattern.startswith("%Y"):
        return ""
    return _DAY_FIRST if day < month else _MONTH_FIRST


def _say_halves(
    clocks: Sequence[str], moments: Sequence[str], timing: Timing, by_name: dict[str, Kinds], proposal: Proposal
) -> None:
    """12 or 24 hours."""
    columns = [by_name[timing.fields[role]] for role in ("start", "end") if role in timing.fields]
    if not (clocks or moments) or not columns:
        return
    texts = [value for each in columns for value in each.probe]
    if any(text.rstrip(". ").casefold().endswith(("am", "pm", "a.m", "p.m")) for text in texts):
        proposal.found.append("times are of 12 hours, with am and pm")
        return
    hours = [int(text.rpartition(" ")[2].rpartition("T")[2].partition(":")[0]) for text in texts if _has_hour(text)]
    if hours and max(hours) <= 12 and min(hours) >= 1 and len(set(texts)) > 4:
        proposal.doubts.append(
            Doubt(columns[0].name, "no time is later than 12:59: if these are 12-hour times, am and pm are missing")
        )
    else:
        proposal.found.append("times are of 24 hours")


def _has_hour(text: str) -> bool:
    return text.rpartition(" ")[2].rpartition("T")[2].partition(":")[0].isdecimal()


def unused(columns: Sequence[Kinds], used: set[str]) -> list[str]:
    """Columns that the proposal does not read."""
    return [each.name for each in columns if each.name not in used and not own_name_says(each.name, "note")]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
