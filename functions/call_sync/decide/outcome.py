"""What becomes of a call, and why. The first thing that holds decides, in the order in which it stands here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from functions.call_sync.rules import CallSync
from shared.calls.call import Agent, Call, Kind
from shared.calls.privacy import (
    ON_THE_LIST,
    PrivacyRules,
    is_never_logged,
    is_private,
    may_be_known,
    privacy_reason,
    privacy_rules,
)
from shared.calls.records import Outcome
from shared.customers.activities import Customer, matched_customer
from shared.customers.document import CustomerMatching, MatchKind
from shared.customers.matching import NOBODY, Match
from shared.enreach.models import Direction
from shared.phone_numbers import e164
from shared.users.matching import User, UserMap

PHONE_CALL_STATES: Final[Mapping[int, int]] = {1: 0, 2: 1, 4: 1, 3: 2}
"""The state that each status reason of the phone call belongs to, as Dynamics comes (table reference)."""

type NewKind = Literal[MatchKind.CONTACT, MatchKind.LEAD]


@dataclass(frozen=True, slots=True)
class Site:
    """What holds for all calls of a run."""

    rules: CallSync
    privacy: PrivacyRules
    region: str | None = None
    """In which numbers without a country code are read (ISO 3166)."""
    own_numbers: frozenset[str] = field(default=frozenset(), repr=False)
    """Ours (E.164): nobody's customer, and never a new one."""
    states: Mapping[int, int] = field(default_factory=lambda: PHONE_CALL_STATES)
    """The state that each status reason of the phone call belongs to in this environment."""


def site_of(
    rules: CallSync,
    matching: CustomerMatching,
    own_numbers: Iterable[str] = (),
    states: Mapping[int, int] = PHONE_CALL_STATES,
) -> Site:
    """Both documents made ready. `own_numbers` are those of users and queues as they are written, beside `ownNumbers`
    of the document: without them a colleague's number may become a customer's."""
    region = matching.default_region
    read = (e164(text, region) for text in own_numbers)
    return Site(
        rules,
        privacy_rules(rules, region),
        region,
        frozenset(matching.own_numbers) | {number for number in read if number},
        states,
    )


# ------------------------------------------------------------------------------------------------- decisions


@dataclass(frozen=True, slots=True)
class NewCustomer:
    """Somebody to be made before the call is logged with him."""

    kind: NewKind
    number: str = field(repr=False)
    """E.164."""


@dataclass(frozen=True, slots=True)
class Skip:
    """No phone call."""

    outcome: Outcome
    reason: str


@dataclass(frozen=True, slots=True)
class Withdraw:
    """The phone call that is there must go, or must tell nothing any more."""

    outcome: Outcome
    reason: str
    how: Literal["remove", "blank"]


@dataclass(frozen=True, slots=True)
class Wait:
    """It will be logged when somebody can own it."""

    reason: str
    outcome: Literal[Outcome.WAITING] = Outcome.WAITING


@dataclass(frozen=True, slots=True)
class Log:
    """A phone call."""

    reason: str
    owner: str | None
    """systemuserid; None only where a phone call is there already, whose owner then stays."""
    customer: Customer | None = None
    new_customer: NewCustomer | None = None
    several: bool = False
    """Whether it bears `MultipleMatchPhoneCallStatus`."""
    outcome: Literal[Outcome.LOGGED] = Outcome.LOGGED


type Decision = Skip | Withdraw | Wait | Log


@dataclass(frozen=True, slots=True)
class PresentRow:
    """What is known of the phone call that was written for a call before."""

    has_customer: bool
    several: bool | None = False
    """Whether it was written as one whose number several customers have; None where it is lost what was written."""

    @property
    def keeps_customer(self) -> bool:
        """Whether its customer is nobody's question. Where it is lost what was written, the match tells whether the
        customer is ours, and with him the parties."""
        return self.has_customer and self.several is not None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a call from elsewhere."""

    match: Match = NOBODY
    """Who has the number of `number_to_match`."""
    owner: str | None = None
    """systemuserid (`owner_of`)."""
    row: PresentRow | None = None
    """Of ours, in Dynamics."""
    before: Outcome | None = None
    """What became of the call when it was last looked at."""


# ---------------------------------------------------------------------------------------------- before asking


def customer_number(call: Call, site: Site) -> str | None:
    """The customer's number (E.164); None when withheld or unreadable."""
    return e164(call.customer_number, site.region) if call.customer_number else None


