"""The first rule that holds, and what Enreach is told for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic import JsonValue

from functions.smart_routing.decide.call import Call
from functions.smart_routing.decide.conditions import cases_that_count, failed_by_the_caller
from functions.smart_routing.decide.facts import Agent, Facts
from functions.smart_routing.decide.plan import CompiledRule, Skipped
from functions.smart_routing.decide.shifts import is_on_shift
from functions.smart_routing.rules import Place, Rule
from shared.phone_numbers import is_same_target


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


class _Place(Protocol):
    """What an answer's place and that of its `else` have in common."""

    @property
    def fail_target(self) -> str | None: ...
    @property
    def extra(self) -> Mapping[str, JsonValue]: ...


def decide(rules: Sequence[CompiledRule], facts: Facts, call: Call, region: str | None) -> Decision:
    """The answer of the first of these rules that applies to this caller."""
    skipped: list[Skipped] = []
    for compiled in rules:
        rule = compiled.rule
        failed = failed_by_the_caller(rule.when, facts)
        if failed is None:
            answer = _answer(rule, facts, call, region, tuple(skipped))
            if not isinstance(answer, Skipped):
                return answer
            skipped.append(answer)
        else:
            skipped.append(Skipped(rule.name, failed))
    return Default("no rule applies to this caller" if rules else "no rule for this call", skipped=tuple(skipped))


def _answer(
    rule: Rule, facts: Facts, call: Call, region: str | None, skipped: tuple[Skipped, ...]
) -> Decision | Skipped:
    then = rule.then
    if then.agent is None:
        return _forward(rule, _held_conditions(rule), then.target or "", then, call, region, skipped)
    agent = _agent(rule, facts)
    missing = _missing(rule, agent, call)
    if missing is None and agent is not None and agent.number is not None:
        reason = f"the {then.agent} is {'on shift' if then.on_shift else 'known'}"
        return _forward(rule, reason, agent.number, then, call, region, skipped)
    reason = f"{then.agent}: {missing}"
    match then.otherwise:
        case "continue":
            return Skipped(rule.name, reason)
        case "default":
            return Default(reason, rule.name, skipped)
        case Place() as place:
            return _forward(rule, reason, place.target, place, call, region, skipped)


def _agent(rule: Rule, facts: Facts) -> Agent | None:
    kind = rule.then.agent
    if kind == "caseOwner":
        cases = cases_that_count(rule.when, facts.cases)
        return cases[0].owner if cases else None
    return facts.agents.get(kind) if kind else None


def _missing(rule: Rule, agent: Agent | None, call: Call) -> str | None:
    """Why the call cannot go to this agent; None when it can."""
    if agent is None:
        return "there is none"
    if not agent.is_enabled:
        return "the user is disabled"
    if agent.number is None:
        return "no number in Dynamics"
    shift = rule.then.on_shift
    if shift is not None and not is_on_shift(agent.bookings, call.now, shift.minutes):
        return "not on shift"
    return None


def _forward(
    rule: Rule, reason: str, target: str, place: _Place, call: Call, region: str | None, skipped: tuple[Skipped, ...]
) -> Decision:
    # "Returning the same bnum from the request as InitialTarget is forbidden because it would cause an infinite
    # loop" (Voice for Dynamics 365 guide 1.6.3). The id of the queue that the call is in leads to the same loop.
    here = [each for each in (call.bnum, call.queue_id) if each]
    if any(is_same_target(target, each, region) for each in here):
        return Default("the target is where the call already is", rule.name, skipped)
    fail_target = place.fail_target
    if fail_target is not None and any(is_same_target(fail_target, each, region) for each in here):
        fail_target = None
    return Forward(rule.name, reason, target, fail_target, place.extra, skipped)


def _held_conditions(rule: Rule) -> str:
    held = rule.when.model_dump(exclude_none=True, by_alias=True)
    return f"{', '.join(held)} hold" if held else "it has no conditions"
