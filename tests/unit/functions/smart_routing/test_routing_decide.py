"""Each rule condition, first match wins, and the loop guard, as tables of examples."""

import json
from typing import Any

import pytest

from functions.smart_routing.decide import Default, Forward, caller_columns, compile_rules, decide, shortlist
from functions.smart_routing.messages import RouteRequest
from functions.smart_routing.rules import RoutingRules
from shared.config_documents import json_document
from shared.customers import AMBIGUOUS, NOBODY, CustomerColumns, Match, MatchKind

POOL, VIP, OVERFLOW = "+35840675644", "+35853445657", "+358401112222"
QUEUE_ID = "1a89fc22-0000-4000-8000-000000000001"


def rules(*items: dict[str, Any]) -> RoutingRules:
    return json_document(RoutingRules)(json.dumps({"rules": items}).encode())


def rule(name: str = "VIP", when: dict[str, Any] | None = None, **then: Any) -> dict[str, Any]:
    return {"name": name, "when": when or {}, "then": {"target": VIP, **then}}


def answer(
    document: RoutingRules, caller: Match = NOBODY, region: str | None = "FI", **request: Any
) -> Forward | Default:
    question = RouteRequest(**{"bnum": POOL, **request})
    plan = compile_rules(document, region)
    return decide(shortlist(plan, question), caller, question, region)


ACCOUNT = {"accountid": "a1", "customertypecode": 3, "name": "Example Oy", "creditonhold": False, "revenue": 1500.0}
CONTACT = Match(
    MatchKind.CONTACT, {"contactid": "c1", "new_language": "sv", "new_vip": True, "new_tier": 1}, account=ACCOUNT
)
LONELY = Match(MatchKind.CONTACT, {"contactid": "c1", "new_language": None})
COMPANY = Match(MatchKind.ACCOUNT, ACCOUNT, account=ACCOUNT)
LEAD = Match(MatchKind.LEAD, {"leadid": "l1"})

