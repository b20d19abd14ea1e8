"""Which Dynamics user an Enreach user is. Pure.

By e-mail, whatever the case: the override e-mail of the Dynamics user first, its primary e-mail second, against the
login of the Enreach user (Voice for Dynamics 365 guide 1.5.2.1; facts on Enreach, section 5). What several could claim
is nobody's: an agent without calls is noticed, one with the calls of somebody else is not.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from shared.phone_numbers import e164


class EnreachUser(Protocol):
    """A user as Enreach lists it; `shared.enreach` has it."""

    @property
    def id(self) -> str: ...
    @property
    def user_name(self) -> str: ...


@dataclass(frozen=True, slots=True)
class DynamicsUser:
    """A row of systemuser, whatever the kind: people, application users and non-interactive ones.

    E-mails are in lower case without white space around them, empty where there is none; `enreach_id` is canonical,
    empty where the column has no id (or there is no column); `mobile` is the text as somebody typed it.
    """

    user_id: str
    email: str = ""
    override_email: str = ""
    enreach_id: str = ""
    is_disabled: bool = False
    mobile: str = ""
    name: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class User:
    """A Dynamics user as callers see it. One who is disabled can own no new row."""

    user_id: str
    is_disabled: bool = False
    name: str = field(default="", repr=False, compare=False)
    """The full name."""


@dataclass(frozen=True, slots=True)
class UserMap:
    """The users of Dynamics by their Enreach ids and by their mobile numbers."""

    enreach_ids: Mapping[str, User] = field(default_factory=dict)
    mobile_numbers: Mapping[str, User] = field(default_factory=dict)

    def by_enreach_id(self, enreach_id: str) -> User | None:
        """The user of this Enreach id, in any spelling."""
        return self.enreach_ids.get(canonical_id(enreach_id))

    def by_mobile_number(self, number: str) -> User | None:
        """The user with this number (E.164) as mobile phone; None where several have it.

        For mobile calls, which Enreach reports without a user (guide 1.5.3, note on the users' mobile number).
        """
        return self.mobile_numbers.get(number)


@dataclass(frozen=True, slots=True)
class Assignment:
    """Which Enreach id stands for whom, and what could not be told."""

    matched: Mapping[str, str]
    """Enreach id -> systemuserid, by e-mail."""
    kept: Mapping[str, str]
    """The same for ids that no e-mail speaks of: typed by hand, or left of an Enreach user who is gone."""
    ambiguous_in_dynamics: frozenset[str]
    """Users who share an e-mail that an Enreach user has, or an id that no e-mail speaks of."""
    ambiguous_in_enreach: frozenset[str]
    """Enreach ids that share a login, or that came with two logins."""
    ambiguities: int
    """How many e-mails and ids this is about."""
    missing_in_dynamics: frozenset[str]
    """Enreach ids for whom there is nobody."""
    missing_in_enreach: frozenset[str]
    """Users who ought to have an Enreach user and have none: `expected`, with an override e-mail, or with an id that
    Enreach does not know (any more)."""

    @property
    def all(self) -> dict[str, str]:
        """Enreach id -> systemuserid."""
        return {**self.kept, **self.matched}


def canonical_id(text: object) -> str:
    """A GUID in lower case without braces, as 8-4-4-4-12; empty for anything else."""
    try:
        return str(UUID(text.strip())) if isinstance(text, str) else ""
    except ValueError:
        return ""


def plain_email(text: object) -> str:
    """An e-mail in the form in which it is compared: in lower case, not folded, which would take `weiß` for `weiss`."""
    return text.strip().lower() if isinstance(text, str) else ""


def assign(
    users: Iterable[DynamicsUser],
    enreach_users: Sequence[EnreachUser],
    known: Mapping[str, str] | None,
    expected: frozenset[str] = frozenset(),
) -> Assignment:
    """Who is who. `known` are the ids of an earlier run (Enreach id -> systemuserid), where no column of Dynamics
    holds them; None where one does, since people edit it. `expected` are users who ought to have an Enreach user."""
    people = {user.user_id: user for user in users}
    listed = _logins(enreach_users)
    found = _by_email(people.values(), listed)
    taken = set(found.matched.values())
    holders = _holders(people.values(), known)
    # An id on a user who has another one by e-mail is stale, and so is one that is somebody else's by e-mail.
    free = {id_: left for id_, of in holders.items() if id_ not in found.matched and (left := of - taken)}
    kept = {id_: next(iter(of)) for id_, of in free.items() if len(of) == 1 and next(iter(of)) in people}
    doubled = {id_: of for id_, of in free.items() if len(of) > 1}
    ambiguous_users = found.ambiguous_users.union(*doubled.values())
    settled = taken | set(kept.values()) | ambiguous_users
    hoped_for = expected | {user.user_id for user in people.values() if user.override_email}
    unknown = {user_id for id_, user_id in kept.items() if id_ not in listed.ids}
    return Assignment(
        matched=found.matched,
        kept=kept,
        ambiguous_in_dynamics=ambiguous_users,
        ambiguous_in_enreach=found.ambiguous_ids,
        ambiguities=found.ambiguities + len(doubled),
        missing_in_dynamics=listed.ids - found.matched.keys() - kept.keys() - found.ambiguous_ids - found.contested_ids
        - doubled.keys(),
        missing_in_enreach=frozenset(((hoped_for & people.keys()) - settled) | unknown),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Logins:
    ids: frozenset[str]
    by_login: Mapping[str, frozenset[str]]
    two_logins: frozenset[str]


@dataclass(frozen=True, slots=True)
class _ByEmail:
    matched: dict[str, str]
    ambiguous_users: frozenset[str]
    ambiguous_ids: frozenset[str]
    contested_ids: frozenset[str]
    """Ids that several Dynamics users claim."""
    ambiguities: int


def _logins(enreach_users: Iterable[EnreachUser]) -> _Logins:
    by_login: defaultdict[str, set[str]] = defaultdict(set)
    ids: set[str] = set()
    for user in enreach_users:
        if id_ := canonical_id(user.id):
            ids.add(id_)
            if login := plain_email(user.user_name):
                by_login[login].add(id_)
    logins_of = Counter(id_ for of in by_login.values() for id_ in of)
    return _Logins(
        frozenset(ids),
        {login: frozenset(of) for login, of in by_login.items()},
        frozenset(id_ for id_, count in logins_of.items() if count > 1),
    )


def _by_email(users: Iterable[DynamicsUser], listed: _Logins) -> _ByEmail:
    claims: defaultdict[str, list[str]] = defaultdict(list)
    for user in users:
        emails = (user.override_email, user.email)
        if (login := next((email for email in emails if email in listed.by_login), None)) is not None:
            claims[login].append(user.user_id)
    matched: dict[str, str] = {}
    ambiguous_users: set[str] = set()
    ambiguous_ids: set[str] = set()
    contested_ids: set[str] = set()
    ambiguities = 0
    for login, ids in listed.by_login.items():
        claimants = claims[login]
        is_clear = len(ids) == 1 and ids.isdisjoint(listed.two_logins)
        if is_clear and len(claimants) <= 1:
            matched |= dict.fromkeys(ids, claimants[0]) if claimants else {}
            continue
        ambiguities += 1
        if not is_clear:
            ambiguous_ids |= ids
        if len(claimants) > 1:
            contested_ids |= ids
        ambiguous_users.update(claimants)
    return _ByEmail(
        matched, frozenset(ambiguous_users), frozenset(ambiguous_ids), frozenset(contested_ids), ambiguities
    )


def _holders(users: Iterable[DynamicsUser], known: Mapping[str, str] | None) -> Mapping[str, set[str]]:
    if known is not None:
        return {id_: {user_id} for id_, user_id in known.items()}
    holders: defaultdict[str, set[str]] = defaultdict(set)
    for user in users:
        if user.enreach_id:
            holders[user.enreach_id].add(user.user_id)
    return holders


def user_map(ids: Mapping[str, str], users: Iterable[DynamicsUser], region: str | None) -> UserMap:
    """The map for callers. Ids of users whom Dynamics no longer has are left out.

    A mobile number of several users is nobody's, unless one alone of them is enabled: a phone is handed on.
    `region` reads numbers without a country code.
    """
    people = {user.user_id: user for user in users}
    numbers: defaultdict[str, list[DynamicsUser]] = defaultdict(list)
    for user in people.values():
        if user.mobile and (number := e164(user.mobile, region)) is not None:
            numbers[number].append(user)
    return UserMap(
        {id_: _seen(people[user_id]) for id_, user_id in ids.items() if user_id in people},
        {number: _seen(owner) for number, of in numbers.items() if (owner := _owner(of)) is not None},
    )


def _owner(users: Sequence[DynamicsUser]) -> DynamicsUser | None:
    candidates = [user for user in users if not user.is_disabled] or users
    return candidates[0] if len(candidates) == 1 else None


def _seen(user: DynamicsUser) -> User:
    return User(user.user_id, user.is_disabled, user.name)
