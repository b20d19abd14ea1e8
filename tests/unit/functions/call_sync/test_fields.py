"""What the phone call in Dynamics holds, and what a later report of the call may change of it."""

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.call_sync.decide.fields import (
    LONGEST_DESCRIPTION,
    PhoneCall,
    State,
    Texts,
    Written,
    audit_in,
    audit_text,
    blank_phone_call,
    call_id_in,
    changes,
    create_row,
    cut,
    final_state,
    is_touched,
    phone_call,
    state_row,
    written_at_creation,
    written_of,
)
from functions.call_sync.decide.outcome import Log, Site, site_of
from functions.call_sync.rules import CallSync
from shared.calls.call import Agent, Call
from shared.calls.ids import phone_call_id
from shared.config_documents import json_document
from shared.customers import CustomerMatching, MatchKind
from shared.customers.activities import Customer
from shared.dataverse.tables import JsonRow
from tests.unit.shared.calls.feeds import (
    AINO,
    BERT,
    CALL,
    CARLA,
    CUSTOMER,
    OUT,
    at,
    call,
    direct,
    leg,
    queued,
    service,
)

OWNER, OTHER_OWNER = "0a0a0a0a-0000-4000-8000-000000000001", "0a0a0a0a-0000-4000-8000-000000000002"
KEY = phone_call_id(CALL)
CONTACT: Final = Customer(MatchKind.CONTACT, UUID(int=1))
ACCOUNT: Final = Customer(MatchKind.ACCOUNT, UUID(int=2))
LEAD: Final = Customer(MatchKind.LEAD, UUID(int=3))
LOG = Log("logged", OWNER, CONTACT)
TRANSFER = (leg(AINO, talk=30, recording_ids=("r1",)), leg(BERT, after=40, talk=60, recording_ids=("r2",)))
RINGING = call(leg(talk=None), now=at(5))
AUDIT_COLUMNS: list[dict[str, Any]] = [{}, {"AuditColumn": "new_audit"}]
NAMES = {Agent(AINO): "Aino Aalto", Agent(BERT): "Bert Berg"}


def site(states: dict[int, int] | None = None, **keys: Any) -> Site:
    rules = json_document(CallSync)(json.dumps(keys).encode())
    matching = CustomerMatching.model_validate({"defaultRegion": "FI"})
    return site_of(rules, matching) if states is None else site_of(rules, matching, states=states)


def wanted(read: Call, log: Log = LOG, texts: Texts | None = None, **keys: Any) -> PhoneCall:
    return phone_call(read, site(**keys), log, texts)


# ------------------------------------------------------------------------------------------------ the audit text


def test_without_audit_the_text_is_the_call_id_exactly() -> None:
    assert audit_text(direct(), enabled=False, longest=2000) == f"CallId is {CALL}"
    assert wanted(direct(), EnableAudit=False).columns["description"] == f"CallId is {CALL}"


def test_with_audit_every_value_received_follows_in_one_line() -> None:
    read = call(leg(received={"ANum": CUSTOMER, "Note": "a\nb\u2028c", "X": None}), queue=service(received={"Q": "Ä"}))
    text = audit_text(read, enabled=True, longest=2000)
    assert text == (
        f'CallId is {CALL} {{"calls":[{{"ANum":"{CUSTOMER}","Note":"a\\nb c","X":null}}],"servicecall":[{{"Q":"Ä"}}]}}'
    )
    assert len(text.splitlines()) == 1


def test_the_audit_text_does_not_depend_on_the_order_of_events_or_keys() -> None:
    one, other = leg(received={"a": 1, "b": 2}), leg(BERT, after=5, received={"c": 3})
    again = leg(received={"b": 2, "a": 1})
    assert audit_text(call(one, other), enabled=True, longest=2000) == audit_text(
        call(other, again), enabled=True, longest=2000
    )


@pytest.mark.parametrize("longest", [46, 47, 100, 2000])
def test_the_audit_text_is_cut_to_its_column(longest: int) -> None:
    read = direct(received={"Note": "ä😀" * 2000})
    text = audit_text(read, enabled=True, longest=longest)
    assert longest - 1 <= len(text.encode("utf-16-le")) // 2 <= longest
    assert text.startswith(f"CallId is {CALL}")


def test_half_a_pair_of_utf_16_can_be_sent() -> None:
    text = audit_text(direct(received={"Note": "a\ud800b"}), enabled=True, longest=2000)
    assert text.encode()
    assert '"a�b"' in text


