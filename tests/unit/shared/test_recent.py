"""One question, however many ask it at once or shortly after each other."""

import asyncio
import gc
import weakref

import pytest

from shared.recent import Recent


class Source:
    """Answers after a moment, and counts how often it was asked."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self) -> object:
        self.asked += 1
        answer = self.answers.pop(0)
        await self.gate.wait()
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_those_who_ask_at_once_share_one_question() -> None:
    source, recent = Source("answer"), Recent[str, object](0)
    assert await asyncio.gather(*(recent.get("a", source) for _ in range(20))) == ["answer"] * 20
    assert source.asked == 1


async def test_an_answer_is_good_for_some_seconds_and_for_its_key_alone() -> None:
    source, recent = Source("first", "second"), Recent[str, object](60)
    assert [await recent.get(key, source) for key in ("a", "a", "b", "a")] == ["first", "first", "second", "first"]
    assert source.asked == 2


async def test_with_no_seconds_the_next_one_asks_anew() -> None:
    source, recent = Source("first", "second"), Recent[str, object](0)
    assert [await recent.get("a", source), await recent.get("a", source)] == ["first", "second"]


async def test_an_answer_grows_old() -> None:
    source, recent = Source("first", "second"), Recent[str, object](0.01)
    assert await recent.get("a", source) == "first"
    await asyncio.sleep(0.02)
    assert await recent.get("a", source) == "second"


async def test_a_failure_is_shared_and_not_remembered() -> None:
    source, recent = Source(ValueError("no"), "answer"), Recent[str, object](60)
    failed = await asyncio.gather(*(recent.get("a", source) for _ in range(3)), return_exceptions=True)
    assert [str(each) for each in failed] == ["no"] * 3
    assert await recent.get("a", source) == "answer"


async def test_who_gives_up_leaves_the_question_to_the_others() -> None:
    source, recent = Source("answer"), Recent[str, object](60)
    source.gate.clear()
    patient = asyncio.create_task(recent.get("a", source))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(recent.get("a", source), 0.01)
    source.gate.set()
    assert await patient == "answer"
    assert source.asked == 1


async def test_only_so_many_answers_are_kept() -> None:
    source, recent = Source(*range(10)), Recent[int, object](60, most_kept=3)
    for key in range(5):
        await recent.get(key, source)
    assert await recent.get(4, source) == 4  # the newest is there
    assert await recent.get(0, source) == 5  # the oldest is not


async def test_a_failure_goes_with_those_who_waited_for_it() -> None:
    """While Dataverse does not answer every call ends in one: left to the collector, they pile up to long searches."""

    class FailureError(Exception):
        pass

    async def fails() -> object:
        try:
            async with asyncio.timeout(0.001):
                return await asyncio.sleep(1, "too late")
        except TimeoutError:
            failure = FailureError()
            raise failure from None

    gc.disable()
    try:
        recent = Recent[str, object](1)
        failures: list[weakref.ref[BaseException]] = []
        for key in "abc":
            try:
                await recent.get(key, fails)
            except FailureError as failure:
                failures.append(weakref.ref(failure))
        await asyncio.sleep(0)
        assert [failure() for failure in failures] == [None] * 3
    finally:
        gc.enable()
