"""Many rows against the modelled environment: what is asked for, what is stored, what is told about each row."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from shared.dataverse.bulk import Write, WriteOutcome
from shared.dataverse.errors import (
    AlreadyExistsError,
    DeniedError,
    NotFoundError,
    PayloadTooLargeError,
    RejectedError,
    UnavailableError,
)
from shared.dataverse.row_source import Rows, RowSource, rows_of_items
from shared.dataverse.tables import BOOKING, JsonRow
from shared.dataverse.transport import TimedOutError
from tests.unit.shared.dataverse.virtual_time import (
    EXECUTION_TIME,
    Asked,
    Client,
    Environment,
    Sent,
    error_reply,
    play,
    refusal,
)

WITHOUT_BULK = replace(BOOKING, bulk=False)


def key(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012x}"


def write(
    environment: Environment, rows: Rows, kind: Write = Write.UPSERT, table: Any = BOOKING, *, times: int = 1
) -> WriteOutcome:
    """The outcome of the last of so many calls by one process."""

    async def story() -> WriteOutcome:
        client = Client(environment)
        client.warm(environment)
        for _ in range(times):
            outcome = await client.write(rows, kind, table)
            assert client.traffic.under_way == client.traffic.bulk_under_way == 0
        return outcome

    return play(story())


def failing(environment: Environment, rows: Rows, kind: Write = Write.UPSERT, table: Any = BOOKING) -> BaseException:
    """What the call raises."""

    async def story() -> BaseException:
        client = Client(environment)
        client.warm(environment)
        try:
            await client.write(rows, kind, table)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is looked at
            assert client.traffic.under_way == 0
            return error
        raise AssertionError("nothing was raised")

    return play(story())


def messages(environment: Environment) -> set[str]:
    return {sent.message for sent in environment.sent}


def sizes(environment: Environment) -> list[int]:
    return [len(sent.writes) for sent in environment.sent]


def bad(*numbers: int) -> Callable[[JsonRow], bool]:
    keys = {key(number) for number in numbers}
    return lambda row: row[BOOKING.primary_id] in keys if BOOKING.primary_id in row else row.get("n") in numbers


def numbered(count: int) -> list[JsonRow]:
    return [{BOOKING.primary_id: key(number), "n": number} for number in range(count)]


async def streamed[T](rows: Iterable[T]) -> AsyncIterator[T]:
    for row in rows:
        yield row


# ------------------------------------------------------------------------------------------------- nothing much


@pytest.mark.parametrize("kind", list(Write))
@pytest.mark.parametrize("source", [list, iter, streamed], ids=["list", "iterator", "async-iterator"])
def test_no_rows_cost_no_request(kind: Write, source: Callable[[list[JsonRow]], Rows]) -> None:
    environment = Environment()

    async def story() -> WriteOutcome:
        return await Client(environment).write(source([]), kind)

    assert play(story()) == WriteOutcome()
    assert environment.requests == 0


@pytest.mark.parametrize("source", [list, iter, streamed], ids=["list", "iterator", "async-iterator"])
@pytest.mark.parametrize("count", [1, 499, 500, 501, 3000])
def test_every_row_is_written_once_whatever_it_comes_from(source: Callable[[list[JsonRow]], Rows], count: int) -> None:
    environment = Environment()
    assert write(environment, source(numbered(count))) == WriteOutcome(written=count)
    assert environment.rows == {row[BOOKING.primary_id]: row for row in numbered(count)}
    assert set(environment.written.values()) == {1}


# ------------------------------------------------------------------------------------------------- duplicate ids


def test_rows_of_one_id_in_one_request_are_merged_and_the_later_columns_win() -> None:
    rows = [{BOOKING.primary_id: key(1), **columns} for columns in ({"a": 1, "b": 1}, {"b": 2, "c": 2}, {"c": 3})]
    environment = Environment()
    assert write(environment, rows).written == 1
    assert environment.rows[key(1)] == {BOOKING.primary_id: key(1), "a": 1, "b": 2, "c": 3}
    assert environment.written == {key(1): 1}


def versions(ids: int, count: int, stride: int) -> list[JsonRow]:
    """Every id so many times, `stride` rows apart."""
    return [
        {BOOKING.primary_id: key(number), "version": version}
        for start in range(0, ids, stride)
        for version in range(count)
        for number in range(start, min(ids, start + stride))
    ]


@pytest.mark.parametrize("stride", [1, 100, 700, 3000])
@pytest.mark.parametrize("source", [list, streamed], ids=["list", "async-iterator"])
@pytest.mark.parametrize(
    "environment",
    [
        Environment(),
        Environment(most_at_once=3, hint=52),
        Environment(storm=lambda now: 2.0 if 1000.3 <= now < 1008.0 else 0.0, code=EXECUTION_TIME),
        Environment(fault=lambda sent: error_reply(503, "") if sent.number in {2, 3} else None),
        Environment(lost=lambda sent: UnavailableError("lost") if sent.number in {2, 3} else None),
    ],
    ids=["calm", "narrow", "storm", "unavailable", "lost"],
)
def test_rows_of_one_id_land_in_their_order(
    environment: Environment, source: Callable[[list[JsonRow]], Rows], stride: int
) -> None:
    environment = replace(environment)
    environment.rows, environment.sent = {}, []
    rows = versions(3000, 4, stride)
    assert write(environment, source(rows)).failures == []
    assert {row["version"] for row in environment.rows.values()} == {3}
    assert len(environment.rows) == 3000
    assert max(sizes(environment)) <= 1000


def test_a_throttled_row_comes_back_before_its_later_version() -> None:
    """The first request holds the first version and is refused; the later version waits for it to come back."""
    environment = Environment(fault=lambda sent: refusal(EXECUTION_TIME, 0, 5, {}) if sent.number == 1 else None)
    rows = [*numbered(600), *({**row, "n": -1} for row in numbered(600))]
    outcome = write(environment, rows)
    assert outcome.failures == []
    assert {row["n"] for row in environment.rows.values()} == {-1}


def test_a_later_version_that_comes_while_the_first_is_back_waits_for_it() -> None:
    """The request with the first version is refused while the source of the rows takes its time."""
    environment = Environment(fault=lambda sent: refusal(EXECUTION_TIME, 0, 1, {}) if sent.number == 1 else None)

    async def slowly() -> AsyncIterator[JsonRow]:
        for number in range(600):
            yield {BOOKING.primary_id: key(number), "version": 1}
        await asyncio.sleep(5)
        yield {BOOKING.primary_id: key(0), "version": 2}
        for number in range(600, 1500):
            yield {BOOKING.primary_id: key(number), "version": 1}

    assert write(environment, slowly()).failures == []
    assert environment.rows[key(0)]["version"] == 2


def test_a_later_version_that_comes_while_the_first_is_under_way_waits_for_it() -> None:
    """Of three versions the second is read while the first is written, the third after that."""
    environment = Environment(row_ms=0, latency_ms=1000)

    async def slowly() -> AsyncIterator[JsonRow]:
        for number in range(500):
            yield {BOOKING.primary_id: key(number), "version": 1}
        yield {BOOKING.primary_id: key(0), "version": 2}
        for number in range(500, 999):
            yield {BOOKING.primary_id: key(number), "version": 1}
        await asyncio.sleep(5)
        yield {BOOKING.primary_id: key(0), "version": 3}
        for number in range(999, 1500):
            yield {BOOKING.primary_id: key(number), "version": 1}

    assert write(environment, slowly()).failures == []
    assert environment.rows[key(0)]["version"] == 3


# --------------------------------------------------------------------------------------------------- bad rows


@pytest.mark.parametrize(
    ("numbers", "most"),
    [((0,), 21), ((777,), 21), ((999,), 21), ((3, 211, 498, 500, 907), 85), (tuple(range(0, 1000, 200)), 85)],
    ids=str,
)
@pytest.mark.parametrize("table", [BOOKING, WITHOUT_BULK], ids=["bulk", "one-by-one"])
def test_a_bad_row_costs_few_requests_and_no_good_row(numbers: tuple[int, ...], most: int, table: Any) -> None:
    calm = Environment()
    write(calm, numbered(1000), table=table)
    environment = Environment(bad=bad(*numbers))
    outcome = write(environment, numbered(1000), table=table)
    assert outcome.written == len(environment.rows) == 1000 - len(numbers)
    assert sorted(failure.row_id for failure in outcome.failures) == [key(number) for number in numbers]
    assert all(isinstance(failure.error, RejectedError) for failure in outcome.failures)
    assert environment.requests - calm.requests <= most


def test_one_bad_row_is_found_without_writing_the_others_one_by_one() -> None:
    environment = Environment(bad=bad(123))
    write(environment, numbered(1000))
    assert messages(environment) == {"UpsertMultiple"}


def test_when_all_rows_are_bad_few_requests_tell() -> None:
    calm = Environment()
    write(calm, numbered(1000))
    environment = Environment(bad=lambda row: True)
    outcome = write(environment, numbered(1000))
    assert (outcome.written, len(outcome.failures), environment.rows) == (0, 1000, {})
    assert len({failure.row_id for failure in outcome.failures}) == 1000
    assert environment.requests <= 5 * calm.requests


def test_a_bad_row_in_a_throttled_environment_is_reported_once() -> None:
    environment = Environment(bad=bad(5), storm=lambda now: 2.0 if 1000.1 <= now < 1003.0 else 0.0, code=EXECUTION_TIME)
    outcome = write(environment, numbered(1000))
    assert (outcome.written, [failure.row_id for failure in outcome.failures]) == (999, [key(5)])


# ------------------------------------------------------------------------------------- too large, too slow, no such


@pytest.mark.parametrize("table", [BOOKING, WITHOUT_BULK], ids=["bulk", "one-by-one"])
def test_what_is_too_large_goes_in_smaller_requests(table: Any) -> None:
    environment = Environment(most_rows=60)
    outcome = write(environment, numbered(5000), table=table)
    assert (outcome.written, outcome.failures, len(environment.rows)) == (5000, [], 5000)
    too_large = sum(size > 60 for size in sizes(environment))
    before = len(environment.sent)
    assert too_large <= before / 2
    # The size is remembered for the next load.
    assert write(environment, numbered(500), table=table, times=2).failures == []


def test_a_single_row_that_is_too_large_is_a_failure() -> None:
    environment = Environment(most_rows=0)
    outcome = write(environment, numbered(3))
    assert (outcome.written, len(outcome.failures)) == (0, 3)
    assert all(isinstance(failure.error, PayloadTooLargeError) for failure in outcome.failures)


@pytest.mark.parametrize("table", [BOOKING, WITHOUT_BULK], ids=["bulk", "one-by-one"])
def test_what_takes_too_long_goes_in_smaller_requests(table: Any) -> None:
    environment = Environment(row_ms=200, longest_s=15, hint=4, most_at_once=4)
    outcome = write(environment, numbered(6000), table=table)
    assert (outcome.written, outcome.failures, len(environment.rows)) == (6000, [], 6000)
    assert set(environment.written.values()) == {1}
    # Those that left before the first timeout, and their halves: afterwards the size is known.
    assert sum(size > 75 for size in sizes(environment)) <= 50


def test_the_halves_of_a_refused_request_may_take_too_long_once() -> None:
    slow_from, times = 2, 1

    def stuck(sent: Sent) -> Exception | None:
        return TimedOutError("no answer") if slow_from <= sent.number < slow_from + times else None

    environment = Environment(bad=bad(5), fault=stuck)
    outcome = write(environment, numbered(90))
    assert (outcome.written, [failure.row_id for failure in outcome.failures]) == (89, [key(5)])


def test_rows_that_never_end_in_time_are_given_up() -> None:
    environment = Environment(row_ms=100_000, longest_s=60)
    assert isinstance(failing(environment, numbered(50)), TimedOutError)
    assert environment.requests <= 20


@pytest.mark.parametrize("kind", [Write.UPSERT, Write.UPDATE])
def test_a_message_that_the_environment_refuses_is_not_tried_again(kind: Write) -> None:
    environment = Environment(without_messages=True, rows={key(number): {} for number in range(300)})
    outcome = write(environment, numbered(300), kind, times=3)
    assert (outcome.written, outcome.failures) == (300, [])
    tried = [sent for sent in environment.sent if sent.message != "$batch"]
    first_call = [sent for sent in environment.sent if sent.number <= environment.requests // 3 + 3]
    assert 1 <= len(tried) <= len(first_call)
    assert messages(environment) == {"$batch", "UpsertMultiple" if kind is Write.UPSERT else "UpdateMultiple"}
    last = environment.sent[-3:]
    assert all(sent.message == "$batch" for sent in last)


@pytest.mark.parametrize(
    ("table", "kind", "message"),
    [
        (BOOKING, Write.UPSERT, "UpsertMultiple"),
        (BOOKING, Write.UPDATE, "UpdateMultiple"),
        (BOOKING, Write.CREATE, "$batch"),
        (BOOKING, Write.DELETE, "$batch"),
        (WITHOUT_BULK, Write.UPSERT, "$batch"),
        (WITHOUT_BULK, Write.UPDATE, "$batch"),
    ],
)
def test_the_message_fits_the_write(table: Any, kind: Write, message: str) -> None:
    environment = Environment(rows={key(number): {} for number in range(200)})
    write(environment, numbered(200), kind, table)
    assert messages(environment) == {message}


# ------------------------------------------------------------------------------------ create, update and delete only


def test_creating_leaves_alone_what_is_there() -> None:
    kept = {BOOKING.primary_id: key(7), "n": "edited by a user"}
    environment = Environment(rows={key(7): kept})
    outcome = write(environment, numbered(250), Write.CREATE)
    assert (outcome.written, outcome.done_before, outcome.failures) == (249, [key(7)], [])
    assert environment.rows[key(7)] == kept
    assert len(environment.rows) == 250


def test_updating_creates_nothing() -> None:
    environment = Environment(rows={key(number): {"old": 1} for number in range(250) if number != 7})
    outcome = write(environment, numbered(250), Write.UPDATE)
    assert (outcome.written, [failure.row_id for failure in outcome.failures]) == (249, [key(7)])
    assert isinstance(outcome.failures[0].error, NotFoundError)
    assert key(7) not in environment.rows
    assert environment.rows[key(8)]["old"] == 1


def test_deleting_what_is_gone_is_done() -> None:
    environment = Environment(rows={key(number): {} for number in range(250) if number != 7})
    outcome = write(environment, numbered(250), Write.DELETE)
    assert (outcome.written, outcome.done_before, outcome.failures) == (249, [key(7)], [])
    assert environment.rows == {}


def test_a_row_that_is_there_already_is_no_success_of_an_update() -> None:
    environment = Environment(rows={key(1): {}}, part_fault=lambda sent, asked: 412)
    outcome = write(environment, numbered(2), Write.UPDATE, WITHOUT_BULK)
    assert len(outcome.failures) == 2
    assert not any(isinstance(failure.error, AlreadyExistsError) for failure in outcome.failures)


# ------------------------------------------------------------------------------------------------ parts of a batch


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("kind", [Write.UPSERT, Write.CREATE, Write.DELETE])
def test_only_the_parts_without_an_answer_go_again(status: int, kind: Write) -> None:
    seen: set[str] = set()

    def every_third_at_first(sent: Sent, asked: Asked) -> int | None:
        first = asked.row_id not in seen
        seen.add(asked.row_id)
        return status if first and int(UUID(asked.row_id)) % 3 == 0 else None

    there: dict[str, JsonRow] = {key(number): {} for number in range(300)} if kind is Write.DELETE else {}
    environment = Environment(part_fault=every_third_at_first, rows=there)
    outcome = write(environment, numbered(300), kind, WITHOUT_BULK)
    assert (outcome.written, outcome.done_before, outcome.failures) == (300, [], [])
    assert set(environment.written.values()) == {1}
    assert sum(sizes(environment)) == 400


def test_a_refusal_after_some_parts_were_done_does_not_undo_them() -> None:
    """503 for a part, then 429 for the request that repeats it: what was created is reported as written."""

    def fail_one(sent: Sent, asked: Asked) -> int | None:
        return 503 if sent.number == 1 and asked.row_id == key(5) else None

    def throttle(sent: Sent) -> Any:
        return refusal(EXECUTION_TIME, 0, 3, {}) if sent.number == 2 else None

    environment = Environment(part_fault=fail_one, fault=throttle)
    outcome = write(environment, numbered(50), Write.CREATE)
    assert (outcome.written, outcome.done_before, outcome.failures) == (50, [], [])
    assert sizes(environment) == [50, 1, 1]


def test_parts_that_are_throttled_for_ever_end_the_call() -> None:
    environment = Environment(part_fault=lambda sent, asked: 429)
    error = failing(environment, numbered(10), Write.CREATE)
    assert isinstance(error, UnavailableError)


def test_parts_that_fail_for_ever_end_the_call() -> None:
    environment = Environment(part_fault=lambda sent, asked: 503 if asked.row_id == key(3) else None)
    assert isinstance(failing(environment, numbered(10), Write.CREATE), UnavailableError)
    assert environment.requests == 5


# ------------------------------------------------------------------------------------------------ when it cannot go on


@pytest.mark.parametrize("table", [BOOKING, WITHOUT_BULK], ids=["bulk", "one-by-one"])
def test_who_is_denied_stops(table: Any) -> None:
    environment = Environment(fault=lambda sent: error_reply(403, "0x80040220"))
    assert isinstance(failing(environment, numbered(20_000), table=table), DeniedError)
    assert environment.requests <= 52


def test_a_denied_part_stops() -> None:
    environment = Environment(part_fault=lambda sent, asked: 403)
    assert isinstance(failing(environment, numbered(5000), Write.CREATE), DeniedError)
    assert environment.requests <= 52


@pytest.mark.parametrize("kind", [Write.UPSERT, Write.CREATE])
def test_after_an_outage_the_same_call_completes(kind: Write) -> None:
    environment = Environment(fault=lambda sent: error_reply(503, "") if sent.number > 20 else None)
    error = failing(environment, numbered(20_000), kind)
    assert isinstance(error, UnavailableError)
    assert 0 < len(environment.rows) < 20_000
    environment.fault = lambda sent: None
    outcome = write(environment, numbered(20_000), kind)
    assert outcome.written + len(outcome.done_before) == 20_000
    assert (outcome.failures, len(environment.rows)) == ([], 20_000)


def test_an_outage_that_passes_is_not_noticed() -> None:
    environment = Environment(fault=lambda sent: error_reply(503, "") if 1000.1 <= sent.at < 1001.0 else None)
    assert write(environment, numbered(20_000)) == WriteOutcome(written=20_000)
    assert set(environment.written.values()) == {1}


@pytest.mark.parametrize("fails_at", [0, 600, 2500])
@pytest.mark.parametrize("asynchronous", [False, True], ids=["iterator", "async-iterator"])
def test_an_iterator_that_fails_ends_the_call_with_its_own_error(fails_at: int, *, asynchronous: bool) -> None:
    class SourceError(Exception):
        pass

    def rows() -> Iterator[JsonRow]:
        yield from numbered(fails_at)
        raise SourceError

    async def rows_later() -> AsyncIterator[JsonRow]:
        for row in numbered(fails_at):
            yield row
        raise SourceError

    error = failing(Environment(), rows_later() if asynchronous else rows())
    assert type(error) is SourceError


def test_a_row_without_an_id_ends_the_call_with_a_plain_error() -> None:
    assert isinstance(failing(Environment(), [{"n": 1}]), KeyError | ValueError)


# -------------------------------------------------------------------------------------------------------- progress


def told(environment: Environment, rows: Rows, kind: Write) -> tuple[WriteOutcome, list[int]]:
    """The outcome, and what the caller was told on the way."""
    steps: list[int] = []

    async def story() -> WriteOutcome:
        client = Client(environment)
        client.warm(environment)
        return await client.write(rows, kind, progress=steps.append)

    return play(story()), steps


@pytest.mark.parametrize("kind", list(Write))
def test_progress_grows_to_all_rows_whatever_becomes_of_them(kind: Write) -> None:
    """Of 20,000 rows the first half is there; some are refused, and some requests go twice."""
    environment = Environment(
        rows={key(number): {} for number in range(10_000)},
        bad=bad(*range(0, 20_000, 700)),
        fault=lambda sent: error_reply(503, "") if sent.number in (3, 8, 13) else None,
    )
    outcome, steps = told(environment, numbered(20_000), kind)
    assert steps == sorted(steps)
    assert steps[-1] == outcome.settled == 20_000
    assert len(steps) >= 20
    assert steps[0] <= 1000


def test_a_failing_progress_ends_the_call() -> None:
    class ReportError(Exception):
        pass

    def report(settled: int) -> None:
        raise ReportError

    async def story() -> None:
        client = Client(Environment())
        with pytest.raises(ReportError):
            await client.write(numbered(5000), Write.UPSERT, progress=report)
        assert client.traffic.under_way == 0

    play(story())


# ---------------------------------------------------------------------------------------------------------- memory


def test_a_failure_keeps_nothing_of_its_request() -> None:
    outcome = write(Environment(bad=bad(3, 900, 901)), numbered(1000))
    assert {failure.row_id for failure in outcome.failures} == {key(3), key(900), key(901)}
    for failure in outcome.failures:
        assert (failure.error.__traceback__, failure.error.__context__, failure.error.__cause__) == (None, None, None)


@pytest.mark.parametrize("source", [set, iter, streamed], ids=["set", "iterator", "async-iterator"])
def test_rows_are_made_of_items_when_they_are_taken(source: Callable[[list[int]], Any]) -> None:
    made: list[int] = []

    def row_of(item: int) -> JsonRow:
        made.append(item)
        return {BOOKING.primary_id: key(item)}

    async def story() -> None:
        rows = RowSource(rows_of_items(source(list(range(100))), row_of), BOOKING.primary_id)
        assert made == []
        assert rows.remaining == (100 if source is set else None)
        assert await rows.take(7) == [{BOOKING.primary_id: key(number)} for number in range(7)]
        assert made == list(range(7))

    play(story())


@pytest.mark.parametrize("asynchronous", [False, True], ids=["iterator", "async-iterator"])
def test_only_rows_under_way_are_taken(*, asynchronous: bool) -> None:
    environment = Environment(slots=4, row_ms=5)
    taken, most = 0, 0

    def rows() -> Iterator[JsonRow]:
        nonlocal taken, most
        for row in numbered(100_000):
            taken += 1
            most = max(most, taken - len(environment.rows))
            yield row

    assert write(environment, streamed(rows()) if asynchronous else rows()).written == 100_000
    assert most <= 53 * 1000


def test_rows_read_from_the_same_environment_do_not_wait_for_the_lane_of_their_writing() -> None:
    environment = Environment(most_at_once=1, hint=1)

    async def story() -> WriteOutcome:
        client = Client(environment)
        client.warm(environment)

        async def copied() -> AsyncIterator[JsonRow]:
            for page in range(5):
                await client.ask()
                for row in numbered(500)[page * 100 : page * 100 + 100]:
                    yield row

        return await asyncio.wait_for(client.upsert(copied()), 60.0)

    assert play(story()).written == 500
