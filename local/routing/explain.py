"""One call: what is known of it and its caller, and what every rule says to it."""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from functions.smart_routing.decide.answers import Decision, Default, Forward
from functions.smart_routing.decide.call import Call
from functions.smart_routing.decide.facts import Agent, Facts
from functions.smart_routing.decide.plan import Needs, needs_of
from functions.smart_routing.decide.shifts import is_on_shift
from functions.smart_routing.messages import RouteRequest
from functions.smart_routing.use_case import Outcome, SmartRouting
from local.routing.site import PATIENCE_SECONDS, masked
from shared.dataverse.meter import count_requests
from shared.dataverse.tables import JsonRow


@dataclass(frozen=True, slots=True)
class Explained:
    """An outcome with what it cost."""

    outcome: Outcome
    milliseconds: float
    requests: int


async def explained(routing: SmartRouting, request: RouteRequest) -> Explained:
    """The call's way through the rules. Raises DataverseError."""
    with count_requests() as meter:
        started = time.perf_counter()
        outcome = await routing.explain(request, within=PATIENCE_SECONDS)
        return Explained(outcome, (time.perf_counter() - started) * 1000, meter.requests)


def verdicts(outcome: Outcome) -> Iterator[tuple[str, str, str]]:
    """Each rule in its order with what became of it and why."""
    if outcome.plan is None or outcome.considered is None:
        return
    at_the_door = {each.rule: each.reason for each in outcome.considered.skipped}
    by_the_caller = {each.rule: each.reason for each in outcome.decision.skipped}
    for compiled in outcome.plan.rules:
        name = compiled.rule.name
        if name == outcome.decision.rule:
            yield name, "wins" if isinstance(outcome.decision, Forward) else "held back", outcome.decision.reason
        elif name in at_the_door:
            yield name, "no, by the call", at_the_door[name]
        elif name in by_the_caller:
            yield name, "no, by the caller", by_the_caller[name]
        else:
            yield name, "not reached", "an earlier rule answers"


def answer(outcome: Outcome) -> str:
    """What Enreach is told, in words; the number of an agent is masked."""
    decision = outcome.decision
    if isinstance(decision, Default):
        return "Enreach's default"
    fail = f", else {decision.fail_target}" if decision.fail_target else ""
    return f"{_target(outcome, decision)}{fail}"


def _target(outcome: Outcome, decision: Forward) -> str:
    rules = outcome.plan.document.rules if outcome.plan else ()
    then = next(rule.then for rule in rules if rule.name == decision.rule)
    # The place of an `else` is written in the rules, too; only an agent's own number is not.
    place = then.otherwise if not isinstance(then.otherwise, str) else None
    if then.agent is None or (place is not None and place.target == decision.target):
        return decision.target
    return f"the {then.agent} {masked(decision.target)}"


# -------------------------------------------------------------------------------------------------------- output


def show(found: Explained, deadline_seconds: float, console: Console) -> None:
    """Print the facts, the rules and the cost."""
    outcome = found.outcome
    if outcome.plan is None or outcome.call is None or outcome.considered is None:
        console.print(outcome.decision.reason, markup=False)
        return
    needs = needs_of(outcome.considered.rules, outcome.plan)
    facts = Table(title="What is known", title_justify="left", show_header=False)
    for name, value in [*_of_the_call(outcome.call), *_of_the_caller(outcome, needs)]:
        facts.add_row(name, escape(value))
    console.print(facts)
    rules = Table("rule", "verdict", "why", title="What each rule says", title_justify="left")
    for name, verdict, why in verdicts(outcome):
        rules.add_row(escape(name), verdict, escape(why), style="bold" if verdict == "wins" else None)
    console.print(rules)
    console.print(f"Answer: {answer(outcome)} ({_by(outcome.decision)})", markup=False, soft_wrap=True)
    late = "; the app would have given up and told the default" if found.milliseconds > deadline_seconds * 1000 else ""
    console.print(
        f"{found.milliseconds:.0f} ms of {deadline_seconds * 1000:.0f}, requests to Dataverse: {found.requests}{late}",
        markup=False,
    )


def _by(decision: Decision) -> str:
    return f"{decision.rule}: {decision.reason}" if decision.rule else decision.reason


def _of_the_call(call: Call) -> Iterator[tuple[str, str]]:
    yield "time", f"{call.now:%Y-%m-%d %H:%M:%S %Z}"
    yield "caller's number", f"{masked(call.number)} ({call.country})" if call.number else "withheld or no number"
    yield "called", call.bnum
    yield "targetid", call.target_id or "-"
    yield "internal", "yes" if call.is_internal else "no"


def _of_the_caller(outcome: Outcome, needs: Needs) -> Iterator[tuple[str, str]]:
    facts, now = outcome.facts, outcome.call.now if outcome.call else None
    if facts is None or now is None:
        yield "match", "nobody was asked: no rule before the answer needs the caller"
        return
    yield "match", facts.caller.kind
    for name, row, columns in (
        ("contact", facts.caller.contact, needs.customer.contact),
        ("lead", facts.caller.lead, needs.customer.lead),
    ):
        if row is not None:
            yield name, _row(row, f"{name}id", columns)
    for account in facts.caller.accounts:
        yield "related account", _row(account, "accountid", needs.customer.account)
    yield "open cases", str(len(facts.cases)) if needs.cases else "not asked: no rule here needs them"
    for case in facts.cases:
        yield "  case", _row(case.row, "incidentid", ["createdon", *sorted(needs.case_columns)])
    for kind, agent, shift in _agents(facts, needs):
        yield kind, _agent(agent, shift, outcome)


def _agents(facts: Facts, needs: Needs) -> Iterator[tuple[str, Agent | None, bool]]:
    if needs.case_owner and needs.cases:
        for case in facts.cases:
            yield "caseOwner", case.owner, needs.cases.shift
    asked = {"contactOwner": needs.contact_owner, "accountOwner": needs.account_owner, "lastAgent": needs.last_agent}
    agents: Mapping[str, Agent] = {str(kind): agent for kind, agent in facts.agents.items()}
    for kind, need in asked.items():
        if need:
            yield kind, agents.get(kind), need.shift


def _agent(agent: Agent | None, shift: bool, outcome: Outcome) -> str:
    if agent is None:
        return "there is none"
    parts = ["enabled" if agent.is_enabled else "disabled", "with number" if agent.number else "no number"]
    if shift and outcome.call is not None:
        now = outcome.call.now
        bookings = [each for each in agent.bookings if each.counts and each.start <= now < each.end]
        parts += [
            f"{'work' if each.is_assignable else 'blocked'} until {each.end:%Y-%m-%d %H:%M} UTC" for each in bookings
        ] or ["no booking now"]
        parts.append("on shift now" if is_on_shift(agent.bookings, now, 0) else "not on shift now")
    return ", ".join(parts)


def _row(row: JsonRow, key: str, columns: Iterable[str]) -> str:
    values = [f"{column} = {row.get(column)!r}" for column in columns if column != key]
    return ", ".join([str(row.get(key)), *values])
