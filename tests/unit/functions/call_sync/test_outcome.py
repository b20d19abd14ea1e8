"""What becomes of a call, as tables of examples; the table of docs/call-sync.md, and every combination of switches."""

import itertools
import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

import pytest

from functions.call_sync.decide.fields import final_state
from functions.call_sync.decide.outcome import (
    PHONE_CALL_STATES,
    Facts,
    Log,
    NewCustomer,
    PresentRow,
    Site,
    Skip,
    Wait,
    Withdraw,
    assignee_problem,
    customer_number,
    decide,
    is_internal,
    number_to_match,
    owner_of,
    site_of,
    skip_unasked,
    status_problem,
)
from functions.call_sync.rules import CallSync
from shared.calls.call import Call, Kind
from shared.calls.records import Outcome
from shared.config_documents import json_document
from shared.customers import CustomerMatching, Match, MatchKind
from shared.customers.activities import Customer, CustomerKind
from shared.customers.matching import NOBODY, matched
from shared.enreach.models import Privacy
from shared.users.matching import User, UserMap
from tests.unit.shared.calls.feeds import (
    AINO,
    BERT,
    CARLA,
    CUSTOMER,
    MOBILE,
    OTHER,
    OUT,
    POOL,
    WORK_NUMBER,
    at,
    call,
    direct,
    leg,
    queued,
    service,
)

DOCS = Path(__file__).parents[4] / "docs"
OWNER = "0a0a0a0a-0000-4000-8000-000000000001"
ONE, TWO = UUID(int=1), UUID(int=2)


def matching(**keys: Any) -> CustomerMatching:
    return json_document(CustomerMatching)(json.dumps({"defaultRegion": "FI", **keys}).encode())


@cache
def rules(text: str) -> CallSync:
    return json_document(CallSync)(text.encode())


def site(own_numbers: tuple[str, ...] = (), **keys: Any) -> Site:
    return site_of(rules(json.dumps(keys)), matching(), own_numbers)


def who(*kinds: CustomerKind, pick_first: bool = False) -> Match:
    """Who has the customer's number: the very verdict of the matching on one row of each of these kinds."""
    ids = {MatchKind.CONTACT: "contactid", MatchKind.ACCOUNT: "accountid", MatchKind.LEAD: "leadid"}
    answers: dict[str, list[dict[str, Any]]] = {}
    for number, kind in enumerate(kinds, 1):
        row = {ids[kind]: str(UUID(int=number)), "telephone1": CUSTOMER, "createdon": f"2026-01-0{number}T00:00:00Z"}
        answers.setdefault(kind, []).append(row)
    return matched(CUSTOMER, matching(MultipleMatchesPickFirst=pick_first), answers)


CONTACT: Final = MatchKind.CONTACT
ACCOUNT: Final = MatchKind.ACCOUNT
LEAD: Final = MatchKind.LEAD
ONE_CONTACT, TWO_CONTACTS = who(CONTACT), who(CONTACT, CONTACT)
RINGING = call(leg(talk=None), now=at(5))
TALKING = call(leg(talk=0), now=at(60))
PRIVATE, UNDEFINED = direct(privacy=Privacy.PRIVATE), direct(privacy=Privacy.UNDEFINED)
INTERNAL = call(leg(AINO, direction=OUT, called="+35891234502"), leg(BERT, caller=WORK_NUMBER, called="+35891234502"))


def outcome(read: Call, at_site: Site, facts: Facts) -> Outcome:
    return decide(read, at_site, facts).outcome


# ------------------------------------------------------------------------------------- the first that holds decides