def is_internal(call: Call, site: Site) -> bool:
    """Whether both sides are ours."""
    return call.is_between_users or customer_number(call, site) in site.own_numbers


def skip_unasked(call: Call, site: Site) -> Skip | None:
    """Why a call is not logged, whoever has its number; None when that matters."""
    rules = site.rules
    if is_private(call, site.privacy):
        return Skip(Outcome.SKIPPED_PRIVATE, privacy_reason(call, site.privacy))
    if is_never_logged(call, site.privacy):
        return Skip(Outcome.NEVER_LOG, ON_THE_LIST)
    switch, is_on = _switch(call, rules)
    if not is_on:
        return Skip(Outcome.SWITCHED_OFF, f"{switch} is false" + ("" if call.has_ended else ", and it goes on"))
    if call.answered and call.talk_seconds < rules.call_duration_limit:
        limit = f"CallDurationLimit ({rules.call_duration_limit} s)"
        return Skip(
            Outcome.TOO_SHORT, f"{call.talk_seconds} s are below {limit}" + ("" if call.has_ended else " so far")
        )
    if is_internal(call, site):
        return Skip(Outcome.NO_MATCH, "an internal call: both sides are ours")
    return None


def number_to_match(call: Call, site: Site, row: PresentRow | None = None) -> str | None:
    """The number (E.164) whose customer has to be known before `decide`; None when nobody need be asked."""
    if row is not None:
        is_closed = row.keeps_customer or not may_be_known(call, site.privacy)
        return None if is_closed or is_internal(call, site) else customer_number(call, site)
    return None if skip_unasked(call, site) else customer_number(call, site)


def owner_of(call: Call, site: Site, users: UserMap) -> str | None:
    """The user (systemuserid) who made or took the call, known by the Enreach id or, for a mobile call, by the mobile
    number (guide 1.5.3), else the one of `DefaultCrmAssignee`. None where both are nobody who can own a row."""
    user = _user(call.owner, site, users)
    if user is None or user.is_disabled:
        user = _default_user(site.rules, users)
    return None if user is None or user.is_disabled else user.user_id


def name_of(agent: Agent, site: Site, users: UserMap) -> str | None:
    """The full name of an agent's user in Dynamics; None where nobody knows one."""
    user = _user(agent, site, users)
    return user.name or None if user is not None else None


def assignee_problem(rules: CallSync, users: UserMap) -> str | None:
    """What is wrong with `DefaultCrmAssignee`, for health and for calls that wait; None when nothing is."""
    if rules.default_crm_assignee is None:
        return "DefaultCrmAssignee is not set"
    user = _default_user(rules, users)
    if user is None:
        return "DefaultCrmAssignee is the Enreach user id of nobody in Dynamics"
    return "DefaultCrmAssignee is a disabled user of Dynamics" if user.is_disabled else None


def status_problem(site: Site) -> str | None:
    """What is wrong with `MultipleMatchPhoneCallStatus`, for health; None when nothing is."""
    if site.rules.multiple_match_phone_call_status in site.states:
        return None
    return "MultipleMatchPhoneCallStatus is no status reason of the phone call in Dynamics"


def _user(agent: Agent | None, site: Site, users: UserMap) -> User | None:
    if agent is None:
        return None
    if agent.user_id:
        return users.by_enreach_id(agent.user_id)
    number = e164(agent.number, site.region) if agent.number else None
    return users.by_mobile_number(number) if number else None


def _default_user(rules: CallSync, users: UserMap) -> User | None:
    return users.by_enreach_id(rules.default_crm_assignee) if rules.default_crm_assignee else None


def _switch(call: Call, rules: CallSync) -> tuple[str, bool]:
    """The setting that a call of this kind depends on, and whether it is on."""
    if call.kind is Kind.DIRECT:
        if call.answered:
            return "ProcessDirectCalls", rules.process_direct_calls
        return "ProcessDirectCallsUnanswered", rules.process_direct_calls_unanswered
    if call.answered:
        return "ProcessServiceCalls", rules.process_service_calls
    return "ProcessServiceCallsUnanswered", rules.process_service_calls_unanswered