@pytest.mark.parametrize(
    ("text", "longest", "kept"), [("abc", 3, "abc"), ("abc", 2, "ab"), ("a😀", 3, "a😀"), ("a😀", 2, "a")]
)
def test_texts_are_cut_by_what_dynamics_counts(text: str, longest: int, kept: str) -> None:
    assert cut(text, longest) == kept


STAMPS = [
    pytest.param(f"CallId is {CALL}", CALL, id="alone"),
    pytest.param(f"Leg 1: answered, 5 s\nCallId is {CALL} {{...}}", CALL, id="last line"),
    pytest.param(f"callid IS {{{CALL.upper()}}}", CALL, id="any case, braces"),
    pytest.param(f"CallId is {CALL.replace('-', '')}", CALL, id="without hyphens"),
    pytest.param(f"Leg 1\r\n  CallId is {CALL}\r\n", CALL, id="as Windows breaks lines"),
    pytest.param(f"CallId is {AINO}\nCallId is {CALL}", CALL, id="the last of two"),
    pytest.param("CallId is 4711", None, id="no GUID"),
    pytest.param(f"The CallId is {CALL}", None, id="in the middle of a sentence"),
    pytest.param(f"CallId is {CALL[:-1]}", None, id="a digit missing"),
    pytest.param("", None, id="empty"),
    pytest.param(None, None, id="null"),
]


@pytest.mark.parametrize(("text", "call_id"), STAMPS)
def test_the_call_id_is_found_again(text: str | None, call_id: str | None) -> None:
    assert call_id_in(text) == call_id


# ----------------------------------------------------------------------------------------------------- columns

SUBJECTS = [
    pytest.param(direct(), "Incoming direct call", id="direct"),
    pytest.param(queued(), "Incoming queue call", id="queue"),
    pytest.param(direct(direction=OUT), "Outgoing direct call", id="outgoing"),
    pytest.param(call(leg(), queue=service(queue_name=None)), "Incoming direct call", id="work number"),
]


@pytest.mark.parametrize(("read", "subject"), SUBJECTS)
def test_the_subject_goes_by_kind_and_direction(read: Call, subject: str) -> None:
    assert wanted(read).columns["subject"] == subject
    long: dict[str, Any] = {
        f"{name}Subject": "x" * 250 for name in ("IncomingDirectCall", "IncomingQueueCall", "OutgoingDirectCall")
    }
    assert wanted(read, **long).columns["subject"] == "x" * 200


@pytest.mark.parametrize(
    ("read", "number"),
    [
        (direct(), CUSTOMER), (direct(caller="358504545641"), CUSTOMER), (direct(caller="050 454 5641"), CUSTOMER),
        (direct(caller="4321"), "4321"), (direct(caller="anonymous"), None), (direct(direction=OUT), CUSTOMER),
        (direct(caller="1" * 300), "1" * 200),
    ],
)  # fmt: skip
def test_the_number_is_written_in_full_where_it_can_be_read(read: Call, number: str | None) -> None:
    assert wanted(read).columns["phonenumber"] == number


@pytest.mark.parametrize(
    ("talk", "minutes"), [(None, 0), (1, 1), (29, 1), (30, 1), (89, 1), (90, 2), (149, 2), (150, 3), (3600, 60)]
)
def test_the_duration_is_in_minutes_half_a_minute_up(talk: int | None, minutes: int) -> None:
    assert wanted(direct(talk=talk)).columns["actualdurationminutes"] == minutes


def test_moments_are_in_utc_and_a_call_that_goes_on_has_no_end() -> None:
    over, on = wanted(queued()).columns, wanted(RINGING).columns
    for kind in ("scheduled", "actual"):
        assert (over[f"{kind}start"], over[f"{kind}end"]) == ("2026-03-02T08:00:00Z", "2026-03-02T08:01:45Z")
        assert (on[f"{kind}start"], on[f"{kind}end"]) == ("2026-03-02T08:00:00Z", None)
    assert on["actualdurationminutes"] is None
    assert (over["directioncode"], wanted(direct(direction=OUT)).columns["directioncode"]) == (False, True)


# -------------------------------------------------------------------------------------------------- description


