"""Which columns say who, what, where and whether: by their names, and by what their values are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from functions.schedule_import.decide.activities import ASSIGNABLE_BY_NAME
from functions.schedule_import.reading.agents_csv import AgentDirectory
from local.schedules.guessing.values import Kinds
from local.schedules.guessing.words import own_name_says, says, words_of

MAX_ACTIVITIES = 150
_KNOWN_ACTIVITIES = {name.casefold() for name in ASSIGNABLE_BY_NAME}
_NOT_FINAL_WORDS = (
    "draft drafts proposed tentative unpublished canceled cancelled pending deleted entwurf storniert geplant luonnos "
    "peruttu utkast annulleret rejected declined"
)
_NOT_FINAL = frozenset(_NOT_FINAL_WORDS.split())
_DRAFT_FLAGS = frozenset({"published", "ispublished", "committed", "released", "final", "confirmed", "approved"})
_DELETED_FLAGS = frozenset({"deleted", "isdeleted", "removed"})
_CANCELLED_FLAGS = frozenset({"cancelled", "canceled", "iscancelled", "iscanceled", "storniert"})
_WORK_FLAGS = frozenset({"work", "working", "isworking", "scheduled"})
_AS_GOOD = 3.0
"""A column's score from which on it may be the activity, too."""
_NO = ("false", "no", "n", "0", "nein", "f", "ei")
_YES = ("true", "yes", "y", "1", "ja", "t", "kylla", "x")


@dataclass(slots=True)
class Agent:
    """The agent's column and what kind of name it holds."""

    column: str
    identity: str
    reason: str
    doubt: str | None = None


@dataclass(slots=True)
class Roles:
    """What the columns are, apart from times."""

    agent: Agent | None = None
    others: dict[str, str] = field(default_factory=dict)
    """Field of the profile to column."""
    skip: list[dict[str, object]] = field(default_factory=list)
    not_imported: list[str] = field(default_factory=list)
    doubts: dict[str, str] = field(default_factory=dict)
    """Column to what a person should look at."""


def roles_of(columns: Sequence[Kinds], used: set[str], directory: AgentDirectory) -> Roles:
    """The roles of the columns that do not say when."""
    roles, free = Roles(), [each for each in columns if each.name not in used and each.values]
    roles.agent = _agent(free, directory)
    taken = {roles.agent.column} if roles.agent else set()

    def pick(score: Callable[[Kinds], float]) -> Kinds | None:
        candidates = [(score(each), each) for each in free if each.name not in taken]
        best = max(candidates, key=lambda each: each[0], default=(0.0, None))
        if best[1] is None or best[0] < 2:
            return None
        taken.add(best[1].name)
        return best[1]

    for flag in [each for each in free if each.is_truth and each.name not in taken]:
        if _flag(flag, roles):
            taken.add(flag.name)
    zone = pick(_zone_score)
    if zone:
        roles.others["timeZone"] = zone.name
    activity = pick(_activity_score)
    if activity:
        roles.others["activity"] = activity.name
        rivals = [each.name for each in free if each.name not in taken and _activity_score(each) >= _AS_GOOD]
        if rivals:
            roles.doubts[activity.name] = f"{', '.join(rivals)} may name the activity as well; which one is it?"
    status = pick(lambda each: _status_score(each, roles))
    if status:
        roles.others["status"] = status.name
        _status(status, roles)
    for name, score in (("externalId", _id_score), ("team", _team_score), ("site", _site_score), ("plan", _plan_score)):
        found = pick(score)
        if found:
            roles.others[name] = found.name
    return roles


# ------------------------------------------------------------------------------------------------------------ agents


def _agent(columns: Sequence[Kinds], directory: AgentDirectory) -> Agent | None:
    found = [(score, each) for each in columns if (score := _agent_score(each)) >= 2]
    if not found:
        return None
    _, column = max(found, key=lambda each: each[0])
    return _identified(column, columns, directory)


def _agent_score(each: Kinds) -> float:
    name = each.name
    if says(name, "other_person") or each.filled_share < 0.5 or each.is_truth or own_name_says(name, "note"):
        return 0.0
    if _holds_zones(each):
        return 0.0
    person = says(name, "agent")
    if each.is_email:
        return 6.0 + person
    if own_name_says(name, "team") or own_name_says(name, "site"):
        return 0.0
    is_number = own_name_says(name, "number") or own_name_says(name, "id")
    score = 0.0
    if person and is_number:
        score = 5.0
    elif own_name_says(name, "login"):
        score = 4.5
    elif person and (own_name_says(name, "name") or each.looks_like_names):
        score = 3.0
    elif person:
        score = 3.5
    elif own_name_says(name, "name") and each.looks_like_names:
        score = 2.5
    elif is_number and each.has_leading_zeros and not each.is_unique:
        # An employee's code is a safer identity than the name beside it.
        score = 1.5 if says(name, "shift") else 2.8
    return score - 2 * (each.is_unique and not person)