EVERYTHING: dict[str, Any] = {
    "ProcessServiceCalls": True, "ProcessServiceCallsUnanswered": True, "ProcessDirectCallsUnanswered": True,
}  # fmt: skip
ORDER = [
    pytest.param(direct(), {}, ONE_CONTACT, OWNER, Outcome.LOGGED, id="logged"),
    pytest.param(PRIVATE, {}, ONE_CONTACT, OWNER, Outcome.SKIPPED_PRIVATE, id="private"),
    pytest.param(UNDEFINED, {}, ONE_CONTACT, OWNER, Outcome.SKIPPED_PRIVATE, id="not classed yet"),
    pytest.param(
        PRIVATE, {"PrivacyClasses": ["Work", "Private"]}, ONE_CONTACT, OWNER, Outcome.LOGGED, id="private wanted"
    ),
    pytest.param(
        direct(), {"PrivacyClasses": ["Private"]}, ONE_CONTACT, OWNER, Outcome.SKIPPED_PRIVATE, id="work unwanted"
    ),
    pytest.param(call(queue=service()), EVERYTHING, ONE_CONTACT, OWNER, Outcome.LOGGED, id="the queue alone is work"),
    pytest.param(
        call(leg(after=5, privacy=Privacy.UNDEFINED), queue=service()), EVERYTHING, ONE_CONTACT, OWNER,
        Outcome.SKIPPED_PRIVATE, id="one leg of a queue call is not classed",
    ),
    pytest.param(
        PRIVATE, {"NeverLogNumbers": [CUSTOMER]}, ONE_CONTACT, OWNER, Outcome.SKIPPED_PRIVATE,
        id="private goes before the list",
    ),
    pytest.param(
        direct(), {"NeverLogNumbers": [CUSTOMER], "ProcessDirectCalls": False}, ONE_CONTACT, OWNER, Outcome.NEVER_LOG,
        id="the list goes before the switch",
    ),
    pytest.param(
        direct(), {"ProcessDirectCalls": False, "CallDurationLimit": 999}, ONE_CONTACT, OWNER, Outcome.SWITCHED_OFF,
        id="the switch goes before the limit",
    ),
    pytest.param(direct(), {"CallDurationLimit": 96}, ONE_CONTACT, OWNER, Outcome.TOO_SHORT, id="too short"),
    pytest.param(direct(), {"CallDurationLimit": 95}, ONE_CONTACT, OWNER, Outcome.LOGGED, id="just long enough"),
    pytest.param(
        direct(talk=None), {**EVERYTHING, "CallDurationLimit": 96}, ONE_CONTACT, OWNER, Outcome.LOGGED,
        id="the limit is for answered calls",
    ),
    pytest.param(INTERNAL, {"CallDurationLimit": 999}, NOBODY, OWNER, Outcome.TOO_SHORT, id="too short and internal"),
    pytest.param(INTERNAL, {}, ONE_CONTACT, OWNER, Outcome.NO_MATCH, id="internal, whoever has the number"),
    pytest.param(INTERNAL, {"UnmatchedCallers": "contact"}, NOBODY, OWNER, Outcome.NO_MATCH, id="internal: nobody new"),
    pytest.param(INTERNAL, {"UnmatchedCallers": "log"}, NOBODY, OWNER, Outcome.NO_MATCH, id="internal: not logged"),
    pytest.param(direct(), {}, NOBODY, None, Outcome.NO_MATCH, id="nothing to log waits for nobody"),
    pytest.param(direct(), {}, ONE_CONTACT, None, Outcome.WAITING, id="nobody could own it"),
    pytest.param(direct(), {"UnmatchedCallers": "log"}, NOBODY, None, Outcome.WAITING, id="nor one without a customer"),
]  # fmt: skip


@pytest.mark.parametrize(("read", "keys", "match", "owner", "expected"), ORDER)
def test_the_first_that_holds_decides(
    read: Call, keys: dict[str, Any], match: Match, owner: str | None, expected: Outcome
) -> None:
    assert outcome(read, site(**keys), Facts(match, owner)) is expected


