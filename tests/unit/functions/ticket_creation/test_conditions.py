"""Every operator with every field, the two groups, first and all, and a slow second opinion on all of it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.ticket_creation.decide.conditions import asks_for_match, configurations_of, holds, matches
from functions.ticket_creation.decide.sources import CallFacts
from functions.ticket_creation.rules import TicketTriggers
from tests.unit.functions.ticket_creation.trigger_examples import condition, read, triggers

FACTS = CallFacts(
    queue="Customer Service",
    call_status="unanswered",
    direction="incoming",
    outbound_route="Helsinki",
    agent="Aino.Virtanen@contoso.example",
    duration=30,
    caller_match="contact",
    open_hours=frozenset({"Office", "Phones"}),
)
UNKNOWN = CallFacts()

# The field; the value that the call has, in another case; one that it has not; a further one that it has not.
TEXTS = [
    ("queue", "CUSTOMER service", "Sales", "Billing"),
    ("callStatus", "Unanswered", "answered", "overflow"),
    ("direction", "INCOMING", "outgoing", "outgoing"),
    ("outboundRoute", "HELSINKI", "Turku", "Oulu"),
    ("agent", "aino.virtanen@CONTOSO.example", "b@contoso.example", "c@contoso.example"),
    ("callerMatch", "Contact", "account", "none"),
    ("openingHours", "OFFICE", "Night", "Weekend"),
]


@pytest.mark.parametrize(("field", "same", "other", "further"), TEXTS, ids=[each[0] for each in TEXTS])
def test_each_operator_of_a_text(field: str, same: str, other: str, further: str) -> None:
    expected = {
        ("equals", same): True,
        ("equals", other): False,
        ("notEquals", same): False,
        ("notEquals", other): True,
        ("in", (other, same)): True,
        ("in", (other, further)): False,
    }
    for (operator, value), answer in expected.items():
        written = list(value) if isinstance(value, tuple) else value
        assert holds(condition(field, operator, written), FACTS) is answer, (operator, value)


@pytest.mark.parametrize(("field", "same", "other", "further"), TEXTS, ids=[each[0] for each in TEXTS])
def test_of_a_text_that_is_not_known_only_not_equals_holds(field: str, same: str, other: str, further: str) -> None:
    for operator, value, answer in (
        ("equals", same, False), ("notEquals", same, True), ("in", [same, other, further], False),
    ):  # fmt: skip
        assert holds(condition(field, operator, value), UNKNOWN) is answer, operator


@pytest.mark.parametrize(
    ("operator", "value", "at_30", "at_0", "not_known"),
    [
        ("equals", 30, True, False, False),
        ("equals", 31, False, False, False),
        ("notEquals", 30, False, True, True),
        ("notEquals", 31, True, True, True),
        ("in", [0, 31], False, True, False),
        ("in", [29, 30], True, False, False),
        ("greater", 29, True, False, False),
        ("greater", 30, False, False, False),
        ("greater", 31, False, False, False),
        ("less", 31, True, True, False),
        ("less", 30, False, True, False),
        ("less", 0, False, False, False),
    ],
)
def test_each_operator_of_the_duration(operator: str, value: object, at_30: bool, at_0: bool, not_known: bool) -> None:
    asked = condition("duration", operator, value)
    assert holds(asked, CallFacts(duration=30)) is at_30
    assert holds(asked, CallFacts(duration=0)) is at_0
    assert holds(asked, UNKNOWN) is not_known


@pytest.mark.parametrize(
    ("text", "name"), [("straße", "STRASSE"), ("Åsa", "åSA"), ("İstanbul", "i̇stanbul")], ids=["ß", "Å", "İ"]
)
def test_letters_beyond_ascii_compare_in_any_case(text: str, name: str) -> None:
    assert holds(condition("queue", "equals", name), CallFacts(queue=text))


YES: dict[str, Any] = {"field": "direction", "operator": "equals", "value": "incoming"}
ALSO: dict[str, Any] = {"field": "duration", "operator": "greater", "value": 10}
NO: dict[str, Any] = {"field": "direction", "operator": "equals", "value": "outgoing"}


@pytest.mark.parametrize(
    ("all_of", "any_of", "answer"),
    [
        pytest.param([], [], True, id="no conditions: always"),
        pytest.param([YES], [], True, id="all, which holds"),
        pytest.param([YES, ALSO], [], True, id="all of two hold"),
        pytest.param([YES, NO], [], False, id="one of all does not hold"),
        pytest.param([], [YES], True, id="any, which holds"),
        pytest.param([], [NO, YES], True, id="one of any holds"),
        pytest.param([], [NO, NO], False, id="none of any holds"),
        pytest.param([YES], [NO, ALSO], True, id="both groups hold"),
        pytest.param([YES], [NO], False, id="all holds, any does not"),
        pytest.param([NO], [YES], False, id="any holds, all does not"),
    ],
)
def test_groups(all_of: list[dict[str, Any]], any_of: list[dict[str, Any]], answer: bool) -> None:
    document = triggers({"all": all_of, "any": any_of})
    assert matches(document.triggers[0], FACTS) is answer
    assert configurations_of(document, FACTS) == ((("t1", "Case"),) if answer else ())


THREE = (
    {"all": [NO], "configuration": "a"},
    {"all": [YES], "configuration": "B"},
    {"all": [ALSO], "configuration": "A"},
    {"configuration": "b"},
)


@pytest.mark.parametrize(
    ("match", "expected"),
    [("first", (("t2", "b"),)), ("all", (("t2", "b"), ("t3", "a")))],
)
def test_first_and_all(match: str, expected: tuple[tuple[str, str], ...]) -> None:
    """A configuration that two triggers name makes one case, for the first of them."""
    assert configurations_of(triggers(*THREE, configurations=("a", "b"), match=match), FACTS) == expected


def test_without_triggers_no_call_makes_a_case() -> None:
    assert configurations_of(read({"configurations": {"a": {}}}), FACTS) == ()


@pytest.mark.parametrize("group", ["all", "any"])
def test_whether_the_customer_has_to_be_known_first(group: str) -> None:
    about_the_caller = {"field": "callerMatch", "operator": "equals", "value": "none"}
    assert asks_for_match(triggers({"all": [YES]}, {group: [YES, about_the_caller]}))
    assert not asks_for_match(triggers({"all": [YES], "any": [NO]}))


# --------------------------------------------------------------------------------------------- a second opinion

WORDS = {
    "queue": ["Sales", "sales", "Support"],
    "callStatus": ["answered", "Unanswered"],
    "direction": ["incoming", "OUTGOING"],
    "outboundRoute": ["North"],
    "agent": ["a@x.example", "A@X.example", "b@x.example"],
    "callerMatch": ["none", "Contact"],
    "openingHours": ["Office", "NIGHT"],
}
ATTRIBUTES = {
    "queue": "queue", "callStatus": "call_status", "direction": "direction", "outboundRoute": "outbound_route",
    "agent": "agent", "callerMatch": "caller_match",
}  # fmt: skip


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Any]:
    field = draw(st.sampled_from([*WORDS, "duration"]))
    operators = ["equals", "notEquals", "in"] + (["greater", "less"] if field == "duration" else [])
    operator = draw(st.sampled_from(operators))
    one = st.integers(0, 3) if field == "duration" else st.sampled_from(WORDS[field])
    return {"field": field, "operator": operator, "value": draw(st.lists(one, min_size=1) if operator == "in" else one)}


def maybe(field: str) -> st.SearchStrategy[str | None]:
    return st.none() | st.sampled_from(WORDS[field])


CALLS = st.builds(
    CallFacts,
    queue=maybe("queue"),
    call_status=maybe("callStatus"),
    direction=maybe("direction"),
    outbound_route=maybe("outboundRoute"),
    agent=maybe("agent"),
    duration=st.none() | st.integers(0, 3),
    caller_match=maybe("callerMatch"),
    open_hours=st.frozensets(st.sampled_from(WORDS["openingHours"])),
)
NAMES = ("One", "Two", "Three")


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    groups = st.lists(conditions(), max_size=3)
    configuration = st.sampled_from(NAMES).map(lambda name: draw(st.sampled_from([name, name.upper(), name.lower()])))
    written = draw(
        st.lists(st.fixed_dictionaries({"all": groups, "any": groups, "configuration": configuration}), max_size=5)
    )
    return {
        "match": draw(st.sampled_from(["first", "all"])),
        "triggers": [{"name": f"t{number}", **each} for number, each in enumerate(written)],
        "configurations": {name: {} for name in NAMES},
    }


def says(asked: dict[str, Any], facts: CallFacts) -> bool:
    """What the documentation says of one condition, word by word."""
    field, operator, value = asked["field"], asked["operator"], asked["value"]
    values = value if operator == "in" else [value]
    if field == "duration":
        if facts.duration is None:
            return bool(operator == "notEquals")
        compared = {"greater": facts.duration > values[0], "less": facts.duration < values[0]}
        equal = facts.duration in values
        return bool(compared.get(operator, not equal if operator == "notEquals" else equal))
    if field == "openingHours":
        has = {name.lower() for name in facts.open_hours}
    else:
        one: str | None = getattr(facts, ATTRIBUTES[field])
        has = set() if one is None else {one.lower()}
    found = any(each.lower() in has for each in values)
    return not found if operator == "notEquals" else found


def expected(document: dict[str, Any], facts: CallFacts) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for trigger in document["triggers"]:
        every = [says(each, facts) for each in trigger["all"]]
        some = [says(each, facts) for each in trigger["any"]]
        name = trigger["configuration"].capitalize()
        if False in every or (some and True not in some):
            continue
        if name not in [known for _, known in found]:
            found.append((trigger["name"], name))
        if document["match"] == "first":
            return found
    return found


@settings(max_examples=300, deadline=None)
@given(documents(), CALLS)
def test_any_document_and_any_call(document: dict[str, Any], facts: CallFacts) -> None:
    rules: TicketTriggers = read(document)
    assert list(configurations_of(rules, facts)) == expected(document, facts)
