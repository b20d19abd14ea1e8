"""A call-sync.json that makes no sense is refused with the place and the reason; the defaults are the guide's."""

import json
from pathlib import Path
from typing import Any

import pytest

from functions.call_sync.rules import CallSync
from local.enreach.seed import item_id
from shared.config_documents import BadDocumentError, json_document

ROOT = Path(__file__).parents[4]
LOCAL = ROOT / "local" / "config"
GUID = "0FBC423F-74F9-E911-80E0-00505689257E"
# Voice for Dynamics 365 guide, figure 33 and 1.5.3; those below the line are ours.
DEFAULTS: dict[str, Any] = {
    "CallStartMargin": 15,
    "DefaultCrmAssignee": None,
    "EnableAudit": True,
    "EnableMultipleMatchCreate": True,
    "ExecutionInterval": 120,
    "IncomingDirectCallSubject": "Incoming direct call",
    "IncomingQueueCallSubject": "Incoming queue call",
    "MultipleMatchPhoneCallStatus": 1,
    "OutgoingDirectCallSubject": "Outgoing direct call",
    "ProcessDirectCalls": True,
    "ProcessServiceCalls": False,
    "ProcessServiceCallsUnanswered": False,
    "RunInDebugMode": False,
    "CallDurationLimit": 0,
    # ------------------------------------------
    "PrivacyClasses": ["Work"],
    "NeverLogNumbers": [],
    "UnmatchedCallers": "skip",
    "ProcessDirectCallsUnanswered": False,
    "WriteRecordingLink": False,
    "AuditColumn": None,
    "UnansweredStatus": "Canceled",
    "WhenTurnedPrivate": "remove",
}


def read(**keys: Any) -> CallSync:
    return json_document(CallSync)(json.dumps(keys).encode())


def test_an_empty_document_has_the_defaults_of_the_guide() -> None:
    assert json.loads(read().model_dump_json(by_alias=True)) == DEFAULTS


def test_every_key_may_be_written() -> None:
    assert read(**DEFAULTS) == read()
    other = {
        "CallStartMargin": 0, "ExecutionInterval": 44640, "MultipleMatchPhoneCallStatus": 100000001,
        "CallDurationLimit": 5, "PrivacyClasses": ["Work", "Undefined"], "NeverLogNumbers": ["+358941500112", "112"],
        "UnmatchedCallers": "lead", "AuditColumn": "new_benemenapiaudit", "UnansweredStatus": "Completed",
        "WhenTurnedPrivate": "blank", "IncomingQueueCallSubject": "Jonopuhelu: Tuki",
    }  # fmt: skip
    assert json.loads(read(**other).model_dump_json(by_alias=True)) == {**DEFAULTS, **other}


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        pytest.param(GUID, GUID.lower(), id="upper case"),
        pytest.param(f"{{{GUID}}}", GUID.lower(), id="braces"),
        pytest.param(f" {GUID} ", GUID.lower(), id="spaces"),
        pytest.param(GUID.replace("-", ""), GUID.lower(), id="without hyphens"),
        pytest.param("fb423f5-74f9-e911-80e0-00505689257e", "fb423f5-74f9-e911-80e0-00505689257e",
                     id="the guide's example, which is no GUID, stands and names nobody"),
        pytest.param("", None, id="empty"),
        pytest.param("  ", None, id="blank"),
        pytest.param(None, None, id="null"),
    ],
)  # fmt: skip
def test_the_assignee_may_be_written_in_any_spelling(written: str | None, read_as: str | None) -> None:
    assert read(DefaultCrmAssignee=written).default_crm_assignee == read_as


@pytest.mark.parametrize(("column", "own"), [(None, None), ("description", None), ("new_audit", "new_audit")])
def test_the_audit_column_is_the_description_unless_another_one_is_named(column: str | None, own: str | None) -> None:
    assert read(AuditColumn=column).own_audit_column == own


@pytest.mark.parametrize("number", ["+358504545641", "00358504545641", "050 454 5641", "(050) 4545641", "112", "4321",
                                    "+358 50 454 5641 ext. 12"])  # fmt: skip
def test_numbers_that_some_region_could_read_are_taken(number: str) -> None:
    assert read(NeverLogNumbers=[number]).never_log_numbers == (number,)


@pytest.mark.parametrize("number", ["", "  ", "anonymous", "my mother", "+12", "+358", "00358", "+", "room 12a"])
def test_numbers_that_no_region_can_read_are_refused(number: str) -> None:
    with pytest.raises(BadDocumentError, match=r"NeverLogNumbers\.0: .*must be a phone number") as refused:
        read(NeverLogNumbers=[number])
    assert number.strip() in ("", "+") or number not in str(refused.value)


