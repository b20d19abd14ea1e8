"""Where the rows of a call stand, what is in them, and that no number and no agent ever stands in a key."""

import hmac
import os
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.calls.layout import (
    Place,
    call_place,
    case_glance_place,
    case_of,
    case_place,
    countdown,
    day_partitions,
    found_call,
    glance_place,
    glance_ranges,
    glance_values,
    index_places,
    links_to_write,
    months_back,
    read_case,
    read_case_glance,
    read_glance,
    read_record,
    record_values,
    rows_to_write,
    search_range,
    started_of,
)
from shared.calls.records import CaseLink, Glance, LinkedCase, Outcome, digest_of
from shared.calls.search_keys import SearchKey
from shared.storage.entities import check_keys, to_properties
from tests.unit.shared.calls.calls import AGENT, KEY, NUMBER, START, a_call

ID = "d59d7a2f-5d0b-4a0c-9a3f-0d7a3b6c1e11"
CASE = UUID("aaaaaaaa-0000-4000-8000-000000000001")


# -------------------------------------------------------------------------------------------------- keys


def test_a_number_is_hmac_sha256_of_half_length_in_a_context_of_its_own() -> None:
    secret = "0123456789abcdef0123456789abcdef"
    whole = hmac.new(secret.encode(), b"call history: number\0" + NUMBER.encode(), "sha256").hexdigest()
    assert SearchKey(secret).number(NUMBER) == "n" + whole[:32]
    assert SearchKey(secret).number(NUMBER) != SearchKey(secret + "x").number(NUMBER)
    assert SearchKey(secret).number(NUMBER)[1:] != SearchKey(secret).agent(NUMBER)[1:]


SAME_AGENTS = [
    (AGENT, AGENT.upper()),
    (AGENT, f" {AGENT} "),
    (ID, ID.upper()),
    (ID, f"{{{ID}}}"),
    (ID, ID.replace("-", "")),
]


@pytest.mark.parametrize(("one", "other"), SAME_AGENTS)
def test_an_agent_is_one_however_it_is_written(one: str, other: str) -> None:
    assert KEY.agent(one) == KEY.agent(other) != KEY.agent("somebody else")


# ------------------------------------------------------------------------------------------------ places


def test_where_everything_about_a_call_stands() -> None:
    call = replace(a_call(), call_id=ID, outcome=Outcome.WAITING)
    number, agent = KEY.number(NUMBER)[1:], KEY.agent(AGENT)[1:]
    assert call_place(ID) == ("call-d", ID)
    assert glance_place(ID, START) == ("calls-started-20270322-1", f"093005-{ID}")
    assert case_place(ID, CASE) == ("call-d", f"{ID}-case-{CASE}")
    assert case_glance_place(ID, START, CASE) == ("calls-started-20270322-1", f"093005-{ID}-case-{CASE}")
    assert index_places(call) == {
        (f"calls-of-number-202703-{number[0]}", f"{number}-79729677906994-{ID}"),
        (f"calls-of-agent-202703-{agent[0]}", f"{agent}-79729677906994-{ID}"),
        ("calls-waiting", f"20270322093005-{ID}"),
    }
    assert index_places(replace(call, outcome=Outcome.LOGGED, found_by=frozenset())) == set()


def test_no_number_and_no_agent_stands_in_a_row() -> None:
    rows = rows_to_write([replace(a_call(), legs=b"", written=b"")], {})
    text = repr((rows.index, rows.records, rows.glances)).casefold()
    for secret in (NUMBER, NUMBER[1:], AGENT.casefold(), "lindqvist"):
        assert secret not in text


def test_places_do_not_depend_on_the_zone() -> None:
    elsewhere = START.astimezone(timezone(timedelta(hours=13)))
    assert glance_place(ID, elsewhere) == glance_place(ID, START)
    assert index_places(replace(a_call(), started=elsewhere)) == index_places(a_call())
    assert [*glance_ranges(elsewhere, elsewhere + timedelta(minutes=15))] == [
        *glance_ranges(START, START + timedelta(minutes=15))
    ]


def test_of_a_number_the_newest_call_stands_first() -> None:
    key = KEY.number(NUMBER)
    rows = []
    for minutes in (0, 1, 10_000, 12_000):
        found = index_places(a_call(minutes=minutes, found_by=frozenset([key])))
        rows += [row for _, row in found]
    assert rows == sorted(rows, reverse=True)
    assert [found_call(row) for row in rows[:1]] == [(countdown(START), a_call().call_id)]
    assert {place.partition for place in index_places(a_call(found_by=frozenset([key])))} == {
        search_range(key, START).partition
    }


