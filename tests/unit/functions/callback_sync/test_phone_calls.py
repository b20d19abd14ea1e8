"""What the phone call of a request holds."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from functions.callback_sync.decide.phone_calls import (
    CANCELED,
    LONGEST_DESCRIPTION,
    WAYS,
    callback_id_in,
    creation,
    description,
    ending,
    note_row,
    queueing,
)
from shared.callbacks.ids import callback_phone_call_id, repeat_note_id
from shared.customers.activities import Customer
from shared.customers.document import MatchKind
from shared.dataverse.owners import Owner
from shared.dataverse.texts import units
from tests.unit.functions.callback_sync.examples import ID, NOW, QUEUE, request, target

OWN, SOMEBODY, USER = UUID(int=41), UUID(int=42), UUID(int=43)
KEY = callback_phone_call_id(ID)
STAMP = f"CallbackId is {ID}"
CONTACT = Customer(MatchKind.CONTACT, SOMEBODY)


def created(customer: Customer | None = None, **fields: Any) -> dict[str, Any]:
    body = creation(request(**fields), customer, OWN, 0).parts[0].body
    assert body is not None
    return body


def test_the_phone_call() -> None:
    body = created(due=NOW)
    assert body | {"phonecall_activity_parties": []} == {
        "activityid": str(KEY),
        "subject": "Call back",
        "directioncode": False,
        "phonenumber": "+358501234567",
        "scheduledstart": "2027-03-01T11:58:00Z",
        "scheduledend": "2027-03-01T12:00:00Z",
        "description": f"Callback list: Sales\n{STAMP}",
        "phonecall_activity_parties": [],
    }


@pytest.mark.parametrize(
    ("due", "start", "end"),
    [
        pytest.param(None, "2027-03-01T11:58:00Z", "2027-03-01T11:58:00Z", id="none: at once"),
        pytest.param(NOW + timedelta(days=1), "2027-03-01T11:58:00Z", "2027-03-02T12:00:00Z", id="tomorrow"),
        pytest.param(NOW - timedelta(days=1), "2027-02-28T12:00:00Z", "2027-02-28T12:00:00Z", id="before it was made"),
    ],
)
def test_due_times(due: Any, start: str, end: str) -> None:
    row = created(due=due)
    assert (row["scheduledstart"], row["scheduledend"]) == (start, end)


@pytest.mark.parametrize(
    ("customer", "fields", "parties"),
    [
        pytest.param(CONTACT, {}, [
            {"participationtypemask": 1, "partyid_contact@odata.bind": f"/contacts({SOMEBODY})"},
            {"participationtypemask": 2, "partyid_systemuser@odata.bind": f"/systemusers({OWN})"},
        ], id="a contact, to the app"),
        pytest.param(Customer(MatchKind.LEAD, SOMEBODY), {"target": target(owner=Owner("user", USER))}, [
            {"participationtypemask": 1, "partyid_lead@odata.bind": f"/leads({SOMEBODY})"},
            {"participationtypemask": 2, "partyid_systemuser@odata.bind": f"/systemusers({USER})"},
        ], id="a lead, to the queue's owner"),
        pytest.param(None, {"target": target(owner=Owner("team", USER))},
                     [{"participationtypemask": 1, "addressused": "+358501234567"}], id="unresolved, to a team"),
        pytest.param(None, {"shown": "", "number": None}, [
            {"participationtypemask": 2, "partyid_systemuser@odata.bind": f"/systemusers({OWN})"},
        ], id="withheld"),
    ],
)  # fmt: skip
def test_parties(customer: Customer | None, fields: dict[str, Any], parties: list[Any]) -> None:
    assert created(customer, **fields).get("phonecall_activity_parties") == parties


@pytest.mark.parametrize(
    ("owner", "bind"),
    [(None, None), (Owner("user", USER), f"/systemusers({USER})"), (Owner("team", USER), f"/teams({USER})")],
)
def test_owners(owner: Owner | None, bind: str | None) -> None:
    assert created(target=target(owner=owner)).get("ownerid@odata.bind") == bind


def test_the_queue_item_comes_with_the_phone_call_or_neither_does() -> None:
    for way in range(WAYS):
        create, queue = creation(request(), CONTACT, OWN, way).parts
        assert (create.method, create.path) == ("POST", "phonecalls")
        assert queue.path == f"queues({QUEUE})/Microsoft.Dynamics.CRM.AddToQueue"
        assert queue.body == {"Target": {"@odata.type": "Microsoft.Dynamics.CRM.phonecall", "activityid": str(KEY)}}


def test_each_further_way_leaves_out_what_may_be_at_fault() -> None:
    bodies = [creation(request(), CONTACT, OWN, way).parts[0].body or {} for way in range(WAYS)]
    has = [
        ("phonecall_activity_parties" in body, "regardingobjectid_contact_phonecall@odata.bind" in body)
        for body in bodies
    ]
    assert has == [(True, True), (False, True), (False, False)]


def test_what_is_there_is_changed_only_as_it_was_read() -> None:
    row = {"subject": "Mine", "@odata.etag": 'W/"7"'}
    touch, queue = queueing(KEY, QUEUE, row).parts
    assert (touch.headers, touch.body) == ((("If-Match", 'W/"7"'),), {"subject": "Mine"})
    assert queue.path.startswith(f"queues({QUEUE})/")
    (end,) = ending(KEY, CANCELED, row).parts
    assert (end.headers, end.body) == ((("If-Match", 'W/"7"'),), {"statecode": 2, "statuscode": 3})


@pytest.mark.parametrize(
    ("note", "text"),
    [
        (None, f"Callback list: Sales\n{STAMP}"),
        ("Call\r\nme", f"Call\nme\nCallback list: Sales\n{STAMP}"),
        ("a\x00b\ud800", f"ab�\nCallback list: Sales\n{STAMP}"),
        (" \n", f"Callback list: Sales\n{STAMP}"),
    ],
)
def test_descriptions(note: str | None, text: str) -> None:
    assert description(request(note=note)) == text


@pytest.mark.parametrize("note", ["x" * 5_000, "ä😀" * 2_000])
def test_a_long_note_leaves_room_for_the_id(note: str) -> None:
    text = description(request(note=note, target=target(list_name="l" * 900)))
    assert units(text) <= LONGEST_DESCRIPTION
    assert callback_id_in(text) == ID


@pytest.mark.parametrize(
    ("text", "callback_id"),
    [
        (None, None),
        ("", None),
        (STAMP, ID),
        (f"CallbackId is {UUID(int=1)}\nand\n{STAMP}\nan agent's own words", ID),
        (f"see {STAMP}", None),
        ("CallbackId is 12", None),
        (f"CallId is {ID}", None),
    ],
)
def test_the_id_in_a_description(text: str | None, callback_id: str | None) -> None:
    assert callback_id_in(text) == callback_id


def test_the_note_of_a_repeat() -> None:
    row = note_row(request(note="Hurry", due=NOW), UUID(int=5))
    assert row == {
        "annotationid": str(repeat_note_id(ID)),
        "subject": "Callback requested again",
        "notetext": "The caller asked again to be called back, at 2027-03-01 11:58 UTC.\nDue 2027-03-01 12:00 UTC.\n"
        f"Hurry\n{STAMP}",
        "isdocument": False,
        "objectid_phonecall@odata.bind": f"/phonecalls({UUID(int=5)})",
    }