SWITCHES = [
    pytest.param(direct(), "ProcessDirectCalls", id="direct answered"),
    pytest.param(direct(direction=OUT), "ProcessDirectCalls", id="outgoing"),
    pytest.param(direct(talk=None), "ProcessDirectCallsUnanswered", id="direct unanswered"),
    pytest.param(direct(direction=OUT, talk=None), "ProcessDirectCallsUnanswered", id="outgoing unanswered"),
    pytest.param(queued(), "ProcessServiceCalls", id="queue answered"),
    pytest.param(queued(talk=None), "ProcessServiceCallsUnanswered", id="queue unanswered"),
    pytest.param(call(leg(), queue=service(queue_name=None)), "ProcessDirectCalls", id="work number"),
]


@pytest.mark.parametrize(("read", "switch"), SWITCHES)
def test_each_kind_has_a_switch_of_its_own(read: Call, switch: str) -> None:
    all_on = {**EVERYTHING, "ProcessDirectCalls": True}
    for name in all_on:
        decision = decide(read, site(**{**all_on, name: False}), Facts(ONE_CONTACT, OWNER))
        assert decision.outcome is (Outcome.SWITCHED_OFF if name == switch else Outcome.LOGGED)
        if name == switch:
            assert decision.reason == f"{switch} is false"


def test_the_reason_says_when_a_call_goes_on() -> None:
    assert "goes on" in decide(RINGING, site(), Facts(ONE_CONTACT, OWNER)).reason
    assert decide(TALKING, site(CallDurationLimit=10), Facts(ONE_CONTACT, OWNER)).reason.endswith("(10 s) so far")


# ----------------------------------------------------------------------------------------------- who is matched

MATCHED = [
    pytest.param(who(CONTACT), Customer(CONTACT, ONE), id="contact"),
    pytest.param(who(ACCOUNT), Customer(ACCOUNT, ONE), id="account"),
    pytest.param(who(LEAD), Customer(LEAD, ONE), id="lead"),
    pytest.param(who(ACCOUNT, CONTACT), Customer(CONTACT, TWO), id="a contact before an account"),
    pytest.param(who(LEAD, LEAD, CONTACT), Customer(CONTACT, UUID(int=3)), id="a contact before leads"),
    pytest.param(who(CONTACT, CONTACT, pick_first=True), Customer(CONTACT, ONE), id="the first of two contacts"),
]


@pytest.mark.parametrize(("match", "customer"), MATCHED)
def test_who_is_regarded(match: Match, customer: Customer) -> None:
    assert decide(direct(), site(), Facts(match, OWNER)) == Log(
        "the first of 2 contacts with its number"
        if len(match.candidates) > 1
        else f"one {customer.kind} has its number",
        OWNER,
        customer,
    )


UNMATCHED = [
    pytest.param(direct(), "skip", Outcome.NO_MATCH, None, id="skip"),
    pytest.param(direct(), "log", Outcome.LOGGED, None, id="log"),
    pytest.param(direct(), "contact", Outcome.LOGGED, NewCustomer(CONTACT, CUSTOMER), id="contact"),
    pytest.param(direct(), "lead", Outcome.LOGGED, NewCustomer(LEAD, CUSTOMER), id="lead"),
    pytest.param(direct(direction=OUT), "contact", Outcome.LOGGED, NewCustomer(CONTACT, CUSTOMER), id="who was called"),
    pytest.param(TALKING, "contact", Outcome.NO_MATCH, None, id="nobody is made while the call goes on"),
    pytest.param(TALKING, "log", Outcome.LOGGED, None, id="but it is logged"),
    pytest.param(direct(caller="0504545641"), "lead", Outcome.LOGGED, NewCustomer(LEAD, CUSTOMER), id="read in FI"),
    *(
        pytest.param(direct(caller=text), choice, Outcome.NO_MATCH if choice == "skip" else Outcome.LOGGED, None,
                     id=f"{text or 'withheld'}: {choice}")
        for text in ("", "anonymous", "4321") for choice in ("skip", "log", "contact", "lead")
    ),
]  # fmt: skip