def test_the_description_has_legs_then_recordings_then_the_audit_text() -> None:
    texts = Texts(NAMES.get, "https://api.enreach.example/calls/recordings/")
    lines = wanted(call(*TRANSFER), texts=texts, WriteRecordingLink=True, EnableAudit=False).columns["description"]
    assert lines.split("\n") == [
        "Leg 1: Aino Aalto, answered, 30 s",
        "Leg 2: Bert Berg, answered, 60 s, 40 s after the start",
        "Recording: https://api.enreach.example/calls/recordings/r1",
        "Recording: https://api.enreach.example/calls/recordings/r2",
        f"CallId is {CALL}",
    ]
    plain = wanted(call(*TRANSFER), EnableAudit=False).columns["description"]
    assert plain.split("\n")[0] == "Leg 1: answered, 30 s"
    assert "Recording" not in plain


def test_an_audit_column_of_its_own_takes_the_audit_text_away_from_the_description() -> None:
    texts = Texts(audit_length=60)
    found = wanted(call(*TRANSFER), texts=texts, AuditColumn="new_audit")
    assert found.columns["new_audit"].startswith(f"CallId is {CALL} {{")
    assert len(found.columns["new_audit"]) == 60
    assert "CallId" not in found.columns["description"]
    assert create_row(found)["new_audit"] == found.columns["new_audit"]
    assert wanted(direct(), AuditColumn="new_audit").columns["description"] is None
    assert audit_in(found) == found.columns["new_audit"]


@given(
    legs=st.integers(1, 60), note=st.text(max_size=300), name=st.text(max_size=200), recordings=st.integers(0, 40),
    own=st.booleans(),
)  # fmt: skip
def test_whatever_comes_the_description_fits_and_ends_with_the_call_id(
    legs: int, note: str, name: str, recordings: int, own: bool
) -> None:
    events = [
        leg(
            after=number, received={"Note": note}, recording_ids=tuple(f"{number}-{each}" for each in range(recordings))
        )
        for number in range(legs)
    ]
    found = wanted(
        call(*events), texts=Texts(lambda _: name), WriteRecordingLink=True, AuditColumn="new_audit" if own else None
    )
    description = found.columns["description"] or ""
    assert len(description.encode("utf-16-le", "surrogatepass")) // 2 <= LONGEST_DESCRIPTION
    assert call_id_in(found.columns["new_audit"] if own else description.split("\n")[-1]) == CALL
    assert audit_in(found).startswith(f"CallId is {CALL}")
    if legs > 1:
        assert description.startswith("Leg 1: ")


def test_what_people_read_has_up_to_a_thousand_characters_and_the_audit_text_the_rest() -> None:
    events = [leg(after=number, received={"Note": "x" * 100}) for number in range(90)]
    description = wanted(call(*events)).columns["description"]
    *legs, more, audit = description.split("\n")
    assert len(description) == LONGEST_DESCRIPTION == 2000
    assert more == "(more in Enreach)"
    front = "\n".join([*legs, more])
    assert 1000 - len("Leg 29: answered, 95 s, 28 s after the start\n") < len(front) <= 1000
    assert audit.startswith(f"CallId is {CALL} {{")
    exact = Texts(lambda _: "n" * (500 - len("Leg 1: , answered, 95 s") - 1))
    two = wanted(call(leg(), leg(BERT)), texts=exact).columns["description"]
    assert "more in Enreach" not in two
    longer = Texts(lambda _: "n" * 481)
    assert "(more in Enreach)\nCallId" in wanted(call(leg(), leg(BERT)), texts=longer).columns["description"]


# ------------------------------------------------------------------------------------------------------- states

STATES = [
    pytest.param(direct(), {}, False, (1, 4), id="answered: received"),
    pytest.param(direct(direction=OUT), {}, False, (1, 2), id="made"),
    pytest.param(queued(), {}, False, (1, 4), id="queue"),
    pytest.param(direct(talk=None), {}, False, (2, 3), id="unanswered: canceled"),
    pytest.param(direct(direction=OUT, talk=None), {}, False, (2, 3), id="nobody there: canceled"),
    pytest.param(direct(talk=None), {"UnansweredStatus": "Completed"}, False, (1, 4), id="unanswered: completed"),
    pytest.param(direct(direction=OUT, talk=None), {"UnansweredStatus": "Completed"}, False, (1, 2), id="made in vain"),
    pytest.param(RINGING, {}, False, (0, 1), id="it rings: open"),
    pytest.param(queued(), {}, True, (0, 1), id="several: open, the default"),
    pytest.param(queued(talk=None), {}, True, (0, 1), id="several, unanswered"),
    pytest.param(queued(), {"MultipleMatchPhoneCallStatus": 3}, True, (2, 3), id="several: canceled"),
    pytest.param(queued(), {"MultipleMatchPhoneCallStatus": 2}, True, (1, 2), id="several: made"),
    pytest.param(
        queued(), {"MultipleMatchPhoneCallStatus": 100000001}, True, (0, 100000001), id="several: a custom one"
    ),
    pytest.param(
        queued(), {"MultipleMatchPhoneCallStatus": 100000002}, True, (1, 4), id="several: one that is not there"
    ),
    pytest.param(queued(), {"MultipleMatchPhoneCallStatus": 3}, False, (1, 4), id="of several only"),
]


