"""Texts of a case: what a template may hold, and what stands behind each name."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from functions.ticket_creation.decide.templates import render, values_of
from tests.unit.functions.ticket_creation.trigger_examples import CALL_ID, request

UTC = ZoneInfo("UTC")
VALUES = {"queue": "Support", "order": "4711", "blank": "", "trap": "${queue} $$ $x {y}", "order number": "7"}


@pytest.mark.parametrize(
    ("template", "text", "missing"),
    [
        ("Call", "Call", ()),
        ("", "", ()),
        ("${queue}: ${order}", "Support: 4711", ()),
        ("${queue}${queue}", "SupportSupport", ()),
        ("${ queue }", "Support", ()),
        ("${QUEUE}", "Support", ()),
        ("${order number}", "7", ()),
        ("$$5 ${queue|x} $$", "$5 Support $", ()),
        ("${nobody}", "(no nobody)", ("nobody",)),
        ("${ a } ${b} ${a}", "(no a) (no b) (no a)", ("a", "b")),
        ("${nobody|somebody else}", "somebody else", ()),
        ("${nobody|a, b: c.}", "a, b: c.", ()),
        ("${nobody|}", "", ()),
        ("${blank}", "(no blank)", ("blank",)),
        ("${blank|none}", "none", ()),
        ("${trap}", "${queue} $$ $x {y}", ()),
        ("{queue} %s {0}", "{queue} %s {0}", ()),
        ("a\n${queue}\nb", "a\nSupport\nb", ()),
    ],
)
def test_templates(template: str, text: str, missing: tuple[str, ...]) -> None:
    found = render(template, VALUES)
    assert (found.text, found.missing) == (text, missing)


def test_of_two_names_that_differ_in_case_the_exact_one_counts() -> None:
    assert render("${a} ${A}", {"A": "large", "a": "small"}).text == "small large"


def test_a_filled_template_reaches_no_log() -> None:
    assert "4711" not in repr(render("${order}", VALUES))


WHOLE: dict[str, Any] = {
    "direction": "incoming", "queue": "Support", "callStatus": "answered", "agentEmail": "a@x.example",
    "callerNumber": "+358401234567", "calledNumber": "+358942415000", "startTime": "2027-03-01T08:15:07Z",
    "answerTime": "2027-03-01T08:15:12.5+00:00", "endTime": "2027-03-01T10:19:30+02:00", "durationSeconds": 258,
    "outboundRoute": "North", "recordingUrl": "https://recordings.example/1",
}  # fmt: skip


def test_all_keys_of_a_request() -> None:
    assert values_of(request(**WHOLE), ZoneInfo("Europe/Helsinki"), {}) == {
        "callId": CALL_ID, "direction": "incoming", "queue": "Support", "callStatus": "answered",
        "agentEmail": "a@x.example", "callerNumber": "+358401234567", "calledNumber": "+358942415000",
        "customerNumber": "+358401234567", "startTime": "2027-03-01 10:15", "startTimeUtc": "2027-03-01T08:15:07Z",
        "answerTime": "2027-03-01 10:15", "answerTimeUtc": "2027-03-01T08:15:12Z", "endTime": "2027-03-01 10:19",
        "endTimeUtc": "2027-03-01T08:19:30Z", "durationSeconds": "258", "duration": "4:18", "outboundRoute": "North",
        "recordingUrl": "https://recordings.example/1",
    }  # fmt: skip


def test_every_key_that_a_request_may_have_has_a_name() -> None:
    """A key that is added to requests must be thought of here."""
    written = set(request(**WHOLE).model_dump(by_alias=True)) - {"version", "variables", "body", "delivery"}
    assert written <= values_of(request(**WHOLE), UTC, {}).keys()


def test_what_is_not_known_is_not_there() -> None:
    assert values_of(request(), UTC, {"customerName": None}) == {"callId": CALL_ID}


@pytest.mark.parametrize(
    ("direction", "number"), [("incoming", "+1"), ("outgoing", "+2"), (None, "+1")],
)  # fmt: skip
def test_the_customers_number(direction: str | None, number: str) -> None:
    values = values_of(request(direction=direction, callerNumber="+1", calledNumber="+2"), UTC, {})
    assert values["customerNumber"] == number


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0:00"), (59, "0:59"), (60, "1:00"), (3599, "59:59"), (3600, "1:00:00"), (3858, "1:04:18")],
)
def test_durations(seconds: int, shown: str) -> None:
    assert values_of(request(durationSeconds=seconds), UTC, {})["duration"] == shown


@pytest.mark.parametrize(
    ("utc", "shown"),
    [
        ("2027-03-28T00:59:00Z", "2027-03-28 02:59"),
        ("2027-03-28T01:00:00Z", "2027-03-28 04:00"),
        ("2027-10-31T00:30:00Z", "2027-10-31 03:30"),
        ("2027-10-31T01:30:00Z", "2027-10-31 03:30"),
        ("2027-12-31T22:00:00Z", "2028-01-01 00:00"),
    ],
)
def test_moments_in_the_nights_in_which_the_clock_changes(utc: str, shown: str) -> None:
    values = values_of(request(startTime=utc), ZoneInfo("Europe/Helsinki"), {})
    assert (values["startTime"], values["startTimeUtc"]) == (shown, utc)


def test_what_goes_before_what() -> None:
    call = request(queue="Support", variables={"queue": "theirs", "customerName": "theirs", "order": "4711"})
    values = values_of(call, UTC, {"customerName": "Aino", "trigger": "Missed", "agentName": ""})
    assert values == {
        "callId": CALL_ID, "queue": "Support", "customerName": "Aino", "trigger": "Missed", "order": "4711",
        "variables.queue": "theirs", "variables.customerName": "theirs", "variables.order": "4711",
    }  # fmt: skip


def test_a_variable_stands_in_for_a_key_that_is_not_known() -> None:
    assert values_of(request(variables={"queue": "theirs"}), UTC, {})["queue"] == "theirs"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("a\x00b\x1bc", "a b c"),
        ("one\r\ntwo\rthree\n", "one\ntwo\nthree"),
        ("tab\there", "tab\there"),
        ("\x85next\x9fline", "next line"),
        ("Åsa – 你好", "Åsa – 你好"),
    ],
)
def test_control_characters_are_left_out(text: str, clean: str) -> None:
    values = values_of(request(variables={"note": text}), UTC, {"customerName": text})
    assert (values["note"], values["customerName"]) == (clean, clean)