@pytest.mark.parametrize(("read", "choice", "expected", "new"), UNMATCHED)
def test_callers_whom_nobody_knows(read: Call, choice: str, expected: Outcome, new: NewCustomer | None) -> None:
    decision = decide(read, site(UnmatchedCallers=choice), Facts(NOBODY, OWNER))
    assert decision.outcome is expected
    assert (decision.new_customer if isinstance(decision, Log) else None) == new
    assert not isinstance(decision, Log) or (decision.customer, decision.several) == (None, False)


@pytest.mark.parametrize(
    ("read", "reason"),
    [
        (direct(), "no customer has its number"),
        (direct(caller=""), "the number is withheld"),
        (direct(direction=OUT, called=""), "there is no number"),
        (direct(caller="4321"), "the number is no complete phone number"),
    ],
)
def test_the_reason_says_why_nobody_is_known(read: Call, reason: str) -> None:
    assert decide(read, site(), Facts(NOBODY, OWNER)).reason == f"{reason}, and UnmatchedCallers is skip"
    logged = decide(read, site(UnmatchedCallers="log"), Facts(NOBODY, OWNER)).reason
    assert logged == f"{reason}: logged without a customer"


@pytest.mark.parametrize("choice", ["skip", "log", "contact", "lead"])
def test_several_customers_are_never_nobody(choice: str) -> None:
    at_site = site(**EVERYTHING, UnmatchedCallers=choice)
    assert outcome(direct(), at_site, Facts(TWO_CONTACTS, OWNER)) is Outcome.SEVERAL_MATCHES
    assert decide(queued(), at_site, Facts(TWO_CONTACTS, OWNER)) == Log(
        "several customers have its number", OWNER, several=True
    )


# ------------------------------------------------------------------------------------------ the documented table


class Row(NamedTuple):
    kinds: str
    matches: str
    create: str
    pick_first: str
    outcome: str
    regarding: str
    status: str


CANDIDATES: dict[str, list[tuple[CustomerKind, ...]]] = {
    "nobody": [()],
    "one contact or account": [(CONTACT,), (ACCOUNT,), (CONTACT, ACCOUNT, ACCOUNT), (CONTACT, LEAD, LEAD)],
    "one lead": [(LEAD,)],
    "several contacts or accounts": [(CONTACT, CONTACT), (ACCOUNT, ACCOUNT), (CONTACT, CONTACT, LEAD)],
    "several leads": [(LEAD, LEAD)],
}
CHOICES = {"any": (True, False), "true": (True,), "false": (False,)}
STATUSES = {"by the call": 4, "`MultipleMatchPhoneCallStatus`": 1, "-": None}


def documented() -> list[Row]:
    text = (DOCS / "call-sync.md").read_text(encoding="utf-8").split("| kind | who has the number |")[1]
    lines = itertools.takewhile(lambda line: line.startswith("|"), text.split("\n")[2:])
    return [Row(*(cell.strip() for cell in line.strip("|").split("|"))) for line in lines]


def documented_cases() -> list[tuple[str, tuple[CustomerKind, ...], bool, bool, Row]]:
    return [
        (kind, kinds, create, pick_first, row)
        for row in documented()
        for kind in row.kinds.split(", ")
        for kinds in CANDIDATES[row.matches]
        for create in CHOICES[row.create]
        for pick_first in CHOICES[row.pick_first]
    ]


def test_the_table_names_every_case_once() -> None:
    named = [(kind, kinds, create, pick_first) for kind, kinds, create, pick_first, _ in documented_cases()]
    everything = itertools.chain.from_iterable(CANDIDATES.values())
    assert len(named) == len(set(named))
    assert set(named) == set(itertools.product(("direct", "queue"), everything, (True, False), (True, False)))


