"""docs/ticket-creation.md says what the code does: its examples are read, and its tables name what there is."""

import json
import re
from itertools import batched
from pathlib import Path
from typing import get_args

import pytest

from functions.ticket_creation.decide.templates import values_of
from functions.ticket_creation.rules import (
    DEFAULT_FIELDS,
    DEFAULT_STATUSES,
    AttachPolicy,
    Condition,
    TicketConfiguration,
    TicketTriggers,
    Trigger,
)
from shared.ticket_request import CallDirection
from tests.unit.functions.ticket_creation.test_templates import UTC, WHOLE
from tests.unit.functions.ticket_creation.trigger_examples import read, request

TEXT = (Path(__file__).parents[4] / "docs" / "ticket-creation.md").read_text("utf-8")
SECTIONS = dict(batched(re.split(r"^##+ (.*)\n", TEXT, flags=re.MULTILINE)[1:], 2, strict=True))


def rows(text: str) -> dict[str, list[str]]:
    """The cells of each row of the tables, by the first."""
    found = [re.split(r" *(?<!\\)\| *", line) for line in text.splitlines() if line.startswith("|")]
    return {cells[1]: cells for cells in found}


ROWS = rows(TEXT)


def keys(model: type[Condition | Trigger | TicketConfiguration | TicketTriggers]) -> list[str]:
    return [str(field.alias or name) for name, field in model.model_fields.items()]


def in_code(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def test_the_first_trigger_works_as_it_stands() -> None:
    (block,) = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
    document = read(json.loads(block))
    assert [trigger.name for trigger in document.triggers] == ["Missed support calls"]


def test_the_other_examples_can_be_read() -> None:
    found = re.findall(r"`(\{\"sources\".*?)`", TEXT)
    assert len(found) == 2
    for text in found:
        read(json.loads(text))


@pytest.mark.parametrize("key", [*keys(TicketTriggers), *keys(TicketConfiguration), *keys(Trigger)])
def test_every_key_stands_in_a_table(key: str) -> None:
    assert any(key in in_code(first) for first in ROWS), key


@pytest.mark.parametrize("field", DEFAULT_FIELDS)
def test_the_table_of_fields_is_that_of_the_code(field: str) -> None:
    sources = [
        text
        for text in in_code(rows(SECTIONS["What fills a condition"])[f"`{field}`"][3])
        if text == "request" or "." in text
    ]
    assert tuple(sources) == dict(DEFAULT_FIELDS)[field]  # type: ignore[index]


def test_the_table_of_statuses_is_that_of_the_code() -> None:
    for status, words in DEFAULT_STATUSES.items():
        written, source = [], ""
        for text in in_code(ROWS[f"`{status}`"][3]):
            source = text.split("=")[0] or source
            written.append(f"{source}={text.split('=')[1]}")
        assert tuple(written) == words
    order = [first.strip("`") for first in ROWS if first.strip("`") in DEFAULT_STATUSES]
    assert order == list(DEFAULT_STATUSES)


def test_every_policy_and_variable_is_explained() -> None:
    for policy in get_args(AttachPolicy.__value__):
        assert f"`{policy}`" in ROWS
    named = {name for first in ROWS for name in in_code(first)}
    call = request(**WHOLE | {"direction": CallDirection.INCOMING})
    assert values_of(call, UTC, {"customerName": "x", "agentName": "x", "trigger": "x"}).keys() <= named