def _identified(column: Kinds, columns: Sequence[Kinds], directory: AgentDirectory) -> Agent:
    name = column.name
    if column.is_email:
        return Agent(name, "email", "its values are e-mail addresses")
    scheme = _scheme(column, directory)
    if scheme:
        return Agent(name, scheme, f"its values are those of the column {scheme} of agents.csv")
    named = own_name_says(name, "name") and not any(each.isdigit() for value in column.values for each in value)
    if (column.looks_like_names or named) and not column.is_guid and not own_name_says(name, "login"):
        doubt = "agents are found by full name only where nobody else has the same; an id or e-mail is safer"
        return Agent(name, "fullname", "its values look like names of people", doubt)
    if column.is_guid:
        entra = own_name_says(name, "entra")
        if entra:
            return Agent(name, "azureactivedirectoryobjectid", "its values are GUIDs and its name speaks of Entra")
        own = own_scheme(name)
        return Agent(
            name, own, "its values are GUIDs",
            f"are these Entra object ids? Then set identity to azureactivedirectoryobjectid; else fill a column {own} "
            "in agents.csv",
        )  # fmt: skip
    if own_name_says(name, "login"):
        return Agent(name, "domainname", "its name speaks of a log-in", "is it the user name in Dynamics (domainname)?")
    zeros = "; leading zeros are kept" if column.has_leading_zeros else ""
    return Agent(
        name, "employeeid", f"its values are codes{zeros}",
        "is it the employee id that Dynamics has (systemuser.employeeid)? If it is the vendor's own id, name a column "
        f"of agents.csv instead, such as {own_scheme(name)}",
    )  # fmt: skip


def own_scheme(name: str) -> str:
    """A column of agents.csv for a vendor's own ids, after the file's column."""
    words = [word for word in words_of(name.rpartition("/")[2]) if not word.isdigit()] or ["agent"]
    return words[0] + "".join(word.capitalize() for word in words[1:])


def _scheme(column: Kinds, directory: AgentDirectory) -> str | None:
    for scheme in sorted(directory.schemes):
        known = column.share(lambda value, scheme=scheme: directory.emails_of((scheme, value.casefold())))  # type: ignore[misc]
        if known >= 0.5:
            return scheme
    return None


# -------------------------------------------------------------------------------------------------------- the others


def _activity_score(each: Kinds) -> float:
    if (
        each.is_email
        or each.is_guid
        or each.is_truth
        or len(each.values) > MAX_ACTIVITIES
        or each.dates
        or each.moments
    ):
        return 0.0
    known = each.share(lambda value: value.casefold() in _KNOWN_ACTIVITIES)
    score = 5 * known
    if own_name_says(each.name, "activity"):
        score += 3
        score -= 1.0 * (own_name_says(each.name, "id") or own_name_says(each.name, "number"))
        score += own_name_says(each.name, "name")
    if not known and any(own_name_says(each.name, other) for other in ("team", "site", "note", "zone", "length")):
        score -= 3
    return score - 1.5 * each.is_number


def _zone_score(each: Kinds) -> float:
    if own_name_says(each.name, "zone"):
        return 4.0
    return 3.0 if _holds_zones(each) else 0.0


def _holds_zones(each: Kinds) -> bool:
    return each.is_zone and any("/" in value for value in each.values)


def _status_score(each: Kinds, roles: Roles) -> float:
    if each.is_number or each.is_truth or len(each.values) > 12:
        return 0.0
    not_final = each.share(lambda value: value.casefold() in _NOT_FINAL)
    return 2.0 * own_name_says(each.name, "status") + 3.0 * (not_final > 0)


def _status(each: Kinds, roles: Roles) -> None:
    roles.not_imported = sorted(value for value in each.values if value.casefold() in _NOT_FINAL)
    final = sorted(value for value in each.values if value.casefold() not in _NOT_FINAL)
    roles.doubts[each.name] = (
        f"rows with {', '.join(final[:8]) or 'any other value'} are imported, under booking statuses of these names"
        + (f"; rows with {', '.join(roles.not_imported)} are not" if roles.not_imported else "")
        + '; take "status" out of the fields if it is no booking status'
    )


def _flag(each: Kinds, roles: Roles) -> bool:
    """A column of yes and no that says whether a row counts."""
    words = words_of(each.name.rpartition("/")[2])
    keys = {*words, "".join(words)}
    rules = ((_DRAFT_FLAGS, _NO, "NOT_COMMITTED"), (_DELETED_FLAGS, _YES, "DELETED_IN_SOURCE"),
             (_CANCELLED_FLAGS, _YES, "CANCELLED"), (_WORK_FLAGS, _NO, "DAY_OFF"))  # fmt: skip
    for names, values, code in rules:
        if keys & names:
            roles.skip.append({"column": each.name, "values": list(values), "code": code})
            roles.doubts[each.name] = f"rows where it is {' or '.join(values[:2])} are left out as {code}"
            return True
    return False


def _id_score(each: Kinds) -> float:
    is_id = own_name_says(each.name, "id") or own_name_says(each.name, "number")
    if not each.is_unique or says(each.name, "agent") or not is_id:
        return 0.0
    return 2.0 + own_name_says(each.name, "shift") + each.is_guid


def _team_score(each: Kinds) -> float:
    return 2.0 * (own_name_says(each.name, "team") and not each.is_unique and not says(each.name, "other_person"))


def _site_score(each: Kinds) -> float:
    return 2.0 * (own_name_says(each.name, "site") and not each.is_unique)


def _plan_score(each: Kinds) -> float:
    return 2.0 * (own_name_says(each.name, "plan") and not each.is_unique and not own_name_says(each.name, "id"))
