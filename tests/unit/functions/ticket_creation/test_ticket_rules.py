"""ticket-triggers.json: what it takes, and what it says of what it does not take."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from functions.ticket_creation.rules import DEFAULT_FIELDS, TicketConfiguration, TicketTriggers
from shared.config_documents import BadDocumentError, json_document
from tests.unit.functions.ticket_creation.trigger_examples import read

LOCAL = Path(__file__).parents[4] / "local"
SECRET = "aino.virtanen@contoso.example"
"""Somebody's address, which no error may repeat."""
CONDITION: dict[str, Any] = {"field": "queue", "operator": "equals", "value": "Support"}


def with_condition(**changes: Any) -> dict[str, Any]:
    trigger = {"name": "Missed", "all": [CONDITION | changes], "configuration": "case"}
    return {"triggers": [trigger], "configurations": {"case": {}}}


def with_configuration(**settings: Any) -> dict[str, Any]:
    return {"configurations": {"case": settings}}


def configuration(**settings: Any) -> TicketConfiguration:
    return read(with_configuration(**settings)).configurations["case"]


def test_what_counts_where_nothing_is_said() -> None:
    document = read({})
    assert (document.match, document.time_zone, document.app_id, document.email_variable) == (
        "first", "UTC", None, "email",
    )  # fmt: skip
    assert (document.triggers, document.configurations) == ((), {})
    assert [document.sources.of(field) for field in DEFAULT_FIELDS] == list(DEFAULT_FIELDS.values())
    found = configuration()
    assert (found.title, found.description) == ("Call from ${customerNumber|a withheld number}", "")
    assert (found.case_type_code, found.origin_code, found.priority_code) == (None, 1, None)
    assert (found.subject, found.product, found.queue, found.fallback_owner, found.columns) == (
        None, None, None, None, {},
    )  # fmt: skip
    assert (found.attach.policy, found.attach.within_hours) == ("alwaysNew", 24)
    assert (found.unknown_caller, found.several_matches, found.fallback_account) == ("createContact", "first", None)
    assert (found.contact_first_name, found.contact_last_name) == ("Caller", "${customerNumber}")
    assert found.notify_agent is False


def test_a_whole_document() -> None:
    document = read(
        {
            "match": "all", "timeZone": "Europe/Helsinki", "appId": "6f2d1c1e-0000-4000-8000-000000000001",
            "emailVariable": "mail",
            "sources": {"fields": {"outboundRoute": ["call.Route"]}, "statuses": {"voicemail": ["call.EndResult=VM"]}},
            "triggers": [{"name": "Missed", "configuration": "MISSED", "all": [CONDITION],
                          "any": [{"field": "duration", "operator": "in", "value": [1, 2]}]}],
            "configurations": {"missed": {
                "caseType": "Problem", "origin": "Web", "priority": "High", "subject": "Outage", "product": "ALARM-10",
                "columns": {"new_score": 1.5, "new_vip": True, "new_rank": 3, "new_text": "${queue}"},
                "queue": "Support cases", "fallbackOwner": "queueOwner",
                "attach": {"policy": "missedCallCase", "withinHours": 48},
                "unknownCaller": "fallbackAccount", "severalMatches": "noCase", "fallbackAccount": "Unknown callers",
                "contactFirstName": None, "contactLastName": "Caller ${customerNumber}", "notifyAgent": True}},
        }
    )  # fmt: skip
    assert document.zone == ZoneInfo("Europe/Helsinki")
    assert document.app_id == UUID("6f2d1c1e-0000-4000-8000-000000000001")
    assert document.sources.of("outboundRoute") == ("call.Route",)
    assert document.sources.of("queue") == DEFAULT_FIELDS["queue"], "what is not named stays"
    (trigger,) = document.triggers
    assert document.configuration_of(trigger) == "missed", "found in any case, spelt as it is defined"
    assert [each.field for each in trigger.conditions] == ["queue", "duration"]
    found = document.configurations["missed"]
    assert (found.case_type_code, found.origin_code, found.priority_code) == (2, 3, 1)
    assert {name: type(value) for name, value in found.columns.items()} == {
        "new_score": float, "new_vip": bool, "new_rank": int, "new_text": str,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("key", "read_as", "values"),
    [
        ("caseType", "case_type_code", {"Question": 1, "Problem": 2, "Request": 3, 100000000: 100000000}),
        ("origin", "origin_code", {"Phone": 1, "Email": 2, "Web": 3, 2483: 2483}),
        ("priority", "priority_code", {"High": 1, "Normal": 2, "Low": 3, 0: 0}),
    ],
)
def test_choices_by_word_and_by_number(key: str, read_as: str, values: dict[str | int, int]) -> None:
    for written, code in values.items():
        assert getattr(configuration(**{key: written}), read_as) == code


