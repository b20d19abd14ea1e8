"""A preview in the terminal: short enough to read, whatever the size of the file."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from functions.schedule_import.profile import time_zone
from functions.schedule_import.reading.segments import Segment
from local.schedules.clock_changes import ClockChange
from local.schedules.preview import Choice, Preview, Problem, Rehearsal, odd_days
from local.schedules.site import Site

MAX_LINES = 20
MAX_DAY_LINES = 31
_MAX_PROBLEM_LINES = 6
_HOUR = timedelta(hours=1)


class Shower:
    """Prints a preview. `everything` shows all lines."""

    def __init__(self, console: Console, *, everything: bool = False) -> None:
        self._console = console
        self._everything = everything

    def show(self, preview: Preview, site: Site, path: Path) -> None:
        """All of it, most important things first."""
        self._profile(preview, site, path)
        self._speaks_for(preview)
        self._agents(preview)
        self._days(preview)
        self._activities(preview)
        self._clock_changes(preview)
        self._overlaps(preview)
        self._problems(preview)

    # ------------------------------------------------------------------------------------------------- the file

    def _profile(self, preview: Preview, site: Site, path: Path) -> None:
        profile = preview.profile
        self._rule(f"{path.name} read as {profile.name}")
        self._say(f"{profile.title} ({profile.format.kind})")
        if site.document:
            self._say(f"Site document: {site.document}, which extends {site.extends}")
        else:
            self._say(f"Built-in profile as it is; config/schedule-profiles/{profile.name}.json could extend it")
        zone = f"{profile.time_zone} (the profile's)" if profile.time_zone else "named by the file"
        self._say(f"Agents are known by: {profile.identity}. Time zone: {zone}")
        if site.directory_problem:
            self._say(f"Agents are not looked up: {site.directory_problem}", style="yellow")
        self._say(
            f"{_count(preview.rows, 'row')} -> {_count(len(preview.segments), 'segment')} of "
            f"{_count(len(preview.agents), 'agent')}; {_count(preview.bookings, 'booking')} would be written, "
            f"{_count(len({each.row for each in preview.problems}), 'row')} not",
            style="bold",
        )
        for note in preview.notes:
            self._say(f"Note: {note}", style="yellow")

    def _speaks_for(self, preview: Preview) -> None:
        self._rule("What the file speaks for")
        scope, days = preview.scope, preview.scope.days
        if preview.delta:
            self._say("Only its own rows (delta): nothing else is changed or removed.")
        elif days is None:
            self._say("No day: it has no readable row and declares no dates.")
        else:
            self._say(
                f"{_count(len(scope.agents), 'agent')} from {days[0]:%a %d %b %Y} to {days[1]:%a %d %b %Y} "
                f"({_count((days[1] - days[0]).days + 1, 'day')} in {preview.home_zone}). Inside, bookings of "
                f"{preview.profile.name} that the file lacks are removed; everything else stays."
            )
        if preview.empty_agents:
            shown = ", ".join(preview.empty_agents[:MAX_LINES])
            more = (
                f" and {len(preview.empty_agents) - MAX_LINES:,} more" if len(preview.empty_agents) > MAX_LINES else ""
            )
            self._say(f"In it without any booking, so that theirs are removed: {shown}{more}", style="yellow")
        if preview.plans:
            named = sorted(preview.plans.items(), key=lambda each: -each[1])
            more = f" and {len(named) - 5:,} more" if len(named) > 5 else ""
            self._say("Shift plans: " + ", ".join(f"{name} ({count:,})" for name, count in named[:5]) + more)

    # ------------------------------------------------------------------------------------------------- its rows

    def _agents(self, preview: Preview) -> None:
        if not preview.agents:
            return
        self._rule("Agents")
        table = self._table("agent", "segments", "hours", "open to routing", "first", "last")
        for one in self._some(preview.agents):
            zone = time_zone(one.zone)
            table.add_row(
                escape(one.agent), f"{one.segments:,}", f"{one.hours:,.2f}", f"{one.open_hours:,.2f}",
                _local(one.first, zone), _local(one.last, zone),
            )  # fmt: skip
        self._print(table, len(preview.agents), "agents")

    def _days(self, preview: Preview) -> None:
        if not preview.days:
            return
        self._rule(f"Days (each segment on the day on which it starts, {preview.home_zone})")
        odd = dict(odd_days(min(preview.days), max(preview.days), time_zone(preview.home_zone)))
        table = self._table("day", "segments", "agents", "hours", "open to routing", "")
        limit = None if self._everything else MAX_DAY_LINES
        for day, one in list(preview.days.items())[:limit]:
            table.add_row(
                f"{day:%a %Y-%m-%d}", f"{one.segments:,}", f"{len(one.agents):,}", f"{one.hours:,.2f}",
                f"{one.open_hours:,.2f}", f"a day of {odd[day]:g} hours" if day in odd else "",
            )  # fmt: skip
        self._print(table, len(preview.days), "days", limit=MAX_DAY_LINES)

    def _activities(self, preview: Preview) -> None:
        if not preview.activities:
            return
        self._rule("Activities")
        table = self._table("word of the file", "activity", "may routing assign work?", "segments", "hours")
        for one in self._some(preview.activities):
            said = {True: "yes", False: "no", None: "nobody has said"}[one.assignable]
            style = "red" if one.assignable is None else None
            table.add_row(
                escape(one.word), escape(one.name), said, f"{one.segments:,}", f"{one.hours:,.2f}", style=style
            )
        self._print(table, len(preview.activities), "activities")

    # --------------------------------------------------------------------------------------------- clock changes

    def _clock_changes(self, preview: Preview) -> None:
        if not (preview.rehearsals or preview.next_changes):
            return
        self._rule("Clock changes")
        for rehearsal in preview.rehearsals:
            self._rehearse(rehearsal)
        for change in preview.next_changes:
            self._say(f"No segment in {change.zone} lies within a day of a change; the next one: {_told(change)}")

    def _rehearse(self, rehearsal: Rehearsal) -> None:
        change, zone = rehearsal.change, ZoneInfo(rehearsal.change.zone)
        self._say(f"{change.zone}, {_told(change)}", style="bold")
        if rehearsal.choices:
            self._say(
                "Times that could mean two instants. The rule: the first of two equal ones, a skipped one moves "
                "forward by the gap, and the later one where the end would not be after the start."
            )
            table = self._table("line", "agent", "time", "written as", "taken (UTC)", "taken (local)", "other (UTC)")
            for choice in self._some(rehearsal.choices):
                table.add_row(
                    str(choice.row), escape(choice.agent), f"{choice.field}, {_kind(choice)}", _wall(choice, change),
                    _utc(choice.chosen), _local(choice.chosen, zone, offset=True), _utc(choice.other),
                )  # fmt: skip
            self._print(table, len(rehearsal.choices), "choices")
        self._say(f"{_count(rehearsal.count, 'segment')} within a day of it:")
        table = self._table("line", "agent", "activity", "start (local)", "end (local)", "start (UTC)", "end (UTC)",
                            "hours")  # fmt: skip
        shown: list[Segment] = self._some(rehearsal.segments)
        for one in sorted(shown, key=lambda one: (one.start, one.agent)):
            crossed = change.is_crossed(one.start, one.end)
            table.add_row(
                str(one.row), escape(one.agent), escape(one.activity), _local(one.start, zone, offset=True),
                _local(one.end, zone, offset=True), _utc(one.start), _utc(one.end),
                f"{(one.end - one.start) / _HOUR:g}", style="cyan" if crossed else None,
            )  # fmt: skip
        self._print(table, rehearsal.count, "segments")

    # ------------------------------------------------------------------------------------------------- problems

    def _overlaps(self, preview: Preview) -> None:
        if not preview.overlap_count:
            return
        self._rule(
            f"Overlaps ({preview.overlap_count:,}): all are written; one without assignable work blocks the agent"
        )
        table = self._table("lines", "agent", "activities", "from (UTC)", "to (UTC)")
        for one in self._some(preview.overlaps):
            table.add_row(
                f"{one.first.row} and {one.second.row}", escape(one.first.agent),
                escape(f"{one.first.activity} and {one.second.activity}"),
                _utc(max(one.first.start, one.second.start)), _utc(min(one.first.end, one.second.end)),
            )  # fmt: skip
        self._print(table, preview.overlap_count, "overlaps")

    def _problems(self, preview: Preview) -> None:
        if not preview.problems:
            self._rule("Problems: none")
            return
        self._rule("Rows that would not be written")
        groups: defaultdict[str, list[Problem]] = defaultdict(list)
        for problem in preview.problems:
            groups[problem.code].append(problem)
        for code, problems in sorted(groups.items(), key=lambda each: -len(each[1])):
            self._say(f"{code}: {_count(len(problems), 'row')}. What to do: {problems[0].todo}.", style="bold")
            limit = len(problems) if self._everything else _MAX_PROBLEM_LINES
            for problem in problems[:limit]:
                column = f", column {problem.column}" if problem.column else ""
                agent = f" ({problem.agent})" if problem.agent else ""
                self._say(f"  line {problem.row}{column}{agent}: {problem.reason}")
            if len(problems) > limit:
                self._say(f"  and {len(problems) - limit:,} more (--all shows them)")

    # -------------------------------------------------------------------------------------------------- printing

    def _rule(self, title: str) -> None:
        self._console.print()
        self._console.rule(f"[bold]{escape(title)}[/bold]", align="left")

    def _say(self, text: str, style: str | None = None) -> None:
        self._console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)

    def _some[T](self, items: list[T]) -> list[T]:
        return items if self._everything else items[:MAX_LINES]

    def _table(self, first: str, *others: str) -> Table:
        table = Table(show_edge=False, pad_edge=False)
        table.add_column(first, overflow="fold")
        for heading in others:
            is_text = heading in {"activity", "agent", "word of the file", "time", "activities", "", "written as"}
            table.add_column(heading, justify="left" if is_text else "right", overflow="fold", no_wrap=not is_text)
        return table

    def _print(self, table: Table, total: int, what: str, *, limit: int = MAX_LINES) -> None:
        self._console.print(table)
        if total > table.row_count:
            self._say(
                f"  and {total - table.row_count:,} more {what}" + ("" if self._everything else " (--all shows them)")
            )


def _told(change: ClockChange) -> str:
    return (
        f"{change.shown_before:%A %d %B %Y}: {change.shown_before:%H:%M} becomes {change.shown_after:%H:%M} "
        f"({_utc(change.at)} UTC)"
    )


def _kind(choice: Choice) -> str:
    return "comes twice" if choice.code == "AMBIGUOUS_TIME" else "is skipped"


def _wall(choice: Choice, change: ClockChange) -> str:
    """The time as the file writes it: both readings show it, but for a skipped one, which neither clock ever shows."""
    offset = change.before if choice.code == "NONEXISTENT_TIME" and choice.chosen >= change.at else None
    if offset is None:
        return f"{choice.chosen.astimezone(ZoneInfo(change.zone)):%Y-%m-%d %H:%M}"
    return f"{choice.chosen + offset:%Y-%m-%d %H:%M}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


def _local(moment: datetime, zone: ZoneInfo, *, offset: bool = False) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M{' %z' if offset else ''}}"