# ---------------------------------------------------------------------------------------------------- deciding


def decide(call: Call, site: Site, facts: Facts) -> Decision:
    """What becomes of the call."""
    if facts.row is not None:
        return _of_present_row(call, site, facts, facts.row)
    skip = skip_unasked(call, site) or _skip_unmatched(call, site, facts.match)
    if skip is not None:
        return _as_before(skip, facts.before)
    if facts.owner is None:
        return Wait("its own user is not in Dynamics, and DefaultCrmAssignee names nobody who could own it")
    return _log(call, site, facts.match, facts.owner)


def _as_before(skip: Skip, before: Outcome | None) -> Skip:
    """A call whose phone call was taken away is still one of which that is known."""
    if skip.outcome is Outcome.SKIPPED_PRIVATE and before is Outcome.REMOVED_PRIVATE:
        return Skip(before, skip.reason)
    return skip


def _of_present_row(call: Call, site: Site, facts: Facts, row: PresentRow) -> Decision:
    """What is in Dynamics stays up to date, even if a setting or a customer is another one today; only privacy and
    the never-log list take it away."""
    away = _why_away(call, site)
    if away is not None:
        # A phone call that tells nothing any more stays as it is.
        return Skip(away.outcome, away.reason) if facts.before is away.outcome else away
    customer = None if row.keeps_customer or is_internal(call, site) else matched_customer(facts.match)
    is_several = call.kind is Kind.QUEUE and facts.match.kind is MatchKind.AMBIGUOUS
    was_several = is_several if row.several is None else row.several
    return Log("logged before", facts.owner, customer, several=was_several and customer is None)


def _why_away(call: Call, site: Site) -> Withdraw | None:
    rules = site.rules
    if is_private(call, site.privacy):
        return Withdraw(Outcome.REMOVED_PRIVATE, privacy_reason(call, site.privacy), rules.when_turned_private)
    if is_never_logged(call, site.privacy):
        return Withdraw(Outcome.NEVER_LOG, ON_THE_LIST, rules.when_turned_private)
    return None


def _skip_unmatched(call: Call, site: Site, match: Match) -> Skip | None:
    rules = site.rules
    if match.kind is MatchKind.AMBIGUOUS:
        if call.kind is Kind.DIRECT:
            return Skip(Outcome.SEVERAL_MATCHES, "several customers have its number, and it is no queue call")
        if not rules.enable_multiple_match_create:
            reason = "several customers have its number, and EnableMultipleMatchCreate is false"
            return Skip(Outcome.SEVERAL_MATCHES, reason)
        return None
    if matched_customer(match) is not None or rules.unmatched_callers == "log":
        return None
    who = _nobody(call, site)
    if rules.unmatched_callers == "skip":
        return Skip(Outcome.NO_MATCH, f"{who}, and UnmatchedCallers is skip")
    if not call.has_ended and customer_number(call, site) is not None:
        # It may yet turn out to be private, and then nobody may have been made of it.
        return Skip(Outcome.NO_MATCH, f"{who}: a {rules.unmatched_callers} is made when the call has ended")
    return None


def _nobody(call: Call, site: Site) -> str:
    if call.customer_number is None:
        return "the number is withheld" if call.direction is Direction.IN else "there is no number"
    if customer_number(call, site) is None:
        return "the number is no complete phone number"
    return "no customer has its number"


def _log(call: Call, site: Site, match: Match, owner: str) -> Log:
    if (customer := matched_customer(match)) is not None:
        count = len(match.candidates)
        kind_name = customer.kind.value
        reason = (
            f"the first of {count} {kind_name}s with its number" if count > 1 else f"one {kind_name} has its number"
        )
        return Log(reason, owner, customer)
    if match.kind is MatchKind.AMBIGUOUS:
        return Log("several customers have its number", owner, several=True)
    number, who = customer_number(call, site), _nobody(call, site)
    if number is not None and site.rules.unmatched_callers in {"contact", "lead"}:
        kind: NewKind = MatchKind.CONTACT if site.rules.unmatched_callers == "contact" else MatchKind.LEAD
        return Log(f"{who}: a {kind.value} is made", owner, new_customer=NewCustomer(kind, number))
    return Log(f"{who}: logged without a customer", owner)