@pytest.mark.parametrize("owner", ["queueOwner", SECRET, "6f2d1c1e-0000-4000-8000-000000000001"])
def test_fallback_owners(owner: str) -> None:
    assert configuration(fallbackOwner=owner, queue="Support").fallback_owner == owner


@pytest.mark.parametrize(
    "text", ["Call", "${queue}", "$$5", "${queue|no queue}", "${queue|}", "${ call.EndResult }", "${order number}: x"]
)
def test_templates_that_can_be_read(text: str) -> None:
    assert configuration(title=text, description=f"{text}\n{text}").title == text


@pytest.mark.parametrize("text", ["$queue", "5 $", "${}", "${ }", "${queue", "${a${b}}", "${a|${b}}", "${|x}", "$ {a}"])
def test_templates_that_cannot_be_read_are_refused_wherever_they_stand(text: str) -> None:
    for settings in (
        {"title": text}, {"description": text}, {"contactLastName": text}, {"columns": {"new_text": text}},
    ):  # fmt: skip
        with pytest.raises(BadDocumentError, match=r"write a variable as \$\{queue\}.*and a dollar sign as \$\$"):
            configuration(**settings)


def test_a_template_says_where_it_goes_wrong() -> None:
    with pytest.raises(BadDocumentError, match="from character 10 on"):
        configuration(title="It costs $5")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"operator": "greater", "value": "S"}, "greater fits duration alone", id="greater of a text"),
        pytest.param({"field": "openingHours", "operator": "less"}, "less fits duration alone", id="less of hours"),
        pytest.param({"operator": "is"}, "operator: Input should be 'equals', 'notEquals'", id="an operator"),
        pytest.param({"field": "colour"}, "field: Input should be 'queue', 'callStatus'", id="a field"),
        pytest.param({"operator": "in"}, "for one value write equals", id="in without a list"),
        pytest.param({"value": [SECRET]}, "for a list write in", id="a list without in"),
        pytest.param({"operator": "in", "value": []}, "an empty list never matches", id="an empty list"),
        pytest.param({"value": 5}, "queue takes a text in quotes", id="a number for a text"),
        pytest.param({"operator": "in", "value": ["a", 5]}, "queue takes a text in quotes", id="a number in a list"),
        pytest.param({"value": None}, "must be a text, a whole number", id="null"),
        pytest.param({"value": True}, "must be a text, a whole number", id="a boolean"),
        pytest.param({"value": ""}, "1 to 1000 characters", id="empty"),
        pytest.param({"value": f" {SECRET}"}, "begin or end with a space", id="a space"),
        pytest.param({"field": "duration", "value": "30"}, "whole seconds without quotes", id="seconds in quotes"),
        pytest.param({"field": "duration", "value": -1}, "whole seconds", id="negative seconds"),
        pytest.param({"field": "duration", "value": 1.5}, "must be a text, a whole number", id="a part of a second"),
        pytest.param({"field": "direction", "value": "in"}, "direction is one of incoming, outgoing", id="direction"),
        pytest.param({"field": "callerMatch", "value": "customer"},
                     "callerMatch is one of contact, account, lead, none, ambiguous", id="caller match"),
        pytest.param({"note": SECRET}, "note: Extra inputs", id="an unknown key"),
    ],
)  # fmt: skip
def test_conditions_that_make_no_sense(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadDocumentError) as error:
        read(with_condition(**changes))
    assert str(error.value).startswith('triggers.0: Value error, trigger "Missed": all.0')
    assert reason in str(error.value)
    assert SECRET not in str(error.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [("direction", "Incoming"), ("callerMatch", "NONE"), ("callStatus", "voicemail"), ("openingHours", "Office")],
)
def test_words_in_any_case(field: str, value: str) -> None:
    assert read(with_condition(field=field, value=value)).triggers[0].all_of[0].words == {value.casefold()}


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        pytest.param(
            {"caseType": "Complaint"}, "caseType: Value error, must be Question, Problem, Request or", id="type"
        ),
        pytest.param({"origin": True}, "origin: Value error, must be Phone, Email, Web or", id="origin"),
        pytest.param({"priority": "1"}, "priority: Value error, must be High, Normal, Low or", id="priority"),
        pytest.param({"title": ""}, "title: String should have at least 1", id="no title"),
        pytest.param({"title": "a\nb"}, "title: Value error, must not", id="a title of two lines"),
        pytest.param({"columns": {"title": "x"}}, "write title instead", id="title twice"),
        pytest.param({"columns": {"description": "x"}}, "write description instead", id="description twice"),
        pytest.param({"columns": {"prioritycode": 1}}, "write priority instead", id="priority twice"),
        pytest.param({"columns": {"ownerid": "x"}}, "write fallbackOwner instead", id="owner twice"),
        pytest.param({"columns": {"new_x": None}}, "columns.new_x: Value error, must be a text", id="null"),
        pytest.param({"columns": {"new_x": [1]}}, "columns.new_x: Value error, must be a text", id="a list"),
        pytest.param({"columns": {"New X": 1}}, "logical name of a column", id="no logical name"),
        pytest.param({"columns": {f"new_{number}": 1 for number in range(51)}}, "at most 50", id="51 columns"),
        pytest.param({"fallbackOwner": "me"}, "must be queueOwner, the e-mail of a user or the id", id="owner"),
        pytest.param({"fallbackOwner": "queueOwner"}, "name the queue in queue", id="owner of no queue"),
        pytest.param({"unknownCaller": "fallbackAccount"}, "unknownCaller is fallbackAccount", id="no account"),
        pytest.param({"severalMatches": "fallbackAccount"}, "name the account in fallbackAccount", id="no account (2)"),
        pytest.param({"attach": {"policy": "sometimes"}}, "attach.policy: Input should be 'alwaysNew'", id="policy"),
        pytest.param({"attach": {"withinHours": 2}}, "belongs to the policy missedCallCase", id="hours of alwaysNew"),
        pytest.param(
            {"attach": {"policy": "missedCallCase", "withinHours": 0}}, "greater than or equal to 1", id="0 h"
        ),
        pytest.param({"notifyAgent": "yes"}, "notifyAgent: Input should be a valid boolean", id="no boolean"),
        pytest.param({"colour": 1}, "colour: Extra inputs", id="an unknown key"),
    ],
)
def test_configurations_that_make_no_sense(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadDocumentError) as error:
        configuration(**settings)
    assert str(error.value).startswith("configurations.case")
    assert reason in str(error.value)


