"""Which triggers a call matches, and so which configurations make a case of it.

Texts compare whatever their case. Of what is not known `notEquals` holds, and nothing else does.
"""

from functions.ticket_creation.decide.sources import CallFacts
from functions.ticket_creation.rules import Condition, TicketTriggers, Trigger


def configurations_of(document: TicketTriggers, facts: CallFacts) -> tuple[tuple[str, str], ...]:
    """Name of the trigger and of its configuration, in the order of the triggers: the first that matches, or with
    `match` all of them. Each configuration stands there once, with the first trigger that names it."""
    found: dict[str, str] = {}
    for trigger in document.triggers:
        if matches(trigger, facts):
            found.setdefault(document.configuration_of(trigger), trigger.name)
            if document.match == "first":
                break
    return tuple((trigger, configuration) for configuration, trigger in found.items())


def asks_for_match(document: TicketTriggers) -> bool:
    """Whether some trigger wants to know what the caller is in Dynamics."""
    return any(condition.field == "callerMatch" for trigger in document.triggers for condition in trigger.conditions)


def matches(trigger: Trigger, facts: CallFacts) -> bool:
    """All of the one group hold, and any of the other; a group without conditions holds."""
    return all(holds(each, facts) for each in trigger.all_of) and (
        not trigger.any_of or any(holds(each, facts) for each in trigger.any_of)
    )


def holds(condition: Condition, facts: CallFacts) -> bool:
    """Whether the condition holds for the call."""
    match condition.field:
        case "duration":
            return _holds_for_number(condition, facts.duration)
        case "openingHours":
            is_open = not condition.words.isdisjoint(name.casefold() for name in facts.open_hours)
            return is_open is not (condition.operator == "notEquals")
        case "queue":
            text = facts.queue
        case "callStatus":
            text = facts.call_status
        case "direction":
            text = facts.direction
        case "outboundRoute":
            text = facts.outbound_route
        case "agent":
            text = facts.agent
        case "callerMatch":
            text = facts.caller_match
    is_one = text is not None and text.strip().casefold() in condition.words
    return is_one is not (condition.operator == "notEquals")


def _holds_for_number(condition: Condition, number: int | None) -> bool:
    if number is None:
        return condition.operator == "notEquals"
    match condition.operator:
        case "equals" | "in":
            return number in condition.values
        case "notEquals":
            return number not in condition.values
        case "greater":
            return all(isinstance(each, int) and number > each for each in condition.values)
        case "less":
            return all(isinstance(each, int) and number < each for each in condition.values)