@pytest.mark.parametrize(("kind", "kinds", "create", "pick_first", "row"), documented_cases())
def test_the_table_is_true(
    kind: str, kinds: tuple[CustomerKind, ...], create: bool, pick_first: bool, row: Row
) -> None:
    at_site = site(**EVERYTHING, EnableMultipleMatchCreate=create)
    read = direct() if kind == "direct" else queued()
    decision = decide(read, at_site, Facts(who(*kinds, pick_first=pick_first), OWNER))
    assert f"`{decision.outcome}`" == row.outcome
    regarding = decision.customer if isinstance(decision, Log) else None
    assert (regarding is not None) == (row.regarding in {"that one", "the first"})
    assert regarding is None or regarding == Customer(kinds[0], ONE)
    status = final_state(read, at_site, several=decision.several).statuscode if isinstance(decision, Log) else None
    assert status == STATUSES[row.status]


def test_every_outcome_is_named_in_the_documents() -> None:
    text = (DOCS / "call-sync.md").read_text(encoding="utf-8")
    ours = {Outcome.LOGGED, Outcome.SKIPPED_PRIVATE, Outcome.NEVER_LOG, Outcome.TOO_SHORT, Outcome.SWITCHED_OFF,
            Outcome.NO_MATCH, Outcome.SEVERAL_MATCHES, Outcome.WAITING, Outcome.REMOVED_PRIVATE}  # fmt: skip
    assert ours <= {Outcome(name) for name in re.findall(r"`([a-z-]+)`", text) if name in set(Outcome)}


# ------------------------------------------------------------------------------------- every combination of switches

SWITCH_NAMES = (
    "ProcessDirectCalls", "ProcessDirectCallsUnanswered", "ProcessServiceCalls", "ProcessServiceCallsUnanswered",
    "EnableMultipleMatchCreate", "EnableAudit",
)  # fmt: skip
MATCHES = {"none": NOBODY, "one": ONE_CONTACT, "several": TWO_CONTACTS, "first": who(CONTACT, CONTACT, pick_first=True)}
CALLS = {
    (kind, answered, privacy): made
    for kind, make in (("direct", direct), ("queue", queued))
    for answered, talk in ((True, 95), (False, None))
    for privacy, made in (
        ("work", make(talk=talk)),
        *([("private", direct(talk=talk, privacy=Privacy.PRIVATE))] if kind == "direct" else []),
    )
}


def expected_outcome(name: tuple[str, bool, str], on: dict[str, bool], keys: dict[str, Any], found: str) -> str:
    """The same rules in other words, without a line of the app."""
    kind, answered, privacy = name
    if privacy == "private":
        return "skipped-private"
    switch = f"Process{'Direct' if kind == 'direct' else 'Service'}Calls{'' if answered else 'Unanswered'}"
    verdicts = {
        "none": "no-match" if keys["UnmatchedCallers"] == "skip" else "logged",
        "one": "logged",
        "first": "logged",
        "several": "logged" if kind == "queue" and on["EnableMultipleMatchCreate"] else "several-matches",
    }
    too_short = answered and keys["CallDurationLimit"] > 95
    return verdicts[found] if on[switch] and not too_short else "too-short" if on[switch] else "switched-off"


@pytest.mark.parametrize("unmatched", ["skip", "log", "contact", "lead"])
@pytest.mark.parametrize("limit", [0, 95, 96])
def test_every_combination_of_switches(unmatched: str, limit: int) -> None:
    keys: dict[str, Any] = {"UnmatchedCallers": unmatched, "CallDurationLimit": limit}
    seen = set()
    for values in itertools.product((True, False), repeat=len(SWITCH_NAMES)):
        on = dict(zip(SWITCH_NAMES, values, strict=True))
        at_site = site(**{**on, **keys})
        for (name, read), (found, match) in itertools.product(CALLS.items(), MATCHES.items()):
            expected = expected_outcome(name, on, keys, found)
            assert outcome(read, at_site, Facts(match, OWNER)) == expected, (name, on, keys, found)
            without_owner = "waiting" if expected == "logged" else expected
            assert outcome(read, at_site, Facts(match, None)) == without_owner
            # Nobody is asked for whom it does not matter.
            settled = expected in {"skipped-private", "switched-off", "too-short"}
            assert number_to_match(read, at_site) == (None if settled else CUSTOMER)
            seen.add(expected)
    assert len(seen) == (6 if limit == 96 else 5) - (unmatched != "skip")


