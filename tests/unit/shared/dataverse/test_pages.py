"""Many queries against the modelled environment: in how many requests, how far ahead, and every row once."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import aclosing
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.dataverse import pages as pages_module
from shared.dataverse.errors import DeniedError, RejectedError, UnavailableError
from shared.dataverse.meter import count_requests
from shared.dataverse.odata import Query
from shared.dataverse.pages import BATCHES_AHEAD, PAGES_A_BATCH, Trail
from shared.dataverse.tables import BOOKING, JsonRow
from shared.dataverse.transport import AnswerTooLargeError, Reply, TimedOutError
from tests.unit.shared.dataverse.virtual_time import (
    API,
    EXECUTION_TIME,
    Client,
    Environment,
    Page,
    Sent,
    error_reply,
    play,
    refusal,
)

TWENTY = {f"agents-{number}": 200 for number in range(20)}
"""Four pages each."""


def question(name: str) -> Query:
    return Query(table=BOOKING, select=("starttime",), where=BOOKING.eq("name", name))


def questions(names: Iterable[str]) -> Iterator[Query]:
    return map(question, names)


def read(environment: Environment, *, page_size: int | None = None) -> Counter[str]:
    """How often each row came, when all lists of the environment are read by one process."""

    async def story() -> Counter[str]:
        client = Client(environment)
        rows: Counter[str] = Counter()
        async for page in client.pages(questions(environment.lists), page_size=page_size):
            rows.update(row[BOOKING.primary_id] for row in page)
        assert client.traffic.under_way == environment.under_way == 0
        return rows

    return play(story())


def failing(environment: Environment) -> BaseException:
    """What reading all lists raises. Nothing is under way afterwards."""

    async def story() -> BaseException:
        client = Client(environment)
        with pytest.raises(Exception) as raised:  # noqa: PT011 - the caller looks at it
            async for _ in client.pages(questions(environment.lists)):
                pass
        assert client.traffic.under_way == environment.under_way == 0
        await client.sender.close()  # so many failures open the breaker, which is then probed
        assert len(asyncio.all_tasks()) == 1
        return raised.value

    return play(story())


def everything(environment: Environment) -> Counter[str]:
    return Counter(f"{name} {number}" for name, count in environment.lists.items() for number in range(count))


def pages_needed(count: int, size: int) -> int:
    return max(1, -(-count // size))


# --------------------------------------------------------------------------------------------- few requests


def test_four_pages_share_a_request() -> None:
    environment = Environment(lists=TWENTY)
    assert read(environment) == everything(environment)
    assert environment.requests == 20
    assert {len(sent.pages) for sent in environment.sent} == {PAGES_A_BATCH}


def test_first_and_next_pages_travel_together_so_that_the_longest_query_is_not_left_to_the_end() -> None:
    environment = Environment(lists={"long": 500, **{f"short-{number}": 50 for number in range(30)}})
    assert read(environment) == everything(environment)
    assert environment.requests <= 16
    early = [page for sent in environment.sent[:8] for page in sent.pages]
    assert len(early) == 8 * PAGES_A_BATCH
    assert sum(page.of == "long" for page in early) >= 3


@given(st.lists(st.integers(0, 60), max_size=30))
def test_every_row_comes_once_in_few_requests(counts: list[int]) -> None:
    environment = Environment(lists={f"list-{number}": count for number, count in enumerate(counts)})
    assert read(environment, page_size=10) == everything(environment)
    pages = [pages_needed(count, 10) for count in counts]
    assert sum(len(sent.pages) for sent in environment.sent) == sum(pages)
    assert all(page.size == 10 for sent in environment.sent for page in sent.pages)
    # Full requests, but for those that wait for the last pages of the longest queries.
    assert environment.requests <= sum(pages) / PAGES_A_BATCH + max(pages, default=0)


def test_no_query_costs_no_request() -> None:
    environment = Environment()
    assert read(environment) == Counter()
    assert environment.requests == 0


def test_rows_and_requests_are_counted() -> None:
    environment = Environment(lists={"one": 120})

    async def story() -> tuple[int, int]:
        with count_requests() as meter:
            async for _ in Client(environment).pages(questions(["one"])):
                pass
        return meter.requests, meter.records

    assert play(story()) == (3, 120)


# ------------------------------------------------------------------------------------------- no more than needed


def test_the_caller_decides_the_pace() -> None:
    environment = Environment(lists=TWENTY)
    taken: list[str] = []

    def lazily() -> Iterator[Query]:
        for name in TWENTY:
            taken.append(name)
            yield question(name)

    async def story() -> None:
        pages = Client(environment).pages(lazily())
        for most in (1, 1, 1, 1, 2):
            await anext(pages)
            await asyncio.sleep(600)
            assert environment.requests <= BATCHES_AHEAD + most
            assert len(taken) <= (BATCHES_AHEAD + most) * PAGES_A_BATCH
        await pages.aclose()

    play(story())


def test_the_next_pages_are_under_way_while_the_caller_works() -> None:
    environment = Environment(lists=TWENTY)

    async def seconds(work: float) -> float:
        loop = asyncio.get_running_loop()
        started = loop.time()
        async for _ in Client(environment).pages(questions(TWENTY)):
            await asyncio.sleep(work)
        return loop.time() - started

    # 20 requests of 4 s each, two at a time; the caller needs 4 s for the four pages of each.
    assert play(seconds(0.0)) == pytest.approx(40, rel=0.1)
    assert play(seconds(1.0)) == pytest.approx(84, rel=0.1)


@pytest.mark.parametrize("read_before", [0, 1, 5])
def test_leaving_early_ends_the_requests_under_way(read_before: int) -> None:
    environment = Environment(lists=TWENTY)

    async def story() -> None:
        client = Client(environment)
        async with aclosing(client.pages(questions(TWENTY))) as pages:
            for _ in range(read_before):
                await anext(pages)
            left = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() == left
        asked = environment.requests
        assert client.traffic.under_way == environment.under_way == 0
        assert len(asyncio.all_tasks()) == 1
        await asyncio.sleep(60)
        assert environment.requests == asked <= 4

    play(story())


def test_a_cancelled_caller_takes_its_requests_along() -> None:
    environment = Environment(lists=TWENTY)

    async def story() -> None:
        client = Client(environment)

        async def reading() -> None:
            async for _ in client.pages(questions(TWENTY)):
                pass

        task = asyncio.create_task(reading())
        await asyncio.sleep(9)
        assert environment.under_way == BATCHES_AHEAD
        cancelled = asyncio.get_running_loop().time()
        task.cancel()
        await asyncio.wait([task])
        assert asyncio.get_running_loop().time() == cancelled
        assert task.cancelled()
        assert client.traffic.under_way == environment.under_way == 0
        assert len(asyncio.all_tasks()) == 1

    play(story())


def test_rows_that_are_read_to_be_written_do_not_wait_for_the_lane_of_their_writing() -> None:
    environment = Environment(lists={f"agents-{number}": 200 for number in range(4)}, most_at_once=1, hint=1)

    async def story() -> float:
        client = Client(environment)
        client.warm(environment)
        started = asyncio.get_running_loop().time()

        async def copied() -> AsyncIterator[JsonRow]:
            async for page in client.pages(questions(environment.lists)):
                for row in page:
                    yield {BOOKING.primary_id: str(uuid5(UUID(int=0), row[BOOKING.primary_id]))}

        outcome = await client.upsert(copied())
        assert outcome.written == len(environment.rows) == 800
        return asyncio.get_running_loop().time() - started

    # 16 s for the pages, 0.5 s for the last of the writing, and one refusal of a second.
    assert play(story()) < 18.5


# ---------------------------------------------------------------------------------------------------- failures


GARBLED = Reply(200, {"content-type": "text/html"}, b"<html>")
CUT = Reply(200, {"content-type": "multipart/mixed; boundary=r"}, b"--r\r\nContent-Type: application/http\r\n\r\nHTT")
FEWER = Reply(200, {"content-type": "multipart/mixed; boundary=r"}, b"--r--\r\n")


@pytest.mark.parametrize(
    "answer",
    [refusal(EXECUTION_TIME, 0, 20, {}), error_reply(503, ""), GARBLED, CUT, FEWER, UnavailableError("lost")],
    ids=["429", "503", "garbled", "cut", "fewer", "lost"],
)
def test_a_request_that_was_not_answered_goes_again_and_no_row_comes_twice(answer: Reply | Exception) -> None:
    def every_third(sent: Sent) -> Reply | Exception | None:
        return answer if sent.number % 3 == 1 else None

    environment = Environment(lists=TWENTY, fault=every_third)
    assert read(environment) == everything(environment)
    assert 20 < environment.requests <= 30


@pytest.mark.parametrize(
    "answer", [refusal(EXECUTION_TIME, 0, 20, {}), error_reply(503, ""), error_reply(500, "0x80040216")]
)
def test_only_the_page_that_did_not_come_goes_again(answer: Reply) -> None:
    failed: set[Page] = set()

    def once(sent: Sent, page: Page) -> Reply | None:
        if page.of == "agents-2" and page not in failed:
            failed.add(page)
            return answer
        return None

    environment = Environment(lists=TWENTY, page_fault=once)
    assert read(environment) == everything(environment)
    asked = Counter(page for sent in environment.sent for page in sent.pages)
    assert {page for page, times in asked.items() if times > 1} == failed
    assert environment.requests == 24


@pytest.mark.parametrize(
    ("answer", "kind", "requests"),
    [
        (error_reply(400, "0x80060888"), RejectedError, 2),
        (error_reply(403, "0x80040220"), DeniedError, 2),
        (error_reply(503, ""), UnavailableError, 12),
        (Reply(200, {}, b'{"value": 7}'), UnavailableError, 2),
        (Reply(200, {}, b"[]"), UnavailableError, 2),
    ],
    ids=["refused", "denied", "unavailable", "no-rows", "no-page"],
)
def test_a_page_that_never_comes_is_raised(answer: Reply, kind: type[Exception], requests: int) -> None:
    environment = Environment(
        lists=TWENTY, page_fault=lambda sent, page: answer if page.of == "agents-3" else None, read_ms=200
    )
    assert type(failing(environment)) is kind
    assert environment.requests <= requests


def test_two_failures_at_once_raise_one() -> None:
    environment = Environment(lists=TWENTY, page_fault=lambda sent, page: error_reply(400, ""))
    assert isinstance(failing(environment), RejectedError)


def test_what_the_queries_raise_comes_out() -> None:
    environment = Environment(lists=TWENTY)

    def broken() -> Iterator[Query]:
        yield from questions(list(TWENTY)[:6])
        raise LookupError

    async def story() -> None:
        client = Client(environment)
        with pytest.raises(LookupError):
            async for _ in client.pages(broken()):
                pass
        assert client.traffic.under_way == environment.under_way == 0

    play(story())


def too_slow(environment: Environment) -> None:
    environment.longest_s = 3


def too_large(environment: Environment) -> None:
    def larger_than_any(sent: Sent) -> Exception | None:
        return AnswerTooLargeError("larger") if len(sent.pages) > 2 else None

    environment.lost = larger_than_any


@pytest.mark.parametrize("too_much", [too_slow, too_large])
def test_pages_that_are_too_much_at_once_are_asked_for_one_by_one(too_much: Callable[[Environment], None]) -> None:
    environment = Environment(lists={f"agents-{number}": 120 for number in range(20)})
    too_much(environment)
    assert read(environment) == everything(environment)
    assert [len(sent.pages) for sent in environment.sent] == [PAGES_A_BATCH] * BATCHES_AHEAD + [1] * 60


def test_a_single_page_that_is_too_slow_is_asked_for_five_times() -> None:
    environment = Environment(lists={"one": 50}, longest_s=0.9)
    assert isinstance(failing(environment), TimedOutError)
    assert environment.requests == 5


def test_the_deadline_holds_for_all_pages() -> None:
    environment = Environment(lists=TWENTY)

    async def story() -> float:
        loop = asyncio.get_running_loop()
        started, client = loop.time(), Client(environment)
        with pytest.raises(TimedOutError):
            async for _ in client.pages(questions(TWENTY), deadline=started + 10):
                pass
        assert client.traffic.under_way == environment.under_way == 0
        return loop.time() - started

    assert play(story()) == pytest.approx(10, abs=0.1)


# ------------------------------------------------------------------------------------------------------ next links


def page(link: object) -> Reply:
    return Reply(200, {}, json.dumps({"value": [{}], "@odata.nextLink": link}).encode())


@pytest.mark.parametrize(
    "link", ["https://evil.example/api/data/v9.2/bookings", "/api/data/v9.2/bookings?$skiptoken=1", 7]
)
def test_a_next_page_elsewhere_is_not_followed(link: object) -> None:
    environment = Environment(lists={"one": 1}, page_fault=lambda sent, asked: page(link))
    assert isinstance(failing(environment), UnavailableError)
    assert environment.requests == 1


def test_pages_in_a_circle_are_noticed_whatever_travels_with_them() -> None:
    def circle(sent: Sent, asked: Page) -> Reply | None:
        link = f"{API}bookings?$filter=name%20eq%20'round'&$skiptoken={1 + asked.start % 3}"
        return page(link) if asked.of == "round" else None

    environment = Environment(lists={"round": 1, "long": 900}, page_fault=circle)
    error = failing(environment)
    assert isinstance(error, UnavailableError)
    assert "circle" in str(error)
    assert environment.requests <= 5


def test_a_link_may_stand_in_two_queries() -> None:
    link = f"{API}bookings?$filter=name%20eq%20'last'"
    environment = Environment(
        lists={"one": 1, "two": 1, "last": 3}, page_fault=lambda sent, asked: None if asked.of == "last" else page(link)
    )
    # Once as a query of its own, and once behind each of the two others.
    assert read_ids(environment, ["last"]) == {f"last {number}": 3 for number in range(3)}


def read_ids(environment: Environment, names: list[str]) -> dict[str, int]:
    async def story() -> dict[str, int]:
        rows: Counter[str] = Counter()
        async for found in Client(environment).pages(questions(environment.lists)):
            rows.update(row[BOOKING.primary_id] for row in found if row)
        return {row_id: times for row_id, times in rows.items() if row_id.split()[0] in names}

    return play(story())


def test_a_way_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages_module, "PAGE_LIMIT", 3)
    trail = Trail(API)
    assert [trail.next_path({"@odata.nextLink": f"{API}a?{number}"}) for number in range(3)] == ["a?0", "a?1", "a?2"]
    with pytest.raises(UnavailableError):
        trail.next_path({"@odata.nextLink": f"{API}a?3"})
