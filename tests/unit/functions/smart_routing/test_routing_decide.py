"""Each rule condition, first match wins, and the loop guard, as tables of examples."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.smart_routing.decide.answers import Default, Forward, decide
from functions.smart_routing.decide.call import read_call
from functions.smart_routing.decide.facts import Agent, Facts, OpenCase
from functions.smart_routing.decide.plan import AgentNeed, Needs, compile_rules, needs_of, shortlist
from functions.smart_routing.decide.shifts import ShiftBooking
from functions.smart_routing.messages import RouteRequest
from functions.smart_routing.rules import RoutingRules
from shared.config_documents import json_document
from shared.customers import AMBIGUOUS, NOBODY, CustomerColumns, CustomerMatching, Match, MatchKind

POOL, VIP, OVERFLOW = "+35840675644", "+35853445657", "+358401112222"
QUEUE_ID = "1a89fc22-0000-4000-8000-000000000001"


NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)  # a Monday, 11:30 in Helsinki
HOURS = {"support": {"timeZone": "Europe/Helsinki", "weekly": {"mon-fri": ["08:00-16:00"]}, "closed": ["2026-12-25"]}}


def rules(*items: dict[str, Any], **keys: Any) -> RoutingRules:
    return json_document(RoutingRules)(json.dumps({"openingHours": HOURS, "rules": items, **keys}).encode())


def rule(name: str = "VIP", when: dict[str, Any] | None = None, **then: Any) -> dict[str, Any]:
    return {"name": name, "when": when or {}, "then": {"target": VIP, **then}}


def answer(
    document: RoutingRules,
    caller: Match | Facts = NOBODY,
    region: str | None = "FI",
    now: datetime = NOW,
    **request: Any,
) -> Forward | Default:
    matching = CustomerMatching.model_validate({"defaultRegion": region})
    plan = compile_rules(document, region)
    call = read_call(RouteRequest(**{"bnum": POOL, **request}), now, matching, plan.own_numbers)
    facts = caller if isinstance(caller, Facts) else Facts(caller)
    return decide(shortlist(plan, call).rules, facts, call, region)


ACCOUNT = {"accountid": "a1", "customertypecode": 3, "name": "Example Oy", "creditonhold": False, "revenue": 1500.0}
PERSON = {"contactid": "c1", "new_language": "sv", "new_vip": True, "new_tier": 1, "new_since": "2024-05-01T08:00:00Z"}
CONTACT = Match(MatchKind.CONTACT, PERSON, contact=PERSON, accounts=(ACCOUNT,))
NO_ONE_SPECIAL = {"contactid": "c1", "new_language": None}
LONELY = Match(MatchKind.CONTACT, NO_ONE_SPECIAL, contact=NO_ONE_SPECIAL)
COMPANY = Match(MatchKind.ACCOUNT, ACCOUNT, accounts=(ACCOUNT,))
GROUP = {"accountid": "a2", "customertypecode": 12, "name": "Example Group"}
SUBSIDIARY = Match(MatchKind.ACCOUNT, GROUP, accounts=(GROUP, ACCOUNT))
PROSPECT = {"leadid": "l1", "leadqualitycode": 1}
LEAD = Match(MatchKind.LEAD, PROSPECT)
LINKED_LEAD = Match(MatchKind.LEAD, PROSPECT, contact=PERSON, accounts=(ACCOUNT,))
OLD_CASE = OpenCase({"incidentid": "i1", "createdon": "2026-11-01T08:00:00Z", "prioritycode": 1}, None)
NEW_CASE = OpenCase({"incidentid": "i2", "createdon": "2026-11-20T08:00:00Z", "prioritycode": 2}, None)
CASES = Facts(CONTACT, (NEW_CASE, OLD_CASE))
FINN, SWEDE = "+358504545641", "+46701234567"

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
    pytest.param({"pool": POOL, "match": "contact"}, CONTACT, {}, True, id="a single value for a list"),
    pytest.param({"account": {"customertypecode": 3}}, SUBSIDIARY, {}, True, id="indirectly: a parent account"),
    pytest.param(
        {"account": {"customertypecode": 3, "name": "Example Group"}},
        SUBSIDIARY,
        {},
        False,
        id="columns of two accounts do not add up",
    ),
    pytest.param({"account": {"customertypecode": 3}}, LINKED_LEAD, {}, True, id="the account of a lead"),
    pytest.param({"contact": {"new_vip": True}}, LINKED_LEAD, {}, True, id="the contact of a lead"),
    pytest.param({"lead": {"leadqualitycode": 1}}, LEAD, {}, True, id="a lead's column"),
    pytest.param({"lead": {"leadqualitycode": 2}}, LEAD, {}, False, id="a lead's column differs"),
    pytest.param({"lead": {"leadqualitycode": None}}, CONTACT, {}, False, id="no lead"),
    pytest.param({"account": {"revenue": {">=": 1500}}}, COMPANY, {}, True, id="at least"),
    pytest.param({"account": {"revenue": ">= 1500"}}, COMPANY, {}, True, id="at least, written in a text"),
    pytest.param({"account": {"revenue": {">": 1500}}}, COMPANY, {}, False, id="more than"),
    pytest.param({"account": {"revenue": {">": 1000, "<": 2000}}}, COMPANY, {}, True, id="between"),
    pytest.param({"account": {"revenue": {"<=": 1499.5}}}, COMPANY, {}, False, id="at most"),
    pytest.param({"account": {"missing": {"<": 1}}}, COMPANY, {}, False, id="an empty column is not less"),
    pytest.param({"account": {"name": {"!=": "other"}}}, COMPANY, {}, True, id="another value"),
    pytest.param({"account": {"name": {"!=": ["other", "example oy"]}}}, COMPANY, {}, False, id="none of a list"),
    pytest.param({"contact": {"new_since": {"<": "2025-01-01"}}}, CONTACT, {}, True, id="a moment before a day"),
    pytest.param({"contact": {"new_since": {">=": "2024-05-01T08:00:01Z"}}}, CONTACT, {}, False, id="a second later"),
    pytest.param({"contact": {"new_language": {">": 1}}}, CONTACT, {}, False, id="a text and a number have no order"),
    pytest.param({"openCase": True}, CASES, {}, True, id="an open case"),
    pytest.param({"openCase": True}, CONTACT, {}, False, id="no open case"),
    pytest.param({"openCase": False}, CONTACT, {}, True, id="without an open case"),
    pytest.param({"openCase": False}, CASES, {}, False, id="not without an open case"),
    pytest.param({"openCase": {"prioritycode": 1}}, CASES, {}, True, id="an open case like this"),
    pytest.param({"openCase": {"prioritycode": 3}}, CASES, {}, False, id="no open case like this"),
    pytest.param({"internal": True}, NOBODY, {"extradata": {"IsInternalCaller": True}}, True, id="a colleague"),
    pytest.param({"internal": True}, NOBODY, {"anum": OVERFLOW}, False, id="not a colleague"),
    pytest.param(
        {"internal": True, "pool": [POOL, OVERFLOW]},
        NOBODY,
        {"anum": "00358401112222"},
        True,
        id="one of the pools calls",
    ),
    pytest.param({"internal": False}, NOBODY, {"extradata": {"IsInternalCaller": True}}, False, id="only strangers"),
    pytest.param(
        {"extradata": {"DYN_PAR_Culture": "sv-*"}},
        NOBODY,
        {"extradata": {"DYN_PAR_Culture": "sv-SE"}},
        True,
        id="a wildcard",
    ),
    pytest.param(
        {"extradata": {"DYN_PAR_Culture": "SV-??"}},
        NOBODY,
        {"extradata": {"DYN_PAR_Culture": "sv-se"}},
        True,
        id="whatever the case",
    ),
    pytest.param(
        {"extradata": {"DYN_PAR_Culture": "sv-*"}},
        NOBODY,
        {"extradata": {"DYN_PAR_Culture": "fi-FI"}},
        False,
        id="another culture",
    ),
    pytest.param(
        {"extradata": {"DYN_PAR_Culture": ["fi-*", "sv-*"]}},
        NOBODY,
        {"extradata": {"DYN_PAR_Culture": "sv-FI"}},
        True,
        id="one of two patterns",
    ),
    pytest.param({"extradata": {"DYN_PAR_Culture": "*"}}, NOBODY, {}, False, id="no extradata"),
    pytest.param({"extradata": {"a[b]c": "x[y]"}}, NOBODY, {"extradata": {"a[b]c": "x[y]"}}, True, id="brackets"),
    pytest.param({"extradata": {"level": 3}}, NOBODY, {"extradata": {"level": 3}}, True, id="a number"),
    pytest.param(
        {"extradata": {"level": "3*"}}, NOBODY, {"extradata": {"level": 35}}, True, id="a pattern of a number"
    ),
    pytest.param({"extradata": {"level": True}}, NOBODY, {"extradata": {"level": 1}}, False, id="1 is not true either"),
    pytest.param({"extradata": {"level": "*"}}, NOBODY, {"extradata": {"level": {"deep": 1}}}, False, id="an object"),
    pytest.param({"country": ["SE", "NO"]}, NOBODY, {"anum": SWEDE}, True, id="the caller's country"),
    pytest.param({"country": "SE"}, NOBODY, {"anum": FINN}, False, id="another country"),
    pytest.param({"country": "FI"}, NOBODY, {"anum": "050 4545641"}, True, id="the default country"),
    pytest.param({"country": "FI"}, NOBODY, {"anum": "anonymous"}, False, id="a withheld number has no country"),
    pytest.param({"open": "support"}, NOBODY, {}, True, id="open"),
    pytest.param({"closed": "support"}, NOBODY, {}, False, id="not closed"),
    pytest.param({"open": "support"}, NOBODY, {"now": NOW + timedelta(hours=5)}, False, id="closed in the evening"),
    pytest.param({"closed": "support"}, NOBODY, {"now": datetime(2026, 12, 25, 9, tzinfo=UTC)}, True, id="a holiday"),
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
    assert answer(rules()) == Default("no rule for this call")
    assert answer(rules(rule(when={"pool": [OVERFLOW]}))) == Default("no rule for this call")
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


# ------------------------------------------------------------------------------------------------- agents


def booking(start: int, end: int, *, assignable: bool = True) -> ShiftBooking:
    """A booking from and to so many minutes from now."""
    return ShiftBooking(
        NOW + timedelta(minutes=start), NOW + timedelta(minutes=end),
        is_active=True, is_committed=True, is_shift=True, is_assignable=assignable,
    )  # fmt: skip


AT_WORK = (booking(-60, 60),)
ANNA = Agent(is_enabled=True, number="+358981110001", bookings=AT_WORK)
BENGT = Agent(is_enabled=True, number="+358981110002", bookings=())
GONE = Agent(is_enabled=False, number="+358981110003", bookings=AT_WORK)
MUTE = Agent(is_enabled=True, number=None, bookings=AT_WORK)


def with_case(owner: Agent | None, **columns: Any) -> Facts:
    return Facts(CONTACT, (OpenCase({"incidentid": "i1", **columns}, owner),))


ON_SHIFT = {"onShift": {"minutes": 10}}
AGENTS = [
    pytest.param({"agent": "caseOwner"}, with_case(BENGT), BENGT.number, id="case owner"),
    pytest.param({"agent": "caseOwner", **ON_SHIFT}, with_case(ANNA), ANNA.number, id="case owner on shift"),
    pytest.param({"agent": "caseOwner", **ON_SHIFT}, with_case(BENGT), None, id="case owner not on shift"),
    pytest.param({"agent": "caseOwner"}, with_case(None), None, id="a team owns the case"),
    pytest.param({"agent": "caseOwner"}, with_case(GONE), None, id="a disabled user"),
    pytest.param({"agent": "caseOwner", **ON_SHIFT}, with_case(MUTE), None, id="an agent without a number"),
    pytest.param({"agent": "caseOwner"}, CONTACT, None, id="no case"),
    pytest.param({"agent": "contactOwner"}, Facts(CONTACT, agents={"contactOwner": ANNA}), ANNA.number, id="contact"),
    pytest.param({"agent": "accountOwner"}, Facts(COMPANY, agents={"accountOwner": ANNA}), ANNA.number, id="account"),
    pytest.param({"agent": "lastAgent", "withinDays": 14}, Facts(CONTACT, agents={"lastAgent": ANNA}), ANNA.number,
                 id="last agent"),
    pytest.param({"agent": "lastAgent"}, Facts(CONTACT, agents={"contactOwner": ANNA}), None, id="no last agent"),
    pytest.param(
        {"agent": "lastAgent", **ON_SHIFT},
        Facts(CONTACT, agents={"lastAgent": Agent(True, "1", (booking(-60, 60), booking(9, 20, assignable=False)))}),
        None, id="a break begins within the minutes",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("then", "facts", "number"), AGENTS)
def test_agent(then: dict[str, Any], facts: Match | Facts, number: str | None) -> None:
    decision = answer(rules({"name": "agent", "then": then}, rule("everybody", target=OVERFLOW)), facts)
    assert isinstance(decision, Forward)
    assert (decision.rule, decision.target) == (("agent", number) if number else ("everybody", OVERFLOW))
    assert [each.rule for each in decision.skipped] == ([] if number else ["agent"])


def test_without_the_agent_else_decides() -> None:
    facts = with_case(BENGT)
    agent = {"agent": "caseOwner", **ON_SHIFT, "failTarget": "+358401112223"}
    default = answer(rules({"name": "a", "then": {**agent, "else": "default"}}, rule("b")), facts)
    assert default == Default("caseOwner: not on shift", "a")
    place = {"target": VIP, "failTarget": OVERFLOW, "extra": {"ExtraPriority": 1}}
    forward = answer(rules({"name": "a", "then": {**agent, "else": place}}, rule("b")), facts)
    assert forward == Forward("a", "caseOwner: not on shift", VIP, OVERFLOW, {"ExtraPriority": 1})


def test_the_case_owner_is_that_of_the_newest_case_that_the_rule_is_about() -> None:
    facts = Facts(CONTACT, (OpenCase({"prioritycode": 2}, BENGT), OpenCase({"prioritycode": 1}, ANNA)))
    urgent = {"name": "a", "when": {"openCase": {"prioritycode": 1}}, "then": {"agent": "caseOwner"}}
    any_case = {"name": "a", "when": {"openCase": True}, "then": {"agent": "caseOwner"}}
    targets = [decision.target for document in (rules(urgent), rules(any_case))
               if isinstance(decision := answer(document, facts), Forward)]  # fmt: skip
    assert targets == [ANNA.number, BENGT.number]


# ------------------------------------------------------------------------------------------ what is asked for


def needs(*items: dict[str, Any], now: datetime = NOW, **request: Any) -> Needs | None:
    plan = compile_rules(rules(*items), "FI")
    call = read_call(RouteRequest(**{"bnum": POOL, **request}), now, CustomerMatching(), plan.own_numbers)
    considered = shortlist(plan, call)
    return needs_of(considered.rules, plan) if considered.need_caller else None


NOT_ASKED = [
    pytest.param([rule()], id="a rule without a caller condition"),
    pytest.param([], id="no rule"),
    pytest.param([rule(when={"pool": [OVERFLOW], "contact": {"a": 1}})], id="a rule for another pool"),
    pytest.param([rule(when={"targetid": ["X"], "match": ["lead"]})], id="a rule for another targetid"),
    pytest.param([rule("a"), rule("b", {"contact": {"a": 1}})], id="a rule behind one that always applies"),
    pytest.param([rule(when={"closed": "support", "match": ["contact"]})], id="a rule for another time"),
    pytest.param([rule(when={"internal": True, "match": ["contact"]})], id="a rule for colleagues"),
    pytest.param([rule(when={"extradata": {"x": "*"}, "openCase": True})], id="a rule for other extradata"),
]


@pytest.mark.parametrize("items", NOT_ASKED)
def test_nobody_is_asked_for_rules_that_cannot_apply(items: list[dict[str, Any]]) -> None:
    assert needs(*items) is None


def test_only_the_kind_is_wanted_for_a_rule_about_the_kind() -> None:
    found = needs(rule(when={"match": ["none"]}))
    assert found is not None
    assert found.customer == CustomerColumns()
    assert (found.cases, found.contact_owner, found.account_owner, found.last_agent) == (None, None, None, None)


def test_only_the_columns_of_rules_that_can_be_reached_are_wanted() -> None:
    found = needs(
        rule("a", {"contact": {"a": 1, "b": 2}}),
        rule("b", {"account": {"c": 1}}),
        rule("c"),
        rule("d", {"contact": {"late": 1}}),
    )
    assert found is not None
    assert found.customer == CustomerColumns(
        frozenset({"a", "b"}), frozenset({"c"}),
        parent_account=True, parent_levels=2, primary_contact=True, lead_customer=True,
    )  # fmt: skip


def test_agents_cases_and_shifts_are_wanted_as_far_as_rules_name_them() -> None:
    found = needs(
        rule("a", {"openCase": {"prioritycode": 1}, "match": ["account"]}),
        {"name": "b", "when": {"match": ["contact"]}, "then": {"agent": "lastAgent", "withinDays": 3, **ON_SHIFT}},
        {"name": "c", "then": {"agent": "lastAgent", "onShift": {"minutes": 5}}},
    )
    assert found is not None
    assert found.cases == AgentNeed(of_contact=False, of_account=True, shift=False)
    assert (found.case_columns, found.case_owner) == (frozenset({"prioritycode"}), False)
    assert found.last_agent == AgentNeed(of_contact=True, of_account=True, shift=True)
    assert (found.shift_minutes, found.look_back_days) == (10, 14)


def test_an_owner_of_an_account_needs_the_account() -> None:
    found = needs({"name": "a", "then": {"agent": "accountOwner"}})
    assert found is not None
    assert found.customer == CustomerColumns(parent_account=True)
    assert found.account_owner == AgentNeed(of_contact=True, of_account=True, shift=False)
