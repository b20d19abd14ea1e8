"""Which Dynamics user each row speaks of. Nobody is guessed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from functions.schedule_import.decide.activities import activity
from functions.schedule_import.decide.facts import Guid, User
from functions.schedule_import.profile import ScheduleProfile
from functions.schedule_import.profile.layout import BUILT_IN_IDENTITIES
from functions.schedule_import.reading.agents_csv import AgentDirectory, AgentKey
from functions.schedule_import.reading.segments import Issue, Segment, Skip


def agent_key(identity: str, value: str) -> AgentKey:
    """The key under which an agent's value is looked up. Leading zeros count, case does not."""
    return identity, value.strip().casefold()


def system_user_keys(keys: Iterable[AgentKey], directory: AgentDirectory) -> set[AgentKey]:
    """What has to be asked of Dynamics to know these agents: vendors' own ids by way of the e-mail address."""
    asked: set[AgentKey] = set()
    for key in keys:
        if key[0] in BUILT_IN_IDENTITIES:
            asked.add(key)
        else:
            asked.update(("email", email) for email in directory.emails_of(key))
    return asked


@dataclass(slots=True)
class Matching:
    """The users behind the values of a file: one enabled user, or why there is none."""

    users: dict[AgentKey, User] = field(default_factory=dict)
    problems: dict[AgentKey, tuple[str, str]] = field(default_factory=dict)
    """Code and reason."""
    candidates: dict[AgentKey, tuple[User, ...]] = field(default_factory=dict)
    """Everybody whom an unmatched value might mean."""

    def named_by(self, key: AgentKey) -> tuple[Guid, ...]:
        """Everybody whom the value means or might mean."""
        user = self.users.get(key)
        return (user.id,) if user else tuple(found.id for found in self.candidates.get(key, ()))


def match_agents(
    keys: Iterable[AgentKey], found: Mapping[AgentKey, tuple[User, ...]], directory: AgentDirectory
) -> Matching:
    """One enabled user for each value; UNKNOWN_AGENT, AMBIGUOUS_AGENT and DISABLED_USER are reported, never guessed."""
    matching = Matching()
    for key in keys:
        users = _candidates(key, found, directory)
        enabled = [user for user in users if not user.disabled]
        if len(enabled) == 1:
            matching.users[key] = enabled[0]
            continue
        matching.candidates[key] = users
        if enabled:
            problem = (
                "AMBIGUOUS_AGENT",
                f"{len(enabled)} Dynamics users have this value; use a unique identity",
            )
        elif users:
            problem = (
                "DISABLED_USER",
                "the Dynamics user is disabled; enable it or take the agent out of the plan",
            )
        elif key[0] in BUILT_IN_IDENTITIES:
            problem = "UNKNOWN_AGENT", "no Dynamics user has this value; add the user, or correct the value"
        else:
            problem = "UNKNOWN_AGENT", f"config/agents.csv has no such {key[0]}, or no Dynamics user has its e-mail"
        matching.problems[key] = problem
    return matching


def _candidates(
    key: AgentKey, found: Mapping[AgentKey, tuple[User, ...]], directory: AgentDirectory
) -> tuple[User, ...]:
    if key[0] in BUILT_IN_IDENTITIES:
        return found.get(key, ())
    users = {user.id: user for email in directory.emails_of(key) for user in found.get(("email", email), ())}
    return tuple(users.values())


@dataclass(slots=True)
class PlacedSegments:
    """The segments of matched agents by user, in order of start; the others are skipped with a reason."""

    by_user: dict[Guid, list[Segment]] = field(default_factory=dict)
    users: dict[Guid, User] = field(default_factory=dict)
    unmatched: dict[AgentKey, list[Segment]] = field(default_factory=dict)
    """What cannot be written, because its agent is nobody that Dynamics knows."""
    skipped: list[Skip] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)


class _Meanings(dict[str, str]):
    """The activity that each word of a file means, whatever its case; a file has few words and many rows."""

    def __init__(self, profile: ScheduleProfile) -> None:
        super().__init__()
        self._profile = profile

    def __missing__(self, word: str) -> str:
        meaning = self[word] = activity(word, self._profile).name.casefold()
        return meaning


def place_segments(
    segments: Sequence[Segment], matching: Matching, agent_column: str, profile: ScheduleProfile
) -> PlacedSegments:
    """Every segment with its agent's user; a row that repeats an earlier one is written once. Rows whose words mean the
    same activity under `profile` say the same."""
    placed, meanings = PlacedSegments(), _Meanings(profile)
    for segment in segments:
        key = agent_key(segment.identity, segment.agent)
        user = matching.users.get(key)
        if user is None:
            placed.unmatched.setdefault(key, []).append(segment)
        else:
            placed.users[user.id] = user
            placed.by_user.setdefault(user.id, []).append(segment)
    for user_id, mine in placed.by_user.items():
        placed.by_user[user_id] = _once_each(mine, placed, meanings)
    for key, theirs in placed.unmatched.items():
        code, reason = matching.problems[key]
        placed.unmatched[key] = _once_each(theirs, placed, meanings)
        for segment in placed.unmatched[key]:
            _skip(placed, segment, code, reason, agent_column)
    return placed


def _once_each(segments: list[Segment], placed: PlacedSegments, meanings: Mapping[str, str]) -> list[Segment]:
    """The segments of one agent in order of start, each once. What starts at once is ordered by what it says, so that
    the order of rows in the file does not matter, not even to rows that repeat each other but for their plan or id."""
    segments.sort(key=lambda one: _order(one, meanings[one.activity]))
    kept: list[Segment] = []
    for segment in segments:
        if kept and _say_the_same(kept[-1], segment, meanings):
            _skip(placed, segment, "DUPLICATE", f"the row repeats row {kept[-1].row}; it is written once", None)
        else:
            kept.append(segment)
    return kept


def _order(one: Segment, meaning: str) -> tuple[object, ...]:
    return (
        one.start, one.end, meaning, one.activity.casefold(), one.external_id, one.plan, one.team, one.site, one.status,
        one.activity, one.row,
    )  # fmt: skip


def _say_the_same(one: Segment, other: Segment, meanings: Mapping[str, str]) -> bool:
    return one.start == other.start and one.end == other.end and meanings[one.activity] == meanings[other.activity]


def _skip(placed: PlacedSegments, segment: Segment, code: str, reason: str, column: str | None) -> None:
    placed.skipped.append(Skip(segment.row, code, reason, column))
    placed.issues.append(Issue(code, segment.row, agent=segment.agent))
