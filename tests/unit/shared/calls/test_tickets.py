"""The ticket request of a call, also with values that no request could take as they are."""

from typing import Any

import pytest

from shared.calls.call import Call, from_bytes, read_call, records_of, to_bytes
from shared.calls.tickets import ticket_request
from shared.enreach.models import ServiceResult
from shared.ticket_request import (
    ALL_VARIABLES,
    LONGEST_NAME,
    LONGEST_TEXT,
    MOST_VARIABLES,
    CallDirection,
    TicketRequest,
    as_message,
    read_message,
)
from tests.unit.shared.calls.feeds import (
    AINO,
    BERT,
    CALL,
    CARLA,
    CUSTOMER,
    LATER,
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

RECORDINGS = "https://enreach.example/recordings/"


def asked(of: Call) -> TicketRequest:
    request = ticket_request(of, "FI", RECORDINGS)
    assert read_message(as_message(request)) == request
    return request


def variables(of: Call) -> dict[str, str]:
    return asked(of).variables


def saying(**received: Any) -> dict[str, Any]:
    return {"received": received}


def test_a_queue_call() -> None:
    of = call(leg(BERT, talk=None, after=2), leg(AINO, after=5, recording_ids=("r1", "r2")), queue=service())
    assert asked(of) == TicketRequest(
        version=1,
        call_id=CALL,
        direction=CallDirection.INCOMING,
        queue="Support",
        call_status="answered",
        agent_email=f"{AINO[:8]}@enreach.example",
        caller_number=CUSTOMER,
        called_number=POOL,
        start_time=at(0),
        answer_time=at(5),
        end_time=at(105),
        duration_seconds=95,
        recording_url=f"{RECORDINGS}r1",
        variables={
            "call.CallId": CALL,
            "call.UserId": AINO,
            "call.Duration": "95",
            "servicecall.CallId": CALL,
            "servicecall.QueueName": "Support",
        },
    )


def test_an_outgoing_call_is_the_customers_the_other_way_round() -> None:
    request = asked(direct(direction=OUT, called="050 454 5641"))
    assert (request.direction, request.caller_number, request.called_number) == ("outgoing", WORK_NUMBER, CUSTOMER)


@pytest.mark.parametrize(
    ("of", "status"),
    [
        (direct(), "answered"),
        (direct(talk=None), "unanswered"),
        (queued(talk=None), "unanswered"),
        (queued(talk=None, result=ServiceResult.OVERFLOW), "overflow"),
    ],
)
def test_what_became_of_the_call(of: Call, status: str) -> None:
    assert asked(of).call_status == status


WHOSE = [
    pytest.param(direct(**saying(Who="the only one")), "the only one", id="of one leg"),
    pytest.param(call(leg(BERT, talk=None, **saying(Who="rang")), leg(AINO, after=5, **saying(Who="took"))), "took",
                 id="who took it, not who rang"),
    pytest.param(call(leg(AINO, talk=30, **saying(Who="first")), leg(BERT, after=40, talk=60, **saying(Who="last"))),
                 "last", id="to whom it was transferred"),
    pytest.param(call(leg(AINO, talk=None, **saying(Who="rang")), leg(AINO, after=30, **saying(Who="took"))), "took",
                 id="rang once before"),
    pytest.param(call(leg(BERT, talk=None, **saying(Who="first")), leg(CARLA, talk=None, after=9, **saying(Who="2nd")),
                      queue=service(None, 30)), "first", id="nobody took it"),
    pytest.param(call(queue=service()), None, id="the queue alone"),
]  # fmt: skip


@pytest.mark.parametrize(("of", "expected"), WHOSE)
def test_whose_leg_gives_the_variables(of: Call, expected: str | None) -> None:
    assert variables(of).get("call.Who") == expected


SAID: list[tuple[object, str | None]] = [
    ("text", "text"), ("  Jono ä  ", "Jono ä"), ("", None), (" ", None), (None, None), (7, "7"), (1.5, "1.5"),
    (True, "true"), (False, "false"), (0, "0"), (["a"], None), ({"a": 1}, None), ("x" * 1_001, "x" * LONGEST_TEXT),
    ("lone \ud800", "lone ?"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), SAID)
def test_plain_values_become_text(value: object, expected: str | None) -> None:
    assert variables(direct(**saying(Field=value))).get("call.Field") == expected


@pytest.mark.parametrize("name", ["x" * LONGEST_NAME, "lone \ud800", "blank at its end "])
def test_a_name_that_no_request_takes_is_left_out(name: str) -> None:
    assert variables(direct(received={name: "value", "Other": "kept"})) == {"call.Other": "kept"}


def test_more_than_a_request_takes_is_left_out_and_short_ones_still_fit() -> None:
    many = {f"Field{number:03}": "v" for number in range(MOST_VARIABLES + 5)}
    assert len(variables(direct(received=many))) == MOST_VARIABLES
    long = {f"Field{number:03}": "v" * LONGEST_TEXT for number in range(150)} | {"Zone": "short"}
    found = variables(direct(received=long))
    assert sum(len(name) + len(value) for name, value in found.items()) <= ALL_VARIABLES
    assert len(found) > 95
    assert found["call.Zone"] == "short"


def test_the_same_call_makes_the_same_request_in_whatever_order_enreach_said_it() -> None:
    many = {f"Field{number:03}": "v" * 600 for number in range(300)}
    told = records_of([leg(received=many)])
    turned = records_of([leg(received=dict(reversed(many.items())))])
    remembered = from_bytes(to_bytes(turned))
    messages = {as_message(asked(read_call(records, LATER))) for records in (told, turned, remembered)}
    assert len(messages) == 1
