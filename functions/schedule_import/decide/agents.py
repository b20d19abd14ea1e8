"""Which Dynamics user each row speaks of, and which booking it is."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from functions.schedule_import.decide.facts import User
from functions.schedule_import.decide.record_ids import booking_id, booking_mark
from functions.schedule_import.reading.segments import Issue, Segment, Skip
from shared.dataverse.tables import utc_text


@dataclass(frozen=True, slots=True)
class PlacedSegment:
    """A segment with its agent's user and its booking's key."""

    segment: Segment
    user: User
    booking_id: UUID
    external_booking_id: str


@dataclass(slots=True)
class Placement:
    """Every segment either placed or skipped with a reason."""

    placed: list[PlacedSegment] = field(default_factory=list)
    skipped: list[Skip] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)


def place_segments(
    segments: Sequence[Segment], users: Mapping[str, tuple[User, ...]], *, profile: str, agent_column: str
) -> Placement:
    """Match every segment to one enabled user and give it its booking's key; a repeated row is written once.

    Nobody is guessed: an unknown, ambiguous or disabled agent is reported and not written.
    """
    placement = Placement()
    matched: list[tuple[Segment, User]] = []
    seen: set[tuple[object, ...]] = set()
    for segment in segments:
        found = _match(users.get(segment.agent.casefold(), ()))
        who: object = found.id if isinstance(found, User) else segment.agent.casefold()
        key = (who, segment.start, segment.end, segment.activity.casefold())
        if key in seen:
            _skip(placement, segment, "DUPLICATE", "the row repeats an earlier one; it is written once", None)
        elif isinstance(found, User):
            matched.append((segment, found))
        else:
            code, reason = found
            _skip(placement, segment, code, reason, agent_column)
        seen.add(key)
    placement.placed = _with_keys(matched, profile)
    return placement


def _match(candidates: tuple[User, ...]) -> User | tuple[str, str]:
    enabled = [user for user in candidates if not user.disabled]
    if len(enabled) == 1:
        return enabled[0]
    if enabled:
        return "AMBIGUOUS_AGENT", f"{len(enabled)} Dynamics users have this value; use an identity that is unique"
    if candidates:
        return "DISABLED_USER", "the Dynamics user is disabled; enable the user or take the agent out of the plan"
    return "UNKNOWN_AGENT", "no Dynamics user has this value; add the user, or correct the value"


def _skip(placement: Placement, segment: Segment, code: str, reason: str, column: str | None) -> None:
    placement.skipped.append(Skip(segment.row, code, reason, column))
    placement.issues.append(Issue(code, segment.row, agent=segment.agent))


def _with_keys(matched: Iterable[tuple[Segment, User]], profile: str) -> list[PlacedSegment]:
    """Keys by start order among equal ones, so that the order of rows in the file does not matter."""
    counts: defaultdict[tuple[UUID, str], int] = defaultdict(int)
    placed = []
    for segment, user in sorted(matched, key=lambda pair: (pair[0].start, pair[0].end, pair[0].row)):
        natural = f"{utc_text(segment.start)}|{segment.activity.casefold()}"
        source_key = segment.external_id or natural
        position = counts[user.id, source_key]
        counts[user.id, source_key] += 1
        mark = booking_mark(profile, segment.external_id, f"{user.id}|{natural}|{position}")
        placed.append(PlacedSegment(segment, user, booking_id(profile, user.id, source_key, position), mark))
    return placed