moments = st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(started=moments, minutes=st.integers(1, 60), before=st.integers(0, 3599))
def test_a_slice_covers_every_call_in_it(started: datetime, minutes: int, before: int) -> None:
    start = started - timedelta(seconds=min(before, minutes * 60 - 1))
    place = glance_place(ID, started)
    ranges = [*glance_ranges(start, start + timedelta(minutes=minutes))]
    assert any(place.partition == partition and place.row.startswith(prefix) for partition, prefix in ranges)
    assert started_of(place) == started.replace(microsecond=0)
    assert place.partition in day_partitions(started)
    assert len(ranges) <= 4 * (minutes // 10 + 2)


@given(since=moments, days=st.integers(0, 100))
def test_months_lead_back_to_the_first(since: datetime, days: int) -> None:
    until = since + timedelta(days=days)
    months = [f"{month:%Y%m}" for month in months_back(since, until)]
    wanted = {f"{since + timedelta(days=day):%Y%m}" for day in range(days + 1)}
    assert months == sorted(wanted, reverse=True)


@given(guid=st.uuids(), case=st.uuids(), started=moments)
def test_the_row_of_a_case_is_found_from_its_marker(guid: UUID, case: UUID, started: datetime) -> None:
    marker = case_glance_place(str(guid), started, case)
    link = CaseLink(str(guid), started.replace(microsecond=0), LinkedCase(case, "https://x"), frozenset({"nab", "acd"}))
    rows = links_to_write([link])
    (found,) = rows.glances[marker.partition].values()
    assert read_case_glance(marker, found) == replace(link, case=LinkedCase(case, ""))
    (values,) = rows.cases[call_place(str(guid)).partition].values()
    assert read_case(str(guid), case, values) == link
    assert {*rows.index} == {search_range(key, started).partition for key in link.found_by}
    assert case_of(marker.row) == case_of(case_place(str(guid), case).row) == case
    assert case_of(glance_place(str(guid), started).row) is case_of(call_place(str(guid)).row) is None
    assert started_of(marker) == started_of(glance_place(str(guid), started))
    for place in (marker, case_place(str(guid), case), glance_place(str(guid), started), call_place(str(guid))):
        check_keys(*place)


# ------------------------------------------------------------------------------------------------ values

RECORDS = {
    "whole": a_call(),
    "nothing but what must be": a_call(
        phone_call_id=None, done=False, ticket_offered=None, legs=b"", written=b"", found_by=frozenset()
    ),
    "large": a_call(legs=b'{"leg":"x"}' * 20_000, written=bytes(1_000)),
    "nothing to compress": a_call(legs=os.urandom(100_000), written=os.urandom(10)),
    **{outcome.value: a_call(outcome=outcome) for outcome in Outcome},
}


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_a_record_is_read_as_it_was_written(record: object) -> None:
    assert isinstance(record, type(a_call()))
    values = record_values(record)
    to_properties(*call_place(record.call_id), values)
    assert read_record(record.call_id, values) == record


def test_what_is_large_is_compressed_where_that_helps() -> None:
    values = record_values(RECORDS["large"])
    assert len(bytes(values["legsDeflated"])) < 1_000  # type: ignore[arg-type]
    assert "legs" not in values
    assert record_values(RECORDS["nothing to compress"])["legs"] == RECORDS["nothing to compress"].legs


def test_a_glance_tells_whether_the_legs_are_the_same() -> None:
    record = a_call()
    seen = read_glance(glance_place(record.call_id, record.started), glance_values(record))
    assert seen == Glance(
        call_id=record.call_id,
        outcome=record.outcome,
        done=True,
        ticket_offered=True,
        started=record.started,
        updated=record.updated,
        legs_digest=digest_of(record.legs),
        found_by=record.found_by,
    )
    assert digest_of(record.legs) != digest_of(record.legs + b" ")


def test_an_outcome_of_a_later_version_is_looked_at_again() -> None:
    values = {**record_values(a_call()), "outcome": "transcribed"}
    assert read_record(a_call().call_id, values).outcome is Outcome.FAILED


def test_outcomes_are_those_of_the_contract() -> None:
    assert [outcome.value for outcome in Outcome] == [
        "logged", "adopted", "merged", "skipped-private", "never-log", "too-short", "switched-off", "no-match",
        "several-matches", "waiting", "deleted-by-user", "removed-private", "failed",
    ]  # fmt: skip


# ------------------------------------------------------------------------------------------------ plans


def rows_of(plan: object) -> set[Place]:
    assert isinstance(plan, dict)
    return {Place(partition, row) for partition, rows in plan.items() for row in rows}


def test_a_call_that_turns_private_loses_its_rows_of_the_search() -> None:
    before = a_call()
    private = replace(before, outcome=Outcome.REMOVED_PRIVATE, found_by=frozenset(), legs=b"")
    plan = rows_to_write([private], {before.call_id: before})
    assert rows_of(plan.removed) == index_places(before)
    assert rows_of(plan.index) == set()


def test_a_call_that_waits_no_more_and_started_elsewhen_leaves_nothing_behind() -> None:
    before = a_call(outcome=Outcome.WAITING)
    after = replace(before, outcome=Outcome.LOGGED, started=START + timedelta(days=20))
    plan = rows_to_write([after], {before.call_id: before})
    assert rows_of(plan.removed) == index_places(before) | {glance_place(before.call_id, before.started)}
    assert rows_of(plan.index) == index_places(after)
    assert rows_of(plan.glances) == {glance_place(after.call_id, after.started)}


def test_an_unchanged_call_loses_nothing() -> None:
    assert rows_to_write([a_call()], {a_call().call_id: a_call()}).removed == {}


def test_the_calls_of_a_minute_fill_few_partitions() -> None:
    plan = rows_to_write([a_call(number) for number in range(5_000)], {})
    assert len(plan.records) == 16
    assert len(plan.glances) == 4
    assert all(re.fullmatch(r"call-[0-9a-f]", partition) for partition in plan.records)