@pytest.mark.parametrize(
    "column", ["incidentid", "customerid", "statecode", "statuscode", "createdon", "versionnumber"]
)
def test_columns_that_are_not_the_administrators(column: str) -> None:
    with pytest.raises(BadDocumentError, match="is set by the app or by Dynamics: leave it out"):
        configuration(columns={column: 1})


TRIGGER: dict[str, Any] = {"name": "Missed", "configuration": "case"}


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        pytest.param({"triggers": [TRIGGER]}, 'trigger 0 (counted from 0) "Missed" names a configuration', id="none"),
        pytest.param({"triggers": [TRIGGER | {"configuration": "x"}], "configurations": {"case": {}}},
                     "write one of case", id="another one"),
        pytest.param({"triggers": [TRIGGER, TRIGGER | {"name": "MISSED"}], "configurations": {"case": {}}},
                     'triggers 0 and 1 (counted from 0) are both named "MISSED": rename one', id="equal triggers"),
        pytest.param({"configurations": {"case": {}, "CASE": {}}}, '"case" and "CASE" differ in case', id="equal"),
        pytest.param({"configurations": {"": {}}}, "at least 1 character", id="no name"),
        pytest.param({"configurations": {"x" * 201: {}}}, "at most 200 characters", id="a long name"),
        pytest.param({"triggers": [TRIGGER | {"name": ""}]}, "trigger \"without a name\": name: String", id="blank"),
        pytest.param({"triggers": [TRIGGER | {"name": "a\nb"}]}, "trigger \"without a name\": name: must", id="\\n"),
        pytest.param({"triggers": [TRIGGER | {"any": [CONDITION] * 51}]}, "any: Tuple should have at most 50", id="51"),
        pytest.param({"triggers": [TRIGGER] * 201}, "triggers: Tuple should have at most 200", id="201 triggers"),
        pytest.param({"configurations": {f"c{n}": {} for n in range(101)}}, "at most 100 items", id="101"),
        pytest.param({"match": "best"}, "match: Input should be 'first' or 'all'", id="match"),
        pytest.param({"timeZone": "Europe/Atlantis"}, "a time zone of IANA such as Europe/Helsinki", id="zone"),
        pytest.param({"appId": "sales"}, "appId: Value error, must be the id of a model-driven app", id="app"),
        pytest.param({"sources": {"fields": {"callerMatch": ["request"]}}}, "sources.fields", id="no source needed"),
        pytest.param({"sources": {"fields": {"queue": ["queue"]}}}, "must be request, call.<field", id="a source"),
        pytest.param({"sources": {"statuses": {"vm": ["call.EndResult"]}}}, "a source and a value", id="no value"),
        pytest.param({"sources": {"statuses": {"vm": [], "VM": []}}}, "two statuses differ in case", id="statuses"),
        pytest.param({"rules": []}, "rules: Extra inputs", id="an unknown key"),
        pytest.param([], "document: Input should be an object", id="no object"),
    ],
)  # fmt: skip
def test_documents_that_make_no_sense(document: object, reason: str) -> None:
    with pytest.raises(BadDocumentError) as error:
        read(document)
    assert reason in str(error.value)


def test_of_two_configurations_with_one_name_none_is_lost_without_a_word() -> None:
    with pytest.raises(BadDocumentError, match='the key "case" stands twice'):
        json_document(TicketTriggers)(b'{"configurations": {"case": {"title": "a"}, "case": {"title": "b"}}}')


def test_all_that_is_wrong_is_named_at_once() -> None:
    document = with_condition(value=5) | {"timeZone": "x", "configurations": {"case": {"title": "$"}}}
    with pytest.raises(BadDocumentError) as error:
        read(document)
    assert [place in str(error.value) for place in ("triggers.0", "timeZone", "configurations.case.title")] == [
        True
    ] * 3


def test_the_example_names_what_the_simulator_has() -> None:
    """`make run` starts with this document; a name that is not there would switch its configuration off."""
    document = read(json.loads((LOCAL / "config" / "ticket-triggers.json").read_text("utf-8")))
    seed = json.loads((LOCAL / "dataverse" / "seed.json").read_text("utf-8"))
    configurations = document.configurations.values()
    assert len(document.triggers) == len(configurations) == 2
    assert {each.queue for each in configurations} <= {queue["name"] for queue in seed["queues"]}
    assert {each.subject for each in configurations if each.subject} <= set(seed["subjects"])