CONDITIONS = [
    pytest.param({}, NOBODY, {}, True, id="no condition"),
    pytest.param({"pool": [POOL]}, NOBODY, {}, True, id="pool"),
    pytest.param({"pool": [OVERFLOW, POOL]}, NOBODY, {}, True, id="one of two pools"),
    pytest.param({"pool": ["040 675 644"]}, NOBODY, {}, True, id="pool written nationally in the rules"),
    pytest.param({"pool": [POOL]}, NOBODY, {"bnum": "0035840675644"}, True, id="pool sent with 00"),
    pytest.param({"pool": [POOL]}, NOBODY, {"bnum": "35840675644"}, True, id="pool sent without plus"),
    pytest.param({"pool": ["Sales-Queue"]}, NOBODY, {"bnum": "sales-queue"}, True, id="pool by a name"),
    pytest.param({"pool": [OVERFLOW]}, NOBODY, {}, False, id="another pool"),
    pytest.param({"pool": ["+35840675645"]}, NOBODY, {}, False, id="a pool with one other digit"),
    pytest.param({"targetid": ["SALES"]}, NOBODY, {"targetid": "sales"}, True, id="targetid whatever the case"),
    pytest.param({"targetid": ["SALES"]}, NOBODY, {"targetid": "SUPPORT"}, False, id="another targetid"),
    pytest.param({"targetid": ["SALES"]}, NOBODY, {}, False, id="no targetid sent"),
    pytest.param({"match": ["contact", "account"]}, CONTACT, {}, True, id="match contact"),
    pytest.param({"match": ["contact", "account"]}, COMPANY, {}, True, id="match account"),
    pytest.param({"match": ["contact", "account"]}, LEAD, {}, False, id="a lead is neither"),
    pytest.param({"match": ["lead"]}, LEAD, {}, True, id="match lead"),
    pytest.param({"match": ["none"]}, NOBODY, {}, True, id="match none"),
    pytest.param({"match": ["none"]}, AMBIGUOUS, {}, False, id="ambiguous is not none"),
    pytest.param({"match": ["ambiguous"]}, AMBIGUOUS, {}, True, id="match ambiguous"),
    pytest.param({"contact": {"new_language": "SV"}}, CONTACT, {}, True, id="text whatever the case"),
    pytest.param({"contact": {"new_language": ["fi", "sv"]}}, CONTACT, {}, True, id="one of a list"),
    pytest.param({"contact": {"new_language": ["fi", "en"]}}, CONTACT, {}, False, id="none of a list"),
    pytest.param({"contact": {"new_language": None}}, LONELY, {}, True, id="an empty column"),
    pytest.param({"contact": {"new_language": None}}, CONTACT, {}, False, id="a column that is not empty"),
    pytest.param({"contact": {"new_vip": True}}, CONTACT, {}, True, id="a truth value"),
    pytest.param({"contact": {"new_vip": 1}}, CONTACT, {}, False, id="1 is not true"),
    pytest.param({"contact": {"new_tier": True}}, CONTACT, {}, False, id="true is not 1"),
    pytest.param({"contact": {"new_tier": "1"}}, CONTACT, {}, False, id="a text is not a number"),
    pytest.param({"contact": {"new_language": "sv", "new_tier": 2}}, CONTACT, {}, False, id="all columns must fit"),
    pytest.param({"contact": {"name": "Example Oy"}}, COMPANY, {}, False, id="a contact's column on an account"),
    pytest.param({"account": {"customertypecode": 3}}, CONTACT, {}, True, id="the contact's account"),
    pytest.param({"account": {"customertypecode": 3}}, COMPANY, {}, True, id="the matched account"),
    pytest.param({"account": {"customertypecode": 3}}, LONELY, {}, False, id="a contact without an account"),
    pytest.param({"account": {"customertypecode": None}}, LONELY, {}, False, id="no account has no empty column"),
    pytest.param({"account": {"customertypecode": 3}}, LEAD, {}, False, id="a lead has no account"),
    pytest.param({"account": {"customertypecode": 3}}, AMBIGUOUS, {}, False, id="an ambiguous caller has no account"),
    pytest.param({"account": {"creditonhold": False}}, COMPANY, {}, True, id="false"),
    pytest.param({"account": {"revenue": 1500}}, COMPANY, {}, True, id="1500 equals 1500.0"),
    pytest.param({"pool": [OVERFLOW], "match": ["contact"]}, CONTACT, {}, False, id="all conditions must hold"),
]


@pytest.mark.parametrize(("when", "caller", "request_", "applies"), CONDITIONS)
def test_condition(when: dict[str, Any], caller: Match, request_: dict[str, Any], applies: bool) -> None:
    decision = answer(rules(rule(when=when)), caller, **request_)
    assert isinstance(decision, Forward) is applies
    assert decision.reason


def test_the_first_rule_that_applies_wins_and_the_others_say_why_not() -> None:
    document = rules(
        rule("elsewhere", {"pool": [OVERFLOW]}),
        rule("leads", {"match": ["lead"]}),
        rule("gold", {"account": {"customertypecode": 1}}),
        rule("VIP", {"account": {"customertypecode": 3}}, failTarget=OVERFLOW, extra={"ExtraPriority": 5}),
        rule("everybody"),
    )
    decision = answer(document, CONTACT)
    assert isinstance(decision, Forward)
    assert (decision.rule, decision.target, decision.fail_target) == ("VIP", VIP, OVERFLOW)
    assert decision.extra == {"ExtraPriority": 5}
    assert decision.reason == "account hold"
    assert [(each.rule, each.reason) for each in decision.skipped] == [
        ("leads", "match is contact"),
        ("gold", "account.customertypecode differs"),
    ]


def test_no_rule_gives_the_default() -> None:
    assert answer(rules()) == Default("no rule for this pool")
    assert answer(rules(rule(when={"pool": [OVERFLOW]}))) == Default("no rule for this pool")
    decision = answer(rules(rule(when={"match": ["lead"]})))
    assert isinstance(decision, Default)
    assert decision.reason == "no rule applies to this caller"


@pytest.mark.parametrize("target", ["DISCONNECT:", QUEUE_ID, "+358 53 445 657"])
def test_a_target_is_passed_on_as_it_is_written(target: str) -> None:
    decision = answer(rules(rule(target=target)))
    assert isinstance(decision, Forward)
    assert decision.target == target