# ----------------------------------------------------------------------------------- internal calls and numbers

SIDES = [
    pytest.param(direct(), (), False, CUSTOMER, id="a customer"),
    pytest.param(direct(caller=WORK_NUMBER), (WORK_NUMBER,), True, WORK_NUMBER, id="a colleague"),
    pytest.param(
        direct(direction=OUT, called="040 777 0001"), (MOBILE,), True, MOBILE, id="a colleague's mobile phone"
    ),
    pytest.param(INTERNAL, (), True, "+35891234502", id="both legs"),
    pytest.param(direct(caller=""), (WORK_NUMBER,), False, None, id="withheld"),
    pytest.param(direct(caller="4321"), (), False, None, id="no complete number"),
]


@pytest.mark.parametrize(("read", "own", "internal", "number"), SIDES)
def test_internal_calls(read: Call, own: tuple[str, ...], internal: bool, number: str | None) -> None:
    at_site = site(own)
    assert is_internal(read, at_site) is internal
    assert customer_number(read, at_site) == number
    assert number_to_match(read, at_site) == (None if internal else number)


def test_own_numbers_of_customer_matching_are_ours() -> None:
    at_site = site_of(CallSync(), matching(ownNumbers=["050 454 5641"]), ["no number", ""])
    assert is_internal(direct(), at_site)
    assert at_site.own_numbers == {CUSTOMER}


# ------------------------------------------------------------------------------------------------------- owners

USERS = UserMap(
    {AINO: User("u-aino"), BERT: User("u-bert", is_disabled=True), CARLA: User("u-carla")},
    {MOBILE: User("u-mobile")},
)
OWNERS = [
    pytest.param(direct(), CARLA, "u-aino", id="its own user"),
    pytest.param(direct(), None, "u-aino", id="who needs no default"),
    pytest.param(direct(user=BERT), CARLA, "u-carla", id="a disabled user"),
    pytest.param(direct(user="99999999-0000-4000-8000-000000000000"), CARLA, "u-carla", id="somebody unknown"),
    pytest.param(direct(user="99999999-0000-4000-8000-000000000000"), None, None, id="somebody unknown, no default"),
    pytest.param(direct(user=BERT), BERT, None, id="a disabled default"),
    pytest.param(queued(talk=None), CARLA, "u-carla", id="nobody's"),
    pytest.param(queued(talk=None), "fb423f5-74f9-e911-80e0-00505689257e", None, id="a default that is no id"),
    pytest.param(direct(user=None), CARLA, "u-mobile", id="mobile"),
    pytest.param(direct(user=None, called="0407770001"), CARLA, "u-mobile", id="mobile, in the default region"),
    pytest.param(direct(user=None, called=OTHER), CARLA, "u-carla", id="an unknown mobile number"),
    pytest.param(direct(user=None, called=""), CARLA, "u-carla", id="no number at all"),
]


@pytest.mark.parametrize(("read", "default", "owner"), OWNERS)
def test_who_owns_a_call(read: Call, default: str | None, owner: str | None) -> None:
    assert owner_of(read, site(DefaultCrmAssignee=default), USERS) == owner


@pytest.mark.parametrize(
    ("default", "problem"),
    [(CARLA.upper(), None), (None, "not set"), ("fb423f5-74f9", "of nobody"), (BERT, "disabled user")],
)
def test_what_is_wrong_with_the_assignee(default: str | None, problem: str | None) -> None:
    said = assignee_problem(site(DefaultCrmAssignee=default).rules, USERS)
    assert said is None if problem is None else said is not None and problem in said


