"""Which import speaks last: whether a file is older than one that was applied, says nothing new, or is suspicious
beside the one before it."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from functions.schedule_import.decide.edges import Edges, Spoken, have_one_in_common
from functions.schedule_import.decide.hold import Reason
from functions.schedule_import.profile import ScheduleProfile
from functions.schedule_import.profile.zones import time_zone
from functions.schedule_import.reading.segments import Segment

_SAME_LINES = 0.9
_FEW = 0.1
"""A planner takes a few rows away; a cut file lacks more than this share of them."""
_MANY = 0.3
_TELLING_ROWS = 5


class ImportState(StrEnum):
    """What became of an import."""

    APPLIED = "applied"
    """Dynamics has what it says."""
    HELD = "held"
    """It waits for a person."""
    WAITING = "waiting"
    """It waits for something to be mended: a right, a document, a companion file."""
    REJECTED = "rejected"
    FAILED = "failed"
    """It broke off; the event or the sweep tries it again."""
    UNDONE = "undone"
    UNDO = "undo"
    """Not a file: a person undid an import, and the scope is no longer what any file says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastImport:
    """What is remembered of an import. `sequence` grows with each import of the profile that is worked on."""

    import_id: str
    state: ImportState
    file: str
    sha256: str
    sequence: int = 0
    profile_digest: str = ""
    """What the profile and the directory of agents said then: another reading is another file."""
    age: datetime | None = None
    """When the file was uploaded."""
    stamp: datetime | None = None
    """When the file was made, as it says itself."""
    window: tuple[datetime, datetime] | None = None
    """The instants between which it speaks for its agents."""
    agents: bytes = b""
    """`edges.digests` of the agents in its scope."""
    after: bytes = b""
    """`edges.digests` of its bookings after its last midnight, and of those on its first day that it left to the day
    before: ends of night shifts."""
    clean: bool = False
    """No row was left out."""
    changed: bool = False
    """It wrote or removed a booking."""
    shape: str = ""
    first_day: date | None = None
    rows: int = 0
    plan_digest: str = ""
    reason: str = ""
    attempts: int = 0
    settled: int = 0
    """How many attempts it had taken when it got its status last."""
    tried: datetime | None = None
    """When it was worked on last."""
    bookings: int = 0
    """Bookings that it wants."""
    etag: str = ""
    """The version of the blob in the inbox."""
    command: str = ""
    """The version of the command's blob that led to this state."""

    @property
    def has_written(self) -> bool:
        """Whether its scope may look as it says, unless a later one speaks for the same. An import that broke off in
        the middle may have written a part."""
        return self.state in {ImportState.APPLIED, ImportState.UNDO} or (
            self.changed and self.state is not ImportState.UNDONE
        )


def speak_for_the_same(one: PastImport, other: PastImport) -> bool:
    """Whether two imports speak for an agent at the same time."""
    if one.window is None or other.window is None:
        return False
    if one.window[0] >= other.window[1] or other.window[0] >= one.window[1]:
        return False
    return have_one_in_common(one.agents, other.agents)


def spoken_for(past: Iterable[PastImport]) -> Edges:
    """What these imports tell of bookings at the edges of a file, or beyond. Where one was undone, those before it
    tell."""
    latest_first = sorted(past, key=lambda one: one.sequence, reverse=True)
    return Edges(
        Spoken(one.window, one.agents, one.after)
        for one in latest_first
        if one.has_written and one.state is not ImportState.UNDO and one.window is not None
    )


def overruled_by(this: PastImport, past: Iterable[PastImport]) -> PastImport | None:
    """An applied import of a newer file that speaks for the same: this file is older than what is there."""
    newer = [
        one
        for one in past
        if one.state is ImportState.APPLIED
        and one.import_id != this.import_id
        and _is_newer(one, this)
        and speak_for_the_same(one, this)
    ]
    return max(newer, key=lambda one: one.age or datetime.min) if newer else None  # noqa: DTZ901 - never compared


def _is_newer(one: PastImport, other: PastImport) -> bool:
    """By what the files say of themselves, if both do; else by their upload. The two kinds of clock do not mix."""
    if one.stamp is not None and other.stamp is not None:
        return one.stamp > other.stamp
    return one.age is not None and other.age is not None and one.age > other.age


def already_applied(sha256: str, profile_digest: str, past: Sequence[PastImport]) -> PastImport | None:
    """The import of the same content that still says what its scope looks like, if it left no row out.

    Nothing has to be read or written then: the file says what was written last.
    """
    same = [
        one
        for one in past
        if one.state is ImportState.APPLIED
        and one.sha256 == sha256
        and one.profile_digest == profile_digest
        and one.clean
    ]
    for one in sorted(same, key=lambda one: one.sequence, reverse=True):
        if not followed_by(one, past):
            return one
    return None


def latest_change(name: str, past: Iterable[PastImport]) -> PastImport | None:
    """The import that a file name (its latest that changed anything) or an import id stands for; also one that broke
    off in the middle."""
    applied = [one for one in past if one.has_written and one.changed and one.state is not ImportState.UNDO]
    by_id = next((one for one in applied if one.import_id == name), None)
    return by_id or max((one for one in applied if one.file == name), key=lambda one: one.sequence, default=None)