@pytest.mark.parametrize(("read", "keys", "several", "expected"), STATES)
def test_the_state_that_a_call_ends_in(
    read: Call, keys: dict[str, Any], several: bool, expected: tuple[int, int]
) -> None:
    states = {1: 0, 2: 1, 3: 2, 4: 1, 100000001: 0}
    assert final_state(read, site(states, **keys), several=several) == expected
    found = phone_call(read, site(states, **keys), replace(LOG, several=several))
    assert found.state == expected
    assert found.needs_state is (expected != (0, 1))


# --------------------------------------------------------------------------------------------------------- rows

ROWS = [
    pytest.param(direct(), CONTACT, "contact", "contacts", (2, 1), id="contact calls"),
    pytest.param(direct(direction=OUT), CONTACT, "contact", "contacts", (1, 2), id="contact is called"),
    pytest.param(direct(), ACCOUNT, "account", "accounts", (2, 1), id="account calls"),
    pytest.param(direct(direction=OUT), LEAD, "lead", "leads", (1, 2), id="lead is called"),
]


@pytest.mark.parametrize(("read", "customer", "name", "entity_set", "masks"), ROWS)
def test_a_row_has_owner_regarding_and_both_parties(
    read: Call, customer: Customer, name: str, entity_set: str, masks: tuple[int, int]
) -> None:
    row = create_row(wanted(read, Log("x", OWNER, customer)))
    assert row["activityid"] == str(KEY)
    assert row["ownerid@odata.bind"] == f"/systemusers({OWNER})"
    assert row[f"regardingobjectid_{name}_phonecall@odata.bind"] == f"/{entity_set}({customer.id})"
    assert row["phonecall_activity_parties"] == [
        {"participationtypemask": masks[1], f"partyid_{name}@odata.bind": f"/{entity_set}({customer.id})"},
        {"participationtypemask": masks[0], "partyid_systemuser@odata.bind": f"/systemusers({OWNER})"},
    ]
    assert not {"statecode", "statuscode"} & row.keys()


def test_a_caller_whom_nobody_knows_has_no_party_and_no_regarding() -> None:
    row = create_row(wanted(direct(), Log("x", OWNER.upper())))
    assert row["phonecall_activity_parties"] == [
        {"participationtypemask": 2, "partyid_systemuser@odata.bind": f"/systemusers({OWNER})"}
    ]
    assert not [name for name in row if name.startswith("regarding")]
    assert row["phonenumber"] == CUSTOMER


def test_the_state_is_a_row_of_its_own() -> None:
    assert state_row(KEY, State(1, 4)) == {"activityid": str(KEY), "statecode": 1, "statuscode": 4}


def test_what_is_left_of_a_private_call_tells_nobody_apart() -> None:
    read = call(*TRANSFER)
    for keys in AUDIT_COLUMNS:
        rules = site(**keys).rules
        row = create_row(blank_phone_call(KEY, read, OWNER, rules))
        assert row["activityid"] == str(KEY)
        assert row[rules.own_audit_column or "description"] == f"CallId is {CALL}"
        text = json.dumps(row)
        assert CUSTOMER not in text
        assert "Leg" not in text
        assert row["actualdurationminutes"] == 0
        assert str(CONTACT.id) not in text
        assert set(row) >= {"subject", "scheduledstart", "ownerid@odata.bind"}


def test_no_number_and_no_name_is_shown() -> None:
    found = wanted(call(*TRANSFER), texts=Texts(NAMES.get))
    change = changes(written_of(wanted(RINGING), LOG), there(wanted(RINGING)), found)
    for shown in (repr(found), repr(written_of(found, LOG)), repr(change)):
        assert CUSTOMER not in shown
        assert "Aino" not in shown