LOOPS = [
    pytest.param(POOL, POOL, "FI", True, id="equal"),
    pytest.param(POOL, "35840675644", "FI", True, id="bnum without plus"),
    pytest.param("35840675644", POOL, "FI", True, id="target without plus"),
    pytest.param("0035840675644", POOL, None, True, id="target with 00"),
    pytest.param("+358 40 675 644", POOL, None, True, id="target with spaces"),
    pytest.param("+358 (0)40 675-644", POOL, None, True, id="target with zero and dash"),
    pytest.param("040 675644", POOL, "FI", True, id="target in national form"),
    pytest.param(POOL, "040675644", None, True, id="bnum in national form, no default region"),
    pytest.param(POOL, "040675644", "SE", True, id="bnum in national form of another country"),
    pytest.param(POOL, f" {POOL}\n", "FI", True, id="blanks around bnum"),
    pytest.param(POOL, "tel:+358-40-675644", "FI", True, id="bnum as a URI"),
    pytest.param(POOL, "+35840675644 ext. 3", "FI", True, id="bnum with an extension"),
    pytest.param(POOL, "+３５８４０675644", "FI", True, id="full-width digits"),
    pytest.param("Sales Queue", "sales-queue", "FI", True, id="names, whatever the case and signs"),
    pytest.param("+35840675645", POOL, "FI", False, id="another number"),
    pytest.param("+46840675644", POOL, "FI", False, id="another country"),
    pytest.param("675644", POOL, "FI", False, id="only the end of it"),
    pytest.param("DISCONNECT:", POOL, "FI", False, id="a command"),
]


@pytest.mark.parametrize(("target", "bnum", "region", "is_loop"), LOOPS)
def test_the_pool_itself_is_never_the_answer(target: str, bnum: str, region: str | None, is_loop: bool) -> None:
    decision = answer(rules(rule(target=target)), region=region, bnum=bnum)
    assert isinstance(decision, Default) is is_loop
    assert decision.rule == "VIP"
    beside = answer(rules(rule(target=QUEUE_ID, failTarget=target)), region=region, bnum=bnum)
    assert isinstance(beside, Forward)
    assert beside.fail_target == (None if is_loop else target)


def test_the_id_of_the_current_queue_is_never_the_answer() -> None:
    document = rules(rule(target=QUEUE_ID))
    for sent in (QUEUE_ID, QUEUE_ID.upper(), f"{{{QUEUE_ID}}}"):
        assert isinstance(answer(document, extradata={"CurrQueueId": sent}), Default)
    assert isinstance(answer(document, extradata={"CurrQueueId": "another"}), Forward)


def test_a_rule_held_back_by_the_loop_guard_ends_the_search() -> None:
    decision = answer(rules(rule(target=POOL), rule("everybody")))
    assert decision == Default("the target is where the call already is", "VIP")


NEEDS = [
    pytest.param([rule()], None, id="a rule without a caller condition"),
    pytest.param([], None, id="no rule"),
    pytest.param([rule(when={"pool": [OVERFLOW], "contact": {"a": 1}})], None, id="a rule for another pool"),
    pytest.param([rule(when={"targetid": ["X"], "match": ["lead"]})], None, id="a rule for another targetid"),
    pytest.param([rule("a"), rule("b", {"contact": {"a": 1}})], None, id="a rule behind one that always applies"),
    pytest.param([rule(when={"match": ["none"]})], CustomerColumns(), id="only the kind"),
    pytest.param(
        [
            rule("a", {"contact": {"a": 1, "b": 2}}),
            rule("b", {"account": {"c": 1}}),
            rule("c"),
            rule("d", {"contact": {"late": 1}}),
        ],
        CustomerColumns(frozenset({"a", "b"}), frozenset({"c"})),
        id="the columns of the rules that can be reached",
    ),
]


@pytest.mark.parametrize(("items", "expected"), NEEDS)
def test_only_what_a_reachable_rule_reads_is_wanted(
    items: list[dict[str, Any]], expected: CustomerColumns | None
) -> None:
    plan = compile_rules(rules(*items), "FI")
    assert caller_columns(shortlist(plan, RouteRequest(bnum=POOL))) == expected
