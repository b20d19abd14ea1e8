"""Which calls may be known, and which of them are offered to the ticket triggers."""

import json
from typing import Any

import pytest

from shared.calls.call import Call
from shared.calls.privacy import (
    ON_THE_LIST,
    CallPrivacy,
    PrivacyRules,
    is_never_logged,
    may_be_known,
    privacy_rules,
    ticket_due,
    why_not_ours,
)
from shared.config_documents import BadDocumentError, json_document
from shared.enreach.models import Privacy
from tests.unit.shared.calls.feeds import (
    AINO,
    BERT,
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


def read(**keys: Any) -> CallPrivacy:
    return json_document(CallPrivacy)(json.dumps(keys).encode())


def rules(**keys: Any) -> PrivacyRules:
    return privacy_rules(read(**keys), "FI")


ABOUT_LIST = [
    pytest.param(direct(), [CUSTOMER], True, id="the customer's"),
    pytest.param(direct(), ["050 454 5641"], True, id="in the default region"),
    pytest.param(direct(caller="358504545641"), ["0504545641"], True, id="a caller without plus"),
    pytest.param(direct(), [WORK_NUMBER], True, id="ours"),
    pytest.param(queued(), [POOL], True, id="the queue's"),
    pytest.param(direct(direction=OUT), [CUSTOMER], True, id="called"),
    pytest.param(direct(caller="4321"), ["43 21"], True, id="a short internal number"),
    pytest.param(direct(), ["4321", OTHER], False, id="others"),
    pytest.param(direct(caller=""), ["4321"], False, id="withheld"),
    pytest.param(call(leg(talk=30), leg(BERT, after=40, caller=OTHER)), [OTHER], True, id="of any leg"),
]


@pytest.mark.parametrize(("of", "numbers", "listed"), ABOUT_LIST)
def test_numbers_that_are_never_logged(of: Call, numbers: list[str], listed: bool) -> None:
    site = rules(NeverLogNumbers=numbers)
    assert is_never_logged(of, site) is listed
    assert ticket_due(of, site) is may_be_known(of, site) is not listed
    assert why_not_ours(of, site) == (ON_THE_LIST if listed else None)


RINGING = call(leg(talk=None), now=at(5))
TALKING = call(leg(talk=0), now=at(60))
PRIVATE, UNDEFINED = direct(privacy=Privacy.PRIVATE), direct(privacy=Privacy.UNDEFINED)
INTERNAL = call(leg(AINO, direction=OUT, called="+35891234502"), leg(BERT, caller=WORK_NUMBER, called="+35891234502"))
ON_LIST: dict[str, Any] = {"NeverLogNumbers": [CUSTOMER]}
TICKETS = [
    pytest.param(direct(), {}, True, id="logged"),
    pytest.param(direct(), {"ProcessDirectCalls": False, "CallDurationLimit": 999}, True, id="whatever is logged"),
    pytest.param(queued(talk=None), {}, True, id="unanswered"),
    pytest.param(call(queue=service()), {}, True, id="the queue alone"),
    pytest.param(INTERNAL, {}, True, id="internal"),
    pytest.param(direct(caller=""), {}, True, id="withheld"),
    pytest.param(TALKING, {}, False, id="it goes on"),
    pytest.param(RINGING, {}, False, id="it rings"),
    pytest.param(PRIVATE, {}, False, id="private"),
    pytest.param(UNDEFINED, {}, False, id="not classed"),
    pytest.param(UNDEFINED, {"PrivacyClasses": ["Work", "Undefined"]}, True, id="not classed, and wanted"),
    pytest.param(call(leg(), leg(BERT, privacy=Privacy.PRIVATE)), {}, False, id="one leg of two is private"),
    pytest.param(direct(), ON_LIST, False, id="on the list"),
]


@pytest.mark.parametrize(("of", "keys", "due"), TICKETS)
def test_which_calls_are_offered_to_the_ticket_triggers(of: Call, keys: dict[str, Any], due: bool) -> None:
    assert ticket_due(of, rules(**keys)) is due


def test_a_reason_names_the_class_alone() -> None:
    assert why_not_ours(PRIVATE, rules()) == "classed Private: not in PrivacyClasses"
    both = call(leg(privacy=Privacy.UNDEFINED), leg(BERT, privacy=Privacy.PRIVATE))
    assert why_not_ours(both, rules()) == "classed Private and Undefined: not in PrivacyClasses"
    told = repr(rules(NeverLogNumbers=[CUSTOMER, MOBILE]))
    assert CUSTOMER not in told
    assert MOBILE not in told


def test_whoever_reads_two_keys_of_the_document_leaves_the_others_alone() -> None:
    document = {"PrivacyClasses": ["Work"], "NeverLogNumbers": [], "ProcessServiceCalls": True, "OfALaterVersion": 1}
    assert read(**document) == CallPrivacy()
    with pytest.raises(BadDocumentError, match="PrivacyClasses"):
        read(PrivacyClasses=["Secret"])
    with pytest.raises(BadDocumentError, match=r"NeverLogNumbers\.0"):
        read(NeverLogNumbers=["my mother"])