# ----------------------------------------------------------------------------------------------- what was written

WRITTEN = [
    written_of(wanted(direct(), Log("x", OWNER, customer), **keys), Log("x", OWNER, customer, several=several))
    for customer in (None, CONTACT, ACCOUNT, LEAD)
    for several in (True, False)
    for keys in AUDIT_COLUMNS
]


@pytest.mark.parametrize("written", WRITTEN)
def test_what_was_written_comes_back_from_its_bytes(written: Written) -> None:
    assert Written.from_bytes(written.to_bytes()) == written


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"null", b"\xff", b'{"v":2}', b'{"v":1}', WRITTEN[-1].to_bytes().replace(b"lead", b"none")],
)
def test_bytes_of_another_version_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        Written.from_bytes(data)


# -------------------------------------------------------------------------------------------------- later versions


def there(found: PhoneCall, **edits: Any) -> JsonRow:
    """The row in Dynamics as it reads after it was written, with what users changed since."""
    row: JsonRow = dict(found.columns)
    row |= {"activityid": str(found.id), "statecode": found.state.statecode, "statuscode": found.state.statuscode}
    row["_ownerid_value"] = found.owner
    row["_regardingobjectid_value"] = None if found.customer is None else str(found.customer.id)
    return row | edits


def parties_of(found: PhoneCall) -> set[tuple[int, str]]:
    return set(written_of(found, LOG).parties) | {(9, found.owner or "")}  # the platform adds the owner


EARLY = wanted(RINGING, Log("x", OWNER))
FINAL = wanted(call(leg(talk=None), leg(BERT, after=30, talk=100)), Log("x", OTHER_OWNER, CONTACT))
EARLY_WRITTEN = written_of(EARLY, Log("x", OWNER))


def test_a_call_that_was_first_seen_ringing_ends_with_owner_duration_state_and_customer() -> None:
    change = changes(EARLY_WRITTEN, there(EARLY), FINAL, parties_of(EARLY))
    row = change.row(KEY)
    assert row == {
        "activityid": str(KEY),
        "scheduledend": "2026-03-02T08:02:10Z",
        "actualend": "2026-03-02T08:02:10Z",
        "actualdurationminutes": 2,
        "description": FINAL.columns["description"],
        "statecode": 1,
        "statuscode": 4,
        "ownerid@odata.bind": f"/systemusers({OTHER_OWNER})",
        "regardingobjectid_contact_phonecall@odata.bind": f"/contacts({CONTACT.id})",
        "phonecall_activity_parties": [
            {"participationtypemask": 1, "partyid_contact@odata.bind": f"/contacts({CONTACT.id})"},
            {"participationtypemask": 2, "partyid_systemuser@odata.bind": f"/systemusers({OTHER_OWNER})"},
        ],
    }
    assert change.written == written_of(FINAL, LOG)


EDITS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "subject": ({"subject": "Complaint"}, set()),
    "description": ({"description": "He will call again"}, {"description"}),
    "description emptied": ({"description": None}, {"description"}),
    "duration": ({"actualdurationminutes": 7}, {"actualdurationminutes"}),
    "end": ({"scheduledend": "2026-03-02T09:00:00Z"}, {"scheduledend"}),
    "owner": ({"_ownerid_value": CARLA}, {"ownerid@odata.bind"}),
    "regarding": ({"_regardingobjectid_value": CARLA}, {"regardingobjectid_contact_phonecall@odata.bind"}),
    "state": ({"statecode": 2, "statuscode": 3}, {"statecode", "statuscode"}),
    "status": ({"statuscode": 100000001}, {"statecode", "statuscode"}),
}


@pytest.mark.parametrize("names", [*itertools.combinations(EDITS, 1), *itertools.combinations(EDITS, 2), tuple(EDITS)])
def test_what_a_user_changed_stays_and_all_else_is_written(names: tuple[str, ...]) -> None:
    edits = {column: value for name in names for column, value in EDITS[name][0].items()}
    left_out = set().union(*(EDITS[name][1] for name in names))
    everything = changes(EARLY_WRITTEN, there(EARLY), FINAL).row(KEY)
    change = changes(EARLY_WRITTEN, there(EARLY, **edits), FINAL)
    assert change.row(KEY) == {name: value for name, value in everything.items() if name not in left_out}
    # The next run finds nothing to do, and still knows what a user changed.
    written = {**there(EARLY, **edits), **change.columns}
    written |= {} if change.state is None else change.state._asdict()
    written |= {"_ownerid_value": OTHER_OWNER} if "ownerid" in change.binds else {}
    written |= {"_regardingobjectid_value": str(CONTACT.id)} if len(change.binds) > ("ownerid" in change.binds) else {}
    again = changes(change.written, written, FINAL)
    assert not again
    assert again.written == change.written
    assert is_touched(change.written, written)


