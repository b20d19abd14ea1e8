"""Which rule answers a call: pure rules over the question, the caller and `routing.json`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from functions.smart_routing.messages import RouteRequest
from functions.smart_routing.rules import RoutingRules, Rule, Value
from shared.customers import CustomerColumns, Match
from shared.phone_numbers import identities, is_same_target


@dataclass(frozen=True, slots=True)
class Skipped:
    """A rule that did not apply, with the condition that failed. No value of the call or of the customer."""

    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class Forward:
    """Enreach should do something else than the default."""

    rule: str
    reason: str
    target: str
    fail_target: str | None
    extra: Mapping[str, object]
    skipped: tuple[Skipped, ...] = ()


@dataclass(frozen=True, slots=True)
class Default:
    """Enreach should do what it does without us. `rule` is set when a rule applied and was held back."""

    reason: str
    rule: str | None = None
    skipped: tuple[Skipped, ...] = ()


type Decision = Forward | Default


@dataclass(frozen=True, slots=True)
class _CompiledRule:
    rule: Rule
    pools: frozenset[str] | None
    target_ids: frozenset[str] | None

    def concerns(self, pool: frozenset[str], target_id: str | None) -> bool:
        return (self.pools is None or not self.pools.isdisjoint(pool)) and (
            self.target_ids is None or target_id in self.target_ids
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """The rules made ready for many calls: pools in every form that a spelling can be compared by."""

    region: str | None
    rules: tuple[_CompiledRule, ...]


def compile_rules(document: RoutingRules, region: str | None) -> Plan:
    """The rules ready for use. `region` reads numbers without a country code."""
    return Plan(region, tuple(_compiled(rule, region) for rule in document.rules))


def _compiled(rule: Rule, region: str | None) -> _CompiledRule:
    pool, target_id = rule.when.pool, rule.when.targetid
    return _CompiledRule(
        rule,
        None if pool is None else frozenset().union(*(identities(text, region) for text in pool)),
        None if target_id is None else frozenset(text.strip().casefold() for text in target_id),
    )


def shortlist(plan: Plan, request: RouteRequest) -> tuple[Rule, ...]:
    """The rules that can answer this call: those for its pool, up to the first that asks nothing about the caller."""
    pool = identities(request.bnum, plan.region)
    target_id = request.targetid.strip().casefold() if request.targetid else None
    found: list[Rule] = []
    for compiled in plan.rules:
        if compiled.concerns(pool, target_id):
            found.append(compiled.rule)
            if not compiled.rule.when.need_caller:
                break
    return tuple(found)


def caller_columns(rules: Sequence[Rule]) -> CustomerColumns | None:
    """The columns that these rules read of a caller; None when it does not matter who calls."""
    if not rules or not rules[0].when.need_caller:
        return None
    return CustomerColumns(
        contact=frozenset().union(*(rule.when.contact or {} for rule in rules)),
        account=frozenset().union(*(rule.when.account or {} for rule in rules)),
    )


def decide(rules: Sequence[Rule], caller: Match, request: RouteRequest, region: str | None) -> Decision:
    """The answer of the first rule on the shortlist that applies to this caller."""
    skipped: list[Skipped] = []
    for rule in rules:
        failed = _failed_condition(rule, caller)
        if failed is None:
            return _answer(rule, request, region, tuple(skipped))
        skipped.append(Skipped(rule.name, failed))
    return Default("no rule applies to this caller" if rules else "no rule for this pool", skipped=tuple(skipped))


def _failed_condition(rule: Rule, caller: Match) -> str | None:
    when = rule.when
    if when.match is not None and caller.kind not in when.match:
        return f"match is {caller.kind}"
    contact = caller.row if caller.kind == "contact" else None
    for name, wanted, row in (("contact", when.contact, contact), ("account", when.account, caller.account)):
        if wanted is None:
            continue
        if row is None:
            return f"there is no {name}"
        for column, values in wanted.items():
            if not any(_is_equal(row.get(column), value) for value in values):
                return f"{name}.{column} differs"
    return None


def _is_equal(stored: object, wanted: Value) -> bool:
    """Equality as an administrator means it: text whatever the case, 3 equals 3.0, but 1 is not true."""
    if isinstance(stored, str) and isinstance(wanted, str):
        return stored.strip().casefold() == wanted.strip().casefold()
    if isinstance(stored, bool) or isinstance(wanted, bool):
        return stored is wanted
    return stored == wanted


def _answer(rule: Rule, request: RouteRequest, region: str | None, skipped: tuple[Skipped, ...]) -> Decision:
    # "Returning the same bnum from the request as InitialTarget is forbidden because it would cause an infinite
    # loop" (Voice for Dynamics 365 guide 1.6.3). The id of the queue that the call is in leads to the same loop.
    here = [place for place in (request.bnum, request.current_queue_id) if place]
    then = rule.then
    if any(is_same_target(then.target, place, region) for place in here):
        return Default("the target is where the call already is", rule.name, skipped)
    fail_target = then.fail_target
    if fail_target is not None and any(is_same_target(fail_target, place, region) for place in here):
        fail_target = None
    return Forward(rule.name, _held_conditions(rule), then.target, fail_target, then.extra, skipped)


def _held_conditions(rule: Rule) -> str:
    held = rule.when.model_dump(exclude_none=True)
    return f"{', '.join(held)} hold" if held else "it has no conditions"