def latest_of(name: str, past: Iterable[PastImport]) -> PastImport | None:
    """The latest applied import of a file name, or the one with this id."""
    applied = [one for one in past if one.state is ImportState.APPLIED]
    by_id = next((one for one in applied if one.import_id == name), None)
    return by_id or max((one for one in applied if one.file == name), key=lambda one: one.sequence, default=None)


def followed_by(this: PastImport, past: Iterable[PastImport]) -> bool:
    """Whether a later import speaks for the same, so that this one is not the newest of its scope."""
    return any(
        other.has_written and other.sequence > this.sequence and speak_for_the_same(this, other) for other in past
    )


def shape(segments: Iterable[Segment], zone: str) -> tuple[str, date | None]:
    """What a file says apart from when: equal for two files of which one is the other, some days later.

    Wall-clock times count, so that a change to daylight saving time in between makes no difference.
    """
    clocks: dict[tuple[str, datetime], tuple[int, int]] = {}

    def clock(name: str, moment: datetime) -> tuple[int, int]:
        known = clocks.get((name, moment))
        if known is None:
            local = moment.astimezone(time_zone(name))
            known = clocks[name, moment] = local.toordinal(), local.hour * 60 + local.minute
        return known

    items = list(segments)
    if not items:
        return "", None
    first = min(clock(segment.time_zone or zone, segment.start)[0] for segment in items)
    total = 0
    for segment in items:
        name = segment.time_zone or zone
        day, minute = clock(name, segment.start)
        end_day, end_minute = clock(name, segment.end)
        said = f"{segment.agent}|{day - first}|{minute}|{end_day - first}|{end_minute}|{segment.activity}"
        total += int.from_bytes(hashlib.blake2b(said.encode(), digest_size=16).digest())
    return f"{total % 2**128:032x}", date.fromordinal(first)


def displaced(this: PastImport, past: Iterable[PastImport], profile: ScheduleProfile, now: datetime) -> Reason | None:
    """The very schedule of an import that is still running, moved by whole weeks: an export of the wrong week.

    A handful of rows may well repeat, and tells nothing.
    """
    if profile.hold.max_removed_share >= 1 or this.first_day is None or this.rows < _TELLING_ROWS:
        return None
    same = [
        one for one in past
        if one.state is ImportState.APPLIED and one.shape == this.shape and one.first_day is not None
    ]  # fmt: skip
    if any(one.first_day == this.first_day for one in same):
        # Somebody has approved it before, or it was there first.
        return None
    for one in same:
        days = (this.first_day - one.first_day).days if one.first_day is not None else 0
        if days % 7 == 0 and one.window is not None and one.window[1] > now:
            return Reason(
                "SHIFTED",
                f"the file says exactly what {one.file} said, {abs(days)} days {'later' if days > 0 else 'earlier'}; "
                "if that is what is planned, approve it",
            )
    return None


def perhaps_cut(this: PastImport, past: Iterable[PastImport], profile: ScheduleProfile) -> PastImport | None:
    """The latest import that speaks for all of its days with so many more rows that this file may be its beginning.

    Not one of some of its days, such as a correction: that came in between, and tells nothing.
    """
    before = max(
        (
            one
            for one in past
            if one.state is ImportState.APPLIED and speak_for_the_same(one, this) and _reaches_around(one, this)
        ),
        key=lambda one: one.sequence,
        default=None,
    )
    limit = profile.hold.max_removed_share
    if before is None or not before.rows or limit >= 1 or 1 - this.rows / before.rows <= min(limit, _FEW):
        return None
    return before


def _reaches_around(one: PastImport, other: PastImport) -> bool:
    assert one.window is not None
    assert other.window is not None
    return one.window[0] <= other.window[0] and other.window[1] <= one.window[1]


def is_beginning(new: Iterable[bytes], old: Iterable[bytes]) -> bool:
    """Whether lines are the first of a longer file: an export that was cut at a row's end.

    Of a file that lacks much, nearly all lines have to be equal (its head may name a time of export); of one that
    lacks less, all of them.
    """
    there = (line.strip() for line in old if line.strip())
    count = same = 0
    for line in new:
        if text := line.strip():
            count += 1
            same += text == next(there, None)
    missing = sum(1 for _ in there)
    if count < 2 or missing / (count + missing) <= _FEW:
        return False
    return same / count >= (_SAME_LINES if missing / (count + missing) > _MANY else 1)


def cut_reason(this: PastImport, before: PastImport) -> Reason:
    """What a person reads about a file that was cut."""
    return Reason(
        "CUT_SHORT",
        f"the file's {this.rows} rows are the beginning of {before.file}, which had {before.rows}: it looks cut off; "
        "export it again, or approve it",
    )


def older_reason(newer: PastImport) -> Reason:
    """What a person reads about a file that comes too late."""
    return Reason("OLDER", f"the file is older than {newer.file}, which speaks for the same agents and days")