def test_nothing_new_writes_nothing() -> None:
    for found in (EARLY, FINAL, wanted(call(*TRANSFER)), wanted(queued(), AuditColumn="new_audit")):
        change = changes(written_of(found, LOG), there(found), found, parties_of(found))
        assert not change
        assert change.written == written_of(found, LOG)


def test_a_write_that_landed_without_being_known_is_not_repeated() -> None:
    change = changes(EARLY_WRITTEN, there(FINAL), FINAL, parties_of(FINAL))
    assert not change
    assert change.written == written_of(FINAL, LOG)


SAME_VALUES = [
    pytest.param(
        {"actualstart": "2026-03-02T00:00:00Z", "actualend": "2026-03-02T00:00:00Z"}, id="the day alone is kept"
    ),
    pytest.param({"scheduledstart": "2026-03-02T08:00:00+00:00"}, id="an offset"),
    pytest.param({"description": "SEE BELOW"}, id="line breaks of Windows"),
    pytest.param({"phonenumber": f"{CUSTOMER} "}, id="space at the end"),
]


@pytest.mark.parametrize("read_back", SAME_VALUES)
def test_what_dataverse_writes_otherwise_is_no_edit(read_back: dict[str, Any]) -> None:
    first = wanted(call(*TRANSFER))
    if "description" in read_back:
        read_back = {"description": first.columns["description"].replace("\n", "\r\n") + "\r\n"}
    later = wanted(call(*TRANSFER, leg(CARLA, after=110, talk=80)))
    written = written_of(first, LOG)
    assert not is_touched(written, there(first, **read_back))
    assert not changes(written, there(first, **read_back), first)
    news = {"scheduledend", "actualend", "actualdurationminutes", "description"}
    # Of the day alone nothing is new.
    assert changes(written, there(first, **read_back), later).columns.keys() == news - (
        {"actualend"} & read_back.keys()
    )


def test_another_day_is_an_edit() -> None:
    edited = there(FINAL, actualstart="2026-03-01T00:00:00Z")
    assert is_touched(written_of(FINAL, LOG), edited)
    assert not is_touched(written_of(FINAL, LOG), there(FINAL))
    assert not is_touched(written_of(FINAL, LOG), {"subject": FINAL.columns["subject"]})


LATER = [
    pytest.param(lambda log: replace(log, customer=ACCOUNT), set(), id="another customer by now"),
    pytest.param(lambda log: replace(log, customer=None), set(), id="nobody by now"),
    pytest.param(lambda log: replace(log, owner=None), set(), id="no owner by now"),
    pytest.param(lambda log: replace(log, owner=OTHER_OWNER), {"ownerid"}, id="another owner"),
]


@pytest.mark.parametrize(("other", "binds"), LATER)
def test_a_customer_who_is_there_is_never_taken_back(other: Callable[[Log], Log], binds: set[str]) -> None:
    first = wanted(direct())
    change = changes(written_of(first, LOG), there(first), wanted(direct(), other(LOG)))
    assert change.binds.keys() == binds
    assert change.written.customer == CONTACT
    assert not change.columns
    assert change.state is None


def test_a_call_with_several_customers_is_completed_when_one_is_left() -> None:
    several = Log("x", OWNER, several=True)
    first = wanted(queued(), several)
    written = written_of(first, several)
    assert (first.state, written.several) == (State(0, 1), True)
    change = changes(written, there(first), wanted(queued()), parties_of(first))
    assert (change.state, change.written.several) == (State(1, 4), False)
    assert change.written.customer == CONTACT
    assert len(change.parties) == 2
    assert not changes(written, there(first), first)


def test_a_phone_call_that_counted_as_missed_is_completed_when_it_turns_out_to_be_answered() -> None:
    missed = wanted(direct(talk=None))
    change = changes(written_of(missed, LOG), there(missed), wanted(direct()))
    assert (missed.state, change.state, change.written.state) == ((2, 3), (1, 4), (1, 4))