def test_the_states_are_those_of_dynamics_as_it_comes() -> None:
    metadata = json.loads((DOCS.parent / "local" / "dataverse" / "metadata.json").read_text(encoding="utf-8"))
    options = metadata["tables"]["phonecall"]["attributes"]["statuscode"]["options"]
    assert {option["value"]: option["state"] for option in options} == PHONE_CALL_STATES


def test_a_status_that_dynamics_lacks_is_named() -> None:
    assert status_problem(site()) is None
    assert status_problem(site(MultipleMatchPhoneCallStatus=100000001)) is not None
    custom = site_of(CallSync(MultipleMatchPhoneCallStatus=100000001), matching(), states={1: 0, 100000001: 0})
    assert status_problem(custom) is None


# ------------------------------------------------------------------------------------------------ rows that are there

NO_CUSTOMER, WITH_CUSTOMER = PresentRow(has_customer=False), PresentRow(has_customer=True)
ON_LIST: dict[str, Any] = {"NeverLogNumbers": [CUSTOMER]}
PRESENT = [
    pytest.param(direct(), {}, NO_CUSTOMER, ONE_CONTACT, Log("logged before", OWNER, Customer(CONTACT, ONE)),
                 id="somebody has its number by now"),
    pytest.param(direct(), {}, NO_CUSTOMER, NOBODY, Log("logged before", OWNER), id="still nobody"),
    pytest.param(direct(), {}, WITH_CUSTOMER, who(ACCOUNT), Log("logged before", OWNER), id="its customer stays"),
    pytest.param(queued(), {}, PresentRow(False, several=True), TWO_CONTACTS, Log("logged before", OWNER, several=True),
                 id="still several, though queue calls are off"),
    pytest.param(queued(), {}, PresentRow(False, several=True), ONE_CONTACT,
                 Log("logged before", OWNER, Customer(CONTACT, ONE)), id="one by now"),
    pytest.param(queued(), {}, PresentRow(False, several=None), TWO_CONTACTS, Log("logged before", OWNER, several=True),
                 id="several, though what was written is lost"),
    pytest.param(direct(), {}, PresentRow(True, several=None), ONE_CONTACT,
                 Log("logged before", OWNER, Customer(CONTACT, ONE)), id="its customer may be ours"),
    pytest.param(direct(), {}, PresentRow(False, several=None), TWO_CONTACTS, Log("logged before", OWNER),
                 id="a direct call was never one of several"),
    pytest.param(direct(), {"ProcessDirectCalls": False, "CallDurationLimit": 999}, NO_CUSTOMER, NOBODY,
                 Log("logged before", OWNER), id="settings of today do not take it away"),
    pytest.param(direct(), {"UnmatchedCallers": "contact"}, NO_CUSTOMER, NOBODY, Log("logged before", OWNER),
                 id="nobody is made for it later"),
    pytest.param(PRIVATE, {}, WITH_CUSTOMER, NOBODY,
                 Withdraw(Outcome.REMOVED_PRIVATE, "classed Private: not in PrivacyClasses", "remove"), id="private"),
    pytest.param(UNDEFINED, {"WhenTurnedPrivate": "blank"}, WITH_CUSTOMER, NOBODY,
                 Withdraw(Outcome.REMOVED_PRIVATE, "classed Undefined: not in PrivacyClasses", "blank"),
                 id="not classed any more"),
    pytest.param(direct(), ON_LIST, WITH_CUSTOMER, NOBODY,
                 Withdraw(Outcome.NEVER_LOG, "one of its numbers is in NeverLogNumbers", "remove"), id="on the list"),
]  # fmt: skip


@pytest.mark.parametrize(("read", "keys", "row", "match", "expected"), PRESENT)
def test_a_phone_call_that_is_there(
    read: Call, keys: dict[str, Any], row: PresentRow, match: Match, expected: object
) -> None:
    assert decide(read, site(**keys), Facts(match, OWNER, row)) == expected