BROKEN = [
    pytest.param({"callStartMargin": 15}, "callStartMargin: Extra inputs", id="not the vendor's spelling"),
    pytest.param({"Unknown": 1}, "Unknown: Extra inputs", id="an unknown key"),
    pytest.param({"CallStartMargin": -1}, "CallStartMargin", id="a negative margin"),
    pytest.param({"CallStartMargin": 3601}, "CallStartMargin", id="a margin above an hour"),
    pytest.param({"CallStartMargin": "15"}, "CallStartMargin", id="a number as text"),
    pytest.param({"CallStartMargin": True}, "CallStartMargin", id="a switch as number"),
    pytest.param({"ExecutionInterval": 0}, "ExecutionInterval", id="no look-back"),
    pytest.param({"ExecutionInterval": 44641}, "ExecutionInterval", id="a look-back above 31 days"),
    pytest.param({"EnableAudit": "True"}, "EnableAudit", id="a switch as text"),
    pytest.param({"ProcessDirectCalls": 1}, "ProcessDirectCalls", id="a switch as number"),
    pytest.param({"MultipleMatchPhoneCallStatus": -1}, "MultipleMatchPhoneCallStatus", id="a negative status"),
    pytest.param({"MultipleMatchPhoneCallStatus": 2**31}, "MultipleMatchPhoneCallStatus", id="a status too large"),
    pytest.param({"CallDurationLimit": -1}, "CallDurationLimit", id="a negative limit"),
    pytest.param({"DefaultCrmAssignee": 7}, "DefaultCrmAssignee", id="an assignee that is no text"),
    pytest.param({"IncomingDirectCallSubject": ""}, "IncomingDirectCallSubject", id="no subject"),
    pytest.param({"IncomingDirectCallSubject": "a\nb"}, "control character", id="a line break in the subject"),
    pytest.param({"IncomingDirectCallSubject": " a"}, "begin or end", id="a space before the subject"),
    pytest.param({"PrivacyClasses": []}, "PrivacyClasses", id="no class"),
    pytest.param({"PrivacyClasses": ["work"]}, "PrivacyClasses.0", id="a class in another case"),
    pytest.param({"PrivacyClasses": "Work"}, "PrivacyClasses", id="a class without a list"),
    pytest.param({"UnmatchedCallers": "account"}, "'skip', 'log', 'contact' or 'lead'", id="an account for strangers"),
    pytest.param({"AuditColumn": "Benemen Api Audit"}, "logical name of a column", id="a display name"),
    pytest.param({"AuditColumn": "subject"}, "a text column of its own", id="a column that is written otherwise"),
    pytest.param({"AuditColumn": "statuscode"}, "a text column of its own", id="the status"),
    pytest.param({"UnansweredStatus": "Open"}, "UnansweredStatus", id="an unanswered call that stays open"),
    pytest.param({"WhenTurnedPrivate": "keep"}, "WhenTurnedPrivate", id="a private call that stays"),
    pytest.param({"NumbersToCut": 4}, "NumbersToCut: write it in customer-matching.json", id="matching of numbers"),
    pytest.param(
        {"MultipleMatchesPickFirst": True, "NumbersToCut": 0},
        "NumbersToCut and MultipleMatchesPickFirst: write it in customer-matching.json", id="both of matching",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("keys", "reason"), BROKEN)
def test_what_makes_no_sense_is_refused_with_place_and_reason(keys: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadDocumentError) as refused:
        read(**keys)
    assert reason in str(refused.value)


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b'"x"', b"{", b"\xff"])
def test_what_is_no_object_is_refused(data: bytes) -> None:
    with pytest.raises(BadDocumentError):
        json_document(CallSync)(data)


def test_the_local_document_is_one() -> None:
    rules = json_document(CallSync)((LOCAL / "call-sync.json").read_bytes())
    # A user of the local Enreach who is one of the local Dynamics too.
    assert rules.default_crm_assignee == item_id("user", "asa.lindqvist")
    assert rules.model_copy(update={"default_crm_assignee": None}) == CallSync()


def test_every_setting_is_described_with_its_default() -> None:
    text = (ROOT / "docs" / "call-sync.md").read_text(encoding="utf-8")
    for name, default in DEFAULTS.items():
        assert f"| `{name}` | `{json.dumps(default)}` |" in text, name