def test_an_audit_column_that_nobody_measured_is_as_long_as_dynamics_makes_one() -> None:
    assert len(wanted(call(*TRANSFER), AuditColumn="new_audit").columns["new_audit"]) == 100


def test_a_closed_phone_call_is_not_opened_again() -> None:
    change = changes(written_of(FINAL, LOG), there(FINAL), replace(FINAL, state=State(0, 1)))
    assert not change
    assert change.written.state == (1, 4)


PARTIES = [
    pytest.param(None, 0, id="not read: left as they are"),
    pytest.param(parties_of(EARLY), 2, id="ours"),
    pytest.param({(2, OWNER.upper()), (8, CARLA)}, 2, id="ours, beside those of the platform"),
    pytest.param({(2, OWNER), (1, CARLA)}, 0, id="a user named the caller"),
    pytest.param(set[tuple[int, str]](), 0, id="a user took them away"),
]


@pytest.mark.parametrize(("now_there", "count"), PARTIES)
def test_parties_follow_where_they_are_still_ours(now_there: set[tuple[int, str]] | None, count: int) -> None:
    change = changes(EARLY_WRITTEN, there(EARLY), FINAL, now_there)
    assert len(change.parties) == count
    assert ("phonecall_activity_parties" in change.row(KEY)) is bool(count)


def test_an_audit_column_is_changed_like_any_other() -> None:
    texts = Texts(audit_length=400)
    first = wanted(RINGING, texts=texts, AuditColumn="new_audit")
    last = wanted(direct(), texts=texts, AuditColumn="new_audit")
    row = changes(written_of(first, LOG), there(first), last).row(KEY)
    assert row["new_audit"] == last.columns["new_audit"]
    assert "description" not in row


# ---------------------------------------------------------------------------------------------------- runs cut off

BY_US = {
    "_createdby_value": AINO, "_modifiedby_value": AINO,
    "createdon": "2026-03-02T08:00:09Z", "modifiedon": "2026-03-02T08:00:10Z",
}  # fmt: skip


def test_what_stands_there_since_the_creation_is_what_we_wrote() -> None:
    recalled = written_at_creation(there(FINAL, **BY_US), FINAL)
    assert recalled is not None
    assert not changes(recalled, there(FINAL, **BY_US), FINAL)
    early = written_at_creation(there(EARLY, **BY_US), FINAL)
    assert early is not None
    assert changes(early, there(EARLY, **BY_US), FINAL, parties_of(EARLY)).row(KEY) == changes(
        EARLY_WRITTEN, there(EARLY), FINAL, parties_of(EARLY)
    ).row(KEY)


@pytest.mark.parametrize("visit", [{"_modifiedby_value": BERT}, {"modifiedon": "2026-03-02T08:00:20Z"}])
def test_where_somebody_was_since_nothing_counts_as_ours(visit: dict[str, str]) -> None:
    assert written_at_creation(there(FINAL, **BY_US) | visit, FINAL) is None


AHEAD = replace(EARLY_WRITTEN, intended=written_of(FINAL, LOG))
LATEST = wanted(call(leg(talk=None), leg(BERT, after=30, talk=400)), Log("x", OTHER_OWNER, CONTACT))


def test_what_was_intended_comes_back_from_its_bytes() -> None:
    assert Written.from_bytes(AHEAD.to_bytes()) == AHEAD


def test_what_was_intended_is_ours_where_it_came_to_be_and_what_was_before_where_not() -> None:
    assert not changes(AHEAD, there(FINAL), FINAL)
    assert changes(AHEAD, there(EARLY), FINAL).row(KEY) == changes(EARLY_WRITTEN, there(EARLY), FINAL).row(KEY)
    later = changes(AHEAD, there(FINAL), LATEST).row(KEY)
    assert later == changes(written_of(FINAL, LOG), there(FINAL), LATEST).row(KEY)
    assert "actualdurationminutes" in later
    assert changes(AHEAD, there(FINAL), LATEST).written.intended is None


@pytest.mark.parametrize("name", EDITS)
@pytest.mark.parametrize("row", [EARLY, FINAL], ids=["not written", "written"])
def test_what_a_user_changed_stays_though_a_run_was_cut_off(row: PhoneCall, name: str) -> None:
    edits, left_out = EDITS[name]
    change = changes(AHEAD, there(row, **edits), LATEST)
    assert not left_out & change.row(KEY).keys()
    assert is_touched(AHEAD, there(row, **edits))
    assert not is_touched(AHEAD, there(row))
