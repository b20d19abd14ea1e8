"""What triggers know of a call, from which source, and which triggers ask for what nobody tells them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from functions.ticket_creation.decide.conditions import configurations_of
from functions.ticket_creation.decide.sources import CallFacts, facts_of, unfilled
from functions.ticket_creation.rules import Sources, TicketTriggers
from shared.opening_hours import OpeningHours, is_open
from tests.unit.functions.ticket_creation.trigger_examples import read, request, triggers


def facts(values: dict[str, Any], sources: dict[str, Any] | None = None) -> CallFacts:
    written: Sources = read({"sources": sources or {}}).sources
    return facts_of(request(**values), written, caller_match=None, open_hours=frozenset())


def test_a_request_with_everything() -> None:
    found = facts_of(
        request(
            queue="Support", callStatus="answered", direction="incoming", agentEmail="a@x.example", durationSeconds=12,
            outboundRoute="North",
        ),
        read({"sources": {"fields": {"outboundRoute": ["request"]}}}).sources,
        caller_match="contact", open_hours=frozenset({"Office"}),
    )  # fmt: skip
    assert found == CallFacts(
        queue="Support", call_status="answered", direction="incoming", agent="a@x.example", duration=12,
        outbound_route="North", caller_match="contact", open_hours=frozenset({"Office"}),
    )  # fmt: skip


def test_of_a_request_with_nothing_nothing_is_known() -> None:
    assert facts({}) == CallFacts()


def test_who_and_where_reach_no_log() -> None:
    assert "x.example" not in repr(facts({"agentEmail": "a@x.example", "queue": "Support"}))


@pytest.mark.parametrize(
    ("values", "sources", "field", "expected"),
    [
        pytest.param({"queue": "A", "variables": {"call.QueueName": "B"}}, {}, "queue", "A", id="the request first"),
        pytest.param({"variables": {"servicecall.QueueName": "B", "call.QueueName": "C"}}, {}, "queue", "B",
                     id="then the service call"),
        pytest.param({"variables": {"call.QueueName": "C"}}, {}, "queue", "C", id="then the call"),
        pytest.param({"variables": {"servicecall.QueueName": " ", "call.QueueName": "C"}}, {}, "queue", "C",
                     id="blank is no value"),
        pytest.param({"variables": {"call.queuename": "C"}}, {}, "queue", "C", id="another case"),
        pytest.param({"variables": {"QueueName": "C"}}, {}, "queue", None, id="a variable of no source"),
        pytest.param({"queue": "A", "variables": {"skill": "B"}}, {"queue": ["variables.skill", "request"]}, "queue",
                     "B", id="a variable, as the site has it"),
        pytest.param({"queue": "A"}, {"queue": ["variables.skill", "request"]}, "queue", "A", id="its next source"),
        pytest.param({"queue": "A"}, {"queue": []}, "queue", None, id="no source"),
        pytest.param({"variables": {"call.UserName": "a@x"}}, {}, "agent", "a@x", id="the agent of the call"),
        pytest.param({"outboundRoute": "North"}, {}, "outbound_route", "North", id="another system's route"),
        pytest.param({"outboundRoute": "North"}, {"outboundRoute": []}, "outbound_route", None, id="no route at all"),
        pytest.param({"outboundRoute": "North"}, {"outboundRoute": ["request"]}, "outbound_route", "North",
                     id="the route of the request"),
        pytest.param({"variables": {"call.Line": "North"}}, {"outboundRoute": ["call.Line"]}, "outbound_route",
                     "North", id="the route of a field of Enreach"),
        pytest.param({"durationSeconds": 0, "variables": {"call.Duration": "9"}}, {}, "duration", 0, id="zero counts"),
        pytest.param({"variables": {"call.Duration": "00:01:05"}}, {}, "duration", 65, id="a span of time"),
        pytest.param({"variables": {"call.Duration": "7"}}, {}, "duration", 7, id="digits"),
        pytest.param({"variables": {"talk": "long", "call.Duration": "7"}},
                     {"duration": ["variables.talk", "call.Duration"]}, "duration", 7, id="no number: the next source"),
        pytest.param({"variables": {"call.Direction": "Out"}}, {}, "direction", "outgoing", id="Enreach's out"),
        pytest.param({"variables": {"call.Direction": "IN"}}, {}, "direction", "incoming", id="Enreach's in"),
        pytest.param({"variables": {"call.Direction": "1"}}, {}, "direction", "outgoing", id="Enreach's 1"),
        pytest.param({"variables": {"call.Direction": "0"}}, {}, "direction", "incoming", id="Enreach's 0"),
        pytest.param({"variables": {"call.Direction": "sideways"}}, {}, "direction", None, id="no direction"),
    ],
)  # fmt: skip
def test_what_fills_a_field(values: dict[str, Any], sources: dict[str, Any], field: str, expected: object) -> None:
    assert getattr(facts(values, {"fields": sources}), field) == expected


VOICEMAIL = {"voicemail": ["call.EndResult=Voicemail", "variables.box=1"]}


@pytest.mark.parametrize(
    ("status", "variables", "sources", "expected"),
    [
        pytest.param("unanswered", {}, {}, "unanswered", id="the request's own"),
        pytest.param("Parked", {}, {}, "Parked", id="a word of the sender's own"),
        pytest.param("unanswered", {"call.EndResult": "Answered"}, {}, "unanswered",
                     id="the usual words count only where the request has no status"),
        pytest.param(None, {"call.EndResult": "Answered"}, {}, "answered", id="of the call"),
        pytest.param(None, {"call.EndResult": "0"}, {}, "answered", id="Enreach's 0 of the call"),
        pytest.param(None, {"call.EndResult": "1"}, {}, "unanswered", id="Enreach's 1 of the call"),
        pytest.param(None, {"servicecall.Result": "Overflow", "call.EndResult": "1"}, {}, "overflow",
                     id="passed on, and nobody answered"),
        pytest.param(None, {"servicecall.Result": "ANSWERED"}, {}, "answered", id="of the service call, in any case"),
        pytest.param(None, {"servicecall.Result": "Unanswered"}, {}, "unanswered", id="unanswered"),
        pytest.param(None, {"servicecall.Result": "Overflow"}, {}, "overflow", id="overflow"),
        pytest.param(None, {"servicecall.Result": "Overflow", "call.EndResult": "Answered"}, {}, "answered",
                     id="passed on, and somebody answered"),
        pytest.param(None, {"call.EndResult": "Busy"}, {}, None, id="a word that means nothing"),
        pytest.param("unanswered", {"call.EndResult": "voicemail"}, {"statuses": VOICEMAIL}, "voicemail",
                     id="the site's own go before the request's"),
        pytest.param("unanswered", {"box": "1"}, {"statuses": VOICEMAIL}, "voicemail", id="by its second word"),
        pytest.param("unanswered", {"box": "2"}, {"statuses": VOICEMAIL}, "unanswered", id="only where they match"),
        pytest.param("NOANSWER", {}, {"statuses": {"unanswered": ["request=noanswer"]}}, "unanswered",
                     id="a word of another sender made ours"),
        pytest.param("x", {}, {"statuses": {"second": ["request=X"], "third": ["request=x"]}}, "second",
                     id="the first in the document's order"),
        pytest.param(None, {"servicecall.Result": "Overflow"}, {"statuses": {"Overflow": []}}, None,
                     id="one taken away"),
        pytest.param("unanswered", {"box": "full"}, {"fields": {"callStatus": ["variables.box", "request"]}}, "full",
                     id="a variable"),
    ],
)  # fmt: skip
def test_what_the_status_is(
    status: str | None, variables: dict[str, str], sources: dict[str, Any], expected: str | None
) -> None:
    assert facts({"callStatus": status, "variables": variables}, sources).call_status == expected


# -------------------------------------------------------------------------------------------- opening hours

OFFICE = OpeningHours.model_validate_json(
    '{"timeZone": "Europe/Helsinki", "weekly": {"mon-fri": ["08:00-16:00"], "sat-sun": ["02:00-05:00"]}}'
)


@pytest.mark.parametrize(
    ("moment", "is_inside"),
    [
        pytest.param(datetime(2027, 3, 1, 6, 0, tzinfo=UTC), True, id="08:00 of a Monday in winter"),
        pytest.param(datetime(2027, 3, 1, 5, 59, tzinfo=UTC), False, id="a minute before"),
        pytest.param(datetime(2027, 6, 28, 5, 0, tzinfo=UTC), True, id="08:00 of a Monday in summer"),
        pytest.param(datetime(2027, 3, 28, 0, 30, tzinfo=UTC), True, id="02:30 of the night in which 03:00 is skipped"),
        pytest.param(datetime(2027, 3, 28, 1, 59, tzinfo=UTC), True, id="04:59 of that night"),
        pytest.param(datetime(2027, 3, 28, 2, 0, tzinfo=UTC), False, id="05:00 of that night, two hours after 02:00"),
        pytest.param(datetime(2027, 10, 31, 0, 30, tzinfo=UTC), True, id="the first 03:30 of the night set back"),
        pytest.param(datetime(2027, 10, 31, 1, 30, tzinfo=UTC), True, id="the second 03:30"),
        pytest.param(datetime(2027, 10, 31, 3, 0, tzinfo=UTC), False, id="05:00 of that night"),
    ],
)
def test_opening_hours_are_those_when_the_call_began(moment: datetime, is_inside: bool) -> None:
    document = triggers(
        {"all": [{"field": "openingHours", "operator": "equals", "value": "office"}], "configuration": "Inside"},
        {"all": [{"field": "openingHours", "operator": "notEquals", "value": "office"}], "configuration": "Outside"},
        configurations=("Inside", "Outside"), match="all",
    )  # fmt: skip
    open_hours = frozenset({"Office"} if is_open(OFFICE, moment) else ())
    call = facts_of(request(startTime=moment.isoformat()), document.sources, caller_match=None, open_hours=open_hours)
    assert [name for _, name in configurations_of(document, call)] == ["Inside" if is_inside else "Outside"]


# -------------------------------------------------------------------------------------------- what nobody tells


def asking(field: str, value: object, operator: str = "equals", **sources: Any) -> TicketTriggers:
    return triggers({"any": [{"field": field, "operator": operator, "value": value}]}, sources=sources)


OFTEN = 'trigger "t1" of ticket-triggers.json asks for '


@pytest.mark.parametrize(
    ("document", "sentences"),
    [
        (asking("queue", "Support"), []),
        (asking("agent", "a@x.example"), []),
        (asking("duration", 3), []),
        (asking("direction", "incoming"), []),
        (asking("callerMatch", "none"), []),
        (asking("outboundRoute", "North"), ["outboundRoute, which no source fills: name one in sources.fields"]),
        (asking("outboundRoute", "North", "notEquals"),
         ["outboundRoute, which no source fills: name one in sources.fields"]),
        (asking("outboundRoute", "North", fields={"outboundRoute": ["call.Line"]}), []),
        (asking("queue", "Support", fields={"queue": []}),
         ["queue, which no source fills: name one in sources.fields"]),
        (asking("callStatus", ["Answered", "unanswered", "overflow"], "in"), []),
        (asking("callStatus", ["answered", "voicemail"], "in"),
         ['the callStatus "voicemail", which no source gives: name one in sources.statuses']),
        (asking("callStatus", "VOICEMAIL", statuses=VOICEMAIL), []),
        (asking("callStatus", "voicemail", statuses={"voicemail": []}),
         ['the callStatus "voicemail", which no source gives: name one in sources.statuses']),
        (asking("callStatus", "voicemail", fields={"callStatus": ["variables.box"]}), []),
        (asking("callStatus", "answered", fields={"callStatus": []}), []),
        (asking("callStatus", "answered", fields={"callStatus": []}, statuses={"answered": []}),
         ['the callStatus "answered", which no source gives: name one in sources.statuses']),
        (asking("openingHours", "office"), []),
        (asking("openingHours", ["Office", "Night"], "in"),
         ['the opening hours "Night", which routing.json does not have']),
    ],
)  # fmt: skip
def test_what_no_source_fills(document: TicketTriggers, sentences: list[str]) -> None:
    assert unfilled(document, {"Office": OFFICE}.keys()) == [OFTEN + each for each in sentences]


def test_each_trigger_is_named_once_for_one_thing() -> None:
    asked = {"field": "outboundRoute", "operator": "equals", "value": "North"}
    document = triggers({"all": [asked, asked]}, {}, {"any": [asked]})
    assert [sentence.split('"')[1] for sentence in unfilled(document, ())] == ["t1", "t3"]