def test_a_phone_call_that_is_there_needs_no_owner() -> None:
    assert decide(direct(), site(), Facts(NOBODY, None, NO_CUSTOMER)) == Log("logged before", None)


def test_what_was_blanked_is_not_blanked_again() -> None:
    facts = Facts(row=WITH_CUSTOMER, before=Outcome.REMOVED_PRIVATE)
    assert decide(PRIVATE, site(WhenTurnedPrivate="blank"), facts) == Skip(
        Outcome.REMOVED_PRIVATE, "classed Private: not in PrivacyClasses"
    )
    assert isinstance(decide(direct(), site(), facts), Log)


def test_a_call_that_was_removed_is_remembered_as_such() -> None:
    assert outcome(PRIVATE, site(), Facts(before=Outcome.REMOVED_PRIVATE)) is Outcome.REMOVED_PRIVATE
    assert outcome(PRIVATE, site(), Facts(before=Outcome.LOGGED)) is Outcome.SKIPPED_PRIVATE
    assert outcome(direct(), site(), Facts(ONE_CONTACT, OWNER, before=Outcome.REMOVED_PRIVATE)) is Outcome.LOGGED


ASKED = [
    pytest.param(direct(), {}, NO_CUSTOMER, CUSTOMER, id="no customer yet"),
    pytest.param(direct(), {"ProcessDirectCalls": False}, NO_CUSTOMER, CUSTOMER, id="whatever the switches say"),
    pytest.param(direct(), {}, WITH_CUSTOMER, None, id="it has one"),
    pytest.param(direct(), {}, PresentRow(True, several=None), CUSTOMER, id="it has one, perhaps of ours"),
    pytest.param(PRIVATE, {}, NO_CUSTOMER, None, id="private"),
    pytest.param(direct(), ON_LIST, NO_CUSTOMER, None, id="on the list"),
    pytest.param(INTERNAL, {}, NO_CUSTOMER, None, id="internal"),
    pytest.param(direct(caller=""), {}, NO_CUSTOMER, None, id="withheld"),
]


@pytest.mark.parametrize(("read", "keys", "row", "number"), ASKED)
def test_whom_a_phone_call_that_is_there_asks_for(
    read: Call, keys: dict[str, Any], row: PresentRow, number: str | None
) -> None:
    assert number_to_match(read, site(**keys), row) == number


# ------------------------------------------------------------------------------------------------ no personal data


def test_no_reason_and_no_repr_holds_a_number() -> None:
    secrets = (CUSTOMER, CUSTOMER[1:], WORK_NUMBER, MOBILE, POOL)
    sites = [site(UnmatchedCallers=choice, **EVERYTHING, **more)
             for choice in ("skip", "log", "contact") for more in ({}, ON_LIST, {"CallDurationLimit": 99})]  # fmt: skip
    reads = [direct(), queued(), PRIVATE, INTERNAL, TALKING, direct(caller="4321")]
    for at_site, read, match in itertools.product(sites, reads, (NOBODY, ONE_CONTACT, TWO_CONTACTS)):
        decision = decide(read, at_site, Facts(match, OWNER))
        skip = skip_unasked(read, at_site)
        told = f"{decision!r} {decision.reason} {skip!r}"
        assert not any(secret in told for secret in secrets), told
    assert not any(secret in repr(replace(sites[0], own_numbers=frozenset(secrets))) for secret in secrets)


def test_waiting_says_what_it_waits_for() -> None:
    decision = decide(direct(), site(), Facts(ONE_CONTACT, None))
    assert isinstance(decision, Wait)
    assert "DefaultCrmAssignee" in decision.reason
    assert decide(queued(), site(**EVERYTHING), Facts(ONE_CONTACT, None)).outcome is Outcome.WAITING
    assert queued().kind is Kind.QUEUE
