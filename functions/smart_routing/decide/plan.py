"""`routing.json` made ready for many calls: which rules concern a call, and what has to be asked for them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache

from functions.smart_routing.decide.call import Call
from functions.smart_routing.decide.conditions import failed_at_the_door
from functions.smart_routing.rules import AgentKind, ColumnTest, Place, RoutingRules, Rule
from shared.customers import CustomerColumns
from shared.phone_numbers import e164, identities


@dataclass(frozen=True, slots=True)
class Skipped:
    """A rule that did not apply, with the condition that failed. No value of the call or of the customer."""

    rule: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class CompiledRule:
    """A rule with its pools in every form that a spelling can be compared by."""

    rule: Rule
    pools: frozenset[str] | None
    target_ids: frozenset[str] | None

    def failed_at_the_door(self, call: Call, document: RoutingRules) -> str | None:
        """The first condition that fails without anybody being asked."""
        if self.pools is not None and self.pools.isdisjoint(call.pool):
            return "pool differs"
        if self.target_ids is not None and call.target_id not in self.target_ids:
            return "targetid differs"
        return failed_at_the_door(self.rule.when, call, document.opening_hours)


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """All rules, and our own numbers (E.164) that they name: those of pools and targets never match a customer."""

    document: RoutingRules
    region: str | None
    rules: tuple[CompiledRule, ...]
    own_numbers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Shortlist:
    """The rules that can answer a call, up to the first that asks nothing about the caller, and the others."""

    rules: tuple[CompiledRule, ...]
    skipped: tuple[Skipped, ...]

    @property
    def need_caller(self) -> bool:
        """Whether it matters who calls."""
        return bool(self.rules) and self.rules[0].rule.need_caller


def compile_rules(document: RoutingRules, region: str | None) -> Plan:
    """The rules ready for use. `region` reads numbers without a country code."""
    own = {number for text in _places(document.rules) if (number := e164(text, region))}
    return Plan(document, region, tuple(_compiled(rule, region) for rule in document.rules), frozenset(own))


def _places(rules: Iterable[Rule]) -> Iterable[str]:
    for rule in rules:
        yield from rule.when.pool or ()
        places = (rule.then, rule.then.otherwise) if isinstance(rule.then.otherwise, Place) else (rule.then,)
        for place in places:
            yield from (target for target in (place.target, place.fail_target) if target)


def _compiled(rule: Rule, region: str | None) -> CompiledRule:
    pool, target_id = rule.when.pool, rule.when.targetid
    return CompiledRule(
        rule,
        None if pool is None else frozenset().union(*(identities(text, region) for text in pool)),
        None if target_id is None else frozenset(text.strip().casefold() for text in target_id),
    )


def shortlist(plan: Plan, call: Call) -> Shortlist:
    """The rules whose conditions hold as far as the call itself tells."""
    found: list[CompiledRule] = []
    skipped: list[Skipped] = []
    for compiled in plan.rules:
        failed = compiled.failed_at_the_door(call, plan.document)
        if failed is not None:
            skipped.append(Skipped(compiled.rule.name, failed))
            continue
        found.append(compiled)
        if not compiled.rule.need_caller:
            break
    return Shortlist(tuple(found), tuple(skipped))


# ------------------------------------------------------------------------------------------------ what to ask


@dataclass(frozen=True, slots=True)
class AgentNeed:
    """What some rules want to know of one kind of agent."""

    of_contact: bool
    """Whether a matched contact's agent is wanted, and `of_account`, a matched account's."""
    of_account: bool
    shift: bool


@dataclass(frozen=True)
class Needs:
    """What a shortlist wants to know of a caller. Equal needs are asked by the same queries."""

    customer: CustomerColumns
    case_columns: frozenset[str]
    cases: AgentNeed | None
    """Open cases, whether or not their owner matters."""
    case_owner: bool
    contact_owner: AgentNeed | None
    account_owner: AgentNeed | None
    last_agent: AgentNeed | None
    shift_minutes: int
    look_back_days: int
    agent_number: tuple[str, ...]

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        # Each call looks up what was made for the same needs, several times.
        return hash(tuple(getattr(self, each.name) for each in fields(self)))


@lru_cache(maxsize=256)
def needs_of(rules: tuple[CompiledRule, ...], plan: Plan) -> Needs:
    """What has to be asked for these rules of the plan: the union of what each asks, and nothing else."""
    each = [compiled.rule for compiled in rules]
    with_cases = [rule for rule in each if rule.when.open_case is not None or rule.then.agent == "caseOwner"]
    last_agent = [rule for rule in each if rule.then.agent == "lastAgent"]
    return Needs(
        customer=_customer_columns(each, plan.document.parent_levels),
        case_columns=_columns(*(rule.when.open_case for rule in each)),
        cases=_agent_need(with_cases, "caseOwner"),
        case_owner=any(rule.then.agent == "caseOwner" for rule in each),
        contact_owner=_agent_need([rule for rule in each if rule.then.agent == "contactOwner"], "contactOwner"),
        account_owner=_agent_need([rule for rule in each if rule.then.agent == "accountOwner"], "accountOwner"),
        last_agent=_agent_need(last_agent, "lastAgent"),
        shift_minutes=max((rule.then.on_shift.minutes for rule in each if rule.then.on_shift), default=0),
        look_back_days=max((rule.then.look_back_days for rule in last_agent), default=0),
        agent_number=plan.document.agent_number,
    )


def _customer_columns(rules: Sequence[Rule], parent_levels: int) -> CustomerColumns:
    account = any(rule.when.account is not None for rule in rules)
    direct = account or any(rule.then.agent == "accountOwner" for rule in rules)
    return CustomerColumns(
        contact=_columns(*(rule.when.contact for rule in rules)),
        account=_columns(*(rule.when.account for rule in rules)),
        lead=_columns(*(rule.when.lead for rule in rules)),
        parent_account=direct,
        parent_levels=parent_levels if account else 0,
        primary_contact=account,
        lead_customer=account or any(rule.when.contact is not None for rule in rules),
    )


def _columns(*conditions: "dict[str, ColumnTest] | bool | None") -> frozenset[str]:
    return frozenset().union(*(condition for condition in conditions if isinstance(condition, dict)))


def _agent_need(rules: Sequence[Rule], agent: AgentKind) -> AgentNeed | None:
    if not rules:
        return None
    return AgentNeed(
        of_contact=any(rule.when.match is None or "contact" in rule.when.match for rule in rules),
        of_account=any(rule.when.match is None or "account" in rule.when.match for rule in rules),
        shift=any(rule.then.agent == agent and rule.then.on_shift is not None for rule in rules),
    )
